//! What went wrong with a request, in words for a person.
//!
//! Source: distribution-spec `spec.md`, "Error Codes". A [`Failure`] also knows
//! whether another try makes sense; [`super::retry`] decides when.

use std::error::Error;
use std::io;
use std::time::Duration;

use oci_distribution::errors::{OciEnvelope, OciError};
use reqwest::StatusCode;

use super::hosts::canonical;
use crate::ports::{PortError, PortErrorKind};

/// The longest text of a registry's own that is repeated, in characters.
const QUOTE: usize = 300;

/// A request that failed, and whether it may be tried again.
#[derive(Debug, Clone)]
pub struct Failure {
    pub error: PortError,
    pub again: Again,
}

/// Whether another try makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    No,
    Soon,
    /// Twice at most: nobody listens there.
    Briefly,
    /// No sooner than the registry said.
    After(Duration),
}

/// What is being done with a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    Pull,
    Push,
}

/// A repository as the user wrote it, and what is being done with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    pub host: String,
    pub repository: String,
    pub intent: Intent,
}

impl Failure {
    /// An error that another try does not mend.
    pub fn lasting(error: PortError) -> Self {
        Self { error, again: Again::No }
    }

    /// An error that may be gone in a moment.
    pub fn passing(error: PortError) -> Self {
        Self { error, again: Again::Soon }
    }
}

/// A plain error without a hint.
pub fn other(message: String) -> PortError {
    PortError { kind: PortErrorKind::Other, message, hint: None }
}

/// Bytes that are not what their digest promised.
pub fn corrupt(message: String) -> PortError {
    PortError { kind: PortErrorKind::Corrupt, message, hint: None }
}

impl Place {
    /// `HOST/REPOSITORY`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.host, self.repository)
    }

    /// Access was refused; `identified` when credentials were sent.
    pub fn refused(&self, why: &str, identified: bool) -> PortError {
        let message = match self.intent {
            Intent::Pull => format!("{} refuses access to {}: {why}", self.host, self.repository),
            Intent::Push => format!("pushing to {} is refused: {why}", self.name()),
        };
        PortError { kind: PortErrorKind::Denied, message, hint: Some(self.access_hint(identified)) }
    }

    fn access_hint(&self, identified: bool) -> String {
        let login = match canonical(&self.host) {
            "docker.io" => "docker login".to_owned(),
            host => format!("docker login {host}"),
        };
        match (self.intent, identified) {
            (Intent::Pull, false) => format!(
                "log in with: {login} (registries answer the same for a repository that does not exist: check its name)"
            ),
            (Intent::Push, false) => format!("log in with: {login}"),
            (Intent::Pull, true) => format!(
                "the stored credentials for {} do not give access: check the repository's name, or log in anew with: {login}",
                self.host
            ),
            (Intent::Push, true) => format!(
                "the stored credentials for {} may not push there: check the repository's name and your rights, or log in anew with: {login}",
                self.host
            ),
        }
    }
}

/// A registry's own words about an error, on one line; its status without any.
pub fn explain(status: StatusCode, body: &[u8]) -> String {
    let words = envelope(body).or_else(|| loose_json(body)).map(|text| one_line(&text));
    words.filter(|text| !text.is_empty()).unwrap_or_else(|| {
        let name = status.canonical_reason().unwrap_or("an unknown status");
        format!("{} {name}", status.as_u16())
    })
}

fn envelope(body: &[u8]) -> Option<String> {
    let envelope: OciEnvelope = serde_json::from_slice(body).ok()?;
    envelope.errors.first().and_then(in_words)
}

fn in_words(error: &OciError) -> Option<String> {
    let code = serde_json::to_value(&error.code).ok()?;
    let code = code.as_str()?.to_lowercase().replace('_', " ");
    let message = error.message.trim();
    // These two say nothing that the rest of the sentence does not say.
    if matches!(code.as_str(), "toomanyrequests" | "unknown") && !message.is_empty() {
        return Some(message.to_owned());
    }
    let repeats = message.is_empty() || message.to_lowercase() == code;
    Some(if repeats { code } else { format!("{code}: {message}") })
}

/// Token services, proxies and docker's registry have their own forms.
fn loose_json(body: &[u8]) -> Option<String> {
    let value: serde_json::Value = serde_json::from_slice(body).ok()?;
    let text = |name: &str| value.get(name).and_then(serde_json::Value::as_str);
    ["details", "error_description", "message", "error"].into_iter().find_map(text).map(str::to_owned)
}

