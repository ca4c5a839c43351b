//! The machine's settings for networks, from flags, variables, and files of carboy and podman.
//!
//! A rule for mirrors comes from the first of these that has its prefix; the same order holds for
//! each setting of a host: flags and their variables; the file that `CARBOY_CONFIG_FILE` names; the
//! user's `carboy/config.toml`; `/etc/carboy/config.toml`; podman's `registries.conf`. A file inside
//! the project does not count, unless a variable names it.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use clap::builder::OsStringValueParser;

use super::error::CliError;
use super::text_file::{CONFIGURATION, text, text_if_any};
use crate::config::{ConfigError, MachineFile};
use crate::diagnostic::{Code, Diagnostic};
use crate::network::{
    ConnectionSettings, HostPattern, InvalidHost, Mirror, MirrorRule, Network, Proxies, PullBy, RepositoryPrefix,
};
use crate::plan::PathBounds;
use crate::progress::Progress;
use crate::source::is_governed;

/// The variable that names a file of settings.
const CONFIG_FILE: &str = "CARBOY_CONFIG_FILE";
/// The variable that names podman's file of registries.
const REGISTRIES_CONF: &str = "CONTAINERS_REGISTRIES_CONF";

// No doc comment: clap would take it for the verb's description.
#[derive(ClapArgs)]
pub struct MachineArgs {
    /// A host that may use plain HTTP, or TLS with any certificate; repeatable
    #[arg(long, env = "CARBOY_INSECURE", value_name = "HOST", value_delimiter = ',')]
    insecure: Vec<String>,
    /// CA certificates to trust beside the system's, in PEM
    #[arg(long, env = "CARBOY_CA", value_name = "FILE", value_parser = OsStringValueParser::new())]
    ca: Option<OsString>,
    /// A mirror to pull from, as in docker.io=harbor.corp/hub; repeatable
    #[arg(long = "mirror", env = "CARBOY_MIRRORS", value_name = "PREFIX=LOCATION", value_delimiter = ',')]
    mirrors: Vec<String>,
}

/// The machine and its user.
pub struct Machine<'a> {
    /// Reads a variable of the environment.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    pub home: Option<PathBuf>,
    /// `/etc`.
    pub system: PathBuf,
}

impl MachineArgs {
    /// Reads all settings. `bounds` are those of a project.
    ///
    /// # Errors
    /// An invalid flag or variable; a file that cannot be read, or is invalid.
    pub fn network(&self, bounds: Option<&PathBounds>, progress: &dyn Progress) -> Result<Network, CliError> {
        let machine = Machine {
            variable: &|name| Some(std::env::var_os(name)?.to_string_lossy().into_owned()),
            home: etcetera::home_dir().ok(),
            system: PathBuf::from("/etc"),
        };
        let root = bounds.and_then(|bounds| bounds.roots.first());
        self.read(&machine, &|path| root.is_some_and(|root| is_governed(root, path)), progress)
    }

    fn read(
        &self,
        machine: &Machine<'_>,
        is_projects: &dyn Fn(&Path) -> bool,
        progress: &dyn Progress,
    ) -> Result<Network, CliError> {
        let trusted = |path: &PathBuf| {
            let is_projects = is_projects(path);
            if is_projects && path.exists() {
                progress.warn(untrusted(path));
            }
            !is_projects
        };
        // The first has precedence.
        let mut files = vec![self.flags()?];
        files.extend(machine.named_file()?);
        for path in machine.own_files().into_iter().filter(trusted) {
            files.extend(own_file(&path, text_if_any(&path, CONFIGURATION))?);
        }
        for path in machine.registries_confs()?.into_iter().filter(trusted) {
            files.extend(registries_conf(&path)?);
        }
        let mut network = Network {
            proxies: Proxies::from_variables(machine.variable)?,
            certificate_folders: machine.certificate_folders().into_iter().filter(trusted).collect(),
            ..Network::default()
        };
        for rule in files.iter().flat_map(|file| &file.rules) {
            network.mirrors.add(rule.clone());
        }
        for file in files.into_iter().rev() {
            network.hosts.default = file.default.over(network.hosts.default);
            for (host, settings) in file.hosts {
                network.hosts.add(host, settings);
            }
        }
        Ok(network)
    }

    fn flags(&self) -> Result<MachineFile, CliError> {
        let mut file = MachineFile::default();
        if let Some(ca) = self.ca.as_ref().filter(|ca| !ca.is_empty()).map(PathBuf::from) {
            std::fs::metadata(&ca).map_err(|cause| CliError::Read { path: ca.clone(), cause })?;
            file.default.ca.push(ca);
        }
        for text in self.insecure.iter().map(|text| text.trim()).filter(|text| !text.is_empty()) {
            let host: HostPattern = text.parse().map_err(|error: InvalidHost| CliError::MachineFlag {
                message: format!("--insecure: `{text}` {error}"),
                hint: error.hint,
            })?;
            file.hosts.push((host, ConnectionSettings { insecure: Some(true), ..ConnectionSettings::default() }));
        }
        for text in self.mirrors.iter().map(|text| text.trim()).filter(|text| !text.is_empty()) {
            add_mirror(&mut file.rules, text)?;
        }
        Ok(file)
    }
}

