//! The facts of an ELF file that decide what the dynamic loader loads with it.

use serde::{Deserialize, Serialize};

use super::abi::Abi;
use super::version_need::VersionNeed;

/// An executable or shared library that takes part in dynamic linking.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Object {
    pub abi: Abi,
    pub soname: Option<Vec<u8>>,
    /// The objects that are loaded with it, in order.
    pub needs: Vec<Need>,
    /// `DT_RPATH`, split at colons. Empty when there is a `DT_RUNPATH`, which
    /// switches it off.
    pub rpath: Vec<Vec<u8>>,
    /// `DT_RUNPATH`, split at colons; its presence counts, even when empty.
    pub runpath: Option<Vec<Vec<u8>>>,
    /// `PT_INTERP`: the loader's path.
    pub interpreter: Option<Vec<u8>>,
    /// `DF_1_NODEFLIB`: its needs are not looked for in the trusted folders.
    pub no_default_folders: bool,
    /// A program, which cannot be loaded as a library.
    pub only_program: bool,
    /// The symbol versions that it needs of others.
    pub version_needs: Vec<VersionNeed>,
    /// The symbol versions that it has; none when it has no symbol versioning.
    pub versions: Option<Vec<Vec<u8>>>,
}

/// One object that another one wants loaded.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Need {
    pub name: Vec<u8>,
    pub kind: NeedKind,
}

/// By which entry an object is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum NeedKind {
    /// `DT_NEEDED`.
    Needed,
    /// `DT_FILTER`: it stands in for this object, and must be there.
    Filter,
    /// `DT_AUXILIARY`: it stands in for this object when it is there.
    Auxiliary,
}

impl Object {
    /// Returns whether it is started, not loaded: some libraries have a `PT_INTERP` too, and print
    /// their version when they are run (glibc's own, Qt's).
    #[must_use]
    pub fn is_program(&self) -> bool {
        self.interpreter.is_some() && self.soname.is_none()
    }

    /// Returns the names of `DT_NEEDED`, in order.
    pub fn needed(&self) -> impl Iterator<Item = &[u8]> {
        self.needs.iter().filter(|need| need.kind == NeedKind::Needed).map(|need| need.name.as_slice())
    }
}
