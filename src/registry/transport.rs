//! Requests to a registry, with authorization and redirects.
//!
//! Source: distribution-spec `spec.md`. Authorization is only sent to the origin that it was issued
//! for. Answers that may differ in a moment become failures to retry.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use reqwest::{Response, StatusCode, Url};

use super::auth::{Authorization, Authorizations};
use super::challenge::{Challenge, Scopes, Unanswerable};
use super::credentials::CredentialOrigin;
use super::error::{self, RepositoryAccess, explain};
use super::hosts::base;
use super::mirror_log::MirrorLog;
use crate::diagnostic::Code;
use crate::http::Auth;
use crate::http::client::{Client, Request, explanation};
use crate::http::failure::{Failure, Retry, failed};
use crate::http::hosts::{authority, same_origin};
use crate::http::retry::{self, Attempts, RetryPolicy};
use crate::network::{HTTPS_PORT, Host};
use crate::oci::Digest;
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

/// An answer, and the origin of the user's credentials if it was requested with them.
pub struct Answer {
    pub response: Response,
    pub origin: Option<Arc<CredentialOrigin>>,
    /// The body of an error answer.
    explanation: Bytes,
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
            return settle(access, response, None).await;
        }
        let mut used = self.authorizations.current(&self.client, access, scopes).await?;
        let mut renewals = 0;
        let response = loop {
            let mut response = self.client.follow(request, &used.auth).await?;
            if !same_origin(&base, response.url()) || !is_challenge(&response, renewals) {
                break response;
            }
            let challenge = match Challenge::of(response.headers(), response.url()) {
                Err(odd @ Unanswerable::Silent) => {
                    self.authorizations.challenge(access, scopes, &used).await.ok_or(odd)
                }
                found => found,
            };
            let why = explain(response.status(), &explanation(&mut response).await);
            drop(response);
            let origin = used.origin();
            let challenge =
                challenge.map_err(|odd| Failure::lasting(unanswerable(access, &odd, &why, origin.as_deref())))?;
            used = self.authorizations.renew(&self.client, access, scopes, challenge, &used).await?;
            renewals += 1;
        };
        let at_registry = same_origin(&base, response.url());
        if at_registry
            && is_denied(response.status())
            && let Some(response) = self.send_without_credentials(access, scopes, request, &used).await
        {
            return settle(access, response, None).await;
        }
        let refused = at_registry && response.status() == StatusCode::UNAUTHORIZED;
        if !refused {
            self.authorizations.accepted(access, scopes, &used);
        }
        let wants_more = Challenge::wants_more_scope(response.headers());
        let answer = settle(access, response, used.origin()).await?;
        if refused && renewals > 0 && !wants_more && self.authorizations.were_accepted(access, scopes) {
            // Access was granted before: the registry has forgotten the token again.
            return Err(Failure::passing(answer.failed(access, "").error));
        }
        Ok(answer)
    }

    /// Sends a request whose credentials the registry refused without them; none if the answer is
    /// another refusal.
    async fn send_without_credentials(
        &self,
        access: &RepositoryAccess,
        scopes: &Scopes,
        request: &Request,
        used: &Authorization,
    ) -> Option<Response> {
        let granted = self.authorizations.without_credentials(&self.client, access, scopes, used).await?;
        let response = self.client.follow(request, &granted.authorization.auth).await.ok()?;
        if is_denied(response.status()) {
            return None;
        }
        self.authorizations.keep(access, scopes, granted, used).await;
        Some(response)
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

    /// Returns the registry's message, or the status.
    pub fn words(&self) -> String {
        explain(self.status(), &self.explanation)
    }

    /// Returns whether the registry names one of these error codes.
    pub fn has_code(&self, codes: &[&str]) -> bool {
        error::codes(&self.explanation).iter().any(|code| codes.contains(&code.as_str()))
    }

    /// Returns the digests that the registry's errors are about.
    pub fn digests(&self) -> BTreeSet<Digest> {
        error::digests(&self.explanation)
    }

    /// Builds the failure of an answer without success, in the operation called `what`.
    pub fn failed(&self, access: &RepositoryAccess, what: &str) -> Failure {
        let why = self.words();
        let error = if is_denied(self.status()) {
            access.refused(&why, self.origin.as_deref())
        } else {
            failed(format!("{what} failed: {why}"))
        };
        Failure::lasting(error)
    }

    /// Builds the same failure, but `NotFound` where the resource may be missing.
    pub fn absent_or_failed(&self, access: &RepositoryAccess, what: &str, absent: String) -> Failure {
        if self.status() == StatusCode::NOT_FOUND {
            return Failure::lasting(OperationError::new(Code::NotFound, absent));
        }
        self.failed(access, what)
    }
}

fn is_denied(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// Returns whether an answer asks for authorization that carboy has not tried. A token is renewed once,
/// and once more to have the rights that it lacks (RFC 6750, 3.1).
fn is_challenge(response: &Response, renewals: usize) -> bool {
    let wants_more = Challenge::wants_more_scope(response.headers());
    match response.status() {
        StatusCode::UNAUTHORIZED => renewals == 0 || renewals == 1 && wants_more,
        StatusCode::FORBIDDEN => renewals <= 1 && wants_more,
        _ => false,
    }
}

/// Builds the error of a challenge that cannot be answered.
fn unanswerable(
    access: &RepositoryAccess,
    odd: &Unanswerable,
    why: &str,
    origin: Option<&CredentialOrigin>,
) -> OperationError {
    match odd {
        Unanswerable::Silent => access.refused(why, origin),
        Unanswerable::Realm | Unanswerable::Schemes(_) => access.refused(&format!("{why}; {odd}"), origin).with_hint(
            "carboy supports Basic authentication and bearer tokens; is the registry set up for one of them?",
        ),
    }
}

/// Turns answers that may differ in a moment into failures.
async fn settle(
    access: &RepositoryAccess,
    mut response: Response,
    origin: Option<Arc<CredentialOrigin>>,
) -> Result<Answer, Failure> {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let explanation = if is_error { explanation(&mut response).await } else { Bytes::new() };
    let retry = retry::retry(status, response.headers());
    let is_limit = status == StatusCode::TOO_MANY_REQUESTS
        || matches!(status, StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN)
            && (retry != Retry::No || error::limits_requests(&explanation));
    if retry == Retry::No && !is_limit {
        return Ok(Answer { response, origin, explanation });
    }
    let host = authority(response.url());
    let why = explain(status, &explanation);
    if !is_limit {
        return Err(Failure { error: failed(format!("{host} fails on {}: {why}", access.repository)), retry });
    }
    let mut error = failed(format!("{host} limits requests to {}: {why}", access.repository));
    error.hint = origin.is_none().then(|| format!("logging in may raise the limit: {}", access.login()));
    Err(Failure { error, retry: retry::limited(response.headers()) })
}

#[cfg(test)]
mod tests;
