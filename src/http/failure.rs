//! What went wrong with a request, in words for a person.
//!
//! A [`Failure`] also knows whether another try makes sense; [`super::retry`] decides
//! when.

use std::error::Error;
use std::io;
use std::time::Duration;

use reqwest::StatusCode;

use super::stall_policy::Stall;
use crate::operation_error::{OperationError, OperationErrorKind};

/// The longest text of a server's own that is repeated, in characters.
const QUOTE: usize = 300;

/// A request that failed, and whether it may be tried again.
#[derive(Debug, Clone)]
pub struct Failure {
    pub error: OperationError,
    pub retry: Retry,
}

/// Whether another try makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    No,
    Soon,
    /// Twice at most: nobody listens there, or next to nothing comes.
    Briefly,
    /// No sooner than the registry said.
    After(Duration),
}

impl Failure {
    /// An error that another try does not mend.
    pub fn lasting(error: OperationError) -> Self {
        Self { error, retry: Retry::No }
    }

    /// An error that may be gone in a moment.
    pub fn passing(error: OperationError) -> Self {
        Self { error, retry: Retry::Soon }
    }
}

/// A plain error without a hint.
pub fn other(message: String) -> OperationError {
    OperationError { kind: OperationErrorKind::Other, message, hint: None }
}

/// Bytes that are not what their digest promised.
pub fn corrupt(message: String) -> OperationError {
    OperationError { kind: OperationErrorKind::Corrupt, message, hint: None }
}

/// A status as a person reads it: `403 Forbidden`.
pub fn status_text(status: StatusCode) -> String {
    format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("an unknown status"))
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
    let retry = match () {
        () if lasting => Retry::No,
        () if refused => Retry::Briefly,
        () => Retry::Soon,
    };
    Failure { error: failed, retry }
}

/// No byte came for too long, or too few.
pub fn stalled(authority: &str, stall: Stall) -> Failure {
    match stall {
        Stall::Silent(waited) => {
            Failure::passing(other(format!("{authority} did not answer for {} s", waited.as_secs())))
        }
        // Each try takes its time.
        Stall::Slow(bytes, time) => Failure {
            error: other(format!("the connection to {authority} is too slow: {bytes} bytes in {} s", time.as_secs())),
            retry: Retry::Briefly,
        },
    }
}

fn tls_error(authority: &str, error: &rustls::Error) -> OperationError {
    match error {
        rustls::Error::InvalidMessage(_) => without_tls(authority, ""),
        rustls::Error::InvalidCertificate(cause) => OperationError {
            kind: OperationErrorKind::Other,
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

fn without_tls(authority: &str, cause: &str) -> OperationError {
    let message = if cause.is_empty() {
        format!("{authority} does not speak TLS")
    } else {
        format!("no TLS connection to {authority}: {cause}")
    };
    let hint = Some(format!("if it speaks plain HTTP, pass --insecure {authority}"));
    OperationError { kind: OperationErrorKind::Other, message, hint }
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
