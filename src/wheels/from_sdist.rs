//! Makes wheels from locked sdists, and keeps them in the cache.
//!
//! A made wheel is stored as any other. A note under the sdist's SHA-256 and the format version
//! leads to it.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use super::Wheels;
use super::download;
use super::file_hashes::known_by;
use super::file_name::{is_of, sdist};
use super::no_matching_wheel::WheelQuery;
use super::page::IndexFile;
use super::sdist_archive;
use super::sources::Index;
use crate::http::failure::one_line;
use crate::oci::Digest;
use crate::operation_error::OperationError;
use crate::python::lock::{Hash, LockedFile};
use crate::python::sdist;
use crate::python::wheel::WheelName;
use crate::store::{Cache, CacheKind};
use crate::wheels::{WheelError, WheelFile};

/// The version of the wheels that are made. It changes when other bytes are made from an sdist.
const FORMAT: u32 = 1;
/// The stack for reading a `setup.py`, in bytes: deep expressions need a deep stack.
const STACK: usize = 256 << 20;

/// Returns the sdist among locked files, if carboy may make a wheel from it: wheels for certain
/// platforms mean that it has to be compiled.
pub fn buildable<'f>(names: impl Iterator<Item = &'f str> + Clone) -> Option<&'f str> {
    let mut wheels = names.clone().filter_map(WheelName::parse);
    let compiled = wheels.any(|wheel| wheel.tags.iter().any(|tag| tag.platform != "any"));
    let archive = |name: &&str| sdist(name).is_some() && WheelName::parse(name).is_none();
    names.filter(|_| !compiled).find(archive)
}

/// The reason why no wheel is made from an sdist.
#[derive(Clone, Debug)]
pub enum Unmade {
    /// The sdist is not available.
    NotFetched(String),
    /// The files of the sdist do not decide the wheel.
    Refused(String),
}

/// Adds the reason for which no wheel is made from an sdist to an error.
pub fn explained(error: WheelError, unmade: Option<&Unmade>) -> WheelError {
    let why = match unmade {
        None => return error,
        Some(Unmade::NotFetched(why)) => format!("it cannot be fetched: {why}"),
        Some(Unmade::Refused(why)) => format!("carboy cannot build it: {why}"),
    };
    let message = format!("{}; {}", error.message, one_line(&why));
    WheelError { message, other_pythons: None, ..error }
}

impl Wheels {
    /// Makes the wheel of a locked sdist. `fetch` provides the sdist, unless the cache has the wheel.
    ///
    /// # Errors
    /// The sdist cannot be fetched, or its files do not decide the wheel.
    pub(super) async fn wheel_of_sdist(
        &self,
        wanted: WheelQuery<'_>,
        file: &LockedFile,
        fetch: impl Future<Output = Result<WheelFile, WheelError>>,
    ) -> Result<WheelFile, Unmade> {
        let unmade = Unmade::Refused;
        let kept = self.kept(wanted, &file.hashes).await.map_err(|error| unmade(error.line()))?;
        let wheel = if let Some(wheel) = kept {
            wheel
        } else {
            let archive = fetch.await.map_err(|error| self.not_fetched(&error))?;
            let made = self.fetched.get(format!("the wheel of {}", archive.digest), self.make(archive));
            made.await.map_err(unmade)?
        };
        let name = WheelName::parse(&wheel.name).filter(|name| is_of(name, wanted.pinned));
        let name = name.ok_or_else(|| unmade(format!("it would be {}", wheel.name)))?;
        if !name.tags.iter().any(|tag| wanted.target.accepts(tag)) {
            return Err(unmade(format!("{} does not fit", wheel.name)));
        }
        Ok(wheel)
    }

    /// Makes the wheel of an archive that is not one that fits. An archive without a hash is not
    /// used.
    pub(super) async fn of_archive(
        &self,
        wanted: WheelQuery<'_>,
        (file, place): (&LockedFile, &str),
        fetch: impl Future<Output = Result<WheelFile, WheelError>>,
    ) -> Result<WheelFile, WheelError> {
        let error = wanted.archive(&file.name, place);
        if file.hashes.is_empty() || buildable(std::iter::once(file.name.as_str())).is_none() {
            return Err(error);
        }
        self.wheel_of_sdist(wanted, file, fetch).await.map_err(|unmade| explained(error, Some(&unmade)))
    }

