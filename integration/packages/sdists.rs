//! Wheels that carboy makes from locked sdists, and sdists from which it makes none.

use std::collections::BTreeMap;
use std::fs;

use carboy::python::lock::{LockedFile, PackageOrigin, Pinned};
use carboy::wheels::{WheelError, WheelFile, WheelSources};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::harness::{AMD64, Form, Harness, IndexPages, SDIST, index, locked, sha256, with_files, with_hashes};
use crate::scripted::Scripted;

const PKG_INFO: &str = "Metadata-Version: 2.1\nName: six\nVersion: 1.17.0\nSummary: compatibility\n";

/// The entries of a tar archive: path, type, content or link target.
fn tar_gz(entries: &[(&str, u8, &str)]) -> Vec<u8> {
    let mut out = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    for (path, kind, content) in entries {
        let mut header = tar::Header::new_gnu();
        // The crate refuses what hostile archives have.
        header.as_mut_bytes()[..path.len()].copy_from_slice(path.as_bytes());
        header.set_entry_type(tar::EntryType::new(*kind));
        header.set_mode(0o644);
        let is_file = *kind == b'0';
        if !is_file {
            header.as_mut_bytes()[157..157 + content.len()].copy_from_slice(content.as_bytes());
        }
        header.set_size(if is_file { content.len() as u64 } else { 0 });
        header.set_cksum();
        out.append(&header, if is_file { content.as_bytes() } else { b"" }).unwrap();
    }
    out.into_inner().unwrap().finish().unwrap()
}

/// An sdist of `six` with further files.
fn sdist(files: &[(&str, &str)]) -> Vec<u8> {
    let paths: Vec<_> = files.iter().map(|(path, _)| format!("six-1.17.0/{path}")).collect();
    let mut entries = vec![("six-1.17.0/PKG-INFO", b'0', PKG_INFO)];
    entries.extend(paths.iter().zip(files).map(|(path, (_, content))| (path.as_str(), b'0', *content)));
    tar_gz(&entries)
}

fn pure() -> Vec<u8> {
    sdist(&[
        ("setup.py", "from setuptools import setup\nsetup(name='six', py_modules=['six'])\n"),
        ("six.py", "x = 1\n"),
    ])
}

fn of(content: &[u8], url: Option<String>) -> LockedFile {
    LockedFile { hashes: vec![sha256(content)], size: Some(content.len() as u64), ..locked(SDIST, url) }
}

fn server(content: &[u8]) -> Scripted {
    let pages =
        IndexPages { files: BTreeMap::from([(SDIST.to_owned(), content.to_vec())]), ..IndexPages::of(Form::Json, &[]) };
    Scripted::start(move |request| pages.answer(request))
}

fn settings(server: &Scripted) -> WheelSources {
    WheelSources {
        indexes: vec![index(&format!("http://{}/simple", server.host))],
        pypi: false,
        ..WheelSources::default()
    }
}

fn contents(wheel: &WheelFile) -> Vec<(String, String)> {
    let mut archive = zip::ZipArchive::new(fs::File::open(&wheel.path).unwrap()).unwrap();
    let count = archive.len();
    let read = |at: usize| {
        let mut file = archive.by_index(at).unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut file, &mut text).unwrap();
        (file.name().unwrap().into_owned(), text)
    };
    (0..count).map(read).collect()
}

#[tokio::test]
async fn a_locked_sdist_becomes_a_wheel() {
    let content = pure();
    let server = server(&content);
    let harness = Harness::new();
    let pinned = with_files(vec![of(&content, None)]);
    let wheel = harness.wheel(settings(&server), &pinned).await.unwrap();
    assert_eq!((wheel.name.as_str(), wheel.sdist.as_deref()), ("six-1.17.0-py3-none-any.whl", Some(SDIST)));
    let names: Vec<_> = contents(&wheel).into_iter().map(|(name, _)| name).collect();
    let info = |name: &str| format!("six-1.17.0.dist-info/{name}");
    assert_eq!(names, [info("METADATA"), info("WHEEL"), info("top_level.txt"), "six.py".to_owned(), info("RECORD")]);
    // The cache has the wheel: nothing is asked again. Elsewhere it has the same bytes.
    let asked = server.requests().len();
    let again = harness.wheel(settings(&server), &pinned).await.unwrap();
    assert_eq!((&again, server.requests().len()), (&wheel, asked));
    let elsewhere = Harness::new().wheel(settings(&server), &pinned).await.unwrap();
    assert_eq!(elsewhere.digest, wheel.digest);
}

#[tokio::test]
async fn hashes_without_names_find_an_sdist_too() {
    let content = pure();
    let server = server(&content);
    for hashes in [vec![sha256(&content)], vec![sha256(b"another"), sha256(&content)], Vec::new()] {
        let wheel = Harness::new().wheel(settings(&server), &with_hashes(None, hashes)).await.unwrap();
        assert_eq!(wheel.sdist.as_deref(), Some(SDIST));
    }
}

