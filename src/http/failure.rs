//! Failed requests, with messages for users.
//!
//! A [`Failure`] also says whether another try makes sense; [`super::retry`] schedules it.

use std::error::Error;
use std::io;
use std::time::Duration;

use reqwest::StatusCode;
use rustls::AlertDescription;

use super::stall_policy::Stall;
use crate::diagnostic::Code;
use crate::network::Proxy;
use crate::operation_error::OperationError;

/// The longest text of a server that is repeated, in characters.
const QUOTE: usize = 300;

/// The beginnings of hyper's and rustls' errors for a connection that ends in the middle.
const EARLY_END: [&str; 2] = ["end of file before", "peer closed connection without sending TLS close_notify"];
/// The errors of hyper-util for a proxy that does not answer CONNECT with success.
const TUNNEL: [&str; 2] = ["tunnel error: proxy authorization required", "tunnel error: unsuccessful"];

/// hyper's errors for a connection that ends before the request is sent.
const GONE: [&str; 2] = ["channel closed", "connection was not ready"];

/// The alerts of servers that do not accept a client's certificate, or its absence.
const CERTIFICATE_ALERTS: [AlertDescription; 6] = [
    AlertDescription::CertificateRequired,
    AlertDescription::BadCertificate,
    AlertDescription::UnsupportedCertificate,
    AlertDescription::CertificateExpired,
    AlertDescription::CertificateUnknown,
    AlertDescription::UnknownCA,
];

/// A request that failed, and its retry class.
#[derive(Debug, Clone)]
pub struct Failure {
    pub error: OperationError,
    pub retry: Retry,
}

/// The time of the next try of a failed request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    No,
    Soon,
    /// At most two more tries: the connection is refused, or almost no bytes arrive.
    Briefly,
    /// Not before the time that the registry named.
    After(Duration),
}

impl Failure {
    /// Creates a failure that another try does not fix.
    pub fn lasting(error: OperationError) -> Self {
        Self { error, retry: Retry::No }
    }

    /// Creates the failure of an upload whose origin broke off. A blob that a mirror sent wrong
    /// comes from another place in the next try.
    pub fn of_origin(error: OperationError) -> Self {
        if error.code == Code::MirrorFailed { Self::passing(error) } else { Self::lasting(error) }
    }

    /// Creates a failure that may be gone in a moment.
    pub fn passing(error: OperationError) -> Self {
        Self { error, retry: Retry::Soon }
    }
}

/// Builds the error of a failed transfer.
pub fn failed(message: String) -> OperationError {
    OperationError::new(Code::TransferFailed, message)
}

/// Builds the error of bytes that do not match their digest.
pub fn corrupt(message: String) -> OperationError {
    OperationError::new(Code::CorruptContent, message)
}

/// Formats a status: `403 Forbidden`.
pub fn status_text(status: StatusCode) -> String {
    format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("an unknown status"))
}

