//! Finds wheels on the local disk.

use std::path::Path;
use std::sync::Arc;

use super::Wheels;
use super::download::{FileRequest, mismatch};
use super::file_hashes::FileHasher;
use super::file_name::is_of;
use super::find_links::{self, LocalWheel};
use super::no_matching_wheel::WheelQuery;
use crate::diagnostic::{Code, Diagnostic};
use crate::operation_error::OperationError;
use crate::plan::Author;
use crate::python::lock::{Hash, LockedFile, PackageOrigin, Pinned};
use crate::python::wheel::{self, WheelName};
use crate::wheels::WheelFile;

impl Wheels {
    /// Returns the wheel of the directories that fits best.
    ///
    /// # Errors
    /// A wheelhouse cannot be read; a locked file in it has another hash.
    pub(super) async fn local_wheels(&self, wanted: WheelQuery<'_>) -> Result<Option<WheelFile>, OperationError> {
        let all = self.on_disk.get_or_try_init(|| self.look()).await?;
        let here = |strict| {
            let of = move |one: &&LocalWheel| one.strict == strict && is_of(&one.wheel, wanted.pinned);
            all.iter().filter(of).map(|one| (one.wheel.clone(), one)).collect::<Vec<_>>()
        };
        if let Some(one) = wheel::best(here(true), wanted.target) {
            let need = FileRequest { name: &one.name, hashes: locked_hashes(wanted.pinned, &one.name), size: None };
            self.admit(one)?;
            let file = self.on_disk(&one.path, &need).await?;
            self.warn_of_hash(wanted.pinned, one).await?;
            return Ok(Some(file));
        }
        let mut left = here(false);
        if locked_fits(wanted) {
            left.retain(|(_, one)| is_locked(wanted.pinned, &one.name));
        }
        while let Some(one) = wheel::best(left.clone(), wanted.target) {
            let hashes = match unnamed_hashes(wanted.pinned) {
                [] => locked_hashes(wanted.pinned, &one.name),
                hashes => hashes,
            };
            self.admit(one)?;
            match self.on_disk(&one.path, &FileRequest { name: &one.name, hashes, size: None }).await {
                Err(error) if error.code == Code::CorruptContent => {
                    left.retain(|(_, other)| other.path != one.path);
                }
                found => return found.map(Some),
            }
        }
        Ok(None)
    }

    /// Checks the real path of a wheel in a directory that the project's files name.
    fn admit(&self, one: &LocalWheel) -> Result<(), OperationError> {
        let settings = &self.settings;
        let named_by_project = if one.strict {
            settings.wheelhouses_by == Author::Project
        } else {
            settings.projects_links.iter().any(|folder| one.path.starts_with(folder))
        };
        if !named_by_project {
            return Ok(());
        }
        let (folder, name) = (one.path.parent().unwrap_or(&one.path), one.name.as_ref());
        self.folders.admit(&settings.bounds, folder, name)
    }

    /// Returns the wheels of a distribution in the directories, if these were read.
    pub(super) fn local_wheels_of(&self, pinned: &Pinned) -> Vec<WheelName> {
        let all = self.on_disk.get().map_or(&[][..], |all| all);
        all.iter().map(|one| &one.wheel).filter(|wheel| is_of(wheel, pinned)).cloned().collect()
    }

    /// Warns once of a wheel in a wheelhouse without a locked hash. If a lock file has hashes
    /// without names, the wheel may be built from the sdist or differ from the locked one.
    async fn warn_of_hash(&self, pinned: &Pinned, one: &LocalWheel) -> Result<(), OperationError> {
        let hashes = unnamed_hashes(pinned);
        let checked = self.on_disk(&one.path, &FileRequest { name: &one.name, hashes, size: None }).await;
        match checked {
            Err(error) if error.code == Code::CorruptContent => {}
            other => return other.map(drop),
        }
        let text = format!("`{}` in a wheelhouse has none of the locked hashes", one.name);
        self.warn_once(Diagnostic::warning(Code::LockFileDoubt, text).file(one.path.display()));
        Ok(())
    }

