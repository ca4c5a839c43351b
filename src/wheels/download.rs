//! Downloads files into the cache: bounded, verified, resumed.
//!
//! An entry is stored under its SHA-256. If the lock file has only hashes of other kinds, a note
//! under these hashes leads to the entry. A note for each distribution has
//! its wheels that were fetched.

use std::io::Write as _;
use std::sync::Arc;

use reqwest::header::HeaderMap;
use reqwest::{Response, Url};

use super::WheelFile;
use super::file_hashes::{DisplayHash, FileHasher, FileHashes};
use super::index_client::IndexClient;
use super::sources::Index;
use crate::http::failure::{Failure, Retry, corrupt, failed};
use crate::http::hosts::authority;
use crate::http::resume::{RangeSource, ResumingBody};
use crate::oci::Digest;
use crate::operation_error::OperationError;
use crate::progress::{Event, Outcome, Progress, Subject, Verb};
use crate::python::lock::Hash;
use crate::python::normalised;
use crate::python::wheel::WheelName;
use crate::store::{Cache, CacheKind};

/// The most bytes of a wheel.
const LIMIT: u64 = 16 << 30;

/// A file to download.
pub struct FileRequest<'a> {
    pub name: &'a str,
    /// The lock file's hashes; without these, the index's.
    pub hashes: &'a [Hash],
    /// In bytes, if the lock file or the index has the size.
    pub size: Option<u64>,
}

/// The address of a file.
#[derive(Clone, Copy)]
pub struct FileUrl<'a> {
    pub url: &'a Url,
    /// The index that lists the file.
    pub index: Option<&'a Index>,
}

