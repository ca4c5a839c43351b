//! The scheme of a host that may do without TLS.
//!
//! Source: docker's rules for insecure registries. TLS is tried first, with any certificate; a host
//! that does not speak it is contacted by plain HTTP.

use reqwest::{Method, Url};

use super::Auth;
use super::client::{Client, Request, explanation};
use super::hosts::{is_local, is_plain_here};
use crate::network::{HTTP_PORT, HTTPS_PORT, Host};

impl Client {
    /// Returns the scheme of a registry's API, `http` or `https`. Asks the host if the settings
    /// allow both.
    pub async fn scheme(&self, authority: &str) -> &'static str {
        if let Some(scheme) = self.known_scheme(authority) {
            return scheme;
        }
        let cell = self.schemes.of(authority);
        // A host that answers neither is asked again by the next request.
        cell.get_or_try_init(|| self.probe(authority)).await.copied().unwrap_or_else(|()| self.likely_scheme(authority))
    }

    /// Returns the scheme for a host that answers neither, for the error of the next request: a
    /// proxy that is only for HTTP is meant for it.
    fn likely_scheme(&self, authority: &str) -> &'static str {
        let proxies = &self.network().proxies;
        let has_proxy = |scheme, port| proxies.of(scheme, &Host::new(authority, port)).is_some();
        if has_proxy("http", HTTP_PORT) && !has_proxy("https", HTTPS_PORT) { "http" } else { "https" }
    }

    /// Returns the scheme of a host if its name and the settings decide about it.
    pub fn known_scheme(&self, authority: &str) -> Option<&'static str> {
        let host = Host::new(authority, if is_local(authority) { HTTP_PORT } else { HTTPS_PORT });
        match () {
            () if is_plain_here(self.network(), &host) => Some("http"),
            () if !self.network().hosts.is_insecure(&host) => Some("https"),
            () if host.port == HTTP_PORT => Some("http"),
            () => None,
        }
    }

    async fn probe(&self, authority: &str) -> Result<&'static str, ()> {
        for scheme in ["https", "http"] {
            let url = Url::parse(&format!("{scheme}://{authority}/v2/")).map_err(|_| ())?;
            let request = Request::new(Method::GET, url.clone());
            if let Ok(mut response) = self.exchange(&request, &url, &Auth::Anonymous).await {
                explanation(&mut response).await;
                return Ok(scheme);
            }
        }
        Err(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::http::testing::{Reply, Server};
    use crate::network::{ConnectionSettings, Hosts, Network};

    fn client(insecure: &[&str]) -> Client {
        let mut hosts = Hosts::insecure(insecure.iter().map(|host| host.parse().unwrap()));
        let with_tls = ConnectionSettings { insecure: Some(false), ..ConnectionSettings::default() };
        hosts.add("localhost:5443".parse().unwrap(), with_tls);
        Client::new(Arc::new(Network { hosts, ..Network::default() }), "carboy")
    }

    #[test]
    fn plain_http_is_for_loopback_and_insecure_hosts() {
        let client = client(&["registry:5000", "lan"]);
        for (authority, scheme) in [
            ("127.0.0.1:5000", Some("http")),
            ("127.9.9.9", Some("http")),
            ("[::1]:5000", Some("http")),
            ("localhost:5000", Some("http")),
            ("kind.localhost:5000", Some("http")),
            ("localhost:443", Some("https")),
            ("localhost:5443", Some("https")),
            ("registry:5000", None),
            ("registry:5001", Some("https")),
            ("lan:80", Some("http")),
            ("lan", None),
            ("128.0.0.1:5000", Some("https")),
            ("localhost.example.org", Some("https")),
            ("ghcr.io", Some("https")),
        ] {
            assert_eq!(client.known_scheme(authority), scheme, "{authority}");
        }
    }

    #[tokio::test]
    async fn an_insecure_host_without_tls_is_asked_once() {
        let server = Server::start(|_| Reply::new(401)).await;
        // Not a loopback host by its name, and leads to this machine.
        let authority = server.address.replace("127.0.0.1", "0.0.0.0");
        let client = client(&[&authority]);
        assert_eq!(client.scheme(&authority).await, "http");
        assert_eq!(client.scheme(&authority).await, "http");
        assert_eq!(server.lines(), ["GET /v2/"]);
    }
}
