//! The distributions that may be missing although another one requires them.

use std::collections::BTreeSet;

use super::Args;
use crate::config::{File, MissingRequirements};
use crate::python::normalised;

/// The word that stands for all distributions, as the value of a flag or variable.
const ALL: &str = "true";

/// The distributions that may be missing although another one requires them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AllowedMissing {
    All,
    /// Normalised names.
    Named(BTreeSet<String>),
}

impl AllowedMissing {
    /// Returns the distributions of the flag, or else of the configuration, and those that are
    /// excluded.
    pub(super) fn of(args: &Args, file: &File) -> Self {
        let excluded = file.dependencies.exclude.as_deref().unwrap_or_default();
        let named = |names: &[String]| Self::Named(names.iter().chain(excluded).map(|name| normalised(name)).collect());
        let flag = args.allow_missing_requirements.as_slice();
        match &file.dependencies.allow_missing_requirements {
            _ if flag.iter().any(|name| name == ALL) => Self::All,
            _ if !flag.is_empty() => named(flag),
            Some(MissingRequirements::All) => Self::All,
            Some(MissingRequirements::Named(listed)) => named(listed),
            None => named(&[]),
        }
    }

    /// Returns whether a distribution may be missing. The name is normalised.
    #[must_use]
    pub fn allows(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.contains(name),
        }
    }
}
