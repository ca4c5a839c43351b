//! Answers to challenges: tokens, fetched once for all who wait for them.
//!
//! Source: distribution's `token.md` and `oauth.md`. Requests go out without
//! authorization until a registry asks for it; from then on, what answered it is
//! known for that registry and these scopes, and renewed when it runs out.
//! Credentials go to the registry and to the realm that it names, nowhere else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;
use url::form_urlencoded;

use super::challenge::{Challenge, Scopes};
use super::credentials::{Credential, Credentials};
use super::error::{RepositoryAccess, explain};
use crate::http::client::{Client, Payload, Request, explanation, whole};
use crate::http::failure::{Failure, Retry, other};
use crate::http::hosts::authority;
use crate::http::{Auth, retry};
use crate::operation_error::OperationError;

/// How long a token lives when its service does not say (`token.md`).
const LIFE: u64 = 60;
/// How long before its end a token is no longer used.
const SLACK: Duration = Duration::from_secs(10);
/// The most bytes of a token service's answer.
const ANSWER: u64 = 1 << 20;
/// Who carboy is to a token service.
const CLIENT_ID: &str = "carboy";

/// What to send along with a request.
#[derive(Clone)]
pub struct Authorization {
    pub auth: Auth,
    /// Whether the user's credentials stand behind it.
    pub identified: bool,
    /// Which answer of its kind it is; 0 before the first.
    turn: u64,
}

/// Every grant of a run, by registry and scopes.
pub struct Authorizations {
    credentials: Credentials,
    slots: StdMutex<HashMap<Key, Arc<Mutex<Slot>>>>,
}

/// A registry, and what is to be allowed there.
type Key = (String, Scopes);

/// One grant; whoever fetches it holds the lock, whoever needs it waits.
#[derive(Default)]
struct Slot {
    turn: u64,
    known: Option<CachedAuthorization>,
}

struct CachedAuthorization {
    challenge: Challenge,
    /// A refusal is kept too: asking again and again locks accounts.
    result: Result<Authorization, OperationError>,
    until: Option<Instant>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

impl Authorization {
    fn new(auth: Auth, identified: bool) -> Self {
        Self { auth, identified, turn: 0 }
    }
}

impl Authorizations {
    /// Nothing is known yet.
    pub fn new(credentials: Credentials) -> Self {
        Self { credentials, slots: StdMutex::default() }
    }

    /// What to send with a request before any challenge.
    pub async fn current(
        &self,
        client: &Client,
        access: &RepositoryAccess,
        scopes: &Scopes,
    ) -> Result<Authorization, Failure> {
        let slot = self.slot(access, scopes);
        let mut slot = slot.lock().await;
        let challenge = match &slot.known {
            None => return Ok(Authorization::new(Auth::Anonymous, false)),
            Some(known) if known.until.is_none_or(|until| Instant::now() < until) => {
                return known.result.clone().map_err(Failure::lasting);
            }
            Some(known) => known.challenge.clone(),
        };
        self.fetch(&mut slot, client, access, scopes, challenge).await
    }

    /// What answers a challenge to a request that was sent with `used`.
    pub async fn renew(
        &self,
        client: &Client,
        access: &RepositoryAccess,
        scopes: &Scopes,
        challenge: Challenge,
        used: &Authorization,
    ) -> Result<Authorization, Failure> {
        let slot = self.slot(access, scopes);
        let mut slot = slot.lock().await;
        if slot.turn > used.turn
            && let Some(known) = &slot.known
        {
            return known.result.clone().map_err(Failure::lasting);
        }
        self.fetch(&mut slot, client, access, scopes, challenge).await
    }

