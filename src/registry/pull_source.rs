//! A repository as a source: manifests, and blobs that are resumed after a break, from the
//! repository's mirrors and from itself.
//!
//! Source: containers-registries.conf(5), "Mirrors". Mirrors are asked in their order, each once.
//! The last place has retries: it is the repository itself unless the settings exclude it. What
//! comes from a mirror is verified as everything is; the image keeps its name.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::try_unfold;
use reqwest::Response;
use reqwest::header::HeaderMap;
use tokio_util::io::StreamReader;

use super::error::Intent;
use super::repository::Repository;
use super::transport::Transport;
use crate::diagnostic::Code;
use crate::http::failure::Failure;
use crate::http::resume::{RangeSource, ResumingBody};
use crate::network::{PullBy, canonical_registry};
use crate::oci::digest::{Verifier, VerifyError};
use crate::oci::location::{RegistryName, Selector};
use crate::oci::{Descriptor, Digest, RawManifest};
use crate::operation_error::OperationError;
use crate::repository::{BlobReader, Source};

/// A repository with its mirrors.
#[derive(Clone)]
pub struct PullSource {
    name: RegistryName,
    transport: Arc<Transport>,
    /// The mirrors, and then the repository itself unless the settings exclude it.
    places: Arc<[Place]>,
    /// The setting that excludes the repository itself, for messages.
    exclusion: Option<String>,
}

/// A mirror, or the repository itself.
struct Place {
    repository: Repository,
    is_mirror: bool,
    pull_by: PullBy,
}

impl PullSource {
    /// Finds the mirrors of a repository.
    pub(super) fn new(transport: &Arc<Transport>, name: &RegistryName) -> Result<Self, OperationError> {
        let place = |name: RegistryName, is_mirror, pull_by| Place {
            repository: Repository::new(Arc::clone(transport), name),
            is_mirror,
            pull_by,
        };
        let rule = transport.client.network().mirrors.of(name);
        let mut places = Vec::new();
        for mirror in rule.iter().flat_map(|rule| &rule.mirrors) {
            let at = rule.and_then(|rule| rule.at(mirror, name)).ok_or_else(|| {
                let message = format!("the mirror {} of {} names no repository", mirror.location, name.bare());
                OperationError::new(Code::InvalidConfiguration, message)
                    .with_hint(format!("add the repository's name: {}/{}", mirror.location, name.repository))
            })?;
            places.push(place(at, true, mirror.pull_by));
        }
        let exclusion = rule.filter(|rule| !rule.fallback).map(|rule| rule.source.clone());
        if exclusion.is_none() {
            places.push(place(name.clone(), false, PullBy::All));
        }
        Ok(Self { name: name.clone(), transport: Arc::clone(transport), places: places.into(), exclusion })
    }

    /// Returns the numbers of the places to ask. The last one is asked even if it failed before.
    fn usable(&self, selector: &Selector) -> Vec<usize> {
        let fits = |place: &Place| place.pull_by.accepts(selector);
        let all: Vec<_> = (0..self.places.len()).filter(|&at| fits(&self.places[at])).collect();
        let last = all.last().copied();
        let is_usable = |at: usize| {
            let place = &self.places[at];
            !place.is_mirror || self.transport.mirror_log.is_usable(&place.repository.name)
        };
        all.into_iter().filter(|&at| Some(at) == last || is_usable(at)).collect()
    }

    /// Reports the place that serves the repository, if it is a mirror.
    fn served(&self, place: &Place) {
        if place.is_mirror {
            self.transport.mirror_log.served(&self.name, &place.repository.name);
        }
    }

    async fn read_manifest(&self, selector: &Selector) -> Result<RawManifest, OperationError> {
        let usable = self.usable(selector);
        let Some((&last, mirrors)) = usable.split_last() else { return Err(self.nowhere(selector)) };
        for &at in mirrors {
            let place = &self.places[at];
            match place.repository.read_manifest(selector).await {
                Ok(manifest) => {
                    self.served(place);
                    return Ok(manifest);
                }
                Err(failure) => {
                    self.transport.mirror_log.failed(&self.name, &place.repository.name, &failure.error);
                }
            }
        }
        let place = &self.places[last];
        let access = place.repository.access(Intent::Pull);
        let mut attempts = self.transport.attempts(&access, format!("manifest {}", place.repository.named(selector)));
        loop {
            match place.repository.read_manifest(selector).await {
                Ok(manifest) => {
                    self.served(place);
                    return Ok(manifest);
                }
                Err(failure) => attempts.pause(failure).await.map_err(|error| self.explained(place, error))?,
            }
        }
    }

    /// Adds the setting that keeps the repository itself from being asked.
    fn explained(&self, place: &Place, error: OperationError) -> OperationError {
        let Some(setting) = self.exclusion.as_ref().filter(|_| place.is_mirror) else { return error };
        let (name, mirror) = (self.name.bare(), place.repository.name.bare());
        let more = format!("{} itself is not asked because of {setting}", self.name.registry);
        let hint = error.hint.as_ref().map_or_else(|| more.clone(), |hint| format!("{hint}; {more}"));
        let message = format!("cannot pull {name} from its mirror {mirror}");
        OperationError::new(error.code, message).because(&error).with_hint(hint)
    }

