//! Errors of an image that is being composed. They are collected, so that all of them are
//! reported at once.

use super::error::BuildError;
use crate::debian::os_release::OsRelease;
use crate::diagnostic::{Code, Detail, Diagnostic};
use crate::python::tags::Target;
use crate::wheels::WheelError;

/// One error of an image.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Problem {
    #[error("base and builder have different releases: {base_name} is {base}, {builder_name} is {builder}")]
    Mixed { base_name: String, base: OsRelease, builder_name: String, builder: OsRelease },
    #[error("missing shared library `{soname}`, needed by {needed_by}")]
    Missing { soname: String, needed_by: String },
    #[error("the loader does not find the shared library `{soname}` at `{path}`, needed by {needed_by}")]
    Elsewhere { soname: String, path: String, needed_by: String },
    #[error("missing shared library `{soname}`, needed by `runtime.dlopen`")]
    MissingByName { soname: String },
    #[error("{script} starts with `#!{line}`, but neither the image nor {donor} has `{program}`")]
    Interpreter { script: String, line: String, program: String, donor: String },
    /// Found by a check that words it itself.
    #[error("{0}")]
    Told(Box<Diagnostic>),
}

impl Problem {
    /// An error that lets the other checks run.
    pub(super) fn of(cause: &BuildError) -> Vec<Self> {
        cause.diagnostics().into_iter().map(|diagnostic| Self::Told(Box::new(diagnostic))).collect()
    }

    /// An error with a hint.
    pub(super) fn told(code: Code, text: String, hint: Option<String>) -> Self {
        Self::Told(Box::new(Diagnostic::error(code, text).hint(hint)))
    }

    /// The diagnostic, without its platform.
    pub(super) fn diagnostic(&self) -> Diagnostic {
        let text = self.to_string();
        match self {
            Self::Mixed { base_name, .. } => {
                let hint = "leave one of `base` and `builder` out so that they match, or set allow-mixed = true under [runtime]";
                Diagnostic::error(Code::ReleaseMismatch, text).image(base_name).hint(hint.to_owned())
            }
            Self::Missing { soname, .. } => Diagnostic::error(Code::MissingLibrary, text)
                .file(soname)
                .detail(Detail::MissingLibrary { soname: soname.clone() }),
            Self::Elsewhere { path, .. } => {
                let hint = "put it in /usr/local/lib, or name its directory in LD_LIBRARY_PATH: env under [image]";
                Diagnostic::error(Code::LibraryNotFound, text).file(path).hint(hint.to_owned())
            }
            Self::MissingByName { soname } => Diagnostic::error(Code::MissingLibrary, text)
                .file(soname)
                .hint("use a builder that has it, or leave it out of `dlopen`".to_owned()),
            Self::Interpreter { script, .. } => Diagnostic::error(Code::MissingInterpreter, text)
                .file(script)
                .hint("name an image that has it, or leave the script out of `paths`".to_owned()),
            Self::Told(diagnostic) => (**diagnostic).clone(),
        }
    }
}

/// The error of a distribution without a wheel. Its platform says which machine it is for.
pub(super) fn no_wheel(distribution: &str, target: &Target, cause: &WheelError) -> Diagnostic {
    let reason = cause.message.clone();
    let detail = Detail::NoWheel {
        distribution: distribution.to_owned(),
        target: without_machine(target),
        python: target.python.to_string(),
        reason: reason.clone(),
        build: cause.build.clone(),
    };
    let text = format!("no wheel of {distribution} for {}", without_machine(target));
    let diagnostic = Diagnostic { causes: vec![reason], ..Diagnostic::error(Code::NoWheel, text) };
    diagnostic.distribution(distribution).hint(cause.hint.clone()).detail(detail)
}

/// `Python 3.13, glibc 2.41`: the platforms say which machine it is.
fn without_machine(target: &Target) -> String {
    Target { machine: "", ..target.clone() }.to_string().trim_end_matches([',', ' ']).to_owned()
}
