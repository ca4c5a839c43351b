//! Expands variables of the environment in URLs of lock and requirements files, only for hosts that
//! the machine's own configuration names.

use std::fmt::Write as _;

use url::Url;

use super::host_settings::HostSettings;
use super::login_policy::{LOGIN_HOSTS, is_private};
use crate::diagnostic::Code;
use crate::http::hosts::authority;
use crate::operation_error::OperationError;
use crate::python::lock::variables::{self, Variable};
use crate::wheels::login::without_login;
use crate::wheels::page::percent_decoded;

/// Returns a URL with the variables of its login expanded. A login with a variable that is not set
/// is removed, so that the machine's login for the URL applies.
///
/// # Errors
/// The machine's configuration does not name the host; a variable is outside of the login, because
/// host, path and query are shown in messages. No error shows a value.
pub fn put_in(
    text: &str,
    machine: &HostSettings,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<String, OperationError> {
    let found = variables::of(text);
    let Some(first) = found.iter().find(|one| !one.in_login).or(found.first()) else { return Ok(text.to_owned()) };
    let written = &text[first.range.clone()];
    if !first.in_login {
        let mut error = OperationError::new(
            Code::InvalidConfiguration,
            format!("a URL has the variable `{written}`: variables are replaced in logins only"),
        );
        error.hint = Some("name the index by UV_INDEX, PIP_EXTRA_INDEX_URL or --index instead".to_owned());
        return Err(error);
    }
    let parsed = |value: &dyn Fn(&Variable<'_>) -> String| Url::parse(&filled(text, &found, value)).ok();
    let Some(url) = parsed(&|_| "x".to_owned()).filter(|url| matches!(url.scheme(), "http" | "https")) else {
        return Err(OperationError::new(
            Code::InvalidConfiguration,
            format!("the text with the variable `{written}` is not an HTTP URL"),
        ));
    };
    if !machine.names(&url) {
        return Err(refused(&url, written, machine));
    }
    let value = |one: &Variable<'_>| escaped(&percent_decoded(&variable(one.name).unwrap_or_default()));
    let Some(full) = parsed(&value).filter(|full| same_place(full, &url)) else {
        return Err(OperationError::new(
            Code::InvalidConfiguration,
            format!("a URL is invalid with the value of `{written}`"),
        ));
    };
    let unset = found.iter().any(|one| variable(one.name).is_none());
    Ok(if unset { without_login(&full) } else { full }.into())
}

fn same_place(one: &Url, other: &Url) -> bool {
    let place = |url: &Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port());
    place(one) == place(other)
}

/// Returns a text with its variables replaced.
fn filled(text: &str, found: &[Variable<'_>], value: &dyn Fn(&Variable<'_>) -> String) -> String {
    let mut out = String::new();
    let mut from = 0;
    for one in found {
        out.push_str(&text[from..one.range.start]);
        out.push_str(&value(one));
        from = one.range.end;
    }
    out + &text[from..]
}

/// Returns a value with every character escaped that could end the login.
fn escaped(value: &str) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Returns the error for a host that the machine's configuration does not name.
fn refused(url: &Url, written: &str, machine: &HostSettings) -> OperationError {
    let place = if is_private(url) { authority(url) } else { url.origin().ascii_serialization() };
    let mut error = OperationError::new(
        Code::UntrustedSetting,
        format!("the variable `{written}` would be sent to {place}, which this machine's configuration does not name"),
    );
    if let Some(file) = machine.distrusted(url).filter(|_| is_private(url)) {
        let place = authority(url);
        error.hint = Some(format!(
            "{file} does not count because it is inside the project: if secrets may be sent there, set {LOGIN_HOSTS}={place}"
        ));
        return error;
    }
    error.hint = Some(format!(
        "leave the login out of the URL, and give it by UV_INDEX_NAME_USERNAME and UV_INDEX_NAME_PASSWORD for the index \
         NAME of pyproject.toml, or by a line of ~/.netrc: machine {} login USER password PASSWORD",
        url.host_str().unwrap_or_default()
    ));
    error
}
