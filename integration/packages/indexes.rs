//! Which places are asked, and in which order.

use std::fs;
use std::io::Write as _;

use carboy::diagnostic::Code;
use carboy::progress::Event;
use carboy::python::lock::{Hash, LockedFile, PackageOrigin};
use carboy::wheels::{FindLinks, Index, WheelSources};
use sha2::{Digest as _, Sha512};
use url::Url;

use crate::harness::{
    AMD64, ANY, ARM64, Form, Harness, IndexPages, SDIST, index, locked, pinned, sha256, target, with_files, with_hashes,
};
use crate::scripted::{Reply, Scripted};

fn pages(form: Form, names: &[&str]) -> Scripted {
    let pages = IndexPages::of(form, names);
    Scripted::start(move |request| pages.answer(request))
}

fn lines(server: &Scripted) -> Vec<String> {
    server.requests().iter().map(|request| request.line.trim_end_matches(" HTTP/1.1").to_owned()).collect()
}

#[tokio::test]
async fn the_locks_url_is_asked_once_and_then_the_cache() {
    let (harness, server) = (Harness::new(), pages(Form::Json, &[ANY]));
    let pinned = with_files(vec![
        locked(SDIST, None),
        locked(ANY, Some(format!("http://{}/files/{ANY}#sha256=0", server.host))),
    ]);
    for _ in 0..2 {
        let wheel = harness.wheel(WheelSources::default(), &pinned).await.unwrap();
        assert_eq!((wheel.name.as_str(), wheel.size), (ANY, ANY.len() as u64));
        assert_eq!(vec![Hash::Sha256(wheel.digest)], vec![sha256(ANY.as_bytes())]);
        assert_eq!(fs::read(&wheel.path).unwrap(), ANY.as_bytes());
    }
    assert_eq!(lines(&server), [format!("GET /files/{ANY}")]);
    assert_eq!(harness.cached(), [wheel_key()]);
}

fn wheel_key() -> String {
    carboy::oci::Digest::of(ANY.as_bytes()).hex()
}

#[tokio::test]
async fn a_configured_index_wins_over_the_locks_urls() {
    for form in [Form::Json, Form::Html] {
        let (harness, mirror) = (Harness::new(), pages(form, &[ANY, AMD64, ARM64, SDIST]));
        let origin = pages(Form::Json, &[AMD64]);
        let url = |name: &str| Some(format!("http://{}/files/{name}", origin.host));
        let pinned = with_files(vec![locked(ANY, url(ANY)), locked(ARM64, url(ARM64)), locked(AMD64, url(AMD64))]);
        let settings = || WheelSources {
            indexes: vec![index(&format!("http://{}/simple", mirror.host))],
            pypi: false,
            ..WheelSources::default()
        };
        let wheels = harness.wheels(settings());
        assert_eq!(wheels.wheel(&pinned, &target("x86_64")).await.unwrap().name, AMD64);
        assert_eq!(wheels.wheel(&pinned, &target("aarch64")).await.unwrap().name, ARM64);
        let asked = ["/simple/six/".to_owned(), format!("/files/{AMD64}"), format!("/files/{ARM64}")];
        assert_eq!(lines(&mirror), asked.map(|target| format!("GET {target}")), "one page a project");
        assert_eq!(origin.requests().len(), 0);
        let accept = &mirror.requests()[0].headers["accept"];
        assert!(accept.starts_with("application/vnd.pypi.simple.v1+json, "), "{accept}");
    }
}

