//! A credential of the user.

use std::sync::Arc;

use super::origin::CredentialOrigin;

/// The user's credential at a registry. It has no `Debug`, because it must not be printed.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    Password {
        user: String,
        password: String,
    },
    /// An identity token, to be exchanged for access tokens.
    Identity(String),
    /// An access token, which the registry takes as it is.
    Token(String),
}

/// A credential and its origin.
#[derive(Clone)]
pub struct FoundCredential {
    pub credential: Credential,
    pub origin: Arc<CredentialOrigin>,
}
