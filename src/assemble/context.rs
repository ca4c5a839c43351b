//! The state that all parts of one run share: I/O, limits, and finished work.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use super::error::BuildError;
use super::image_root::ImageRoot;
use super::layer_tars::LayerTars;
use super::wheel_elf_cache::WheelElfCache;
use crate::bytecode::Compiler;
use crate::compose::ElfReader;
use crate::cpu_pool::CpuPool;
use crate::diagnostic::Diagnostic;
use crate::layer::{Limits, Packed, Packer, TarListing};
use crate::oci::{Descriptor, Digest};
use crate::once_map::OnceMap;
use crate::operation_error::OperationError;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::repository::{BlobSource, Repositories, Sink};
use crate::rootfs::LeftOut;
use crate::source::Folders;
use crate::store::Cache;
use crate::wheels::WheelIndexes;

/// The registries, caches, local files and progress reports that a run uses.
#[derive(Clone)]
pub struct Io {
    pub repositories: Arc<dyn Repositories>,
    pub cache: Arc<Cache>,
    pub folders: Arc<Folders>,
    pub indexes: Arc<WheelIndexes>,
    pub compiler: Arc<Compiler>,
    pub progress: Arc<dyn Progress>,
    pub cpu_pool: CpuPool,
    /// The number of simultaneous transfers.
    pub jobs: usize,
    /// No host is asked.
    pub offline: bool,
}

/// A sink, and its place in words.
pub type OpenSink = (Arc<dyn Sink>, String);

/// The state of one run.
pub struct Context {
    pub io: Io,
    pub limits: Limits,
    /// Set after damage was found in the cache: every cached tar is verified before use.
    pub doubtful: bool,
    pub transfers: Semaphore,
    /// Permits for zstd encoders, two at most: an encoder takes some 14 MB (measured at level 3)
    /// and more than a core.
    pub encoders: Semaphore,
    /// Idle packers.
    packers: Mutex<Vec<Packer>>,
    pub tars: Arc<LayerTars>,
    pub elf: Arc<ElfReader>,
    pub wheel_elf: WheelElfCache,
    pub roots: OnceMap<String, Arc<ImageRoot>>,
    pub layers: OnceMap<Digest, Arc<TarListing>>,
    pub packed: OnceMap<Digest, (Packed, bool)>,
    /// Layers that were packed again because their cached blobs were damaged.
    pub repacked: OnceMap<Digest, (Packed, bool)>,
    pushed: OnceMap<(String, Digest), ()>,
    /// The sinks that are open, with their places in words.
    sinks: Mutex<BTreeMap<String, OpenSink>>,
    /// Warnings that were emitted: platforms and profiles share them.
    emitted: Mutex<BTreeSet<Diagnostic>>,
    /// The files left out of projects that are installed from their directories.
    left_out: Mutex<BTreeMap<PathBuf, LeftOut>>,
}

impl Context {
    pub fn new(io: Io, limits: Limits) -> Self {
        let jobs = io.jobs.max(1);
        let tars = Arc::new(LayerTars::new(io.cache.clone()));
        let elf = Arc::new(ElfReader::new(tars.clone()));
        Self {
            wheel_elf: WheelElfCache::new(io.cache.clone(), elf.clone()),
            elf,
            tars,
            limits,
            doubtful: false,
            transfers: Semaphore::new(jobs),
            encoders: Semaphore::new(jobs.min(2)),
            packers: Mutex::default(),
            roots: OnceMap::default(),
            layers: OnceMap::default(),
            packed: OnceMap::default(),
            repacked: OnceMap::default(),
            pushed: OnceMap::default(),
            sinks: Mutex::default(),
            emitted: Mutex::default(),
            left_out: Mutex::default(),
            io,
        }
    }

