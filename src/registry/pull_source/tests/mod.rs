use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::network::{ConnectionSettings, Host, Hosts, Mirror, MirrorRule, Mirrors, Network};
use crate::oci::media_type;
use crate::progress::Event;
use crate::registry::Options;
use crate::registry::Registry;
use crate::registry::testing::{Framing, Log, Reply, Seen, Server, hasty, name, read, registry};

mod mirrors;

fn tag(tag: &str) -> Selector {
    Selector::Tag(tag.to_owned())
}

fn content() -> Vec<u8> {
    (0..300_000_u32).flat_map(u32::to_le_bytes).collect()
}

fn descriptor(bytes: &[u8]) -> Descriptor {
    Descriptor::of("application/octet-stream", bytes)
}

/// Bytes from where the request's `Range` begins.
fn ranged(seen: &Seen, all: &[u8]) -> Reply {
    let Some(first) = seen.header("range").strip_prefix("bytes=").and_then(|range| range.strip_suffix('-')) else {
        return Reply::new(200).body(all);
    };
    let from: usize = first.parse().unwrap();
    let range = format!("bytes {from}-{}/{}", all.len() - 1, all.len());
    Reply::new(206).with("Content-Range", range).body(&all[from..])
}

/// Serves the first answer cut, the following ones as `later` says.
async fn breaking(later: impl Fn(&Seen, &[u8]) -> Reply + Send + Sync + 'static) -> Server {
    let count = AtomicUsize::new(0);
    Server::start(move |seen| {
        let all = content();
        match count.fetch_add(1, Ordering::SeqCst) {
            0 => Reply::new(200).body(&all).cut(100_000),
            _ => later(seen, &all),
        }
    })
    .await
}

#[tokio::test]
async fn a_manifest_comes_with_its_type_as_it_is() {
    let server = Server::start(|_| {
        let kind = "application/vnd.oci.image.manifest.v1+json; charset=utf-8";
        let digest = Digest::of(b"{ }").to_string();
        Reply::new(200).with("Content-Type", kind).with("Docker-Content-Digest", digest).body("{ }")
    })
    .await;
    let manifest = server.source("acme/shop").manifest(&tag("1")).await.unwrap();
    assert_eq!(manifest, RawManifest { media_type: media_type::MANIFEST.to_owned(), bytes: b"{ }".to_vec() });
    let seen = server.seen();
    assert_eq!(seen[0].line(), "GET /v2/acme/shop/manifests/1");
    assert_eq!(seen[0].header("accept"), media_type::MANIFESTS.join(", "));
    assert!(seen[0].header("user-agent").starts_with("carboy/"));
    assert_eq!(seen.len(), 1);
}

#[tokio::test]
async fn a_manifest_with_another_digest_is_corrupt() {
    let server = Server::start(|_| {
        Reply::new(200).with("Docker-Content-Digest", Digest::of(b"promised").to_string()).body("{}")
    })
    .await;
    let repository = server.source("a");
    for selector in [tag("1"), Selector::Digest(Digest::of(b"wanted"))] {
        let error = repository.manifest(&selector).await.unwrap_err();
        assert_eq!(error.code, Code::CorruptContent);
        assert!(error.line().contains("does not match: it hashes to sha256:44136fa3"), "{error}");
    }
    assert_eq!(server.lines().len(), 2, "corrupt answers are not asked for again");
    repository.manifest(&Selector::Digest(Digest::of(b"{}"))).await.unwrap();
}

#[tokio::test]
async fn a_manifest_without_end_is_refused() {
    let server = Server::start(|_| Reply::new(200).body(vec![b' '; 5 << 20])).await;
    let error = server.source("a").manifest(&tag("1")).await.unwrap_err();
    assert_eq!(error.line(), format!("manifest {}/a:1 is longer than 4 MiB", server.address));
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let server = Server::start(|_| Reply::new(404)).await;
    let repository = server.source("python");
    let error = repository.manifest(&tag("3.99-slim")).await.unwrap_err();
    assert_eq!(error.line(), format!("no such image or tag: {}/python:3.99-slim", server.address));
    assert_eq!(error.code, Code::NotFound);
    let blob = descriptor(b"x");
    let error = repository.blob(&blob).await.err().unwrap();
    assert_eq!(error.line(), format!("no such blob: {}/python@{}", server.address, blob.digest));
    assert_eq!(server.lines().len(), 2, "absence is not asked about again");
}

#[tokio::test]
async fn nobody_home_is_said_plainly() {
    let server = Server::start(|_| Reply::new(200)).await;
    let address = server.address.clone();
    drop(server);
    tokio::task::yield_now().await;
    let log = Arc::new(Log::default());
    let repository = registry(Arc::clone(&log)).source(&name(&address, "a")).unwrap();
    let error = repository.manifest(&tag("1")).await.unwrap_err();
    assert_eq!(error.line(), format!("cannot reach {address}: connection refused"));
    assert_eq!(log.retries().len(), 2, "a wrong address is not asked for long");
}

