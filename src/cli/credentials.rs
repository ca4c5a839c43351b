//! The sources of credentials for registries: flags, the environment, and files of this machine.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args as ClapArgs;

use crate::diagnostic::{Code, Diagnostic};
use crate::oci::Location;
use crate::plan::PathBounds;
use crate::progress::Progress;
use crate::registry::{
    AuthFile, CloudEnvironment, Clouds, CredentialSource, Credentials, HELPER_LIMIT, Intent, Login, Variable,
};
use crate::source::is_governed;

/// The time that a helper has for its answer where a person may have to unlock its store.
const ATTENDED_HELPER_LIMIT: Duration = Duration::from_mins(2);
/// The directory with the names of this machine and its maker.
const DMI: &str = "/sys/class/dmi/id";

// No doc comment: clap would take it for the verb's description.
#[derive(ClapArgs)]
pub struct CredentialArgs {
    /// Credentials for the registry of --base and --builder; other users may see a flag, so prefer
    /// the variable
    #[arg(long, env = "CARBOY_FROM_CREDS", value_name = "USER:PASSWORD", hide_env_values = true)]
    from_creds: Option<String>,
    /// Credentials for the registry of --to; other users may see a flag, so prefer the variable
    #[arg(long, env = "CARBOY_TO_CREDS", value_name = "USER:PASSWORD", hide_env_values = true)]
    to_creds: Option<String>,
}

/// The images that flags and variables name. Those in a project's files are left out: the project's
/// author must not choose the registry that gets a password.
#[derive(Default)]
pub struct NamedImages {
    /// Images to push.
    pub targets: Vec<String>,
    /// Images to pull.
    pub sources: Vec<String>,
    /// The verb pushes to the targets.
    pub pushes: bool,
}

/// The environment and the directories of this machine.
pub struct Machine<'a> {
    pub variable: Variable,
    pub home: Option<PathBuf>,
    /// The project's root: files of credentials inside are not read.
    pub project: Option<PathBuf>,
    pub progress: &'a dyn Progress,
}

/// Returns the credentials for a run over a project, or without one.
pub fn credentials(
    args: &CredentialArgs,
    named: &NamedImages,
    bounds: Option<&PathBounds>,
    progress: &dyn Progress,
) -> Credentials {
    let machine = Machine {
        variable: Arc::new(|name| {
            Some(std::env::var_os(name)?.to_string_lossy().into_owned()).filter(|text| !text.is_empty())
        }),
        home: etcetera::home_dir().ok(),
        project: bounds.and_then(|bounds| bounds.roots.first()).cloned(),
        progress,
    };
    Credentials::new(machine.sources(args, named)).with_helper_limit(helper_limit())
}

/// Returns the time that a credential helper has for its answer.
pub fn helper_limit() -> Duration {
    if std::io::stdin().is_terminal() { ATTENDED_HELPER_LIMIT } else { HELPER_LIMIT }
}

/// Returns docker's `config.json`: in `$DOCKER_CONFIG`, or else in `~/.docker`.
pub fn docker_file() -> Option<PathBuf> {
    let named = std::env::var_os("DOCKER_CONFIG").filter(|folder| !folder.is_empty()).map(PathBuf::from);
    let folder = named.or_else(|| Some(etcetera::home_dir().ok()?.join(".docker")))?;
    Some(folder.join("config.json"))
}

