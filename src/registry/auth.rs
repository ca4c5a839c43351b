//! Answers to challenges: one token for all requests that need it.
//!
//! Source: distribution's `token.md` and `oauth.md`. Requests are sent without authorization until
//! a registry asks for it; the authorization is then kept for that registry and these scopes, and
//! renewed when it expires. Credentials are sent to the registry and to the realm that it names
//! only. A pull whose credentials are refused is tried without them, because most images are
//! public and many stored logins are old.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::challenge::{Challenge, Scopes};
use super::credentials::{Credential, CredentialOrigin, Credentials, FoundCredential, Lookup};
use super::error::{Intent, RepositoryAccess};
use super::token_service::TokenService;
use crate::diagnostic::{Code, Diagnostic, Severity};
use crate::http::Auth;
use crate::http::client::Client;
use crate::http::failure::{Failure, Retry};
use crate::operation_error::OperationError;
use crate::progress::Progress;

/// The authorization of a request.
#[derive(Clone)]
pub struct Authorization {
    pub auth: Auth,
    /// The user's credential, if it was obtained with one.
    found: Option<FoundCredential>,
    /// The number of the answer that granted it; 0 before the first.
    turn: u64,
}

/// All authorizations of a run, by registry and scopes.
pub struct Authorizations {
    credentials: Credentials,
    slots: StdMutex<HashMap<Key, Arc<Mutex<Slot>>>>,
    progress: Arc<dyn Progress>,
    /// The warnings so far.
    warned: StdMutex<HashSet<String>>,
    /// The registries and scopes whose authorization a registry has accepted.
    accepted: StdMutex<HashSet<Key>>,
}

/// A registry, and the scopes to be allowed there.
type Key = (String, Scopes);

/// An authorization that was just issued.
pub struct Granted {
    pub authorization: Authorization,
    /// The time from which it is no longer used; `None` if it outlives the run.
    until: Option<Instant>,
}

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

/// A challenge to an access.
struct Challenged<'a> {
    client: &'a Client,
    access: &'a RepositoryAccess,
    scopes: &'a Scopes,
    challenge: &'a Challenge,
}

impl Authorization {
    /// Returns the origin of the user's credential, if it was obtained with one.
    pub fn origin(&self) -> Option<Arc<CredentialOrigin>> {
        self.found.as_ref().map(|found| Arc::clone(&found.origin))
    }

    /// Returns the credential, if the request itself carried it.
    fn sent(&self) -> Option<&Credential> {
        let credential = self.found.as_ref().map(|found| &found.credential);
        credential.filter(|credential| match (credential, &self.auth) {
            (Credential::Password { .. }, Auth::Basic(..)) | (Credential::Token(_), _) => true,
            (Credential::Password { .. } | Credential::Identity(_), _) => false,
        })
    }
}

