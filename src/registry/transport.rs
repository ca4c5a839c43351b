//! Requests to a registry with what it takes: authorization and redirects.
//!
//! Source: distribution-spec `spec.md`. Authorization stays with the origin that it
//! is for. Answers that may be others in a moment come out as failures to retry.

use std::sync::Arc;

use reqwest::{Response, StatusCode, Url};

use super::auth::Authorizations;
use super::challenge::{Challenge, Scopes};
use super::error::{RepositoryAccess, explain};
use super::hosts::base;
use crate::http::Auth;
use crate::http::client::{Client, Request, explanation};
use crate::http::failure::{Failure, Retry, other};
use crate::http::hosts::{authority, same_origin};
use crate::http::retry::{self, Attempts, RetryPolicy};
use crate::operation_error::{OperationError, OperationErrorKind};
use crate::progress::Progress;

/// The way to all registries.
pub struct Transport {
    pub client: Client,
    pub authorizations: Authorizations,
    pub retry_policy: RetryPolicy,
    pub progress: Arc<dyn Progress>,
}

/// An answer, and who the registry took the user for.
pub struct Answer {
    pub response: Response,
    pub identified: bool,
}

impl Transport {
    /// The tries of one piece of work.
    pub fn attempts(&self, what: String) -> Attempts {
        Attempts::new(self.retry_policy, Arc::clone(&self.progress), what)
    }

    /// Where the API of a place is.
    pub fn base(&self, access: &RepositoryAccess) -> Result<Url, OperationError> {
        let odd = |cause| other(format!("`{}` is no registry's host: {cause}", access.host));
        base(&self.client.hosts, &access.host).map_err(odd)
    }

    /// Sends a request with the authorization that it takes, once.
    pub async fn send(&self, access: &RepositoryAccess, scopes: &Scopes, request: &Request) -> Result<Answer, Failure> {
        let base = self.base(access).map_err(Failure::lasting)?;
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
    /// The answer's status.
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name).and_then(|value| value.to_str().ok())
    }

    /// What an answer of no success means for the work called `what`.
    pub async fn failed(self, access: &RepositoryAccess, what: &str) -> Failure {
        let status = self.status();
        let why = explain(status, &explanation(self.response).await);
        let denied = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        let error = if denied { access.refused(&why, self.identified) } else { other(format!("{what} failed: {why}")) };
        Failure::lasting(error)
    }

    /// Like `failed`, for what may simply not be there.
    pub async fn absent_or_failed(self, access: &RepositoryAccess, what: &str, absent: String) -> Failure {
        if self.status() == StatusCode::NOT_FOUND {
            return Failure::lasting(OperationError {
                kind: OperationErrorKind::NotFound,
                message: absent,
                hint: None,
            });
        }
        self.failed(access, what).await
    }
}

/// Turns answers that may be others in a moment into failures.
async fn settle(access: &RepositoryAccess, response: Response, identified: bool) -> Result<Answer, Failure> {
    let status = response.status();
    let retry = retry::retry(status, response.headers());
    if retry == Retry::No {
        return Ok(Answer { response, identified });
    }
    let host = authority(response.url());
    let why = explain(status, &explanation(response).await);
    if status != StatusCode::TOO_MANY_REQUESTS {
        return Err(Failure { error: other(format!("{host} fails on {}: {why}", access.repository)), retry });
    }
    let mut error = other(format!("{host} limits requests to {}: {why}", access.repository));
    error.hint = (!identified).then(|| "logging in with docker login may raise the limit".to_owned());
    Err(Failure { error, retry })
}

#[cfg(test)]
mod tests;
