//! Credentials for registries, and their order: one lookup for pulls and pushes.
//!
//! The caller names the sources, in order: logins that flags and variables give, docker's and
//! podman's files with the helpers that they name, accounts of clouds. The first source with a
//! credential wins; a source that fails does not hide the ones after it.

mod auth_file;
mod clouds;
mod credential;
mod helper;
mod key;
mod login;
mod origin;
mod store;

use std::collections::HashMap;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use tokio::sync::Mutex;

pub use auth_file::AuthFile;
use auth_file::{Candidate, decode};
pub use clouds::{CloudEnvironment, Clouds, Variable};
pub use credential::{Credential, FoundCredential};
use helper::{Helper, HelperError};
pub use login::Login;
pub use origin::CredentialOrigin;
pub use store::{CredentialStore, StoredIn};

use super::error::RepositoryAccess;
use crate::diagnostic::Code;
use crate::http::client::Client;
use crate::http::failure::Failure;
use crate::operation_error::OperationError;

/// The time that a helper has for its answer, unless the caller sets another.
pub const HELPER_LIMIT: Duration = Duration::from_secs(15);

/// A source of credentials.
#[derive(Clone)]
pub enum CredentialSource {
    Login(Login),
    File(AuthFile),
    Clouds(Clouds),
}

/// Credentials, looked up when a registry asks for them.
pub struct Credentials {
    sources: Vec<CredentialSource>,
    helper_limit: Duration,
    /// The answers of helpers: each runs once, even for many requests at a time.
    answers: StdMutex<HashMap<Helper, Arc<Mutex<Option<HelperAnswer>>>>>,
}

type HelperAnswer = Result<Option<Credential>, HelperError>;

/// The result of a lookup.
#[derive(Default)]
pub struct Lookup {
    pub found: Option<FoundCredential>,
    /// The credential was read just now, not kept from an earlier lookup.
    pub is_fresh: bool,
    /// The failures of sources that come before the credential.
    pub failures: Vec<Failure>,
}

impl Default for Credentials {
    /// Returns no credentials: every access is anonymous.
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Credentials {
    /// Creates a lookup in the given order.
    pub fn new(sources: Vec<CredentialSource>) -> Self {
        Self { sources, helper_limit: HELPER_LIMIT, answers: StdMutex::default() }
    }

    /// Replaces the time that a helper has for its answer.
    #[must_use]
    pub fn with_helper_limit(self, helper_limit: Duration) -> Self {
        Self { helper_limit, ..self }
    }

    /// Looks up the credential for an access. A helper whose answer was `refused` is asked again,
    /// because credentials expire.
    pub async fn find(&self, client: &Client, access: &RepositoryAccess, refused: Option<&Credential>) -> Lookup {
        let mut lookup = Lookup::default();
        for source in &self.sources {
            match source {
                CredentialSource::Login(login) => {
                    lookup.found = login.find(access);
                    lookup.is_fresh = true;
                }
                CredentialSource::File(file) => self.find_in(file, access, refused, &mut lookup).await,
                CredentialSource::Clouds(clouds) => match clouds.find(client, &access.host, refused).await {
                    Ok(Some((found, is_fresh))) => (lookup.found, lookup.is_fresh) = (Some(found), is_fresh),
                    Ok(None) => {}
                    Err(failure) => lookup.failures.push(failure),
                },
            }
            if lookup.found.is_some() {
                break;
            }
        }
        lookup
    }

    async fn find_in(
        &self,
        file: &AuthFile,
        access: &RepositoryAccess,
        refused: Option<&Credential>,
        lookup: &mut Lookup,
    ) {
        let config = match file.read() {
            Ok(Some(config)) => config,
            Ok(None) => return,
            Err(failure) => return lookup.failures.push(Failure::lasting(failure)),
        };
        for candidate in config.candidates(&access.host, &access.repository) {
            let (result, origin) = match candidate {
                Candidate::Helper(helper) => {
                    let origin = format!("docker-credential-{}, which {} names", helper.name, file.name());
                    let (answer, is_fresh) = self.answer(&helper, refused).await;
                    lookup.is_fresh = is_fresh;
                    (answer.map_err(|cause| helper_error(&cause, &access.host, file)), origin)
                }
                Candidate::Stored { key, entry } => {
                    lookup.is_fresh = true;
                    let failed = |cause| entry_error(cause, key, &access.host, file);
                    (decode(entry).map_err(failed), file.name())
                }
            };
            match result {
                Ok(None) => {}
                Ok(Some(credential)) => {
                    let origin = Arc::new(CredentialOrigin::stored(origin));
                    lookup.found = Some(FoundCredential { credential, origin });
                    return;
                }
                Err(failure) => lookup.failures.push(Failure::lasting(failure)),
            }
        }
    }

    /// Returns a helper's answer, and whether it was asked just now.
    async fn answer(&self, helper: &Helper, refused: Option<&Credential>) -> (HelperAnswer, bool) {
        let slot = {
            let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(answers.entry(helper.clone()).or_default())
        };
        let mut slot = slot.lock().await;
        match &*slot {
            Some(known) if refused.is_none() || known.as_ref().ok().and_then(Option::as_ref) != refused => {
                return (known.clone(), false);
            }
            _ => {}
        }
        let (asked, limit) = (helper.clone(), self.helper_limit);
        let answer = tokio::task::spawn_blocking(move || asked.get(limit))
            .await
            .unwrap_or_else(|cause| Err(HelperError::Start { name: helper.name.clone(), cause: cause.to_string() }));
        *slot = Some(answer.clone());
        (answer, true)
    }
}

fn helper_error(cause: &HelperError, registry: &str, file: &AuthFile) -> OperationError {
    let message = format!("cannot get the credentials for {registry}");
    let file = file.name();
    let hint = match cause {
        HelperError::Missing(name) => {
            format!("{file} names the helper: install docker-credential-{name}, or add its directory to PATH")
        }
        HelperError::Name(_) => format!("{file} names the helper: write its name without `docker-credential-`"),
        _ => format!("{file} names the helper; is it set up?"),
    };
    OperationError::new(Code::AccessDenied, message).because(cause).with_hint(hint)
}

fn entry_error(cause: auth_file::EntryError, key: &str, registry: &str, file: &AuthFile) -> OperationError {
    OperationError::new(Code::AccessDenied, format!("cannot use the entry `{key}` of {}", file.name()))
        .because(&cause)
        .with_hint(format!("log in again with: carboy login {registry}"))
}

#[cfg(test)]
mod tests;
