//! What an image says of the process to start in it.
//!
//! Source: image-spec `config.md`, "Properties", `config`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{ConfigError, ImageConfig};
use crate::rootfs::programs::DEFAULT_PATH;

/// The fields of an image's `config` that carboy sets. What is empty or none stays
/// as the base has it, but for `Cmd`: an entrypoint of one's own clears the base's.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Process {
    /// With an absolute path first; none keeps the base's.
    pub entrypoint: Option<Vec<String>>,
    pub cmd: Option<Vec<String>>,
    /// The whole environment, the base's merged in.
    pub env: Vec<String>,
    /// `uid:gid`.
    pub user: String,
    pub workdir: String,
    /// `8080/tcp`.
    pub ports: Vec<String>,
    pub volumes: Vec<String>,
    pub labels: BTreeMap<String, String>,
    pub stop_signal: Option<String>,
}

impl Process {
    /// Program and arguments of the image over `base`: an entrypoint of one's own clears
    /// the base's `Cmd`.
    #[must_use]
    pub fn command(&self, base: &ImageConfig) -> Vec<String> {
        let (entrypoint, cmd) = match &self.entrypoint {
            Some(entrypoint) => (Some(entrypoint.clone()), self.cmd.clone()),
            None => (base.entrypoint(), self.cmd.clone().or_else(|| base.cmd())),
        };
        entrypoint.into_iter().chain(cmd).flatten().collect()
    }

    pub(super) fn write(&self, config: &mut Map<String, Value>) -> Result<(), ConfigError> {
        if let Some(entrypoint) = &self.entrypoint {
            config.insert("Entrypoint".to_owned(), json!(entrypoint));
            config.remove("Cmd");
            config.remove("ArgsEscaped");
        }
        if let Some(cmd) = &self.cmd {
            config.insert("Cmd".to_owned(), json!(cmd));
        }
        config.insert("Env".to_owned(), json!(self.env));
        config.insert("User".to_owned(), json!(self.user));
        config.insert("WorkingDir".to_owned(), json!(self.workdir));
        if let Some(signal) = &self.stop_signal {
            config.insert("StopSignal".to_owned(), json!(signal));
        }
        merge(config, "ExposedPorts", self.ports.iter().map(|port| (port.clone(), json!({}))))?;
        merge(config, "Volumes", self.volumes.iter().map(|volume| (volume.clone(), json!({}))))?;
        merge(config, "Labels", self.labels.iter().map(|(key, value)| (key.clone(), json!(value))))
    }
}

/// Adds entries to an object of the base's configuration, sorted by key.
fn merge(
    config: &mut Map<String, Value>,
    name: &'static str,
    entries: impl Iterator<Item = (String, Value)>,
) -> Result<(), ConfigError> {
    let mut merged: BTreeMap<String, Value> = match config.remove(name) {
        None | Some(Value::Null) => BTreeMap::new(),
        Some(Value::Object(object)) => object.into_iter().collect(),
        Some(_) => return Err(ConfigError::Field(name)),
    };
    merged.extend(entries);
    if !merged.is_empty() {
        config.insert(name.to_owned(), Value::Object(merged.into_iter().collect()));
    }
    Ok(())
}

/// The environment of the image: the base's, defaults where it says nothing, the
/// user's over both, and `folders` in `PATH`.
#[must_use]
pub fn environment(
    base: &[String],
    defaults: &[(&str, &str)],
    settings: &BTreeMap<String, String>,
    folders: &[String],
) -> Vec<String> {
    let mut out: Vec<(String, String)> = Vec::new();
    let mut set = |name: &str, value: &str, replace: bool| match out.iter_mut().find(|(other, _)| other == name) {
        Some((_, old)) if replace => value.clone_into(old),
        Some(_) => {}
        None => out.push((name.to_owned(), value.to_owned())),
    };
    for line in base {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        set(name, value, true);
    }
    set("PATH", DEFAULT_PATH, false);
    for (name, value) in defaults {
        set(name, value, false);
    }
    for (name, value) in settings {
        set(name, value, true);
    }
    if let Some((_, path)) = out.iter_mut().find(|(name, _)| name == "PATH" && !settings.contains_key("PATH")) {
        for folder in folders.iter().rev() {
            if !path.split(':').any(|other| other == folder) {
                *path = format!("{folder}:{path}");
            }
        }
    }
    out.into_iter().map(|(name, value)| format!("{name}={value}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bases_environment_is_kept_and_the_users_wins() {
        let base = ["PATH=/bin".to_owned(), "SSL_CERT_FILE=/c".to_owned(), "LANG=C".to_owned()];
        let settings =
            BTreeMap::from([("APP".to_owned(), "1".to_owned()), ("SSL_CERT_FILE".to_owned(), "/d".to_owned())]);
        let env = environment(
            &base,
            &[("LANG", "C.UTF-8"), ("U", "1")],
            &settings,
            &["/bin", "/opt/bin", "/opt/bin"].map(str::to_owned),
        );
        assert_eq!(env, ["PATH=/opt/bin:/bin", "SSL_CERT_FILE=/d", "LANG=C", "U=1", "APP=1"]);
    }
}
