//! One comparison of a marker.

use std::fmt;

use pep440_rs::VersionSpecifier;

use super::environment::{ActiveExtras, Environment};
use super::specifier::within;

/// The largest number of characters of a value that are shown.
const SHOWN: usize = 100;

/// A marker that depends on the kernel, with the first comparison that does so:
/// `platform_release >= '5.10'`.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` depends on the kernel")]
pub struct Undecided(pub String);

/// A comparison of a variable with a value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Comparison {
    pub variable: Variable,
    pub operator: Operator,
    /// The value. Names of extras and groups are normalised.
    pub text: String,
    /// Whether the value is on the left: `'3.8' <= python_version`.
    pub reversed: bool,
}

/// A variable of markers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Variable {
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

/// An operator of markers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Operator {
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

impl Comparison {
    /// Returns whether the comparison is true.
    pub(super) fn holds(&self, environment: &Environment, chosen: &ActiveExtras) -> Result<bool, Undecided> {
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
            variable => variable.value(environment).is_some_and(|value| self.compares(value)),
        }
    }

    fn compares(&self, value: &str) -> bool {
        let (left, right) = if self.reversed { (self.text.as_str(), value) } else { (value, self.text.as_str()) };
        let versions = if self.variable.is_version() { self.operator.versions(left, right) } else { None };
        versions.unwrap_or_else(|| self.operator.texts(left, right))
    }
}

impl fmt::Display for Comparison {
    /// Writes the comparison as a marker has it. Only for variables of the kernel.
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
    /// Returns whether the values are compared as versions if they are versions.
    pub(super) fn is_version(self) -> bool {
        use Variable::{ImplementationVersion, PlatformRelease, PythonFullVersion, PythonVersion};
        matches!(self, PythonVersion | PythonFullVersion | ImplementationVersion | PlatformRelease)
    }

    /// Returns the value of the variable; `None` for extras, for groups, and for values of the kernel.
    fn value(self, environment: &Environment) -> Option<&str> {
        Some(match self {
            Self::OsName => "posix",
            Self::SysPlatform => "linux",
            Self::PlatformMachine => environment.platform_machine,
            Self::PlatformPythonImplementation => "CPython",
            Self::PlatformSystem => "Linux",
            Self::PythonVersion => &environment.python_version,
            Self::PythonFullVersion | Self::ImplementationVersion => &environment.python_full_version,
            Self::ImplementationName => "cpython",
            Self::PlatformRelease | Self::PlatformVersion | Self::Extra | Self::Extras | Self::DependencyGroups => {
                return None;
            }
        })
    }
}

impl Operator {
    /// Returns whether the operator compares whole texts.
    fn is_equality(self) -> bool {
        matches!(self, Self::Equal | Self::NotEqual | Self::AtMost | Self::AtLeast)
    }

    /// Returns the operator as a marker has it.
    pub(super) fn sign(self) -> &'static str {
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

    /// Compares `left` with the version specifier of the operator and `right`. Returns `None` if
    /// these are not a version specifier.
    fn versions(self, left: &str, right: &str) -> Option<bool> {
        match self {
            Self::Arbitrary => return Some(left.eq_ignore_ascii_case(right.trim())),
            Self::In | Self::NotIn => return None,
            _ => {}
        }
        let specifier: VersionSpecifier = format!("{}{right}", self.sign()).parse().ok()?;
        Some(left.parse().is_ok_and(|version| within(&specifier, version)))
    }

    /// Compares texts.
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
