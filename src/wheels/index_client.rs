//! Requests to indexes: logins, redirects, and the meaning of refusals.
//!
//! An index that does not answer or rejects the login is not asked again in a run: sixty
//! distributions would wait sixty times, and accounts get locked. Other indexes on the same host
//! are asked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::header::HeaderMap;
use reqwest::{Method, Response, StatusCode, Url};

use super::credentials::Credentials;
use super::login::{Login, login_of, shown, without_login};
use super::sources::Index;
use crate::diagnostic::Code;
use crate::http::Auth;
use crate::http::client::{Client, Request, explanation};
use crate::http::failure::{Failure, Retry, failed, status_text};
use crate::http::hosts::{authority, host_of, same_origin};
use crate::http::retry::{self, Attempts, RetryPolicy};
use crate::operation_error::OperationError;
use crate::progress::Progress;

/// The client of all indexes.
pub struct IndexClient {
    pub client: Client,
    pub credentials: Credentials,
    pub retry_policy: RetryPolicy,
    pub progress: Arc<dyn Progress>,
    /// The failures for which an index or a host is not asked again.
    pub faults: Mutex<HashMap<String, OperationError>>,
}

impl IndexClient {
    /// The retries of one transfer.
    pub fn attempts(&self, url: &Url, what: String) -> Attempts {
        let settings = self.client.network().hosts.settings(&host_of(url));
        let retries = settings.retries.unwrap_or(self.retry_policy.retries);
        Attempts::new(RetryPolicy { retries, ..self.retry_policy }, Arc::clone(&self.progress), what)
    }

    /// Stops requests to a URL's index in this run, or to its host if it belongs to no index.
    pub fn give_up(&self, url: &Url, index: Option<&Index>, error: &OperationError) {
        let mut faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        faults.entry(asked(url, index)).or_insert_with(|| error.clone());
    }

    /// Requests a URL, with the login of an index if it has one. Every answer but success is a
    /// failure: `NotFound`, `Denied`, or one that may be temporary.
    ///
    /// # Errors
    /// These failures; an unreachable host.
    pub async fn get(&self, url: &Url, index: Option<&Index>, headers: HeaderMap) -> Result<Response, Failure> {
        let fault = self.faults.lock().unwrap_or_else(PoisonError::into_inner).get(&asked(url, index)).cloned();
        if let Some(error) = fault {
            return Err(Failure::lasting(error));
        }
        let own = login_of(url, "the URL");
        let url = without_login(url);
        let mut request = Request::new(Method::GET, url.clone());
        request.headers = headers;
        let mut login = match &own {
            Some(own) => Some(self.credentials.completed(own, &url))
                .filter(|_| self.credentials.login_policy().permits_travel(&url)),
            None => self.credentials.find(&url),
        };
        let mut response = self.client.follow(&request, &auth(login)).await?;
        // netrc's `default` is sent only after the host asks for a login.
        if response.status() == StatusCode::UNAUTHORIZED
            && login.is_none()
            && let Some(fallback) = self.credentials.fallback(&url)
        {
            explanation(&mut response).await;
            login = Some(fallback);
            response = self.client.follow(&request, &auth(login)).await?;
        }
        // An offset at the end of a file has no range.
        if response.status().is_success() || response.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            return Ok(response);
        }
        Err(self.failed(&url, index, login, response).await)
    }

    async fn failed(&self, url: &Url, index: Option<&Index>, login: Option<&Login>, mut response: Response) -> Failure {
        let (status, answerer) = (response.status(), authority(response.url()));
        let retry = retry::retry(status, response.headers());
        explanation(&mut response).await;
        let why = status_text(status);
        match status {
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                let message = format!("there is no {}", shown(url));
                Failure::lasting(OperationError::new(Code::NotFound, message))
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if retry == Retry::No => {
                let error = self.refused(url, index, login, &why);
                // A 403 may be about one project's files only.
                if status == StatusCode::UNAUTHORIZED {
                    self.give_up(url, index, &error);
                }
                Failure::lasting(error)
            }
            StatusCode::TOO_MANY_REQUESTS => {
                Failure { error: failed(format!("{answerer} limits requests: {why}")), retry }
            }
            _ if retry == Retry::No => Failure::lasting(failed(format!("cannot download {}: {why}", shown(url)))),
            _ => Failure { error: failed(format!("{answerer} fails: {why}")), retry },
        }
    }

    fn refused(&self, url: &Url, index: Option<&Index>, login: Option<&Login>, why: &str) -> OperationError {
        let host = authority(url);
        let place = match index {
            Some(index) if same_origin(&index.url, url) => shown(&index.url),
            _ => host.clone(),
        };
        let login_policy = self.credentials.login_policy();
        let name = index.and_then(|index| index.name.as_deref()).filter(|name| login_policy.permits_named(name, url));
        let names = name.map(|name| {
            let name = super::settings::variable_part(name);
            format!("UV_INDEX_{name}_USERNAME and UV_INDEX_{name}_PASSWORD, or of ")
        });
        let hint = match login {
            Some(login) => format!("the credentials from {} do not give access: check them", login.source),
            None if !login_policy.permits_travel(url) => {
                "no credentials are sent over plain HTTP: write the URL with https".to_owned()
            }
            None if !login_policy.permits(url) => {
                format!("if credentials may be sent to {host}, add it to CARBOY_LOGIN_HOSTS")
            }
            None => format!(
                "give credentials by {}a line of ~/.netrc: machine {} login USER password PASSWORD",
                names.unwrap_or_default(),
                url.host_str().unwrap_or(&host),
            ),
        };
        let message = format!("{place} refuses access: {why}");
        OperationError::new(Code::AccessDenied, message).with_hint(hint)
    }
}

/// The party that is asked: an index, or a host.
fn asked(url: &Url, index: Option<&Index>) -> String {
    match index.filter(|index| same_origin(&index.url, url)) {
        Some(index) => index.url.to_string(),
        None => authority(url),
    }
}

fn auth(login: Option<&Login>) -> Auth {
    login.map_or(Auth::Anonymous, |login| Auth::Basic(login.user.clone(), login.password.clone()))
}
