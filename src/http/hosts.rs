//! Hosts that may speak plain HTTP.
//!
//! Source: docker's rules. Loopback hosts speak plain HTTP, all others only when the user allows
//! it.

use std::net::{Ipv4Addr, Ipv6Addr};

use reqwest::Url;

const HTTPS_PORT: &str = "443";

/// The hosts that may speak plain HTTP.
#[derive(Clone, Default)]
pub struct PlainHttpHosts {
    insecure: Vec<String>,
}

impl PlainHttpHosts {
    /// Allows loopback hosts and the listed ones, with or without a port.
    pub fn new(insecure: Vec<String>) -> Self {
        Self { insecure }
    }

    /// Returns whether a host, perhaps with a port, may be contacted without TLS.
    pub fn speak_plain(&self, authority: &str) -> bool {
        let (host, port) = split(authority);
        let listed = self.insecure.iter().any(|entry| entry == authority || entry == host);
        listed || is_loopback(host) && port != Some(HTTPS_PORT)
    }

    /// Returns whether a URL uses TLS or its host may do without.
    pub fn permit(&self, url: &Url) -> bool {
        url.scheme() == "https" || url.scheme() == "http" && self.speak_plain(&authority(url))
    }
}

/// Returns host and port of a URL; a scheme's default port is left out.
pub fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Returns whether two URLs have the same scheme, host and port.
pub fn same_origin(one: &Url, other: &Url) -> bool {
    one.origin() == other.origin()
}

/// Returns whether a host, perhaps with a port, is this machine.
pub fn is_local(authority: &str) -> bool {
    is_loopback(split(authority).0)
}

/// Resolves a `Location` header. Some proxies that terminate TLS make registries write `http:`
/// there; for the same host, TLS is kept.
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
