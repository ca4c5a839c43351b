//! What uv locks, exports and compiles, against what uv installs.
//!
//! The list to compare with comes from `uv pip install --dry-run` of the project's
//! export, for a Python and a machine that need not be this one's: uv resolves it anew,
//! with the metadata that the index has. For the machine that the test runs on
//! `uv sync --dry-run` says the same without an export.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use carboy::hint::Hint as _;
use carboy::python::lock::{LockSelection, PackageOrigin};
use tempfile::TempDir;

use super::{choice, environment, lock, pinned, versions};
use crate::test_cache::test_cache;

/// What is on the index on this day, so that the test is the same on another.
const BEFORE: &str = "2026-11-01T00:00:00Z";
const TARGETS: [(&str, &str, &str); 2] =
    [("3.11.9", "x86_64", "x86_64-manylinux_2_36"), ("3.13.5", "aarch64", "aarch64-manylinux_2_40")];

#[track_caller]
fn uv(folder: &Path, args: &[&str]) -> String {
    let mut command = Command::new(test_cache("venv/bin/uv"));
    let temporary = TempDir::new().unwrap(); // uv leaves the locks of its projects there
    command.env("TMPDIR", temporary.path());
    let command = command.current_dir(folder).args(args).stdin(Stdio::null());
    // Files that the export's user would have beside it count, settings of this machine do not.
    let command = command.env("UV_EXCLUDE_NEWER", BEFORE).env("UV_NO_CONFIG", "1").env_remove("VIRTUAL_ENV");
    let output = command.output().unwrap_or_else(|cause| panic!("uv: {cause}: run scripts/setup"));
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "uv {}\n{stdout}{stderr}", args.join(" "));
    stdout + &stderr
}

/// The lines ` + name==1.0` of a dry run; those from folders are left out.
fn would_install(said: &str) -> BTreeMap<String, String> {
    let lines = said.lines().filter_map(|line| line.strip_prefix(" + "));
    let lines = lines.filter(|line| !line.contains("(from file://") || line.contains(".whl"));
    let words = lines.map(|line| line.split(' ').next().unwrap());
    words
        .map(|word| word.split_once("==").unwrap())
        .map(|(name, version)| (name.to_owned(), version.to_owned()))
        .collect()
}

struct Project {
    folder: TempDir,
}

impl Project {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let project = Self { folder };
        uv(project.path(), &["lock", "-q", "--index-strategy", "unsafe-best-match"]);
        project
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Compares all formats for all targets; tells how many distributions there were.
    #[track_caller]
    fn agrees(&self, choice: &LockSelection) -> Vec<usize> {
        let of = |flag: &str, names: &[String]| -> Vec<String> {
            names.iter().flat_map(|name| [flag.to_owned(), name.clone()]).collect()
        };
        let member: Vec<_> = choice.member.clone().into_iter().collect();
        let chosen = [of("--extra", &choice.extras), of("--group", &choice.groups), of("--package", &member)].concat();
        let export = |more: &[&str]| {
            let mut args = vec!["export", "-q", "--frozen", "--no-dev"];
            args.extend(chosen.iter().map(String::as_str).chain(more.iter().copied()));
            uv(self.path(), &args);
        };
        export(&["-o", "oracle.txt", "--no-emit-workspace", "--no-emit-project"]);
        export(&["-o", "export.txt"]);
        export(&["-o", "bare.txt", "--no-hashes"]);
        export(&["-o", "pylock.toml"]);
        let mut counts = Vec::new();
        for (version, machine, platform) in TARGETS {
            let environment = environment(version, machine);
            let mut args = vec!["pip", "install", "--dry-run", "--target", "site", "--python-version", version];
            args.extend(["--python-platform", platform, "--only-binary", ":all:", "-r", "oracle.txt"]);
            let want = would_install(&uv(self.path(), &args));
            let found = pinned(&self.path().join("uv.lock"), &environment, choice);
            assert_eq!(versions(&found), want, "uv.lock {version} {machine}");
            let folders = |found: &[carboy::python::lock::Pinned]| -> Vec<String> {
                let folder = found.iter().filter(|one| matches!(one.origin, PackageOrigin::Folder { .. }));
                folder.map(|one| format!("{} {:?}", one.name, one.origin)).collect()
            };
            for name in ["export.txt", "bare.txt", "pylock.toml"] {
                let other = pinned(&self.path().join(name), &environment, &LockSelection::default());
                assert_eq!(versions(&other), want, "{name} {version} {machine}");
                if choice.member.is_none() {
                    assert_eq!(folders(&other), folders(&found), "{name} {version} {machine}");
                }
            }
            counts.push(found.len());
        }
        assert!(lock(&self.path().join("uv.lock")).unwrap().warnings().is_empty());
        counts
    }
}

