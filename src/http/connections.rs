//! The connections to each host: its client, its proxy, and the number of transfers at once.

use std::collections::HashMap;
use std::error::Error;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Method, Url};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::certificates::CertificateFiles;
use super::failure::failed;
use super::hosts::{host_of, is_local};
use super::stall_policy::StallPolicy;
use crate::network::{ConnectionSettings, Host, Network, Proxy};
use crate::operation_error::OperationError;

/// The longest time until a connection is established.
const CONNECT: Duration = Duration::from_secs(10);

/// The connections to all hosts.
pub struct Connections {
    pub network: Arc<Network>,
    pub user_agent: String,
    pub stall_policy: StallPolicy,
    /// A file of CA certificates for all hosts, beside those of the network's settings.
    pub certificates: Option<PathBuf>,
    hosts: Mutex<HashMap<String, Result<Arc<HostConnections>, OperationError>>>,
    /// Clients for all hosts with the same properties: each has read the system's certificates.
    clients: Mutex<HashMap<ClientKey, reqwest::Client>>,
}

/// The connections to one host.
pub struct HostConnections {
    pub client: reqwest::Client,
    pub proxy: Option<Proxy>,
    pub stall_policy: StallPolicy,
    downloads: Option<Arc<Semaphore>>,
    uploads: Option<Arc<Semaphore>>,
}

/// The properties of a client.
#[derive(Clone, PartialEq, Eq, Hash)]
struct ClientKey {
    proxy: Option<Url>,
    connect: Duration,
    /// None for a client without TLS.
    tls: Option<Tls>,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct Tls {
    files: CertificateFiles,
    is_verified: bool,
}

/// A place among the transfers at once. An answer holds it until its body was read.
#[derive(Clone)]
pub struct Permit {
    _place: Option<Arc<OwnedSemaphorePermit>>,
}

impl Connections {
    /// Creates connections to no host yet.
    pub fn new(network: Arc<Network>, user_agent: &str) -> Self {
        Self {
            network,
            user_agent: user_agent.to_owned(),
            stall_policy: StallPolicy::default(),
            certificates: None,
            hosts: Mutex::default(),
            clients: Mutex::default(),
        }
    }

    /// Returns the connections to a URL's host.
    ///
    /// # Errors
    /// Certificates that cannot be read.
    pub fn to(&self, url: &Url) -> Result<Arc<HostConnections>, OperationError> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let origin = url.origin().ascii_serialization();
        hosts.entry(origin).or_insert_with(|| self.open(url).map(Arc::new)).clone()
    }

    fn open(&self, url: &Url) -> Result<HostConnections, OperationError> {
        let host = host_of(url);
        let settings = self.network.hosts.settings(&host);
        // This machine is never reached through a proxy.
        let proxy = self.network.proxies.of(url.scheme(), &host).filter(|_| !is_local(&host.name)).cloned();
        let is_tls = url.scheme() == "https" || proxy.as_ref().is_some_and(|proxy| proxy.url.scheme() == "https");
        let tls = if is_tls { Some(self.tls(&settings, &host)?) } else { None };
        let key = ClientKey {
            proxy: proxy.as_ref().map(|proxy| proxy.url.clone()),
            connect: settings.connect_timeout.unwrap_or(CONNECT),
            tls,
        };
        let limit = || settings.connections.map(|most| Arc::new(Semaphore::new(most)));
        Ok(HostConnections {
            client: self.client(key)?,
            proxy,
            stall_policy: settings.timeout.map_or(self.stall_policy, |time| self.stall_policy.waiting(time)),
            downloads: limit(),
            uploads: limit(),
        })
    }

    fn tls(&self, settings: &ConnectionSettings, host: &Host) -> Result<Tls, OperationError> {
        let mut settings = settings.clone();
        // Some users name a directory there.
        settings.ca.extend(self.certificates.clone().filter(|path| !path.is_dir()));
        Ok(Tls {
            files: CertificateFiles::find(&settings, &self.network.certificate_folders, host)?,
            is_verified: settings.insecure != Some(true),
        })
    }

