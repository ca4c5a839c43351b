//! The process that an image starts, as its configuration has it.
//!
//! Source: image-spec `config.md`, "Properties", `config`.

use std::collections::{BTreeMap, BTreeSet};

use oci_spec::image::Config;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::rootfs::programs::DEFAULT_PATH;

/// The fields of an image's `config` that carboy sets. What is empty or none stays
/// as the base has it, but for `Cmd`: an entrypoint of one's own clears the base's.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Process {
    /// With an absolute path first; none keeps the base's; an empty one removes it, and `cmd` begins
    /// with the program.
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
    /// Returns the program that it starts, if it has a command of its own.
    #[must_use]
    pub fn program(&self) -> Option<&str> {
        let entrypoint = self.entrypoint.as_ref()?;
        entrypoint.first().or_else(|| self.cmd.as_ref()?.first()).map(String::as_str)
    }

    /// Returns the base's `config` with this process.
    pub(super) fn over(&self, mut config: Config) -> Config {
        if let Some(entrypoint) = &self.entrypoint {
            config.set_entrypoint((!entrypoint.is_empty()).then(|| entrypoint.clone())).set_cmd(None);
        }
        if let Some(cmd) = &self.cmd {
            config.set_cmd(Some(cmd.clone()));
        }
        config.set_env(Some(self.env.clone())).set_user(Some(self.user.clone()));
        config.set_working_dir(Some(self.workdir.clone()));
        if let Some(signal) = &self.stop_signal {
            config.set_stop_signal(Some(signal.clone()));
        }
        let ports = merged(config.exposed_ports().as_ref(), &self.ports);
        let volumes = merged(config.volumes().as_ref(), &self.volumes);
        let mut labels = config.labels().clone().unwrap_or_default();
        labels.extend(self.labels.clone());
        config.set_exposed_ports(ports).set_volumes(volumes).set_labels((!labels.is_empty()).then_some(labels));
        config
    }

    /// Removes fields of the base's `config` that do not hold with this process and that
    /// oci-spec's type does not have, and empty ones.
    pub(super) fn clear(&self, config: &mut Map<String, Value>) {
        for name in ["ExposedPorts", "Volumes", "Labels"] {
            if config.get(name).is_some_and(Value::is_null) {
                config.remove(name);
            }
        }
        if self.entrypoint.is_some() {
            config.remove("ArgsEscaped");
            if self.entrypoint.as_ref().is_some_and(Vec::is_empty) {
                config.remove("Entrypoint");
            }
            if self.cmd.is_none() {
                config.remove("Cmd");
            }
        }
    }
}

/// Returns the names of the base's map and more, none without any.
fn merged(base: Option<&Vec<String>>, more: &[String]) -> Option<Vec<String>> {
    let names: BTreeSet<_> = base.into_iter().flatten().chain(more).cloned().collect();
    (!names.is_empty()).then(|| names.into_iter().collect())
}

/// Returns the environment of the image: the base's, defaults where it says nothing, the user's
/// over both, and `folders` in `PATH`.
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
