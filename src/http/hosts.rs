//! Hosts of URLs, and those that speak plain HTTP.
//!
//! Source: docker's rules. Loopback hosts speak plain HTTP, all others only when the user allows
//! it.

use std::net::{Ipv4Addr, Ipv6Addr};

use reqwest::Url;

use crate::network::{HTTPS_PORT, Host, Network, split_authority};

/// Returns the host of a URL.
pub fn host_of(url: &Url) -> Host {
    Host::new(&authority(url), url.port_or_known_default().unwrap_or(HTTPS_PORT))
}

/// Returns whether a host may be contacted without TLS.
pub fn speaks_plain(network: &Network, host: &Host) -> bool {
    network.hosts.is_insecure(host) || is_plain_here(network, host)
}

/// Returns whether a host is this machine, and contacted without TLS: it has another port than that
/// of HTTPS, and no setting that asks for TLS.
pub fn is_plain_here(network: &Network, host: &Host) -> bool {
    is_local(&host.name) && host.port != HTTPS_PORT && network.hosts.settings(host).insecure != Some(false)
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

/// Returns whether a host, perhaps with a port, is this machine.
pub fn is_local(authority: &str) -> bool {
    let (host, _) = split_authority(authority);
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
