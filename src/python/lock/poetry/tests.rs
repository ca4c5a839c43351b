use crate::hint::Hint as _;
use crate::python::lock::testing::{listed, read};
use crate::python::lock::{Choice, Format, LockError};

fn of(text: &str, project: Option<&str>, groups: &[&str]) -> Result<Vec<String>, LockError> {
    let groups = groups.iter().map(|&group| group.to_owned()).collect();
    listed(&read(Format::Poetry, text, project, &[])?, &Choice { groups, ..Choice::default() })
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
fn what_cannot_be_used_says_why() {
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
