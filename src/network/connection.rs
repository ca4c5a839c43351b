//! The settings of connections, for all hosts and for single ones.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::host::{Host, HostPattern};

/// The settings of the connections to a host. What is not set has a default.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ConnectionSettings {
    /// True allows plain HTTP, and TLS with any certificate.
    pub insecure: Option<bool>,
    /// Files of CA certificates, trusted beside the system's.
    pub ca: Vec<PathBuf>,
    pub client_certificate: Option<ClientCertificate>,
    /// The number of retries of a request.
    pub retries: Option<usize>,
    /// The longest wait for an answer or for its next bytes.
    pub timeout: Option<Duration>,
    /// The longest time until a connection is established.
    pub connect_timeout: Option<Duration>,
    /// The most downloads, and the most uploads, at once.
    pub connections: Option<usize>,
}

/// The files of a client certificate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientCertificate {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// The settings of all hosts.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    /// The settings of every host.
    pub default: ConnectionSettings,
    by_host: BTreeMap<HostPattern, ConnectionSettings>,
}

impl ConnectionSettings {
    /// Returns these settings, and those of `under` where these have none. CA certificates add up.
    #[must_use]
    pub fn over(self, under: Self) -> Self {
        Self {
            insecure: self.insecure.or(under.insecure),
            ca: [under.ca, self.ca].concat(),
            client_certificate: self.client_certificate.or(under.client_certificate),
            retries: self.retries.or(under.retries),
            timeout: self.timeout.or(under.timeout),
            connect_timeout: self.connect_timeout.or(under.connect_timeout),
            connections: self.connections.or(under.connections),
        }
    }
}

impl Hosts {
    /// Creates settings that allow plain HTTP and any certificate for some hosts.
    pub fn insecure(hosts: impl IntoIterator<Item = HostPattern>) -> Self {
        let mut all = Self::default();
        for host in hosts {
            all.add(host, ConnectionSettings { insecure: Some(true), ..ConnectionSettings::default() });
        }
        all
    }

    /// Adds settings of a host, over those that it has.
    pub fn add(&mut self, host: HostPattern, settings: ConnectionSettings) {
        let under = self.by_host.remove(&host).unwrap_or_default();
        self.by_host.insert(host, settings.over(under));
    }

    /// Returns the settings of a host: those for its port, over those for all its ports, over
    /// those for a domain, over those of every host.
    pub fn settings(&self, host: &Host) -> ConnectionSettings {
        let mut found: Vec<_> = self.by_host.iter().filter(|(pattern, _)| pattern.matches(host)).collect();
        found.sort_by_key(|(pattern, _)| pattern.precision());
        found.into_iter().fold(self.default.clone(), |under, (_, settings)| settings.clone().over(under))
    }

    /// Returns whether a host may be reached by plain HTTP, and over TLS with any certificate.
    pub fn is_insecure(&self, host: &Host) -> bool {
        self.settings(host).insecure == Some(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_of_a_port_come_before_those_of_the_host() {
        let default =
            ConnectionSettings { retries: Some(1), ca: vec!["corp.pem".into()], ..ConnectionSettings::default() };
        let mut hosts = Hosts { default, ..Hosts::default() };
        let settings = |ca: &str, retries| ConnectionSettings {
            ca: vec![ca.into()],
            retries,
            timeout: Some(Duration::from_secs(9)),
            ..ConnectionSettings::default()
        };
        hosts.add("lan".parse().unwrap(), settings("lan.pem", Some(2)));
        hosts.add("lan:5000".parse().unwrap(), settings("port.pem", None));
        hosts.add("*.corp".parse().unwrap(), settings("domain.pem", Some(5)));
        hosts.add("a.corp".parse().unwrap(), settings("a.pem", Some(6)));
        assert_eq!(hosts.settings(&Host::new("a.corp", 443)).retries, Some(6));
        assert_eq!(hosts.settings(&Host::new("b.corp", 443)).retries, Some(5));
        let insecure = ConnectionSettings { insecure: Some(true), ..ConnectionSettings::default() };
        hosts.add("lan:5000".parse().unwrap(), insecure);
        let found = hosts.settings(&Host::new("lan:5000", 443));
        assert_eq!(found.ca, ["corp.pem", "lan.pem", "port.pem"].map(PathBuf::from));
        assert_eq!((found.retries, found.insecure), (Some(2), Some(true)));
        let other = hosts.settings(&Host::new("lan", 443));
        assert_eq!((other.ca.len(), other.insecure, other.retries), (2, None, Some(2)));
        assert_eq!(hosts.settings(&Host::new("ghcr.io", 443)).retries, Some(1));
        assert!(!hosts.is_insecure(&Host::new("lan:5001", 443)));
    }
}
