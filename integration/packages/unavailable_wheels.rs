//! Errors about distributions without a wheel that fits.

use std::path::PathBuf;

use carboy::python::lock::{PackageOrigin, Pinned};
use carboy::python::tags::Target;
use carboy::wheels::{WheelError, WheelSources};

use crate::harness::{
    AMD64, ARM64, Form, Harness, IndexPages, SDIST, index, locked, pinned, target, with_files, with_hashes,
};
use crate::scripted::Scripted;

async fn lacking(settings: WheelSources, pinned: &Pinned) -> WheelError {
    Harness::new().wheels(settings).wheel(pinned, &target("aarch64")).await.unwrap_err()
}

fn offline() -> WheelSources {
    WheelSources { no_index: true, ..WheelSources::default() }
}

#[tokio::test]
async fn what_there_is_instead_is_named() {
    for (names, what, way_out) in [
        (
            &[SDIST, AMD64, "six-1.17.0-cp313-cp313-musllinux_1_2_aarch64.whl", "six-1.17.0-cp313-cp313-win_amd64.whl"]
                [..],
            "there is an sdist six-1.17.0.tar.gz and wheels for linux/amd64 only",
            None,
        ),
        (&[SDIST], "there is an sdist six-1.17.0.tar.gz only; it cannot be fetched: the settings say `no-index`", None),
        (
            &["six-1.17.0.tar.bz2"],
            "there is an sdist six-1.17.0.tar.bz2 only; it cannot be fetched: the settings say `no-index`",
            None,
        ),
        (
            &[
                "six-1.17.0-cp39-cp39-manylinux_2_17_aarch64.whl",
                "six-1.17.0-cp311-cp311-manylinux_2_17_aarch64.whl",
                "six-1.17.0-cp312-cp312-manylinux_2_17_aarch64.whl",
                "six-1.17.0-pp310-pypy310_pp73-manylinux_2_17_aarch64.whl",
                AMD64,
            ],
            "there are wheels for Python pp310, 3.12, 3.11, 3.9 only",
            Some(""),
        ),
        (
            &["six-1.17.0-pp310-pypy310_pp73-manylinux_2_17_aarch64.whl"],
            "there are wheels for Python pp310 only",
            Some(""),
        ),
        (
            &["six-1.17.0-cp313-cp313-manylinux_2_99_aarch64.whl"],
            "there are wheels for glibc 2.99 and later only",
            Some(""),
        ),
        (
            &[AMD64],
            "there are wheels for linux/amd64 only",
            Some(
                "build with --platform linux/amd64 alone, leave it out elsewhere with a marker \
                 (`six==1.17.0 ; platform_machine == 'x86_64'`), or ",
            ),
        ),
        (
            &["six-1.17.0-py3-none-win_amd64.whl", "six-1.17.0-py3-none-macosx_11_0_arm64.whl"],
            "there are wheels for Windows, macOS only",
            Some("leave `six` out on Linux with a marker (`six==1.17.0 ; sys_platform != 'linux'`), or "),
        ),
        (
            &["six-1.17.0-cp313-cp313-win_amd64.whl", "six-1.17.0-cp39-cp39-win32.whl"],
            "there are wheels for Windows only",
            Some("leave `six` out on Linux with a marker (`six==1.17.0 ; sys_platform == 'win32'`), or "),
        ),
        (&["six-1.17.0-cp313-cp313-musllinux_1_2_aarch64.whl"], "there are wheels for musl only", Some("")),
    ] {
        let error = lacking(offline(), &with_files(names.iter().map(|name| locked(name, None)).collect())).await;
        assert_eq!(error.message, what);
        // Only where there is something to build it from.
        assert_eq!(error.build.as_deref(), if way_out.is_none() { Some("six==1.17.0") } else { None });
        let last = "lock a version of `six` that has a wheel for Python 3.13, aarch64";
        let alone = "for linux/amd64 alone: platforms = [\"linux/amd64\"], or --platform linux/amd64".to_owned();
        let alone = what.ends_with("sdist six-1.17.0.tar.gz and wheels for linux/amd64 only").then_some(alone);
        assert_eq!(error.hint, way_out.map(|first| format!("{first}{last}")).or(alone));
    }
}

