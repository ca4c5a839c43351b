//! Opens repositories by location and container engines, and describes the host by its environment.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::diagnostic::Code;
use crate::engine::{EngineFinder, EngineSink};
use crate::oci::location::Selector;
use crate::oci::{Digest, Location};
use crate::operation_error::OperationError;
use crate::plan::Engine;
use crate::progress::Progress;
use crate::registry::Registry;
use crate::repository::{Repositories, Sink, Source};
use crate::store::{ArchiveFormat, ArchiveWriter, Cache, CachedRepository, Layout, LayoutWriter};
use crate::wheels::settings::Host;

/// Registries, layouts and archives, by location.
pub struct RepositoryOpener {
    registry: Registry,
    cache: Arc<Cache>,
    /// No registry is asked.
    offline: bool,
    progress: Arc<dyn Progress>,
    /// Ends the writing of each open sink on this machine.
    closers: Mutex<Vec<Box<dyn Fn() + Send + Sync>>>,
}

impl RepositoryOpener {
    /// Creates the opener; opens nothing yet.
    pub fn new(registry: Registry, cache: Arc<Cache>, offline: bool, progress: Arc<dyn Progress>) -> Self {
        Self { registry, cache, offline, progress, closers: Mutex::default() }
    }

    /// Stops all writing and removes unfinished files.
    pub fn close(&self) {
        for close in self.closers.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            close();
        }
    }

    fn closed_by(&self, close: impl Fn() + Send + Sync + 'static) {
        self.closers.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(close));
    }

    fn archive(&self, file: &Path, format: ArchiveFormat) -> Result<Arc<dyn Sink>, OperationError> {
        let writer = Arc::new(ArchiveWriter::create(file, format, self.progress.clone())?);
        let closed = writer.clone();
        self.closed_by(move || closed.close());
        Ok(writer)
    }
}

impl Repositories for RepositoryOpener {
    fn source(&self, location: &Location) -> Result<(Arc<dyn Source>, Selector), OperationError> {
        match location {
            Location::Registry(name) => {
                let online = if self.offline { None } else { Some(self.registry.source(name)? as Arc<dyn Source>) };
                let repository = CachedRepository { online, name: name.clone(), cache: self.cache.clone() };
                Ok((Arc::new(repository), name.selector()))
            }
            Location::Layout { folder, name, digest } => within(Layout::open(folder, name.as_deref())?, *digest),
            Location::OciArchive { file, name, digest } => {
                within(Layout::open_archive(file, name.as_deref())?, *digest)
            }
            Location::DockerArchive { .. } => {
                let message = format!("cannot read {location}: its layers are not those that a registry would have");
                let hint = "write an OCI archive instead, as in `skopeo copy docker-archive:… oci-archive:image.tar`";
                Err(OperationError::new(Code::InvalidArgument, message).with_hint(hint))
            }
        }
    }

    fn sink(&self, location: &Location) -> Result<Arc<dyn Sink>, OperationError> {
        match location {
            Location::Registry(name) if self.offline => {
                let message = format!("cannot push to {}: `--offline` is set", name.registry);
                let hint = "build with --push=false, or into a layout, as in --to oci:out";
                Err(OperationError::new(Code::Offline, message).with_hint(hint))
            }
            Location::Registry(name) => Ok(self.registry.repository(name)?),
            Location::Layout { folder, .. } => {
                let writer = Arc::new(LayoutWriter::create(folder, self.progress.clone())?);
                let closed = writer.clone();
                self.closed_by(move || closed.close());
                Ok(writer)
            }
            Location::OciArchive { file, .. } => self.archive(file, ArchiveFormat::Oci),
            Location::DockerArchive { file, .. } => self.archive(file, ArchiveFormat::Docker),
        }
    }

    fn engine(&self, engine: Engine) -> Result<(Arc<dyn Sink>, String), OperationError> {
        let endpoint = EngineFinder::new(|name| std::env::var_os(name)).find(engine)?;
        let place = endpoint.to_string();
        let folder = tempfile::Builder::new().prefix("carboy-load-").tempdir().map_err(|cause| {
            OperationError::new(Code::UnwritableOutput, "cannot make a directory for the image to load")
                .because(&cause)
                .with_hint("set TMPDIR to a directory with room for the image")
        })?;
        let sink = Arc::new(EngineSink::new(endpoint, folder, self.progress.clone())?);
        let closed = sink.clone();
        self.closed_by(move || closed.close());
        Ok((sink, place))
    }
}

fn within(layout: Layout, digest: Option<Digest>) -> Result<(Arc<dyn Source>, Selector), OperationError> {
    let root = digest.map_or_else(|| layout.root(), |digest| Ok(Selector::Digest(digest)))?;
    Ok((Arc::new(layout), root))
}

/// Returns the machine and user, as the environment describes them.
pub fn host() -> Host {
    Host {
        variable: Arc::new(|name| Some(std::env::var_os(name)?.to_string_lossy().into_owned())),
        home: etcetera::home_dir().ok(),
        system: PathBuf::from("/etc"),
    }
}
