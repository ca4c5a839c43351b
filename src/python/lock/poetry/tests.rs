use crate::hint::Hint as _;
use crate::python::lock::testing::{listed, read};
use crate::python::lock::{Format, LockError, LockSelection};

fn of(text: &str, project: Option<&str>, groups: &[&str]) -> Result<Vec<String>, LockError> {
    let groups = groups.iter().map(|&group| group.to_owned()).collect();
    listed(&read(Format::Poetry, text, project, &[])?, &LockSelection { groups, ..LockSelection::default() })
}

const TOLD: &str = r#"
[[package]]
name = "A.b"
version = "1"
groups = ["main", "docs"]
markers = { main = "sys_platform == 'win32'" }
files = [{ file = "a_b-1-py3-none-any.whl", hash = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" }]
[[package]]
name = "g"
version = "2"
groups = ["main"]
markers = "python_version >= '3.8'"
files = []
[package.source]
type = "git"
url = "https://h/g.git"
reference = "main"
resolved_reference = "0123"
subdirectory = "py"
[[package]]
name = "w"
version = "3"
groups = ["main"]
files = [{ file = "w-3-py3-none-any.whl", hash = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824" }]
[package.source]
type = "file"
url = "wheels/w-3-py3-none-any.whl"
[metadata]
lock-version = "2.1"
python-versions = "^3.9"
"#;

#[test]
fn groups_have_markers_of_their_own() {
    let main = ["g==2 git+https://h/g.git@0123#subdirectory=py", "w==3 wheels/w-3-py3-none-any.whl 1 hashes"];
    assert_eq!(of(TOLD, None, &[]).unwrap(), main);
    assert_eq!(of(TOLD, None, &["docs"]).unwrap(), [&["a-b==1 1 files 0 hashes"][..], &main].concat());
    let empty = "[tool.poetry.group.empty.dependencies]\n";
    assert_eq!(of(TOLD, Some(empty), &["empty"]).unwrap(), main);
}

#[test]
fn invalid_lock_files_are_errors() {
    let told = |from: &str, to: &str| of(&TOLD.replace(from, to), None, &[]).unwrap_err();
    assert_eq!(
        told("\"2.1\"", "\"3.0\"").to_string(),
        "poetry.lock: has lock-version 3.0, and only 1.x and 2.x are read"
    );
    assert_eq!(told("^3.9", "~3.9").to_string(), "poetry.lock: requires Python ~3.9, and the image's is 3.13.5");
    assert_eq!(told("\"git\"", "\"svn\"").to_string(), "poetry.lock: `g`: has a source of the unknown type `svn`");
    assert!(told("version = \"2\"", "version = 2").to_string().starts_with("poetry.lock:"));
    let old = told("\"2.1\"", "\"2.0\"");
    assert!(old.to_string().contains("which groups") && old.hint().unwrap().contains("Poetry 2"), "{old}");
    assert_eq!(of(TOLD, None, &["x"]).unwrap_err().hint().unwrap(), "it has `docs`");
}

#[test]
fn optional_dependencies_come_with_their_extras() {
    let lock = r#"
package = [
    { name = "a", version = "1", dependencies = { b = { version = "*", optional = true }, c = "*" }, extras = { X = ["B (>=1)"] } },
    { name = "b", version = "1" },
    { name = "c", version = "1", python-versions = "<3.9" },
    { name = "c", version = "2", python-versions = ">=3.9" },
    { name = "c", version = "3", python-versions = ">=3.9" },
]
[metadata]
lock-version = "2.0"
python-versions = "*"
"#;
    let of = |a: &str| {
        let project = format!("[tool.poetry]\nname = \"shop\"\n[tool.poetry.dependencies]\npython = \"*\"\na = {a}\n");
        of(lock, Some(&project), &[]).map(|lines| {
            lines.iter().map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
        })
    };
    assert_eq!(of("\"*\"").unwrap(), ["a==1", "c==3"]);
    assert_eq!(of("{ version = \"*\", extras = [\"x\"] }").unwrap(), ["a==1", "b==1", "c==3"]);
    assert_eq!(of("{ version = \"*\", platform = \"win32\" }").unwrap(), Vec::<String>::new());
    assert_eq!(of("{ version = \"*\", python = \"<3.9\" }").unwrap(), Vec::<String>::new());
    assert!(of("{ version = \"*\", python = \"x y z\" }").is_err() && of("3").is_err());
}

/// `numpy` twice, as Poetry 1.8 locks it for two versions of Python.
const NUMPY: &str = r#"
package = [
    { name = "numpy", version = "1.26.4" },
    { name = "numpy", version = "2.2.6" },
    { name = "pandas", version = "2.2.3", dependencies = { numpy = [
        { version = ">=1.22.4", markers = "python_version < '3.11'" },
        { version = ">=1.23.2", markers = "python_version >= '3.11'" },
    ] } },
    { name = "early", version = "1", dependencies = { late = ">=1" } },
    { name = "late", version = "1" },
    { name = "late", version = "2", dependencies = { gone = "*" } },
    { name = "gone", version = "1" },
    { name = "strict", version = "1", dependencies = { late = "<2" } },
]
[metadata]
lock-version = "2.0"
python-versions = "*"
"#;

fn walked(dependencies: &str) -> Result<Vec<String>, LockError> {
    let project = format!("[tool.poetry]\nname = \"shop\"\n[tool.poetry.dependencies]\n{dependencies}\n");
    let lines = of(NUMPY, Some(&project), &[])?;
    Ok(lines.iter().map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect())
}

#[test]
fn a_name_gets_the_newest_version_that_all_allow() {
    let numpy = |old: &str, new: &str| {
        format!(
            "numpy = [{{ version = \"^1.26\", python = \"{old}\" }}, {{ version = \">=2.1,<2.3\", python = \"{new}\" }}]\npandas = \"2.2.3\""
        )
    };
    assert_eq!(walked(&numpy("<3.14", ">=3.14")).unwrap(), ["numpy==1.26.4", "pandas==2.2.3"]);
    assert_eq!(walked(&numpy("<3.12", ">=3.12")).unwrap(), ["numpy==2.2.6", "pandas==2.2.3"]);
    assert_eq!(walked("pandas = \"2.2.3\"").unwrap(), ["numpy==2.2.6", "pandas==2.2.3"]);
    // What only a version needs that is not taken in the end is not there.
    assert_eq!(walked("early = \"1\"").unwrap(), ["early==1", "gone==1", "late==2"]);
    assert_eq!(walked("early = \"1\"\nstrict = \"1\"").unwrap(), ["early==1", "late==1", "strict==1"]);
    let error = walked("strict = \"1\"\nlate = \"2\"").unwrap_err();
    assert_eq!(error.to_string(), "poetry.lock: `late` is locked twice: 1 from an index and 2 from an index");
}