    /// Does work on the plans of one configuration file. Its limits hold for all profiles.
    ///
    /// # Errors
    /// As `recovering`.
    pub async fn over<T, F>(
        plans: Vec<Plan>,
        io: Io,
        work: impl Fn(Arc<Self>, Vec<Arc<Plan>>) -> F,
    ) -> Result<T, BuildError>
    where
        F: Future<Output = Result<T, BuildError>>,
    {
        let limits = plans.first().map_or_else(Limits::default, |plan| plan.limits);
        let plans: Vec<_> = plans.into_iter().map(Arc::new).collect();
        Self::recovering(io, limits, |cx| work(cx, plans.clone())).await
    }

    /// Does work in a run. If a cache entry turns out to be damaged after its use, drops the entry
    /// and repeats the work once, in a run that verifies all cached tars first.
    ///
    /// # Errors
    /// Errors of the work; a cache that is damaged in both runs.
    pub async fn recovering<T, F>(io: Io, limits: Limits, work: impl Fn(Arc<Self>) -> F) -> Result<T, BuildError>
    where
        F: Future<Output = Result<T, BuildError>>,
    {
        for doubtful in [false, true] {
            let cx = Arc::new(Self { doubtful, ..Self::new(io.clone(), limits) });
            let done = work(cx.clone()).await;
            if !cx.tars.any_damaged() {
                return done;
            }
        }
        Err(BuildError::Unreliable)
    }

    /// Fails if damage was found in the cache, so that nothing is published.
    ///
    /// # Errors
    /// Damage in the cache.
    pub fn sound(&self) -> Result<(), BuildError> {
        if self.tars.any_damaged() { Err(BuildError::Unreliable) } else { Ok(()) }
    }

    /// Records the files that are left out of a project's directory.
    pub fn leaves_out(&self, folder: PathBuf, left_out: LeftOut) {
        self.left_out.lock().unwrap_or_else(PoisonError::into_inner).insert(folder, left_out);
    }

    /// Returns the files left out of projects' directories.
    pub fn left_out(&self) -> BTreeMap<PathBuf, LeftOut> {
        self.left_out.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Emits a warning, unless it was emitted before.
    pub fn warn(&self, warning: Diagnostic) {
        if self.emitted.lock().unwrap_or_else(PoisonError::into_inner).insert(warning.clone()) {
            self.io.progress.warn(warning);
        }
    }

    /// Runs CPU-bound work on the CPU pool. The work must not wait for other work on the pool.
    ///
    /// # Errors
    /// `Internal` for work that panicked.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, BuildError> {
        self.io.cpu_pool.run(work).await.map_err(|cause| BuildError::Internal(cause.to_string()))
    }

    /// Packs with an idle packer, or a new one.
    pub fn with_packer<T>(&self, work: impl FnOnce(&mut Packer) -> T) -> T {
        let idle = || self.packers.lock().unwrap_or_else(PoisonError::into_inner);
        let packer = idle().pop();
        let mut packer = packer.unwrap_or_default();
        let done = work(&mut packer);
        idle().push(packer);
        done
    }

    /// Returns the sink of a place, and the place in words. Opens it on first use.
    ///
    /// # Errors
    /// As `open`.
    pub fn sink(
        &self,
        place: &str,
        open: impl FnOnce() -> Result<OpenSink, OperationError>,
    ) -> Result<OpenSink, BuildError> {
        let mut sinks = self.sinks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = sinks.get(place) {
            return Ok(known.clone());
        }
        let opened = open()?;
        sinks.insert(place.to_owned(), opened.clone());
        Ok(opened)
    }

    /// Uploads a blob to a place at most once, unless the place has it.
    ///
    /// # Errors
    /// Any error of the sink.
    pub async fn push(
        &self,
        place: &str,
        sink: &Arc<dyn Sink>,
        blob: &Descriptor,
        origin: &BlobSource,
    ) -> Result<(), BuildError> {
        let work = async {
            let _permit = self.transfers.acquire().await;
            sink.blob(blob, origin).await.map(|_| ()).map_err(BuildError::from)
        };
        self.pushed.get((place.to_owned(), blob.digest), work).await
    }
}
