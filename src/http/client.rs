//! One request and its answer over HTTP: clients, timeouts, the plain-HTTP rule.
//!
//! No retries and no credentials here. There is no limit on how long
//! a transfer may take, only on how long nothing may happen, or next to nothing.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, ClientBuilder, Method, Response, Url};
use tokio::time::Instant;

use super::Auth;
use super::failure::{Failure, link, other, stalled};
use super::hosts::{PlainHttpHosts, authority, is_local};
use super::stall_policy::{Stall, StallDetector, StallPolicy};
use super::upload::{ByteFlow, Upload};
use crate::operation_error::OperationError;

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(10);
/// How long a server may take to store what it was sent.
pub const STORE: Duration = Duration::from_mins(5);
/// The most bytes read of an answer that only explains.
const EXPLANATION: u64 = 64 << 10;

/// A request, which can be sent again.
#[derive(Clone)]
pub struct Request {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub payload: Payload,
    /// How long the answer's beginning may take, once all is sent; the pace's where none
    /// is set.
    pub limit: Option<Duration>,
}

/// What a request carries.
#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "a request is made once for each transfer")]
pub enum Payload {
    Empty,
    Bytes(Bytes),
    Upload(Upload),
}

/// The clients behind all requests.
pub struct Client {
    pub hosts: PlainHttpHosts,
    stall_policy: StallPolicy,
    user_agent: String,
    /// For this machine, past all proxies.
    local: reqwest::Client,
    /// For others without TLS.
    plain: reqwest::Client,
    /// Certificates beside the system's.
    certificates: Option<PathBuf>,
    /// Made when first needed: it reads the system's certificates.
    tls: OnceLock<Result<reqwest::Client, OperationError>>,
}

impl Request {
    /// A request without content.
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), payload: Payload::Empty, limit: None }
    }
}

impl Client {
    /// # Errors
    /// A user agent that is no header; proxies in the environment that are no URLs.
    pub fn new(hosts: PlainHttpHosts, user_agent: &str) -> Result<Self, OperationError> {
        // An error only says that a provider is there already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let bare = |builder: ClientBuilder| builder.tls_certs_only([]).build().map_err(|cause| unusable(&cause));
        Ok(Self {
            local: bare(builder(user_agent).no_proxy())?,
            plain: bare(builder(user_agent))?,
            certificates: None,
            tls: OnceLock::new(),
            user_agent: user_agent.to_owned(),
            hosts,
            stall_policy: StallPolicy::default(),
        })
    }

    /// Asks another pace of connections.
    #[must_use]
    pub fn with_stall_policy(self, stall_policy: StallPolicy) -> Self {
        Self { stall_policy, ..self }
    }

    /// Trusts the certificates of a file too, if there is one.
    #[must_use]
    pub fn with_certificates(mut self, certificates: Option<PathBuf>) -> Self {
        self.certificates = certificates;
        self
    }

    /// Sends a request once and waits for the answer's beginning.
    pub async fn exchange(&self, request: &Request, url: &Url, auth: &Auth) -> Result<Response, Failure> {
        let host = authority(url);
        if !self.hosts.permit(url) {
            let mut error = other(format!("plain HTTP to {host} is not allowed"));
            error.hint = Some(format!("to allow it, pass --insecure {host}"));
            return Err(Failure::lasting(error));
        }
        let client = self.client(url).map_err(Failure::lasting)?;
        let builder = client.request(request.method.clone(), url.clone()).headers(request.headers.clone());
        let builder = match auth {
            Auth::Anonymous => builder,
            Auth::Basic(user, password) => builder.basic_auth(user, Some(password)),
            Auth::Bearer(token) => builder.bearer_auth(token),
        };
        let limit = request.limit.unwrap_or(self.stall_policy.quiet);
        let answer = match &request.payload {
            Payload::Empty => tokio::time::timeout(limit, builder.send()).await.map_err(|_| Stall::Silent(limit)),
            Payload::Bytes(bytes) => {
                let flow = Arc::new(ByteFlow::new());
                let length = HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from(bytes.len()))]);
                let builder = builder.headers(length).body(flow.body(bytes.clone()));
                tokio::select! {
                    answer = builder.send() => Ok(answer),
                    stall = flow.stalled(bytes.len() as u64, self.stall_policy, limit) => Err(stall),
                }
            }
            Payload::Upload(upload) => {
                let body = upload.body().await.map_err(Failure::lasting)?;
                tokio::select! {
                    answer = builder.body(body).send() => Ok(answer),
                    stall = upload.stalled(self.stall_policy, request.limit.unwrap_or(STORE)) => Err(stall),
                }
            }
        };
        let fault = if let Payload::Upload(upload) = &request.payload { upload.fault() } else { None };
        match (answer, fault) {
            (Ok(Ok(mut response)), _) => {
                response.extensions_mut().insert(StallDetector::new(self.stall_policy));
                Ok(response)
            }
            (_, Some(fault)) => Err(Failure::lasting(fault)),
            (Ok(Err(cause)), None) => Err(link(&host, &cause)),
            (Err(stall), None) => Err(stalled(&host, stall)),
        }
    }

    fn client(&self, url: &Url) -> Result<&reqwest::Client, OperationError> {
        match url.scheme() {
            "http" if is_local(&authority(url)) => Ok(&self.local),
            "http" => Ok(&self.plain),
            _ => self
                .tls
                .get_or_init(|| tls(&self.user_agent, self.certificates.as_deref()))
                .as_ref()
                .map_err(Clone::clone),
        }
    }
}

