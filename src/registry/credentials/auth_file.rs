//! docker's `config.json` and podman's `auth.json`.
//!
//! Source: docker's CLI, `config.json`; containers-auth.json(5). The files are read as docker reads
//! them, but a bad entry spoils only itself: the empty file, `null` for any value, names of fields
//! in any case, bytes after the document. `docker_credential` decodes the entries; it cannot select
//! them, because it knows neither paths, nor this order of helpers and entries, nor
//! `registrytoken`.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use docker_credential::{DockerCredential, get_credential_from_reader};
use serde_json::{Map, Value, json};

use super::credential::Credential;
use super::helper::Helper;
use super::key::{matching, names};
use crate::diagnostic::Code;
use crate::network::canonical_registry;
use crate::operation_error::OperationError;

/// The name of docker's own registry in helpers and in docker's file.
pub const DOCKER_SERVER: &str = "https://index.docker.io/v1/";
/// The largest file, in bytes.
const LIMIT: u64 = 4 << 20;

/// A file of credentials, or a variable with its text.
#[derive(Clone, PartialEq, Eq)]
pub enum AuthFile {
    Path(PathBuf),
    Text { variable: &'static str, text: String },
}

/// The content of a file of credentials.
#[derive(Default)]
pub struct AuthConfig {
    auths: BTreeMap<String, Value>,
    helpers: BTreeMap<String, String>,
    store: Option<String>,
}

/// A place in a file that may give a repository's credential.
pub enum Candidate<'a> {
    Helper(Helper),
    Stored { key: &'a str, entry: &'a Value },
}

/// The reason for an entry that cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EntryError {
    #[error("it is not an object of texts")]
    Form,
    #[error("its `auth` is not base64 of USER:PASSWORD")]
    Auth,
}

impl AuthFile {
    /// Returns the name in messages.
    pub fn name(&self) -> String {
        match self {
            Self::Path(path) => format!("`{}`", path.display()),
            Self::Text { variable, .. } => (*variable).to_owned(),
        }
    }

    /// Reads and parses the file; none if it does not exist.
    ///
    /// # Errors
    /// A file that cannot be read or understood.
    pub fn read(&self) -> Result<Option<AuthConfig>, OperationError> {
        self.bytes()?.map(|bytes| self.parse(&bytes)).transpose()
    }

    /// Reads the file; none if it does not exist.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn bytes(&self) -> Result<Option<Vec<u8>>, OperationError> {
        match self {
            Self::Text { text, .. } => Ok(Some(text.clone().into_bytes())),
            Self::Path(path) => match read(path) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(cause) => {
                    let message = format!("cannot read {}", self.name());
                    Err(OperationError::new(Code::UnreadableFile, message).because(&cause))
                }
            },
        }
    }

    /// Parses the file's bytes.
    ///
    /// # Errors
    /// Bytes that cannot be understood.
    pub fn parse(&self, bytes: &[u8]) -> Result<AuthConfig, OperationError> {
        AuthConfig::parse(bytes).map_err(|cause| {
            let message = format!("cannot parse {}", self.name());
            OperationError::new(Code::UnreadableFile, message).because(cause)
        })
    }
}

