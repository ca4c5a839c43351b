//! The reason for a file in an image, as text. Pure.

use crate::assemble::report::Because;
use crate::rootfs::RootPath;

/// Returns the text after a file's name. `called` names the files that need it.
///
/// ```text
/// needed by _ssl and 2 more
/// ```
pub fn reason(because: &Because, called: impl Fn(&RootPath) -> String) -> String {
    match because {
        Because::Python => PYTHON.to_owned(),
        Because::RuntimeData(what) => what.to_string(),
        Because::Extract(pattern) => format!("[[extract]] {pattern}"),
        Because::Dlopen => "runtime.dlopen".to_owned(),
        Because::NeededBy(by) => match by.as_slice() {
            [] => "needed".to_owned(),
            [one] => format!("needed by {}", called(one)),
            [first, others @ ..] => format!("needed by {} and {} more", called(first), others.len()),
        },
        Because::RunsScript(script) => format!("runs {}", called(script)),
        Because::Dependency => "dependencies".to_owned(),
        Because::Application => "application".to_owned(),
        Because::Record => "carboy's record".to_owned(),
    }
}

/// Returns the text for a file that belongs to the interpreter.
pub const PYTHON: &str = "Python";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_askers_are_counted() {
        let path = |name: &str| RootPath::new(name).unwrap();
        let told = |names: &[&str]| {
            reason(&Because::NeededBy(names.iter().map(|name| path(name)).collect()), ToString::to_string)
        };
        assert_eq!(told(&["a"]), "needed by /a");
        assert_eq!(told(&["a", "b", "c"]), "needed by /a and 2 more");
        assert_eq!(reason(&Because::RunsScript(path("x/y")), |_| "y".to_owned()), "runs y");
    }
}
