//! How hosts are reached: mirrors, proxies, certificates, and the limits of connections. Pure.
//!
//! These are settings of a machine, never of a project. `config` parses files of them, `cli` finds
//! the files and variables, `http` and `registry` act on them.

mod connection;
mod host;
mod mirrors;
mod no_proxy;
mod proxies;

pub use connection::{ClientCertificate, ConnectionSettings, Hosts};
pub use host::{HTTP_PORT, HTTPS_PORT, Host, HostPattern, InvalidHost, canonical_registry, split_authority};
pub use mirrors::{InvalidLocation, Mirror, MirrorRule, Mirrors, PullBy, RepositoryPrefix};
pub use no_proxy::NoProxy;
pub use proxies::{InvalidProxy, Proxies, Proxy};

use std::path::PathBuf;

/// The settings of connections: hosts, mirrors, proxies and certificates.
#[derive(Clone, Debug, Default)]
pub struct Network {
    pub hosts: Hosts,
    pub mirrors: Mirrors,
    pub proxies: Proxies,
    /// Directories of certificates with a directory for each `HOST:PORT`, as docker and podman have
    /// them.
    pub certificate_folders: Vec<PathBuf>,
}