#[tokio::test]
async fn a_host_without_tls_is_told_from_one_that_is_away() {
    let server = Server::start(|_| Reply::new(400)).await;
    // A name that is not loopback's, for the rule, and is, for the resolver.
    let port = server.address.rsplit(':').next().unwrap();
    let repository = registry(Arc::default()).source(&name(&format!("0.0.0.0:{port}"), "a")).unwrap();
    let error = repository.manifest(&tag("1")).await.unwrap_err();
    assert_eq!(error.line(), format!("0.0.0.0:{port} does not speak TLS"));
    assert_eq!(error.hint.unwrap(), format!("if it speaks plain HTTP, pass --insecure 0.0.0.0:{port}"));
}

#[tokio::test]
async fn a_blob_passes_verified() {
    let server = Server::start(|seen| ranged(seen, &content())).await;
    let bytes = read(server.source("a").blob(&descriptor(&content())).await.unwrap()).await.unwrap();
    assert_eq!(bytes, content());
    assert_eq!(server.lines().len(), 1);
    let empty = Server::start(|_| Reply::new(200)).await;
    assert_eq!(read(empty.source("a").blob(&descriptor(b"")).await.unwrap()).await.unwrap(), b"");
}

#[tokio::test]
async fn a_broken_blob_goes_on_where_it_broke() {
    let server = breaking(ranged).await;
    let log = Arc::new(Log::default());
    let repository = server.source_as("a", None, Arc::clone(&log));
    let bytes = read(repository.blob(&descriptor(&content())).await.unwrap()).await.unwrap();
    assert_eq!(bytes, content());
    assert_eq!(server.seen()[1].header("range"), "bytes=100000-");
    assert_eq!(log.retries().len(), 1, "{:?}", log.retries());
}

#[tokio::test]
async fn a_registry_without_ranges_starts_over() {
    let server = breaking(|_, all| Reply::new(200).body(all)).await;
    let bytes = read(server.source("a").blob(&descriptor(&content())).await.unwrap()).await.unwrap();
    assert_eq!(bytes, content());
    assert_eq!(server.lines().len(), 2);
}

#[tokio::test]
async fn a_blob_that_ends_early_goes_on_whatever_the_framing() {
    for framing in [Framing::Length, Framing::Chunked, Framing::Close] {
        let count = AtomicUsize::new(0);
        let server = Server::start(move |seen| {
            let reply = ranged(seen, &content()).framed(framing);
            let length = reply.length();
            if count.fetch_add(1, Ordering::SeqCst) < 2 { reply.cut(length / 2) } else { reply }
        })
        .await;
        let bytes = read(server.source("a").blob(&descriptor(&content())).await.unwrap()).await.unwrap();
        assert_eq!(bytes, content());
        let ranges: Vec<_> = server.seen().iter().map(|seen| seen.header("range").to_owned()).collect();
        assert_eq!(ranges, ["", "bytes=600000-", "bytes=900000-"], "{framing:?}");
    }
}

#[tokio::test]
async fn a_break_after_the_last_byte_is_the_end() {
    let server = Server::start(|_| {
        let all = content();
        Reply::new(200).with("Content-Length", (all.len() + 1).to_string()).framed(Framing::Close).body(&all)
    })
    .await;
    let bytes = read(server.source("a").blob(&descriptor(&content())).await.unwrap()).await.unwrap();
    assert_eq!((bytes == content(), server.lines().len()), (true, 1));
}

#[tokio::test]
async fn answers_to_another_range_begin_again() {
    let answers: [fn(&[u8]) -> Reply; 6] = [
        |_| Reply::new(416),
        |_| Reply::new(416).with("Content-Range", "bytes */5"),
        |all| Reply::new(206).with("Content-Range", "bytes 5-9/1200000").body(&all[5..10]),
        |all| Reply::new(206).body(&all[100_000..]),
        |all| Reply::new(206).with("Content-Range", "bytes 100000-1199999/1200001").body(&all[100_000..]),
        |all| {
            let reply = Reply::new(206).with("Content-Range", "bytes 100000-1199999/1200000").with("ETag", "\"two\"");
            reply.body(vec![0; all.len() - 100_000])
        },
    ];
    for (number, answer) in answers.into_iter().enumerate() {
        let turn = AtomicUsize::new(0);
        let server = Server::start(move |_| match turn.fetch_add(1, Ordering::SeqCst) {
            0 => Reply::new(200).with("ETag", "\"one\"").body(content()).cut(100_000),
            1 => answer(&content()),
            _ => Reply::new(200).body(content()),
        })
        .await;
        let bytes = read(server.source("a").blob(&descriptor(&content())).await.unwrap()).await.unwrap();
        assert!(bytes == content(), "answer {number}");
        let seen = server.seen();
        let headers: Vec<_> = seen.iter().map(|seen| (seen.header("range"), seen.header("if-range"))).collect();
        assert_eq!(headers, [("", ""), ("bytes=100000-", "\"one\""), ("", "")], "answer {number}");
    }
}

