//! Requests to a registry with what it takes: authorization and redirects.
//!
//! Source: distribution-spec `spec.md`. Authorization stays with the origin that it
//! is for. Answers that may be others in a moment come out as failures to retry.

use std::sync::Arc;

use reqwest::{Response, StatusCode, Url};

use super::auth::Grants;
use super::challenge::{Challenge, Scopes};
use super::error::{Place, explain};
use super::hosts::base;
use crate::http::Auth;
use crate::http::failure::{Again, Failure, other};
use crate::http::hosts::{authority, same_origin};
use crate::http::retry::{self, Attempts, Patience};
use crate::http::wire::{Ask, Wire, explanation};
use crate::ports::{PortError, PortErrorKind};
use crate::progress::Progress;

/// The way to all registries.
pub struct Transport {
    pub wire: Wire,
    pub grants: Grants,
    pub patience: Patience,
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
        Attempts::new(self.patience, Arc::clone(&self.progress), what)
    }

    /// Where the API of a place is.
    pub fn base(&self, place: &Place) -> Result<Url, PortError> {
        let odd = |cause| other(format!("`{}` is no registry's host: {cause}", place.host));
        base(&self.wire.hosts, &place.host).map_err(odd)
    }

    /// Sends a request with the authorization that it takes, once.
    pub async fn send(&self, place: &Place, scopes: &Scopes, ask: &Ask) -> Result<Answer, Failure> {
        let base = self.base(place).map_err(Failure::lasting)?;
        if !same_origin(&base, &ask.url) {
            let response = self.wire.follow(ask, &Auth::Anonymous).await?;
            return settle(place, response, false).await;
        }
        let grant = self.grants.current(&self.wire, place, scopes).await?;
        let response = self.wire.follow(ask, &grant.auth).await?;
        if response.status() != StatusCode::UNAUTHORIZED || !same_origin(&base, response.url()) {
            return settle(place, response, grant.identified).await;
        }
        let Some(challenge) = Challenge::of(response.headers()) else {
            return Ok(Answer { response, identified: grant.identified });
        };
        explanation(response).await;
        let grant = self.grants.renew(&self.wire, place, scopes, challenge, &grant).await?;
        let response = self.wire.follow(ask, &grant.auth).await?;
        settle(place, response, grant.identified).await
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
    pub async fn failed(self, place: &Place, what: &str) -> Failure {
        let status = self.status();
        let why = explain(status, &explanation(self.response).await);
        let denied = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        let error = if denied { place.refused(&why, self.identified) } else { other(format!("{what} failed: {why}")) };
        Failure::lasting(error)
    }

    /// Like `failed`, for what may simply not be there.
    pub async fn absent_or_failed(self, place: &Place, what: &str, absent: String) -> Failure {
        if self.status() == StatusCode::NOT_FOUND {
            return Failure::lasting(PortError { kind: PortErrorKind::NotFound, message: absent, hint: None });
        }
        self.failed(place, what).await
    }
}

/// Turns answers that may be others in a moment into failures.
async fn settle(place: &Place, response: Response, identified: bool) -> Result<Answer, Failure> {
    let status = response.status();
    let again = retry::again(status, response.headers());
    if again == Again::No {
        return Ok(Answer { response, identified });
    }
    let host = authority(response.url());
    let why = explain(status, &explanation(response).await);
    if status != StatusCode::TOO_MANY_REQUESTS {
        return Err(Failure { error: other(format!("{host} fails on {}: {why}", place.repository)), again });
    }
    let mut error = other(format!("{host} limits requests to {}: {why}", place.repository));
    error.hint = (!identified).then(|| "logging in with docker login may raise the limit".to_owned());
    Err(Failure { error, again })
}

#[cfg(test)]
mod tests;
