//! `Pipfile.lock`.

use std::collections::BTreeSet;

use super::error::LockError;
use super::{Choice, Pinned, Sources};
use crate::python::marker::Environment;

#[derive(Clone, Debug)]
pub(super) struct Pipfile;

impl Pipfile {
    pub(super) fn parse(file: &str, _: &str, _: &mut Sources) -> Result<Self, LockError> {
        Err(LockError::new(file, "is not read yet"))
    }

    #[expect(clippy::unused_self, reason = "to come")]
    pub(super) fn pinned(&self, file: &str, _: &Environment, _: &Choice) -> Result<Vec<Pinned>, LockError> {
        Err(LockError::new(file, "is not read yet"))
    }

    #[expect(clippy::unused_self, reason = "to come")]
    pub(super) fn unhashed(&self) -> BTreeSet<String> {
        BTreeSet::new()
    }
}
