//! Brings ports and what stands behind them together.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::oci::Location;
use crate::oci::location::Selector;
use crate::packages::configured::{self, Around, Own};
use crate::packages::{Settings, Wheels};
use crate::plan::Bounds;
use crate::ports::{Cache, Folders, Indexes, Packages, PortError, Repositories, Sink, Source, WheelPlaces};
use crate::progress::{Event, Progress};
use crate::registry::Registry;
use crate::source::{admit, is_governed};
use crate::store::{Layout, LayoutWriter};
use crate::workers::Workers;

/// Registries and layouts, by location.
pub struct Places {
    pub registry: Registry,
    pub progress: Arc<dyn Progress>,
    /// The layouts that are written to.
    writers: Mutex<Vec<Arc<LayoutWriter>>>,
}

impl Places {
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

impl Repositories for Places {
    fn source(&self, location: &Location) -> Result<(Arc<dyn Source>, Selector), PortError> {
        match location {
            Location::Registry(name) => Ok((self.registry.repository(name), name.selector())),
            Location::Layout { folder, name, digest } => {
                let layout = Layout::open(folder, name.as_deref())?;
                let root = digest.map_or_else(|| layout.root(), |digest| Ok(Selector::Digest(digest)))?;
                Ok((Arc::new(layout), root))
            }
        }
    }

    fn sink(&self, location: &Location) -> Result<Arc<dyn Sink>, PortError> {
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
pub struct Markets {
    pub cache: Arc<dyn Cache>,
    pub folders: Arc<dyn Folders>,
    pub progress: Arc<dyn Progress>,
    pub workers: Workers,
    pub insecure: Vec<String>,
    pub jobs: usize,
    /// The warnings that were shown: profiles share their settings.
    pub told: Mutex<BTreeSet<String>>,
}

impl Indexes for Markets {
    fn packages(&self, places: &WheelPlaces) -> Result<Arc<dyn Packages>, PortError> {
        let own = Own {
            wheelhouses: places.wheelhouses.clone(),
            wheelhouses_by: places.wheelhouses_by,
            index: places.index.clone(),
            sources: places.sources.clone(),
            folder: places.folder.clone(),
        };
        let projects = [places.project.as_path(), places.folder.as_path()];
        let settings = around(&projects, &places.bounds, |around| configured::settings(&own, around))?;
        for warning in &settings.warnings {
            if self.told.lock().is_ok_and(|mut told| told.insert(warning.clone())) {
                self.progress.on(Event::Warning(warning.clone()));
            }
        }
        let bounds = places.bounds.clone();
        let settings = Settings { bounds, insecure: self.insecure.clone(), jobs: self.jobs, ..settings };
        let (cache, folders, progress) = (self.cache.clone(), self.folders.clone(), self.progress.clone());
        Ok(Arc::new(Wheels::new(settings, cache, folders, progress, self.workers.clone())?))
    }
}

/// Gives the surroundings of a project's folders to whoever looks for settings.
pub fn around<T>(projects: &[&Path], bounds: &Bounds, look: impl FnOnce(&Around<'_>) -> T) -> T {
    let home = etcetera::home_dir().ok();
    let root = bounds.roots.first();
    look(&Around {
        variable: &|name| Some(std::env::var_os(name)?.to_string_lossy().into_owned()),
        home: home.as_deref(),
        folder: Path::new(""),
        system: Path::new("/etc"),
        projects,
        admit: &|folder, named| admit(bounds, folder, named),
        is_projects: &|path| root.is_some_and(|root| is_governed(root, path)),
    })
}
