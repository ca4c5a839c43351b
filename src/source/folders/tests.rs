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
fn gitignores_hold_below_their_folders() {
    let project = Project::new(&[
        (".gitignore", "*.log\n/build/\n!keep.log\nbad[\n"),
        ("a.log", ""),
        ("keep.log", ""),
        ("build/x", ""),
        ("build/keep.log", ""),
        ("shop/build/x", ""),
        ("shop/.gitignore", "*.tmp\n!a.log\n/y"),
        ("shop/a.log", ""),
        ("shop/b.log", ""),
        ("shop/c.tmp", ""),
        ("shop/y", ""),
        ("shop/z/y", ""),
        ("c.tmp", ""),
    ]);
    assert_eq!(
        project.dump(&application()),
        "c.tmp keep.log shop/a.log shop/build/x shop/z/y | .gitignore=6 carboy.toml and ignore files=2"
    );
}

#[test]
fn gitignores_of_parents_hold_up_to_the_repositorys_root() {
    let project = Project::new(&[("x.log", ""), ("dist/x", ""), ("a.py", "")]);
    project.write(".gitignore", "*.log\n/app/dist\n");
    assert_eq!(project.dump(&application()), "a.py dist/x x.log | ", "no repository");
    fs_err::create_dir(project.path(".git")).unwrap();
    project.write(".git/info/exclude", "*.py");
    assert_eq!(project.dump(&application()), "a.py | .gitignore=2");
    fs_err::create_dir(project.path("app/.git")).unwrap();
    assert_eq!(project.dump(&application()), "a.py dist/x x.log | ", "a repository of its own");
}

#[test]
fn dockerignore_holds_from_the_root() {
    let project = Project::new(&[
        (".dockerignore", "*\n!shop\nshop/**/*.tmp\n"),
        (".gitignore", "*.log"),
        ("README.md", ""),
        ("shop/a.py", ""),
        ("shop/a.log", ""),
        ("shop/b/c.tmp", ""),
        ("shop/b/.dockerignore", "*"),
        ("shop/b/c.py", ""),
    ]);
    assert_eq!(
        project.dump(&application()),
        "shop/a.log shop/a.py shop/b/c.py | .dockerignore=2 carboy.toml and ignore files=3",
        "it replaces .gitignore"
    );
    project.write("app/.dockerignore", "ok\n\na[");
    let error = project.walk(&application()).unwrap_err();
    assert!(error.line().contains(".dockerignore`, line 3: "), "{error}");
}

/// The ignore files that decided, and the files that git ignores and the image gets.
fn decided(project: &Project, rules: &WalkRules) -> (String, String) {
    let left_out = project.walk(rules).unwrap().left_out;
    let file = |file: &IgnoreFile| format!("{}{}", file.path, if file.replaces_git { " for .gitignore" } else { "" });
    let size = |(path, size): &(String, u64)| format!("{path} {size}");
    let files = left_out.ignore_files.iter().map(file).collect::<Vec<_>>().join(", ");
    (files, left_out.git_ignored.iter().map(size).collect::<Vec<_>>().join(", "))
}

#[test]
fn the_ignore_files_that_decide_are_told_and_what_they_let_in() {
    let project = Project::new(&[
        (
            ".gitignore",
            "dist/
*.log
/named
",
        ),
        ("dist/app.js", "12345"),
        ("dist/tracked.js", "1"),
        (
            "shop/.gitignore",
            "made.css
",
        ),
        ("shop/made.css", "123"),
        ("shop/.carboyignore", ""),
        ("named", "1"),
        ("a.log", ""),
    ]);
    fs_err::create_dir(project.path("app/.git")).unwrap();
    fs_err::write(project.path("app/.git/index"), git_index(&["dist/tracked.js"])).unwrap();
    let rules = include(&["named"]);
    assert_eq!(decided(&project, &rules), (".gitignore, .carboyignore".into(), String::new()));
    project.write("app/.containerignore", "*.log");
    let instead = ".containerignore for .gitignore, .carboyignore".to_owned();
    assert_eq!(decided(&project, &rules), (instead, "dist/app.js 5, shop/made.css 3".into()));
    assert_eq!(decided(&project, &WalkRules::default()), (String::new(), String::new()));
}

