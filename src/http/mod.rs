//! HTTP for registries and indexes: one request and its answer, retries, redirects, resumed bodies.
//! Independent of any API or account.
//!
//! Of the environment only the proxy and CA certificate variables are read.

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

/// The authorization of a request.
pub(crate) use oci_distribution::secrets::RegistryAuth as Auth;
