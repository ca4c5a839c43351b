//! Files on their way: broken off, limited, too long, many at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use carboy::diagnostic::Code;
use carboy::http::StallPolicy;
use carboy::progress::{Event, Outcome, Subject, Verb};
use carboy::python::lock::{LockedFile, PackageOrigin, Pinned};
use carboy::wheels::WheelSources;
use futures_util::future::join_all;

use crate::harness::{ANY, Form, Harness, IndexPages, index, locked, sha256, target, with_files, with_hashes};
use crate::scripted::{Reply, Request, Scripted};

fn content() -> Vec<u8> {
    (0..400_000_u32).flat_map(u32::to_le_bytes).collect()
}

fn at(host: &str, content: &[u8]) -> Pinned {
    let url = Some(format!("http://{host}/files/{ANY}"));
    let (name, size) = (ANY.to_owned(), Some(content.len() as u64));
    with_files(vec![LockedFile { name, url, hashes: vec![sha256(content)], size }])
}

/// Bytes from where the request's `Range` begins.
fn ranged(request: &Request, all: &[u8]) -> Reply {
    match request.offset() {
        0 => Reply::new(200).with("ETag", "\"one\"").body(all),
        from => {
            let range = format!("bytes {from}-{}/{}", all.len() - 1, all.len());
            Reply::new(206).with("Content-Range", &range).body(&all[from..])
        }
    }
}

#[tokio::test]
async fn what_broke_off_goes_on_where_it_was() {
    let (harness, count) = (Harness::new(), AtomicUsize::new(0));
    let server = Scripted::start(move |request| {
        let reply = ranged(request, &content());
        if count.fetch_add(1, Ordering::SeqCst) < 2 { reply.cut() } else { reply }
    });
    let wheel = harness.wheel(WheelSources::default(), &at(&server.host, &content())).await.unwrap();
    assert_eq!(std::fs::read(&wheel.path).unwrap(), content());
    let requests = server.requests();
    assert_eq!(requests.iter().map(Request::offset).collect::<Vec<_>>(), [0, 800_000, 1_200_000]);
    assert_eq!(requests[1].headers["if-range"], "\"one\"");
    let subject = Subject::Wheel(Arc::from(ANY));
    let events = harness.log.events();
    assert_eq!(events[0], Event::Started { verb: Verb::Pull, subject: subject.clone(), size: Some(1_600_000) });
    let bytes = |event: &Event| if let Event::Advanced { bytes, .. } = event { *bytes } else { 0 };
    assert_eq!(events.iter().map(bytes).sum::<u64>(), 1_600_000);
    assert_eq!(events.last(), Some(&Event::Ended { verb: Verb::Pull, subject, outcome: Outcome::Done }));
    assert_eq!(harness.log.retries(), 2);
}

/// Wants 1 KB each second.
fn hasty() -> WheelSources {
    let time = Duration::from_secs(1);
    WheelSources { stall_policy: StallPolicy { quiet: time, sending: time, least: 1_000 }, ..WheelSources::default() }
}

#[tokio::test]
async fn a_file_that_drips_goes_on_where_it_was() {
    let (harness, count) = (Harness::new(), AtomicUsize::new(0));
    let server = Scripted::start(move |request| {
        let reply = ranged(request, &content());
        if count.fetch_add(1, Ordering::SeqCst) == 0 { reply.drip() } else { reply }
    });
    let wheel = harness.wheel(hasty(), &at(&server.host, &content())).await.unwrap();
    assert_eq!(std::fs::read(&wheel.path).unwrap(), content());
    let offsets: Vec<_> = server.requests().iter().map(Request::offset).collect();
    assert!(matches!(offsets[..], [0, 800_000..=800_500, ..]), "{offsets:?}");
}

#[tokio::test]
async fn an_index_that_only_drips_is_given_up() {
    let (harness, pages) = (Harness::new(), IndexPages::of(Form::Html, &[ANY]));
    let server = Scripted::start(move |request| pages.answer(request).drip());
    let settings = WheelSources { indexes: vec![index(&format!("http://{}/simple", server.host))], ..hasty() };
    let pinned = with_hashes(None, vec![sha256(ANY.as_bytes())]);
    let error = harness.wheel(settings, &pinned).await.unwrap_err();
    assert!(error.message.contains(&format!("the connection to {} is too slow: ", server.host)), "{error}");
    assert_eq!(harness.log.retries(), 2);
}