/// Adds the mirror `PREFIX=LOCATION` to the rule of its prefix.
fn add_mirror(rules: &mut Vec<MirrorRule>, text: &str) -> Result<(), CliError> {
    let invalid = |message: String, hint: String| CliError::MachineFlag { message, hint };
    let Some((prefix, location)) = text.split_once('=') else {
        let message = format!("--mirror: `{text}` is not PREFIX=LOCATION");
        return Err(invalid(message, "write it as in docker.io=harbor.corp/hub".to_owned()));
    };
    let place = |text: &str, wildcard| {
        let parsed = RepositoryPrefix::parse(text.trim(), wildcard);
        parsed.map_err(|error| invalid(format!("--mirror: `{text}` {error}"), error.hint))
    };
    let prefix = place(prefix, true)?;
    let mirror = Mirror { location: place(location, false)?, pull_by: PullBy::All };
    match rules.iter_mut().find(|rule| rule.prefix == prefix) {
        Some(rule) => rule.mirrors.push(mirror),
        None => rules.push(MirrorRule {
            prefix,
            mirrors: vec![mirror],
            fallback: true,
            blocked: false,
            source: "--mirror".to_owned(),
        }),
    }
    Ok(())
}

impl Machine<'_> {
    fn get(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.trim().is_empty())
    }

    /// Returns `XDG_CONFIG_HOME`, or else `~/.config`.
    fn user_folder(&self) -> Option<PathBuf> {
        let named = self.get("XDG_CONFIG_HOME").map(PathBuf::from);
        named.or_else(|| Some(self.home.as_ref()?.join(".config")))
    }

    /// Reads the file that a variable names.
    fn named_file(&self) -> Result<Option<MachineFile>, CliError> {
        let Some(path) = self.get(CONFIG_FILE).map(PathBuf::from) else { return Ok(None) };
        let text = text(&path, CONFIGURATION).map_err(|cause| CliError::MachineFlag {
            message: format!("cannot read `{}`, which {CONFIG_FILE} names: {cause}", path.display()),
            hint: format!("correct {CONFIG_FILE}, or leave it unset"),
        })?;
        own_file(&path, Ok(Some(text)))
    }

    /// Returns carboy's files; the user's comes first.
    fn own_files(&self) -> Vec<PathBuf> {
        let folders = self.user_folder().into_iter().chain([self.system.clone()]);
        folders.map(|folder| folder.join("carboy/config.toml")).collect()
    }

    /// Returns podman's files of registries, the first with precedence: files of the `.d`
    /// directories, the last by name first, then the main file.
    fn registries_confs(&self) -> Result<Vec<PathBuf>, CliError> {
        let user = self.user_folder().map(|folder| folder.join("containers"));
        let system = self.system.join("containers");
        let mut files = Vec::new();
        for folder in user.iter().chain([&system]) {
            let mut found = conf_files(&folder.join("registries.conf.d"))?;
            found.sort_by(|one, other| other.cmp(one));
            files.extend(found);
        }
        let named = self.get(REGISTRIES_CONF).map(PathBuf::from);
        let users = user.map(|folder| folder.join("registries.conf")).filter(|path| path.exists());
        files.push(named.or(users).unwrap_or_else(|| system.join("registries.conf")));
        Ok(files)
    }

    /// Returns the directories of certificates of docker and podman.
    fn certificate_folders(&self) -> Vec<PathBuf> {
        let folders: Vec<_> = self.user_folder().into_iter().chain([self.system.clone()]).collect();
        let both = |folder: PathBuf| ["docker", "containers"].map(|program| folder.join(program).join("certs.d"));
        folders.into_iter().flat_map(both).collect()
    }
}

/// Returns the files of a directory whose names end in `.conf`; none if there is no directory.
fn conf_files(folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    let failed = |cause| CliError::Read { path: folder.to_owned(), cause };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries.collect::<io::Result<Vec<_>>>().map_err(failed)?,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(failed(cause)),
    };
    let paths = entries.into_iter().map(|entry| entry.path());
    Ok(paths.filter(|path| path.extension().is_some_and(|extension| extension == "conf")).collect())
}

fn own_file(path: &Path, text: io::Result<Option<String>>) -> Result<Option<MachineFile>, CliError> {
    let folder = path.parent().unwrap_or(path);
    parsed(path, text, |text, name| MachineFile::parse(text, name, folder))
}

fn registries_conf(path: &Path) -> Result<Option<MachineFile>, CliError> {
    parsed(path, text_if_any(path, CONFIGURATION), MachineFile::parse_registries_conf)
}

fn parsed(
    path: &Path,
    text: io::Result<Option<String>>,
    parse: impl FnOnce(&str, &str) -> Result<MachineFile, ConfigError>,
) -> Result<Option<MachineFile>, CliError> {
    let text = text.map_err(|cause| CliError::Read { path: path.to_owned(), cause })?;
    let name = path.display().to_string();
    Ok(text.map(|text| parse(&text, &name)).transpose()?)
}

fn untrusted(path: &Path) -> Diagnostic {
    let text = format!("`{}` is not read because it is inside the project", path.display());
    let warning = Diagnostic::warning(Code::UntrustedSetting, text).file(path.display());
    warning.hint(format!(
        "mirrors and certificates belong to a machine; a file that is yours can be named in {CONFIG_FILE}"
    ))
}

#[cfg(test)]
mod tests;