#[tokio::test]
async fn an_archive_with_a_hash_is_built_wherever_it_is() {
    let content = pure();
    let server = server(&content);
    let url = Some(format!("http://{}/files/{SDIST}", server.host));
    let at_url = Pinned { origin: PackageOrigin::Url(of(&content, url.clone())), ..with_files(Vec::new()) };
    let wheel = Harness::new().wheel(WheelSources::default(), &at_url).await.unwrap();
    assert_eq!(wheel.sdist.as_deref(), Some(SDIST));
    let harness = Harness::new();
    let path = harness.file(SDIST, &content);
    let at_path =
        |hashes| Pinned { origin: PackageOrigin::File { path: path.clone(), hashes }, ..with_files(Vec::new()) };
    let wheel = harness.wheel(WheelSources::default(), &at_path(vec![sha256(&content)])).await.unwrap();
    assert_eq!(wheel.sdist.as_deref(), Some(SDIST));
    // Without a hash, nobody knows what it is.
    let error = harness.wheel(WheelSources::default(), &at_path(Vec::new())).await.unwrap_err();
    assert_eq!(error.message, format!("{SDIST} must be built, and no wheelhouse has one that fits"));
}

async fn refused(content: &[u8]) -> WheelError {
    let server = server(content);
    Harness::new().wheel(settings(&server), &with_files(vec![of(content, None)])).await.unwrap_err()
}

#[tokio::test]
async fn an_sdist_that_must_be_compiled_is_refused() {
    let setup = "from setuptools import Extension, setup\nsetup(ext_modules=[Extension('six', ['six.c'])])\n";
    let error = refused(&sdist(&[("setup.py", setup), ("six.c", "")])).await;
    let why = "there is an sdist six-1.17.0.tar.gz only; carboy cannot build it: it is not pure Python: it has extension modules";
    assert_eq!((error.message.as_str(), error.build.as_deref()), (why, Some("six==1.17.0")));
    // Wheels for other platforms say the same: the sdist is not even fetched.
    let content = pure();
    let server = server(&content);
    let pinned = with_files(vec![of(&content, None), locked(&AMD64.replace("x86_64", "s390x"), None)]);
    let error = Harness::new().wheel(settings(&server), &pinned).await.unwrap_err();
    assert!(!error.message.contains("carboy"), "{error}");
    assert!(server.requests().iter().all(|request| !request.line.contains(SDIST)));
}

#[tokio::test]
async fn another_distribution_and_changed_content_are_refused() {
    let other = tar_gz(&[
        ("a/PKG-INFO", b'0', "Metadata-Version: 2.1\nName: seven\nVersion: 1.17.0\n"),
        ("a/setup.py", b'0', "from setuptools import setup\nsetup(py_modules=['six'])\n"),
        ("a/six.py", b'0', ""),
    ]);
    assert!(
        refused(&other).await.message.ends_with("carboy cannot build it: it would be seven-1.17.0-py3-none-any.whl")
    );
    let (content, server) = (pure(), server(b"another"));
    let error = Harness::new().wheel(settings(&server), &with_files(vec![of(&content, None)])).await.unwrap_err();
    assert!(error.message.contains("; it cannot be fetched: "), "{error}");
}

#[tokio::test]
async fn hostile_archives_are_refused() {
    let setup = ("s/setup.py", b'0', "from setuptools import setup\nsetup(py_modules=['six'])\n");
    let (info, six) = (("s/PKG-INFO", b'0', PKG_INFO), ("s/six.py", b'0', ""));
    for (entry, why) in [
        (("s/../../etc/passwd", b'0', "x"), "it has the path `s/../../etc/passwd`"),
        (("/etc/passwd", b'0', "x"), "it has the path `/etc/passwd`"),
        (("s/a", b'2', "../../etc/passwd"), "`s/a` is a link that leads outside"),
        (("s/a", b'2', "/etc/passwd"), "`s/a` is a link that leads outside"),
        (("s/a", b'2', "a"), "`a` is a link to something that is not a file of it"),
        (("s/a", b'1', "other/six.py"), "its files are below several directories"),
        (("s/a", b'3', ""), "`s/a` is neither a file nor a directory"),
        (("t/a", b'0', ""), "its files are below several directories"),
        (("s/six.py/x", b'0', ""), "`six.py/x` is below a file"),
    ] {
        let error = refused(&tar_gz(&[info, setup, six, entry])).await;
        assert!(error.message.ends_with(&format!("carboy cannot build it: {why}")), "{error}");
    }
    let error = refused(b"no archive").await;
    assert!(error.message.contains("carboy cannot build it: the archive cannot be read: "), "{error}");
    let linked = tar_gz(&[info, setup, ("s/real.py", b'0', "x = 2\n"), ("s/six.py", b'2', "real.py")]);
    let (server, harness) = (server(&linked), Harness::new());
    let wheel = harness.wheel(settings(&server), &with_files(vec![of(&linked, None)])).await.unwrap();
    assert!(contents(&wheel).contains(&("six.py".to_owned(), "x = 2\n".to_owned())));
}
