//! A login that a flag or a variable gives for one registry.

use std::sync::Arc;

use super::credential::{Credential, FoundCredential};
use super::origin::CredentialOrigin;
use crate::network::canonical_registry;
use crate::registry::error::{Intent, RepositoryAccess};

/// User and password for one registry.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// Host and port: `ghcr.io`, `127.0.0.1:5000`.
    pub registry: String,
    pub user: String,
    pub password: String,
    /// The flag or variable with the password.
    pub name: String,
    /// Pulls only, or pushes only.
    pub intent: Option<Intent>,
}

impl Login {
    /// Returns the credential, if it is for this access.
    pub(super) fn find(&self, access: &RepositoryAccess) -> Option<FoundCredential> {
        let same = canonical_registry(&self.registry).eq_ignore_ascii_case(canonical_registry(&access.host));
        let applies = same && self.intent.is_none_or(|intent| intent == access.intent);
        applies.then(|| FoundCredential {
            credential: Credential::Password { user: self.user.clone(), password: self.password.clone() },
            origin: Arc::new(CredentialOrigin::given(&self.name)),
        })
    }
}
