use std::ffi::OsStr;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::oci::Digest;
use crate::rootfs::IgnoreFile;
use crate::source::ignores;
use crate::source::local_path::show;
use crate::store::{Cache, CacheKind};

mod defaults;
mod ignore_files;

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n";

struct Project {
    root: TempDir,
    cache: Arc<Cache>,
}

impl Project {
    /// Creates a directory with files: names, or names and contents.
    fn new(files: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        let cache = Arc::new(Cache::new(root.path().join("cache")).unwrap());
        let project = Self { root, cache };
        fs_err::create_dir(project.path("app")).unwrap();
        for (name, content) in files {
            project.write(&format!("app/{name}"), content);
        }
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, content).unwrap();
    }

    fn link(&self, name: &str, target: &str) {
        symlink(target, self.path("app").join(name)).unwrap();
    }

    fn folders(&self) -> Folders {
        Folders::new(self.cache.clone())
    }

    fn walk(&self, rules: &WalkRules) -> Result<Walk, OperationError> {
        self.folders().walk(&self.path("app"), rules)
    }

    /// Files and links that stay in, then rules and counts.
    fn dump(&self, rules: &WalkRules) -> String {
        let walk = self.walk(rules).unwrap();
        let stays = walk.entries.iter().filter(|entry| entry.kind != LocalKind::Folder);
        let stays: Vec<_> = stays.map(|entry| show(&entry.path)).collect();
        let left: Vec<_> = walk.left_out.rules.iter().map(|(rule, files)| format!("{rule}={files}")).collect();
        format!("{} | {}", stays.join(" "), left.join(" "))
    }
}

fn application() -> WalkRules {
    WalkRules { ignore_files: true, defaults: true, ..WalkRules::default() }
}

fn include(globs: &[&str]) -> WalkRules {
    WalkRules { include: globs.iter().map(|&glob| glob.to_owned()).collect(), ..application() }
}

fn exclude(globs: &[&str]) -> WalkRules {
    WalkRules { exclude: globs.iter().map(|&glob| glob.to_owned()).collect(), ..application() }
}

#[test]
fn entries_are_sorted_and_folders_lead_to_something() {
    let project = Project::new(&[("shop/b.py", "b"), ("shop/a/x", ""), ("shop-1/c", ""), ("a.sh", "#!/bin/sh")]);
    fs_err::create_dir_all(project.path("app/empty/too")).unwrap();
    fs_err::set_permissions(project.path("app/a.sh"), std::fs::Permissions::from_mode(0o654)).unwrap();
    project.link("shop/link", "../a.sh");
    let walk = project.walk(&application()).unwrap();
    let kinds: Vec<_> = walk
        .entries
        .iter()
        .map(|entry| match &entry.kind {
            LocalKind::Folder => format!("{}/", show(&entry.path)),
            LocalKind::Link(target) => format!("{} -> {}", show(&entry.path), show(target)),
            LocalKind::File(file) => {
                format!("{} {}{}", show(&entry.path), file.size, if file.executable { "x" } else { "" })
            }
        })
        .collect();
    assert_eq!(
        kinds,
        [
            "a.sh 9x",
            "empty/",
            "empty/too/",
            "shop/",
            "shop-1/",
            "shop-1/c 0",
            "shop/a/",
            "shop/a/x 0",
            "shop/b.py 1",
            "shop/link -> ../a.sh"
        ]
    );
    let LocalKind::File(file) = &walk.entries[0].kind else { panic!("a.sh is no file") };
    assert_eq!((file.digest, file.magic), (Digest::of(b"#!/bin/sh"), *b"#!/b"));
    assert_eq!(file.path, project.path("app/a.sh"));
    assert_eq!(project.folders().file(&file.path).unwrap(), *file);
}

#[test]
fn names_are_bytes() {
    let project = Project::new(&[]);
    let name = b"caf\xe9\n.py";
    fs_err::write(project.path("app").join(OsStr::from_bytes(name)), "").unwrap();
    assert_eq!(project.walk(&application()).unwrap().entries[0].path, name);
}