    fn client(&self, key: ClientKey) -> Result<reqwest::Client, OperationError> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let client = self.build(&key)?;
        clients.insert(key, client.clone());
        Ok(client)
    }

    fn build(&self, key: &ClientKey) -> Result<reqwest::Client, OperationError> {
        let builder = reqwest::Client::builder().user_agent(&self.user_agent).redirect(Policy::none());
        let builder = builder.connect_timeout(key.connect).no_proxy();
        let builder = match &key.proxy {
            Some(url) => builder.proxy(reqwest::Proxy::all(url.clone()).map_err(|cause| unusable(&cause))?),
            None => builder,
        };
        let Some(Tls { files, is_verified }) = &key.tls else {
            return builder.tls_certs_only([]).build().map_err(|cause| unusable(&cause));
        };
        let builder = files.apply(builder)?;
        let builder = if *is_verified { builder } else { builder.tls_danger_accept_invalid_certs(true) };
        builder.build().map_err(|cause| match files.client() {
            Some(files) => unusable(&cause).with_hint(format!("do {files} belong together?")),
            None => unusable(&cause)
                .with_hint("install the system's CA certificates, or name a file of them in SSL_CERT_FILE"),
        })
    }
}

impl HostConnections {
    /// Waits for a place among the transfers at once.
    ///
    /// Whoever has a place for an upload may wait for one for a download, never the reverse: a
    /// blob can be streamed between repositories of one registry.
    pub async fn permit(&self, method: &Method) -> Permit {
        let reads = matches!(*method, Method::GET | Method::HEAD);
        let places = if reads { &self.downloads } else { &self.uploads };
        // The semaphore is never closed.
        let place = match places {
            Some(places) => Arc::clone(places).acquire_owned().await.ok(),
            None => None,
        };
        Permit { _place: place.map(Arc::new) }
    }
}

fn unusable(cause: &reqwest::Error) -> OperationError {
    let mut deepest: &dyn Error = cause;
    while let Some(next) = deepest.source() {
        deepest = next;
    }
    let cause = deepest.to_string();
    failed("cannot set up HTTP".to_owned()).because(cause.trim_start_matches("unexpected error: ").to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Hosts, Proxies};

    fn connections(settings: ConnectionSettings) -> Connections {
        let mut hosts = Hosts::default();
        hosts.add("lan".parse().unwrap(), settings);
        let variable = |name: &str| (name == "ALL_PROXY").then(|| "http://me:s3cret@proxy.corp:3128".to_owned());
        let proxies = Proxies::from_variables(&variable).unwrap();
        let _ = rustls::crypto::ring::default_provider().install_default();
        Connections::new(Arc::new(Network { hosts, proxies, ..Network::default() }), "carboy")
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[tokio::test]
    async fn only_so_many_transfers_run_at_once_in_each_direction() {
        let one = connections(ConnectionSettings { connections: Some(1), ..ConnectionSettings::default() });
        let lan = one.to(&url("http://lan")).unwrap();
        let first = lan.permit(&Method::GET).await;
        let second = lan.permit(&Method::HEAD);
        tokio::pin!(second);
        assert!(futures_util::poll!(&mut second).is_pending());
        let _upload = lan.permit(&Method::PUT).await;
        // The place is held by all copies of an answer's extensions.
        let copy = first.clone();
        drop(first);
        assert!(futures_util::poll!(&mut second).is_pending());
        drop(copy);
        assert!(futures_util::poll!(&mut second).is_ready());
        let other = one.to(&url("http://other.corp")).unwrap();
        let _all = (other.permit(&Method::GET).await, other.permit(&Method::GET).await);
    }

    #[test]
    fn each_host_has_its_timeouts_and_its_proxy() {
        let time = Duration::from_secs(7);
        let connections = connections(ConnectionSettings { timeout: Some(time), ..ConnectionSettings::default() });
        let lan = connections.to(&url("http://lan/v2/")).unwrap();
        assert_eq!((lan.stall_policy.quiet, lan.stall_policy.sending), (time, 2 * time));
        assert_eq!(lan.proxy.as_ref().map(Proxy::shown).as_deref(), Some("http://proxy.corp:3128"));
        let here = connections.to(&url("http://127.0.0.1:5000")).unwrap();
        assert_eq!((here.proxy.is_none(), here.stall_policy.quiet), (true, StallPolicy::default().quiet));
    }
}
