//! An image's configuration: what the base's says is kept, what carboy knows is added.
//!
//! Source: image-spec `config.md`. The JSON is kept, so that fields that the specification
//! does not know (`Healthcheck`, `Shell`, `OnBuild`) survive; oci-spec's type is a view
//! of it.

use std::collections::BTreeSet;

use oci_spec::image as spec;
use serde::Deserialize as _;
use serde_json::{Map, Value};

use super::process::Process;
use crate::oci::{DiffId, Platform, json};

/// An image configuration.
#[derive(Clone, PartialEq, Debug)]
pub struct ImageConfig {
    json: Value,
    view: spec::ImageConfiguration,
}

/// A configuration that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("its configuration is not valid JSON of its kind: {0}")]
    Json(String),
    #[error("its configuration has no valid `{0}`")]
    Field(&'static str),
    #[error("its configuration lists {diff_ids} layers, its manifest {layers}")]
    Layers { diff_ids: usize, layers: usize },
}

/// A layer to add, and how it came to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewLayer {
    pub diff_id: DiffId,
    pub created_by: String,
}

impl ImageConfig {
    /// Reads a configuration as it travels.
    ///
    /// # Errors
    /// Anything but a JSON object with os, architecture and diff ids, and with the types
    /// that the specification says.
    pub fn parse(bytes: &[u8]) -> Result<Self, ConfigError> {
        Self::parse_for(bytes, None)
    }

    /// Reads a configuration as it travels, of an image that an index lists for a platform. Where the
    /// configuration names another platform, or none, the index's counts.
    ///
    /// # Errors
    /// As [`Self::parse`], except for a missing platform.
    pub fn parse_for(bytes: &[u8], listed: Option<&Platform>) -> Result<Self, ConfigError> {
        let invalid = |cause: serde_json::Error| ConfigError::Json(cause.to_string());
        let mut json: Value = serde_json::from_slice(bytes).map_err(invalid)?;
        if let (Some(listed), Some(fields)) = (listed, json.as_object_mut()) {
            follow(fields, listed);
        }
        for field in ["os", "architecture"] {
            json.get(field).and_then(Value::as_str).ok_or(ConfigError::Field(field))?;
        }
        // Go writes an empty list as null.
        if let Some(list @ Value::Null) = json.pointer_mut("/rootfs/diff_ids") {
            *list = Value::Array(Vec::new());
        }
        diff_ids(json.pointer("/rootfs/diff_ids").and_then(Value::as_array))?;
        let view = spec::ImageConfiguration::deserialize(&json).map_err(invalid)?;
        Ok(Self { json, view })
    }

    /// Returns the platform that a configuration names, if it names one.
    #[must_use]
    pub fn platform_of(bytes: &[u8]) -> Option<Platform> {
        let json: Value = serde_json::from_slice(bytes).ok()?;
        let text = |name: &str| json.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let variant = text("variant").map(str::to_owned);
        Some(Platform { variant, ..Platform::new(text("os")?, text("architecture")?) })
    }

    /// Returns the configuration of an image without layers.
    #[must_use]
    pub fn scratch(platform: &Platform) -> Self {
        let mut view = spec::ImageConfiguration::default();
        view.set_architecture(platform.architecture.as_str().into());
        view.set_os(platform.os.as_str().into());
        view.set_variant(platform.variant.clone());
        Self { json: json::of(&view), view }
    }

    /// Returns the platform it is for.
    #[must_use]
    pub fn platform(&self) -> Platform {
        // oci-spec takes some architectures for others (`armbe` for `arm64be`).
        let field = |name| self.json.get(name).and_then(Value::as_str).unwrap_or_default();
        let variant = self.view.variant().clone().filter(|variant| !variant.is_empty());
        Platform { variant, ..Platform::new(field("os"), field("architecture")) }
    }

    /// Returns the diff ids, lowest layer first.
    ///
    /// # Errors
    /// A list that is missing or holds anything else.
    pub fn diff_ids(&self) -> Result<Vec<DiffId>, ConfigError> {
        diff_ids(self.json.pointer("/rootfs/diff_ids").and_then(Value::as_array))
    }

    /// `NAME=value` lines of the process's environment.
    #[must_use]
    pub fn env(&self) -> Vec<String> {
        self.process().and_then(|process| process.env().clone()).unwrap_or_default()
    }