/// Makes a server's text fit for one line of a terminal.
pub fn one_line(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(QUOTE).collect::<String>();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Builds the failure of a request without an answer, or of an answer that broke off. `proxy` is
/// the one that the request went through.
pub fn link(authority: &str, error: &reqwest::Error, proxy: Option<&Proxy>) -> Failure {
    let chain = Chain::of(error);
    if let Some(proxy) = proxy.filter(|_| chain.is_refused_tunnel) {
        let login = chain.deepest.contains("authorization");
        return Failure::lasting(if login { proxy_login(proxy, authority) } else { proxy_refusal(proxy, authority) });
    }
    if let Some(tls) = chain.tls {
        return Failure::lasting(tls_error(authority, tls));
    }
    if is_certificate_alert(&chain.deepest) {
        return Failure::lasting(client_certificate(authority));
    }
    if error.is_connect() && chain.handshake_cut {
        return Failure::passing(without_tls(authority, "the connection was closed during the TLS handshake"));
    }
    let cause = cause(error, &chain);
    if error.is_builder() {
        return Failure::lasting(failed(format!("cannot send a request to {authority}")).because(cause));
    }
    if let Some(proxy) = proxy.filter(|_| error.is_connect() || error.is_dns()) {
        let refused = chain.io == Some(io::ErrorKind::ConnectionRefused);
        let message = format!("cannot reach the proxy {} for {authority}", proxy.shown());
        let error = failed(message).because(cause).with_hint(proxy_hint(proxy, authority));
        return Failure { error, retry: if refused { Retry::Briefly } else { Retry::Soon } };
    }
    let verb = if error.is_connect() || error.is_dns() { "cannot reach" } else { "lost the connection to" };
    let error_of_link = failed(format!("{verb} {authority}")).because(cause);
    // getaddrinfo's EAI_AGAIN; its other errors say that the name does not exist.
    let lasting = error.is_dns() && !chain.deepest.contains("emporary");
    let refused = error.is_connect() && chain.io == Some(io::ErrorKind::ConnectionRefused);
    let retry = match () {
        () if lasting => Retry::No,
        () if refused => Retry::Briefly,
        () => Retry::Soon,
    };
    Failure { error: error_of_link, retry }
}

/// Builds the failure of a transfer in which no bytes, or too few, arrived.
pub fn stalled(authority: &str, stall: Stall) -> Failure {
    match stall {
        Stall::Silent(waited) => {
            Failure::passing(failed(format!("{authority} did not answer for {} s", waited.as_secs())))
        }
        // Each try takes that long.
        Stall::Slow(bytes, time) => Failure {
            error: failed(format!("the connection to {authority} is too slow: {bytes} bytes in {} s", time.as_secs())),
            retry: Retry::Briefly,
        },
    }
}

fn tls_error(authority: &str, error: &rustls::Error) -> OperationError {
    match error {
        rustls::Error::InvalidMessage(_) => without_tls(authority, ""),
        rustls::Error::InvalidCertificate(cause) => failed(format!("the certificate of {authority} is not accepted"))
            .because(certificate(cause))
            .with_hint(format!(
                "if its authority is your own, pass --ca FILE with the authority's certificate, or put it into \
                 /etc/docker/certs.d/{authority}/ca.crt"
            )),
        rustls::Error::AlertReceived(alert) if CERTIFICATE_ALERTS.contains(alert) => client_certificate(authority),
        cause => without_tls(authority, &one_line(&cause.to_string())),
    }
}

/// Returns whether a text is rustls' about such an alert, which is all that is left of one that
/// arrives after the handshake, over HTTP/2.
fn is_certificate_alert(text: &str) -> bool {
    CERTIFICATE_ALERTS.iter().any(|alert| text == rustls::Error::AlertReceived(*alert).to_string())
}

fn client_certificate(authority: &str) -> OperationError {
    failed(format!("{authority} asks for a client certificate, or does not accept the one it got")).with_hint(format!(
        "put the certificate and its key into /etc/docker/certs.d/{authority}/client.cert and client.key"
    ))
}

/// Builds the error of a proxy that asks for a login, or does not accept the one it got.
pub fn proxy_login(proxy: &Proxy, authority: &str) -> OperationError {
    let has_login = !proxy.url.username().is_empty();
    let message = if has_login { "does not accept the login" } else { "asks for a login" };
    let hint = if has_login { "check the login in" } else { "write the login as USER:PASSWORD@ before the host in" };
    OperationError::new(Code::AccessDenied, format!("the proxy {} {message}, for {authority}", proxy.shown()))
        .with_hint(format!("{hint} {}", proxy.variable))
}

fn proxy_refusal(proxy: &Proxy, authority: &str) -> OperationError {
    let message = format!("the proxy {} refuses a connection to {authority}", proxy.shown());
    OperationError::new(Code::AccessDenied, message).with_hint(proxy_hint(proxy, authority))
}

fn proxy_hint(proxy: &Proxy, authority: &str) -> String {
    format!("the proxy is set by {}; a host that needs none goes into NO_PROXY: NO_PROXY={authority}", proxy.variable)
}

fn certificate(cause: &rustls::CertificateError) -> String {
    match cause {
        rustls::CertificateError::UnknownIssuer => "it is signed by an unknown authority".to_owned(),
        cause => one_line(&cause.to_string()),
    }
}

fn without_tls(authority: &str, cause: &str) -> OperationError {
    let error = if cause.is_empty() {
        failed(format!("{authority} does not speak TLS"))
    } else {
        failed(format!("no TLS connection to {authority}")).because(cause.to_owned())
    };
    error.with_hint(format!("if it speaks plain HTTP, pass --insecure {authority}"))
}

fn cause(error: &reqwest::Error, chain: &Chain<'_>) -> String {
    match chain.io {
        Some(io::ErrorKind::ConnectionRefused) => "connection refused".to_owned(),
        Some(io::ErrorKind::ConnectionReset) => "connection reset".to_owned(),
        Some(io::ErrorKind::BrokenPipe) => "connection closed".to_owned(),
        _ if EARLY_END.iter().any(|start| chain.deepest.starts_with(start)) => "it ended too early".to_owned(),
        _ if GONE.contains(&chain.deepest.as_str()) => "connection closed".to_owned(),
        _ if error.is_timeout() => "it took too long".to_owned(),
        _ => one_line(&chain.deepest),
    }
}

/// The facts in an error's chain of causes.
struct Chain<'a> {
    tls: Option<&'a rustls::Error>,
    io: Option<io::ErrorKind>,
    handshake_cut: bool,
    /// A proxy did not open the tunnel that it was asked for.
    is_refused_tunnel: bool,
    deepest: String,
}

impl<'a> Chain<'a> {
    fn of(error: &'a (dyn Error + 'static)) -> Self {
        let mut chain =
            Self { tls: None, io: None, handshake_cut: false, is_refused_tunnel: false, deepest: error.to_string() };
        let mut next = Some(error);
        while let Some(error) = next {
            chain.deepest = error.to_string();
            // The error's type is hyper-util's, and private.
            chain.is_refused_tunnel |= TUNNEL.contains(&chain.deepest.as_str());
            chain.tls = chain.tls.or_else(|| error.downcast_ref());
            next = error.source();
            if let Some(cause) = error.downcast_ref::<io::Error>() {
                chain.io = Some(cause.kind());
                chain.handshake_cut |= cause.kind() == io::ErrorKind::UnexpectedEof;
                // `source` of an I/O error skips the error that it carries.
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
    fn an_alert_about_certificates_is_known_by_its_text() {
        assert!(is_certificate_alert("received fatal alert: CertificateRequired"));
        assert!(!is_certificate_alert("received fatal alert: HandshakeFailure"));
    }
}