    /// Makes the wheel of an sdist that an index lists.
    pub(super) async fn listed_sdist(
        &self,
        wanted: WheelQuery<'_>,
        listed: &IndexFile,
        index: Option<&Index>,
        locked: &[Hash],
    ) -> Result<WheelFile, Unmade> {
        let same: Vec<_> = listed.hashes.iter().filter(|hash| locked.contains(hash)).cloned().collect();
        let hashes = match (same.is_empty(), locked.is_empty()) {
            (false, _) => same,
            (true, true) => listed.hashes.clone(),
            (true, false) => locked.to_vec(),
        };
        let file =
            LockedFile { name: listed.name.clone(), url: Some(listed.url.to_string()), hashes, size: listed.size };
        let download = async {
            let cached = self.cached(&file.name, &file.hashes).await?;
            match cached {
                Some(found) => Ok(found),
                None => Ok(self.listed(listed, index, &file).await?),
            }
        };
        let fetch = self.fetched.get(known_by(&file), download);
        self.wheel_of_sdist(wanted, &file, fetch).await
    }

    fn not_fetched(&self, error: &WheelError) -> Unmade {
        let offline = self.settings.network_setting().map(|setting| setting.reason().to_owned());
        Unmade::NotFetched(offline.unwrap_or_else(|| error.message.clone()))
    }

    /// Returns the wheel that was made from an sdist with one of the hashes.
    pub(super) async fn kept(
        &self,
        wanted: WheelQuery<'_>,
        hashes: &[Hash],
    ) -> Result<Option<WheelFile>, OperationError> {
        if !self.settings.trusts_cache() {
            return Ok(None);
        }
        let (cache, hashes) = (Arc::clone(&self.cache), hashes.to_vec());
        let look = move || {
            let digests = hashes.iter().filter_map(|hash| match hash {
                Hash::Sha256(digest) => Some(digest),
                _ => None,
            });
            digests.map(|digest| noted(&cache, digest)).find_map(Result::transpose).transpose()
        };
        let found = self.compute(look).await?;
        Ok(found.filter(|wheel| WheelName::parse(&wheel.name).is_some_and(|name| is_of(&name, wanted.pinned))))
    }

    async fn make(&self, archive: WheelFile) -> Result<WheelFile, String> {
        let cache = Arc::clone(&self.cache);
        let work = move || {
            if let Some(found) = noted(&cache, &archive.digest).map_err(|error| error.line())? {
                return Ok(found);
            }
            let (name, bytes) = made(&archive.path, &archive.name)?;
            keep(&cache, &archive, &name, &bytes).map_err(|error| error.line())
        };
        match self.cpu_pool.run(work).await {
            Ok(result) => result,
            Err(cause) => Err(cause.to_string()),
        }
    }
}

/// Returns the name and the bytes of the wheel of an sdist.
fn made(path: &Path, name: &str) -> Result<(String, Vec<u8>), String> {
    let files = sdist_archive::read(path, name)?;
    let work = move || -> Result<_, String> {
        let wheel = sdist::wheel(&files).map_err(|error| error.to_string())?;
        let bytes = sdist::archive::bytes(&wheel).map_err(|error| error.to_string())?;
        Ok((wheel.name, bytes))
    };
    let thread = std::thread::Builder::new().name("sdist".to_owned()).stack_size(STACK).spawn(work);
    let thread = thread.map_err(|cause| cause.to_string())?;
    thread.join().unwrap_or_else(|_| Err("its setup.py cannot be read".to_owned()))
}

/// Returns the key of the note of an sdist.
fn note(sdist: &Digest) -> Digest {
    Digest::of(format!("the wheel of format {FORMAT} that is made from the sdist {sdist}").as_bytes())
}

/// Returns the wheel that was made from the sdist with a SHA-256.
fn noted(cache: &Cache, sdist: &Digest) -> Result<Option<WheelFile>, OperationError> {
    let Some(record) = cache.record(CacheKind::WheelName, &note(sdist))? else { return Ok(None) };
    let text = String::from_utf8_lossy(&record);
    let mut words = text.splitn(3, ' ');
    let (Some(digest), Some(name), Some(sdist)) = (words.next(), words.next(), words.next()) else { return Ok(None) };
    let Ok(digest) = digest.parse::<Digest>() else { return Ok(None) };
    let found = download::cached(cache, name, &[Hash::Sha256(digest)])?;
    Ok(found.map(|file| WheelFile { sdist: Some(sdist.into()), ..file }))
}

fn keep(cache: &Cache, archive: &WheelFile, name: &str, bytes: &[u8]) -> Result<WheelFile, OperationError> {
    let digest = Digest::of(bytes);
    let mut staged = cache.stage()?;
    staged.write_all(bytes).and_then(|()| staged.flush()).map_err(|cause| cache.failure(&cause))?;
    cache.commit(staged, CacheKind::Wheel, &digest)?;
    cache.keep(CacheKind::WheelName, &note(&archive.digest), format!("{digest} {name} {}", archive.name).as_bytes())?;
    let path = cache.path(CacheKind::Wheel, &digest).into();
    let size = bytes.len() as u64;
    Ok(WheelFile { name: name.to_owned(), path, digest, size, sdist: Some(archive.name.as_str().into()) })
}
