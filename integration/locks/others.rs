//! Lock files that Poetry and pipenv wrote, and what these said of them.
//!
//! Each folder beside this file has a project, its lock file, and `answers.json`: what
//! the tool, whose version stands there too, would install. Exports were cut to each
//! platform with `packaging.markers`; folders are left out of the answers.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use carboy::hint::Hint as _;
use carboy::python::lock::{LockSelection, PackageOrigin, Sources};
use serde::Deserialize;

use super::{choice, environment, lock, pinned, versions};

#[derive(Deserialize)]
struct Answers {
    tool: String,
    answers: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    said: String,
    extras: Vec<String>,
    groups: Vec<String>,
    python: String,
    machine: String,
    versions: BTreeMap<String, String>,
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("integration/locks").join(name)
}

#[track_caller]
fn agrees(name: &str, file: &str) {
    let folder = folder(name);
    let answers: Answers = serde_json::from_slice(&fs::read(folder.join("answers.json")).unwrap()).unwrap();
    assert!(answers.answers.len() > 2);
    for Answer { said, extras, groups, python, machine, versions: want } in answers.answers {
        let machine = if machine == "aarch64" { "aarch64" } else { "x86_64" };
        let choice = LockSelection { extras, groups, ..LockSelection::default() };
        let found = pinned(&folder.join(file), &environment(&python, machine), &choice);
        assert!(want.len() > 15);
        assert_eq!(versions(&found), want, "{}, {said}: {python} {machine} {choice:?}", answers.tool);
        let lib = found.iter().find(|one| one.name == "lib").unwrap();
        assert_eq!(lib.origin, PackageOrigin::Folder { path: "lib".into() });
    }
    assert!(lock(&folder.join(file)).unwrap().warnings().is_empty());
}

#[test]
fn poetry_2_tells_groups_and_markers() {
    agrees("poetry-2.1", "poetry.lock");
    let path = folder("poetry-2.1").join("poetry.lock");
    let found = pinned(&path, &environment("3.13.5", "x86_64"), &LockSelection::default());
    let of = |name: &str| &found.iter().find(|one| one.name == name).unwrap().origin;
    assert!(matches!(of("idna"), PackageOrigin::Url(file) if file.url.is_some() && file.hashes.len() == 1));
    let PackageOrigin::Index { index: Some(index), files, .. } = of("attrs") else { panic!("{found:?}") };
    assert_eq!(index, "https://pypi.org/simple");
    assert_eq!(
        files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(),
        ["attrs-26.1.0-py3-none-any.whl", "attrs-26.1.0.tar.gz"]
    );
    let lock = lock(&path).unwrap();
    assert_eq!(lock.sources(), &Sources::default());
    let here = environment("3.13.5", "x86_64");
    let error = lock.pinned(&here, &choice(&[], &["doc"], None)).unwrap_err();
    assert_eq!(error.to_string(), "poetry.lock: has no group `doc`");
    let error = lock.pinned(&environment("3.9.2", "x86_64"), &LockSelection::default()).unwrap_err();
    assert_eq!(error.to_string(), "poetry.lock: requires Python >=3.10,<4, and the image's is 3.9.2");
}

#[test]
fn before_that_the_graph_is_walked() {
    agrees("poetry-2.0", "poetry.lock");
    agrees("poetry-1.1", "poetry.lock");
    // lock-version 1 lists the files of all versions of a name together.
    let found =
        pinned(&folder("poetry-1.1").join("poetry.lock"), &environment("3.13.5", "x86_64"), &LockSelection::default());
    let attrs = found.iter().find(|one| one.name == "attrs").unwrap();
    let PackageOrigin::Index { files, .. } = &attrs.origin else { panic!("{attrs:?}") };
    assert!(files.len() == 2 && files.iter().all(|file| file.name.contains("26.1.0")), "{files:?}");
}

#[test]
fn pipenvs_categories() {
    agrees("pipfile", "Pipfile.lock");
    let path = folder("pipfile").join("Pipfile.lock");
    let lock = lock(&path).unwrap();
    assert_eq!(lock.sources().index.as_deref(), Some("https://pypi.org/simple"));
    assert_eq!(lock.sources().extra_indexes, ["https://test.pypi.org/simple"]);
    // pipenv locks for its own platform; what only another one needs is left open.
    let error = lock.pinned(&environment("3.11.9", "aarch64"), &LockSelection::default()).unwrap_err();
    assert_eq!(error.to_string(), "Pipfile.lock: `distro` has no one version");
    assert!(error.hint().unwrap().contains("pipenv lock"));
    let error = lock.pinned(&environment("3.13.5", "x86_64"), &LockSelection::default()).unwrap_err();
    assert_eq!(error.to_string(), "Pipfile.lock: requires Python 3.11, and the image's is 3.13.5");
    let error = lock.pinned(&environment("3.11.9", "x86_64"), &choice(&[], &["doc"], None)).unwrap_err();
    assert_eq!(error.hint().unwrap(), "did you mean `docs`? it has `develop`, `docs`");
}
