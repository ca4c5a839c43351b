//! Opens the wheelhouses and indexes of projects.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use super::settings::{self, Host, ProjectSources};
use super::{NoNetwork, WheelSources, Wheels};
use crate::cpu_pool::CpuPool;
use crate::diagnostic::Diagnostic;
use crate::network::Network;
use crate::operation_error::OperationError;
use crate::progress::Progress;
use crate::source::Folders;
use crate::store::Cache;

/// Wheelhouses and indexes, as configured for pip, uv, poetry and carboy.
pub struct WheelIndexes {
    pub host: Host,
    pub cache: Arc<Cache>,
    pub folders: Arc<Folders>,
    pub progress: Arc<dyn Progress>,
    pub cpu_pool: CpuPool,
    /// Proxies, certificates, and the limits of connections.
    pub network: Arc<Network>,
    /// No host is asked.
    pub offline: bool,
    /// The most transfers at once.
    pub jobs: usize,
    /// The warnings that were shown: profiles share their settings.
    pub warned: Mutex<BTreeSet<Diagnostic>>,
}

impl WheelIndexes {
    /// Opens the wheelhouses and indexes of one project.
    ///
    /// # Errors
    /// Invalid settings.
    pub fn open(&self, project: &ProjectSources) -> Result<Arc<Wheels>, OperationError> {
        let projects = [project.project.as_path(), project.folder.as_path()];
        let read = |host: &settings::HostEnvironment<'_>| settings::settings(project, host);
        let settings = self.host.environment(&projects, &project.bounds, read)?;
        for warning in &settings.warnings {
            if self.warned.lock().is_ok_and(|mut warned| warned.insert(warning.clone())) {
                self.progress.warn(warning.clone());
            }
        }
        let bounds = project.bounds.clone();
        let settings = WheelSources { bounds, network: self.network.clone(), jobs: self.jobs, ..settings };
        let no_network = settings.no_network.or_else(|| self.offline.then_some(NoNetwork::Offline));
        let settings = WheelSources { no_network, ..settings };
        let (cache, folders, progress) = (self.cache.clone(), self.folders.clone(), self.progress.clone());
        Ok(Arc::new(Wheels::new(settings, cache, folders, progress, self.cpu_pool.clone())?))
    }
}