impl AuthConfig {
    /// Parses the text of a file.
    ///
    /// # Errors
    /// The text is not a JSON object; `auths`, `credHelpers` or `credsStore` has another type.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = String::from_utf8_lossy(bytes);
        let mut values = serde_json::Deserializer::from_str(text.trim_start_matches('\u{feff}')).into_iter::<Value>();
        let document = match values.next().transpose().map_err(|cause| cause.to_string())? {
            None | Some(Value::Null) => return Ok(Self::default()),
            Some(Value::Object(document)) => document,
            Some(_) => return Err("it is not a JSON object".to_owned()),
        };
        let object = |name: &str| match field(&document, name) {
            None | Some(Value::Null) => Ok(Map::new()),
            Some(Value::Object(object)) => Ok(object.clone()),
            Some(_) => Err(format!("`{name}` is not an object")),
        };
        let helpers = object("credHelpers")?.into_iter().filter_map(|(key, name)| Some((key, filled(&name)?)));
        Ok(Self {
            auths: object("auths")?.into_iter().collect(),
            helpers: helpers.collect(),
            store: field(&document, "credsStore").and_then(filled),
        })
    }

    /// Returns the places that may give a repository's credential, in the order in which they are
    /// asked: the registry's helper or the general one, then the entries with the longest key
    /// first.
    pub fn candidates(&self, registry: &str, repository: &str) -> Vec<Candidate<'_>> {
        let helper = self.helper(registry, repository).map(Candidate::Helper);
        let entries = self.auths.iter().filter(|(_, entry)| is_filled(entry));
        let entries = matching(entries, registry, repository);
        let entries = entries.into_iter().map(|(key, entry)| Candidate::Stored { key, entry });
        helper.into_iter().chain(entries).collect()
    }

    /// Returns the helper that keeps a repository's credential.
    pub fn helper(&self, registry: &str, repository: &str) -> Option<Helper> {
        let of_registry = matching(self.helpers.iter(), registry, repository).into_iter().next();
        let name = of_registry.map(|(_, name)| name).or(self.store.as_ref())?;
        Some(Helper { name: name.clone(), server: server(registry).to_owned() })
    }

    /// Returns the keys of the entries for a registry as a whole.
    pub fn keys<'a>(&'a self, registry: &'a str) -> impl Iterator<Item = &'a String> {
        self.auths.keys().filter(move |key| names(key, registry))
    }
}

/// Returns the name of a registry in helpers and for new entries.
pub fn server(registry: &str) -> &str {
    match canonical_registry(registry) {
        "docker.io" => DOCKER_SERVER,
        other => other,
    }
}

/// Decodes an entry.
///
/// # Errors
/// A field with another type, an `auth` that cannot be decoded.
pub fn decode(entry: &Value) -> Result<Option<Credential>, EntryError> {
    let fields = entry.as_object().ok_or(EntryError::Form)?;
    let text = |name: &str| match field(fields, name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone()).filter(|text| !text.is_empty())),
        Some(_) => Err(EntryError::Form),
    };
    if let Some(token) = text("registrytoken")? {
        return Ok(Some(Credential::Token(token)));
    }
    if let Some(token) = text("identitytoken")? {
        return Ok(Some(Credential::Identity(token)));
    }
    if let Some(auth) = text("auth")? {
        return decode_auth(&auth).map(Some);
    }
    let (user, password) = (text("username")?, text("password")?);
    Ok(user.map(|user| Credential::Password { user, password: password.unwrap_or_default() }))
}

/// Decodes `auth`. Tools break its lines; some put NULs or a newline after the password, which no
/// password ends with (RFC 7617, 2).
fn decode_auth(auth: &str) -> Result<Credential, EntryError> {
    let auth: String = auth.split_ascii_whitespace().collect();
    let document = json!({ "auths": { "it": { "auth": auth } } }).to_string();
    match get_credential_from_reader(document.as_bytes(), "it") {
        Ok(DockerCredential::UsernamePassword(user, password)) => {
            Ok(Credential::Password { user, password: password.trim_end_matches(['\0', '\r', '\n']).to_owned() })
        }
        Ok(DockerCredential::IdentityToken(token)) => Ok(Credential::Identity(token)),
        Err(_) => Err(EntryError::Auth),
    }
}

/// Returns whether an entry says anything: docker leaves `{}` where a helper has the credential.
fn is_filled(entry: &Value) -> bool {
    match entry {
        Value::Null => false,
        Value::Object(fields) => ["auth", "identitytoken", "registrytoken", "username"].into_iter().any(|name| {
            field(fields, name)
                .is_some_and(|value| !value.is_null() && value.as_str().is_none_or(|text| !text.is_empty()))
        }),
        _ => true,
    }
}

/// Returns a field by its name in any case, as Go's JSON does.
fn field<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let in_any_case = || object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    object.get(name).or_else(in_any_case)
}

fn filled(value: &Value) -> Option<String> {
    value.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("it has more than {} MiB", LIMIT >> 20)));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