fn builder(user_agent: &str) -> ClientBuilder {
    reqwest::Client::builder().user_agent(user_agent).redirect(Policy::none()).connect_timeout(CONNECT)
}

fn tls(user_agent: &str, certificates: Option<&Path>) -> Result<reqwest::Client, OperationError> {
    let further = certificates.map(read_certificates).transpose()?.unwrap_or_default();
    let builder = builder(user_agent);
    let builder = if further.is_empty() { builder } else { builder.tls_certs_merge(further) };
    builder.build().map_err(|cause| {
        let mut error = unusable(&cause);
        error.hint = Some("install the system's CA certificates, or name a file of them in SSL_CERT_FILE".to_owned());
        error
    })
}

/// A folder of certificates, which some name there, is passed over.
fn read_certificates(path: &Path) -> Result<Vec<Certificate>, OperationError> {
    if path.is_dir() {
        return Ok(Vec::new());
    }
    let failed =
        |cause: &dyn std::fmt::Display| other(format!("cannot read certificates of {}: {cause}", path.display()));
    let text = std::fs::read(path).map_err(|cause| failed(&cause))?;
    Certificate::from_pem_bundle(&text).map_err(|_| failed(&"they are not PEM"))
}

fn unusable(cause: &reqwest::Error) -> OperationError {
    let mut deepest: &dyn std::error::Error = cause;
    while let Some(next) = deepest.source() {
        deepest = next;
    }
    let cause = deepest.to_string();
    other(format!("cannot set up HTTP: {}", cause.trim_start_matches("unexpected error: ")))
}

/// The next bytes of an answer; none at its end.
pub async fn next(response: &mut Response) -> Result<Option<Bytes>, Failure> {
    let host = authority(response.url());
    let mut watch = response.extensions().get().copied().unwrap_or(StallDetector::new(StallPolicy::default()));
    let (limit, asked) = (watch.stall_policy.quiet, Instant::now());
    match tokio::time::timeout(limit, response.chunk()).await {
        Ok(Ok(Some(bytes))) => {
            watch.count(asked.elapsed(), bytes.len() as u64).map_err(|stall| stalled(&host, stall))?;
            response.extensions_mut().insert(watch);
            Ok(Some(bytes))
        }
        Ok(Ok(None)) => Ok(None),
        Ok(Err(cause)) => Err(link(&host, &cause)),
        Err(_) => Err(stalled(&host, Stall::Silent(limit))),
    }
}

/// A whole answer of at most `limit` bytes; none when it is longer.
pub async fn whole(mut response: Response, limit: u64) -> Result<Option<Bytes>, Failure> {
    let mut all = BytesMut::new();
    while let Some(bytes) = next(&mut response).await? {
        if (all.len() + bytes.len()) as u64 > limit {
            return Ok(None);
        }
        all.extend_from_slice(&bytes);
    }
    Ok(Some(all.freeze()))
}

/// What an answer of no success says; nothing when it breaks off or is too long,
/// for its status is what counts.
pub async fn explanation(response: Response) -> Bytes {
    whole(response, EXPLANATION).await.ok().flatten().unwrap_or_default()
}
