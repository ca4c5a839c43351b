//! Errors of registries, with messages for users.
//!
//! Source: distribution-spec `spec.md`, "Error Codes".

use std::collections::BTreeSet;

use oci_distribution::errors::{OciEnvelope, OciError};
use reqwest::StatusCode;
use serde_json::Value;

use super::credentials::CredentialOrigin;
use crate::diagnostic::Code;
use crate::http::failure::{one_line, status_text};
use crate::network::canonical_registry;
use crate::oci::Digest;
use crate::operation_error::OperationError;

/// The words of registries that limit requests.
const LIMITS: [&str; 5] = ["rate limit", "ratelimit", "rate exceeded", "too many requests", "throttl"];

/// The purpose of an access to a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    Pull,
    Push,
    /// No repository: a login is checked.
    Login,
}

/// A repository as the user wrote it, and the purpose of the access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryAccess {
    pub host: String,
    pub repository: String,
    pub intent: Intent,
}

impl RepositoryAccess {
    /// Formats `HOST/REPOSITORY`, or `HOST` without a repository.
    pub fn name(&self) -> String {
        if self.repository.is_empty() {
            return self.host.clone();
        }
        format!("{}/{}", self.host, self.repository)
    }

    /// Builds the error of a refused access, with the origin of the credentials that were sent.
    pub fn refused(&self, why: &str, credentials: Option<&CredentialOrigin>) -> OperationError {
        let message = match self.intent {
            Intent::Pull => format!("{} refuses access to {}: {why}", self.host, self.repository),
            Intent::Push => format!("pushing to {} is refused: {why}", self.name()),
            Intent::Login => format!("{} refuses the login: {why}", self.host),
        };
        OperationError::new(Code::AccessDenied, message).with_hint(self.access_hint(credentials))
    }

    /// Returns the command that stores credentials for the registry.
    pub fn login(&self) -> String {
        format!("carboy login {}", canonical_registry(&self.host))
    }

    fn access_hint(&self, credentials: Option<&CredentialOrigin>) -> String {
        if self.intent == Intent::Login {
            return "check the user name and the password; many registries want an access token as the password"
                .to_owned();
        }
        let Some(origin) = credentials else {
            let more = match self.intent {
                Intent::Pull => " (registries answer the same for a repository that does not exist: check its name)",
                Intent::Push | Intent::Login => "",
            };
            return format!("log in with: {}{more}", self.login());
        };
        let (lack, check) = match self.intent {
            Intent::Pull => ("do not give access", "check the repository's name"),
            Intent::Push | Intent::Login => ("may not push there", "check the repository's name and your rights"),
        };
        let credentials = format!("the credentials for {} from {origin} {lack}: {check}", self.host);
        if origin.is_stored() {
            format!("{credentials}, or log in again with: {}", self.login())
        } else {
            format!("{credentials}, and the value there")
        }
    }
}

/// Returns a registry's own message about an error, on one line; without one, its status.
pub fn explain(status: StatusCode, body: &[u8]) -> String {
    let words = envelope(body).or_else(|| loose_json(body)).map(|text| one_line(&text));
    words.filter(|text| !text.is_empty()).unwrap_or_else(|| status_text(status))
}

/// Returns the codes of a registry's errors: `BLOB_UNKNOWN`.
pub fn codes(body: &[u8]) -> Vec<String> {
    let code = |error: &Value| error.get("code").and_then(Value::as_str).map(str::to_ascii_uppercase);
    errors(body).iter().filter_map(code).collect()
}

/// Returns the digests in the details of a registry's errors.
pub fn digests(body: &[u8]) -> BTreeSet<Digest> {
    let mut found = BTreeSet::new();
    for error in errors(body) {
        let detail = error.get("detail").map(Value::to_string).unwrap_or_default();
        let words = detail.split(|c: char| !c.is_ascii_alphanumeric() && c != ':');
        found.extend(words.filter_map(|word| word.parse::<Digest>().ok()));
    }
    found
}

/// Returns whether an error is about too many requests, for registries that do not answer 429.
pub fn limits_requests(body: &[u8]) -> bool {
    let words = explain(StatusCode::FORBIDDEN, body).to_ascii_lowercase();
    codes(body).iter().any(|code| code == "TOOMANYREQUESTS") || LIMITS.iter().any(|limit| words.contains(limit))
}

fn errors(body: &[u8]) -> Vec<Value> {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    value.get("errors").and_then(Value::as_array).cloned().unwrap_or_default()
}

fn envelope(body: &[u8]) -> Option<String> {
    let envelope: OciEnvelope = serde_json::from_slice(body).ok()?;
    envelope.errors.first().and_then(in_words)
}

fn in_words(error: &OciError) -> Option<String> {
    let code = serde_json::to_value(&error.code).ok()?;
    let code = code.as_str()?.to_lowercase().replace('_', " ");
    let message = error.message.trim();
    // These two codes add nothing to the rest of the sentence.
    if matches!(code.as_str(), "toomanyrequests" | "unknown") && !message.is_empty() {
        return Some(message.to_owned());
    }
    let repeats = message.is_empty() || message.to_lowercase() == code;
    Some(if repeats { code } else { format!("{code}: {message}") })
}

/// Reads a message in the forms of token services, proxies and docker's registry.
fn loose_json(body: &[u8]) -> Option<String> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    ["details", "error_description", "message", "error"].into_iter().find_map(text).map(str::to_owned)
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
        let access =
            |host: &str, intent| RepositoryAccess { host: host.to_owned(), repository: "a/b".to_owned(), intent };
        let pull = access("ghcr.io", Intent::Pull).refused("denied", None);
        assert_eq!(pull.message, "ghcr.io refuses access to a/b: denied");
        assert!(pull.hint.unwrap().starts_with("log in with: carboy login ghcr.io ("));
        let push = access("docker.io", Intent::Push).refused("denied", None);
        assert_eq!(push.message, "pushing to docker.io/a/b is refused: denied");
        assert_eq!(push.hint.unwrap(), "log in with: carboy login docker.io");
        let hint = |origin| access("ghcr.io", Intent::Push).refused("denied", Some(&origin)).hint.unwrap();
        assert_eq!(
            hint(CredentialOrigin::stored("`/home/me/.docker/config.json`")),
            "the credentials for ghcr.io from `/home/me/.docker/config.json` may not push there: check the repository's \
             name and your rights, or log in again with: carboy login ghcr.io"
        );
        assert!(hint(CredentialOrigin::given("CARBOY_PASSWORD")).ends_with("your rights, and the value there"));
    }
}
