//! A scripted registry on loopback, and clients of it.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use tempfile::NamedTempFile;
use tokio::io::AsyncReadExt as _;

use super::{AuthFile, CredentialSource, Credentials, Options, PullSource, Registry, Repository};
use crate::http::StallPolicy;
pub use crate::http::testing::{Framing, Log, Reply, Seen, Server};
use crate::oci::RawManifest;
use crate::oci::location::RegistryName;
use crate::operation_error::OperationError;
use crate::repository::{NamedManifest, Sink as _};

impl Server {
    /// Returns a repository of this server to push to, without credentials.
    pub fn repository(&self, repository: &str) -> Arc<Repository> {
        self.repository_as(repository, None, Arc::default())
    }

    /// Returns a repository of this server to push to, with a `config.json` and a log.
    pub fn repository_as(&self, repository: &str, config: Option<&str>, log: Arc<Log>) -> Arc<Repository> {
        self.registry_as(config, log).repository(&name(&self.address, repository)).unwrap()
    }

    /// Returns a repository of this server to pull from, without credentials.
    pub fn source(&self, repository: &str) -> Arc<PullSource> {
        self.source_as(repository, None, Arc::default())
    }

    /// Returns a repository of this server to pull from, with a `config.json` and a log.
    pub fn source_as(&self, repository: &str, config: Option<&str>, log: Arc<Log>) -> Arc<PullSource> {
        self.registry_as(config, log).source(&name(&self.address, repository)).unwrap()
    }

    fn registry_as(&self, config: Option<&str>, log: Arc<Log>) -> Registry {
        let file = config.map(|config| {
            let mut file = NamedTempFile::new().unwrap();
            file.write_all(config.as_bytes()).unwrap();
            file.into_temp_path()
        });
        let source = file.as_ref().map(|file| CredentialSource::File(AuthFile::Path(file.to_path_buf())));
        let credentials = Credentials::new(source.into_iter().collect());
        self.files.lock().unwrap().extend(file);
        registry_as(credentials, log)
    }
}

/// A registry in memory.
pub mod memory;

/// Returns an anonymous client with short pauses.
pub fn registry(log: Arc<Log>) -> Registry {
    registry_as(Credentials::default(), log)
}

/// Returns an anonymous client with this pause before its first retry.
pub fn patient(log: Arc<Log>, delay: Duration) -> Registry {
    Registry::new(Options { delay, ..Options::default() }, log)
}

fn registry_as(credentials: Credentials, log: Arc<Log>) -> Registry {
    let options = Options { credentials, retries: 3, delay: Duration::from_millis(1), ..Options::default() };
    Registry::new(options, log)
}

pub fn name(registry: &str, repository: &str) -> RegistryName {
    RegistryName { registry: registry.to_owned(), repository: repository.to_owned(), tag: None, digest: None }
}

/// Returns a client that requires 1 KB per second, and its log.
pub fn hasty() -> (Registry, Arc<Log>) {
    let log = Arc::<Log>::default();
    let second = Duration::from_secs(1);
    let stall_policy = StallPolicy { quiet: second, sending: second, least: 1_000 };
    let options = Options { stall_policy, retries: 3, delay: Duration::from_millis(1), ..Options::default() };
    (Registry::new(options, log.clone()), log)
}

/// Reads all bytes of a reader.
pub async fn read(mut reader: crate::repository::BlobReader) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    reader.read_to_end(&mut all).await.map(|_| all)
}

/// Moves a tag to a manifest.
pub async fn tag(repository: &Repository, manifest: &RawManifest, tag: &str) -> Result<(), OperationError> {
    repository.publish(&[NamedManifest { manifest: manifest.clone(), names: vec![tag.to_owned()] }]).await
}
