//! What all parts of one run share: ports, limits, and what was done already.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use super::error::BuildError;
use super::members::Members;
use super::pull::Root;
use super::tars::Tars;
use crate::bytecode::Compiler;
use crate::cpu_pool::CpuPool;
use crate::diagnostic::{Code, Diagnostic};
use crate::layer::{Limits, Packed, Packer, TarListing};
use crate::oci::{Descriptor, Digest};
use crate::once_map::OnceMap;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::repository::{BlobSource, Repositories, Sink};
use crate::rootfs::LeftOut;
use crate::source::Folders;
use crate::store::Cache;
use crate::wheels::WheelIndexes;

/// The outside world, as `build` sees it.
#[derive(Clone)]
pub struct Io {
    pub repositories: Arc<dyn Repositories>,
    pub cache: Arc<Cache>,
    pub folders: Arc<Folders>,
    pub indexes: Arc<WheelIndexes>,
    pub compiler: Arc<Compiler>,
    pub progress: Arc<dyn Progress>,
    pub cpu_pool: CpuPool,
    /// How many transfers go on at once.
    pub jobs: usize,
}

/// One run.
pub struct Run {
    pub io: Io,
    pub limits: Limits,
    /// Damage was found in the cache: nothing in it is believed before it is verified.
    pub doubtful: bool,
    pub transfers: Semaphore,
    /// A zstd encoder takes some 14 MB (measured at level 3) and more than a core: two at
    /// most.
    pub encoders: Semaphore,
    /// Those that are at rest.
    packers: Mutex<Vec<Packer>>,
    pub tars: Arc<Tars>,
    pub members: Arc<Members>,
    pub roots: OnceMap<String, Arc<Root>>,
    pub layers: OnceMap<Digest, Arc<TarListing>>,
    pub packed: OnceMap<Digest, (Packed, bool)>,
    /// Layers whose blobs in the cache were damaged.
    pub repacked: OnceMap<Digest, (Packed, bool)>,
    pushed: OnceMap<(String, Digest), ()>,
    /// What was told already that platforms and profiles share.
    told: Mutex<BTreeSet<String>>,
    /// What stays behind of projects that are installed from their folders.
    left_out: Mutex<BTreeMap<PathBuf, LeftOut>>,
}

impl Run {
    pub fn new(io: Io, limits: Limits) -> Self {
        let jobs = io.jobs.max(1);
        Self {
            tars: Arc::new(Tars::new(io.cache.clone())),
            limits,
            doubtful: false,
            transfers: Semaphore::new(jobs),
            encoders: Semaphore::new(jobs.min(2)),
            packers: Mutex::default(),
            members: Arc::new(Members::new(io.cache.clone())),
            roots: OnceMap::default(),
            layers: OnceMap::default(),
            packed: OnceMap::default(),
            repacked: OnceMap::default(),
            pushed: OnceMap::default(),
            told: Mutex::default(),
            left_out: Mutex::default(),
            io,
        }
    }

    /// Does work on plans, which are of one file: its limits hold for all profiles.
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
        Self::recovering(io, limits, |run| work(run, plans.clone())).await
    }

    /// Does work in a run. Where damage turns up in the cache after it was used, the entry
    /// is dropped and the work is done once more, in a run that believes nothing in the cache
    /// before it is verified.
    ///
    /// # Errors
    /// The work's; a cache that is damaged again and again.
    pub async fn recovering<T, F>(io: Io, limits: Limits, work: impl Fn(Arc<Self>) -> F) -> Result<T, BuildError>
    where
        F: Future<Output = Result<T, BuildError>>,
    {
        for doubtful in [false, true] {
            let run = Arc::new(Self { doubtful, ..Self::new(io.clone(), limits) });
            let done = work(run.clone()).await;
            if !run.tars.any_damaged() {
                return done;
            }
        }
        Err(BuildError::Unreliable)
    }

    /// Fails where damage was found, so that nothing is published.
    ///
    /// # Errors
    /// When there was any.
    pub fn sound(&self) -> Result<(), BuildError> {
        if self.tars.any_damaged() { Err(BuildError::Unreliable) } else { Ok(()) }
    }

    /// Notes what stays behind of a folder, whose platforms share it.
    pub fn leaves_out(&self, folder: PathBuf, left_out: LeftOut) {
        self.left_out.lock().unwrap_or_else(PoisonError::into_inner).insert(folder, left_out);
    }

    /// What was noted so, by folder.
    pub fn left_out(&self) -> BTreeMap<PathBuf, LeftOut> {
        self.left_out.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Warns, unless that was done.
    pub fn warn_once(&self, text: impl Into<String>) {
        let text = text.into();
        if self.told.lock().unwrap_or_else(PoisonError::into_inner).insert(text.clone()) {
            self.io.progress.warn(Diagnostic::warning(Code::Internal, text));
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
        self.io.cpu_pool.run(work).await.map_err(|cause| BuildError::Internal(cause.to_string()))
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
        origin: &BlobSource,
    ) -> Result<(), BuildError> {
        let target = plan.target.as_ref().map(ToString::to_string).unwrap_or_default();
        let work = async {
            let _permit = self.transfers.acquire().await;
            sink.blob(blob, origin).await.map(|_| ()).map_err(BuildError::from)
        };
        self.pushed.get((target, blob.digest), work).await
    }
}