/// An error with another reason keeps its own line.
#[tokio::test]
async fn the_pythons_that_have_wheels_are_known() {
    let earlier = "six-1.17.0-cp312-cp312-manylinux_2_17_aarch64.whl";
    let amd64 = "six-1.17.0-cp312-cp312-manylinux_2_17_x86_64.whl";
    let stable = "six-1.17.0-cp314-abi3-manylinux_2_17_aarch64.whl";
    let newer = "six-1.17.0-cp315-cp315-manylinux_2_99_aarch64.whl";
    for (names, want) in [
        (&[SDIST, earlier, amd64][..], Some((&[12][..], true))),
        (&[earlier, stable, newer], Some((&[12, 14, 15], true))),
        (&[stable, "six-1.17.0-cp315-cp315-win_amd64.whl"], Some((&[14, 15], true))),
        (&[SDIST, amd64], Some((&[], false))),
        (&[AMD64, amd64], None),
        (&["six-1.17.0-cp312-cp312-win_amd64.whl"], None),
        (&[SDIST, "six-1.17.0-py2-none-any.whl"], None),
    ] {
        let error = lacking(offline(), &with_files(names.iter().map(|name| locked(name, None)).collect())).await;
        let found = error.other_pythons.map(|other| (other.minors, other.is_only_reason));
        assert_eq!(found, want.map(|(minors, only)| (minors.iter().copied().collect(), only)), "{names:?}");
    }
}

/// Perhaps nobody can build it for Linux.
#[tokio::test]
async fn what_is_for_other_systems_may_be_left_out() {
    let names = [SDIST, "six-1.17.0-cp312-cp312-macosx_11_0_arm64.whl"];
    let error = lacking(offline(), &with_files(names.map(|name| locked(name, None)).to_vec())).await;
    assert_eq!(error.message, "there is an sdist six-1.17.0.tar.gz and wheels for Python 3.12 and macOS only");
    let hint = "leave `six` out on Linux with a marker (`six==1.17.0 ; sys_platform == 'darwin'`)";
    assert_eq!((error.hint.as_deref(), error.build.as_deref()), (Some(hint), Some("six==1.17.0")));
}

/// The base decides which glibc there is.
#[tokio::test]
async fn a_newer_base_may_do() {
    let old = Target { glibc: Some((2, 31)), ..target("x86_64") };
    let pinned = with_files(vec![locked("six-1.17.0-cp313-cp313-manylinux_2_34_x86_64.whl", None)]);
    let error = Harness::new().wheels(offline()).wheel(&pinned, &old).await.unwrap_err();
    assert_eq!(error.message, "there are wheels for glibc 2.34 and later only");
    let hint = error.hint.unwrap();
    assert!(
        hint.starts_with("use a base of Debian 12 or later, with glibc 2.36, or lock a version of `six`"),
        "{hint}"
    );
}

/// An sdist that the lock file does not have is one to build from, too.
#[tokio::test]
async fn an_sdist_of_the_index_can_be_built() {
    let pages = IndexPages::of(Form::Json, &[SDIST, "six-1.16.0.zip"]);
    let server = Scripted::start(move |request| pages.answer(request));
    let settings = || WheelSources {
        indexes: vec![index(&format!("http://{}/simple", server.host))],
        pypi: false,
        ..WheelSources::default()
    };
    for pinned in [with_files(vec![locked(AMD64, None)]), with_hashes(None, Vec::new())] {
        let error = lacking(settings(), &pinned).await;
        assert!(error.message.starts_with("there is an sdist six-1.17.0.tar.gz "), "{error}");
        assert_eq!(error.build.as_deref(), Some("six==1.17.0"));
        assert!(error.hint.is_none_or(|hint| hint.starts_with("for linux/amd64 alone: ")));
    }
}

