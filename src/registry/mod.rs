//! Registries: the distribution specification's client behind `Source` and `Sink`.
//!
//! Source: distribution-spec `spec.md`; distribution's `token.md` and `oauth.md`.
//! The transport is carboy's own because it needs streamed pushes, resumed pulls, shared tokens and
//! retries. Errors are whole sentences.

mod auth;
mod blob_upload;
mod challenge;
mod challenge_syntax;
mod client;
pub mod credentials;
mod error;
#[cfg(test)]
mod faults;
mod hosts;
mod login_check;
mod manifest_push;
mod mirror_log;
mod pull;
mod pull_source;
mod push;
mod pushed_parts;
mod repository;
#[cfg(test)]
mod testing;
mod token_service;
mod transport;
mod upload_session;

pub use client::{Options, Registry};
pub use credentials::{
    AuthFile, CloudEnvironment, Clouds, Credential, CredentialOrigin, CredentialSource, CredentialStore, Credentials,
    FoundCredential, HELPER_LIMIT, Login, StoredIn, Variable,
};
pub use error::Intent;
pub use pull_source::PullSource;
pub use repository::Repository;
