//! Answers to challenges: one token for all requests that need it.
//!
//! Source: distribution's `token.md` and `oauth.md`. Requests are sent without authorization until
//! a registry asks for it; the authorization is then kept for that registry and these scopes, and
//! renewed when it expires. Credentials are sent to the registry and to the realm that it names
//! only.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::challenge::{Challenge, Scopes};
use super::credentials::{Credential, Credentials};
use super::error::RepositoryAccess;
use super::token_service::TokenService;
use crate::diagnostic::Code;
use crate::http::Auth;
use crate::http::client::Client;
use crate::http::failure::{Failure, Retry};
use crate::operation_error::OperationError;

/// The authorization of a request.
#[derive(Clone)]
pub struct Authorization {
    pub auth: Auth,
    /// True if it was obtained with the user's credentials.
    pub identified: bool,
    /// The number of the answer that granted it; 0 before the first.
    turn: u64,
}

/// All authorizations of a run, by registry and scopes.
pub struct Authorizations {
    credentials: Credentials,
    slots: StdMutex<HashMap<Key, Arc<Mutex<Slot>>>>,
}

/// A registry, and the scopes to be allowed there.
type Key = (String, Scopes);

/// One authorization. The lock is held while it is fetched, so that other requests wait for it.
#[derive(Default)]
struct Slot {
    turn: u64,
    known: Option<CachedAuthorization>,
}

struct CachedAuthorization {
    challenge: Challenge,
    /// A refusal is kept too, because repeated attempts lock accounts.
    result: Result<Authorization, OperationError>,
    until: Option<Instant>,
}

impl Authorization {
    fn new(auth: Auth, identified: bool) -> Self {
        Self { auth, identified, turn: 0 }
    }
}

impl Authorizations {
    /// Creates a store without any authorization.
    pub fn new(credentials: Credentials) -> Self {
        Self { credentials, slots: StdMutex::default() }
    }

    /// Returns the authorization of a request before any challenge.
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

    /// Returns the answer to a challenge to a request that was sent with `used`.
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
                let mut error = OperationError::new(
                    Code::AccessDenied,
                    format!("{} takes passwords only, and an identity token is stored", access.host),
                );
                error.hint = Some(format!("log in with a password: docker login {}", access.host));
                Err(Failure::lasting(error))
            }
            (Challenge::Bearer { realm, service, scopes: asked }, credential) => {
                let scopes = scopes.clone().and(asked);
                let service = TokenService { client, access, realm, name: service.as_deref() };
                let token = service.token(&scopes, credential.as_ref()).await?;
                Ok((Authorization::new(Auth::Bearer(token.text), credential.is_some()), token.until))
            }
        }
    }
}