#[tokio::test]
async fn no_bytes_after_the_last_are_the_end() {
    let short = Descriptor { size: 7, ..descriptor(b"carboy") };
    let server = Server::start(|seen| match seen.header("range") {
        "" => Reply::new(200).body("carboy"),
        _ => Reply::new(416).with("Content-Range", "bytes */6"),
    })
    .await;
    let error = read(server.source("a").blob(&short).await.unwrap()).await.unwrap_err();
    let inner = error.get_ref().unwrap().downcast_ref::<VerifyError>().unwrap();
    assert_eq!(*inner, VerifyError::Truncated { want: short.digest, got: 6, size: 7 });
    assert_eq!(server.lines().len(), 2);
}

#[tokio::test]
async fn a_manifest_that_ends_early_is_asked_for_again() {
    let turn = AtomicUsize::new(0);
    let server = Server::start(move |_| {
        let reply = Reply::new(200).framed(Framing::Close).body(r#"{"a":[]}"#);
        if turn.fetch_add(1, Ordering::SeqCst) == 0 { reply.cut(5) } else { reply }
    })
    .await;
    let manifest = server.source("a").manifest(&tag("1")).await.unwrap();
    assert_eq!((manifest.bytes.len(), server.lines().len()), (8, 2));
}

#[tokio::test]
async fn another_range_is_refused() {
    let server = breaking(|_, all| Reply::new(206).with("Content-Range", "bytes 5-9/1200000").body(&all[5..10])).await;
    let reader = server.source("a").blob(&descriptor(&content())).await.unwrap();
    let error = read(reader).await.unwrap_err();
    assert!(error.to_string().contains("answers with another range"), "{error}");
}

#[tokio::test]
async fn a_blob_that_keeps_breaking_is_given_up() {
    let server = breaking(|_, _| Reply::new(503)).await;
    let error = read(server.source("a").blob(&descriptor(&content())).await.unwrap()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{} fails on a: 503 Service Unavailable", server.address));
    assert_eq!(server.lines().len(), 4);
}

#[tokio::test]
async fn wrong_bytes_end_in_an_error() {
    let server = Server::start(|_| Reply::new(200).body("carboy")).await;
    let repository = server.source("a");
    let wrong = |blob: Descriptor| {
        let repository = Arc::clone(&repository);
        async move {
            let error = read(repository.blob(&blob).await.unwrap()).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData);
            error.get_ref().unwrap().downcast_ref::<VerifyError>().unwrap().clone()
        }
    };
    let (want, got) = (Digest::of(b"carbob"), Digest::of(b"carboy"));
    assert_eq!(wrong(descriptor(b"carbob")).await, VerifyError::Mismatch { want, got });
    let long = Descriptor { size: 7, ..descriptor(b"carboy") };
    assert_eq!(wrong(long).await, VerifyError::Truncated { want: got, got: 6, size: 7 });
    let short = Descriptor { size: 5, ..descriptor(b"carboy") };
    assert_eq!(wrong(short).await, VerifyError::TooLong { want: got, size: 5 });
    assert_eq!(server.lines().len(), 2 + 4, "only missing bytes are asked for again");
}

#[tokio::test]
async fn a_blob_that_drips_is_asked_for_again() {
    let count = AtomicUsize::new(0);
    let server = Server::start(move |seen| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::new(200).body(content()).drip(100_000),
        _ => ranged(seen, &content()),
    })
    .await;
    let (registry, log) = hasty();
    let repository = registry.source(&name(&server.address, "a")).unwrap();
    let blob = descriptor(&content());
    assert!(read(repository.blob(&blob).await.unwrap()).await.unwrap() == content());
    let cause = log.retries().remove(0);
    assert!(cause.contains(" is too slow: ") && cause.contains(&server.address), "{cause}");
    assert!(server.seen()[1].header("range") > "bytes=100000-", "{:?}", server.seen()[1]);
}

#[tokio::test]
async fn a_registry_that_only_drips_is_given_up() {
    let server = Server::start(|_| Reply::new(200).body(content()).drip(0)).await;
    let (registry, log) = hasty();
    let repository = registry.source(&name(&server.address, "a")).unwrap();
    let error = repository.manifest(&tag("1")).await.unwrap_err();
    assert!(error.line().starts_with(&format!("the connection to {} is too slow: ", server.address)), "{error}");
    assert_eq!((log.retries().len(), server.lines().len()), (2, 3));
}
