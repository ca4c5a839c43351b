//! Brings ports and what stands behind them together.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::cpu_pool::CpuPool;
use crate::diagnostic::Diagnostic;
use crate::oci::Location;
use crate::oci::location::Selector;
use crate::plan::PathBounds;
use crate::ports::{Cache, Folders, Indexes, OperationError, Packages, Repositories, Sink, Source, WheelPlaces};
use crate::progress::Progress;
use crate::registry::Registry;
use crate::source::{admit, is_governed};
use crate::store::{Layout, LayoutWriter};
use crate::wheels::settings::{self, HostEnvironment, ProjectSources};
use crate::wheels::{WheelSources, Wheels};

/// Registries and layouts, by location.
pub struct RepositoryOpener {
    pub registry: Registry,
    pub progress: Arc<dyn Progress>,
    /// The layouts that are written to.
    writers: Mutex<Vec<Arc<LayoutWriter>>>,
}

impl RepositoryOpener {
    /// Nothing is opened yet.
    pub fn new(registry: Registry, progress: Arc<dyn Progress>) -> Self {
        Self { registry, progress, writers: Mutex::default() }
    }

    /// Has nothing written any more, and takes away what was not finished.
    pub fn close(&self) {
        for writer in self.writers.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            writer.close();
        }
    }
}

impl Repositories for RepositoryOpener {
    fn source(&self, location: &Location) -> Result<(Arc<dyn Source>, Selector), OperationError> {
        match location {
            Location::Registry(name) => Ok((self.registry.repository(name), name.selector())),
            Location::Layout { folder, name, digest } => {
                let layout = Layout::open(folder, name.as_deref())?;
                let root = digest.map_or_else(|| layout.root(), |digest| Ok(Selector::Digest(digest)))?;
                Ok((Arc::new(layout), root))
            }
        }
    }

    fn sink(&self, location: &Location) -> Result<Arc<dyn Sink>, OperationError> {
        match location {
            Location::Registry(name) => Ok(self.registry.repository(name)),
            Location::Layout { folder, .. } => {
                let writer = Arc::new(LayoutWriter::create(folder, self.progress.clone())?);
                self.writers.lock().unwrap_or_else(PoisonError::into_inner).push(writer.clone());
                Ok(writer)
            }
        }
    }
}

/// Wheelhouses and indexes, as pip, uv, poetry and carboy are told of them.
pub struct WheelIndexes {
    pub cache: Arc<dyn Cache>,
    pub folders: Arc<dyn Folders>,
    pub progress: Arc<dyn Progress>,
    pub cpu_pool: CpuPool,
    pub insecure: Vec<String>,
    pub jobs: usize,
    /// The warnings that were shown: profiles share their settings.
    pub warned: Mutex<BTreeSet<Diagnostic>>,
}

impl Indexes for WheelIndexes {
    fn packages(&self, places: &WheelPlaces) -> Result<Arc<dyn Packages>, OperationError> {
        let own = ProjectSources {
            wheelhouses: places.wheelhouses.clone(),
            wheelhouses_by: places.wheelhouses_by,
            index: places.index.clone(),
            sources: places.sources.clone(),
            folder: places.folder.clone(),
        };
        let projects = [places.project.as_path(), places.folder.as_path()];
        let settings = with_host_environment(&projects, &places.bounds, |host| settings::settings(&own, host))?;
        for warning in &settings.warnings {
            if self.warned.lock().is_ok_and(|mut warned| warned.insert(warning.clone())) {
                self.progress.warn(warning.clone());
            }
        }
        let bounds = places.bounds.clone();
        let settings = WheelSources { bounds, insecure: self.insecure.clone(), jobs: self.jobs, ..settings };
        let (cache, folders, progress) = (self.cache.clone(), self.folders.clone(), self.progress.clone());
        Ok(Arc::new(Wheels::new(settings, cache, folders, progress, self.cpu_pool.clone())?))
    }
}

/// Gives the surroundings of a project's folders to whoever looks for settings.
pub fn with_host_environment<T>(
    projects: &[&Path],
    bounds: &PathBounds,
    look: impl FnOnce(&HostEnvironment<'_>) -> T,
) -> T {
    let home = etcetera::home_dir().ok();
    let root = bounds.roots.first();
    look(&HostEnvironment {
        variable: &|name| Some(std::env::var_os(name)?.to_string_lossy().into_owned()),
        home: home.as_deref(),
        folder: Path::new(""),
        system: Path::new("/etc"),
        projects,
        admit: &|folder, named| admit(bounds, folder, named),
        is_projects: &|path| root.is_some_and(|root| is_governed(root, path)),
    })
}