    fn slot(&self, access: &RepositoryAccess, scopes: &Scopes) -> Arc<Mutex<Slot>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry((access.host.clone(), scopes.clone())).or_default())
    }

    async fn fetch(
        &self,
        slot: &mut Slot,
        client: &Client,
        access: &RepositoryAccess,
        scopes: &Scopes,
        challenge: Challenge,
    ) -> Result<Authorization, Failure> {
        let turn = slot.turn + 1;
        let (result, until) = match self.answer(client, access, scopes, &challenge).await {
            Ok((authorization, until)) => (Ok(Authorization { turn, ..authorization }), until),
            Err(Failure { error, retry: Retry::No }) => (Err(error), None),
            Err(passing) => return Err(passing),
        };
        slot.turn = turn;
        slot.known = Some(CachedAuthorization { challenge, result: result.clone(), until });
        result.map_err(Failure::lasting)
    }

    async fn answer(
        &self,
        client: &Client,
        access: &RepositoryAccess,
        scopes: &Scopes,
        challenge: &Challenge,
    ) -> Result<(Authorization, Option<Instant>), Failure> {
        let credential = self.credentials.find(&access.host, &access.repository).await.map_err(Failure::lasting)?;
        match (challenge, credential) {
            (Challenge::Basic, None) => Ok((Authorization::new(Auth::Anonymous, false), None)),
            (Challenge::Basic, Some(Credential::Password { user, password })) => {
                Ok((Authorization::new(Auth::Basic(user, password), true), None))
            }
            (Challenge::Basic, Some(Credential::Identity(_))) => {
                let mut error = other(format!("{} takes passwords only, and an identity token is stored", access.host));
                error.hint = Some(format!("log in with a password: docker login {}", access.host));
                Err(Failure::lasting(error))
            }
            (Challenge::Bearer { realm, service, scopes: asked }, credential) => {
                let scopes = scopes.clone().and(asked);
                token(client, access, realm, service.as_deref(), &scopes, credential.as_ref()).await
            }
        }
    }
}

/// A token from the service that a challenge names.
async fn token(
    client: &Client,
    access: &RepositoryAccess,
    realm: &Url,
    service: Option<&str>,
    scopes: &Scopes,
    credential: Option<&Credential>,
) -> Result<(Authorization, Option<Instant>), Failure> {
    let host = authority(realm);
    if credential.is_some() && !client.hosts.permit(realm) {
        let mut error =
            other(format!("{} wants the credentials sent to {host} over plain HTTP, which is refused", access.host));
        error.hint = Some(format!("to allow it, pass --insecure {host}"));
        return Err(Failure::lasting(error));
    }
    let (request, auth) = match credential {
        Some(Credential::Identity(refresh)) => (exchange(realm, service, scopes, refresh), Auth::Anonymous),
        Some(Credential::Password { user, password }) => {
            (query(realm, service, scopes), Auth::Basic(user.clone(), password.clone()))
        }
        None => (query(realm, service, scopes), Auth::Anonymous),
    };
    let response = client.exchange(&request, &request.url, &auth).await?;
    let (status, retry) = (response.status(), retry::retry(response.status(), response.headers()));
    if !status.is_success() {
        let why = explain(status, &explanation(response).await);
        let denied = matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST);
        let error = if denied {
            access.refused(&why, credential.is_some())
        } else {
            other(format!("no token for {} from {host}: {why}", access.name()))
        };
        return Err(Failure { error, retry });
    }
    let unusable = || Failure::lasting(other(format!("{host} answers without a token for {}", access.name())));
    let body = whole(response, ANSWER).await?.ok_or_else(unusable)?;
    let answer: TokenAnswer = serde_json::from_slice(&body).map_err(|_| unusable())?;
    let filled = |token: &String| !token.is_empty();
    let token = answer.token.filter(filled).or(answer.access_token.filter(filled)).ok_or_else(unusable)?;
    let life = Duration::from_secs(answer.expires_in.unwrap_or(LIFE));
    // Far beyond any run is as good as never.
    let until = Instant::now().checked_add(life.saturating_sub(SLACK.min(life / 4)));
    Ok((Authorization::new(Auth::Bearer(token), credential.is_some()), until))
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
