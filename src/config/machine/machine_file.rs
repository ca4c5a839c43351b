//! The settings of a machine's file, whatever its format.

use crate::network::{ConnectionSettings, HostPattern, MirrorRule};

/// A machine's file.
#[derive(Debug, Clone, Default)]
pub struct MachineFile {
    /// The settings of all connections.
    pub default: ConnectionSettings,
    /// The settings of connections to single hosts.
    pub hosts: Vec<(HostPattern, ConnectionSettings)>,
    /// The rules for mirrors, one for each prefix.
    pub rules: Vec<MirrorRule>,
}
