//! Wheels that are there already.

use std::path::PathBuf;

use carboy::diagnostic::Code;
use carboy::progress::Event;
use carboy::python::lock::{Hash, LockedFile, PackageOrigin};
use carboy::wheels::{FindLinks, NoNetwork, WheelSources};
use sha2::{Digest as _, Sha512};

use crate::harness::{
    AMD64, ANY, ARM64, Form, Harness, IndexPages, SDIST, index, locked, pinned, sha256, target, with_files, with_hashes,
};
use crate::scripted::{Reply, Scripted};

/// Where nobody is to be asked.
const NOWHERE: &str = "http://127.0.0.1:9/simple";

fn settings(harness: &Harness) -> WheelSources {
    let (wheelhouse, folder) = (harness.folder.path().join("wheels"), harness.folder.path().to_owned());
    WheelSources {
        wheelhouses: vec![wheelhouse],
        folder,
        indexes: vec![index(NOWHERE)],
        pypi: false,
        ..WheelSources::default()
    }
}

#[tokio::test]
async fn a_wheelhouse_comes_before_everything_else() {
    let harness = Harness::new();
    for name in [ANY, AMD64, ARM64, "six-1.16.0-py3-none-any.whl", "seven-1.17.0-py3-none-any.whl", "six-1.17.0.whl"] {
        harness.file(&format!("wheels/{name}"), name);
    }
    let files = vec![locked(AMD64, Some(format!("{NOWHERE}/{AMD64}")))];
    let wheel = harness.wheel(settings(&harness), &with_files(files)).await.unwrap();
    assert_eq!(wheel.path.as_ref(), harness.folder.path().join("wheels").join(AMD64));
    assert_eq!((sha256(AMD64.as_bytes()), wheel.size), (Hash::Sha256(wheel.digest), AMD64.len() as u64));
    assert_eq!(harness.cached().len(), 0, "it stays where it is");
    assert!(harness.log.events().is_empty());
}

#[tokio::test]
async fn a_locked_file_in_it_must_be_the_locked_one() {
    let harness = Harness::new();
    let path = harness.file(&format!("wheels/{ANY}"), "changed");
    let wanted = with_files(vec![locked(ANY, None)]);
    let error = harness.wheel(settings(&harness), &wanted).await.unwrap_err();
    assert_eq!(error.code, Code::CorruptContent);
    let place = path.parent().unwrap().display();
    assert!(error.message.starts_with(&format!("{ANY} from `{place}` hashes to sha256:")), "{error}");

    // Built here, from a locked sdist: nobody knows its hash.
    let built = with_files(vec![locked(SDIST, None)]);
    assert_eq!(harness.wheel(settings(&harness), &built).await.unwrap().name, ANY);
}

#[tokio::test]
async fn folders_of_links_come_after_it_and_are_passed_over_when_they_do_not_help() {
    let harness = Harness::new();
    harness.file(&format!("links/{ANY}"), "changed");
    harness.file("wheels/x", "");
    let pages = IndexPages::of(Form::Json, &[ANY]);
    let server = Scripted::start(move |request| pages.answer(request));
    let links = vec![
        FindLinks::Folder(harness.folder.path().join("links")),
        FindLinks::Folder(PathBuf::from("/no/such/folder")),
    ];
    let settings = || WheelSources { find_links: links.clone(), indexes: Vec::new(), ..settings(&harness) };
    let url = format!("http://{}/files/{ANY}", server.host);
    let online = WheelSources { wheelhouses: Vec::new(), ..settings() };
    let wheel = harness.wheel(online, &with_files(vec![locked(ANY, Some(url))])).await.unwrap();
    assert!(wheel.path.starts_with(harness.folder.path().join("cache")));
    let taken = harness.wheel(settings(), &with_files(vec![locked(SDIST, None)])).await.unwrap();
    assert!(taken.path.starts_with(harness.folder.path().join("links")));
}