    /// Returns a wheel at its path, with its verified hash.
    ///
    /// # Errors
    /// The file cannot be read, or has another hash.
    pub(super) async fn on_disk(&self, path: &Path, need: &FileRequest<'_>) -> Result<WheelFile, OperationError> {
        let (folders, at, wanted) = (Arc::clone(&self.folders), path.to_owned(), need.hashes.to_vec());
        let read = move || -> Result<_, OperationError> {
            let file = folders.file(&at)?;
            let known = |hash: &Hash| *hash == Hash::Sha256(file.digest);
            if wanted.is_empty() || wanted.iter().any(known) {
                return Ok((file, None));
            }
            let failed = |cause: std::io::Error| {
                OperationError::new(Code::UnreadableFile, format!("cannot read `{}`", at.display())).because(&cause)
            };
            let opened = std::fs::File::open(&at).map_err(failed)?;
            Ok((file, Some(FileHasher::of(opened, &wanted).map_err(failed)?)))
        };
        let (file, hashed) = self.compute(read).await?;
        if let Some(hashed) = hashed.filter(|hashed| !hashed.is_one_of(need.hashes)) {
            let place = path.parent().unwrap_or(path).display().to_string();
            return Err(mismatch(need, &format!("`{place}`"), &hashed));
        }
        Ok(WheelFile {
            name: need.name.to_owned(),
            path: path.into(),
            digest: file.digest,
            size: file.size,
            sdist: None,
        })
    }

    pub(super) async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, OperationError> + Send + 'static,
    ) -> Result<T, OperationError> {
        let done = self.cpu_pool.run(work).await;
        done.map_err(|cause| OperationError::new(Code::Internal, "cannot read local wheels").because(&cause))?
    }

    async fn look(&self) -> Result<Arc<[LocalWheel]>, OperationError> {
        let wheelhouses = self.settings.wheelhouses.clone();
        let others = [&self.settings.find_links[..], &self.settings.lock_links].concat();
        self.compute(move || find_links::look(&wheelhouses, &others)).await.map(Arc::from)
    }
}

/// Returns the hashes of which a file needs one: the lock file has no names for them.
fn unnamed_hashes(pinned: &Pinned) -> &[Hash] {
    match &pinned.origin {
        PackageOrigin::Index { files, hashes, .. } if files.is_empty() => hashes,
        _ => &[],
    }
}

/// Returns the files that the lock file names.
fn locked_names(pinned: &Pinned) -> Vec<&str> {
    match &pinned.origin {
        PackageOrigin::Index { files, .. } => files.iter().map(|file| file.name.as_str()).collect(),
        PackageOrigin::Url(file) => vec![&file.name],
        PackageOrigin::File { path, .. } => path.file_name().and_then(|name| name.to_str()).into_iter().collect(),
        PackageOrigin::Folder { .. } | PackageOrigin::Git { .. } => Vec::new(),
    }
}

/// Returns whether a locked wheel fits; then no other is considered.
fn locked_fits(wanted: WheelQuery<'_>) -> bool {
    let wheels = locked_names(wanted.pinned).into_iter().filter_map(|name| Some((WheelName::parse(name)?, ())));
    wheel::best(wheels, wanted.target).is_some()
}

fn is_locked(pinned: &Pinned, name: &str) -> bool {
    locked_names(pinned).contains(&name)
}

/// Returns the hashes that the lock file has for a file's name. Returns none for an unknown file:
/// it was built by the user.
fn locked_hashes<'a>(pinned: &'a Pinned, name: &str) -> &'a [Hash] {
    let of = |file: &'a LockedFile| (file.name == name).then_some(file.hashes.as_slice());
    match &pinned.origin {
        PackageOrigin::Index { files, .. } => files.iter().find_map(of).unwrap_or_default(),
        PackageOrigin::Url(file) => of(file).unwrap_or_default(),
        PackageOrigin::File { path, hashes } if path.file_name().is_some_and(|own| own == name) => hashes,
        PackageOrigin::File { .. } | PackageOrigin::Folder { .. } | PackageOrigin::Git { .. } => &[],
    }
}
