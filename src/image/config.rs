//! An image's configuration: what the base's says is kept, what carboy knows is added.
//!
//! Source: image-spec `config.md`. Kept as JSON, so that fields that the
//! specification does not know (`Healthcheck`, `Shell`, `OnBuild`) survive.

use serde_json::{Map, Value, json};

use super::Process;
use crate::oci::{DiffId, Platform};

/// An image configuration.
#[derive(Clone, PartialEq, Debug)]
pub struct ImageConfig {
    json: Map<String, Value>,
}

/// A configuration that cannot be used, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    #[error("its configuration is not JSON: {0}")]
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
    /// Anything but a JSON object with os, architecture and diff ids.
    pub fn parse(bytes: &[u8]) -> Result<Self, ConfigError> {
        let json = serde_json::from_slice(bytes).map_err(|cause| ConfigError::Json(cause.to_string()))?;
        let config = Self { json };
        config.text("os").ok_or(ConfigError::Field("os"))?;
        config.text("architecture").ok_or(ConfigError::Field("architecture"))?;
        config.diff_ids()?;
        Ok(config)
    }

    /// The configuration of an image without layers.
    #[must_use]
    pub fn scratch(platform: &Platform) -> Self {
        let mut json = Map::new();
        json.insert("architecture".to_owned(), json!(platform.architecture));
        json.insert("os".to_owned(), json!(platform.os));
        if let Some(variant) = &platform.variant {
            json.insert("variant".to_owned(), json!(variant));
        }
        json.insert("rootfs".to_owned(), json!({"type": "layers", "diff_ids": []}));
        Self { json }
    }

    /// The platform it is for.
    #[must_use]
    pub fn platform(&self) -> Platform {
        let field = |name| self.text(name).unwrap_or_default();
        let variant = self.text("variant").filter(|variant| !variant.is_empty()).map(str::to_owned);
        Platform { variant, ..Platform::new(field("os"), field("architecture")) }
    }

    /// The diff ids, lowest layer first.
    ///
    /// # Errors
    /// A list that is missing or holds anything else.
    pub fn diff_ids(&self) -> Result<Vec<DiffId>, ConfigError> {
        let list = self.json.get("rootfs").and_then(|rootfs| rootfs.get("diff_ids")).and_then(Value::as_array);
        let parse = |value: &Value| Some(DiffId(value.as_str()?.parse().ok()?));
        list.and_then(|list| list.iter().map(parse).collect()).ok_or(ConfigError::Field("rootfs.diff_ids"))
    }

    /// `NAME=value` lines of the process's environment.
    #[must_use]
    pub fn env(&self) -> Vec<String> {
        self.list("Env").unwrap_or_default()
    }

    /// The user as written; none when unset or empty.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.process()?.get("User")?.as_str().filter(|user| !user.is_empty())
    }

    /// The entrypoint; none when unset or empty.
    #[must_use]
    pub fn entrypoint(&self) -> Option<Vec<String>> {
        self.list("Entrypoint").filter(|list| !list.is_empty())
    }

    /// The default arguments; none when unset or empty.
    #[must_use]
    pub fn cmd(&self) -> Option<Vec<String>> {
        self.list("Cmd").filter(|list| !list.is_empty())
    }

    /// The paths of its volumes.
    pub fn volumes(&self) -> impl Iterator<Item = &str> {
        let volumes = self.process().and_then(|process| process.get("Volumes")?.as_object());
        volumes.into_iter().flatten().map(|(path, _)| path.as_str())
    }

    /// The configuration with layers and a process added, in bytes that depend on
    /// nothing but the arguments. `created` is an RFC 3339 time.
    ///
    /// # Errors
    /// A base whose own fields are of other types than the specification's.
    pub fn extend(&self, layers: &[NewLayer], process: &Process, created: &str) -> Result<Vec<u8>, ConfigError> {
        let mut json = self.json.clone();
        json.insert("created".to_owned(), json!(created));
        // Which tool or container made the base is not true of this image.
        for stale in ["container", "container_config", "docker_version"] {
            json.remove(stale);
        }
        let mut diff_ids = self.diff_ids()?;
        diff_ids.extend(layers.iter().map(|layer| layer.diff_id));
        json.insert("rootfs".to_owned(), json!({"type": "layers", "diff_ids": diff_ids}));
        let mut history = match json.remove("history") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(history)) => history,
            Some(_) => return Err(ConfigError::Field("history")),
        };
        history.extend(layers.iter().map(|layer| json!({"created": created, "created_by": layer.created_by})));
        json.insert("history".to_owned(), Value::Array(history));
        let mut config = match json.remove("config") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(config)) => config,
            Some(_) => return Err(ConfigError::Field("config")),
        };
        process.write(&mut config)?;
        json.insert("config".to_owned(), Value::Object(config));
        let sorted: std::collections::BTreeMap<_, _> = json.into_iter().collect();
        serde_json::to_vec(&sorted).map_err(|cause| ConfigError::Json(cause.to_string()))
    }

    /// How each layer came to be, lowest first; none where the history does not tell.
    #[must_use]
    pub fn created_by(&self) -> Vec<Option<String>> {
        let layers = self.diff_ids().map_or(0, |ids| ids.len());
        let history = self.json.get("history").and_then(Value::as_array);
        let of_layers = history.into_iter().flatten().filter(|entry| entry.get("empty_layer") != Some(&json!(true)));
        let text = |entry: &Value| entry.get("created_by").and_then(Value::as_str).map(str::to_owned);
        let mut out: Vec<_> = of_layers.map(text).collect();
        // A history may be short: what it has is taken for the top layers.
        out.reverse();
        out.resize(layers, None);
        out.reverse();
        out
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.json.get(name)?.as_str()
    }

    fn process(&self) -> Option<&Map<String, Value>> {
        self.json.get("config")?.as_object()
    }

    fn list(&self, name: &str) -> Option<Vec<String>> {
        let list = self.process()?.get(name)?.as_array()?;
        list.iter().map(|value| value.as_str().map(str::to_owned)).collect()
    }
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
    fn hostile_configurations_are_errors() {
        for json in [
            "[]",
            "{}",
            r#"{"os":"linux"}"#,
            r#"{"os":"linux","architecture":"amd64"}"#,
            r#"{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":["sha256:1"]}}"#,
            r#"{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":[7]}}"#,
        ] {
            assert!(ImageConfig::parse(json.as_bytes()).is_err(), "{json}");
        }
    }
}
