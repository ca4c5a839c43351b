//! Hashes here are from Python's `json.dumps` over the values that Poetry and plette hash.

use crate::python::lock::Format;
use crate::python::lock::testing::read;

/// Returns the difference between a lock file and its project.
fn difference(format: Format, lock: &str, project: &str, beside: &[(&str, &str)]) -> Option<String> {
    let project = (!project.is_empty()).then_some(project);
    read(format, lock, project, beside).unwrap().stale().map(|error| error.message)
}

const POETRY: &str =
    "[tool.poetry.dependencies]\npython = \"^3.11\"\nflask = { version = \"^3\", extras = [\"async\"] }\n";
const GROUP: &str = "[tool.poetry.group.dev.dependencies]\npytest = \"*\"\n";
const PROJECT: &str = "[project]\nname = \"shop\"\nrequires-python = \">=3.11\"\ndependencies = [\"flask>=3\"]\n";

#[test]
fn the_content_hash_of_every_poetry_is_known() {
    let groups = format!("{PROJECT}{GROUP}[dependency-groups]\ntest = [\"pytest\"]\n");
    let fits = |project: &str, hash: &str| {
        let lock =
            format!("[metadata]\nlock-version = \"2.1\"\npython-versions = \">=3.11\"\ncontent-hash = \"{hash}\"\n");
        difference(Format::Poetry, &lock, project, &[])
    };
    for (project, hash) in [
        (POETRY.to_owned(), "af2d85b68c5eae14bc7457fc35d6228ba5866f058c2e0fa4dc77e201449838a1"),
        // Poetry 1.1 does not know groups.
        (format!("{POETRY}{GROUP}"), "af2d85b68c5eae14bc7457fc35d6228ba5866f058c2e0fa4dc77e201449838a1"),
        (format!("{POETRY}{GROUP}"), "d31f62044cdb5f483b8716a460997bdf2c9edaff9b038d0066d0eb6539d3b186"),
        (format!("{PROJECT}{GROUP}"), "46dac3737c2777b04c89e44ac8257e0e2900f1462c75647a7b3dcb496fa4d97c"),
        (groups.clone(), "46dac3737c2777b04c89e44ac8257e0e2900f1462c75647a7b3dcb496fa4d97c"),
        (groups, "fde37d101d986514f7a433c7a8b4afe31f38af5bad88a1ced7c0a32be70ef39c"),
    ] {
        assert_eq!(fits(&project, hash), None, "{project}");
        let other = format!("{project}[tool.poetry.extras]\nx = [\"flask\"]\n");
        let told = "poetry.lock is out of date: its content-hash is of other dependencies than those of pyproject.toml";
        assert_eq!(fits(&other, hash).as_deref(), Some(told), "{project}");
    }
    let own = "af2d85b68c5eae14bc7457fc35d6228ba5866f058c2e0fa4dc77e201449838a1";
    // Nothing is said about a hash of another kind, and about a project that is not understood.
    assert_eq!(fits(&format!("{POETRY}x = \"1\"\n"), "abc"), None);
    assert_eq!(fits(&format!("{POETRY}x = 2026-01-01\n"), own), None);
    assert_eq!(fits("[tool.other]\n", own), None);
}

#[test]
fn the_hash_of_every_pipenv_is_known() {
    let pipfile = "[packages]\nFlask_Login = \"*\"\n[requires]\npython_version = \"3.13\"\n";
    let docs = format!("{pipfile}[docs]\nsphinx = {{ version = \"*\" }}\n[scripts]\nrun = \"x\"\n");
    let fits = |pipfile: &str, hash: &str| {
        let lock = format!("{{\"_meta\": {{\"hash\": {{\"sha256\": \"{hash}\"}}}}}}");
        difference(Format::Pipfile, &lock, "", &[("Pipfile", pipfile)])
    };
    for (pipfile, hash) in [
        (pipfile, "2b57b9f62e3be75c7d586a36f81f4beb1f5a4fd6eed60f486a389239d347becb"),
        (pipfile, "d527f92ef0dabe68cb8f0e3ac4aa00f9ad6117f0846e9778be08fcc3b2470df4"),
        (&docs, "d527f92ef0dabe68cb8f0e3ac4aa00f9ad6117f0846e9778be08fcc3b2470df4"),
        (&docs, "b427cc91b2672394da8d5f3fc23fdf196fde17f86e0465f608d3d314a000f86f"),
    ] {
        assert_eq!(fits(pipfile, hash), None, "{pipfile}");
        let told = Some("Pipfile.lock is out of date: its hash is of another Pipfile");
        assert_eq!(fits(&pipfile.replace("3.13", "3.14"), hash).as_deref(), told, "{pipfile}");
        assert_eq!(fits(&format!("{pipfile}[pipfile]\nx = 1\n"), hash), None);
    }
    let lock = "{\"_meta\": {\"hash\": {\"sha256\": \"\"}}}";
    assert_eq!(difference(Format::Pipfile, lock, "", &[]), None);
}

