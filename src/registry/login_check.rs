//! Checks a login at a registry before it is stored.
//!
//! Source: distribution-spec `spec.md`, "Determining Support": `/v2/` answers to those who may use
//! the registry at all.

use reqwest::{Method, StatusCode};

use super::challenge::{Challenge, Scopes};
use super::client::Registry;
use super::credentials::{Credential, FoundCredential};
use super::error::{Intent, RepositoryAccess, explain};
use super::token_service::TokenService;
use super::transport::Transport;
use crate::http::client::{Request, explanation};
use crate::http::failure::{Failure, failed};
use crate::http::{Auth, retry};
use crate::operation_error::OperationError;

impl Registry {
    /// Checks that a registry accepts a credential.
    ///
    /// # Errors
    /// The registry refuses it, or cannot be reached.
    pub async fn check_login(&self, registry: &str, found: &FoundCredential) -> Result<(), OperationError> {
        let access = RepositoryAccess { host: registry.to_owned(), repository: String::new(), intent: Intent::Login };
        let mut attempts = self.transport.attempts(&access, format!("login to {registry}"));
        loop {
            match check(&self.transport, &access, found).await {
                Ok(()) => return Ok(()),
                Err(failure) => attempts.pause(failure).await?,
            }
        }
    }
}

async fn check(transport: &Transport, access: &RepositoryAccess, found: &FoundCredential) -> Result<(), Failure> {
    let url = transport.base(access).await.map_err(Failure::lasting)?;
    let url = url.join("v2/").map_err(|_| Failure::lasting(failed(format!("{} has no API", access.host))))?;
    let request = Request::new(Method::GET, url);
    let client = &transport.client;
    let mut response = client.follow(&request, &Auth::Anonymous).await?;
    let challenge = match response.status() {
        StatusCode::UNAUTHORIZED => Challenge::of(response.headers(), response.url()).ok(),
        // A registry that asks nobody takes every login.
        status if status.is_success() => return Ok(()),
        _ => None,
    };
    let Some(challenge) = challenge else {
        let why = explain(response.status(), &explanation(&mut response).await);
        return Err(Failure::lasting(failed(format!("{} does not offer a login: {why}", access.host))));
    };
    let auth = match (&challenge, &found.credential) {
        (Challenge::Bearer { realm, service, scopes }, _) => {
            let service = TokenService { client, access, realm, name: service.as_deref() };
            Auth::Bearer(service.token(&Scopes::default().and(scopes), Some(found)).await?.text)
        }
        (Challenge::Basic, Credential::Password { user, password }) => Auth::Basic(user.clone(), password.clone()),
        (Challenge::Basic, Credential::Identity(token) | Credential::Token(token)) => Auth::Bearer(token.clone()),
    };
    let mut response = client.follow(&request, &auth).await?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let retry = retry::retry(status, response.headers());
    let why = explain(status, &explanation(&mut response).await);
    let error = match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => access.refused(&why, Some(&found.origin)),
        _ => failed(format!("{} fails to check the login: {why}", access.host)),
    };
    Err(Failure { error, retry })
}
