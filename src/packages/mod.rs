//! Wheels from wheelhouses, indexes and URLs, behind `Packages`.
//!
//! Source: PyPA, "Simple repository API" (PEP 503, 691, 700). Wheelhouses come first.
//! Then the cache, by the lock file's hashes. Then what this machine is configured for:
//! indexes of its own are asked for the same file and hash before the lock file's URL.
//! Without that, it is the URL; without a URL, the index that the lock file has for the
//! distribution, and no other; without one, the project's and the lock file's, or `PyPI`
//! where none of these stands in its place. What is fetched is verified, and kept in the
//! cache by its SHA-256.

pub mod configured;
mod courier;
pub mod credentials;
mod download;
mod hashing;
mod house;
mod html;
mod index;
mod lacking;
mod links;
mod local;
mod names;
pub mod netrc;
mod search;
mod settings;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use tokio::sync::{OnceCell, Semaphore};

pub use settings::{Index, Links, Settings};

use crate::http::hosts::Hosts;
use crate::http::retry::Patience;
use crate::http::wire::Wire;
use crate::once::Once;
use crate::ports::{Cache, Folders, NoWheel, Packages, PortError, WheelFile};
use crate::progress::{Event, Progress};
use crate::python::lock::Pinned;
use crate::python::tags::Target;
use crate::workers::Workers;
use courier::Courier;
use house::Housed;
use index::Pages;

/// Everywhere that wheels may come from, with what was learned of it in this run.
pub struct Wheels {
    settings: Settings,
    courier: Courier,
    cache: Arc<dyn Cache>,
    folders: Arc<dyn Folders>,
    progress: Arc<dyn Progress>,
    workers: Workers,
    pages: Pages,
    /// What the folders have, once one was looked in.
    housed: OnceCell<Arc<[Housed]>>,
    /// Warnings that were given.
    told: Mutex<BTreeSet<String>>,
    /// Fetched files, by what they are known by.
    fetched: Once<String, WheelFile>,
    transfers: Semaphore,
}

impl Wheels {
    /// Connects to nothing and reads nothing yet.
    ///
    /// # Errors
    /// HTTP cannot be set up: a user agent that is no header.
    pub fn new(
        mut settings: Settings,
        cache: Arc<dyn Cache>,
        folders: Arc<dyn Folders>,
        progress: Arc<dyn Progress>,
        workers: Workers,
    ) -> Result<Self, PortError> {
        let wire = Wire::new(Hosts::new(std::mem::take(&mut settings.insecure)), &settings.user_agent)?;
        let courier = Courier {
            wire: wire.trusting(settings.certificates.take()).paced(settings.pace),
            credentials: std::mem::take(&mut settings.credentials),
            patience: Patience { retries: settings.retries, base: settings.delay },
            progress: Arc::clone(&progress),
            faults: Mutex::default(),
        };
        let transfers = Semaphore::new(settings.jobs.max(1));
        let (pages, housed, told, fetched) = (Pages::default(), OnceCell::new(), Mutex::default(), Once::default());
        Ok(Self { settings, courier, cache, folders, progress, workers, pages, housed, told, fetched, transfers })
    }

    fn warn_once(&self, text: String) {
        if self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(text.clone()) {
            self.progress.on(Event::Warning(text));
        }
    }
}

impl Packages for Wheels {
    fn wheel<'a>(&'a self, wanted: &'a Pinned, target: &'a Target) -> BoxFuture<'a, Result<WheelFile, NoWheel>> {
        Box::pin(self.find(lacking::Wanted { pinned: wanted, target }))
    }
}