#[test]
fn what_git_tracks_stays_whatever_gitignore_says() {
    let project = Project::new(&[
        (
            ".gitignore",
            "dist/
*.log
vendor/
uploads/*
.env
",
        ),
        (
            ".carboyignore",
            "dist/no.js
",
        ),
        ("dist/deep/app.js", ""),
        ("dist/no.js", ""),
        ("dist/untracked.js", ""),
        ("dist/.env", ""),
        ("tracked.log", ""),
        ("other.log", ""),
        ("uploads/.gitkeep", ""),
        ("uploads/x", ""),
        ("vendor/module/a.py", ""),
        ("vendor/module/a.pyc", ""),
        ("vendor/module/untracked.py", ""),
        ("vendor/clone/.git/index", ""),
        ("vendor/clone/a.py", ""),
        ("main.py", ""),
    ]);
    let names = ["dist/deep/app.js", "dist/no.js", "dist/.env", "tracked.log", "uploads/.gitkeep", "vendor/module"];
    fs_err::create_dir(project.path("app/.git")).unwrap();
    fs_err::write(project.path("app/.git/index"), git_index(&names)).unwrap();
    fs_err::create_dir_all(project.path("modules/module")).unwrap();
    fs_err::write(project.path("modules/module/index"), git_index(&["a.py", "a.pyc"])).unwrap();
    project.write(
        "app/vendor/module/.git",
        "gitdir: ../../../modules/module
",
    );
    fs_err::write(project.path("app/vendor/clone/.git/index"), git_index(&["a.py"])).unwrap();
    assert_eq!(
        project.dump(&application()),
        "dist/deep/app.js main.py tracked.log uploads/.gitkeep vendor/module/a.py | *.pyc=1 .carboyignore=1 .env*=1 \
         .git=2 .gitignore=6 carboy.toml and ignore files=2"
    );
    let walk = project.walk(&include(&["other.log"])).unwrap();
    let kept: Vec<_> = walk.kept.iter().map(|(path, kept)| format!("{}: {}", show(path), kept.name())).collect();
    assert_eq!(
        kept,
        [
            "dist/deep/app.js: tracked by git",
            "other.log: include",
            "tracked.log: tracked by git",
            "uploads/.gitkeep: tracked by git",
            "vendor/module/a.py: tracked by git"
        ]
    );
    assert_eq!(
        project.dump(&exclude(&["dist", "*.log", "vendor"])).split(" | ").next(),
        Some("main.py uploads/.gitkeep")
    );
    project.write("app/.dockerignore", "vendor\nmain.py\n");
    assert_eq!(
        project.dump(&application()).split(" | ").next(),
        Some("dist/deep/app.js dist/untracked.js other.log tracked.log uploads/.gitkeep uploads/x")
    );
}

#[test]
fn every_left_out_path_is_listed_with_its_rule() {
    let project = Project::new(&[
        (".gitignore", "dist/\n"),
        ("dist/a", ""),
        ("dist/b", ""),
        (".env", ""),
        ("tests/a.py", ""),
        ("uv.lock", ""),
        ("main.py", ""),
    ]);
    let rules = WalkRules { inputs: vec![project.path("app/uv.lock")], ..exclude(&["tests"]) };
    let paths = project.walk(&rules).unwrap().left_out.paths;
    let told: Vec<_> = paths.iter().map(|one| format!("{} {} {}", one.path, one.rule, one.files)).collect();
    assert_eq!(
        told,
        [
            ".env .env* 1",
            ".gitignore carboy.toml and ignore files 1",
            "dist/ .gitignore 2",
            "tests/ exclude 1",
            "uv.lock lock file and wheels 1"
        ]
    );
}

#[test]
fn carboyignore_has_the_last_word_of_the_ignore_files() {
    let project = Project::new(&[
        (".gitignore", "generated.py\nbuild/\n"),
        (".carboyignore", "!generated.py\nnotes\n!build/x\n"),
        ("generated.py", ""),
        ("build/x", ""),
        ("notes/a", ""),
        ("shop/.carboyignore", "generated.py"),
        ("shop/generated.py", ""),
    ]);
    assert_eq!(
        project.dump(&application()),
        "generated.py | .carboyignore=2 .gitignore=1 carboy.toml and ignore files=3"
    );
}

#[test]
fn exclude_beats_ignore_files_and_include_beats_exclude() {
    let project = Project::new(&[
        (".gitignore", "build/\n!keep"),
        ("build/assets/a.css", ""),
        ("build/lib/x", ""),
        ("keep", ""),
        ("tests/a.py", ""),
        ("tests/data/x", ""),
    ]);
    let own = "carboy.toml and ignore files=1";
    assert_eq!(project.dump(&exclude(&["tests/**", "keep"])), format!(" | .gitignore=2 {own} exclude=3"));
    let both =
        WalkRules { include: vec!["build/assets/**".into(), "tests/data".into()], ..exclude(&["tests", "build"]) };
    assert_eq!(project.dump(&both), format!("build/assets/a.css keep tests/data/x | {own} exclude=2"));
    assert_eq!(
        project.dump(&include(&["build/assets/*.css"])),
        format!("build/assets/a.css keep tests/a.py tests/data/x | .gitignore=1 {own}"),
        "include adds to the rest"
    );
}

#[test]
fn what_never_belongs_into_an_application_stays_out() {
    let project = Project::new(&[
        (".git/objects/ab/cd", ""),
        (".git/HEAD", ""),
        (".hg/x", ""),
        (".svn/x", ""),
        (".venv/lib/x.py", ""),
        ("venv/pyvenv.cfg", ""),
        ("venv/bin/x", ""),
        ("env/pyvenv.cfg", ""),
        ("env/lib/a/b", ""),
        ("shop/venv/not-one.py", ""),
        ("shop/__pycache__/x.pyc", ""),
        ("shop/old.pyc", ""),
        (".env", ""),
        (".env.local", ""),
        ("shop/.envrc", ""),
        ("certs/server.key", KEY),
        ("certs/server.pem", "-----BEGIN CERTIFICATE-----\n"),
        ("certs/both.PEM", &format!("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n{KEY}")),
        ("certs/id_rsa", ""),
        ("certs/id_rsa.pub", ""),
        ("certs/a.p12", ""),
        (".DS_Store", ""),
        (".pytest_cache/x", ""),
        (".mypy_cache/x", ""),
        (".ruff_cache/x", ""),
        (".tox/x", ""),
        (".nox/x", ""),
        ("carboy.toml", ""),
        ("shop/carboy.toml", ""),
        ("node_modules/x", ""),
    ]);
    let stays = "certs/id_rsa.pub certs/server.pem shop/carboy.toml shop/venv/not-one.py";
    let left_out = "*.pyc=1 .DS_Store=1 .env*=3 .git=2 .hg=1 .mypy_cache=1 .nox=1 .pytest_cache=1 .ruff_cache=1 .svn=1 \
        .tox=1 .venv=5 __pycache__=1 carboy.toml and ignore files=1 node_modules=1 private keys=4";
    assert_eq!(project.dump(&application()), format!("{stays} | {left_out}"));
    let everything = WalkRules { defaults: false, ..application() };
    assert!(project.dump(&everything).ends_with(" | "));
    assert_eq!(
        project.walk(&everything).unwrap().entries.iter().filter(|entry| entry.kind != LocalKind::Folder).count(),
        30
    );
}

#[test]
fn a_default_gives_way_only_to_a_glob_that_names_it() {
    let project = Project::new(&[
        ("shop/.env", ""),
        ("shop/.env.example", ""),
        ("shop/__pycache__/x.pyc", ""),
        ("shop/tls.key", KEY),
        ("shop/.git", ""),
    ]);
    for broad in ["**", "*", "shop", "shop/**", "shop/*", "**/*.*"] {
        let left_out = " | .env*=2 .git=1 __pycache__=1 private keys=1";
        assert_eq!(project.dump(&include(&[broad])), left_out, "{broad}");
    }
    for (named, stays) in [
        ("shop/.env.example", "shop/.env.example"),
        ("**/.env*", ""),
        ("**/.env", "shop/.env"),
        ("shop/*.key", ""),
        ("shop/tls.key", "shop/tls.key"),
        (".git", "shop/.git"),
        ("shop/__pycache__/**", ""),
        ("shop/__pycache__/*.pyc", "shop/__pycache__/x.pyc"),
    ] {
        let dump = project.dump(&include(&[named]));
        assert_eq!(dump.split(" | ").next(), Some(stays), "{named}");
    }
}

/// A tar of some members.
fn tar(members: &[(&str, &str)]) -> Vec<u8> {
    let mut tar = tar::Builder::new(vec![]);
    for (name, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        tar.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    tar.into_inner().unwrap()
}

#[test]
fn the_cache_and_what_the_run_writes_stay_out() {
    let mut project = Project::new(&[("main.py", ""), ("uv.lock", ""), ("wheels/a.whl", ""), ("old/wheels.txt", "")]);
    project.cache = Arc::new(Cache::new(project.path("app/ci/cache")).unwrap());
    project.write("app/out/anything", "");
    let inputs = ["app/uv.lock", "app/wheels"].map(|name| project.path(name)).to_vec();
    let own = WalkRules { inputs, outputs: vec![project.path("app/out")], ..application() };
    let left_out = "carboy's cache and target=5 lock file and wheels=2";
    assert_eq!(project.dump(&own), format!("main.py old/wheels.txt | {left_out}"));
    assert!(project.walk(&own).unwrap().entries.iter().all(|entry| entry.path != b"ci"), "nothing else is in it");
    // The second time the cache is larger; nobody can ask for it.
    project.write("app/ci/cache/blobs/sha256/abc", "");
    let named = WalkRules { include: vec!["ci/cache/**".into(), "out".into(), "uv.lock".into()], ..own.clone() };
    assert_eq!(
        project.dump(&named),
        "main.py old/wheels.txt uv.lock | carboy's cache and target=6 lock file and wheels=1"
    );
    let copy = WalkRules { ignore_files: false, inputs: vec![], ..own };
    assert_eq!(project.dump(&copy), "main.py old/wheels.txt uv.lock wheels/a.whl | carboy's cache and target=6");
    let error = project.folders().walk(&project.path("app/ci/cache"), &WalkRules::default()).unwrap_err();
    assert!(error.line().ends_with("cannot be part of the image: it is the directory of the cache"), "{error}");
}

#[test]
fn caches_layouts_and_archives_of_others_stay_out_unless_named() {
    let layout = r#"{"imageLayoutVersion":"1.0.0"}"#;
    let hex = "0".repeat(64);
    let project = Project::new(&[
        ("main.py", ""),
        (".cache/uv/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55"),
        (".cache/uv/wheels/a", ""),
        (&format!("earlier/blobs/sha256/{hex}"), ""),
        (&format!("earlier/tars/{hex}"), ""),
        ("earlier/tmp/x", ""),
        ("out/oci-layout", layout),
        ("out/index.json", ""),
        ("data/CACHEDIR.TAG", "not this"),
    ]);
    fs_err::write(project.path("app/shop.tar"), tar(&[("index.json", "{}"), ("oci-layout", layout)])).unwrap();
    fs_err::write(project.path("app/data/data.tar"), tar(&[("a.csv", "1,2")])).unwrap();
    let left_out = "caches=5 image layouts and archives=3";
    assert_eq!(project.dump(&application()), format!("data/CACHEDIR.TAG data/data.tar main.py | {left_out}"));
    assert_eq!(
        project.dump(&include(&["**/*.tar", "out/**"])),
        "data/CACHEDIR.TAG data/data.tar main.py out/index.json out/oci-layout shop.tar | caches=5"
    );
    let walk = project.folders().walk(&project.path("app/out"), &application()).unwrap();
    assert_eq!(walk.entries.len(), 2, "what is walked itself is wanted");
}

#[test]
fn secrets_of_every_kind_stay_out_in_any_case_and_anywhere() {
    let key = format!("deploy:\n{KEY}");
    let account = r#"{"type":"service_account","private_key":"x"}"#;
    let names = [
        ".netrc",
        "etc/.PYPIRC",
        "pip.conf",
        ".npmrc",
        ".git-credentials",
        ".docker/config.json",
        ".aws/credentials",
        ".azure/x",
        ".config/gcloud/x",
        ".Kube/config",
        "KubeConfig",
        ".ssh/known_hosts",
        "a.jks",
        "a.keystore",
        "a.KDBX",
        "AuthKey.p8",
        "a.ppk",
        "infra/terraform.tfstate",
        "infra/prod.tfvars",
        ".streamlit/secrets.toml",
        ".pgpass",
        ".my.cnf",
        ".vault-token",
        "deploy/prod.env",
        "Id_Rsa",
    ];
    let mut files: Vec<_> = names.iter().map(|name| (*name, "x")).collect();
    files.extend([("docs/deploy.md", key.as_str()), ("keys/prod.json", account), ("certs/ca.crt", "certificate")]);
    files.extend([("client.py", KEY), (".streamlit/config.toml", ""), ("kubeconfig.py", ""), ("env.py", "")]);
    let project = Project::new(&files);
    let stays = ".streamlit/config.toml certs/ca.crt client.py env.py kubeconfig.py";
    let left_out = ".env*=1 credentials=19 private keys=7";
    assert_eq!(project.dump(&application()), format!("{stays} | {left_out}"));
    for name in names {
        let dump = project.dump(&include(&[name]));
        assert!(dump.split(" | ").next().unwrap().split(' ').any(|file| file == name), "{name} is named: {dump}");
    }
    let copy = WalkRules { ignore_files: false, ..application() };
    let inside = project.folders().walk(&project.path("app/.streamlit"), &copy).unwrap();
    assert_eq!(inside.entries.len(), 1, "the folder's own name counts");
}

#[test]
fn a_password_in_a_url_is_told_and_never_shown() {
    let project = Project::new(&[
        ("uv.toml", "[[index]]\nurl = \"https://bot:hunter2@pypi.example.com/simple\"\n"),
        ("alembic.ini", "sqlalchemy.url = driver://user:pass@localhost/dbname\n"),
    ]);
    let walk = project.walk(&application()).unwrap();
    assert_eq!(walk.with_passwords, [b"uv.toml"]);
    assert_eq!(project.dump(&application()), "alembic.ini | passwords in URLs=1");
    assert_eq!(project.dump(&include(&["uv.toml"])), "alembic.ini uv.toml | ");
}

#[test]
fn keys_that_stay_in_are_told() {
    let project = Project::new(&[("lib/test.key", KEY), ("lib/cacert.pem", "-----BEGIN CERTIFICATE-----\n")]);
    assert_eq!(project.walk(&WalkRules::default()).unwrap().private_keys, [b"lib/test.key"]);
    assert_eq!(project.walk(&application()).unwrap().private_keys, Vec::<Vec<u8>>::new());
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
fn the_first_of_dockers_ignore_files_is_read() {
    let files: Vec<_> = ignores::DOCKER.iter().map(|name| (*name, format!("{}.txt\n", name.to_lowercase()))).collect();
    let mut all: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let texts: Vec<_> = files.iter().map(|(_, text)| text.trim().to_owned()).collect();
    all.extend(texts.iter().map(|name| (name.as_str(), "")));
    let project = Project::new(&all);
    for name in ignores::DOCKER {
        let dump = project.dump(&application());
        assert!(dump.contains(&format!("{name}=1")), "{name} is the first that is there: {dump}");
        let gone = format!("{}.txt", name.to_lowercase());
        assert!(dump.split(' ').all(|file| file != gone), "{dump}");
        fs_err::remove_file(project.path("app").join(name)).unwrap();
    }
}

#[test]
fn ignore_files_and_nesting_have_limits() {
    let project = Project::new(&[(".gitignore", &"x\n".repeat(10_001)), ("a/main.py", "")]);
    let error = project.walk(&application()).unwrap_err();
    assert!(error.line().ends_with(".gitignore` has more than 1048576 bytes or 10000 lines"), "{error}");
    for long in ["x".repeat((1 << 20) + 1), "\n".repeat(1 << 20)] {
        project.write("app/.gitignore", &long);
        assert!(project.walk(&application()).is_err());
    }
    project.write("app/.gitignore", "");
    let deep = format!("a/{}", "b/".repeat(300));
    fs_err::create_dir_all(project.path("app").join(&deep)).unwrap();
    let error = project.walk(&application()).unwrap_err();
    assert_eq!(error.line(), "`a` has directories nested more than 256 deep");
    assert_eq!(error.hint.as_deref(), Some("exclude it: exclude = [\"a\"] under [app]"));
    assert_eq!(project.dump(&exclude(&["a"])), " | carboy.toml and ignore files=1 exclude=1");
}

/// Builds an index as git writes it, version 2.
fn git_index(names: &[&str]) -> Vec<u8> {
    let count = u32::try_from(names.len()).unwrap();
    let mut out = [b"DIRC\0\0\0\x02".as_slice(), &count.to_be_bytes()].concat();
    for name in names {
        let mut entry = [&[0; 24][..], &0o100_644_u32.to_be_bytes(), &[0; 34], name.as_bytes(), &[0]].concat();
        entry.resize(entry.len().next_multiple_of(8), 0);
        out.extend(entry);
    }
    [out, vec![0; 20]].concat()
}

#[test]
fn what_git_tracks_and_a_rule_leaves_out_is_named() {
    let project = Project::new(&[
        (".github/workflows/ci.yml", ""),
        (".github/workflows/cd.yml", ""),
        ("certs/dev.key", KEY),
        ("certs/local.key", KEY),
        ("prod.env", ""),
        ("dist/x.js", ""),
        ("notes", ""),
        (".gitignore", "dist\n"),
        (".dockerignore", "notes"),
        ("lib/sub/.env", ""),
        ("main.py", ""),
    ]);
    let names = [
        "app/.github/workflows/cd.yml",
        "app/.github/workflows/ci.yml",
        "app/.gitignore",
        "app/certs/dev.key",
        "app/certs/gone.key",
        "app/dist/x.js",
        "app/main.py",
        "app/notes",
        "app/prod.env",
        "other/.env",
    ];
    fs_err::create_dir(project.path(".git")).unwrap();
    fs_err::write(project.path(".git/index"), git_index(&names)).unwrap();
    project.write("modules/sub/index", "");
    fs_err::write(project.path("modules/sub/index"), git_index(&[".env"])).unwrap();
    project.write("app/lib/sub/.git", "gitdir: ../../../modules/sub\n");
    let tracked = |rules: &WalkRules| {
        let all = project.walk(rules).unwrap().left_out.tracked;
        all.iter().map(|one| format!("{} {} {}", one.path, one.files, one.rule)).collect::<Vec<_>>()
    };
    assert_eq!(
        tracked(&application()),
        ["certs/dev.key 1 private keys", "lib/sub/.env 1 .env*", "prod.env 1 .env*", ".github/ 2 development files"]
    );
    assert!(project.walk(&application()).unwrap().entries.iter().any(|entry| entry.path == b"dist/x.js"));
    let wanted = WalkRules { include: vec!["certs/dev.key".into()], ..exclude(&["prod.env", "dist", ".github"]) };
    assert_eq!(tracked(&wanted), ["lib/sub/.env 1 .env*"]);
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

#[test]
fn what_the_configuration_names_is_judged_by_what_it_leads_to() {
    let project = Project::new(&[
        (".git/config", "x"),
        (".aws/credentials", "x"),
        (".env", "A=1"),
        ("certs/tls.key", KEY),
        ("site/index.html", ""),
        ("node_modules/a.js", ""),
    ]);
    for (link, target) in
        [("al", ".aws"), ("alias.txt", ".env"), ("doc.txt", "certs/tls.key"), ("ok", "site"), ("git", ".git/config")]
    {
        project.link(link, target);
    }
    let folder = project.path("app");
    let check = |named: &str, include: &[&str]| {
        let include: Vec<_> = include.iter().map(|&glob| glob.to_owned()).collect();
        let checked = project.folders().check_named(&folder, &folder.join(named), &include);
        checked.map_err(|error| error.line()).err().unwrap_or_default()
    };
    for (named, include) in [
        ("certs/tls.key", &[][..]),
        (".env", &[]),
        (".aws", &[]),
        (".aws/credentials", &[]),
        ("site", &[]),
        ("ok", &[]),
        (".", &[]),
        ("node_modules", &[]),
        ("nothing", &[]),
        (".git/config", &[".git/config"]),
        ("git", &[".git"]),
        ("al", &[".aws"]),
        ("alias.txt", &[".env"]),
        ("doc.txt", &["tls.key"]),
    ] {
        assert_eq!(check(named, include), "", "{named} {include:?}");
    }
    for (named, include, name, rule) in [
        (".git/config", &[][..], ".git", ".git"),
        (".git/config", &["config", "**"], ".git", ".git"),
        (".GIT/../.git", &[], ".git", ".git"),
        ("git", &[], ".git", ".git"),
        ("al", &[], ".aws", "credentials"),
        ("al/credentials", &[], ".aws", "credentials"),
        ("alias.txt", &["alias.txt"], ".env", ".env*"),
        ("doc.txt", &[], "tls.key", "private keys"),
    ] {
        if named.starts_with(".GIT") {
            fs_err::create_dir_all(folder.join(".GIT")).unwrap();
        }
        let want = format!("`{named}` leads to `{name}`, which the rule `{rule}` leaves out");
        assert_eq!(check(named, include), want, "{named} {include:?}");
    }
    // the project's own place is nobody's fault
    let inside = folder.join(".aws");
    project.folders().check_named(&inside, &inside.join("credentials"), &[]).unwrap();
}

#[test]
fn ignore_files_are_files() {
    let project = Project::new(&[
        (".containerignore/x", ""),
        (".dockerignore", "notes\n"),
        ("notes", ""),
        ("shared/ignore", "*.log\n"),
        ("a.log", ""),
    ]);
    assert!(!project.dump(&application()).contains("notes"), "a folder of an ignore file's name is none");
    project.write("rules", "*.log\n");
    project.link(".gitignore", "shared/ignore");
    assert!(project.dump(&application()).starts_with(".containerignore/x a.log"), "git reads no links");
    project.link(".carboyignore", "shared/ignore");
    assert!(!project.dump(&application()).contains("a.log"));
    fs_err::remove_file(project.path("app/.carboyignore")).unwrap();
    project.link(".carboyignore", "../rules");
    let error = project.walk(&application()).unwrap_err();
    assert!(error.line().ends_with(".carboyignore` is a link that leads out of the project"), "{error}");
    fs_err::create_dir(project.path(".git")).unwrap();
    assert!(!project.dump(&application()).contains("a.log"), "within the repository");
}

#[test]
fn nothing_vanishes_from_usual_projects() {
    let names = [
        "alembic.ini",
        "alembic/env.py",
        "alembic/versions/1_first.py",
        "config.yaml",
        "manage.py",
        "notebooks/explore.ipynb",
        "openapi.yaml",
        "production.ini",
        "settings.toml",
        "shop/migrations/0001_initial.py",
        "shop/settings.py",
        "shop/static/site.css",
        "shop/templates/index.html",
        "tests/test_shop.py",
    ];
    let text = |name: &str| match name {
        "alembic.ini" => "sqlalchemy.url = driver://user:pass@localhost/dbname\n",
        "config.yaml" => "# proxy: http://user:password@proxy.example.com:8080\nname: shop\n",
        "openapi.yaml" => "example: https://user:secret@example.com/hook\n",
        "production.ini" => "result_backend = db+postgresql://postgres:airflow@postgres/airflow\n",
        "settings.toml" => "dsn = \"https://0123456789abcdef0123456789abcdef@o123.ingest.sentry.io/456\"\n",
        "shop/settings.py" => "DATABASE_URL = 'postgres://shop:xK29fa@db/shop'\nSECRET_KEY = 'django-insecure-x'\n",
        _ => "",
    };
    let files: Vec<_> = names.iter().map(|name| (*name, text(name))).collect();
    let project = Project::new(&files);
    assert_eq!(project.dump(&application()), format!("{} | ", names.join(" ")));
}
