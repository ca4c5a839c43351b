//! The settings of the machine and its user.

use std::path::{Path, PathBuf};

use url::Url;

use super::host_environment::HostEnvironment;
use super::index_url::IndexLocation;
use super::login_policy::{LOGIN_HOSTS, LoginPolicy, is_private};
use super::settings_file::read_up_to;
use super::settings_source::SettingsSource;
use super::{pip, uv};
use crate::http::hosts::same_origin;
use crate::operation_error::OperationError;
use crate::plan::Author;
use crate::wheels::netrc::{self, Netrc};

/// The configuration of the machine: indexes, and the hosts that it names.
pub struct HostSettings {
    pub sources: Vec<SettingsSource>,
    pub login_policy: LoginPolicy,
    pub netrc: Option<Netrc>,
    /// A netrc inside the project, which is not read.
    pub unread: Option<PathBuf>,
}

impl HostSettings {
    /// Reads the configuration. `index` is the index of the command line or of `CARBOY_INDEX`.
    ///
    /// # Errors
    /// A file cannot be read or parsed; a URL is invalid.
    pub fn read(index: Option<&str>, host: &HostEnvironment<'_>) -> Result<Self, OperationError> {
        let mut sources = vec![uv::environment(host), pip::environment(host)];
        sources.extend(uv::files(host)?);
        sources.push(pip::files(host)?);
        sources.insert(0, SettingsSource::own(index, host.folder, Author::User));
        // An empty list permits no host: a variable that is not set in CI must not lift the
        // restriction.
        let mut login_policy = LoginPolicy::new((host.variable)(LOGIN_HOSTS))?;
        for source in &sources {
            for given in source.all().filter(|given| given.by == Author::User) {
                if let IndexLocation::Web(url) = given.place()? {
                    login_policy.add(given.name.as_deref(), &url);
                }
            }
        }
        let path = netrc_path(host);
        let (unread, path) = path.map_or((None, None), |path| {
            if (host.is_projects)(&path) { (Some(path).filter(|path| path.exists()), None) } else { (None, Some(path)) }
        });
        Ok(Self { sources, login_policy, netrc: path.map(|path| netrc(&path)).transpose()?.flatten(), unread })
    }

    /// Returns whether the configuration names a URL's host. netrc has hosts without a scheme: they
    /// get logins over HTTPS only.
    pub fn names(&self, url: &Url) -> bool {
        let known = |netrc: &Netrc| url.host_str().is_some_and(|host| netrc.machine(host, None).is_some());
        self.login_policy.names(url) || is_private(url) && self.netrc.as_ref().is_some_and(known)
    }

    /// Returns the setting that names a URL's host but does not count, because its file is inside
    /// the project.
    pub fn distrusted(&self, url: &Url) -> Option<String> {
        let mut all = self.sources.iter().flat_map(SettingsSource::all).filter(|given| given.by == Author::Project);
        let given =
            all.find(|given| matches!(given.place(), Ok(IndexLocation::Web(named)) if same_origin(&named, url)));
        given.map(|given| given.what).or_else(|| Some(self.unread.as_ref()?.display().to_string()))
    }
}

fn netrc_path(host: &HostEnvironment<'_>) -> Option<PathBuf> {
    let named = host.get("NETRC").map(|path| host.folder.join(path));
    named.or_else(|| Some(host.home?.join(".netrc")))
}

/// Returns the logins of netrc, if the file exists.
fn netrc(path: &Path) -> Result<Option<Netrc>, OperationError> {
    let text = read_up_to(path, netrc::LIMIT)?;
    Ok(text.map(|text| Netrc::read(&text, &path.display().to_string())))
}
