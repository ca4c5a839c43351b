//! Environment markers: which of a lock file's lines concern an image.
//!
//! Source: PyPA, "Dependency specifiers", Environment Markers (PEP 508); PEP 751 for
//! `extras` and `dependency_groups`. Where they leave a choice, as `packaging.markers`
//! has it, which pip uses; `integration/locks.rs` compares the two. Of several extras
//! chosen, `extra == 'x'` asks for one of them, `extra != 'x'` for none of them, as uv's
//! lock files need it. What `packaging` gives up on (`sys_platform ~= 'x'`) is no marker.
//!
//! `platform_release` and `platform_version` belong to the kernel that an image will run on,
//! which nobody knows yet. A marker that the rest of it does not decide stays undecided.
//!
//! `pep508_rs` 0.9.2, the newest on its own, knows neither `extras` nor
//! `dependency_groups`; later work on it is in uv's unstable `uv-pep508`.

mod parser;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;

use pep440_rs::{Version, VersionSpecifier};

use super::Interpreter;

/// The most characters of a marker's text that are shown.
const SHOWN: usize = 100;

/// What markers ask about: the image's interpreter, not the one of this machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Environment {
    /// `3.13`.
    pub python_version: String,
    /// `3.13.5`; where the builder does not tell, its first release.
    pub python_full_version: String,
    /// As the kernel calls it: `x86_64`, `aarch64`.
    pub platform_machine: &'static str,
}

/// Extras and groups that hold beside the environment. Normalised names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ActiveExtras {
    pub extras: BTreeSet<String>,
    pub groups: BTreeSet<String>,
}

/// A marker that was read.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Marker(Node);

/// A text that is no marker.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{marker}` is not a marker: {cause}")]
pub struct MarkerError {
    /// Shortened where it is long.
    pub marker: String,
    pub cause: String,
}

/// A marker that depends on the kernel, with the first comparison that does:
/// `platform_release >= '5.10'`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` depends on the kernel")]
pub struct Undecided(pub String);

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Comparison(Comparison),
}

/// One comparison of a variable with a text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Comparison {
    variable: Variable,
    operator: Operator,
    /// What the variable is compared with; names of extras and groups are normalised.
    text: String,
    /// Whether the text stands first: `'3.8' <= python_version`.
    reversed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Variable {
    OsName,
    SysPlatform,
    PlatformMachine,
    PlatformPythonImplementation,
    PlatformRelease,
    PlatformSystem,
    PlatformVersion,
    PythonVersion,
    PythonFullVersion,
    ImplementationName,
    ImplementationVersion,
    Extra,
    Extras,
    DependencyGroups,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
    Compatible,
    Arbitrary,
    In,
    NotIn,
}

impl Environment {
    /// The environment of an interpreter on a machine.
    #[must_use]
    pub fn of(interpreter: &Interpreter, machine: &'static str) -> Self {
        let full = interpreter.full_version.clone().unwrap_or_else(|| format!("{}.0", interpreter.version));
        Self { python_version: interpreter.version.clone(), python_full_version: full, platform_machine: machine }
    }

    /// A variable's value; none of those that are chosen, not found, or the kernel's.
    fn value(&self, variable: Variable) -> Option<&str> {
        Some(match variable {
            Variable::OsName => "posix",
            Variable::SysPlatform => "linux",
            Variable::PlatformMachine => self.platform_machine,
            Variable::PlatformPythonImplementation => "CPython",
            Variable::PlatformSystem => "Linux",
            Variable::PythonVersion => &self.python_version,
            Variable::PythonFullVersion | Variable::ImplementationVersion => &self.python_full_version,
            Variable::ImplementationName => "cpython",
            Variable::PlatformRelease
            | Variable::PlatformVersion
            | Variable::Extra
            | Variable::Extras
            | Variable::DependencyGroups => return None,
        })
    }
}

impl Marker {
    /// Reads a marker.
    ///
    /// # Errors
    /// What is no marker; markers of more than 256 KiB or with more than 64 parentheses
    /// within one another.
    pub fn parse(text: &str) -> Result<Self, MarkerError> {
        parser::parse(text).map(Self).map_err(|cause| {
            let text = text.trim();
            let short: String = text.chars().take(120).collect();
            let marker = if short.len() < text.len() { format!("{short}…") } else { short };
            MarkerError { marker, cause }
        })
    }

    /// Whether it holds in an environment, with what was chosen.
    ///
    /// # Errors
    /// [`Undecided`] where that depends on the kernel.
    pub fn holds(&self, environment: &Environment, chosen: &ActiveExtras) -> Result<bool, Undecided> {
        self.0.holds(environment, chosen)
    }

    /// Whether it holds on some machine, in an environment with what was chosen.
    #[must_use]
    pub fn may_hold(&self, environment: &Environment, chosen: &ActiveExtras) -> bool {
        self.holds(environment, chosen).unwrap_or(true)
    }
}

