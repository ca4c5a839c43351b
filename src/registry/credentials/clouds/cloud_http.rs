//! Requests to the APIs and metadata services of clouds.
//!
//! Metadata services speak plain HTTP on addresses of the machine itself, which no proxy serves; no
//! other host does.

use std::net::Ipv4Addr;
use std::time::Duration;

use bytes::Bytes;
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, StatusCode, Url};
use serde::de::DeserializeOwned;

use crate::diagnostic::Code;
use crate::http::client::{Client, Payload, Request, whole};
use crate::http::failure::{Failure, failed, link};
use crate::http::hosts::{authority, is_local};
use crate::http::{Auth, retry};
use crate::operation_error::OperationError;
use crate::registry::error::explain;

/// The time for an answer of an API.
const ANSWER: Duration = Duration::from_secs(30);
/// The time that all requests to a metadata service have together.
const METADATA: Duration = Duration::from_secs(1);
/// The largest answer, in bytes.
const LIMIT: u64 = 1 << 20;
/// The hosts of metadata services that are not of IPv4's link.
const METADATA_HOSTS: [&str; 3] = ["[fd00:ec2::23]", "[fd00:ec2::254]", "metadata.google.internal"];

/// The clients for APIs and for metadata services.
pub struct CloudHttp<'a> {
    /// The client with the machine's proxies and certificates.
    api: &'a Client,
    metadata: reqwest::Client,
    metadata_limit: Duration,
}

/// A successful answer.
pub struct Body {
    bytes: Bytes,
    host: String,
}

impl<'a> CloudHttp<'a> {
    /// Creates the client for metadata services beside the one for APIs.
    ///
    /// # Errors
    /// HTTP cannot be set up.
    pub fn new(api: &'a Client) -> Result<Self, OperationError> {
        let builder = reqwest::Client::builder().user_agent(concat!("carboy/", env!("CARGO_PKG_VERSION")));
        let builder = builder.redirect(Policy::none()).no_proxy().tls_certs_only([]).timeout(ANSWER);
        let metadata = builder.build().map_err(|cause| failed("cannot set up HTTP".to_owned()).because(&cause))?;
        Ok(Self { api, metadata, metadata_limit: METADATA })
    }

    /// Replaces the time that all requests to a metadata service have together.
    #[cfg(test)]
    pub fn with_metadata_limit(self, metadata_limit: Duration) -> Self {
        Self { metadata_limit, ..self }
    }

    /// Returns what a metadata service says within its time; none if there is no such service.
    pub async fn within<T>(&self, asked: impl Future<Output = Result<T, Failure>>) -> Option<T> {
        tokio::time::timeout(self.metadata_limit, asked).await.ok()?.ok()
    }

    /// Begins a request.
    ///
    /// # Errors
    /// Not a URL; plain HTTP to a host that is neither this machine nor a metadata service.
    pub fn request(&self, method: Method, url: &str) -> Result<RequestBuilder, Failure> {
        let refused = |message: String| Failure::lasting(OperationError::new(Code::InvalidArgument, message));
        let url = Url::parse(url).map_err(|_| refused(format!("`{url}` is not a URL")))?;
        let host = url.host_str().unwrap_or_default();
        match url.scheme() {
            "https" => {}
            "http" if is_metadata(host) || is_local(host) => {}
            _ => return Err(refused(format!("plain HTTP to {host} is not allowed for credentials"))),
        }
        Ok(self.metadata.request(method, url))
    }

    /// Sends a request and reads its answer.
    ///
    /// # Errors
    /// No answer; an answer without success, in the service's words.
    pub async fn send(&self, request: RequestBuilder) -> Result<Body, Failure> {
        let request = request.build().map_err(|cause| link("", &cause, None))?;
        let host = authority(request.url());
        let mut response = if request.url().scheme() == "https" {
            let (method, url) = (request.method().clone(), request.url().clone());
            let payload = request.body().and_then(|body| body.as_bytes()).map(Bytes::copy_from_slice);
            let asked = Request {
                headers: request.headers().clone(),
                payload: payload.map_or(Payload::Empty, Payload::Bytes),
                limit: Some(ANSWER),
                ..Request::new(method, url.clone())
            };
            self.api.exchange(&asked, &url, &Auth::Anonymous).await?
        } else {
            self.metadata.execute(request).await.map_err(|cause| link(&host, &cause.without_url(), None))?
        };
        let (status, retry) = (response.status(), retry::retry(response.status(), response.headers()));
        let too_long = || Failure::lasting(failed(format!("{host} answers with more than {} MiB", LIMIT >> 20)));
        let bytes = whole(&mut response, LIMIT).await?.ok_or_else(too_long)?;
        if status.is_success() {
            return Ok(Body { bytes, host });
        }
        let error = failed(format!("{host} refuses: {}", words(status, &bytes)));
        Err(Failure { error, retry })
    }
}

impl Body {
    /// Returns the answer as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// Returns the answer as JSON.
    ///
    /// # Errors
    /// An answer of another form.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_slice(&self.bytes).map_err(|_| self.unusable())
    }

    /// Returns the failure of an answer without what was asked for.
    pub fn unusable(&self) -> Failure {
        Failure::lasting(failed(format!("{} answers without credentials", self.host)))
    }
}

/// Returns whether a host is the address of a metadata service, which is on the machine's own link.
fn is_metadata(host: &str) -> bool {
    METADATA_HOSTS.contains(&host) || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_link_local())
}

/// Returns a service's message, in JSON or in AWS's XML.
fn words(status: StatusCode, body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    match element(&text, "Message") {
        Some(message) => crate::http::failure::one_line(message),
        None => explain(status, body),
    }
}

/// Adds a form to a request.
pub fn with_form(request: RequestBuilder, form: &[(&str, &str)]) -> RequestBuilder {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    request.header("content-type", "application/x-www-form-urlencoded").body(body)
}

/// Returns the text of the first XML element of this name, for texts without entities.
pub fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0.trim())
}
