//! The way to reach a container engine.

use std::fmt;
use std::path::PathBuf;

/// The way to reach a container engine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Endpoint {
    /// The API at a Unix socket.
    Socket { engine: &'static str, path: PathBuf },
    /// The API at a host and port, over plain HTTP.
    Tcp { engine: &'static str, address: String },
    /// The program's verb `load`.
    Program { engine: &'static str, path: PathBuf },
}

impl Endpoint {
    /// Returns the engine's name.
    #[must_use]
    pub fn engine(&self) -> &'static str {
        match self {
            Self::Socket { engine, .. } | Self::Tcp { engine, .. } | Self::Program { engine, .. } => engine,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket { engine, path } => write!(f, "{engine} at {}", path.display()),
            Self::Tcp { engine, address } => write!(f, "{engine} at {address}"),
            Self::Program { engine, .. } => f.write_str(engine),
        }
    }
}
