//! Hosts of registries and indexes, with or without a port.

use std::fmt;
use std::str::FromStr;

/// The port of HTTP.
pub const HTTP_PORT: u16 = 80;
/// The port of HTTPS.
pub const HTTPS_PORT: u16 = 443;

/// A host with its port.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Host {
    /// In lower case; an IPv6 address has its brackets.
    pub name: String,
    pub port: u16,
}

/// A host, and a port if one port is meant: `harbor.corp:8443`, `lan`, `[::1]:5000`; or every host
/// below a domain: `*.corp`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HostPattern {
    name: String,
    port: Option<u16>,
}

/// A text that is not a host.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("is not a host, with or without a port")]
pub struct InvalidHost {
    pub hint: String,
}

impl Host {
    /// Creates a host; `port` is the port of its scheme if the text has none.
    pub fn new(authority: &str, port: u16) -> Self {
        let (name, own) = split_authority(authority);
        let own = own.and_then(|own| own.parse().ok());
        Self { name: canonical_registry(&name.to_ascii_lowercase()).to_owned(), port: own.unwrap_or(port) }
    }
}

impl HostPattern {
    /// Returns whether a host is meant.
    pub fn matches(&self, host: &Host) -> bool {
        let is_host = match self.name.strip_prefix('*') {
            Some(domain) => host.name.ends_with(domain),
            None => self.name == host.name,
        };
        is_host && self.port.is_none_or(|port| port == host.port)
    }

    /// Returns a key that is greater for a pattern that means fewer hosts.
    pub fn precision(&self) -> (bool, bool, usize) {
        (self.port.is_some(), !self.name.starts_with('*'), self.name.len())
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl FromStr for HostPattern {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        let invalid = |hint: &str| InvalidHost { hint: hint.to_owned() };
        if let Some((_, rest)) = text.split_once("://") {
            let bare = rest.trim_end_matches('/');
            return Err(invalid(&format!("write it without the scheme: {bare}")));
        }
        let (name, port) = split_authority(text);
        let port = port.map(|port| port.parse().map_err(|_| invalid("a port is a number up to 65535"))).transpose()?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-._".contains(c);
        let v6 = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        let bare = name.strip_prefix("*.").unwrap_or(name);
        let is_host = match v6 {
            Some(address) => address.parse::<core::net::Ipv6Addr>().is_ok(),
            None => !bare.is_empty() && bare.chars().all(plain),
        };
        if !is_host {
            return Err(invalid("write it as HOST or HOST:PORT, as in harbor.corp:8443"));
        }
        Ok(Self { name: canonical_registry(&name.to_ascii_lowercase()).to_owned(), port })
    }
}

/// Splits `HOST:PORT`; the colons of an IPv6 address in brackets stay with it.
pub fn split_authority(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// Returns one name for docker's registry, for any of its names.
pub fn canonical_registry(registry: &str) -> &str {
    match registry {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_one_port_or_all() {
        for (pattern, host, port, want) in [
            ("harbor.corp:8443", "harbor.corp:8443", 443, true),
            ("harbor.corp:8443", "harbor.corp", 443, false),
            ("harbor.corp:443", "harbor.corp", 443, true),
            ("Harbor.Corp", "harbor.corp:5000", 443, true),
            ("lan", "lan.corp", 443, false),
            ("[::1]:5000", "[::1]:5000", 443, true),
            ("[::1]", "[::1]:5000", 443, true),
            ("docker.io", "index.docker.io", 443, true),
            ("*.corp", "a.harbor.corp:5000", 443, true),
            ("*.corp:8443", "harbor.corp:5000", 443, false),
            ("*.corp", "corp", 443, false),
            ("registry-1.docker.io", "docker.io", 443, true),
        ] {
            let pattern: HostPattern = pattern.parse().unwrap();
            assert_eq!(pattern.matches(&Host::new(host, port)), want, "{pattern} {host}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for (text, hint) in [
            ("*.", "write it as HOST or HOST:PORT, as in harbor.corp:8443"),
            ("a.*.corp", "write it as HOST or HOST:PORT, as in harbor.corp:8443"),
            ("", "write it as HOST or HOST:PORT, as in harbor.corp:8443"),
            ("https://harbor.corp/", "write it without the scheme: harbor.corp"),
            ("harbor.corp/hub", "write it as HOST or HOST:PORT, as in harbor.corp:8443"),
            ("harbor.corp:https", "a port is a number up to 65535"),
            ("lan:70000", "a port is a number up to 65535"),
            ("::1", "write it as HOST or HOST:PORT, as in harbor.corp:8443"),
            ("[lan]:80", "write it as HOST or HOST:PORT, as in harbor.corp:8443"),
        ] {
            assert_eq!(text.parse::<HostPattern>().unwrap_err().hint, hint, "{text}");
        }
    }
}
