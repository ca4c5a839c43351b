//! What all parts of one run share: ports, limits, and what was done already.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use super::error::BuildError;
use super::members::Members;
use super::pull::Root;
use crate::layer::{Limits, Packed, Packer, TarFiles};
use crate::oci::{Descriptor, DiffId, Digest};
use crate::once::Once;
use crate::plan::Plan;
use crate::ports::{Cache, CacheKind, Compiler, Folders, Indexes, Origin, Repositories, Sink};
use crate::progress::{Event, Progress};
use crate::workers::Workers;

/// The outside world, as `build` sees it.
#[derive(Clone)]
pub struct Io {
    pub repositories: Arc<dyn Repositories>,
    pub cache: Arc<dyn Cache>,
    pub folders: Arc<dyn Folders>,
    pub indexes: Arc<dyn Indexes>,
    pub compiler: Arc<dyn Compiler>,
    pub progress: Arc<dyn Progress>,
    pub workers: Workers,
    /// How many transfers go on at once.
    pub jobs: usize,
}

/// One run.
pub struct Run {
    pub io: Io,
    pub limits: Limits,
    pub transfers: Semaphore,
    /// A zstd encoder takes some 14 MB (measured at level 3) and more than a core: two at
    /// most.
    pub encoders: Semaphore,
    /// Those that are at rest.
    packers: Mutex<Vec<Packer>>,
    pub tars: Arc<Tars>,
    pub members: Arc<Members>,
    pub roots: Once<String, Arc<Root>>,
    pub unpacked: Once<Digest, u64>,
    pub packed: Once<Digest, (Packed, bool)>,
    pushed: Once<(String, Digest), ()>,
    /// What was told already that platforms and profiles share.
    told: Mutex<BTreeSet<String>>,
}

impl Run {
    pub fn new(io: Io, limits: Limits) -> Self {
        let jobs = io.jobs.max(1);
        Self {
            tars: Arc::new(Tars { cache: io.cache.clone(), keys: Mutex::default(), open: Mutex::default() }),
            limits,
            transfers: Semaphore::new(jobs),
            encoders: Semaphore::new(jobs.min(2)),
            packers: Mutex::default(),
            members: Arc::new(Members::new(io.cache.clone())),
            roots: Once::default(),
            unpacked: Once::default(),
            packed: Once::default(),
            pushed: Once::default(),
            told: Mutex::default(),
            io,
        }
    }

    /// A run of these plans, which are of one file: its limits hold for all profiles.
    pub fn of(plans: &[Plan], io: Io) -> Self {
        Self::new(io, plans.first().map_or_else(Limits::default, |plan| plan.limits))
    }

    /// Warns, unless that was done.
    pub fn warn_once(&self, text: impl Into<String>) {
        let text = text.into();
        if self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(text.clone()) {
            self.io.progress.on(Event::Warning(text));
        }
    }

    /// Runs work that computes. It must not wait for other such work.
    ///
    /// # Errors
    /// Work that panicked: a fault of carboy's.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, BuildError> {
        self.io.workers.run(work).await.map_err(|cause| BuildError::Internal(cause.to_string()))
    }

    /// Packs with a packer that is at rest, or a new one.
    pub fn with_packer<T>(&self, work: impl FnOnce(&mut Packer) -> T) -> T {
        let resting = || self.packers.lock().unwrap_or_else(PoisonError::into_inner);
        let packer = resting().pop();
        let mut packer = packer.unwrap_or_default();
        let done = work(&mut packer);
        resting().push(packer);
        done
    }

    /// Sees to it, once, that the plan's target has a blob.
    ///
    /// # Errors
    /// What the target says.
    pub async fn push(
        &self,
        plan: &Plan,
        sink: &Arc<dyn Sink>,
        blob: &Descriptor,
        origin: &Origin,
    ) -> Result<(), BuildError> {
        let target = plan.target.as_ref().map(ToString::to_string).unwrap_or_default();
        let work = async {
            let _permit = self.transfers.acquire().await;
            sink.blob(blob, origin).await.map(|_| ()).map_err(BuildError::from)
        };
        self.pushed.get((target, blob.digest), work).await
    }
}

/// The tars of pulled layers, opened once each.
pub struct Tars {
    cache: Arc<dyn Cache>,
    /// The cache's key of each blob's tar.
    keys: Mutex<HashMap<Digest, Digest>>,
    open: Mutex<HashMap<Digest, Arc<File>>>,
}

impl Tars {
    /// The cache's key of the tar that a blob unpacks to. The diff id is part of it:
    /// an image whose configuration promises another one never gets this tar.
    pub fn key(&self, blob: &Digest, diff_id: DiffId) -> Digest {
        let key = Digest::of(format!("{blob} {diff_id}").as_bytes());
        self.keys.lock().unwrap_or_else(PoisonError::into_inner).insert(*blob, key);
        key
    }
}

impl TarFiles for Tars {
    fn tar(&self, blob: &Digest) -> io::Result<Arc<File>> {
        let lost = || io::Error::other(format!("the cache lost the layer {}", blob.short()));
        let key = self.keys.lock().unwrap_or_else(PoisonError::into_inner).get(blob).copied().ok_or_else(lost)?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(&key) {
            return Ok(file.clone());
        }
        let file = self.cache.open(CacheKind::Tar, &key).map_err(io::Error::other)?;
        let file = Arc::new(file.ok_or_else(lost)?);
        open.insert(key, file.clone());
        Ok(file)
    }
}
