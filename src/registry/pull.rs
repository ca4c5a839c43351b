//! Reads manifests and blobs of one repository, or of one of its mirrors.
//!
//! Source: distribution-spec `spec.md`, "Pull".

use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Method, Response};
use serde::de::IgnoredAny;

use super::challenge::Scopes;
use super::error::Intent;
use super::repository::Repository;
use crate::diagnostic::Code;
use crate::http::client::{Request, whole};
use crate::http::failure::{Failure, corrupt, failed};
use crate::oci::digest::Verifier;
use crate::oci::location::Selector;
use crate::oci::manifest::LIMIT;
use crate::oci::{Digest, RawManifest, media_type};

/// The header that holds the digest of a registry's answer.
pub const CONTENT_DIGEST: &str = "docker-content-digest";

/// The hint for a digest that a repository does not have.
const DELETED: &str = "registries delete manifests that no tag names; look up the digest of a current tag";

impl Repository {
    /// Formats `HOST/REPOSITORY:TAG` or `HOST/REPOSITORY@DIGEST`.
    pub(super) fn named(&self, selector: &Selector) -> String {
        match selector {
            Selector::Tag(tag) => format!("{}:{tag}", self.name.bare()),
            Selector::Digest(digest) => format!("{}@{digest}", self.name.bare()),
        }
    }

    /// Requests a manifest once, and verifies its digest.
    pub(super) async fn read_manifest(&self, selector: &Selector) -> Result<RawManifest, Failure> {
        let name = &self.named(selector);
        let access = self.access(Intent::Pull);
        let mut request =
            Request::new(Method::GET, self.url(&format!("manifests/{selector}")).await.map_err(Failure::lasting)?);
        request.headers.extend(media_type::MANIFESTS.map(|kind| (ACCEPT, HeaderValue::from_static(kind))));
        let mut answer = self.transport.send(&access, &Scopes::pull(&self.name.repository), &request).await?;
        if !answer.status().is_success() {
            let (absent, hint) = match selector {
                Selector::Tag(_) => (format!("no such image or tag: {name}"), None),
                Selector::Digest(_) => (format!("no such image: {name}"), Some(DELETED)),
            };
            let mut failure = answer.absent_or_failed(&access, &format!("reading {name}"), absent);
            if failure.error.code == Code::NotFound {
                failure.error.hint = hint.map(str::to_owned);
            }
            return Err(failure);
        }
        // Without a media type in the header, the manifest's own is used.
        let media_type = answer.header(CONTENT_TYPE.as_str()).unwrap_or_default();
        let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if media_type == "text/html" {
            let mut error = failed(format!("{} answers with a web page in place of {name}", access.host));
            error.hint = Some("is it a registry? a proxy's login page may stand before it".to_owned());
            return Err(Failure::lasting(error));
        }
        let claimed = answer.header(CONTENT_DIGEST).and_then(|text| text.parse().ok());
        let too_long = || failed(format!("manifest {name} is longer than {} MiB", LIMIT >> 20));
        let bytes = whole(&mut answer.response, LIMIT).await?.ok_or_else(|| Failure::lasting(too_long()))?;
        let wanted = if let Selector::Digest(digest) = selector { Some(*digest) } else { claimed };
        if is_cut(&bytes) {
            return Err(Failure::passing(failed(format!("manifest {name} ended after {} bytes", bytes.len()))));
        }
        if let Some(want) = wanted {
            check(&bytes, want, name)?;
        }
        Ok(RawManifest { media_type, bytes: bytes.into() })
    }

    /// Requests a blob once, or the part of it that the headers name.
    pub(super) async fn read_blob(&self, digest: Digest, headers: HeaderMap) -> Result<Response, Failure> {
        let access = self.access(Intent::Pull);
        let url = self.url(&format!("blobs/{digest}")).await.map_err(Failure::lasting)?;
        let request = Request { headers, ..Request::new(Method::GET, url) };
        let answer = self.transport.send(&access, &Scopes::pull(&access.repository), &request).await?;
        if matches!(answer.status().as_u16(), 200 | 206 | 416) {
            return Ok(answer.response);
        }
        let absent = format!("no such blob: {}@{digest}", access.name());
        Err(answer.absent_or_failed(&access, &format!("reading {digest} of {}", access.name()), absent))
    }
}

/// Returns whether JSON ends before its end. Not every answer tells its length.
fn is_cut(bytes: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(bytes).is_err_and(|cause| cause.is_eof())
}

fn check(bytes: &Bytes, want: Digest, name: &str) -> Result<(), Failure> {
    let mut verifier = Verifier::new(want, bytes.len() as u64);
    let checked = verifier.update(bytes).and_then(|()| verifier.finish());
    checked.map_err(|cause| Failure::lasting(corrupt(format!("manifest {name} is corrupt")).because(&cause)))
}
