//! The evaluation of markers in an environment, and the result of undecided markers.
//!
//! Distributions with a marker that depends on the kernel are installed, because an unnecessary
//! distribution does less harm than a missing one. They are recorded for warnings.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::python::marker::{ActiveExtras, Environment, Marker, Undecided};

pub(super) struct MarkerContext<'e> {
    pub environment: &'e Environment,
    /// The result of an undecided marker.
    undecided: bool,
    /// The comparisons that depend on the kernel, by the name of the distribution.
    doubts: RefCell<BTreeMap<String, String>>,
}

impl<'e> MarkerContext<'e> {
    /// Creates a context that selects every distribution that may be needed.
    pub fn possible(environment: &'e Environment) -> Self {
        Self { environment, undecided: true, doubts: RefCell::default() }
    }

    /// Creates a context that selects only distributions that are certainly needed.
    pub fn certain(environment: &'e Environment) -> Self {
        Self { undecided: false, ..Self::possible(environment) }
    }

    /// Returns whether the marker of a distribution is true. A missing marker is true everywhere.
    pub fn holds(&self, name: &str, marker: Option<&Marker>, chosen: &ActiveExtras) -> bool {
        let Some(marker) = marker else { return true };
        marker.holds(self.environment, chosen).unwrap_or_else(|Undecided(comparison)| {
            self.doubts.borrow_mut().entry(name.to_owned()).or_insert(comparison);
            self.undecided
        })
    }

    /// Returns the undecided comparisons so far, by name.
    pub fn doubts(self) -> BTreeMap<String, String> {
        self.doubts.into_inner()
    }
}

#[cfg(test)]
mod tests {
    use crate::hint::Hint as _;
    use crate::python::lock::testing::{environment, read};
    use crate::python::lock::{Format, Lock, LockSelection};

    const KERNEL: &str = "platform_release >= '5.10'";

    fn doubts(lock: &Lock) -> Vec<String> {
        lock.doubts(&environment(), &LockSelection::default()).unwrap()
    }

    fn names(lock: &Lock) -> Vec<String> {
        lock.pinned(&environment(), &LockSelection::default()).unwrap().into_iter().map(|one| one.name).collect()
    }

    /// Returns lock files of each format with `a` always, `b` if the kernel makes [`KERNEL`] true, `c` never.
    fn each() -> Vec<(Format, String, Option<&'static str>)> {
        let never = format!("{KERNEL} and sys_platform == 'win32'");
        let (pyproject, walked) = (
            "[project]\nname = \"shop\"",
            "[tool.poetry.dependencies]\na = \"*\"\nb = { version = \"*\", markers = \"platform_release >= '5.10'\" }",
        );
        vec![
            (Format::Requirements, format!("a==1\nb==1 ; {KERNEL}\nc==1 ; {never}\n"), None),
            (Format::Pylock, pylock(&never), None),
            (Format::Pipfile, pipfile(&never), None),
            (Format::Poetry, poetry_with_groups(&never), None),
            (Format::Poetry, poetry_without_groups(), Some(walked)),
            (Format::Uv, uv(&never), Some(pyproject)),
        ]
    }

    fn pylock(never: &str) -> String {
        let package = |name: &str, marker: &str| {
            format!("[[packages]]\nname = \"{name}\"\nversion = \"1\"\nmarker = \"{marker}\"\nwheels = []\n")
        };
        let packages = [package("a", "os_name == 'posix'"), package("b", KERNEL), package("c", never)].concat();
        format!("lock-version = \"1.0\"\n{packages}")
    }

    fn pipfile(never: &str) -> String {
        format!(
            r#"{{"_meta": {{}}, "default": {{"a": {{"version": "==1"}},
            "b": {{"version": "==1", "markers": "{KERNEL}"}},
            "c": {{"version": "==1", "markers": "{never}"}}}}}}"#
        )
    }

    fn poetry(name: &str, more: &str) -> String {
        format!("[[package]]\nname = \"{name}\"\nversion = \"1\"\nfiles = []\n{more}")
    }

    fn poetry_with_groups(never: &str) -> String {
        format!(
            "{}{}{}[metadata]\nlock-version = \"2.1\"\n",
            poetry("a", "groups = [\"main\"]\n"),
            poetry("b", &format!("groups = [\"main\"]\nmarkers = \"{KERNEL}\"\n")),
            poetry("c", &format!("groups = [\"main\"]\nmarkers = \"{never}\"\n")),
        )
    }

    fn poetry_without_groups() -> String {
        format!("{}{}[metadata]\nlock-version = \"2.0\"\n", poetry("a", ""), poetry("b", ""))
    }

    fn uv(never: &str) -> String {
        let package = |name: &str| {
            format!("[[package]]\nname = \"{name}\"\nversion = \"1\"\nsource = {{ registry = \"https://h/\" }}\n")
        };
        format!(
            "version = 1\n{}{}{}[[package]]\nname = \"shop\"\nversion = \"1\"\nsource = {{ virtual = \".\" }}\n\
             dependencies = [{{ name = \"a\" }}, {{ name = \"b\", marker = \"{KERNEL}\" }}, \
             {{ name = \"c\", marker = \"{never}\" }}]\n",
            package("a"),
            package("b"),
            package("c")
        )
    }

    #[test]
    fn kernel_dependent_distributions_are_installed_with_a_warning() {
        for (format, text, project) in each() {
            let lock = read(format, &text, project, &[]).unwrap();
            assert_eq!(names(&lock), ["a", "b"], "{text}");
            let file = format.file_name();
            let want = format!(
                "{file}: `b` is installed: whether `{KERNEL}` holds depends on the kernel that will run the image"
            );
            assert_eq!(doubts(&lock), [want], "{text}");
        }
    }

    #[test]
    fn a_distribution_with_a_second_requirement_is_not_in_doubt() {
        let lock = read(Format::Requirements, &format!("a==1 ; {KERNEL}\na==1\n"), None, &[]).unwrap();
        assert_eq!((names(&lock), doubts(&lock)), (vec!["a".to_owned()], Vec::new()));
    }

    #[test]
    fn versions_that_the_kernel_chooses_between_are_an_error_that_says_so() {
        let text = format!("b==1 ; os_name == 'nt'\na==1 ; {KERNEL}\na==2 ; platform_release < '5.10'\n");
        let lock = read(Format::Requirements, &text, None, &[]).unwrap();
        let error = lock.pinned(&environment(), &LockSelection::default()).unwrap_err();
        assert!(error.to_string().contains("is not 1, which requirements.txt:2 asks for"), "{error}");
        let hint = format!("whether `{KERNEL}` holds is not known before the image runs: lock `a` without that marker");
        assert_eq!(error.hint(), Some(hint));
    }
}
