//! Sends one request over HTTP and reads its answer: timeouts, the plain-HTTP rule.
//!
//! Retries and credentials are left to other modules. The duration of a transfer is not limited;
//! only the time in which no bytes, or too few, arrive is.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use tokio::time::Instant;

use super::Auth;
use super::byte_flow::{Answered, ByteFlow};
use super::connections::{Connections, HostConnections};
use super::failure::{Failure, failed, link, proxy_login, stalled};
use super::hosts::{authority, host_of, speaks_plain};
use super::schemes::Schemes;
use super::stall_policy::{Stall, StallDetector, StallPolicy};
use super::upload::Upload;
use crate::network::Network;

/// The longest time that a server may take to store an upload.
pub const STORE: Duration = Duration::from_mins(5);
/// The largest body that a connection takes at once, in bytes.
const SMALL: u64 = 64 << 10;
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
    /// The wait between head and body, in which a server that judges by the head can answer. Bytes
    /// sent to a closed connection would reset it, and the answer could be lost.
    pub hold: Duration,
}

/// The body of a request.
#[derive(Clone)]
#[expect(clippy::large_enum_variant, reason = "a request is made once for each transfer")]
pub enum Payload {
    Empty,
    Bytes(Bytes),
    Upload(Upload),
}

/// The beginning of an answer, or the reason why there is none.
type Sent = Result<Result<Response, reqwest::Error>, Stall>;

/// The HTTP clients behind all requests.
pub struct Client {
    connections: Connections,
    pub(super) schemes: Schemes,
}

impl Request {
    /// Creates a request without content.
    pub fn new(method: Method, url: Url) -> Self {
        Self { method, url, headers: HeaderMap::new(), payload: Payload::Empty, limit: None, hold: Duration::ZERO }
    }
}

impl Client {
    /// Creates clients without any connection.
    pub fn new(network: Arc<Network>, user_agent: &str) -> Self {
        // Fails only if a provider is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { connections: Connections::new(network, user_agent), schemes: Schemes::default() }
    }

    /// Replaces the stall policy.
    #[must_use]
    pub fn with_stall_policy(mut self, stall_policy: StallPolicy) -> Self {
        self.connections.stall_policy = stall_policy;
        self
    }

    /// Trusts the certificates of a file too, if there is one.
    #[must_use]
    pub fn with_certificates(mut self, certificates: Option<PathBuf>) -> Self {
        self.connections.certificates = certificates;
        self
    }

    /// Returns the settings of the machine's connections.
    pub fn network(&self) -> &Network {
        &self.connections.network
    }

    /// Returns whether a URL uses TLS or its host may do without.
    pub fn permits(&self, url: &Url) -> bool {
        url.scheme() == "https" || url.scheme() == "http" && speaks_plain(self.network(), &host_of(url))
    }

    /// Sends a request once and waits for the answer's beginning.
    pub async fn exchange(&self, request: &Request, url: &Url, auth: &Auth) -> Result<Response, Failure> {
        let host = authority(url);
        if !self.permits(url) {
            let mut error = failed(format!("plain HTTP to {host} is not allowed"));
            error.hint = Some(format!("to allow it, pass --insecure {host}"));
            return Err(Failure::lasting(error));
        }
        let connections = self.connections.to(url).map_err(Failure::lasting)?;
        let permit = connections.permit(&request.method).await;
        let mut response = send(&connections, request, url, auth).await?;
        if let Some(proxy) = &connections.proxy
            && response.status() == StatusCode::PROXY_AUTHENTICATION_REQUIRED
        {
            return Err(Failure::lasting(proxy_login(proxy, &host)));
        }
        response.extensions_mut().insert(permit);
        Ok(response)
    }
}

/// Sends a request once over the connections to its host.
async fn send(connections: &HostConnections, request: &Request, url: &Url, auth: &Auth) -> Result<Response, Failure> {
    let (host, stall_policy) = (authority(url), connections.stall_policy);
    let builder = connections.client.request(request.method.clone(), url.clone()).headers(request.headers.clone());
    let builder = match auth {
        Auth::Anonymous => builder,
        Auth::Basic(user, password) => builder.basic_auth(user, Some(password)),
        Auth::Bearer(token) => builder.bearer_auth(token),
    };
    let (answer, answered) = begin(request, builder, stall_policy).await?;
    match answer {
        Ok(Ok(mut response)) => {
            response.extensions_mut().insert(StallDetector::new(stall_policy));
            answered.map(|answered| response.extensions_mut().insert(answered));
            Ok(response)
        }
        Ok(Err(cause)) => Err(link(&host, &cause, connections.proxy.as_ref())),
        Err(stall) => Err(stalled(&host, stall)),
    }
}

/// Sends a request with its payload until the answer begins. Keeping the second value keeps the
/// connection of a request that is answered before its end.
async fn begin(
    request: &Request,
    builder: RequestBuilder,
    stall_policy: StallPolicy,
) -> Result<(Sent, Option<Answered>), Failure> {
    let limit = request.limit.unwrap_or(stall_policy.quiet);
    match &request.payload {
        Payload::Empty => {
            let answer = tokio::time::timeout(limit, builder.send()).await;
            Ok((answer.map_err(|_| Stall::Silent(limit)), None))
        }
        Payload::Bytes(bytes) => {
            let flow = Arc::new(ByteFlow::new());
            let length = HeaderMap::from_iter([(CONTENT_LENGTH, HeaderValue::from(bytes.len()))]);
            let body = flow.body(bytes.clone(), hold(request, bytes.len() as u64));
            let answer = tokio::select! {
                answer = builder.headers(length).body(body).send() => Ok(answer),
                stall = flow.stalled(bytes.len() as u64, stall_policy, limit) => Err(stall),
            };
            Ok((answer, Some(flow.answered())))
        }
        Payload::Upload(upload) => {
            let (body, sending) = upload.body(hold(request, upload.blob.size)).await.map_err(Failure::lasting)?;
            let stall = sending.flow.stalled(upload.blob.size, stall_policy, request.limit.unwrap_or(STORE));
            let answer = tokio::select! {
                answer = builder.body(body).send() => Ok(answer),
                stall = stall => Err(stall),
            };
            let answered = sending.flow.answered();
            if !matches!(answer, Ok(Ok(_))) {
                sending.fault().map_or(Ok(()), |fault| Err(Failure::of_origin(fault)))?;
                upload.broke();
            }
            Ok((answer, Some(answered)))
        }
    }
}

/// Returns the wait before a body: a small one is on its way before a connection can be closed.
fn hold(request: &Request, size: u64) -> Duration {
    if size > SMALL { request.hold } else { Duration::ZERO }
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
        Ok(Err(cause)) => Err(link(&host, &cause, None)),
        Err(_) => Err(stalled(&host, Stall::Silent(limit))),
    }
}

/// Reads a whole answer of at most `limit` bytes; none when it is longer.
pub async fn whole(response: &mut Response, limit: u64) -> Result<Option<Bytes>, Failure> {
    let mut all = BytesMut::new();
    while let Some(bytes) = next(response).await? {
        if (all.len() + bytes.len()) as u64 > limit {
            return Ok(None);
        }
        all.extend_from_slice(&bytes);
    }
    Ok(Some(all.freeze()))
}

/// Reads the body of an error answer. It is empty when it breaks off or is too long, because the
/// status is enough.
pub async fn explanation(response: &mut Response) -> Bytes {
    whole(response, EXPLANATION).await.ok().flatten().unwrap_or_default()
}
