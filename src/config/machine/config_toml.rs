//! carboy's own file: `[network]`, `[registry."HOST"]` and `[[mirror]]`.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::machine_file::MachineFile;
use crate::config::error::{BadValue, ConfigError};
use crate::config::reader::{Document, Node, Schema, Table};
use crate::config::{duration, keys};
use crate::network::{
    ClientCertificate, ConnectionSettings, HostPattern, InvalidHost, InvalidLocation, Mirror, MirrorRule, PullBy,
    RepositoryPrefix,
};

/// The most retries of a request.
const MOST_RETRIES: usize = 100;

impl MachineFile {
    /// Parses a file of carboy's own. Relative paths in it begin at `folder`.
    ///
    /// # Errors
    /// The first error with its line: invalid TOML, an unknown key, an invalid value.
    pub fn parse(text: &str, file_name: &str, folder: &Path) -> Result<Self, ConfigError> {
        let document = Document { text, file: file_name, root: "", schema: Schema::Machine };
        let table = DeTable::parse(text).map_err(|error| document.syntax_error(&error))?;
        let value = DeValue::Table(table.into_inner());
        let table = Node::root(&document, &value, 0).table(keys::MACHINE)?;
        let mut rules = Vec::new();
        for mirror in table.get("mirror", |node| node.tables(|node| MirrorTable::read(node)))?.unwrap_or_default() {
            mirror.add_to(&mut rules, file_name);
        }
        Ok(Self {
            default: table.get("network", |node| network(node, folder))?.unwrap_or_default(),
            hosts: table.get("registry", |node| hosts(node, folder))?.unwrap_or_default(),
            rules,
        })
    }
}

/// A `[[mirror]]` table.
struct MirrorTable {
    prefix: RepositoryPrefix,
    mirror: Mirror,
    fallback: bool,
}

impl MirrorTable {
    fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let table = node.table(keys::MIRROR)?;
        let prefix = |node: &Node<'_>| node.checked(|text| location(RepositoryPrefix::parse(text, true)));
        let place = |node: &Node<'_>| node.checked(|text| location(RepositoryPrefix::parse(text, false)));
        Ok(Self {
            prefix: table.required("prefix", prefix)?,
            mirror: Mirror { location: table.required("location", place)?, pull_by: PullBy::All },
            fallback: table.get("fallback", Node::boolean)?.unwrap_or(true),
        })
    }

    /// Adds the mirror to the rule of its prefix.
    fn add_to(self, rules: &mut Vec<MirrorRule>, file_name: &str) {
        let source = format!("`fallback = false` for `{}` in `{file_name}`", self.prefix);
        match rules.iter_mut().find(|rule| rule.prefix == self.prefix) {
            Some(rule) => {
                rule.mirrors.push(self.mirror);
                rule.fallback &= self.fallback;
            }
            None => rules.push(MirrorRule {
                prefix: self.prefix,
                mirrors: vec![self.mirror],
                fallback: self.fallback,
                blocked: false,
                source,
            }),
        }
    }
}

fn location(parsed: Result<RepositoryPrefix, InvalidLocation>) -> Result<RepositoryPrefix, BadValue> {
    parsed.map_err(|error| BadValue::new(error.to_string()).with_hint(error.hint))
}

fn network(node: &Node<'_>, folder: &Path) -> Result<ConnectionSettings, ConfigError> {
    limits(&node.table(keys::NETWORK)?, folder)
}

fn hosts(node: &Node<'_>, folder: &Path) -> Result<Vec<(HostPattern, ConnectionSettings)>, ConfigError> {
    let all = node.map(|name, node| {
        let host: HostPattern = name
            .parse()
            .map_err(|error: InvalidHost| node.refuse(BadValue::new(error.to_string()).with_hint(error.hint)))?;
        Ok((host, host_settings(node, folder)?))
    })?;
    Ok(all.into_values().collect())
}

fn host_settings(node: &Node<'_>, folder: &Path) -> Result<ConnectionSettings, ConfigError> {
    let table = node.table(keys::REGISTRY)?;
    let path = |node: &Node<'_>| node.text().map(|text| folder.join(text));
    let half = |has: &str, lacks: &str| {
        let problem = BadValue::new(format!("has `{has}` without `{lacks}`"));
        Err(node.refuse(problem.with_hint("a client certificate needs both: its certificates, and its private key")))
    };
    let client_certificate = match (table.get("cert", path)?, table.get("key", path)?) {
        (Some(certificate), Some(key)) => Some(ClientCertificate { certificate, key }),
        (Some(_), None) => return half("cert", "key"),
        (None, Some(_)) => return half("key", "cert"),
        (None, None) => None,
    };
    let insecure = table.get("insecure", Node::boolean)?;
    Ok(ConnectionSettings { insecure, client_certificate, ..limits(&table, folder)? })
}

/// Reads the keys that `[network]` and `[registry."HOST"]` share.
fn limits(table: &Table<'_>, folder: &Path) -> Result<ConnectionSettings, ConfigError> {
    let within = |least: usize, most: usize| {
        move |node: &Node<'_>| {
            let number = node.integer::<usize>()?;
            let problem = || node.refuse(BadValue::new(format!("must be from {least} to {most}")));
            if (least..=most).contains(&number) { Ok(number) } else { Err(problem()) }
        }
    };
    Ok(ConnectionSettings {
        ca: table.get("ca", |node| node.text().map(|text| folder.join(text)))?.into_iter().collect(),
        retries: table.get("retries", within(0, MOST_RETRIES))?,
        timeout: table.get("timeout", duration::read)?,
        connect_timeout: table.get("connect-timeout", duration::read)?,
        connections: table.get("connections", within(1, 1000))?,
        ..ConnectionSettings::default()
    })
}