const WEB: &str = r#"
[project]
name = "Web_Shop"
version = "1.0"
requires-python = ">=3.10"
dependencies = [
    "flask", "gunicorn", "fastapi[standard]", "tomli; python_version < '3.12'",
    "pywin32; sys_platform == 'win32'", "psutil; platform_machine == 'aarch64'",
    "numpy<2; python_version < '3.12'", "numpy>=2; python_version >= '3.12'",
]
[project.optional-dependencies]
cache = ["redis[hiredis]"]
all = ["web-shop[cache]", "httpx[http2,socks]"]
none = []
[dependency-groups]
dev = ["pytest", { include-group = "docs" }]
docs = ["sphinx"]
"#;

#[test]
fn markers_extras_and_groups() {
    let project = Project::new(&[("pyproject.toml", WEB)]);
    let plain = project.agrees(&LockSelection::default());
    let all = project.agrees(&choice(&["all"], &["docs"], None));
    assert!(plain[0] > 30 && all[0] > plain[0] + 10, "{plain:?} {all:?}");
    assert_eq!(project.agrees(&choice(&["none"], &[], None)), plain);
    let path = project.path().join("uv.lock");
    let found = pinned(&path, &environment("3.11.9", "x86_64"), &LockSelection::default());
    let numpy = found.iter().find(|one| one.name == "numpy").unwrap();
    let PackageOrigin::Index { index, files, .. } = &numpy.origin else { panic!("{numpy:?}") };
    assert_eq!(index.as_deref(), Some("https://pypi.org/simple"));
    assert!(files.iter().any(|file| file.name.ends_with(".tar.gz")));
    assert!(files.iter().any(|file| file.name.contains("cp311-manylinux") && file.hashes.len() == 1));
    assert!(files.iter().all(|file| file.url.is_some()));
    let lock = lock(&path).unwrap();
    let error = lock.pinned(&environment("3.9.1", "x86_64"), &LockSelection::default()).unwrap_err();
    assert_eq!(error.to_string(), "uv.lock: requires Python >=3.10, and the image's is 3.9.1");
    let error = lock.pinned(&environment("3.11.9", "x86_64"), &choice(&["cahce"], &[], None)).unwrap_err();
    assert_eq!(error.to_string(), "uv.lock: has no extra `cahce`");
    assert_eq!(error.hint().unwrap(), "did you mean `cache`? it has `all`, `cache`, `none`");
}

#[test]
fn this_machines_own_list_needs_no_export() {
    let project = Project::new(&[("pyproject.toml", WEB)]);
    let script = "import platform; print(platform.python_version(), platform.machine())";
    let told = Command::new(test_cache("venv/bin/python")).args(["-c", script]).output().unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    let (version, machine) = told.trim().split_once(' ').unwrap();
    let machine = if machine == "aarch64" { "aarch64" } else { "x86_64" };
    let python = test_cache("venv/bin/python").display().to_string();
    let args = ["sync", "--frozen", "--no-dev", "--dry-run", "--extra", "all", "--group", "docs", "--python", &python];
    let want = would_install(&uv(project.path(), &args));
    let choice = choice(&["all"], &["docs"], None);
    let found = pinned(&project.path().join("uv.lock"), &environment(version, machine), &choice);
    assert_eq!(versions(&found), want);
}

