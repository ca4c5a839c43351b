//! Resolves the settings of pip, uv, poetry and carboy to one [`WheelSources`].

use std::path::{Path, PathBuf};

use super::host_environment::HostEnvironment;
use super::host_settings::HostSettings;
use super::index_url::IndexLocation;
use super::login_collector::LoginCollector;
use super::project_sources::ProjectSources;
use super::settings_source::SettingsSource;
use super::{pip, project};
use crate::diagnostic::{Code, Diagnostic};
use crate::operation_error::OperationError;
use crate::plan::Author;
use crate::wheels::credentials::Credentials;
use crate::wheels::sources::{FindLinks, NoNetwork, WheelSources};

/// Returns the sources of wheels that all settings together name.
///
/// # Errors
/// A file cannot be read or parsed; a URL is invalid. No error shows a URL, because it may contain
/// a password.
pub fn settings(own: &ProjectSources, host: &HostEnvironment<'_>) -> Result<WheelSources, OperationError> {
    let (wheelhouses, wheelhouses_by) = (own.wheelhouses.clone(), own.wheelhouses_by);
    let mut settings = WheelSources { wheelhouses, wheelhouses_by, ..WheelSources::default() };
    settings.certificates = pip::certificates(host);
    settings.no_network = own.is_index_off().then_some(NoNetwork::IndexOff);
    let HostSettings { mut sources, login_policy, netrc, unread } =
        HostSettings::read(own.index_by(Author::User), host)?;
    settings.warnings.extend(unread.map(|path| {
        let text = format!("`{}` is not read because it is inside the project", path.display());
        let warning = Diagnostic::warning(Code::UntrustedSetting, text).file(path.display());
        warning.hint(
            "a login in it would be sent to the hosts that the project names: move it out of the project".to_owned(),
        )
    }));
    let mut logins = LoginCollector { host, credentials: Credentials::new(login_policy, netrc) };
    for source in &sources {
        logins.learn(source)?;
    }

    let configured = own.index_by(Author::Project);
    let configured = SettingsSource::own(configured, host.projects.first().unwrap_or(&host.folder), Author::Project);
    logins.learn(&configured)?;
    sources.insert(0, configured);
    if let Some(source) = sources.iter().find(|source| !source.links.is_empty()) {
        settings.find_links = source.links(host)?;
    }
    for source in &sources {
        if source.no_index == Some(true) {
            settings.indexes.clear();
            settings.no_index = true;
            break;
        }
        source.add_indexes(host, &mut settings.indexes, &mut settings.find_links)?;
        if source.index.is_some() {
            settings.pypi = false;
            break;
        }
    }

    let machines = machines_folders(&sources)?;
    for folder in host.projects {
        let project = project::read(folder, host)?;
        logins.learn(&project)?;
        project.add_indexes(host, &mut settings.project_indexes, &mut settings.find_links)?;
        settings.find_links.extend(project.links(host)?);
        settings.pypi &= project.index.is_none();
    }
    let lock = own.lock();
    logins.learn(&lock)?;
    lock.add_indexes(host, &mut settings.lock_indexes, &mut settings.lock_links)?;
    settings.lock_links.extend(lock.links(host)?);
    settings.pypi &= lock.index.is_none();
    settings.no_index |= own.sources.no_index;
    let folders = settings.find_links.iter().chain(&settings.lock_links).filter_map(FindLinks::folder);
    let projects = folders.filter(|folder| !machines.iter().any(|known| known == folder));
    settings.projects_links = projects.map(Path::to_owned).collect();
    settings.folder.clone_from(&own.folder);
    settings.credentials = logins.credentials;
    Ok(settings)
}

/// Returns the directories that the user's own settings name.
fn machines_folders(sources: &[SettingsSource]) -> Result<Vec<PathBuf>, OperationError> {
    let mut folders = Vec::new();
    for source in sources {
        for given in source.all().filter(|given| given.by == Author::User) {
            if let IndexLocation::Folder(named) = given.place()? {
                folders.push(source.folder.join(named));
            }
        }
    }
    Ok(folders)
}
