//! Tokens from the service that a bearer challenge names.
//!
//! Source: distribution's `token.md` and `oauth.md`; RFC 6749, 5.1. An identity token is exchanged by
//! POST, and by GET where the service does not support that, as containerd does.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::header::{ACCEPT, CONTENT_TYPE, DATE, HeaderMap, HeaderValue};
use reqwest::{Method, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::Value;
use tokio::time::Instant;
use url::form_urlencoded;

use super::challenge::Scopes;
use super::credentials::{Credential, FoundCredential};
use super::error::{RepositoryAccess, explain};
use crate::diagnostic::Code;
use crate::http::client::{Client, Payload, Request, explanation, whole};
use crate::http::failure::{Failure, failed};
use crate::http::hosts::{authority, same_origin};
use crate::http::{Auth, retry};
use crate::operation_error::OperationError;

/// The lifetime of a token when its service names none (`token.md`).
const LIFE: Duration = Duration::from_mins(1);
/// The time before a token's end from which it is no longer used.
const SLACK: Duration = Duration::from_secs(10);
/// The largest answer of a token service, in bytes.
const ANSWER: u64 = 1 << 20;
/// The longest token, in bytes: servers accept headers of some 8 to 64 KiB.
const TOKEN: usize = 64 << 10;
/// The user name of an identity token that is sent as a password, as in docker's `config.json`.
const IDENTITY_USER: &str = "<token>";
/// The byte order mark that some services begin their JSON with.
const BOM: &[u8] = "\u{feff}".as_bytes();
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

/// The answer of a token service. Values of other types than the specification's are ignored.
#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(default)]
    token: Value,
    #[serde(default)]
    access_token: Value,
    #[serde(default)]
    expires_in: Value,
    #[serde(default)]
    issued_at: Value,
}

impl TokenService<'_> {
    /// Requests a token for the scopes, with the user's credential if there is one.
    ///
    /// # Errors
    /// A credential that would travel over plain HTTP or to another host; a refusal; an answer without
    /// a token.
    pub async fn token(&self, scopes: &Scopes, found: Option<&FoundCredential>) -> Result<Token, Failure> {
        let credential = found.map(|found| &found.credential);
        if credential.is_some() && !self.client.permits(self.realm) {
            return Err(Failure::lasting(self.plain_http()));
        }
        let get = || query(self.realm, self.name, scopes);
        let response = match credential {
            Some(Credential::Password { user, password }) => {
                self.ask(&get(), &Auth::Basic(user.clone(), password.clone()), true).await?
            }
            Some(Credential::Identity(refresh)) => {
                let response =
                    self.ask(&exchange(self.realm, self.name, scopes, refresh), &Auth::Anonymous, true).await?;
                if may_lack_post(response.status()) {
                    // A second refusal says less than the first.
                    let auth = Auth::Basic(IDENTITY_USER.to_owned(), refresh.clone());
                    let second = self.ask(&get(), &auth, true).await?;
                    if second.status().is_success() { second } else { response }
                } else {
                    response
                }
            }
            // An access token is not for the service, but for the registry itself.
            Some(Credential::Token(_)) | None => self.ask(&get(), &Auth::Anonymous, false).await?,
        };
        if !response.status().is_success() {
            return Err(self.refusal(response, found).await);
        }
        self.read(response).await
    }

    /// Sends a request. Redirects never lead from HTTPS to HTTP, and credentials stay at the host that
    /// the registry named.
    async fn ask(&self, request: &Request, auth: &Auth, identified: bool) -> Result<Response, Failure> {
        let check = |from: &Url, to: &Url| {
            check_redirect(from, to, identified).map_err(|why| {
                let (host, to) = (authority(from), authority(to));
                let message = format!("{host}, which issues tokens for {}, redirects to {to}, {why}", self.access.host);
                OperationError::new(Code::AccessDenied, message)
            })
        };
        self.client.follow_if(request, auth, check).await
    }

    fn plain_http(&self) -> OperationError {
        let host = authority(self.realm);
        let message =
            format!("{} wants the credentials sent to {host} over plain HTTP, which is refused", self.access.host);
        OperationError::new(Code::AccessDenied, message).with_hint(format!("to allow it, pass --insecure {host}"))
    }

    /// Reads the token in an answer.
    async fn read(&self, mut response: Response) -> Result<Token, Failure> {
        let (host, headers) = (authority(self.realm), response.headers().clone());
        let unusable =
            |what: &str| Failure::lasting(failed(format!("{host} answers {what} for {}", self.access.name())));
        let without = || unusable("without a token");
        let body = whole(&mut response, ANSWER).await?.ok_or_else(without)?;
        let body = body.strip_prefix(BOM).unwrap_or(&body);
        let answer: TokenAnswer = serde_json::from_slice(body).map_err(|cause| match without() {
            Failure { error, .. } if cause.is_eof() => Failure::passing(error),
            lasting => lasting,
        })?;
        let text = [&answer.token, &answer.access_token].into_iter().find_map(text).ok_or_else(without)?.to_owned();
        if text.len() > TOKEN {
            return Err(unusable(&format!("with a token of more than {} KiB", TOKEN >> 10)));
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(unusable("with a token that no header can carry"));
        }
        let life = answer.life(&headers);
        // A time too far to represent is as good as never.
        let until = Instant::now().checked_add(life.saturating_sub(SLACK.min(life / 4)));
        Ok(Token { text, until })
    }

    /// Reads the failure out of an answer without success.
    async fn refusal(&self, mut response: Response, found: Option<&FoundCredential>) -> Failure {
        let (status, retry) = (response.status(), retry::retry(response.status(), response.headers()));
        let why = explain(status, &explanation(&mut response).await);
        let denied = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST);
        let error = if denied {
            self.access.refused(&why, found.map(|found| &*found.origin))
        } else {
            failed(format!("no token for {} from {}: {why}", self.access.name(), authority(self.realm)))
        };
        Failure { error, retry }
    }
}