impl Node {
    fn holds(&self, environment: &Environment, chosen: &ActiveExtras) -> Result<bool, Undecided> {
        // One node of that value decides for all.
        let (nodes, decisive) = match self {
            Self::All(nodes) => (nodes, false),
            Self::Any(nodes) => (nodes, true),
            Self::Comparison(comparison) => return comparison.holds(environment, chosen),
        };
        let mut out = Ok(!decisive);
        for node in nodes {
            match node.holds(environment, chosen) {
                Ok(value) if value == decisive => return Ok(decisive),
                Ok(_) => {}
                undecided => out = out.and(undecided),
            }
        }
        out
    }
}

impl Comparison {
    fn holds(&self, environment: &Environment, chosen: &ActiveExtras) -> Result<bool, Undecided> {
        if let Variable::PlatformRelease | Variable::PlatformVersion = self.variable {
            return Err(Undecided(self.to_string()));
        }
        Ok(self.is_true(environment, chosen))
    }

    fn is_true(&self, environment: &Environment, chosen: &ActiveExtras) -> bool {
        let negative = matches!(self.operator, Operator::NotEqual | Operator::NotIn);
        match self.variable {
            Variable::Extras => chosen.extras.contains(&self.text) != negative,
            Variable::DependencyGroups => chosen.groups.contains(&self.text) != negative,
            Variable::Extra if chosen.extras.is_empty() => self.compares(""),
            Variable::Extra if self.operator.is_equality() => chosen.extras.contains(&self.text) != negative,
            Variable::Extra if negative => chosen.extras.iter().all(|extra| self.compares(extra)),
            Variable::Extra => chosen.extras.iter().any(|extra| self.compares(extra)),
            variable => environment.value(variable).is_some_and(|value| self.compares(value)),
        }
    }

    fn compares(&self, value: &str) -> bool {
        let (left, right) = if self.reversed { (self.text.as_str(), value) } else { (value, self.text.as_str()) };
        let versions = if self.variable.is_version() { self.operator.versions(left, right) } else { None };
        versions.unwrap_or_else(|| self.operator.texts(left, right))
    }
}

impl fmt::Display for Comparison {
    /// As it is written; only of the kernel's variables.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variable = if self.variable == Variable::PlatformRelease { "platform_release" } else { "platform_version" };
        let (operator, text) = (self.operator.sign(), self.text.chars().take(SHOWN).collect::<String>());
        if self.reversed {
            write!(f, "'{text}' {operator} {variable}")
        } else {
            write!(f, "{variable} {operator} '{text}'")
        }
    }
}

impl Variable {
    /// Whether it is compared as a version where that is possible.
    fn is_version(self) -> bool {
        use Variable::{ImplementationVersion, PlatformRelease, PythonFullVersion, PythonVersion};
        matches!(self, PythonVersion | PythonFullVersion | ImplementationVersion | PlatformRelease)
    }
}

impl Operator {
    /// Whether it compares texts whole.
    fn is_equality(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual | Self::AtMost | Self::AtLeast)
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::AtMost => "<=",
            Self::Greater => ">",
            Self::AtLeast => ">=",
            Self::Compatible => "~=",
            Self::Arbitrary => "===",
            Self::In => "in",
            Self::NotIn => "not in",
        }
    }

    /// Compares `left` with the version specifier that the operator and `right` are.
    /// None where they are none.
    fn versions(self, left: &str, right: &str) -> Option<bool> {
        match self {
            Self::Arbitrary => return Some(left.eq_ignore_ascii_case(right.trim())),
            Self::In | Self::NotIn => return None,
            _ => {}
        }
        let specifier: VersionSpecifier = format!("{}{right}", self.sign()).parse().ok()?;
        Some(left.parse().is_ok_and(|version| within(&specifier, version)))
    }

    fn texts(self, left: &str, right: &str) -> bool {
        match self {
            Self::Equal | Self::AtMost | Self::AtLeast => left == right,
            Self::NotEqual => left != right,
            Self::In => right.contains(left),
            Self::NotIn => !right.contains(left),
            Self::Less | Self::Greater | Self::Compatible | Self::Arbitrary => false,
        }
    }
}

/// Whether a specifier has a version, as `packaging` says. `pep440_rs` differs twice: to it
/// `3.8` is in `==3.8.1.*`, and no pre-release is below a later one of the same release.
pub(super) fn within(specifier: &VersionSpecifier, version: Version) -> bool {
    let bound = specifier.version();
    if *specifier.operator() == pep440_rs::Operator::LessThan && bound.any_prerelease() {
        return version.without_local() < *bound;
    }
    let mut release = version.release().to_vec();
    release.resize(release.len().max(bound.release().len()), 0);
    specifier.contains(&version.with_release(release))
}
