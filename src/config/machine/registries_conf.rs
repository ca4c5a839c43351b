//! podman's `registries.conf`.
//!
//! Source: containers-registries.conf(5), version 2. Short names and their aliases are not used:
//! carboy has docker's short names. `prefix` and `location` do not name tags or digests.

use serde::Deserialize;
use toml::Spanned;

use super::machine_file::MachineFile;
use crate::config::error::{BadValue, ConfigError};
use crate::config::reader::{Document, Schema};
use crate::network::{ConnectionSettings, HostPattern, Mirror, MirrorRule, PullBy, RepositoryPrefix};

#[derive(Deserialize, Default)]
struct RegistriesConf {
    #[serde(default)]
    registry: Vec<Spanned<RegistryTable>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RegistryTable {
    prefix: Option<String>,
    location: Option<String>,
    #[serde(default)]
    insecure: bool,
    #[serde(default)]
    blocked: bool,
    #[serde(default)]
    mirror_by_digest_only: bool,
    #[serde(default)]
    mirror: Vec<MirrorTable>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct MirrorTable {
    location: String,
    #[serde(default)]
    insecure: bool,
    pull_from_mirror: Option<PullFromMirror>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "kebab-case")]
enum PullFromMirror {
    All,
    DigestOnly,
    TagOnly,
}

impl RegistryTable {
    fn add_to(self, file: &mut MachineFile, file_name: &str) -> Result<(), (&'static str, BadValue)> {
        let place = |key: &'static str, text: &str, wildcard: bool| {
            let parsed = RepositoryPrefix::parse(text, wildcard);
            parsed.map_err(|error| (key, BadValue::new(error.to_string()).with_hint(error.hint)))
        };
        let location = self.location.as_deref().map(|text| place("location", text, false)).transpose()?;
        let prefix = self.prefix.as_deref().filter(|text| !text.is_empty());
        let prefix = prefix.map(|text| place("prefix", text, true)).transpose()?;
        let Some(prefix) = prefix.or_else(|| location.clone()) else {
            return Err(("location", BadValue::new("is missing")));
        };
        let mut mirrors = Vec::new();
        for table in self.mirror {
            let location = place("mirror.location", &table.location, false)?;
            file.allow_insecure(&location, table.insecure);
            let pull_by = match table.pull_from_mirror {
                _ if self.mirror_by_digest_only => PullBy::Digest,
                Some(PullFromMirror::DigestOnly) => PullBy::Digest,
                Some(PullFromMirror::TagOnly) => PullBy::Tag,
                Some(PullFromMirror::All) | None => PullBy::All,
            };
            mirrors.push(Mirror { location, pull_by });
        }
        file.allow_insecure(location.as_ref().unwrap_or(&prefix), self.insecure);
        // A location of its own takes the place of the registry.
        let moved = location.filter(|location| *location != prefix);
        let source = match (self.blocked, &moved) {
            (true, _) => format!("`blocked = true` for `{prefix}` in `{file_name}`"),
            (false, _) => format!("`location` of `{prefix}` in `{file_name}`"),
        };
        let fallback = moved.is_none();
        mirrors.extend(moved.map(|location| Mirror { location, pull_by: PullBy::All }));
        if self.blocked || !mirrors.is_empty() {
            file.rules.push(MirrorRule { prefix, mirrors, fallback, blocked: self.blocked, source });
        }
        Ok(())
    }
}

impl MachineFile {
    /// Parses podman's `registries.conf`, version 2. Its other keys are not used.
    ///
    /// # Errors
    /// Invalid TOML, and places that are not registries.
    pub fn parse_registries_conf(text: &str, file_name: &str) -> Result<Self, ConfigError> {
        let document = Document { text, file: file_name, root: "", schema: Schema::Machine };
        let parsed: RegistriesConf = toml::from_str(text).map_err(|error| document.syntax_error(&error))?;
        let mut file = MachineFile::default();
        for table in parsed.registry {
            let at = document.line(table.span().start);
            let refuse = |(key, problem): (&str, BadValue)| ConfigError::Value {
                at: at.clone(),
                key: format!("registry.{key}"),
                problem,
            };
            table.into_inner().add_to(&mut file, file_name).map_err(refuse)?;
        }
        Ok(file)
    }

    fn allow_insecure(&mut self, location: &RepositoryPrefix, insecure: bool) {
        if let Some(host) = location.registry().parse::<HostPattern>().ok().filter(|_| insecure) {
            let settings = ConnectionSettings { insecure: Some(true), ..ConnectionSettings::default() };
            self.hosts.push((host, settings));
        }
    }
}