#[tokio::test]
async fn a_server_whose_file_changed_starts_over() {
    let (harness, count) = (Harness::new(), AtomicUsize::new(0));
    let server = Scripted::start(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::new(200).with("ETag", "\"one\"").body(content()).cut(),
        _ => Reply::new(200).with("ETag", "\"two\"").body(content()),
    });
    let wheel = harness.wheel(WheelSources::default(), &at(&server.host, &content())).await.unwrap();
    assert_eq!(std::fs::read(&wheel.path).unwrap(), content());
}

#[tokio::test]
async fn other_content_than_locked_is_refused_and_not_kept() {
    for (sent, locked_as, why) in [
        (&b"carboy"[..], &b"carbob"[..], "six-1.17.0-py2.py3-none-any.whl from HOST hashes to sha256:"),
        (b"carboys", b"carboy", "six-1.17.0-py2.py3-none-any.whl from HOST has more than 6 bytes"),
        (b"carbo", b"carboy", "six-1.17.0-py2.py3-none-any.whl from HOST has 5 bytes, not 6"),
    ] {
        let harness = Harness::new();
        let server = Scripted::start(move |_| Reply::new(200).body(sent));
        let error = harness.wheel(WheelSources::default(), &at(&server.host, locked_as)).await.unwrap_err();
        assert!(error.message.replace(&server.host, "HOST").starts_with(why), "{error}");
        assert_eq!(error.code, Code::CorruptContent);
        assert_eq!(harness.cached().len(), 0);
        let requests = if sent.len() < locked_as.len() { 4 } else { 1 };
        assert_eq!(server.requests().len(), requests, "only missing bytes are asked for again");
        let failed = |event: &Event| matches!(event, Event::Ended { outcome: Outcome::Failed, .. });
        assert!(harness.log.events().last().is_some_and(failed));
    }
}

#[tokio::test]
async fn an_index_that_says_how_long_a_file_is_is_held_to_it() {
    let harness = Harness::new();
    let pages = IndexPages::of(Form::Json, &[ANY]);
    let server = Scripted::start(move |request| {
        if request.is("GET", "/files/") {
            return Reply::new(200).body([0; 1000]);
        }
        pages.answer(request)
    });
    let settings = WheelSources {
        indexes: vec![index(&format!("http://{}/simple", server.host))],
        pypi: false,
        ..WheelSources::default()
    };
    let error = harness.wheel(settings, &with_hashes(None, Vec::new())).await.unwrap_err();
    assert!(error.message.ends_with("has more than 31 bytes"), "{error}");
}

#[tokio::test]
async fn limits_are_waited_for() {
    let (harness, count) = (Harness::new(), AtomicUsize::new(0));
    let server = Scripted::start(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::new(429).with("Retry-After", "0"),
        _ => Reply::new(200).body(content()),
    });
    harness.wheel(WheelSources::default(), &at(&server.host, &content())).await.unwrap();
    let cause = |event: &Event| if let Event::Retrying { cause, .. } = event { Some(cause.clone()) } else { None };
    let causes: Vec<_> = harness.log.events().iter().filter_map(cause).collect();
    assert_eq!(causes, [format!("{} limits requests: 429 Too Many Requests", server.host)]);
}

