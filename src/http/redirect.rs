//! Redirects.
//!
//! Source: RFC 9110, 15.4. Authorization is only sent to the origin that it was issued for.

use reqwest::header::LOCATION;
use reqwest::{Method, Response, Url};

use super::Auth;
use super::client::{Client, Request};
use super::failure::{Failure, failed};
use super::hosts::{authority, onward, same_origin};
use crate::operation_error::OperationError;

/// The largest number of redirects that are followed.
const REDIRECTS: usize = 8;

impl Client {
    /// Sends a request and follows its redirects.
    pub async fn follow(&self, request: &Request, auth: &Auth) -> Result<Response, Failure> {
        self.follow_if(request, auth, |_, _| Ok(())).await
    }

    /// Sends a request and follows each redirect that `check`, called with its origin and its target,
    /// accepts.
    pub async fn follow_if(
        &self,
        request: &Request,
        auth: &Auth,
        check: impl Fn(&Url, &Url) -> Result<(), OperationError>,
    ) -> Result<Response, Failure> {
        let mut url = request.url.clone();
        for _ in 0..=REDIRECTS {
            let shown = if same_origin(&url, &request.url) { auth } else { &Auth::Anonymous };
            let response = self.exchange(request, &url, shown).await?;
            match redirect(&request.method, &response) {
                Some(next) => {
                    check(&url, &next).map_err(Failure::lasting)?;
                    url = next;
                }
                None => return Ok(response),
            }
        }
        Err(Failure::lasting(failed(format!("{} redirects too often", authority(&request.url)))))
    }
}

/// Returns the target of a redirect; a write is never turned into a read.
fn redirect(method: &Method, response: &Response) -> Option<Url> {
    let reads = matches!(*method, Method::GET | Method::HEAD);
    match response.status().as_u16() {
        301..=303 if reads => {}
        307 | 308 => {}
        _ => return None,
    }
    let location = response.headers().get(LOCATION)?.to_str().ok()?;
    onward(response.url(), location)
}