#[tokio::test]
async fn what_the_index_has_and_the_lock_lacks_is_named() {
    let pages = IndexPages::of(Form::Json, &[AMD64, ARM64]);
    let server = Scripted::start(move |request| pages.answer(request));
    let settings = || WheelSources {
        indexes: vec![index(&format!("http://{}/simple", server.host))],
        pypi: false,
        ..WheelSources::default()
    };
    let error = lacking(settings(), &with_files(vec![locked(AMD64, None)])).await;
    assert_eq!(error.message, "there are wheels for linux/amd64 only");
    assert_eq!(
        error.hint.unwrap(),
        format!(
            "the index has {ARM64}: have it locked too, in uv with [tool.uv] required-environments = \
             [\"sys_platform == 'linux' and platform_machine == 'aarch64'\"]"
        )
    );
}

#[tokio::test]
async fn an_index_without_the_version_is_named() {
    let pages = IndexPages::of(Form::Html, &[AMD64, SDIST, "six-1.16.0-py3-none-any.whl"]);
    let server = Scripted::start(move |request| pages.answer(request));
    let at = format!("http://{}/simple", server.host);
    let settings = || WheelSources { indexes: vec![index(&at)], pypi: false, ..WheelSources::default() };
    let error = lacking(settings(), &with_hashes(None, Vec::new())).await;
    let what = "there is an sdist six-1.17.0.tar.gz and wheels for linux/amd64 only";
    assert_eq!(error.message, what);
    let later = Pinned { version: Some("1.18".parse().unwrap()), ..with_hashes(None, Vec::new()) };
    let error = lacking(settings(), &later).await;
    assert_eq!(error.message, format!("{at} does not have it"));
    let other = Pinned { name: "seven".to_owned(), ..later };
    let error = lacking(settings(), &other).await;
    assert_eq!(error.message, format!("{at} does not have it"));
}

#[tokio::test]
async fn what_has_to_be_built_comes_with_the_command() {
    let url = |url: &str| Some(url.to_owned());
    for (origin, what, command) in [
        (
            PackageOrigin::Git { url: "https://user:s3cret@git.example/six.git?rev=main#0123abcd".to_owned() },
            "it comes from https://git.example/six.git by git, and no wheelhouse has one that fits",
            "git+https://git.example/six.git@0123abcd",
        ),
        (
            PackageOrigin::Folder { path: PathBuf::from("libs/six") },
            "it is the project in `libs/six`, and no wheelhouse has one that fits",
            "./libs/six",
        ),
        (
            PackageOrigin::File { path: PathBuf::from("vendor").join(SDIST), hashes: Vec::new() },
            "six-1.17.0.tar.gz must be built, and no wheelhouse has one that fits",
            "vendor/six-1.17.0.tar.gz",
        ),
        (
            PackageOrigin::File { path: PathBuf::from("-rx").join(SDIST), hashes: Vec::new() },
            "six-1.17.0.tar.gz must be built, and no wheelhouse has one that fits",
            "./-rx/six-1.17.0.tar.gz",
        ),
        (
            PackageOrigin::Url(locked(SDIST, url("https://user:s3cret@a.example/six-1.17.0.tar.gz?token=s3cret"))),
            "six-1.17.0.tar.gz must be built, and no wheelhouse has one that fits; it cannot be fetched: the settings say \
             `no-index`",
            "https://a.example/six-1.17.0.tar.gz",
        ),
        (
            PackageOrigin::Url(locked(AMD64, url("https://a.example/x"))),
            "six-1.17.0-cp313-cp313-manylinux_2_28_x86_64.whl does not fit",
            "",
        ),
    ] {
        let error = lacking(offline(), &pinned(origin)).await;
        assert_eq!(error.message, what);
        assert_eq!(error.build.as_deref(), Some(command).filter(|command| !command.is_empty()));
    }
}