#[tokio::test]
async fn an_index_that_fails_is_not_asked_for_every_distribution() {
    let harness = Harness::new();
    let server = Scripted::start(|_| Reply::new(503));
    let settings = WheelSources {
        indexes: vec![index(&format!("http://{}/simple", server.host))],
        pypi: false,
        ..WheelSources::default()
    };
    let wheels = harness.wheels(settings);
    for name in ["six", "numpy", "attrs"] {
        let pinned = Pinned { name: name.to_owned(), ..with_hashes(None, Vec::new()) };
        let error = wheels.wheel(&pinned, &target("x86_64")).await.unwrap_err();
        assert_eq!(error.message, format!("{} fails: 503 Service Unavailable", server.host), "one text to be folded");
    }
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn an_index_that_is_away_is_said_once_in_the_same_words() {
    let harness = Harness::new();
    let server = Scripted::start(|_| Reply::new(200));
    let host = server.host.clone();
    drop(server);
    thread::sleep(Duration::from_millis(50));
    let wheels = harness.wheels(WheelSources {
        indexes: vec![index(&format!("http://{host}/simple"))],
        pypi: false,
        ..WheelSources::default()
    });
    for name in ["six", "numpy"] {
        let pinned = Pinned { name: name.to_owned(), ..with_hashes(None, Vec::new()) };
        let error = wheels.wheel(&pinned, &target("x86_64")).await.unwrap_err();
        assert_eq!(error.message, format!("cannot reach {host}: connection refused"));
    }
    assert_eq!(harness.log.retries(), 2);
}

#[tokio::test]
async fn a_store_of_files_that_is_away_is_not_asked_for_each() {
    let harness = Harness::new();
    let server = Scripted::start(|_| Reply::new(502));
    let wheels = harness.wheels(WheelSources::default());
    for name in ["p1-1-py3-none-any.whl", "p2-1-py3-none-any.whl"] {
        let file = locked(name, Some(format!("http://{}/{name}", server.host)));
        let origin = PackageOrigin::Index { index: None, files: vec![file], hashes: Vec::new() };
        let pinned = Pinned { name: name[..2].to_owned(), version: Some("1".parse().unwrap()), origin };
        let error = wheels.wheel(&pinned, &target("x86_64")).await.unwrap_err();
        assert_eq!(error.message, format!("{} fails: 502 Bad Gateway", server.host));
    }
    assert_eq!(server.requests().len(), 4);
}

#[tokio::test]
async fn certificates_of_ones_own_are_read_when_they_are_needed() {
    let harness = Harness::new();
    let odd = harness.file("odd.pem", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n");
    let missing = harness.folder.path().join("missing.pem");
    for (certificates, why) in [(missing, "No such file or directory (os error 2)"), (odd, "they are not PEM")] {
        let path = certificates.display().to_string();
        let at = index("https://127.0.0.1:9/simple");
        let settings = WheelSources {
            certificates: Some(certificates),
            indexes: vec![at],
            pypi: false,
            ..WheelSources::default()
        };
        let error = harness.wheel(settings, &with_hashes(None, Vec::new())).await.unwrap_err();
        assert_eq!(error.message, format!("cannot read the certificates in `{path}`: {why}"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_file_is_fetched_once_and_no_more_at_a_time_than_allowed() {
    let harness = Harness::new();
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (running, highest) = (now.clone(), most.clone());
    let server = Scripted::start(move |request| {
        highest.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        thread::sleep(Duration::from_millis(30));
        running.fetch_sub(1, Ordering::SeqCst);
        let name = request.line.split([' ', '/']).nth(3).unwrap();
        Reply::new(200).body(name)
    });
    let wheels = harness.wheels(WheelSources { jobs: 3, ..WheelSources::default() });
    let pins: Vec<_> = (0..40)
        .map(|at| {
            let name = format!("p{}-1-py3-none-any.whl", at % 10);
            let file = locked(&name, Some(format!("http://{}/files/{name}", server.host)));
            let origin = PackageOrigin::Index { index: None, files: vec![file], hashes: Vec::new() };
            Pinned { name: format!("p{}", at % 10), version: Some("1".parse().unwrap()), origin }
        })
        .collect();
    let (amd64, arm64) = (target("x86_64"), target("aarch64"));
    let all = pins.iter().enumerate().map(|(at, pin)| wheels.wheel(pin, if at % 2 == 0 { &amd64 } else { &arm64 }));
    for found in join_all(all).await {
        found.unwrap();
    }
    assert_eq!(server.requests().len(), 10);
    assert_eq!(most.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_wheel_that_is_damaged_in_the_cache_is_fetched_again() {
    let harness = Harness::new();
    let server = Scripted::start(|request| ranged(request, &content()));
    let asked = at(&server.host, &content());
    let wheel = harness.wheel(WheelSources::default(), &asked).await.unwrap();
    assert_eq!(harness.wheel(WheelSources::default(), &asked).await.unwrap(), wheel);
    assert_eq!(server.requests().len(), 1);
    let flip = |bytes: &mut Vec<u8>| bytes[700_000] ^= 1;
    for (count, damage) in [(2, &flip as &dyn Fn(&mut Vec<u8>)), (3, &|bytes| bytes.truncate(10)), (4, &Vec::clear)] {
        let mut bytes = content();
        damage(&mut bytes);
        std::fs::write(&wheel.path, bytes).unwrap();
        assert_eq!(harness.wheel(WheelSources::default(), &asked).await.unwrap(), wheel);
        assert_eq!(std::fs::read(&wheel.path).unwrap(), content());
        assert_eq!(server.requests().len(), count);
    }
}
