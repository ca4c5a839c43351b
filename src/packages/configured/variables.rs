//! Puts variables of the environment into URLs of lock and requirements files: only into
//! those whose host this machine's own configuration names.

use std::fmt::Write as _;

use url::Url;

use super::Machine;
use crate::http::failure::other;
use crate::http::hosts::authority;
use crate::packages::credentials::without_login;
use crate::packages::links::percent_decoded;
use crate::ports::PortError;
use crate::python::lock::variables::{self, Variable};

/// A URL with its variables put in. A login with a variable that is not set is left out,
/// so that those count which the machine has for the URL.
///
/// # Errors
/// A host that the machine's configuration does not name; a variable outside of the
/// login that is not set, or in the host. No error shows a value.
pub fn put_in(text: &str, machine: &Machine, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, PortError> {
    let found = variables::of(text);
    let Some(first) = found.first() else { return Ok(text.to_owned()) };
    let written = &text[first.range.clone()];
    let parsed = |filler: &str| Url::parse(&filled(text, &found, |_| filler.to_owned())).ok();
    let (Some(url), Some(other_url)) = (parsed("x"), parsed("y")) else {
        return Err(other(format!("a URL has the variable `{written}`, and is not one without it")));
    };
    let host = url.host_str().unwrap_or_default();
    let same = |other: &Url| same_place(&url, other);
    if !same(&other_url) || !matches!(url.scheme(), "http" | "https") {
        return Err(refused(format!("a URL has the variable `{written}` in its host"), None));
    }
    if !machine.names(&url) {
        let place = authority(&url);
        let message = format!(
            "the variable `{written}` would be sent to {place}, which this machine's configuration does not name"
        );
        return Err(refused(message, Some(host)));
    }
    let unset = |one: &&Variable<'_>| variable(one.name).is_none();
    if let Some(one) = found.iter().filter(|one| !one.in_login).find(unset) {
        return Err(other(format!("a URL has the variable `{}`, which is not set", &text[one.range.clone()])));
    }
    let value = |one: &Variable<'_>| encoded(&percent_decoded(&variable(one.name).unwrap_or_default()), one.in_login);
    let whole = filled(text, &found, value);
    let Some(mut url) = Url::parse(&whole).ok().filter(same) else {
        return Err(other(format!("a URL is not one with the value of `{written}`")));
    };
    if found.iter().any(|one| one.in_login && variable(one.name).is_none()) {
        url = without_login(&url);
        return Ok(url.into());
    }
    Ok(whole)
}

fn same_place(one: &Url, other: &Url) -> bool {
    let place = |url: &Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port());
    place(one) == place(other)
}

/// A text with its variables replaced.
fn filled(text: &str, found: &[Variable<'_>], value: impl Fn(&Variable<'_>) -> String) -> String {
    let mut out = String::new();
    let mut from = 0;
    for one in found {
        out.push_str(&text[from..one.range.start]);
        out.push_str(&value(one));
        from = one.range.end;
    }
    out + &text[from..]
}

/// A value with everything escaped that would end the part of the URL which it is in.
fn encoded(value: &str, in_login: bool) -> String {
    let mut out = String::new();
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || byte == b'/' && !in_login {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

fn refused(message: String, host: Option<&str>) -> PortError {
    let mut error = other(message);
    error.hint = Some(format!(
        "leave the login out of the URL, and give it by UV_INDEX_NAME_USERNAME and UV_INDEX_NAME_PASSWORD for the index \
         NAME of pyproject.toml, or by a line of ~/.netrc: machine {} login USER password PASSWORD",
        host.unwrap_or("HOST")
    ));
    error
}