#[tokio::test]
async fn hashes_without_names_are_asked_of_folders_of_links_and_told_of_wheelhouses() {
    let sha512 = |content: &[u8]| Hash::Sha512(Box::new(Sha512::digest(content).into()));
    for (content, hash, locked) in [
        (&b"changed"[..], sha256(b"locked"), false),
        (b"changed", sha512(b"locked"), false),
        (b"locked", sha512(b"locked"), true),
        (b"locked", sha256(b"locked"), true),
    ] {
        let harness = Harness::new();
        let wanted = with_hashes(None, vec![sha256(b"sdist"), hash]);
        harness.file(&format!("wheels/{ANY}"), content);
        let folder = harness.folder.path().join("wheels");
        let links =
            WheelSources { find_links: vec![FindLinks::Folder(folder)], pypi: false, ..WheelSources::default() };
        assert_eq!(harness.wheel(links, &wanted).await.is_ok(), locked);
        assert!(harness.log.events().is_empty());
        let wheels = harness.wheels(settings(&harness));
        for _ in 0..2 {
            assert_eq!(wheels.wheel(&wanted, &target("x86_64")).await.unwrap().name, ANY);
        }
        let text = format!("`{ANY}` in a wheelhouse has none of the locked hashes");
        let message = |event| if let Event::Diagnostic(warning) = event { warning.message } else { String::new() };
        let warnings: Vec<_> = harness.log.events().into_iter().map(message).collect();
        assert_eq!(warnings, if locked { Vec::new() } else { vec![text] });
    }
}

#[tokio::test]
async fn a_folder_of_links_gives_no_other_wheel_than_the_locked_one_that_fits() {
    let harness = Harness::new();
    harness.file(&format!("links/{AMD64}"), AMD64);
    let server = Scripted::start(|_| Reply::new(200).body(ANY));
    let links = || vec![FindLinks::Folder(harness.folder.path().join("links"))];
    let settings = || WheelSources { find_links: links(), ..WheelSources::default() };
    let url = Some(format!("http://{}/files/{ANY}", server.host));
    assert_eq!(harness.wheel(settings(), &with_files(vec![locked(ANY, url)])).await.unwrap().name, ANY);
    // None of these fits.
    assert_eq!(harness.wheel(settings(), &with_files(vec![locked(ARM64, None)])).await.unwrap().name, AMD64);
}

#[tokio::test]
async fn an_index_that_is_a_folder_has_one_for_each_project() {
    let harness = Harness::new();
    let path = harness.file(&format!("simple/six/{ANY}"), ANY);
    let tree = || vec![FindLinks::Tree(harness.folder.path().join("simple"))];
    let settings = || WheelSources { find_links: tree(), pypi: false, ..WheelSources::default() };
    assert_eq!(harness.wheel(settings(), &with_files(vec![locked(ANY, None)])).await.unwrap().path.as_ref(), path);
    let error = harness.wheel(settings(), &with_files(vec![locked(AMD64, None)])).await.unwrap_err();
    assert_eq!(error.message, "no directory has one that fits, and there is no index to ask");
}

#[tokio::test]
async fn a_wheelhouse_adds_to_the_index_whatever_the_cache_has() {
    let pages = IndexPages::of(Form::Json, &[ANY]);
    let server = Scripted::start(move |request| pages.answer(request));
    let url = Some(format!("http://{}/files/{ANY}", server.host));
    let (empty, filled) = (Harness::new(), Harness::new());
    filled.wheel(WheelSources::default(), &with_files(vec![locked(ANY, url.clone())])).await.unwrap();
    for harness in [&empty, &filled] {
        harness.file("wheels/seven-1.0-py3-none-any.whl", "");
        // Without an index, with the lock file's URL.
        let alone = WheelSources { indexes: Vec::new(), ..settings(harness) };
        assert_eq!(harness.wheel(alone, &with_files(vec![locked(ANY, url.clone())])).await.unwrap().name, ANY);
        // By the lock file's index.
        let lock_indexes = vec![index(&format!("http://{}/simple", server.host))];
        let by_index = WheelSources { indexes: Vec::new(), lock_indexes, ..settings(harness) };
        let hashed = with_hashes(None, vec![sha256(ANY.as_bytes())]);
        assert_eq!(harness.wheel(by_index, &hashed).await.unwrap().name, ANY);
    }
}