#[test]
fn empty_folders_are_kept_unless_rules_emptied_them() {
    let project = Project::new(&[
        (".gitignore", "tmp/\nlogs/*\n"),
        (".carboyignore", "out/*\n"),
        ("logs/.gitkeep", ""),
        ("out/.gitkeep", ""),
        ("held/.gitignore", "*\n!.gitignore\n"),
        ("held/upload.bin", ""),
        ("made/.gitignore", "*\n"),
        ("secret/.env", ""),
        ("kept/.gitkeep", ""),
        ("tests/a.py", ""),
    ]);
    for name in ["empty", "tmp/empty", "data", "tests/empty"] {
        fs_err::create_dir_all(project.path("app").join(name)).unwrap();
    }
    let rules = exclude(&["data/**", "tests/**"]);
    let kept = || {
        let walk = project.walk(&rules).unwrap();
        let folders = walk.entries.iter().filter(|entry| entry.kind == LocalKind::Folder);
        folders.map(|entry| show(&entry.path)).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(kept(), "empty held kept logs");
    fs_err::remove_file(project.path("app/.carboyignore")).unwrap();
    project.write("app/.dockerignore", "**/.gitignore\nout/*\n");
    assert_eq!(kept(), "empty held kept logs made tmp tmp/empty");
}

#[test]
fn links_that_lead_out_are_errors_unless_left_out() {
    let project = Project::new(&[("shop/a.py", "")]);
    project.link("shop/dangling", "nothing");
    project.link("inside", "shop/../shop/a.py");
    project.link("out", "../secret");
    let error = project.walk(&application()).unwrap_err();
    assert_eq!(error.line(), "the link `out` leads out of the directory, to `../secret`");
    assert!(error.hint.unwrap().starts_with("exclude the link"));
    project.link("shop/etc", "/etc");
    let error = project.walk(&application()).unwrap_err();
    assert_eq!(error.line(), "2 links lead out of the directory: `out` to `../secret` and `shop/etc` to `/etc`");
    fs_err::remove_file(project.path("app/shop/etc")).unwrap();
    assert_eq!(project.dump(&exclude(&["out"])), "inside shop/a.py shop/dangling | exclude=1");
    fs_err::remove_file(project.path("app/out")).unwrap();
    project.link("python", "/usr/bin/python3");
    assert!(project.walk(&WalkRules::default()).unwrap_err().line().contains("`/usr/bin/python3`"));
}

#[test]
fn what_no_image_can_hold_is_an_error() {
    let project = Project::new(&[("shop/.wh.x/a", "")]);
    let error = project.walk(&application()).unwrap_err();
    assert!(error.line().starts_with("`shop/.wh.x/a` cannot be part of an image"), "{error}");
    fs_err::remove_dir_all(project.path("app/shop")).unwrap();
    let _socket = UnixListener::bind(project.path("app/s")).unwrap();
    let error = project.walk(&application()).unwrap_err();
    assert_eq!(error.line(), "`s` is a socket: images have only files, directories and links");
    assert_eq!(project.dump(&exclude(&["s"])), " | exclude=1");
}

#[test]
fn what_is_not_there_is_named() {
    let project = Project::new(&[("file", "")]);
    for (name, message) in [("nothing", "there is no directory `"), ("app/file", "file` is not a directory")] {
        let error = project.folders().walk(&project.path(name), &application()).unwrap_err();
        assert!(error.line().contains(message), "{error}");
    }
    for (name, message) in [("nothing", "there is no file `"), ("app", "app` is a directory, not a file")] {
        let error = project.folders().file(&project.path(name)).unwrap_err();
        assert!(error.line().contains(message), "{error}");
    }
}

#[test]
fn known_files_are_not_opened_again() {
    let project = Project::new(&[("a.py", "a"), ("tls.key", KEY)]);
    let index = project
        .cache
        .path(CacheKind::Folder, &Digest::of(project.path("app").canonicalize().unwrap().as_os_str().as_bytes()));
    let first = project.walk(&application()).unwrap();
    assert!(!index.exists(), "files as young as this are not trusted");
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(project.walk(&application()).unwrap(), first);

    // A lie in the index shows that the files are not looked into.
    let (truth, lie) = (Digest::of(b"a").to_string(), Digest::of(b"lie").to_string());
    let key = Digest::of(project.path("app").canonicalize().unwrap().as_os_str().as_bytes());
    let written = project.cache.record(CacheKind::Folder, &key).unwrap().unwrap();
    let at = written.windows(truth.len()).position(|window| window == truth.as_bytes()).unwrap();
    let mut changed = written.clone();
    changed[at..at + lie.len()].copy_from_slice(lie.as_bytes());
    project.cache.keep(CacheKind::Folder, &key, &changed).unwrap();
    let digest = |walk: Walk| match &walk.entries[0].kind {
        LocalKind::File(file) => file.digest,
        _ => panic!("no file"),
    };
    assert_eq!(project.walk(&application()).unwrap().left_out, first.left_out);
    assert_eq!(digest(project.walk(&application()).unwrap()), Digest::of(b"lie"));
    assert_eq!(project.folders().file(&project.path("app/a.py")).unwrap().digest, Digest::of(b"lie"));
    project.write("app/a.py", "b");
    assert_eq!(digest(project.walk(&application()).unwrap()), Digest::of(b"b"));
}
