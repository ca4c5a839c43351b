//! `NO_PROXY`: the hosts that are reached without a proxy.
//!
//! Source: curl's and Go's (`golang.org/x/net/http/httpproxy`) documentation. A domain means itself
//! and all hosts below it, with or without a leading dot. Names are not resolved, so that an
//! address or a network means hosts that are written as addresses.

use core::net::IpAddr;

use ipnet::IpNet;

use super::host::{Host, split_authority};

/// The hosts that are reached without a proxy.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NoProxy(Vec<Entry>);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Entry {
    All,
    Network(IpNet),
    Address(IpAddr, Option<u16>),
    Domain(String, Option<u16>),
}

impl NoProxy {
    /// Parses a list with commas or blanks between entries: `.corp, 10.0.0.0/8, lan:5000, *`.
    pub fn parse(text: &str) -> Self {
        let entries = text.split([',', ' ', '\t']).filter(|entry| !entry.is_empty());
        Self(entries.filter_map(Entry::parse).collect())
    }

    /// Returns whether a host is in the list.
    pub fn has(&self, host: &Host) -> bool {
        let address = bare(&host.name).parse::<IpAddr>().ok();
        let is_port = |port: &Option<u16>| port.is_none_or(|port| port == host.port);
        self.0.iter().any(|entry| match entry {
            Entry::All => true,
            Entry::Network(network) => address.is_some_and(|address| network.contains(&address)),
            Entry::Address(other, port) => address.as_ref() == Some(other) && is_port(port),
            Entry::Domain(domain, port) => is_port(port) && is_below(&host.name, domain),
        })
    }
}

impl Entry {
    /// Parses one entry; none for one that means no host.
    fn parse(text: &str) -> Option<Self> {
        if text == "*" {
            return Some(Self::All);
        }
        if let Ok(network) = text.parse() {
            return Some(Self::Network(network));
        }
        if let Ok(address) = bare(text).parse() {
            return Some(Self::Address(address, None));
        }
        let (name, port) = split_authority(text);
        let port = port.map(|port| port.parse().ok().ok_or(())).transpose().ok()?;
        if let Ok(address) = bare(name).parse() {
            return Some(Self::Address(address, port));
        }
        let domain = name.trim_start_matches('*').trim_start_matches('.').to_ascii_lowercase();
        (!domain.is_empty()).then_some(Self::Domain(domain, port))
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn bare(address: &str) -> &str {
    address.strip_prefix('[').and_then(|address| address.strip_suffix(']')).unwrap_or(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_entry_means_its_hosts() {
        for (list, host, want) in [
            ("*", "ghcr.io", true),
            ("", "ghcr.io", false),
            ("corp", "harbor.corp", true),
            (".corp", "harbor.corp", true),
            ("*.corp", "a.harbor.corp", true),
            (".corp", "corp", true),
            ("corp", "acorp", false),
            ("Harbor.Corp", "harbor.corp:8443", true),
            ("harbor.corp:8443", "harbor.corp:8443", true),
            ("harbor.corp:8443", "harbor.corp:9443", false),
            ("harbor.corp:443", "harbor.corp", true),
            ("a, b,harbor.corp", "harbor.corp", true),
            ("a b\tharbor.corp", "harbor.corp", true),
            ("10.0.0.0/8", "10.2.3.4:5000", true),
            ("10.0.0.0/8", "11.2.3.4", false),
            ("10.0.0.0/8", "ten.corp", false),
            ("10.2.3.4", "10.2.3.4:5000", true),
            ("10.2.3.4:5000", "10.2.3.4:5001", false),
            ("::1", "[::1]:5000", true),
            ("[::1]", "[::1]:5000", true),
            ("[fd00::1]:5000", "[fd00::1]:5000", true),
            ("[fd00::1]:5000", "[fd00::1]:5001", false),
            ("fd00::/8", "[fd12::1]", true),
            ("harbor.corp:x,.", "harbor.corp", false),
        ] {
            assert_eq!(NoProxy::parse(list).has(&Host::new(host, 443)), want, "{list:?} {host}");
        }
    }
}