/// One warning for both platforms, and nothing of the reason but a line of its text.
#[tokio::test]
async fn a_yanked_file_is_told() {
    for form in [Form::Json, Form::Html] {
        for (reason, why) in [("", ""), ("broken: \u{7}\n\u{9b}31m import", " (reason: broken: 31m import)")] {
            let pages = IndexPages::of(form, &[AMD64, ARM64]).yank(AMD64, reason).yank(ARM64, reason);
            let harness = Harness::new();
            let server = Scripted::start(move |request| pages.answer(request));
            let at = format!("http://{}/simple", server.host);
            let settings = || WheelSources { indexes: vec![index(&at)], pypi: false, ..WheelSources::default() };
            let warning = format!("`six==1.17.0` is yanked on {at}{why}");
            let hashes = [AMD64, ARM64].map(|name| sha256(name.as_bytes())).to_vec();
            for pinned in [
                with_hashes(None, hashes),
                with_hashes(None, Vec::new()),
                with_files(vec![locked(AMD64, None), locked(ARM64, None)]),
            ] {
                fs::remove_dir_all(harness.folder.path().join("cache")).unwrap_or_default();
                let before = harness.log.events().len();
                let wheels = harness.wheels(settings());
                for machine in ["x86_64", "aarch64"] {
                    wheels.wheel(&pinned, &target(machine)).await.unwrap();
                }
                let message = |event| if let Event::Diagnostic(warning) = event { Some(warning.message) } else { None };
                let warnings: Vec<_> = harness.log.events().split_off(before).into_iter().filter_map(message).collect();
                assert_eq!(warnings, std::slice::from_ref(&warning), "{pinned:?}");
            }
        }
    }
}

/// A file that fits less well comes before one that is yanked.
#[tokio::test]
async fn a_yanked_file_comes_last() {
    for form in [Form::Json, Form::Html] {
        let (harness, pages) = (Harness::new(), IndexPages::of(form, &[ANY, AMD64, SDIST]).yank(AMD64, "no"));
        let server = Scripted::start(move |request| pages.answer(request));
        let settings = WheelSources {
            indexes: vec![index(&format!("http://{}/simple", server.host))],
            pypi: false,
            ..WheelSources::default()
        };
        let wheel = harness.wheel(settings, &with_hashes(None, Vec::new())).await.unwrap();
        assert_eq!(wheel.name, ANY);
        assert!(!harness.log.events().iter().any(|event| matches!(event, Event::Diagnostic(_))));
    }
}

#[tokio::test]
async fn a_mirror_that_lacks_the_file_leaves_it_to_the_locks_url() {
    let (harness, mirror, origin) = (Harness::new(), pages(Form::Html, &[ARM64]), pages(Form::Json, &[AMD64]));
    let pinned = with_files(vec![locked(AMD64, Some(format!("http://{}/files/{AMD64}", origin.host)))]);
    let settings = || WheelSources {
        indexes: vec![index(&format!("http://{}/simple/", mirror.host))],
        pypi: false,
        ..WheelSources::default()
    };
    assert_eq!(harness.wheel(settings(), &pinned).await.unwrap().name, AMD64);
    assert_eq!(lines(&origin), [format!("GET /files/{AMD64}")]);
}

#[tokio::test]
async fn an_error_tells_all_places_that_were_asked() {
    let (harness, mirror, origin) = (Harness::new(), pages(Form::Html, &[ARM64]), pages(Form::Json, &[]));
    let mut file = locked(AMD64, Some(format!("http://{}/files/{AMD64}?token=hidden", origin.host)));
    file.size = None;
    let named = format!("http://{}/simple", origin.host);
    let pinned = pinned(PackageOrigin::Index { index: Some(named), files: vec![file], hashes: Vec::new() });
    let settings = WheelSources {
        indexes: vec![index(&format!("http://{}/simple", mirror.host))],
        pypi: false,
        ..WheelSources::default()
    };
    let error = harness.wheel(settings, &pinned).await.unwrap_err();
    let text = error.message.replace(&mirror.host, "MIRROR").replace(&origin.host, "ORIGIN");
    assert_eq!(
        text,
        format!(
            "http://MIRROR/simple does not have {AMD64}, \
             and there is no http://ORIGIN/files/{AMD64}, and http://ORIGIN/simple does not have {AMD64}"
        )
    );
    assert_eq!(error.code, Code::NotFound);
}

#[tokio::test]
async fn another_file_of_the_same_name_is_not_taken() {
    let harness = Harness::new();
    let mut pages = IndexPages::of(Form::Json, &[]);
    pages.files.insert(AMD64.to_owned(), b"another".to_vec());
    let mirror = Scripted::start(move |request| pages.answer(request));
    let settings = WheelSources {
        indexes: vec![index(&format!("http://{}/simple", mirror.host))],
        pypi: false,
        ..WheelSources::default()
    };
    let url = format!("http://{}/elsewhere/{AMD64}", mirror.host);
    let error = harness.wheel(settings, &with_files(vec![locked(AMD64, Some(url))])).await.unwrap_err();
    assert!(
        error.message.contains(&format!("has another {AMD64} than the one that is locked, and there is no")),
        "{error}"
    );
    assert_eq!(mirror.count("GET", "/files/"), 0);
}

