//! Wheels from wheelhouses, indexes and URLs.
//!
//! Source: PyPA, "Simple repository API" (PEP 503, 691, 700). Sources are asked in this order:
//!
//! 1. wheelhouses, and other directories;
//! 2. the cache, by the lock file's hashes, unless the indexes are turned off;
//! 3. the indexes of the machine's configuration, for the same file and hash;
//! 4. the lock file's URL;
//! 5. without a URL, only the index that the lock file has for the distribution; without that
//!    index, the project's and the lock file's indexes, or `PyPI` if none of them replaces it.
//!
//! Without a wheel that fits, a wheel is made from a locked sdist if its files decide the content
//! (`from_sdist`).
//!
//! Each file is verified, and stored in the cache under its SHA-256.

pub mod credentials;
mod download;
mod error;
mod file_hashes;
mod file_name;
mod file_source;
mod find_links;
mod from_sdist;
mod html;
mod index_client;
mod indexes;
mod login;
mod misses;
pub mod netrc;
mod no_matching_wheel;
mod offline;
mod on_disk;
mod page;
mod page_cache;
mod sdist_archive;
mod search;
pub mod settings;
mod sources;
mod wheel_file;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OnceCell, Semaphore};

pub use error::WheelError;
pub use indexes::WheelIndexes;
pub use sources::{FindLinks, Index, NoNetwork, WheelSources};
pub use wheel_file::WheelFile;

use crate::cpu_pool::CpuPool;
use crate::diagnostic::Diagnostic;
use crate::http::client::Client;
use crate::http::retry::RetryPolicy;
use crate::once_map::OnceMap;
use crate::operation_error::OperationError;
use crate::progress::Progress;
use crate::python::lock::Pinned;
use crate::python::tags::Target;
use crate::source::Folders;
use crate::store::Cache;
use find_links::LocalWheel;
use index_client::IndexClient;
use page_cache::PageCache;

/// All sources of wheels, with the answers of this run.
pub struct Wheels {
    settings: WheelSources,
    index_client: IndexClient,
    cache: Arc<Cache>,
    folders: Arc<Folders>,
    progress: Arc<dyn Progress>,
    cpu_pool: CpuPool,
    pages: PageCache,
    /// The wheels of the directories, after the first search.
    on_disk: OnceCell<Arc<[LocalWheel]>>,
    /// Warnings that were shown.
    warned: Mutex<BTreeSet<Diagnostic>>,
    /// Fetched files, by their identity.
    fetched: OnceMap<String, WheelFile>,
    transfers: Semaphore,
}

impl Wheels {
    /// Creates the sources. Does not connect or read anything yet.
    ///
    /// # Errors
    /// HTTP cannot be set up: the user agent is not a valid header.
    pub fn new(
        mut settings: WheelSources,
        cache: Arc<Cache>,
        folders: Arc<Folders>,
        progress: Arc<dyn Progress>,
        cpu_pool: CpuPool,
    ) -> Result<Self, OperationError> {
        let client = Client::new(Arc::clone(&settings.network), &settings.user_agent);
        let index_client = IndexClient {
            client: client.with_certificates(settings.certificates.take()).with_stall_policy(settings.stall_policy),
            credentials: std::mem::take(&mut settings.credentials),
            retry_policy: RetryPolicy { retries: settings.retries, base: settings.delay },
            progress: Arc::clone(&progress),
            faults: Mutex::default(),
        };
        let transfers = Semaphore::new(settings.jobs.max(1));
        let (pages, on_disk, warned, fetched) =
            (PageCache::default(), OnceCell::new(), Mutex::default(), OnceMap::default());
        Ok(Self {
            settings,
            index_client,
            cache,
            folders,
            progress,
            cpu_pool,
            pages,
            on_disk,
            warned,
            fetched,
            transfers,
        })
    }

    fn warn_once(&self, warning: Diagnostic) {
        if self.warned.lock().unwrap_or_else(PoisonError::into_inner).insert(warning.clone()) {
            self.progress.warn(warning);
        }
    }

    /// Fetches and verifies the wheel of a distribution that fits the target best, unless the cache
    /// or a wheelhouse has it.
    ///
    /// # Errors
    /// No wheel fits; the error has the files that exist and a way to continue. A hash differs from
    /// the lock file's. An index refuses or fails.
    pub async fn wheel(&self, wanted: &Pinned, target: &Target) -> Result<WheelFile, WheelError> {
        Box::pin(self.find(no_matching_wheel::WheelQuery { pinned: wanted, target })).await
    }
}
