use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

use super::*;
use crate::diagnostic::Code;
use crate::network::{Mirror, MirrorRule, Mirrors, Network, PullBy};
use crate::oci::media_type;
use crate::registry::testing::{Log, Reply, Seen, Server, name, registry, tag};
use crate::registry::{Options, Registry};

fn descriptor(bytes: &[u8]) -> Descriptor {
    Descriptor::of("application/octet-stream", bytes)
}

fn bytes(content: &'static [u8]) -> BlobSource {
    BlobSource::Bytes(Bytes::from_static(content))
}

/// A registry that has no blob and takes every upload, after `first` declined.
async fn accepting(first: impl Fn(&Seen) -> Option<Reply> + Send + Sync + 'static) -> Server {
    Server::start(move |seen| {
        first(seen).unwrap_or_else(|| match seen.method.as_str() {
            "HEAD" | "GET" => Reply::new(404),
            "POST" | "PATCH" => Reply::new(202).with("Location", "/upload/1?_state=x%3D"),
            _ => Reply::new(201),
        })
    })
    .await
}

fn counted(log: &Log) -> u64 {
    let bytes = |event: &Event| if let Event::Advanced { bytes, .. } = event { *bytes } else { 0 };
    log.events().iter().map(bytes).sum()
}

#[tokio::test]
async fn what_is_there_is_not_sent() {
    let server = accepting(|seen| (seen.method == "HEAD").then(|| Reply::new(200))).await;
    let log = Arc::new(Log::default());
    let blob = descriptor(b"carboy");
    let repository = server.repository_as("a/b", None, Arc::clone(&log));
    assert_eq!(Sink::blob(&*repository, &blob, &bytes(b"carboy")).await.unwrap(), Outcome::Present);
    assert_eq!(server.lines(), [format!("HEAD /v2/a/b/blobs/{}", blob.digest)]);
    let subject = Subject::Blob(blob.digest);
    assert_eq!(log.events(), [Event::Ended { verb: Verb::Push, subject, outcome: Outcome::Present }]);
}

#[tokio::test]
async fn preparing_asks_the_registry_nothing() {
    let server = accepting(|_| None).await;
    server.repository("a/b").prepare(&[]).await.unwrap();
    assert_eq!(server.lines(), Vec::<String>::new());
}

#[tokio::test]
async fn a_blob_goes_out_in_one_put() {
    let server = accepting(|_| None).await;
    let log = Arc::new(Log::default());
    let blob = descriptor(b"carboy");
    let repository = server.repository_as("a/b", None, Arc::clone(&log));
    assert_eq!(Sink::blob(&*repository, &blob, &bytes(b"carboy")).await.unwrap(), Outcome::Done);
    let escaped = blob.digest.to_string().replace(':', "%3A");
    assert_eq!(
        server.lines()[1..],
        ["POST /v2/a/b/blobs/uploads/".to_owned(), format!("PUT /upload/1?_state=x%3D&digest={escaped}")]
    );
    let seen = server.seen();
    assert_eq!(seen[1].header("content-length"), "0");
    assert_eq!(seen[2].header("content-length"), "6");
    assert_eq!(seen[2].header("content-type"), "application/octet-stream");
    assert_eq!(seen[2].body, b"carboy");
    let (verb, subject) = (Verb::Push, Subject::Blob(blob.digest));
    assert_eq!(
        log.events(),
        [
            Event::Started { verb, subject: subject.clone(), size: Some(6) },
            Event::Advanced { verb, subject: subject.clone(), bytes: 6 },
            Event::Ended { verb, subject, outcome: Outcome::Done }
        ]
    );
}

#[tokio::test]
async fn files_and_other_registries_are_streamed() {
    let content: &[u8] = &vec![7; 3_000_000];
    let elsewhere = Server::start(|_| Reply::new(200).body(vec![7; 3_000_000])).await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(content).unwrap();
    let empty = tempfile::NamedTempFile::new().unwrap();
    for (origin, content) in [
        (BlobSource::File(file.path().to_owned()), content),
        (BlobSource::Repository(elsewhere.source("x")), content),
        (BlobSource::File(empty.path().to_owned()), b""),
    ] {
        let server = accepting(|_| None).await;
        let log = Arc::new(Log::default());
        let repository = server.repository_as("a", None, Arc::clone(&log));
        assert_eq!(Sink::blob(&*repository, &descriptor(content), &origin).await.unwrap(), Outcome::Done);
        assert!(server.seen()[2].body == content);
        assert_eq!(server.lines().len(), 3, "nothing is mounted from another registry: {:?}", server.lines());
        assert_eq!(counted(&log), content.len() as u64);
    }
}