/// A `uv.lock` of `shop` and the member `lib`, with the metadata of `shop`.
fn uv_lock(metadata: &str) -> String {
    format!(
        "version = 1\n[manifest]\nmembers = [\"lib\", \"shop\"]\n\
         [[package]]\nname = \"lib\"\nversion = \"1\"\nsource = {{ editable = \"libs/lib\" }}\n\
         [package.metadata]\nrequires-dist = [{{ name = \"idna\" }}]\n\
         [[package]]\nname = \"shop\"\nversion = \"1\"\nsource = {{ virtual = \".\" }}\n[package.metadata]\n{metadata}\n"
    )
}

#[test]
fn the_requirements_in_a_uv_lock_are_those_of_its_members() {
    let project = "[project]\nname = \"shop\"\ndependencies = [\"Flask[async]>=3.0,<4 ; python_version > '3.8'\", \"lib\", \"git_lib>=1\"]\n\
        optional-dependencies = { Web = [\"gunicorn\"] }\n\
        [dependency-groups]\ndev = [\"pytest\", { include-group = \"lint\" }]\nlint = [\"ruff>=0.1\"]\n\
        [tool.uv]\ndev-dependencies = [\"mypy\"]\n";
    let metadata = "requires-dist = [\n\
        { name = \"flask\", extras = [\"async\"], specifier = \"<4,>=3\" },\n\
        { name = \"git-lib\", git = \"https://h/x\" },\n\
        { name = \"gunicorn\", marker = \"python_full_version < '3.14' and extra == 'web'\" },\n\
        { name = \"lib\", editable = \"libs/lib\" },\n]\n\
        [package.metadata.requires-dev]\n\
        dev = [{ name = \"mypy\" }, { name = \"pytest\" }, { name = \"ruff\", specifier = \">=0.1\" }]\n\
        lint = [{ name = \"ruff\", specifier = \">=0.1\" }]\n";
    let lib = "[project]\nname = \"lib\"\ndependencies = [\"idna\"]\n";
    let told = |project: &str, metadata: &str, lib: &str| {
        difference(Format::Uv, &uv_lock(metadata), project, &[("libs/lib/pyproject.toml", lib)])
    };
    assert_eq!(told(project, metadata, lib), None);
    let newer = project.replace("<4", "<5").replace("\"gunicorn\"", "\"gunicorn\", \"uvloop\"").replace("\"mypy\"", "");
    assert_eq!(
        told(&newer, metadata, lib).unwrap(),
        "uv.lock is out of date: for `shop`, it lacks flask[async]<5,>=3 and uvloop (extra web), and it was made with \
         flask[async]<4,>=3 and mypy (group dev)"
    );
    let other = lib.replace("idna", "idna>3");
    assert_eq!(
        told(project, metadata, &other).unwrap(),
        "uv.lock is out of date: for `lib`, it lacks idna>3, and it was made with idna"
    );
}

#[test]
fn a_project_that_is_not_understood_matches() {
    let lock = uv_lock("requires-dist = [{ name = \"flask\" }]");
    let told = |project: &str| difference(Format::Uv, &lock, project, &[]);
    let named = "[project]\nname = \"shop\"\n";
    assert!(told(named).is_some());
    for project in [
        format!("{named}dynamic = [\"dependencies\"]\n"),
        format!("{named}dependencies = [\"flask\", \"?\"]\n"),
        format!("{named}dependencies = [\"shop[x]\"]\n"),
        format!("{named}[dependency-groups]\na = [{{ include-group = \"a\" }}]\n"),
        format!("{named}[dependency-groups]\na = [{{ include-group = \"none\" }}]\n"),
        "[tool.poetry]\nname = \"shop\"\n".to_owned(),
    ] {
        assert_eq!(told(&project), None, "{project}");
    }
    let all =
        format!("{named}dependencies = [\"flask\"]\noptional-dependencies = {{ all = [\"shop[x]\"], x = [\"y\"] }}\n");
    assert_eq!(told(&all), None, "uv replaces an extra of the project by its requirements");
    // An old uv wrote no metadata.
    let old =
        "version = 1\n[[package]]\nname = \"shop\"\nversion = \"1\"\nsource = { virtual = \".\" }\ndependencies = []\n";
    assert_eq!(difference(Format::Uv, old, &format!("{named}dependencies = [\"flask\"]\n"), &[]), None);
    let bare = old.replace("dependencies = []\n", "");
    assert!(difference(Format::Uv, &bare, &format!("{named}dependencies = [\"flask\"]\n"), &[]).is_some());
}
