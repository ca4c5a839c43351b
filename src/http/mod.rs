//! HTTP as registries and indexes need it: one request and its answer, retries,
//! redirects, bodies that go on where they broke off. Knows no API and no account.
//!
//! Nothing is read from the environment here but what proxies and CA certificates are.

pub(crate) mod client;
pub(crate) mod failure;
pub(crate) mod hosts;
mod redirect;
pub(crate) mod resume;
pub(crate) mod retry;
mod stall_policy;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod upload;

pub use stall_policy::StallPolicy;

/// What a request says of who sends it.
pub(crate) use oci_distribution::secrets::RegistryAuth as Auth;
