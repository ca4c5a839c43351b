//! Tokens from the service that a bearer challenge names.
//!
//! Source: distribution's `token.md` and `oauth.md`.

use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Response, StatusCode, Url};
use serde::Deserialize;
use tokio::time::Instant;
use url::form_urlencoded;

use super::challenge::Scopes;
use super::credentials::{Credential, FoundCredential};
use super::error::{RepositoryAccess, explain};
use crate::diagnostic::Code;
use crate::http::client::{Client, Payload, Request, explanation, whole};
use crate::http::failure::{Failure, failed};
use crate::http::hosts::authority;
use crate::http::{Auth, retry};
use crate::operation_error::OperationError;

/// The lifetime of a token, in seconds, when its service names none (`token.md`).
const LIFE: u64 = 60;
/// The time before a token's end from which it is no longer used.
const SLACK: Duration = Duration::from_secs(10);
/// The largest answer of a token service, in bytes.
const ANSWER: u64 = 1 << 20;
/// The client id that carboy sends to a token service.
const CLIENT_ID: &str = "carboy";

/// A token service, asked on behalf of a registry.
pub struct TokenService<'a> {
    pub client: &'a Client,
    pub access: &'a RepositoryAccess,
    pub realm: &'a Url,
    /// The `service` of the challenge.
    pub name: Option<&'a str>,
}

/// A token, and the time from which it is no longer used; `None` for one that outlives the run.
pub struct Token {
    pub text: String,
    pub until: Option<Instant>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl TokenService<'_> {
    /// Requests a token for the scopes, with the user's credential if there is one.
    ///
    /// # Errors
    /// A credential that would travel over plain HTTP; a refusal; an answer without a token.
    pub async fn token(&self, scopes: &Scopes, found: Option<&FoundCredential>) -> Result<Token, Failure> {
        let credential = found.map(|found| &found.credential);
        let host = authority(self.realm);
        if credential.is_some() && !self.client.permits(self.realm) {
            let mut error = OperationError::new(
                Code::AccessDenied,
                format!("{} wants the credentials sent to {host} over plain HTTP, which is refused", self.access.host),
            );
            error.hint = Some(format!("to allow it, pass --insecure {host}"));
            return Err(Failure::lasting(error));
        }
        let (request, auth) = match credential {
            Some(Credential::Identity(refresh)) => (exchange(self.realm, self.name, scopes, refresh), Auth::Anonymous),
            Some(Credential::Password { user, password }) => {
                (query(self.realm, self.name, scopes), Auth::Basic(user.clone(), password.clone()))
            }
            // An access token is not for the service, but for the registry itself.
            Some(Credential::Token(_)) | None => (query(self.realm, self.name, scopes), Auth::Anonymous),
        };
        let response = self.client.exchange(&request, &request.url, &auth).await?;
        if !response.status().is_success() {
            return Err(self.refusal(response, &host, found).await);
        }
        let unusable =
            || Failure::lasting(failed(format!("{host} answers without a token for {}", self.access.name())));
        let body = whole(response, ANSWER).await?.ok_or_else(unusable)?;
        let answer: TokenAnswer = serde_json::from_slice(&body).map_err(|_| unusable())?;
        let filled = |token: &String| !token.is_empty();
        let text = answer.token.filter(filled).or(answer.access_token.filter(filled)).ok_or_else(unusable)?;
        let life = Duration::from_secs(answer.expires_in.unwrap_or(LIFE));
        // A time too far to represent is as good as never.
        let until = Instant::now().checked_add(life.saturating_sub(SLACK.min(life / 4)));
        Ok(Token { text, until })
    }

    /// Reads the failure out of an answer without success.
    async fn refusal(&self, response: Response, host: &str, found: Option<&FoundCredential>) -> Failure {
        let (status, retry) = (response.status(), retry::retry(response.status(), response.headers()));
        let why = explain(status, &explanation(response).await);
        let denied = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST);
        let error = if denied {
            self.access.refused(&why, found.map(|found| &*found.origin))
        } else {
            failed(format!("no token for {} from {host}: {why}", self.access.name()))
        };
        Failure { error, retry }
    }
}

fn query(realm: &Url, service: Option<&str>, scopes: &Scopes) -> Request {
    let mut url = realm.clone();
    {
        let mut pairs = url.query_pairs_mut();
        pairs.extend_pairs(service.map(|service| ("service", service)));
        pairs.extend_pairs(scopes.each().map(|scope| ("scope", scope)));
    }
    accepting_json(Request::new(Method::GET, url))
}

fn exchange(realm: &Url, service: Option<&str>, scopes: &Scopes, refresh: &str) -> Request {
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("grant_type", "refresh_token")
        .extend_pairs(service.map(|service| ("service", service)))
        .append_pair("client_id", CLIENT_ID)
        .append_pair("scope", &scopes.to_string())
        .append_pair("refresh_token", refresh)
        .finish();
    let mut request = accepting_json(Request::new(Method::POST, realm.clone()));
    request.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    request.payload = Payload::Bytes(form.into());
    request
}

fn accepting_json(mut request: Request) -> Request {
    request.headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realms_own_query_stays() {
        let realm = Url::parse("https://auth.example.org/token?account=x").unwrap();
        let url = query(&realm, Some("r io"), &Scopes::push("a/b")).url;
        assert_eq!(
            url.as_str(),
            "https://auth.example.org/token?account=x&service=r+io&scope=repository%3Aa%2Fb%3Apull%2Cpush"
        );
    }
}
