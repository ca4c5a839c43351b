//! Registry hosts: which API a name stands for, and who may speak plain HTTP.
//!
//! Source: docker's rules. `docker.io` is a name, its API is elsewhere; loopback
//! hosts speak plain HTTP, all others only when the user says so.

use std::net::{Ipv4Addr, Ipv6Addr};

use oci_distribution::Reference;
use reqwest::Url;

const HTTPS_PORT: &str = "443";

/// The hosts that may speak plain HTTP.
#[derive(Clone, Default)]
pub struct Hosts {
    insecure: Vec<String>,
}

impl Hosts {
    /// Loopback hosts and those listed, with or without a port.
    pub fn new(insecure: Vec<String>) -> Self {
        Self { insecure }
    }

    /// Whether a host, perhaps with a port, may be spoken to without TLS.
    pub fn speak_plain(&self, authority: &str) -> bool {
        let (host, port) = split(authority);
        let listed = self.insecure.iter().any(|entry| entry == authority || entry == host);
        listed || is_loopback(host) && port != Some(HTTPS_PORT)
    }

    /// Whether a URL keeps to that rule.
    pub fn permit(&self, url: &Url) -> bool {
        url.scheme() == "https" || url.scheme() == "http" && self.speak_plain(&authority(url))
    }

    /// Where the API of a registry is.
    ///
    /// # Errors
    /// The text is no host.
    pub fn base(&self, registry: &str) -> Result<Url, url::ParseError> {
        let api = Reference::with_tag(registry.to_owned(), String::new(), String::new());
        let api = api.resolve_registry();
        let scheme = if self.speak_plain(api) { "http" } else { "https" };
        Url::parse(&format!("{scheme}://{api}/"))
    }
}

/// Host and port of a URL; a scheme's own port is left out.
pub fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Whether two URLs have the same scheme, host and port.
pub fn same_origin(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin()
}

/// Whether a host, perhaps with a port, is this machine.
pub fn is_local(authority: &str) -> bool {
    is_loopback(split(authority).0)
}

/// One name for docker's registry, whichever of its names is used.
pub fn canonical(registry: &str) -> &str {
    match registry {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        other => other,
    }
}

/// Where a `Location` leads. Proxies that end TLS are known to make registries
/// write `http:` there; towards a host that is spoken to with TLS, TLS stays.
pub fn onward(from: &Url, location: &str) -> Option<Url> {
    let mut next = from.join(location).ok()?;
    if from.scheme() == "https" && next.scheme() == "http" && next.host() == from.host() {
        next.set_scheme("https").ok()?;
    }
    next.set_fragment(None);
    Some(next)
}

fn split(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || bare.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || bare.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_and_listed_hosts() {
        let hosts = Hosts::new(vec!["registry:5000".to_owned(), "lan".to_owned()]);
        for (authority, base) in [
            ("127.0.0.1:5000", "http://127.0.0.1:5000/"),
            ("127.9.9.9", "http://127.9.9.9/"),
            ("[::1]:5000", "http://[::1]:5000/"),
            ("localhost:5000", "http://localhost:5000/"),
            ("kind.localhost:5000", "http://kind.localhost:5000/"),
            ("localhost:443", "https://localhost/"),
            ("registry:5000", "http://registry:5000/"),
            ("registry:5001", "https://registry:5001/"),
            ("lan:80", "http://lan/"),
            ("128.0.0.1:5000", "https://128.0.0.1:5000/"),
            ("localhost.example.org", "https://localhost.example.org/"),
            ("docker.io", "https://index.docker.io/"),
            ("ghcr.io", "https://ghcr.io/"),
        ] {
            assert_eq!(hosts.base(authority).unwrap().as_str(), base, "{authority}");
        }
    }

    #[test]
    fn locations_are_relative_or_absolute_and_keep_tls() {
        let from = Url::parse("https://r.io/v2/a/blobs/uploads/").unwrap();
        for (location, url) in [
            ("/v2/a/blobs/uploads/1?x=y", "https://r.io/v2/a/blobs/uploads/1?x=y"),
            ("1?_state=a%3D", "https://r.io/v2/a/blobs/uploads/1?_state=a%3D"),
            ("http://r.io/up/1", "https://r.io/up/1"),
            ("http://elsewhere/up/1", "http://elsewhere/up/1"),
        ] {
            assert_eq!(onward(&from, location).unwrap().as_str(), url);
        }
    }
}