    /// Returns the user as written; none when unset or empty.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.process()?.user().as_deref().filter(|user| !user.is_empty())
    }

    /// Returns the entrypoint; none when unset or empty.
    #[must_use]
    pub fn entrypoint(&self) -> Option<Vec<String>> {
        self.process()?.entrypoint().clone().filter(|list| !list.is_empty())
    }

    /// Returns the default arguments; none when unset or empty.
    #[must_use]
    pub fn cmd(&self) -> Option<Vec<String>> {
        self.process()?.cmd().clone().filter(|list| !list.is_empty())
    }

    /// Returns program and arguments of an image with this base and a process of its own: an
    /// entrypoint of the process replaces the base's `Cmd` too.
    #[must_use]
    pub fn command(&self, process: &Process) -> Vec<String> {
        let (entrypoint, cmd) = match &process.entrypoint {
            Some(entrypoint) => (Some(entrypoint.clone()), process.cmd.clone()),
            None => (self.entrypoint(), process.cmd.clone().or_else(|| self.cmd())),
        };
        entrypoint.into_iter().chain(cmd).flatten().collect()
    }

    /// Returns the paths of its volumes, sorted.
    pub fn volumes(&self) -> impl Iterator<Item = &str> {
        let volumes = self.process().and_then(|process| process.volumes().as_ref());
        volumes.into_iter().flatten().map(String::as_str).collect::<BTreeSet<_>>().into_iter()
    }

    /// Returns the configuration with layers and a process added, in bytes that depend on nothing
    /// but the arguments. `created` is an RFC 3339 time.
    ///
    /// # Errors
    /// A base whose diff ids are none.
    pub fn extend(&self, layers: &[NewLayer], process: &Process, created: &str) -> Result<Vec<u8>, ConfigError> {
        let mut view = self.view.clone();
        view.set_created(Some(created.to_owned()));
        view.rootfs_mut().set_typ("layers".to_owned());
        view.rootfs_mut().diff_ids_mut().extend(layers.iter().map(|layer| layer.diff_id.to_string()));
        let history = layers.iter().map(|layer| layer.history(created));
        view.set_history(Some(view.history().iter().flatten().cloned().chain(history).collect()));
        view.set_config(Some(process.over(view.config().clone().unwrap_or_default())));
        let mut json = json::changed(&self.json, &view);
        if let Some(json) = json.as_object_mut() {
            // Which tool or container made the base is not true of this image.
            json.retain(|name, _| !["container", "container_config", "docker_version"].contains(&name.as_str()));
        }
        if let Some(config) = json.get_mut("config").and_then(Value::as_object_mut) {
            process.clear(config);
        }
        Ok(json::bytes(&json))
    }

    /// Returns the command that created each layer, lowest first; none where the history has none.
    #[must_use]
    pub fn created_by(&self) -> Vec<Option<String>> {
        let history = self.view.history().iter().flatten();
        let of_layers = history.filter(|entry| entry.empty_layer() != Some(true));
        let mut out: Vec<_> = of_layers.map(|entry| entry.created_by().clone()).collect();
        // A history may be short: what it has is taken for the top layers.
        out.reverse();
        out.resize(self.view.rootfs().diff_ids().len(), None);
        out.reverse();
        out
    }

    fn process(&self) -> Option<&spec::Config> {
        self.view.config().as_ref()
    }
}

impl NewLayer {
    fn history(&self, created: &str) -> spec::History {
        let mut entry = spec::History::default();
        entry.set_created(Some(created.to_owned())).set_created_by(Some(self.created_by.clone()));
        entry
    }
}

/// Writes the platform of an index into a configuration that names another one, or none.
fn follow(fields: &mut Map<String, Value>, listed: &Platform) {
    let own = Platform::deserialize(&Value::Object(fields.clone()));
    if own.is_ok_and(|own| own.matches(listed)) {
        return;
    }
    fields.insert("os".to_owned(), listed.os.as_str().into());
    fields.insert("architecture".to_owned(), listed.architecture.as_str().into());
    match &listed.variant {
        Some(variant) => _ = fields.insert("variant".to_owned(), variant.as_str().into()),
        None => _ = fields.remove("variant"),
    }
}

