//! Ignore files of git, docker and carboy, and what git tracks.

use super::*;

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
