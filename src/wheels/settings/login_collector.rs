//! The logins that settings have for indexes.

use super::host_environment::HostEnvironment;
use super::index_url::IndexLocation;
use super::login_policy::variable_part;
use super::settings_source::SettingsSource;
use crate::operation_error::OperationError;
use crate::plan::Author;
use crate::wheels::credentials::Credentials;
use crate::wheels::login::{Login, login_of};

/// Collects logins from settings and the environment.
pub struct LoginCollector<'a> {
    pub host: &'a HostEnvironment<'a>,
    pub credentials: Credentials,
}

impl LoginCollector<'_> {
    /// Adds the logins for a source's indexes and links.
    pub fn learn(&mut self, source: &SettingsSource) -> Result<(), OperationError> {
        for given in source.all() {
            let IndexLocation::Web(url) = given.place()? else { continue };
            let login_policy = self.credentials.login_policy();
            let permits = |name: &&str| match given.by {
                Author::User => login_policy.permits(&url),
                Author::Project => login_policy.permits_named(name, &url),
            };
            let named = given.name.as_deref().filter(permits).and_then(|name| self.named(name));
            if let Some(login) = named.or_else(|| login_of(&url, &given.what)) {
                self.credentials.add(&url, login);
            }
        }
        Ok(())
    }

    /// Returns the login of the environment for an index's name.
    pub fn named(&self, name: &str) -> Option<Login> {
        let part = variable_part(name);
        ["UV_INDEX", "POETRY_HTTP_BASIC"].iter().find_map(|prefix| {
            let variable = format!("{prefix}_{part}_USERNAME");
            let user = self.host.get(&variable);
            let password = self.host.get(&format!("{prefix}_{part}_PASSWORD"));
            if user.is_none() && password.is_none() {
                return None;
            }
            Some(Login { user: user.unwrap_or_default(), password: password.unwrap_or_default(), source: variable })
        })
    }
}