fn diff_ids(list: Option<&Vec<Value>>) -> Result<Vec<DiffId>, ConfigError> {
    let parse = |value: &Value| Some(DiffId(value.as_str()?.parse().ok()?));
    list.and_then(|list| list.iter().map(parse).collect()).ok_or(ConfigError::Field("rootfs.diff_ids"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Digest;

    const BASE: &str = r#"{"architecture":"arm64","os":"linux","variant":"v8","author":"Bazel","docker_version":"1",
        "config":{"User":"65532","Env":["PATH=/bin"],"Cmd":["sh"],"Healthcheck":{"Test":["CMD","x"]},"Labels":{"a":"1"}},
        "rootfs":{"type":"layers","diff_ids":[]},"history":[{"created_by":"bazel"}]}"#;

    #[test]
    fn what_the_base_says_is_kept_and_extended() {
        let base = ImageConfig::parse(BASE.as_bytes()).unwrap();
        assert_eq!(base.platform().to_string(), "linux/arm64/v8");
        let layer = NewLayer { diff_id: DiffId(Digest::of(b"")), created_by: "carboy: runtime".to_owned() };
        let process = Process {
            entrypoint: Some(vec!["/x".to_owned()]),
            env: vec!["PATH=/bin".to_owned(), "LANG=C.UTF-8".to_owned()],
            labels: [("b".to_owned(), "2".to_owned())].into(),
            ports: vec!["80/tcp".to_owned()],
            ..Process::default()
        };
        let bytes = base.extend(&[layer], &process, "1980-01-01T00:00:00Z").unwrap();
        let extended = ImageConfig::parse(&bytes).unwrap();
        assert_eq!(extended.created_by(), [Some("carboy: runtime".to_owned())]);
        insta::assert_snapshot!(String::from_utf8(bytes).unwrap(), @r#"{"architecture":"arm64","author":"Bazel","config":{"Entrypoint":["/x"],"Env":["PATH=/bin","LANG=C.UTF-8"],"ExposedPorts":{"80/tcp":{}},"Healthcheck":{"Test":["CMD","x"]},"Labels":{"a":"1","b":"2"},"User":"","WorkingDir":""},"created":"1980-01-01T00:00:00Z","history":[{"created_by":"bazel"},{"created":"1980-01-01T00:00:00Z","created_by":"carboy: runtime"}],"os":"linux","rootfs":{"diff_ids":["sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],"type":"layers"},"variant":"v8"}"#);
    }

    #[test]
    fn maps_are_written_in_order_every_time() {
        let ports: Vec<_> = (1000..1100).map(|port| format!("\"{port}/tcp\":{{}}")).collect();
        let config = |ports: &[String]| {
            let ports = ports.join(",");
            let json =
                BASE.replace("\"Cmd\"", &format!("\"ExposedPorts\":{{{ports}}},\"Volumes\":{{{ports}}},\"Cmd\""));
            let config = ImageConfig::parse(json.as_bytes()).unwrap();
            let volumes: Vec<_> = config.volumes().map(str::to_owned).collect();
            (volumes, config.extend(&[], &Process::default(), "1980-01-01T00:00:00Z").unwrap())
        };
        let backwards: Vec<_> = ports.iter().rev().cloned().collect();
        let (volumes, bytes) = config(&ports);
        assert!(volumes.is_sorted());
        assert_eq!(String::from_utf8(bytes.clone()).unwrap().matches("/tcp\":{}").count(), 200);
        assert_eq!((config(&ports), config(&backwards)), ((volumes.clone(), bytes.clone()), (volumes, bytes)));
    }

    #[test]
    fn nulls_mean_nothing() {
        let json = r#"{"architecture":"amd64","os":"linux","variant":null,"created":null,"author":null,"history":null,
            "config":{"Env":null,"Cmd":null,"Entrypoint":null,"Labels":null,"Volumes":null,"ExposedPorts":null,"User":null,
            "WorkingDir":null,"StopSignal":null,"OnBuild":null,"Healthcheck":null},"rootfs":{"type":"layers","diff_ids":null}}"#;
        let config = ImageConfig::parse(json.as_bytes()).unwrap();
        assert_eq!(
            (config.env(), config.user(), config.cmd(), config.diff_ids().unwrap()),
            (vec![], None, None, vec![])
        );
        config.extend(&[], &Process::default(), "1980-01-01T00:00:00Z").unwrap();
        let bare = r#"{"architecture":"amd64","os":"linux","config":null,"rootfs":{"type":"layers","diff_ids":[]}}"#;
        assert_eq!(ImageConfig::parse(bare.as_bytes()).unwrap().env(), Vec::<String>::new());
    }

    #[test]
    fn the_platform_of_the_index_wins() {
        for (own, listed, result) in [
            (r#""os":"linux","architecture":"arm64""#, "linux/amd64", "linux/amd64"),
            (r#""os":"linux","architecture":"arm64","variant":"v8""#, "linux/arm64", "linux/arm64/v8"),
            (r#""os":"linux","architecture":"arm","variant":"v6""#, "linux/arm/v7", "linux/arm/v7"),
            (r#""os":"linux","architecture":"arm64","variant":"v8""#, "linux/amd64", "linux/amd64"),
            (r#""os":"linux""#, "linux/arm64/v8", "linux/arm64/v8"),
            (r#""os":null"#, "linux/riscv64", "linux/riscv64"),
        ] {
            let json = format!(r#"{{{own},"rootfs":{{"type":"layers","diff_ids":[]}}}}"#);
            let config = ImageConfig::parse_for(json.as_bytes(), Some(&listed.parse().unwrap())).unwrap();
            assert_eq!(config.platform().to_string(), result, "{own}");
            let written = config.extend(&[], &Process::default(), "1980-01-01T00:00:00Z").unwrap();
            assert_eq!(ImageConfig::parse(&written).unwrap().platform().to_string(), result, "{own}");
            let named = own.contains("architecture").then(|| ImageConfig::platform_of(json.as_bytes()).unwrap().os);
            assert_eq!(named.as_deref().unwrap_or("linux"), "linux");
        }
    }

    #[test]
    fn hostile_configurations_are_errors() {
        for json in [
            "[]",
            "{}",
            r#"{"os":"linux"}"#,
            r#"{"os":"linux","architecture":"amd64"}"#,
            r#"{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":["sha256:1"]}}"#,
            r#"{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":[7]}}"#,
            r#"{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]},"config":[]}"#,
            r#"{"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[]},"history":{}}"#,
        ] {
            assert!(ImageConfig::parse(json.as_bytes()).is_err(), "{json}");
        }
    }
}