/// Foreign text made fit for a terminal's line.
pub fn one_line(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(QUOTE).collect::<String>();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A request without an answer, or an answer that broke off.
pub fn link(authority: &str, error: &reqwest::Error) -> Failure {
    let chain = Chain::of(error);
    if let Some(tls) = chain.tls {
        return Failure::lasting(tls_error(authority, tls));
    }
    if error.is_connect() && chain.handshake_cut {
        return Failure::passing(without_tls(authority, "the connection was closed during the TLS handshake"));
    }
    let cause = cause(error, &chain);
    if error.is_builder() {
        return Failure::lasting(other(format!("cannot ask {authority}: {cause}")));
    }
    let verb = if error.is_connect() || error.is_dns() { "cannot reach" } else { "lost the connection to" };
    let failed = other(format!("{verb} {authority}: {cause}"));
    // getaddrinfo's EAI_AGAIN; the others say that the name does not exist.
    let lasting = error.is_dns() && !chain.deepest.contains("emporary");
    let refused = error.is_connect() && chain.io == Some(io::ErrorKind::ConnectionRefused);
    let again = match () {
        () if lasting => Again::No,
        () if refused => Again::Briefly,
        () => Again::Soon,
    };
    Failure { error: failed, again }
}

/// No byte came for too long.
pub fn silent(authority: &str, waited: Duration) -> Failure {
    Failure::passing(other(format!("{authority} did not answer for {} s", waited.as_secs())))
}

fn tls_error(authority: &str, error: &rustls::Error) -> PortError {
    match error {
        rustls::Error::InvalidMessage(_) => without_tls(authority, ""),
        rustls::Error::InvalidCertificate(cause) => PortError {
            kind: PortErrorKind::Other,
            message: format!("the certificate of {authority} is not accepted: {}", certificate(cause)),
            hint: Some("if its authority is your own, name its certificate in SSL_CERT_FILE".to_owned()),
        },
        cause => without_tls(authority, &one_line(&cause.to_string())),
    }
}

fn certificate(cause: &rustls::CertificateError) -> String {
    match cause {
        rustls::CertificateError::UnknownIssuer => "it is signed by an unknown authority".to_owned(),
        cause => one_line(&cause.to_string()),
    }
}

fn without_tls(authority: &str, cause: &str) -> PortError {
    let message = if cause.is_empty() {
        format!("{authority} does not speak TLS")
    } else {
        format!("no TLS connection to {authority}: {cause}")
    };
    let hint = Some(format!("if it speaks plain HTTP, pass --insecure {authority}"));
    PortError { kind: PortErrorKind::Other, message, hint }
}

fn cause(error: &reqwest::Error, chain: &Chain<'_>) -> String {
    match chain.io {
        Some(io::ErrorKind::ConnectionRefused) => "connection refused".to_owned(),
        Some(io::ErrorKind::ConnectionReset) => "connection reset".to_owned(),
        Some(io::ErrorKind::BrokenPipe) => "connection closed".to_owned(),
        _ if chain.deepest.starts_with("end of file before") => "it ended too early".to_owned(),
        _ if error.is_timeout() => "it took too long".to_owned(),
        _ => one_line(&chain.deepest),
    }
}

/// What an error's causes say.
struct Chain<'a> {
    tls: Option<&'a rustls::Error>,
    io: Option<io::ErrorKind>,
    handshake_cut: bool,
    deepest: String,
}

impl<'a> Chain<'a> {
    fn of(error: &'a (dyn Error + 'static)) -> Self {
        let mut chain = Self { tls: None, io: None, handshake_cut: false, deepest: error.to_string() };
        let mut next = Some(error);
        while let Some(error) = next {
            chain.deepest = error.to_string();
            chain.tls = chain.tls.or_else(|| error.downcast_ref());
            next = error.source();
            if let Some(cause) = error.downcast_ref::<io::Error>() {
                chain.io = Some(cause.kind());
                chain.handshake_cut |= cause.kind() == io::ErrorKind::UnexpectedEof;
                // `source` of an I/O error passes over the error it carries.
                next = cause.get_ref().map(|inner| inner as &(dyn Error + 'static));
            }
        }
        chain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_registrys_words_become_one_line() {
        let explain = |body: &str| explain(StatusCode::FORBIDDEN, body.as_bytes());
        for (body, words) in [
            (
                r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#,
                "unauthorized: authentication required",
            ),
            (r#"{"errors":[{"code":"DENIED","message":"denied"}]}"#, "denied"),
            (r#"{"errors":[{"code":"X_Y","message":"a\n\u001b[31mb"}]}"#, "x y: a [31mb"),
            (r#"{"details":"incorrect username or password"}"#, "incorrect username or password"),
            (r#"{"errors":[]}"#, "403 Forbidden"),
            (r#"{"errors":[{"code":"UNKNOWN","message":"out of disk"}]}"#, "out of disk"),
            ("<html>no</html>", "403 Forbidden"),
            ("", "403 Forbidden"),
        ] {
            assert_eq!(explain(body), words);
        }
    }

    #[test]
    fn hints_name_the_login_that_helps() {
        let place = |host: &str, intent| Place { host: host.to_owned(), repository: "a/b".to_owned(), intent };
        let pull = place("ghcr.io", Intent::Pull).refused("denied", false);
        assert_eq!(pull.message, "ghcr.io refuses access to a/b: denied");
        assert!(pull.hint.unwrap().starts_with("log in with: docker login ghcr.io ("));
        let push = place("docker.io", Intent::Push).refused("denied", false);
        assert_eq!(push.message, "pushing to docker.io/a/b is refused: denied");
        assert_eq!(push.hint.unwrap(), "log in with: docker login");
        let known = place("ghcr.io", Intent::Push).refused("denied", true);
        assert!(known.hint.unwrap().starts_with("the stored credentials for ghcr.io may not push there"));
    }
}
