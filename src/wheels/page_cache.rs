//! Caches pages of indexes: one request for each project and run.
//!
//! Source: PyPA, "Simple repository API", content negotiation (PEP 691).

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use url::Url;

use super::index_client::IndexClient;
use super::login::shown;
use super::page::{self, IndexFile};
use super::sources::Index;
use crate::diagnostic::Code;
use crate::http::client::whole;
use crate::http::failure::{Failure, Retry, failed, one_line};
use crate::http::hosts::authority;
use crate::once_map::OnceMap;
use crate::operation_error::OperationError;

/// The most bytes of a page.
const LIMIT: u64 = 64 << 20;
/// The most bytes of all pages of a run. `PyPI`'s largest have some megabytes.
const ALL: u64 = 1 << 30;
const ACCEPTED: HeaderValue = HeaderValue::from_static(
    "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.01",
);

/// The pages of this run. None if an index has no such page.
#[derive(Default)]
pub struct PageCache {
    known: OnceMap<Url, Option<Arc<[IndexFile]>>>,
    /// Bytes of all pages.
    bytes: AtomicU64,
}

impl PageCache {
    /// Returns the files of a project in an index; none if the index does not have the project.
    ///
    /// # Errors
    /// The index fails, refuses, or its page is invalid.
    pub async fn project(
        &self,
        index_client: &IndexClient,
        index: &Index,
        project: &str,
    ) -> Result<Option<Arc<[IndexFile]>>, OperationError> {
        let mut url = index.url.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push(project).push("");
        }
        self.known.get(url.clone(), Box::pin(self.page(index_client, &url, Some(index)))).await
    }

    /// Returns the files of a page of links.
    ///
    /// # Errors
    /// The errors of `project`.
    pub async fn links(
        &self,
        index_client: &IndexClient,
        url: &Url,
    ) -> Result<Option<Arc<[IndexFile]>>, OperationError> {
        self.known.get(url.clone(), Box::pin(self.page(index_client, url, None))).await
    }

    async fn page(
        &self,
        index_client: &IndexClient,
        url: &Url,
        index: Option<&Index>,
    ) -> Result<Option<Arc<[IndexFile]>>, OperationError> {
        let mut attempts = index_client.attempts(url, shown(url));
        loop {
            let failure = match self.read(index_client, url, index).await {
                Ok(files) => return Ok(Some(files.into())),
                Err(failure) if failure.error.code == Code::NotFound => return Ok(None),
                Err(failure) => failure,
            };
            let passing = failure.retry != Retry::No;
            if let Err(error) = attempts.pause(failure).await {
                if passing {
                    index_client.give_up(url, index, &error);
                }
                return Err(error);
            }
        }
    }

    async fn read(
        &self,
        index_client: &IndexClient,
        url: &Url,
        index: Option<&Index>,
    ) -> Result<Vec<IndexFile>, Failure> {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, ACCEPTED);
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        let mut response = index_client.get(url, index, headers).await?;
        let base = response.url().clone();
        let header = |name| response.headers().get(name).and_then(|value: &HeaderValue| value.to_str().ok());
        let kind = header(CONTENT_TYPE).and_then(|kind| kind.split(';').next()).unwrap_or_default();
        let (kind, encoding) =
            (kind.trim().to_ascii_lowercase(), header(CONTENT_ENCODING).map(str::to_ascii_lowercase));
        let unusable =
            |why: &str| Failure::lasting(failed(format!("cannot use {}", shown(url))).because(why.to_owned()));
        let too_long = || unusable(&format!("it is longer than {} MiB", LIMIT >> 20));
        let body = whole(&mut response, LIMIT).await?.ok_or_else(too_long)?;
        let body = match encoding.as_deref() {
            None | Some("identity") => body,
            Some("gzip" | "x-gzip") => {
                let body = gunzipped(&body).map_err(|cause| unusable(&one_line(&cause.to_string())))?;
                body.ok_or_else(too_long)?
            }
            Some(other) => return Err(unusable(&format!("it is encoded as {}", one_line(other)))),
        };
        let all = self.bytes.fetch_add(body.len() as u64, Ordering::Relaxed).saturating_add(body.len() as u64);
        if all > ALL {
            return Err(unusable(&format!("with it, pages of indexes have more than {} MiB", ALL >> 20)));
        }
        let files = match kind.as_str() {
            "application/vnd.pypi.simple.v1+json" | "application/json" => page::json(&body, &base),
            "application/vnd.pypi.simple.v1+html" | "text/html" | "application/xhtml+xml" | "" => {
                page::html(&String::from_utf8_lossy(&body), &base)
            }
            kind => return Err(unusable(&format!("{} answers with {}", authority(&base), one_line(kind)))),
        };
        files.map_err(|cause| unusable(&cause.to_string()))
    }
}

/// Returns none for a page that is too long.
fn gunzipped(body: &Bytes) -> std::io::Result<Option<Bytes>> {
    let mut out = Vec::new();
    let length = MultiGzDecoder::new(&body[..]).take(LIMIT + 1).read_to_end(&mut out)?;
    Ok((length as u64 <= LIMIT).then(|| out.into()))
}