impl Authorizations {
    /// Creates a store without any authorization.
    pub fn new(credentials: Credentials, progress: Arc<dyn Progress>) -> Self {
        Self {
            credentials,
            slots: StdMutex::default(),
            accepted: StdMutex::default(),
            progress,
            warned: StdMutex::default(),
        }
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
            None => return Ok(Authorization { auth: Auth::Anonymous, found: None, turn: 0 }),
            Some(known) if known.until.is_none_or(|until| Instant::now() < until) => {
                return known.result.clone().map_err(Failure::lasting);
            }
            Some(known) => known.challenge.clone(),
        };
        self.fetch(&mut slot, Challenged { client, access, scopes, challenge: &challenge }, None).await
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
        self.fetch(&mut slot, Challenged { client, access, scopes, challenge: &challenge }, used.sent()).await
    }

    /// Returns an authorization without credentials in place of `used`, which the registry refused;
    /// none for a push, or where the registry wants credentials. [`Self::keep`] makes it last.
    pub async fn without_credentials(
        &self,
        client: &Client,
        access: &RepositoryAccess,
        scopes: &Scopes,
        used: &Authorization,
    ) -> Option<Granted> {
        used.found.as_ref()?;
        let slot = self.slot(access, scopes);
        let slot = slot.lock().await;
        let challenge = &slot.known.as_ref()?.challenge;
        let challenged = Challenged { client, access, scopes, challenge };
        let mut granted = challenged.anonymous().await?;
        granted.authorization.turn = slot.turn;
        Some(granted)
    }

    /// Uses an authorization without credentials from now on, in place of `used`.
    pub async fn keep(&self, access: &RepositoryAccess, scopes: &Scopes, granted: Granted, used: &Authorization) {
        let slot = self.slot(access, scopes);
        let mut slot = slot.lock().await;
        let Slot { turn, known: Some(known) } = &mut *slot else { return };
        if *turn == granted.authorization.turn {
            *turn += 1;
            known.result = Ok(Authorization { turn: *turn, ..granted.authorization });
            known.until = granted.until;
        }
        self.warn_refused(access, used.found.as_ref());
    }

    /// Notes that a registry has accepted an authorization.
    pub fn accepted(&self, access: &RepositoryAccess, scopes: &Scopes, authorization: &Authorization) {
        if authorization.turn > 0 {
            let mut accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
            accepted.insert((access.host.clone(), scopes.clone()));
        }
    }

    /// Returns whether the registry has accepted an authorization for these scopes.
    pub fn were_accepted(&self, access: &RepositoryAccess, scopes: &Scopes) -> bool {
        let accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
        accepted.contains(&(access.host.clone(), scopes.clone()))
    }

    /// Returns the challenge that a token was the answer to. zot refuses expired tokens without
    /// another.
    pub async fn challenge(
        &self,
        access: &RepositoryAccess,
        scopes: &Scopes,
        used: &Authorization,
    ) -> Option<Challenge> {
        if !matches!(used.auth, Auth::Bearer(_)) {
            return None;
        }
        let slot = self.slot(access, scopes);
        let slot = slot.lock().await;
        slot.known.as_ref().map(|known| known.challenge.clone())
    }

    fn slot(&self, access: &RepositoryAccess, scopes: &Scopes) -> Arc<Mutex<Slot>> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry((access.host.clone(), scopes.clone())).or_default())
    }

    async fn fetch(
        &self,
        slot: &mut Slot,
        challenged: Challenged<'_>,
        refused: Option<&Credential>,
    ) -> Result<Authorization, Failure> {
        let turn = slot.turn + 1;
        let (result, until) = match self.answer(&challenged, refused).await {
            Ok(Granted { authorization, until }) => (Ok(Authorization { turn, ..authorization }), until),
            Err(Failure { error, retry: Retry::No }) => (Err(error), None),
            Err(passing) => return Err(passing),
        };
        slot.turn = turn;
        slot.known =
            Some(CachedAuthorization { challenge: challenged.challenge.clone(), result: result.clone(), until });
        result.map_err(Failure::lasting)
    }

    /// Answers a challenge with the user's credential, and a pull's without one where that is
    /// refused. `refused` is the credential of the request that led to the challenge.
    async fn answer(&self, challenged: &Challenged<'_>, refused: Option<&Credential>) -> Result<Granted, Failure> {
        let access = challenged.access;
        let Lookup { found, is_fresh, failures } = self.credentials.find(challenged.client, access, refused).await;
        let result = match (&found, failures.first()) {
            (None, None) => return challenged.answer(None).await,
            (None, Some(failure)) => Err(failure.clone()),
            (Some(found), _) => self.answer_as(challenged, found, is_fresh).await,
        };
        let anonymous = match &result {
            // Another try may find the credential, but a public image needs none.
            Err(failure) if failure.retry == Retry::No || found.is_none() => challenged.anonymous().await,
            _ => None,
        };
        if result.is_ok() || anonymous.is_some() {
            for failure in &failures {
                self.warn(failure.error.diagnostic());
            }
        }
        let Some(anonymous) = anonymous else { return result };
        self.warn_refused(access, found.as_ref());
        Ok(anonymous)
    }

    /// Answers a challenge with a credential, and with a new one if that has expired.
    async fn answer_as(
        &self,
        challenged: &Challenged<'_>,
        found: &FoundCredential,
        is_fresh: bool,
    ) -> Result<Granted, Failure> {
        let result = challenged.answer(Some(found)).await;
        let is_refused = matches!(&result, Err(failure) if failure.error.code == Code::AccessDenied);
        if !is_refused || is_fresh {
            return result;
        }
        let again = self.credentials.find(challenged.client, challenged.access, Some(&found.credential)).await;
        match again.found.filter(|again| again.credential != found.credential) {
            Some(again) => challenged.answer(Some(&again)).await,
            None => result,
        }
    }

    fn warn_refused(&self, access: &RepositoryAccess, found: Option<&FoundCredential>) {
        let Some(FoundCredential { origin, .. }) = found else { return };
        let text = format!("{} refuses the credentials from {origin}, and is read without them", access.host);
        let login = origin.is_stored().then(|| format!("log in again with: {}", access.login()));
        self.warn(Diagnostic::warning(Code::AccessDenied, text).hint(login));
    }

    /// Warns once.
    fn warn(&self, warning: Diagnostic) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.insert(warning.line()) {
            self.progress.warn(Diagnostic { severity: Severity::Warning, ..warning });
        }
    }
}

impl Challenged<'_> {
    /// Returns an authorization without credentials for a pull, if there may be one.
    async fn anonymous(&self) -> Option<Granted> {
        // A registry that asks for a password has refused the request without one already.
        let may = self.access.intent == Intent::Pull && matches!(self.challenge, Challenge::Bearer { .. });
        if may { self.answer(None).await.ok() } else { None }
    }

    async fn answer(&self, found: Option<&FoundCredential>) -> Result<Granted, Failure> {
        let lasting =
            |auth| Granted { authorization: Authorization { auth, found: found.cloned(), turn: 0 }, until: None };
        let credential = found.map(|found| &found.credential);
        match (self.challenge, credential) {
            (Challenge::Basic, None) => Ok(lasting(Auth::Anonymous)),
            (Challenge::Basic, Some(Credential::Password { user, password })) => {
                Ok(lasting(Auth::Basic(user.clone(), password.clone())))
            }
            (Challenge::Basic, Some(Credential::Identity(_) | Credential::Token(_))) => {
                Err(Failure::lasting(self.takes_passwords_only()))
            }
            (Challenge::Bearer { .. }, Some(Credential::Token(token))) => Ok(lasting(Auth::Bearer(token.clone()))),
            (Challenge::Bearer { realm, service, scopes: asked }, _) => {
                let scopes = self.scopes.clone().and(asked);
                let service =
                    TokenService { client: self.client, access: self.access, realm, name: service.as_deref() };
                let token = service.token(&scopes, found).await?;
                Ok(Granted { until: token.until, ..lasting(Auth::Bearer(token.text)) })
            }
        }
    }

    fn takes_passwords_only(&self) -> OperationError {
        let message = format!("{} takes passwords only, and a token is stored", self.access.host);
        let hint = format!("log in with a password: {}", self.access.login());
        OperationError::new(Code::AccessDenied, message).with_hint(hint)
    }
}