#[tokio::test]
async fn without_an_index_only_folders_count_whatever_the_cache_has() {
    let pages = IndexPages::of(Form::Json, &[ANY]);
    let server = Scripted::start(move |request| pages.answer(request));
    let url = Some(format!("http://{}/files/{ANY}", server.host));
    let (empty, filled) = (Harness::new(), Harness::new());
    filled.wheel(WheelSources::default(), &with_files(vec![locked(ANY, url.clone())])).await.unwrap();
    let asked = server.requests().len();
    for harness in [&empty, &filled] {
        harness.file("wheels/x", "");
        let settings = || WheelSources { no_network: Some(NoNetwork::IndexOff), ..settings(harness) };
        for wanted in [with_files(vec![locked(ANY, url.clone())]), with_hashes(None, vec![sha256(ANY.as_bytes())])] {
            let error = harness.wheel(settings(), &wanted).await.unwrap_err();
            assert!(error.message.starts_with("no wheelhouse has one that fits, and 127.0.0.1:"), "{error}");
            assert!(error.message.ends_with("not asked: `index` is false"), "{error}");
            assert_eq!(error.build.as_deref(), Some("six==1.17.0"));
        }
        let no_index = || WheelSources { no_index: true, ..WheelSources::default() };
        let error = harness.wheel(no_index(), &with_files(vec![locked(ANY, url.clone())])).await.unwrap_err();
        assert!(error.message.ends_with("no index is asked: the settings say `no-index`"), "{error}");
        // A page that does not have the wheel.
        let links = vec![FindLinks::Page(index(&format!("http://{}/nothing", server.host)).url)];
        let pages = WheelSources { find_links: links, ..no_index() };
        assert_eq!(harness.wheel(pages, &with_files(vec![locked(ANY, None)])).await.unwrap_err().code, Code::NotFound);
        // The wheelhouse still counts.
        harness.file(&format!("wheels/{ANY}"), ANY);
        assert_eq!(harness.wheel(settings(), &with_files(vec![locked(ANY, None)])).await.unwrap().name, ANY);
    }
    let asked_later = server.requests();
    assert!(asked_later[asked..].iter().all(|request| request.is("GET", "/nothing")));
}

#[tokio::test]
async fn offline_the_cache_has_what_earlier_runs_fetched() {
    let harness = Harness::new();
    let pages = IndexPages::of(Form::Json, &[ANY, AMD64]);
    let server = Scripted::start(move |request| pages.answer(request));
    let indexes = || vec![index(&format!("http://{}/simple", server.host))];
    let online = || WheelSources { indexes: indexes(), ..WheelSources::default() };
    let offline = || WheelSources { no_network: Some(NoNetwork::Offline), ..online() };
    let hashes = vec![sha256(ANY.as_bytes()), sha256(AMD64.as_bytes())];
    let wanted = [with_files(vec![locked(AMD64, None)]), with_hashes(None, hashes), with_hashes(None, Vec::new())];
    for wanted in &wanted {
        let error = harness.wheel(offline(), wanted).await.unwrap_err();
        let (start, end) =
            ("neither the cache nor a wheelhouse has one that fits, and 127.0.0.1:", "`--offline` is set");
        assert!(error.message.starts_with(start) && error.message.ends_with(end), "{error}");
    }
    assert_eq!(server.requests().len(), 0);
    harness.wheel(online(), &wanted[1]).await.unwrap();
    let asked = server.requests().len();
    for wanted in &wanted {
        assert_eq!(harness.wheel(offline(), wanted).await.unwrap().name, AMD64);
    }
    let others = with_hashes(None, vec![sha256(b"other")]);
    assert!(harness.wheel(offline(), &others).await.is_err());
    assert_eq!(server.requests().len(), asked);
}

#[tokio::test]
async fn a_wheelhouse_that_is_not_there_is_said() {
    let harness = Harness::new();
    let error = harness.wheel(settings(&harness), &with_files(Vec::new())).await.unwrap_err();
    assert_eq!(error.message, format!("there is no wheelhouse `{}`", harness.folder.path().join("wheels").display()));
}

#[tokio::test]
async fn archives_of_the_lock_are_taken_where_they_lie() {
    let harness = Harness::new();
    harness.file("wheels/x", "");
    let path = harness.file(&format!("vendor/{ANY}"), ANY);
    let relative = PathBuf::from("vendor").join(ANY);
    let here = |hashes| pinned(PackageOrigin::File { path: relative.clone(), hashes });
    assert_eq!(
        harness.wheel(settings(&harness), &here(vec![sha256(ANY.as_bytes())])).await.unwrap().path.as_ref(),
        path
    );
    assert_eq!(harness.wheel(settings(&harness), &here(Vec::new())).await.unwrap().name, ANY);
    let error = harness.wheel(settings(&harness), &here(vec![sha256(b"other")])).await.unwrap_err();
    assert_eq!(error.code, Code::CorruptContent);

    let url = Some(format!("file://{}", path.display()));
    let offline = || WheelSources { no_network: Some(NoNetwork::Offline), indexes: Vec::new(), ..settings(&harness) };
    let by_url = pinned(PackageOrigin::Url(locked(ANY, url.clone())));
    assert_eq!(harness.wheel(offline(), &by_url).await.unwrap().path.as_ref(), path);
    let in_index = with_files(vec![LockedFile { size: None, ..locked(ANY, url) }]);
    assert_eq!(harness.wheel(offline(), &in_index).await.unwrap().path.as_ref(), path);
}
