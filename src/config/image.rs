//! `[image]`: the metadata and the process of the image.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::absolute::{absolute, all_absolute};
use super::error::BadValue;
use super::port::normalise_port;
use super::reader::{Node, wrong_type};
use super::{ConfigError, keys};

/// The metadata and the process of the image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Image {
    /// The program and its arguments. No shell splits a string.
    pub entrypoint: Option<Vec<String>>,
    pub cmd: Option<Vec<String>>,
    pub env: BTreeMap<String, String>,
    /// A name or a number, with or without a group: `nonroot`, `1000:1000`.
    pub user: Option<String>,
    /// An absolute directory of the image.
    pub workdir: Option<String>,
    /// The ports with their protocol: `8080/tcp`.
    pub ports: Option<Vec<String>>,
    /// Absolute paths of the image.
    pub volumes: Option<Vec<String>>,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub stop_signal: Option<String>,
}

impl Image {
    pub(super) fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let table = node.table(keys::IMAGE)?;
        Ok(Self {
            entrypoint: table.get("entrypoint", |node| command("entrypoint", node))?,
            cmd: table.get("cmd", |node| command("cmd", node))?,
            env: table.get("env", environment)?.unwrap_or_default(),
            user: table.get("user", Node::text)?,
            workdir: table.get("workdir", absolute)?,
            ports: table.get("ports", |node| node.list(|port| port.checked(normalise_port)))?,
            volumes: table.get("volumes", all_absolute)?,
            labels: table.get("labels", Node::text_map)?.unwrap_or_default(),
            annotations: table.get("annotations", Node::text_map)?.unwrap_or_default(),
            stop_signal: table.get("stop-signal", Node::text)?,
        })
    }

    pub(super) fn over(self, under: Self) -> Self {
        Self {
            entrypoint: self.entrypoint.or(under.entrypoint),
            cmd: self.cmd.or(under.cmd),
            env: merge(self.env, under.env),
            user: self.user.or(under.user),
            workdir: self.workdir.or(under.workdir),
            ports: self.ports.or(under.ports),
            volumes: self.volumes.or(under.volumes),
            labels: merge(self.labels, under.labels),
            annotations: merge(self.annotations, under.annotations),
            stop_signal: self.stop_signal.or(under.stop_signal),
        }
    }
}

fn merge(over: BTreeMap<String, String>, mut under: BTreeMap<String, String>) -> BTreeMap<String, String> {
    under.extend(over);
    under
}

fn command(key: &str, node: &Node<'_>) -> Result<Vec<String>, ConfigError> {
    let DeValue::String(line) = node.value() else { return node.texts() };
    let words: Vec<_> = line.split_whitespace().map(|word| toml::Value::from(word).to_string()).collect();
    let hint = format!("there is no shell in the image to split it: {key} = [{}]", words.join(", "));
    Err(node.refuse(wrong_type("a list", node.value()).with_hint(hint)))
}

fn environment(node: &Node<'_>) -> Result<BTreeMap<String, String>, ConfigError> {
    node.map(|name, node| {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(node.refuse(BadValue::new("is not a variable's name")));
        }
        node.text()
    })
}