impl Machine<'_> {
    /// Returns all sources in their order.
    fn sources(&self, args: &CredentialArgs, named: &NamedImages) -> Vec<CredentialSource> {
        let flags = [
            self.flag("--from-creds", args.from_creds.as_deref(), &named.sources, Intent::Pull),
            // Only a push has a use for them.
            self.flag("--to-creds", args.to_creds.as_deref().filter(|_| named.pushes), &named.targets, Intent::Push),
        ];
        let logins = flags.into_iter().flatten().chain(self.of_carboy(named)).map(CredentialSource::Login);
        let files = self.files().into_iter().map(CredentialSource::File);
        let of_ci = [self.of_gitlab(), self.of_github()].into_iter().flatten().map(CredentialSource::Login);
        let clouds = CredentialSource::Clouds(Clouds::new(self.clouds()));
        logins.chain(files).chain(of_ci).chain([clouds]).collect()
    }

    fn variable(&self, name: &str) -> Option<String> {
        (self.variable)(name)
    }

    /// Returns the login of a flag, for the one registry that other flags name.
    fn flag(&self, flag: &str, value: Option<&str>, images: &[String], intent: Intent) -> Option<Login> {
        let value = value?;
        let Some((user, password)) = value.split_once(':').filter(|(user, _)| !user.is_empty()) else {
            self.warn(Code::InvalidArgument, format!("{flag} is not used: it is not USER:PASSWORD"), None);
            return None;
        };
        let registries: BTreeSet<_> = images.iter().filter_map(|image| registry(image)).collect();
        let registries: Vec<_> = registries.into_iter().collect();
        let images = if intent == Intent::Pull { "--base or --builder" } else { "--to" };
        match &registries[..] {
            [registry] => Some(Login {
                registry: registry.clone(),
                user: user.to_owned(),
                password: password.to_owned(),
                name: flag.to_owned(),
                // The base may be in the target's registry.
                intent: (intent == Intent::Pull).then_some(intent),
            }),
            [] => {
                let text = format!("{flag} is not used: no flag or variable names its registry");
                self.warn(Code::UntrustedSetting, text, Some(format!("name the image with {images}, too")));
                None
            }
            [one, other, ..] => {
                let text = format!("{flag} is not used: it is for one registry, and {one} and {other} are named");
                self.warn(Code::UntrustedSetting, text, Some("log in with: carboy login REGISTRY".to_owned()));
                None
            }
        }
    }

    /// Returns the logins of `CARBOY_USERNAME` and `CARBOY_PASSWORD`: for `CARBOY_REGISTRY`, or
    /// else for the targets that a flag or a variable names.
    fn of_carboy(&self, named: &NamedImages) -> Vec<Login> {
        let Some(password) = self.variable("CARBOY_PASSWORD") else { return Vec::new() };
        let registries: Vec<_> = match self.variable("CARBOY_REGISTRY") {
            Some(registry) => vec![host(&registry)],
            None => named.targets.iter().filter_map(|image| registry(image)).collect(),
        };
        let Some(user) = self.variable("CARBOY_USERNAME") else {
            self.warn(
                Code::InvalidArgument,
                "CARBOY_PASSWORD is not used: CARBOY_USERNAME is not set".to_owned(),
                None,
            );
            return Vec::new();
        };
        if registries.is_empty() && named.pushes {
            let text = "CARBOY_PASSWORD is not used: no flag or variable names its registry".to_owned();
            self.warn(Code::UntrustedSetting, text, Some("name the registry in CARBOY_REGISTRY".to_owned()));
        }
        let login = |registry| Login {
            registry,
            user: user.clone(),
            password: password.clone(),
            name: "CARBOY_PASSWORD".to_owned(),
            intent: None,
        };
        registries.into_iter().map(login).collect()
    }

    /// Returns docker's files and then podman's.
    fn files(&self) -> Vec<AuthFile> {
        let text = self.variable("DOCKER_AUTH_CONFIG");
        let text = text.map(|text| AuthFile::Text { variable: "DOCKER_AUTH_CONFIG", text });
        let named = |name: &str, file: &str| Some(Path::new(&self.variable(name)?).join(file));
        let in_home = |file: &str| self.own(self.home.as_ref()?.join(file));
        let docker = named("DOCKER_CONFIG", "config.json").or_else(|| in_home(".docker/config.json"));
        let settings = || match self.variable("XDG_CONFIG_HOME") {
            Some(folder) => self.own(Path::new(&folder).join("containers/auth.json")),
            None => in_home(".config/containers/auth.json"),
        };
        let podman = if let Some(file) = self.variable("REGISTRY_AUTH_FILE") {
            vec![Some(PathBuf::from(file))]
        } else {
            vec![named("XDG_RUNTIME_DIR", "containers/auth.json"), settings()]
        };
        let paths = std::iter::once(docker).chain(podman).flatten().map(AuthFile::Path);
        text.into_iter().chain(paths).collect()
    }

    /// Returns a file of the user, unless it is inside the project: an author of the project could
    /// run programs as credential helpers.
    fn own(&self, file: PathBuf) -> Option<PathBuf> {
        if !self.project.as_ref().is_some_and(|root| is_governed(root, &file)) {
            return Some(file);
        }
        if file.exists() {
            let text = format!("`{}` is not read because it is inside the project", file.display());
            let variable = match file.file_name().and_then(OsStr::to_str) {
                Some("config.json") => "DOCKER_CONFIG to its directory",
                Some("auth.json") => "REGISTRY_AUTH_FILE to it",
                _ => "GOOGLE_APPLICATION_CREDENTIALS to it",
            };
            let warning = Diagnostic::warning(Code::UntrustedSetting, text).file(file.display());
            self.progress.warn(warning.hint(format!("if it is yours, set {variable}")));
        }
        None
    }

    /// Returns the login of a GitLab job for its instance's registry.
    fn of_gitlab(&self) -> Option<Login> {
        Some(Login {
            registry: host(&self.variable("CI_REGISTRY")?),
            user: self.variable("CI_REGISTRY_USER")?,
            password: self.variable("CI_REGISTRY_PASSWORD")?,
            name: "CI_REGISTRY_PASSWORD".to_owned(),
            intent: None,
        })
    }

    /// Returns the login of a GitHub workflow for GitHub's registry.
    fn of_github(&self) -> Option<Login> {
        self.variable("GITHUB_ACTIONS").filter(|text| text == "true")?;
        Some(Login {
            registry: "ghcr.io".to_owned(),
            // GitHub reads the token only.
            user: self.variable("GITHUB_ACTOR").unwrap_or_else(|| "github-actions".to_owned()),
            password: self.variable("GITHUB_TOKEN")?,
            name: "GITHUB_TOKEN".to_owned(),
            intent: None,
        })
    }

    /// Returns the environment that accounts of clouds are found in.
    fn clouds(&self) -> CloudEnvironment {
        let folder = self.variable("CLOUDSDK_CONFIG").map(PathBuf::from);
        let folder = folder.or_else(|| Some(self.home.as_ref()?.join(".config/gcloud")));
        let google_file = folder.and_then(|folder| self.own(folder.join("application_default_credentials.json")));
        let variable = Arc::clone(&self.variable);
        CloudEnvironment { variable, now: jiff::Timestamp::now, google_file, dmi: DMI.into() }
    }

    fn warn(&self, code: Code, text: String, hint: Option<String>) {
        self.progress.warn(Diagnostic::warning(code, text).hint(hint));
    }
}

/// Returns the registry of an image's name.
fn registry(image: &str) -> Option<String> {
    match image.parse() {
        Ok(Location::Registry(name)) => Some(name.registry),
        _ => None,
    }
}

/// Returns the host of a registry that may be written as a URL or with a path.
fn host(registry: &str) -> String {
    let bare = registry.split_once("://").map_or(registry, |(_, rest)| rest);
    bare.split('/').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