#[tokio::test]
async fn a_mount_takes_nothing_but_a_post() {
    let server = accepting(|seen| seen.target.contains("mount=").then(|| Reply::new(201))).await;
    let log = Arc::new(Log::default());
    let registry = registry(Arc::clone(&log));
    let (from, to) = (
        registry.source(&name(&server.address, "base")).unwrap(),
        registry.repository(&name(&server.address, "a")).unwrap(),
    );
    let blob = descriptor(b"carboy");
    assert_eq!(Sink::blob(&*to, &blob, &BlobSource::Repository(from)).await.unwrap(), Outcome::Mounted);
    let escaped = blob.digest.to_string().replace(':', "%3A");
    assert_eq!(server.lines()[1..], [format!("POST /v2/a/blobs/uploads/?mount={escaped}&from=base")]);
    assert_eq!(log.events().len(), 1);
}

#[tokio::test]
async fn a_mount_answered_with_an_upload_is_that_upload() {
    let server = accepting(|seen| (seen.method == "GET").then(|| Reply::new(200).body("carboy"))).await;
    let registry = registry(Arc::default());
    let (from, to) = (
        registry.source(&name(&server.address, "base")).unwrap(),
        registry.repository(&name(&server.address, "a")).unwrap(),
    );
    assert_eq!(Sink::blob(&*to, &descriptor(b"carboy"), &BlobSource::Repository(from)).await.unwrap(), Outcome::Done);
    let methods: Vec<_> = server.seen().into_iter().map(|seen| seen.method).collect();
    assert_eq!(methods, ["HEAD", "POST", "GET", "PUT"], "one POST only");
}

#[tokio::test]
async fn a_mount_that_is_refused_is_an_upload() {
    let server = accepting(|seen| {
        let get = (seen.method == "GET").then(|| Reply::new(200).body("carboy"));
        get.or_else(|| seen.target.contains("mount=").then(|| Reply::new(403)))
    })
    .await;
    let registry = registry(Arc::default());
    let (from, to) = (
        registry.source(&name(&server.address, "base")).unwrap(),
        registry.repository(&name(&server.address, "a")).unwrap(),
    );
    assert_eq!(Sink::blob(&*to, &descriptor(b"carboy"), &BlobSource::Repository(from)).await.unwrap(), Outcome::Done);
}

