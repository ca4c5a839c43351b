//! Manifests and tags: written unless they are there, and written again with their parts when the
//! registry misses one.
//!
//! Source: distribution-spec `spec.md`, "Pushing Manifests". Registries refuse to move an immutable
//! tag in many forms, among them 400 `TAG_INVALID` (ECR), 412 `PRECONDITION` (Harbor), 403, 405 and
//! 409.

use std::collections::BTreeSet;

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode};
use serde::Deserialize;

use super::challenge::Scopes;
use super::error::{Intent, RepositoryAccess};
use super::pull::CONTENT_DIGEST;
use super::repository::Repository;
use super::transport::Answer;
use super::upload_session::same_digest;
use crate::diagnostic::Code;
use crate::http::client::{Payload, Request, STORE, whole};
use crate::http::failure::{Failure, failed};
use crate::oci::location::Selector;
use crate::oci::manifest::LIMIT;
use crate::oci::{Digest, RawManifest, media_type};
use crate::operation_error::OperationError;

/// The codes of a manifest whose parts the registry does not have.
const MISSING: [&str; 3] = ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN", "MANIFEST_UNKNOWN"];
/// The words of registries that refuse to move a tag.
const IMMUTABLE: [&str; 6] =
    ["immutab", "already exist", "overwrit", "cannot update tag", "write operation disallowed", "tag is locked"];

/// A failed write of a manifest.
pub enum ManifestFailure {
    /// The registry misses parts of the manifest: these, or it does not say which.
    MissingParts(Failure, BTreeSet<Digest>),
    Other(Failure),
}

impl From<Failure> for ManifestFailure {
    fn from(failure: Failure) -> Self {
        Self::Other(failure)
    }
}

impl Repository {
    /// Returns the digest that a tag or digest has at the registry; none if there is none, or the
    /// registry does not tell.
    pub(super) async fn digest_at(&self, selector: &Selector) -> Option<Digest> {
        let head = self.ask(Method::HEAD, selector).await?;
        if let Some(claimed) = head.header(CONTENT_DIGEST) {
            return claimed.parse().ok();
        }
        // It may hold the only connection that is allowed.
        drop(head);
        let mut answer = self.ask(Method::GET, selector).await?;
        let bytes = whole(&mut answer.response, LIMIT).await.ok()??;
        Some(Digest::of(&bytes))
    }

    async fn ask(&self, method: Method, selector: &Selector) -> Option<Answer> {
        let access = self.access(Intent::Push);
        let mut request = Request::new(method, self.url(&format!("manifests/{selector}")).await.ok()?);
        request.headers.extend(media_type::MANIFESTS.map(|kind| (ACCEPT, HeaderValue::from_static(kind))));
        let answer = self.transport.send(&access, &Scopes::push(&access.repository), &request).await.ok()?;
        (answer.status() == StatusCode::OK).then_some(answer)
    }

    /// Writes a manifest once; `named` is the digest that its tag had before.
    pub(super) async fn write_manifest(
        &self,
        manifest: &RawManifest,
        selector: &Selector,
        named: Option<Digest>,
    ) -> Result<(), ManifestFailure> {
        let access = self.access(Intent::Push);
        let url = self.url(&format!("manifests/{selector}")).await.map_err(Failure::lasting)?;
        let mut request = Request::new(Method::PUT, url);
        let odd = |_| Failure::lasting(failed(format!("`{}` is not a media type", manifest.media_type)));
        request.headers.insert(CONTENT_TYPE, HeaderValue::from_str(&manifest.media_type).map_err(odd)?);
        request.payload = Payload::Bytes(Bytes::from(manifest.bytes.clone()));
        request.limit = Some(STORE);
        let answer = self.transport.send(&access, &Scopes::push(&access.repository), &request).await?;
        if answer.status().is_success() {
            return Ok(same_digest(&answer, manifest.digest(), &access)?);
        }
        let failure = answer.failed(&access, &format!("pushing {}", self.named(selector)));
        if answer.has_code(&MISSING) {
            return Err(ManifestFailure::MissingParts(Failure::passing(failure.error), answer.digests()));
        }
        Err(match selector {
            Selector::Tag(tag) if is_immutable(&answer, named) => {
                Failure::lasting(immutable(&answer, &access, tag, named)).into()
            }
            _ => failure.into(),
        })
    }
}

/// Returns the digests of a manifest's parts: configuration, layers, manifests.
pub fn parts(manifest: &RawManifest) -> BTreeSet<Digest> {
    #[derive(Deserialize)]
    struct Part {
        digest: Digest,
    }
    #[derive(Deserialize)]
    struct Parts {
        config: Option<Part>,
        #[serde(default)]
        layers: Vec<Part>,
        #[serde(default)]
        manifests: Vec<Part>,
    }
    let Ok(parts) = serde_json::from_slice::<Parts>(&manifest.bytes) else { return BTreeSet::new() };
    parts.config.into_iter().chain(parts.layers).chain(parts.manifests).map(|part| part.digest).collect()
}

/// Returns whether a refusal is about a tag that names another image and cannot be moved.
fn is_immutable(answer: &Answer, named: Option<Digest>) -> bool {
    let words = answer.words().to_ascii_lowercase();
    match answer.status().as_u16() {
        409 | 412 => true,
        405 => named.is_some() || IMMUTABLE.iter().any(|immutable| words.contains(immutable)),
        400 | 403 | 422 => IMMUTABLE.iter().any(|immutable| words.contains(immutable)),
        _ => false,
    }
}

fn immutable(answer: &Answer, access: &RepositoryAccess, tag: &str, named: Option<Digest>) -> OperationError {
    let named = named.map(|digest| format!(", which names {digest}")).unwrap_or_default();
    let message = format!("{} does not move the tag `{tag}`{named}: {}", access.name(), answer.words());
    OperationError::new(Code::ImmutableTag, message)
        .with_hint("choose a tag that is not in use, or allow this one to be overwritten in the registry's settings")
}