#[test]
fn large_clouds_and_data() {
    let text = r#"
[project]
name = "clouds"
version = "1.0"
requires-python = ">=3.11,<3.14"
dependencies = [
    "google-cloud-pubsub", "kubernetes", "boto3", "pandas", "pyarrow", "SQLAlchemy[asyncio]", "celery[redis]",
    "requests[socks]", "cryptography", "opentelemetry-distro", "uvicorn[standard]; platform_machine == 'x86_64'",
]
"#;
    let project = Project::new(&[("pyproject.toml", text)]);
    let counts = project.agrees(&LockSelection::default());
    assert!(counts[0] > 60, "{counts:?}");
    // As pip-compile writes it, for all platforms at once.
    uv(
        project.path(),
        &["pip", "compile", "-q", "--universal", "--generate-hashes", "pyproject.toml", "-o", "compiled.txt"],
    );
    for (version, machine, platform) in TARGETS {
        let mut args = vec!["pip", "install", "--dry-run", "--target", "site", "--python-version", version];
        args.extend(["--python-platform", platform, "--only-binary", ":all:", "-r", "compiled.txt"]);
        let want = would_install(&uv(project.path(), &args));
        let found =
            pinned(&project.path().join("compiled.txt"), &environment(version, machine), &LockSelection::default());
        assert_eq!(versions(&found), want, "{version} {machine}");
    }
}

#[test]
fn extras_and_groups_that_conflict() {
    let text = r#"
[project]
name = "torn"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["flask", "pandas"]
[project.optional-dependencies]
old = ["numpy==2.1.3"]
new = ["numpy==2.2.6"]
[dependency-groups]
early = ["idna==3.6"]
late = ["idna==3.10"]
[tool.uv]
conflicts = [[{ extra = "old" }, { extra = "new" }], [{ group = "early" }, { group = "late" }]]
"#;
    let project = Project::new(&[("pyproject.toml", text)]);
    // pandas needs some numpy: which one depends on the extra
    for (extras, groups) in
        [(&[][..], &[][..]), (&["old"], &[]), (&["new"], &["late"]), (&["old"], &["early"]), (&[], &["late"])]
    {
        project.agrees(&choice(extras, groups, None));
    }
    let lock = lock(&project.path().join("uv.lock")).unwrap();
    for (extras, groups, what) in
        [(&["old", "new"][..], &[][..], "extra `new`"), (&[], &["early", "late"], "group `late`")]
    {
        let error = lock.pinned(&environment("3.13.1", "x86_64"), &choice(extras, groups, None)).unwrap_err();
        assert!(error.to_string().contains("conflict") && error.to_string().contains(what), "{error}");
    }
}

#[test]
fn a_workspaces_members() {
    let member = |name: &str, more: &str| {
        format!(
            "[project]\nname = \"{name}\"\nversion = \"0.1\"\nrequires-python = \">=3.11\"\n{more}\n\
             [build-system]\nrequires = [\"hatchling\"]\nbuild-backend = \"hatchling.build\"\n"
        )
    };
    let root = r#"
[project]
name = "monorepo"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["api", "click"]
[tool.uv.workspace]
members = ["packages/*"]
[tool.uv.sources]
api = { workspace = true }
core = { workspace = true }
bare = { workspace = true }
"#;
    let api = member(
        "api",
        "dependencies = [\"core[fast]\", \"flask\", \"bare\"]\n[dependency-groups]\ndev = [\"pytest\"]\nlint = [\"ruff\"]",
    );
    let core = member("core", "dependencies = [\"idna\"]\n[project.optional-dependencies]\nfast = [\"orjson\"]");
    let tool = member("tool", "dependencies = [\"rich\", \"core\"]\n[project.optional-dependencies]\nx = [\"httpx\"]");
    let bare = "[project]\nname = \"bare\"\nversion = \"1\"\nrequires-python = \">=3.11\"\ndependencies = [\"attrs\"]\n[tool.uv]\npackage = false\n";
    let project = Project::new(&[
        ("pyproject.toml", root),
        ("packages/api/pyproject.toml", &api),
        ("packages/core/pyproject.toml", &core),
        ("packages/tool/pyproject.toml", &tool),
        ("packages/bare/pyproject.toml", bare),
    ]);
    project.agrees(&LockSelection::default());
    project.agrees(&choice(&["x"], &[], Some("tool")));
    project.agrees(&choice(&[], &["lint"], Some("api")));
    let path = project.path().join("uv.lock");
    let here = environment("3.13.1", "aarch64");
    let folders = |choice: &LockSelection| -> Vec<String> {
        let found = pinned(&path, &here, choice);
        let folders = found.iter().filter_map(|one| match &one.origin {
            PackageOrigin::Folder { path } => Some(format!("{} {}", one.name, path.display())),
            _ => None,
        });
        folders.collect()
    };
    assert_eq!(folders(&LockSelection::default()), ["api packages/api", "core packages/core"]);
    assert_eq!(folders(&choice(&[], &[], Some("tool"))), ["core packages/core"]);
    let error = lock(&path).unwrap().pinned(&here, &choice(&[], &[], Some("tools"))).unwrap_err();
    assert_eq!(error.to_string(), "uv.lock: has no member `tools`");
    // Without a project of its own somebody has to choose.
    let root = "[tool.uv.workspace]\nmembers = [\"packages/core\", \"packages/tool\"]\n[tool.uv.sources]\ncore = { workspace = true }\n[dependency-groups]\ndocs = [\"mkdocs\"]\n";
    let project = Project::new(&[
        ("pyproject.toml", root),
        ("packages/core/pyproject.toml", &core),
        ("packages/tool/pyproject.toml", &tool),
    ]);
    let error = lock(&project.path().join("uv.lock")).unwrap().pinned(&here, &LockSelection::default()).unwrap_err();
    assert_eq!(error.hint().unwrap(), "choose a member with --member, or member under [dependencies]: `core`, `tool`");
    project.agrees(&choice(&["x"], &[], Some("tool")));
}

