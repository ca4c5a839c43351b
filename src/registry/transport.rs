//! Requests to a registry, with authorization and redirects.
//!
//! Source: distribution-spec `spec.md`. Authorization is only sent to the origin that it was issued
//! for. Answers that may differ in a moment become failures to retry.

use std::sync::Arc;

use reqwest::{Response, StatusCode, Url};

use super::auth::Authorizations;
use super::challenge::{Challenge, Scopes};
use super::error::{RepositoryAccess, explain};
use super::hosts::base;
use super::mirror_log::MirrorLog;
use crate::diagnostic::Code;
use crate::http::Auth;
use crate::http::client::{Client, Request, explanation};
use crate::http::failure::{Failure, Retry, failed};
use crate::http::hosts::{authority, same_origin};
use crate::http::retry::{self, Attempts, RetryPolicy};
use crate::network::{HTTPS_PORT, Host};
use crate::operation_error::OperationError;
use crate::progress::Progress;

/// The connection to all registries.
pub struct Transport {
    pub client: Client,
    pub authorizations: Authorizations,
    pub retry_policy: RetryPolicy,
    pub progress: Arc<dyn Progress>,
    pub mirror_log: MirrorLog,
}

/// An answer, and whether it was requested with the user's credentials.
pub struct Answer {
    pub response: Response,
    pub identified: bool,
}

impl Transport {
    /// Begins the tries of one operation on a repository.
    pub fn attempts(&self, access: &RepositoryAccess, what: String) -> Attempts {
        let settings = self.client.network().hosts.settings(&Host::new(&access.host, HTTPS_PORT));
        let retries = settings.retries.unwrap_or(self.retry_policy.retries);
        Attempts::new(RetryPolicy { retries, ..self.retry_policy }, Arc::clone(&self.progress), what)
    }

    /// Returns the URL of the API of a repository's registry.
    pub async fn base(&self, access: &RepositoryAccess) -> Result<Url, OperationError> {
        let odd = |cause: url::ParseError| {
            OperationError::new(Code::InvalidArgument, format!("`{}` is not the host of a registry", access.host))
                .because(&cause)
        };
        base(&self.client, &access.host).await.map_err(odd)
    }

    /// Sends a request with the required authorization, once.
    pub async fn send(&self, access: &RepositoryAccess, scopes: &Scopes, request: &Request) -> Result<Answer, Failure> {
        let base = self.base(access).await.map_err(Failure::lasting)?;
        if !same_origin(&base, &request.url) {
            let response = self.client.follow(request, &Auth::Anonymous).await?;
            return settle(access, response, false).await;
        }
        let authorization = self.authorizations.current(&self.client, access, scopes).await?;
        let response = self.client.follow(request, &authorization.auth).await?;
        if response.status() != StatusCode::UNAUTHORIZED || !same_origin(&base, response.url()) {
            return settle(access, response, authorization.identified).await;
        }
        let Some(challenge) = Challenge::of(response.headers()) else {
            return Ok(Answer { response, identified: authorization.identified });
        };
        explanation(response).await;
        let authorization = self.authorizations.renew(&self.client, access, scopes, challenge, &authorization).await?;
        let response = self.client.follow(request, &authorization.auth).await?;
        settle(access, response, authorization.identified).await
    }
}

impl Answer {
    /// Returns the answer's status.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Returns a header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name).and_then(|value| value.to_str().ok())
    }

    /// Builds the failure of an answer without success, in the operation called `what`.
    pub async fn failed(self, access: &RepositoryAccess, what: &str) -> Failure {
        let status = self.status();
        let why = explain(status, &explanation(self.response).await);
        let denied = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        let error =
            if denied { access.refused(&why, self.identified) } else { failed(format!("{what} failed: {why}")) };
        Failure::lasting(error)
    }

    /// Builds the same failure, but `NotFound` where the resource may be missing.
    pub async fn absent_or_failed(self, access: &RepositoryAccess, what: &str, absent: String) -> Failure {
        if self.status() == StatusCode::NOT_FOUND {
            return Failure::lasting(OperationError::new(Code::NotFound, absent));
        }
        self.failed(access, what).await
    }
}

/// Turns answers that may differ in a moment into failures.
async fn settle(access: &RepositoryAccess, response: Response, identified: bool) -> Result<Answer, Failure> {
    let status = response.status();
    let retry = retry::retry(status, response.headers());
    if retry == Retry::No {
        return Ok(Answer { response, identified });
    }
    let host = authority(response.url());
    let why = explain(status, &explanation(response).await);
    if status != StatusCode::TOO_MANY_REQUESTS {
        return Err(Failure { error: failed(format!("{host} fails on {}: {why}", access.repository)), retry });
    }
    let mut error = failed(format!("{host} limits requests to {}: {why}", access.repository));
    error.hint = (!identified).then(|| "logging in with docker login may raise the limit".to_owned());
    Err(Failure { error, retry })
}

#[cfg(test)]
mod tests;