#[tokio::test]
async fn hashes_alone_find_their_file_in_the_index() {
    for form in [Form::Json, Form::Html] {
        let (harness, server) =
            (Harness::new(), pages(form, &[ANY, AMD64, ARM64, SDIST, "six-1.16.0-py3-none-any.whl"]));
        let named = Some(format!("http://{}/simple", server.host));
        let hashes = [ANY, ARM64, SDIST].map(|name| sha256(name.as_bytes())).to_vec();
        let pinned = with_hashes(named.clone(), hashes);
        let wheels = harness.wheels(WheelSources::default());
        assert_eq!(wheels.wheel(&pinned, &target("x86_64")).await.unwrap().name, ANY, "the better one is not locked");
        assert_eq!(wheels.wheel(&pinned, &target("aarch64")).await.unwrap().name, ARM64);
        assert_eq!(server.requests().len(), 3);
        // Nothing but the version.
        let wheel = harness.wheel(WheelSources::default(), &with_hashes(named, Vec::new())).await.unwrap();
        assert_eq!(wheel.name, AMD64);
    }
}

#[tokio::test]
async fn longer_hashes_are_verified_and_found_again_without_the_network() {
    let (harness, server) = (Harness::new(), pages(Form::Json, &[ANY]));
    let file = |content: &str| LockedFile {
        name: ANY.to_owned(),
        url: Some(format!("http://{}/files/{ANY}", server.host)),
        hashes: vec![Hash::Sha512(Box::new(Sha512::digest(content).into()))],
        size: None,
    };
    let error = harness.wheel(WheelSources::default(), &with_files(vec![file("other")])).await.unwrap_err();
    assert_eq!(error.code, Code::CorruptContent, "{error}");
    assert_eq!(harness.cached().len(), 0);
    for _ in 0..2 {
        let wheel = harness.wheel(WheelSources::default(), &with_files(vec![file(ANY)])).await.unwrap();
        assert_eq!(fs::read(&wheel.path).unwrap(), ANY.as_bytes());
    }
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_page_of_links_is_an_index_of_all_projects() {
    let harness = Harness::new();
    let page = format!("<base href='/d/'><a href='{ANY}'>six</a><a href='numpy-1-py3-none-any.whl'>numpy</a>");
    let server = Scripted::start(move |request| match request.line.split(' ').nth(1) {
        Some("/links.html") => Reply::new(200).with("Content-Type", "text/html").body(&page),
        Some(target) if target.starts_with("/d/") => Reply::new(200).body(&target[3..]),
        _ => Reply::new(404),
    });
    let links = vec![FindLinks::Page(Url::parse(&format!("http://{}/links.html", server.host)).unwrap())];
    let settings = WheelSources { find_links: links, no_index: true, ..WheelSources::default() };
    let url = format!("http://{}/elsewhere/{ANY}", server.host);
    let wheel = harness.wheel(settings, &with_files(vec![locked(ANY, Some(url))])).await.unwrap();
    assert_eq!(wheel.name, ANY);
    assert_eq!(lines(&server), ["GET /links.html".to_owned(), format!("GET /d/{ANY}")]);
}

#[tokio::test]
async fn pages_may_be_compressed_and_are_no_longer_than_allowed() {
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let page = gzip(format!("<a href='/files/{ANY}'>six</a>").as_bytes());
    let bomb = gzip(&vec![b' '; (64 << 20) + 1]);
    for (page, wanted) in [(page, None), (bomb, Some("it is longer than 64 MiB"))] {
        let (harness, files) = (Harness::new(), IndexPages::of(Form::Json, &[ANY]));
        let server = Scripted::start(move |request| {
            if request.is("GET", "/files/") {
                return files.answer(request);
            }
            Reply::new(200).with("Content-Type", "text/html").with("Content-Encoding", "gzip").body(&page)
        });
        let settings = WheelSources {
            indexes: vec![index(&format!("http://{}/simple", server.host))],
            pypi: false,
            ..WheelSources::default()
        };
        let found = harness.wheel(settings, &with_hashes(None, Vec::new())).await;
        assert_eq!(server.requests()[0].headers["accept-encoding"], "gzip");
        let said = found.err().map(|error| error.message.rsplit(": ").next().unwrap().to_owned());
        assert_eq!(said.as_deref(), wanted);
    }
}

#[tokio::test]
async fn what_is_no_page_of_an_index_is_said() {
    let harness = Harness::new();
    let server = Scripted::start(|request| match () {
        () if request.is("GET", "/login/") => Reply::new(200).with("Content-Type", "image/png").body("x"),
        () if request.is("GET", "/new/") => Reply::new(200)
            .with("Content-Type", "application/vnd.pypi.simple.v1+json")
            .body(r#"{"meta":{"api-version":"2.0"},"files":[]}"#),
        () => Reply::new(200).with("Content-Type", "text/html").with("Content-Encoding", "br").body("x"),
    });
    for (path, why) in [
        ("login", "HOST answers with image/png"),
        ("new", "its pages are of version 2.0, and carboy knows version 1"),
        ("odd", "it is encoded as br"),
    ] {
        let settings = WheelSources {
            indexes: vec![index(&format!("http://{}/{path}", server.host))],
            pypi: false,
            ..WheelSources::default()
        };
        let error = harness.wheel(settings, &with_hashes(None, Vec::new())).await.unwrap_err();
        let text = error.message.replace(&server.host, "HOST");
        assert_eq!(text, format!("cannot use http://HOST/{path}/six/: {why}"));
    }
}

/// Indexes at servers, as settings have them.
fn all(servers: &[&Scripted]) -> Vec<Index> {
    servers.iter().map(|server| index(&format!("http://{}/simple", server.host))).collect()
}

#[tokio::test]
async fn without_a_hash_the_first_index_that_has_the_project_is_the_last_asked() {
    const OLD: &str = "six-1.16.0-py3-none-any.whl";
    let unhashed = || with_files(vec![LockedFile { hashes: Vec::new(), ..locked(ANY, None) }]);
    for (pinned, hashed) in [
        (with_hashes(None, Vec::new()), false),
        (unhashed(), false),
        (with_hashes(None, vec![sha256(ANY.as_bytes())]), true),
        (with_files(vec![locked(ANY, None)]), true),
    ] {
        let (first, second) = (pages(Form::Json, &[OLD]), pages(Form::Json, &[ANY]));
        let settings =
            WheelSources { project_indexes: all(&[&first, &second]), pypi: false, ..WheelSources::default() };
        let found = Harness::new().wheel(settings, &pinned).await;
        assert_eq!(found.is_ok(), hashed, "{pinned:?}");
        assert_eq!(second.requests().is_empty(), !hashed);
    }
}

#[tokio::test]
async fn what_the_lock_binds_to_an_index_is_asked_there_and_at_the_configured_one_only() {
    let [mirror, bound, other] = [&[][..], &[], &[ANY]].map(|names| pages(Form::Html, names));
    let settings = WheelSources {
        indexes: all(&[&mirror]),
        project_indexes: all(&[&other, &bound]),
        lock_indexes: all(&[&other]),
        ..WheelSources::default()
    };
    let named = Some(format!("http://{}/simple/", bound.host));
    let error = Harness::new().wheel(settings, &with_hashes(named, Vec::new())).await.unwrap_err();
    let text = error.message.replace(&mirror.host, "MIRROR").replace(&bound.host, "BOUND");
    assert_eq!(text, "http://MIRROR/simple does not have it, and http://BOUND/simple does not have it");
    assert_eq!(other.requests().len(), 0);
}

#[tokio::test]
async fn an_index_at_the_same_host_is_not_taken_for_the_locked_one() {
    let pages = IndexPages::of(Form::Html, &[ANY]);
    let server = Scripted::start(move |request| {
        if request.is("GET", "/two/simple/six/") {
            return Reply::new(200).with("Content-Type", "text/html").body(format!("<a href='/files/{ANY}'>six</a>"));
        }
        pages.answer(request)
    });
    let project_indexes = vec![index(&format!("http://{}/", server.host))];
    let settings = WheelSources { project_indexes, ..WheelSources::default() };
    let named = Some(format!("http://{}/two/simple", server.host));
    Harness::new().wheel(settings, &with_hashes(named, Vec::new())).await.unwrap();
    assert_eq!(lines(&server), ["GET /two/simple/six/".to_owned(), format!("GET /files/{ANY}")]);
}

/// A hash tells a file, whoever gives it; without one nobody may be left out.
#[tokio::test]
async fn an_index_that_does_not_tell_stops_only_what_has_no_hash() {
    for status in [401, 403, 503] {
        let (refusing, origin) = (Scripted::start(move |_| Reply::new(status)), pages(Form::Json, &[ANY]));
        let settings = || WheelSources {
            indexes: all(&[&refusing]),
            lock_indexes: all(&[&origin]),
            pypi: false,
            ..WheelSources::default()
        };
        let url = Some(format!("http://{}/files/{ANY}", origin.host));
        for pinned in [
            with_files(vec![locked(ANY, url)]),
            with_files(vec![locked(ANY, None)]),
            with_hashes(None, vec![sha256(ANY.as_bytes())]),
        ] {
            assert_eq!(Harness::new().wheel(settings(), &pinned).await.unwrap().name, ANY);
        }
        let before = origin.requests().len();
        let error = Harness::new().wheel(settings(), &with_hashes(None, Vec::new())).await.unwrap_err();
        assert!(error.message.contains(&status.to_string()), "{error}");
        assert_eq!(origin.requests().len(), before);
        // Nobody has it: both are told.
        let error = Harness::new().wheel(settings(), &with_files(vec![locked(AMD64, None)])).await.unwrap_err();
        assert!(error.message.contains(&status.to_string()), "{error}");
        let end = format!(", and http://{}/simple does not have {AMD64}", origin.host);
        assert!(error.message.ends_with(&end), "{error}");
    }
}

#[tokio::test]
async fn an_index_that_refuses_does_not_close_the_others_at_its_host() {
    let pages = IndexPages::of(Form::Json, &[ANY]);
    let server = Scripted::start(
        move |request| {
            if request.is("GET", "/closed/") { Reply::new(401) } else { pages.answer(request) }
        },
    );
    let closed = index(&format!("http://{}/closed", server.host));
    let indexes = [vec![closed], all(&[&server])].concat();
    let harness = Harness::new();
    let wheels = harness.wheels(WheelSources { indexes, pypi: false, ..WheelSources::default() });
    for content in [ANY, "another"] {
        let found = wheels.wheel(&with_hashes(None, vec![sha256(content.as_bytes())]), &target("x86_64")).await;
        assert_eq!(found.is_ok(), content == ANY, "{found:?}");
    }
    assert_eq!(server.count("GET", "/closed/"), 1, "accounts get locked");
}

#[tokio::test]
async fn pypi_is_not_asked_where_another_stands_in_its_place() {
    let server = pages(Form::Json, &[]);
    for (settings, named) in [
        (WheelSources { indexes: all(&[&server]), ..WheelSources::default() }, None),
        (WheelSources { project_indexes: all(&[&server]), ..WheelSources::default() }, None),
        (WheelSources { lock_indexes: all(&[&server]), ..WheelSources::default() }, None),
        (WheelSources::default(), Some(format!("http://{}/simple", server.host))),
    ] {
        let settings = WheelSources { pypi: named.is_some(), ..settings };
        let error = Harness::new().wheel(settings, &with_hashes(named, Vec::new())).await.unwrap_err();
        assert_eq!(error.message, format!("http://{}/simple does not have it", server.host));
    }
}

#[tokio::test]
async fn a_variable_in_an_indexs_host_or_path_is_told() {
    for locked in ["https://${NAME}/simple", "https://h.invalid/${NAME}"] {
        let lock_indexes = vec![index(locked)];
        let settings = WheelSources { lock_indexes, pypi: false, ..WheelSources::default() };
        let error = Harness::new().wheel(settings, &with_hashes(None, Vec::new())).await.unwrap_err();
        let name = error.message.to_lowercase();
        assert!(name.contains("${name} ") || name.contains("${name}/simple "), "{error}");
        assert!(error.message.ends_with("has a variable outside of its login, where it is not replaced"), "{error}");
    }
}
