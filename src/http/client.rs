//! Sends one request over HTTP and reads its answer: clients, timeouts, the plain-HTTP rule.
//!
//! Retries and credentials are left to other modules. The duration of a transfer is not limited;
//! only the time in which no bytes, or too few, arrive is.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, ClientBuilder, Method, Response, Url};
use tokio::time::Instant;

use super::Auth;
use super::failure::{Failure, failed, link, stalled};
use super::hosts::{PlainHttpHosts, authority, is_local};
use super::stall_policy::{Stall, StallDetector, StallPolicy};
use super::upload::{ByteFlow, Upload};
use crate::diagnostic::Code;
use crate::operation_error::OperationError;

/// The longest time until a connection is established.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest time that a server may take to store an upload.
pub const STORE: Duration = Duration::from_mins(5);
/// The largest body of an error answer that is read, in bytes.
const EXPLANATION: u64 = 64 << 10;

/// A request, which can be sent again.
#[derive(Clone)]
pub struct Request {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub payload: Payload,
    /// The longest wait for the answer's beginning once all is sent; by default the stall policy's.
    pub limit: Option<Duration>,
}

/// The body of a request.
#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "a request is made once for each transfer")]
pub enum Payload {
    Empty,
    Bytes(Bytes),
    Upload(Upload),
}

/// The HTTP clients behind all requests.
pub struct Client {
    pub hosts: PlainHttpHosts,
    stall_policy: StallPolicy,
    user_agent: String,
    /// The client for this machine, past all proxies.
    local: reqwest::Client,
    /// The client for other hosts without TLS.
    plain: reqwest::Client,
    /// A file of certificates beside the system's.
    certificates: Option<PathBuf>,
    /// The client for TLS, made when first needed because it reads the system's certificates.
    tls: OnceLock<Result<reqwest::Client, OperationError>>,
}

impl Request {
    /// Creates a request without content.
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), payload: Payload::Empty, limit: None }
    }
}

impl Client {
    /// Creates the clients for plain HTTP.
    ///
    /// # Errors
    /// A user agent that is not a valid header; proxies in the environment that are not URLs.
    pub fn new(hosts: PlainHttpHosts, user_agent: &str) -> Result<Self, OperationError> {
        // Fails only if a provider is installed already.
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

    /// Replaces the stall policy.
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
            let mut error = failed(format!("plain HTTP to {host} is not allowed"));
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

/// Reads PEM certificates; a directory, which some users name there, has none.
fn read_certificates(path: &Path) -> Result<Vec<Certificate>, OperationError> {
    if path.is_dir() {
        return Ok(Vec::new());
    }
    let unreadable =
        || OperationError::new(Code::UnreadableFile, format!("cannot read the certificates in `{}`", path.display()));
    let text = std::fs::read(path).map_err(|cause| unreadable().because(&cause))?;
    Certificate::from_pem_bundle(&text).map_err(|_| unreadable().because("they are not PEM".to_owned()))
}

fn unusable(cause: &reqwest::Error) -> OperationError {
    let mut deepest: &dyn std::error::Error = cause;
    while let Some(next) = deepest.source() {
        deepest = next;
    }
    let cause = deepest.to_string();
    failed("cannot set up HTTP".to_owned()).because(cause.trim_start_matches("unexpected error: ").to_owned())
}

/// Reads the next bytes of an answer; none at its end.
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

/// Reads a whole answer of at most `limit` bytes; none when it is longer.
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

/// Reads the body of an error answer. It is empty when it breaks off or is too long, because the
/// status is enough.
pub async fn explanation(response: Response) -> Bytes {
    whole(response, EXPLANATION).await.ok().flatten().unwrap_or_default()
}
