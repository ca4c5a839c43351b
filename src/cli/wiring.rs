//! Opens repositories by location, and describes the host by its environment.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::diagnostic::Code;
use crate::oci::Location;
use crate::oci::location::Selector;
use crate::operation_error::OperationError;
use crate::progress::Progress;
use crate::registry::Registry;
use crate::repository::{Repositories, Sink, Source};
use crate::store::{Cache, CachedRepository, Layout, LayoutWriter};
use crate::wheels::settings::Host;

/// Registries and layouts, by location.
pub struct RepositoryOpener {
    registry: Registry,
    cache: Arc<Cache>,
    /// No registry is asked.
    offline: bool,
    progress: Arc<dyn Progress>,
    /// The layouts that carboy writes to.
    writers: Mutex<Vec<Arc<LayoutWriter>>>,
}

impl RepositoryOpener {
    /// Creates the opener; opens nothing yet.
    pub fn new(registry: Registry, cache: Arc<Cache>, offline: bool, progress: Arc<dyn Progress>) -> Self {
        Self { registry, cache, offline, progress, writers: Mutex::default() }
    }

    /// Stops all writing and removes unfinished files.
    pub fn close(&self) {
        for writer in self.writers.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            writer.close();
        }
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
            Location::Layout { folder, name, digest } => {
                let layout = Layout::open(folder, name.as_deref())?;
                let root = digest.map_or_else(|| layout.root(), |digest| Ok(Selector::Digest(digest)))?;
                Ok((Arc::new(layout), root))
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
                self.writers.lock().unwrap_or_else(PoisonError::into_inner).push(writer.clone());
                Ok(writer)
            }
        }
    }
}

/// Returns the machine and user, as the environment describes them.
pub fn host() -> Host {
    Host {
        variable: Arc::new(|name| Some(std::env::var_os(name)?.to_string_lossy().into_owned())),
        home: etcetera::home_dir().ok(),
        system: PathBuf::from("/etc"),
    }
}
