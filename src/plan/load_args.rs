//! The flags of `--load`, and the machine that loads.

use crate::oci::Platform;

/// A program that runs containers on this machine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Engine {
    /// The one that is found, docker first.
    Found,
    Docker,
    Podman,
}

/// The flags of `--load`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LoadArgs {
    pub engine: Engine,
    /// The platform of this machine.
    pub host: Platform,
    /// The name of the project's directory.
    pub directory: Option<String>,
}
