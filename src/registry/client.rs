//! The client for all registries of a run.

use std::sync::Arc;
use std::time::Duration;

use super::auth::Authorizations;
use super::credentials::Credentials;
use super::repository::Repository;
use super::transport::Transport;
use crate::http::StallPolicy;
use crate::http::client::Client;
use crate::http::hosts::PlainHttpHosts;
use crate::http::retry::RetryPolicy;
use crate::oci::location::RegistryName;
use crate::operation_error::OperationError;
use crate::progress::Progress;

/// The options of the client for registries.
pub struct Options {
    /// Hosts, with or without a port, that may speak plain HTTP. Loopback hosts always may.
    pub insecure: Vec<String>,
    pub credentials: Credentials,
    pub user_agent: String,
    /// The number of retries of a request.
    pub retries: usize,
    /// The pause before the first retry; each further one is twice as long.
    pub delay: Duration,
    /// The slowest connection that is accepted.
    pub stall_policy: StallPolicy,
}

/// All registries, with one pool of connections and one set of tokens.
pub struct Registry {
    transport: Arc<Transport>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            insecure: Vec::new(),
            credentials: Credentials::default(),
            user_agent: concat!("carboy/", env!("CARGO_PKG_VERSION")).to_owned(),
            retries: 4,
            delay: Duration::from_millis(500),
            stall_policy: StallPolicy::default(),
        }
    }
}

impl Registry {
    /// Creates a client; it connects to no registry yet.
    ///
    /// # Errors
    /// HTTP cannot be set up: a user agent that is not a valid header.
    pub fn new(options: Options, progress: Arc<dyn Progress>) -> Result<Self, OperationError> {
        let client = Client::new(PlainHttpHosts::new(options.insecure), &options.user_agent)?
            .with_stall_policy(options.stall_policy);
        let authorizations = Authorizations::new(options.credentials);
        let retry_policy = RetryPolicy { retries: options.retries, base: options.delay };
        Ok(Self { transport: Arc::new(Transport { client, authorizations, retry_policy, progress }) })
    }

    /// Returns a repository; its tag and digest are not used.
    #[must_use]
    pub fn repository(&self, name: &RegistryName) -> Arc<Repository> {
        Arc::new(Repository::new(Arc::clone(&self.transport), name.clone()))
    }
}