    /// Builds the error of a reference that no place is asked for.
    fn nowhere(&self, selector: &Selector) -> OperationError {
        let message = format!("no mirror of {} is asked for {selector}", self.name.bare());
        let hint = self.exclusion.as_ref().map(|setting| format!("the setting is {setting}"));
        OperationError { hint, ..OperationError::new(Code::NotFound, message) }
    }
}

impl Source for PullSource {
    fn manifest<'a>(&'a self, selector: &'a Selector) -> BoxFuture<'a, Result<RawManifest, OperationError>> {
        Box::pin(self.read_manifest(selector))
    }

    fn blob<'a>(&'a self, blob: &'a Descriptor) -> BoxFuture<'a, Result<BlobReader, OperationError>> {
        Box::pin(async move {
            let mut pull = Pull::new(self.clone(), blob)?;
            pull.body.open().await?;
            let stream = try_unfold(pull, async |mut pull| {
                let bytes = pull.next().await?;
                Ok::<_, io::Error>(bytes.map(|bytes| (bytes, pull)))
            });
            Ok(Box::pin(StreamReader::new(Box::pin(stream))) as BlobReader)
        })
    }

    fn mountable_at(&self, registry: &str) -> Option<&str> {
        let names = self.places.iter().map(|place| &place.repository.name);
        let mut there = names.filter(|name| canonical_registry(&name.registry) == canonical_registry(registry));
        there.next().map(|name| name.repository.as_str())
    }
}

/// A blob being downloaded.
struct Pull {
    body: ResumingBody<Blob>,
    verifier: Verifier,
    ended: bool,
}

/// A blob of a repository, and the places that are left to ask for it.
struct Blob {
    source: PullSource,
    /// The number of the current place, and those after it.
    places: Vec<usize>,
    digest: Digest,
}

impl Pull {
    fn new(source: PullSource, blob: &Descriptor) -> Result<Self, OperationError> {
        let selector = Selector::Digest(blob.digest);
        let places = source.usable(&selector);
        let Some(&first) = places.first() else { return Err(source.nowhere(&selector)) };
        let access = source.places[first].repository.access(Intent::Pull);
        let what = format!("blob {} of {}", blob.digest.short(), access.name());
        let attempts = source.transport.attempts(&access, what);
        let body = ResumingBody::new(Blob { source, places, digest: blob.digest }, Some(blob.size), attempts);
        Ok(Self { body, verifier: Verifier::new(blob.digest, blob.size), ended: false })
    }

    /// Returns the next bytes; none after the last, once all are verified.
    async fn next(&mut self) -> io::Result<Option<Bytes>> {
        if self.ended {
            return Ok(None);
        }
        let bytes = self.body.next().await.map_err(io::Error::other)?;
        let verified = match &bytes {
            Some(bytes) => self.verifier.update(bytes),
            None => self.verifier.finish(),
        };
        verified.map_err(|cause| self.body.source().corrupt(cause))?;
        self.ended = bytes.is_none();
        Ok(bytes)
    }
}

impl Blob {
    /// Returns the current place.
    fn place(&self) -> Option<&Place> {
        self.places.first().map(|&at| &self.source.places[at])
    }

    /// Builds the error of bytes that do not have their digest. A mirror that sent them is named, and
    /// not asked again; with another place to ask, the code is `MirrorFailed`.
    fn corrupt(&self, cause: VerifyError) -> io::Error {
        if let Some(place) = self.place().filter(|place| place.is_mirror) {
            let mirror = &place.repository.name;
            let has_next = self.places.len() > 1;
            if has_next {
                let error = OperationError::new(Code::CorruptContent, "it sends wrong bytes").because(&cause);
                self.source.transport.mirror_log.failed(&self.source.name, mirror, &error);
            }
            let code = if has_next { Code::MirrorFailed } else { Code::CorruptContent };
            let text = format!("the mirror {} sends wrong bytes", mirror.bare());
            let error = OperationError::new(code, text).because(&cause);
            return io::Error::other(
                error.with_hint("carboy kept nothing of them; repair the mirror, or do without it"),
            );
        }
        io::Error::new(io::ErrorKind::InvalidData, cause)
    }
}

impl RangeSource for Blob {
    fn name(&self) -> String {
        self.digest.to_string()
    }

    async fn request(&mut self, headers: HeaderMap) -> Result<Response, Failure> {
        loop {
            let Some(place) = self.place() else {
                return Err(Failure::lasting(self.source.nowhere(&Selector::Digest(self.digest))));
            };
            match place.repository.read_blob(self.digest, headers.clone()).await {
                Ok(response) => {
                    self.source.served(place);
                    return Ok(response);
                }
                Err(failure) if self.places.len() == 1 => {
                    let error = self.source.explained(place, failure.error);
                    return Err(Failure { error, ..failure });
                }
                Err(failure) => {
                    let mirror = &place.repository.name;
                    self.source.transport.mirror_log.failed(&self.source.name, mirror, &failure.error);
                    self.places.remove(0);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
