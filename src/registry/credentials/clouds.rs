//! Credentials of cloud accounts, for the clouds' own registries alone.
//!
//! An account is found as the clouds' own libraries find it: variables of the environment, then the
//! metadata service of the machine. It is exchanged for a registry's credential by the cloud's
//! documented API, so that no credential helper is needed. The caller gives the environment and
//! the clock.

mod aws;
mod azure;
mod cloud_http;
mod environment;
mod google;
mod issued;
mod machine;
#[cfg(test)]
mod testing;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

pub use environment::{CloudEnvironment, Variable};

use super::credential::{Credential, FoundCredential};
use super::origin::CredentialOrigin;
use crate::diagnostic::Code;
use crate::http::client::Client;
use crate::http::failure::Failure;
use crate::operation_error::OperationError;
use cloud_http::CloudHttp;
use issued::Issued;

/// The time before a credential's end from which it is no longer used.
const SLACK: Duration = Duration::from_mins(1);

/// The accounts of clouds, by the environment.
#[derive(Clone)]
pub struct Clouds {
    environment: CloudEnvironment,
    /// The credentials so far, by registry. The lock is held while one is fetched.
    known: Arc<Mutex<HashMap<String, Option<Issued>>>>,
}

impl Clouds {
    /// Creates the lookup; asks nobody yet.
    pub fn new(environment: CloudEnvironment) -> Self {
        Self { environment, known: Arc::default() }
    }

    /// Returns the credential of this machine's account for a registry of its cloud, and whether
    /// it was issued just now.
    ///
    /// # Errors
    /// An account that is configured, but gets no credential.
    pub(super) async fn find(
        &self,
        client: &Client,
        host: &str,
        refused: Option<&Credential>,
    ) -> Result<Option<(FoundCredential, bool)>, Failure> {
        let host = host.to_ascii_lowercase();
        let mut known = self.known.lock().await;
        let is_current = |issued: &Issued| {
            refused != Some(&issued.credential) && issued.until.is_none_or(|until| Instant::now() < until)
        };
        if let Some(kept) = known.get(&host)
            && kept.as_ref().is_none_or(is_current)
        {
            return Ok(kept.as_ref().map(|issued| (found(issued), false)));
        }
        let issued = self.issue(client, &host).await?.map(|issued| {
            let end = issued.life.and_then(|life| Instant::now().checked_add(life.saturating_sub(SLACK.min(life / 4))));
            Issued { until: end, ..issued }
        });
        known.insert(host, issued.clone());
        Ok(issued.map(|issued| (found(&issued), true)))
    }

    async fn issue(&self, client: &Client, host: &str) -> Result<Option<Issued>, Failure> {
        let of_cloud = aws::EcrRegistry::of(host);
        if of_cloud.is_none() && !google::covers(host) && !azure::covers(host) {
            return Ok(None);
        }
        let http = CloudHttp::new(client).map_err(Failure::lasting)?;
        match of_cloud {
            Some(registry) => aws::issue(&self.environment, &http, &registry).await,
            None if google::covers(host) => google::issue(&self.environment, &http).await,
            None => azure::issue(&self.environment, &http, host).await,
        }
        .map_err(|failure| in_words(&failure, host))
    }
}

fn found(issued: &Issued) -> FoundCredential {
    let origin = Arc::new(CredentialOrigin::given(&issued.origin));
    FoundCredential { credential: issued.credential.clone(), origin }
}

fn in_words(failure: &Failure, host: &str) -> Failure {
    let message = format!("cannot get the credentials for {host}");
    let hint = failure.error.hint.clone();
    let error = OperationError::new(Code::AccessDenied, message).because(&failure.error);
    Failure { error: OperationError { hint, ..error }, retry: failure.retry }
}