#[tokio::test]
async fn tokens_for_mounts_cover_both_repositories() {
    let server = accepting(|seen| {
        if seen.target.starts_with("/token") {
            return Some(Reply::new(200).body(r#"{"access_token":"t"}"#));
        }
        let realm = format!(r#"Bearer realm="http://{}/token",scope="repository:a:pull""#, seen.header("host"));
        let open = seen.header("authorization") == "Bearer t";
        let mount = seen.target.contains("mount=").then(|| Reply::new(201));
        if open { mount } else { Some(Reply::new(401).with("WWW-Authenticate", realm)) }
    })
    .await;
    let registry = registry(Arc::default());
    let (from, to) = (
        registry.source(&name(&server.address, "base")).unwrap(),
        registry.repository(&name(&server.address, "a")).unwrap(),
    );
    assert_eq!(
        Sink::blob(&*to, &descriptor(b"carboy"), &BlobSource::Repository(from)).await.unwrap(),
        Outcome::Mounted
    );
    let tokens: Vec<_> = server.lines().into_iter().filter(|line| line.contains("/token")).collect();
    assert_eq!(
        tokens,
        [
            "GET /token?scope=repository%3Aa%3Apull%2Cpush",
            "GET /token?scope=repository%3Aa%3Apull%2Cpush&scope=repository%3Abase%3Apull"
        ]
    );
}

#[tokio::test]
async fn a_broken_upload_starts_over_and_counts_bytes_once() {
    let tries = AtomicUsize::new(0);
    let server = accepting(move |seen| {
        (seen.method == "PUT" && tries.fetch_add(1, Ordering::SeqCst) == 0).then(|| Reply::new(503))
    })
    .await;
    let log = Arc::new(Log::default());
    let repository = server.repository_as("a", None, Arc::clone(&log));
    assert_eq!(Sink::blob(&*repository, &descriptor(b"carboy"), &bytes(b"carboy")).await.unwrap(), Outcome::Done);
    let methods: Vec<_> = server.seen().into_iter().map(|seen| seen.method).collect();
    assert_eq!(methods, ["HEAD", "POST", "PUT", "GET", "HEAD", "POST", "PUT"]);
    assert_eq!(counted(&log), 6);
    assert_eq!(log.retries().len(), 1);
}

#[tokio::test]
async fn chunks_are_for_registries_that_want_them() {
    let content: &'static [u8] = vec![3; 15_000_000].leak();
    let server = accepting(|seen| match seen.method.as_str() {
        "PUT" if !seen.body.is_empty() => Some(Reply::new(413)),
        "POST" => Some(Reply::new(202).with("Location", "/upload/0").with("OCI-Chunk-Min-Length", "6000000")),
        "PATCH" => Some(Reply::new(202).with("Location", format!("/upload/{}", seen.header("content-range")))),
        _ => None,
    })
    .await;
    let log = Arc::new(Log::default());
    let repository = server.repository_as("a", None, Arc::clone(&log));
    assert_eq!(Sink::blob(&*repository, &descriptor(content), &bytes(content)).await.unwrap(), Outcome::Done);
    let lines = server.lines();
    assert_eq!(
        lines[3..8],
        [
            "DELETE /upload/0",
            "POST /v2/a/blobs/uploads/",
            "PATCH /upload/0",
            "PATCH /upload/0-5999999",
            "PATCH /upload/6000000-11999999"
        ]
    );
    assert!(lines[8].starts_with("PUT /upload/12000000-14999999?digest=sha256%3A"), "{lines:?}");
    let sent: Vec<u8> = server.seen()[5..8].iter().flat_map(|seen| seen.body.clone()).collect();
    assert!(sent == content);
    assert_eq!(counted(&log), 15_000_000);
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    for (status, message, hint) in [
        (403, "denied: not yours", "log in with: carboy login HOST"),
        (401, "denied: not yours", "log in with: carboy login HOST"),
        (405, "it accepts no uploads", "HOST is read-only"),
    ] {
        let body = r#"{"errors":[{"code":"DENIED","message":"not yours"}]}"#;
        let server = accepting(move |seen| (seen.method == "POST").then(|| Reply::new(status).body(body))).await;
        let log = Arc::new(Log::default());
        let repository = server.repository_as("acme/shop", None, Arc::clone(&log));
        let error = Sink::blob(&*repository, &descriptor(b"x"), &bytes(b"x")).await.unwrap_err();
        assert_eq!(error.line(), format!("pushing to {}/acme/shop is refused: {message}", server.address));
        assert_eq!(error.hint.unwrap(), hint.replace("HOST", &server.address));
        assert_eq!(error.code, Code::AccessDenied);
        assert!(matches!(log.events().last(), Some(Event::Ended { outcome: Outcome::Failed, .. })));
    }
}

#[tokio::test]
async fn a_refused_push_names_the_origin_of_its_credentials_and_is_not_tried_without_them() {
    let server = accepting(|seen| {
        let known = seen.header("authorization") == "Basic dXNlcjpzZWNyZXQ=";
        let challenge = || Reply::new(401).with("WWW-Authenticate", "Basic realm=\"r\"");
        if known { Some(Reply::new(403)) } else { Some(challenge()) }
    })
    .await;
    let config = format!(r#"{{"auths":{{"{}":{{"auth":"dXNlcjpzZWNyZXQ="}}}}}}"#, server.address);
    let repository = server.repository_as("a", Some(&config), Arc::default());
    let error = Sink::blob(&*repository, &descriptor(b"x"), &bytes(b"x")).await.unwrap_err();
    let file = server.files.lock().unwrap()[0].display().to_string();
    let hint = error.hint.clone().unwrap();
    assert!(hint.contains(&format!(" from `{file}` may not push there: ")), "{hint}");
    assert!(!format!("{error} {hint}").contains("secret"));
    let anonymous = server.seen().iter().filter(|seen| seen.header("authorization").is_empty()).count();
    assert_eq!(anonymous, 1);
}

#[tokio::test]
async fn an_origins_own_error_comes_through() {
    let server = accepting(|_| None).await;
    let repository = server.repository("a");
    let error = Sink::blob(&*repository, &descriptor(b"x"), &BlobSource::File("/no/such".into())).await.unwrap_err();
    assert!(error.line().starts_with("cannot open `/no/such`: "), "{error}");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"car").unwrap();
    let blob = descriptor(b"carboy");
    let error = Sink::blob(&*repository, &blob, &BlobSource::File(file.path().to_owned())).await.unwrap_err();
    assert_eq!(error.line(), format!("cannot read {0}: {0} ended after 3 of 6 bytes", blob.digest));
    assert_eq!(error.code, Code::DamagedCache);
    file.write_all(b"bob").unwrap();
    let error = Sink::blob(&*repository, &blob, &BlobSource::File(file.path().to_owned())).await.unwrap_err();
    assert!(error.line().contains("does not match: it hashes to"), "{error}");
    assert_eq!(error.code, Code::DamagedCache);
    let liar = Server::start(|_| Reply::new(200).body("carbob")).await;
    let error = Sink::blob(&*repository, &blob, &BlobSource::Repository(liar.source("x"))).await.unwrap_err();
    assert_eq!(error.code, Code::CorruptContent, "{error}");
}

#[tokio::test]
async fn a_registry_that_stores_something_else_is_caught() {
    let server = accepting(|seen| {
        (seen.method == "PUT").then(|| Reply::new(201).with("Docker-Content-Digest", Digest::of(b"y").to_string()))
    })
    .await;
    let repository = server.repository("a");
    let error = Sink::blob(&*repository, &descriptor(b"x"), &bytes(b"x")).await.unwrap_err();
    assert_eq!(error.code, Code::CorruptContent);
    let manifest = RawManifest { media_type: media_type::INDEX.to_owned(), bytes: b"{}".to_vec() };
    let error = tag(&repository, &manifest, "1").await.unwrap_err();
    assert_eq!(error.code, Code::CorruptContent);
}

#[tokio::test]
async fn manifests_are_put_under_tag_or_digest() {
    let server = Server::start(|seen| {
        let invalid = r#"{"errors":[{"code":"MANIFEST_INVALID","message":"no"}]}"#;
        match () {
            () if seen.method == "HEAD" => Reply::new(404),
            () if seen.target.ends_with("/bad") => Reply::new(400).body(invalid),
            () => Reply::new(201),
        }
    })
    .await;
    let repository = server.repository("a");
    let manifest = RawManifest { media_type: media_type::INDEX.to_owned(), bytes: b"{}".to_vec() };
    Sink::manifest(&*repository, &manifest).await.unwrap();
    tag(&repository, &manifest, "1.4").await.unwrap();
    let error = tag(&repository, &manifest, "bad").await.unwrap_err();
    assert_eq!(error.line(), format!("pushing {}/a:bad failed: manifest invalid: no", server.address));
    let digest = manifest.digest();
    let lines = [
        format!("HEAD /v2/a/manifests/{digest}"),
        format!("PUT /v2/a/manifests/{digest}"),
        "HEAD /v2/a/manifests/1.4".to_owned(),
        "PUT /v2/a/manifests/1.4".to_owned(),
    ];
    assert_eq!(server.lines()[..4], lines);
    assert_eq!(server.seen()[1].header("content-type"), media_type::INDEX);
    assert_eq!(server.seen()[1].body, b"{}");
}

#[tokio::test]
async fn a_blob_that_a_mirror_sends_wrong_is_uploaded_from_the_next_place() {
    let content: Vec<u8> = (0..50_000_u32).flat_map(u32::to_le_bytes).collect();
    let (all, mut wrong) = (content.clone(), content.clone());
    wrong[0] ^= 1;
    let origin = Server::start(move |_| Reply::new(200).body(&all)).await;
    let mirror = Server::start(move |_| Reply::new(200).body(&wrong)).await;
    let server = accepting(|_| None).await;
    let rule = MirrorRule {
        prefix: origin.address.parse().unwrap(),
        mirrors: vec![Mirror { location: mirror.address.parse().unwrap(), pull_by: PullBy::All }],
        fallback: true,
        blocked: false,
        source: String::new(),
    };
    let mut mirrors = Mirrors::default();
    mirrors.add(rule);
    let options = Options {
        network: Arc::new(Network { mirrors, ..Network::default() }),
        delay: std::time::Duration::from_millis(1),
        ..Options::default()
    };
    let registry = Registry::new(options, Arc::<Log>::default());
    let source = registry.source(&name(&origin.address, "base")).unwrap();
    let target = registry.repository(&name(&server.address, "a")).unwrap();
    let outcome = Sink::blob(&*target, &descriptor(&content), &BlobSource::Repository(source)).await.unwrap();
    assert_eq!((outcome, mirror.lines().len(), origin.lines().len()), (Outcome::Done, 1, 1));
}

#[test]
fn an_error_says_which_tags_were_moved() {
    let tags = ["1".to_owned(), "1.4".to_owned(), "1.4.2".to_owned()];
    let error = |tags: &[String], moved: usize| {
        of_several(OperationError::new(Code::ImmutableTag, "x"), &tags[..moved], &tags[moved..]).message
    };
    assert_eq!(error(&tags[..1], 0), "x");
    assert_eq!(error(&tags, 0), "x (no tag was moved: `1`, `1.4`, `1.4.2`)");
    assert_eq!(error(&tags, 1), "x (tags that were moved: `1`; not moved: `1.4`, `1.4.2`)");
    assert_eq!(error(&tags, 2), "x (tags that were moved: `1`, `1.4`; not moved: `1.4.2`)");
}