/// Returns a wheel of the cache with one of its hashes. The wheel is read completely to verify it;
/// a damaged one is deleted.
///
/// # Errors
/// The cache cannot be read.
pub fn cached(cache: &Cache, name: &str, hashes: &[Hash]) -> Result<Option<WheelFile>, OperationError> {
    for hash in hashes {
        let digest = match hash {
            Hash::Sha256(digest) => Some(*digest),
            other => noted(cache, other)?,
        };
        let Some(digest) = digest else { continue };
        if let Some(found) = cached_as(cache, name, &digest, hashes)? {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Returns the wheel of the cache with a SHA-256, if it also has one of some hashes. The wheel is
/// read completely to verify it; a damaged one is deleted.
///
/// # Errors
/// The cache cannot be read.
pub fn cached_as(
    cache: &Cache,
    name: &str,
    digest: &Digest,
    hashes: &[Hash],
) -> Result<Option<WheelFile>, OperationError> {
    let Some(file) = cache.open(CacheKind::Wheel, digest)? else { return Ok(None) };
    let size = file.metadata().map_err(|cause| cache.failure(&cause))?.len();
    let found = FileHasher::of(&file, hashes).ok().filter(|found| found.sha256 == *digest);
    let Some(found) = found else {
        cache.damaged(CacheKind::Wheel, digest, &format!("the wheel {name}"));
        return Ok(None);
    };
    if !found.is_one_of(hashes) {
        return Ok(None);
    }
    let path = cache.path(CacheKind::Wheel, digest).into();
    Ok(Some(WheelFile { name: name.to_owned(), path, digest: *digest, size, sdist: None }))
}

/// A wheel that an earlier run fetched.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownWheel {
    pub name: String,
    pub digest: Digest,
}

/// The most wheels of a distribution that are noted.
const MOST_KNOWN: usize = 256;

/// Returns the wheels of a distribution that earlier runs fetched, the latest first.
///
/// # Errors
/// The cache cannot be read.
pub fn known_wheels(cache: &Cache, name: &str) -> Result<Vec<KnownWheel>, OperationError> {
    let record = cache.record(CacheKind::WheelName, &wheels_note(name))?.unwrap_or_default();
    Ok(listed(&record))
}

/// Reads a note about a distribution's wheels.
fn listed(record: &[u8]) -> Vec<KnownWheel> {
    let one = |line: &str| {
        let (digest, name) = line.split_once(' ')?;
        Some(KnownWheel { name: name.to_owned(), digest: digest.parse().ok()? })
    };
    String::from_utf8_lossy(record).lines().filter_map(one).collect()
}

/// Notes a wheel's name and SHA-256 for runs without the network.
fn keep_known(cache: &Cache, name: &str, digest: &Digest) -> Result<(), OperationError> {
    let Some(wheel) = WheelName::parse(name) else { return Ok(()) };
    let distribution = normalised(&wheel.distribution);
    let this = KnownWheel { name: name.to_owned(), digest: *digest };
    let with_this = |record: Option<Vec<u8>>| {
        let mut known = listed(&record.unwrap_or_default());
        known.retain(|other| *other != this);
        known.insert(0, this);
        let line = |known: &KnownWheel| format!("{} {}\n", known.digest, known.name);
        known.iter().take(MOST_KNOWN).map(line).collect::<String>().into_bytes()
    };
    cache.update(CacheKind::WheelName, &wheels_note(&distribution), with_this)
}

/// Returns the path of the note about a distribution's wheels.
fn wheels_note(name: &str) -> Digest {
    Digest::of(format!("the wheels of {name}").as_bytes())
}

/// Returns the path of a note.
fn note(hash: &Hash) -> Digest {
    Digest::of(format!("the SHA-256 of the wheel whose hash is {}", DisplayHash(hash)).as_bytes())
}

fn noted(cache: &Cache, hash: &Hash) -> Result<Option<Digest>, OperationError> {
    let record = cache.record(CacheKind::WheelName, &note(hash))?;
    Ok(record.and_then(|text| std::str::from_utf8(&text).ok()?.parse().ok()))
}

/// Fetches a file into the cache.
///
/// # Errors
/// The file does not exist (`NotFound`); its content differs from the hashes (`Corrupt`); the index
/// refuses or fails.
pub async fn fetch(
    index_client: &IndexClient,
    cache: &Cache,
    progress: &dyn Progress,
    need: &FileRequest<'_>,
    at: FileUrl<'_>,
) -> Result<WheelFile, OperationError> {
    let subject = Subject::Wheel(Arc::from(need.name));
    // A host that failed all retries fails for the next file too.
    let mut body = ResumingBody::new(
        File { index_client, name: need.name, at, passing: false },
        need.size,
        index_client.attempts(at.url, need.name.to_owned()),
    );
    if let Err(error) = body.open().await {
        if body.source().passing {
            index_client.give_up(at.url, at.index, &error);
        }
        return Err(error);
    }
    progress.on(Event::Started { verb: Verb::Pull, subject: subject.clone(), size: need.size.or(body.size()) });
    let advanced = |bytes| progress.on(Event::Advanced { verb: Verb::Pull, subject: subject.clone(), bytes });
    let result = receive(&mut body, cache, need, at, advanced).await;
    let outcome = if result.is_ok() { Outcome::Done } else { Outcome::Failed };
    progress.on(Event::Ended { verb: Verb::Pull, subject, outcome });
    result
}

async fn receive(
    body: &mut ResumingBody<File<'_>>,
    cache: &Cache,
    need: &FileRequest<'_>,
    at: FileUrl<'_>,
    advanced: impl Fn(u64) + Send,
) -> Result<WheelFile, OperationError> {
    let mut staged = cache.stage()?;
    let mut sums = FileHasher::new(need.hashes);
    let (mut size, limit) = (0, need.size.unwrap_or(LIMIT).min(LIMIT));
    while let Some(bytes) = body.next().await? {
        size += bytes.len() as u64;
        if size > limit {
            return Err(corrupt(format!("{} from {} has more than {limit} bytes", need.name, authority(at.url))));
        }
        sums.update(&bytes);
        staged.write_all(&bytes).map_err(|cause| cache.failure(&cause))?;
        advanced(bytes.len() as u64);
    }
    if need.size.is_some_and(|promised| promised != size) {
        return Err(corrupt(format!("{} from {} has {size} bytes, not {limit}", need.name, authority(at.url))));
    }
    let hashed = sums.finish();
    if !hashed.is_one_of(need.hashes) {
        return Err(mismatch(need, &authority(at.url), &hashed));
    }
    staged.flush().map_err(|cause| cache.failure(&cause))?;
    cache.commit(staged, CacheKind::Wheel, &hashed.sha256)?;
    keep_notes(cache, need.hashes, &hashed)?;
    keep_known(cache, need.name, &hashed.sha256)?;
    let path = cache.path(CacheKind::Wheel, &hashed.sha256).into();
    Ok(WheelFile { name: need.name.to_owned(), path, digest: hashed.sha256, size, sdist: None })
}

/// Notes the SHA-256 of a file that was found by hashes of other kinds.
fn keep_notes(cache: &Cache, wanted: &[Hash], hashed: &FileHashes) -> Result<(), OperationError> {
    let other = |hash: &&Hash| !matches!(hash, Hash::Sha256(_)) && hashed.is_one_of(std::slice::from_ref(*hash));
    for hash in wanted.iter().filter(other) {
        cache.keep(CacheKind::WheelName, &note(hash), hashed.sha256.to_string().as_bytes())?;
    }
    Ok(())
}

/// Returns the error of a file with none of the expected hashes.
pub fn mismatch(need: &FileRequest<'_>, place: &str, hashed: &FileHashes) -> OperationError {
    let wanted = match need.hashes {
        [one] => DisplayHash(one).to_string(),
        many => format!("one of {} others", many.len()),
    };
    let mut error = corrupt(format!("{} from {place} hashes to {}, not to {wanted}", need.name, hashed.sha256));
    error.hint =
        Some("it is not the file that was locked: find out who changed it before it is locked anew".to_owned());
    error
}

/// A download from an index.
struct File<'a> {
    index_client: &'a IndexClient,
    name: &'a str,
    at: FileUrl<'a>,
    /// The last failure may be temporary.
    passing: bool,
}

impl RangeSource for File<'_> {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    async fn request(&mut self, headers: HeaderMap) -> Result<Response, Failure> {
        let answer = self.index_client.get(self.at.url, self.at.index, headers).await;
        let response = answer.inspect_err(|failure| self.passing = failure.retry != Retry::No)?;
        if !matches!(response.status().as_u16(), 200 | 206 | 416) {
            let status = response.status();
            return Err(Failure::lasting(failed(format!(
                "{} answers {status} for {}",
                authority(self.at.url),
                self.name
            ))));
        }
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wheels_that_are_fetched_at_once_are_all_noted() {
        let folder = tempfile::tempdir().unwrap();
        // Two caches over one directory stand for two processes.
        let caches = [(); 2].map(|()| Cache::new(folder.path().join("cache")).unwrap());
        std::thread::scope(|scope| {
            for at in 0..8_u8 {
                let cache = &caches[usize::from(at % 2)];
                scope.spawn(move || {
                    for number in 0..8_u8 {
                        let name = format!("shop-{at}.{number}-py3-none-any.whl");
                        keep_known(cache, &name, &Digest::of(&[at, number])).unwrap();
                    }
                });
            }
        });
        assert_eq!(known_wheels(&caches[0], "shop").unwrap().len(), 64);
    }
}
