//! A private authority, and certificates of a server and of a client that it signed.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use tempfile::TempDir;

use crate::tls::Authority;

/// The host that certificates are for; [`super::project`] has it resolve to this machine.
pub const HOST: &str = "registry.test";

/// The files of an authority, named as docker's certs.d and skopeo's `--cert-dir` name them.
pub struct Certificates {
    folder: TempDir,
}

impl Certificates {
    pub fn new() -> Rc<Self> {
        let folder = TempDir::new().unwrap();
        let authority = Authority::new(folder.path());
        authority.issue("server", HOST);
        authority.issue("client", "paula");
        Rc::new(Self { folder })
    }

    /// The folder with the authority's certificate and the client's certificate and key.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn authority(&self) -> PathBuf {
        self.folder().join("ca.crt")
    }

    /// The server's certificate.
    pub fn server(&self) -> PathBuf {
        self.folder().join("server.cert")
    }

    pub fn server_key(&self) -> PathBuf {
        self.folder().join("server.key")
    }
}
