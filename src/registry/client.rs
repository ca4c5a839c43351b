//! The client for all registries of a run.

use std::sync::Arc;
use std::time::Duration;

use super::auth::Authorizations;
use super::credentials::Credentials;
use super::mirror_log::MirrorLog;
use super::pull_source::PullSource;
use super::repository::Repository;
use super::transport::Transport;
use crate::diagnostic::Code;
use crate::http::StallPolicy;
use crate::http::client::Client;
use crate::http::retry::RetryPolicy;
use crate::network::Network;
use crate::oci::location::RegistryName;
use crate::operation_error::OperationError;
use crate::progress::Progress;

/// The options of the client for registries.
pub struct Options {
    /// Mirrors, proxies, certificates, and the limits of connections.
    pub network: Arc<Network>,
    pub credentials: Credentials,
    pub user_agent: String,
    /// The number of retries of a request, unless the network's settings have one.
    pub retries: usize,
    /// The pause before the first retry; each further one is twice as long.
    pub delay: Duration,
    /// The slowest connection that is accepted.
    pub stall_policy: StallPolicy,
}

/// All registries, with one pool of connections and one set of tokens.
pub struct Registry {
    pub(super) transport: Arc<Transport>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            network: Arc::default(),
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
    pub fn new(options: Options, progress: Arc<dyn Progress>) -> Self {
        let client = Client::new(options.network, &options.user_agent).with_stall_policy(options.stall_policy);
        let authorizations = Authorizations::new(options.credentials, Arc::clone(&progress));
        let retry_policy = RetryPolicy { retries: options.retries, base: options.delay };
        let mirror_log = MirrorLog::new(Arc::clone(&progress));
        Self { transport: Arc::new(Transport { client, authorizations, retry_policy, progress, mirror_log }) }
    }

    /// Returns a repository to push to; its tag and digest are not used.
    ///
    /// # Errors
    /// The machine's settings block the registry.
    pub fn repository(&self, name: &RegistryName) -> Result<Arc<Repository>, OperationError> {
        refuse_blocked(&self.transport, name)?;
        Ok(Arc::new(Repository::new(Arc::clone(&self.transport), name.clone())))
    }

    /// Returns a repository to pull from, with its mirrors; its tag and digest are not used.
    ///
    /// # Errors
    /// The machine's settings block the registry, or name a mirror that cannot have the repository.
    pub fn source(&self, name: &RegistryName) -> Result<Arc<PullSource>, OperationError> {
        refuse_blocked(&self.transport, name)?;
        PullSource::new(&self.transport, name).map(Arc::new)
    }
}

fn refuse_blocked(transport: &Transport, name: &RegistryName) -> Result<(), OperationError> {
    let rule = transport.client.network().mirrors.of(name).filter(|rule| rule.blocked);
    rule.map_or(Ok(()), |rule| {
        let error = OperationError::new(Code::AccessDenied, format!("{} is blocked on this machine", name.bare()));
        Err(error.with_hint(format!("the setting is {}", rule.source)))
    })
}
