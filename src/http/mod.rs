//! HTTP for registries and indexes: one request and its answer, retries, redirects, resumed bodies.
//! Independent of any API or account.
//!
//! The caller gives the proxies. Of the environment only `SSL_CERT_FILE` and `SSL_CERT_DIR` are
//! read, with the system's certificates.

mod byte_flow;
mod certificates;
pub(crate) mod client;
mod connections;
pub(crate) mod failure;
pub(crate) mod hosts;
mod redirect;
pub(crate) mod resume;
pub(crate) mod retry;
mod scheme;
mod schemes;
mod stall_policy;
#[cfg(test)]
pub(crate) mod testing;
pub(crate) mod upload;

pub use stall_policy::StallPolicy;

/// The authorization of a request.
pub(crate) use oci_distribution::secrets::RegistryAuth as Auth;
