//! The origin of a credential, for messages that must not show the credential itself.

use std::fmt;

/// The place that a credential comes from.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct CredentialOrigin {
    name: String,
    /// A login replaces the credential.
    is_stored: bool,
}

impl CredentialOrigin {
    /// Returns a file or a helper, which a login writes to.
    pub fn stored(name: impl Into<String>) -> Self {
        Self { name: name.into(), is_stored: true }
    }

    /// Returns a flag, a variable or a cloud's account.
    pub fn given(name: impl Into<String>) -> Self {
        Self { name: name.into(), is_stored: false }
    }

    /// Returns whether a login replaces the credential.
    pub fn is_stored(&self) -> bool {
        self.is_stored
    }
}

impl fmt::Display for CredentialOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}
