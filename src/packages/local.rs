//! Wheels that are on this machine's disk already.

use std::path::Path;
use std::sync::Arc;

use super::Wheels;
use super::download::{Need, mismatch};
use super::hashing::Hashes;
use super::house::{self, Housed};
use super::lacking::Wanted;
use super::names::is_of;
use crate::http::failure::other;
use crate::ports::{PortError, WheelFile};
use crate::python::lock::{Hash, LockedFile, Origin, Pinned};
use crate::python::wheel;

impl Wheels {
    /// The wheel of the folders that fits best.
    ///
    /// # Errors
    /// Wheelhouses that cannot be read; a locked file there that is another.
    pub(super) async fn housed(&self, wanted: Wanted<'_>) -> Result<Option<WheelFile>, PortError> {
        let all = self.housed.get_or_try_init(|| self.look()).await?;
        for strict in [true, false] {
            let mut left: Vec<_> =
                all.iter().filter(|one| one.strict == strict && is_of(&one.wheel, wanted.pinned)).collect();
            while let Some(one) = wheel::best(left.iter().map(|one| (one.wheel.clone(), *one)), wanted.target) {
                let need = Need { name: &one.name, hashes: locked_hashes(wanted.pinned, &one.name), size: None };
                match self.on_disk(&one.path, &need).await {
                    Err(error) if !strict && error.kind == crate::ports::PortErrorKind::Corrupt => {
                        left.retain(|other| other.path != one.path);
                    }
                    found => return found.map(Some),
                }
            }
        }
        Ok(None)
    }

    /// What is known of a wheel where it lies.
    ///
    /// # Errors
    /// A file that cannot be read, or is another than wanted.
    pub(super) async fn on_disk(&self, path: &Path, need: &Need<'_>) -> Result<WheelFile, PortError> {
        let (folders, at, wanted) = (Arc::clone(&self.folders), path.to_owned(), need.hashes.to_vec());
        let read = move || -> Result<_, PortError> {
            let file = folders.file(&at)?;
            let known = |hash: &Hash| *hash == Hash::Sha256(file.digest);
            if wanted.is_empty() || wanted.iter().any(known) {
                return Ok((file, None));
            }
            let failed = |cause| other(format!("cannot read `{}`: {cause}", at.display()));
            let opened = std::fs::File::open(&at).map_err(failed)?;
            Ok((file, Some(Hashes::of(opened, &wanted).map_err(failed)?)))
        };
        let (file, hashed) = self.compute(read).await?;
        if let Some(hashed) = hashed.filter(|hashed| !hashed.is_one_of(need.hashes)) {
            let place = path.parent().unwrap_or(path).display().to_string();
            return Err(mismatch(need, &format!("`{place}`"), &hashed));
        }
        Ok(WheelFile { name: need.name.to_owned(), path: path.into(), digest: file.digest, size: file.size })
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, PortError> + Send + 'static,
    ) -> Result<T, PortError> {
        let done = self.workers.run(work).await;
        done.map_err(|cause| other(format!("reading local wheels broke off: {cause}")))?
    }

    async fn look(&self) -> Result<Arc<[Housed]>, PortError> {
        let wheelhouses = self.settings.wheelhouses.clone();
        let others = [&self.settings.find_links[..], &self.settings.lock_links].concat();
        self.compute(move || house::look(&wheelhouses, &others)).await.map(Arc::from)
    }
}

/// The hashes that the lock file has for a file's name; none for files that it does
/// not know, which were built for the purpose.
fn locked_hashes<'a>(pinned: &'a Pinned, name: &str) -> &'a [Hash] {
    let of = |file: &'a LockedFile| (file.name == name).then_some(file.hashes.as_slice());
    match &pinned.origin {
        Origin::Index { files, .. } => files.iter().find_map(of).unwrap_or_default(),
        Origin::Url(file) => of(file).unwrap_or_default(),
        Origin::File { path, hashes } if path.file_name().is_some_and(|own| own == name) => hashes,
        Origin::File { .. } | Origin::Folder { .. } | Origin::Git { .. } => &[],
    }
}