impl TokenAnswer {
    /// Returns how long the token lasts from now on. The service's clock is the one of its `Date`
    /// header; a token that expired before it arrived counts from its arrival.
    fn life(&self, headers: &HeaderMap) -> Duration {
        let seconds = self.expires_in.as_f64().or_else(|| text(&self.expires_in)?.parse().ok());
        let life = seconds
            .filter(|seconds| *seconds > 0.0)
            .map_or(Some(LIFE), |seconds| Duration::try_from_secs_f64(seconds).ok());
        let life = life.unwrap_or(Duration::MAX);
        let issued = text(&self.issued_at).and_then(|text| text.parse::<Timestamp>().ok());
        let now = headers.get(DATE).and_then(|date| DateTimeParser::new().parse_timestamp(date.to_str().ok()?).ok());
        let age = issued.zip(now).and_then(|(issued, now)| u64::try_from(now.as_second() - issued.as_second()).ok());
        life.checked_sub(Duration::from_secs(age.unwrap_or(0))).filter(|left| !left.is_zero()).unwrap_or(life)
    }
}

/// Refuses redirects that lead from HTTPS to HTTP, and those that would take credentials to another
/// host.
fn check_redirect(from: &Url, to: &Url, identified: bool) -> Result<(), &'static str> {
    match () {
        () if from.scheme() == "https" && to.scheme() != "https" => Err("without TLS, which is refused"),
        () if identified && !same_origin(from, to) => Err("which carboy does not send credentials to"),
        () => Ok(()),
    }
}

/// Returns a text that is not empty.
fn text(value: &Value) -> Option<&str> {
    value.as_str().map(str::trim).filter(|text| !text.is_empty())
}

/// Returns whether a service may answer like this because it supports no POST: GCR 404, Artifactory
/// 401, ACR 400 (containerd's `authorizer.go`).
fn may_lack_post(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED
    )
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
mod tests;
