//! A credential that a cloud issued.

use std::time::Duration;

use tokio::time::Instant;

use crate::registry::credentials::credential::Credential;

/// A credential that a cloud issued.
#[derive(Clone)]
pub struct Issued {
    pub credential: Credential,
    /// The account, in the words of its variable.
    pub origin: String,
    /// The time until its end, from now.
    pub life: Option<Duration>,
    /// The time from which it is no longer used.
    pub until: Option<Instant>,
}

impl Issued {
    /// Returns a password of an account.
    pub fn password(user: &str, password: String, origin: String, life: Option<Duration>) -> Self {
        let credential = Credential::Password { user: user.to_owned(), password };
        Self { credential, origin, life, until: None }
    }
}