#[test]
fn urls_folders_and_wheelhouses() {
    let text = r#"
[project]
name = "places"
version = "1.0"
requires-python = ">=3.11"
dependencies = ["idna", "lib", "six", "certifi"]
[tool.uv.sources]
idna = { url = "https://files.pythonhosted.org/packages/76/c6/c88e154df9c4e1a2a66ccf0005a88dfb2650c1dffb6f5ce603dfbd452ce3/idna-3.10-py3-none-any.whl" }
lib = { path = "../lib", editable = true }
six = { path = "files/six-1.16.0-py2.py3-none-any.whl" }
certifi = { index = "house" }
[[tool.uv.index]]
name = "house"
url = "./house"
format = "flat"
explicit = true
"#;
    let lib = "[project]\nname = \"lib\"\nversion = \"1\"\ndependencies = [\"attrs\"]\n[build-system]\nrequires = [\"hatchling\"]\nbuild-backend = \"hatchling.build\"\n";
    let folder = TempDir::new().unwrap();
    for (name, text) in [("app/pyproject.toml", text), ("lib/pyproject.toml", lib)] {
        fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
        fs::write(folder.path().join(name), text).unwrap();
    }
    let app = folder.path().join("app");
    for (place, name) in [("files", "six==1.16.0"), ("house", "certifi==2025.1.31")] {
        let pip = Command::new(test_cache("venv/bin/python"))
            .args(["-m", "pip", "download", "-q", "--no-deps", "--only-binary", ":all:", "-d", place, name])
            .current_dir(&app)
            .output();
        let output = pip.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    uv(&app, &["lock", "-q"]);
    uv(&app, &["export", "-q", "--frozen", "-o", "pylock.toml"]);
    uv(&app, &["export", "-q", "--frozen", "-o", "export.txt"]);
    let here = environment("3.13.1", "aarch64");
    for name in ["uv.lock", "pylock.toml", "export.txt"] {
        let found = pinned(&app.join(name), &here, &LockSelection::default());
        let names: Vec<_> = found.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["attrs", "certifi", "idna", "lib", "six"], "{name}");
        assert!(
            matches!(&found[2].origin, PackageOrigin::Url(file) if file.name == "idna-3.10-py3-none-any.whl" && file.hashes.len() == 1),
            "{name}: {found:?}"
        );
        assert!(
            matches!(&found[3].origin, PackageOrigin::Folder { path } if path == Path::new("../lib")),
            "{name}: {found:?}"
        );
        assert!(
            matches!(&found[4].origin, PackageOrigin::File { path, hashes } if path.ends_with("files/six-1.16.0-py2.py3-none-any.whl") && hashes.len() == 1),
            "{name}: {found:?}"
        );
        assert_eq!(found[1].version.as_ref().unwrap().to_string(), "2025.1.31");
        assert!(matches!(&found[1].origin, PackageOrigin::Index { index: None, .. }), "{name}: {found:?}");
        if name != "export.txt" {
            let lock = lock(&app.join(name)).unwrap();
            let [links] = &lock.sources().find_links[..] else { panic!("{:?}", lock.sources()) };
            assert!(app.join(links).join("certifi-2025.1.31-py3-none-any.whl").exists(), "{name}: {links}");
        }
    }
}
