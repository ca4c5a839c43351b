//! Credentials for a registry, from docker's `config.json` and its credential helpers.
//!
//! Source: docker's CLI, `config.json`; containers-auth.json(5) for keys with a path. This module
//! selects the entry; `docker_credential` decodes it and runs helpers. The caller knows the path of
//! the file.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::PathBuf;

use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

use crate::diagnostic::Code;
use crate::http::failure::one_line;
use crate::network::canonical_registry;
use crate::operation_error::OperationError;

/// The name of docker's own registry in helpers.
const DOCKER_SERVER: &str = "https://index.docker.io/v1/";

/// The user's credential at a registry.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    Password {
        user: String,
        password: String,
    },
    /// An identity token, to be exchanged for access tokens.
    Identity(String),
}

/// Credentials, looked up when a registry asks for them.
#[derive(Default)]
pub struct Credentials {
    file: Option<PathBuf>,
    /// The results by entry: a helper runs once, even for many requests at a time.
    known: Mutex<HashMap<Entry, Option<Credential>>>,
}

/// The part of the file that is about a repository.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
enum Entry {
    Helper { name: String, server: String },
    Stored { key: String, fields: BTreeMap<String, String> },
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    auths: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: Option<String>,
}

impl Credentials {
    /// Reads docker's `config.json` at a path; without one, every access is anonymous.
    pub fn new(file: Option<PathBuf>) -> Self {
        Self { file, known: Mutex::default() }
    }

    /// Returns the credential for a repository, if there is one.
    ///
    /// # Errors
    /// A file that cannot be read or understood; a helper that fails.
    pub async fn find(&self, registry: &str, repository: &str) -> Result<Option<Credential>, OperationError> {
        let Some(config) = self.read().await? else { return Ok(None) };
        let Some(entry) = config.entry(registry, repository) else { return Ok(None) };
        let mut known = self.known.lock().await;
        if let Some(credential) = known.get(&entry) {
            return Ok(credential.clone());
        }
        let credential = self.resolve(entry.clone(), registry).await?;
        known.insert(entry, credential.clone());
        Ok(credential)
    }

    async fn read(&self) -> Result<Option<Config>, OperationError> {
        let Some(file) = &self.file else { return Ok(None) };
        let failed = |verb: &str, cause: &dyn std::fmt::Display| {
            OperationError::new(Code::UnreadableFile, format!("cannot {verb} `{}`", file.display()))
                .because(one_line(&cause.to_string()))
        };
        match tokio::fs::read(file).await {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|cause| failed("parse", &cause)),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(failed("read", &cause)),
        }
    }

    async fn resolve(&self, entry: Entry, registry: &str) -> Result<Option<Credential>, OperationError> {
        let (piece, server) = entry.piece();
        let found =
            tokio::task::spawn_blocking(move || get_credential_from_reader(piece.to_string().as_bytes(), &server))
                .await
                .map_err(|cause| {
                    OperationError::new(Code::Internal, format!("cannot look up credentials for {registry}"))
                        .because(&cause)
                })?;
        match found {
            Ok(DockerCredential::UsernamePassword(user, password)) => {
                let empty = user.is_empty() && password.is_empty();
                Ok((!empty).then_some(Credential::Password { user, password }))
            }
            Ok(DockerCredential::IdentityToken(token)) => Ok(Some(Credential::Identity(token))),
            Err(cause) if entry.is_unknown(&cause) => Ok(None),
            Err(cause) => Err(self.failed(&entry, registry, &cause)),
        }
    }

    fn failed(&self, entry: &Entry, registry: &str, cause: &CredentialRetrievalError) -> OperationError {
        let file = self.file.as_deref().unwrap_or_else(|| "config.json".as_ref()).display();
        match entry {
            Entry::Stored { key, .. } => {
                let what = match cause {
                    CredentialRetrievalError::CredentialMismatchError => "`auth` contradicts `username` and `password`",
                    _ => "it is not base64 of USER:PASSWORD",
                };
                let mut error =
                    OperationError::new(Code::AccessDenied, format!("cannot use the entry `{key}` of {file}: {what}"));
                error.hint = Some(format!("log in again with: docker login {registry}"));
                error
            }
            Entry::Helper { name, .. } => {
                let what = match cause {
                    CredentialRetrievalError::HelperFailure { stdout, stderr, .. } => {
                        let said = if stderr.trim().is_empty() { stdout } else { stderr };
                        format!("failed: {}", one_line(said))
                    }
                    CredentialRetrievalError::MalformedHelperResponse => "answered without credentials".to_owned(),
                    _ => "cannot be run".to_owned(),
                };
                let mut error = OperationError::new(
                    Code::AccessDenied,
                    format!("credentials for {registry}: docker-credential-{name} {what}"),
                );
                error.hint = Some(format!("the helper is named in {file}; is it installed and set up?"));
                error
            }
        }
    }
}

impl Config {
    /// Selects the entry: helpers of the registry first, then stored entries, then the general
    /// store.
    fn entry(&self, registry: &str, repository: &str) -> Option<Entry> {
        let registry = canonical_registry(registry);
        let server = if registry == "docker.io" { DOCKER_SERVER } else { registry };
        let helper = |name: &String| Entry::Helper { name: name.clone(), server: server.to_owned() };
        if let Some((_, name)) =
            longest(self.cred_helpers.iter().filter(|(_, name)| !name.is_empty()), registry, repository)
        {
            return Some(helper(name));
        }
        let filled = self.auths.iter().map(|(key, fields)| (key, texts(fields))).filter(|(_, fields)| {
            fields.contains_key("auth") || fields.contains_key("identitytoken") || fields.contains_key("username")
        });
        if let Some((key, fields)) = longest(filled, registry, repository) {
            return Some(Entry::Stored { key: key.clone(), fields });
        }
        self.creds_store.as_ref().filter(|name| !name.is_empty()).map(helper)
    }
}

impl Entry {
    /// Builds a whole `config.json` for `docker_credential`, and the server to look up in it.
    fn piece(&self) -> (serde_json::Value, String) {
        match self {
            Self::Helper { name, server } => (json!({ "credHelpers": { server: name } }), server.clone()),
            Self::Stored { fields, .. } => (json!({ "auths": { "it": fields } }), "it".to_owned()),
        }
    }

    /// Returns whether a helper only reports that it has no credential.
    fn is_unknown(&self, cause: &CredentialRetrievalError) -> bool {
        let CredentialRetrievalError::HelperFailure { stdout, stderr, .. } = cause else { return false };
        let absent = |text: &str| text.contains("credentials not found") || text.contains("no credentials server URL");
        matches!(self, Self::Helper { .. }) && (absent(stdout) || absent(stderr))
    }
}

/// Returns the fields of an entry that are not empty.
fn texts(fields: &BTreeMap<String, serde_json::Value>) -> BTreeMap<String, String> {
    let filled =
        fields.iter().filter_map(|(name, value)| Some((name, value.as_str().filter(|text| !text.is_empty())?)));
    filled.map(|(name, text)| (name.clone(), text.to_owned())).collect()
}

/// Returns the entry with the key that names the registry and the longest part of the repository.
fn longest<'a, T>(
    entries: impl Iterator<Item = (&'a String, T)>,
    registry: &str,
    repository: &str,
) -> Option<(&'a String, T)> {
    entries
        .filter_map(|(key, value)| {
            let (host, path) = parts(key);
            let below = repository.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
            let applies = host == registry && (path.is_empty() || below);
            applies.then_some((path.len(), key, value))
        })
        .max_by_key(|(length, _, _)| *length)
        .map(|(_, key, value)| (key, value))
}

/// Returns host and path of a key; `https://HOST/v1/` is docker's old form of `HOST`.
fn parts(key: &str) -> (&str, &str) {
    let bare = key.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
    let path = if bare.len() < key.trim_end_matches('/').len() && matches!(path, "v1" | "v2") { "" } else { path };
    (canonical_registry(host), path)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn key(config: &serde_json::Value, registry: &str, repository: &str) -> String {
        let config: Config = serde_json::from_value(config.clone()).unwrap();
        match config.entry(registry, repository) {
            Some(Entry::Stored { key, .. }) => key,
            Some(Entry::Helper { name, server }) => format!("{name} for {server}"),
            None => "nobody".to_owned(),
        }
    }

    #[test]
    fn the_longest_key_wins() {
        let entry = json!({ "auth": "eDp5" });
        let config = json!({ "auths": {
            "ghcr.io": entry, "ghcr.io/acme": entry, "ghcr.io/acme/shop": entry, "https://quay.io/v2/": entry,
            "https://index.docker.io/v1/": entry, "docker.io/acme": entry, "127.0.0.1:5000": entry,
        } });
        for (registry, repository, expected) in [
            ("ghcr.io", "acme/shop", "ghcr.io/acme/shop"),
            ("ghcr.io", "acme/shopping", "ghcr.io/acme"),
            ("ghcr.io", "acme2/shop", "ghcr.io"),
            ("quay.io", "a/b", "https://quay.io/v2/"),
            ("docker.io", "library/python", "https://index.docker.io/v1/"),
            ("registry-1.docker.io", "acme/shop", "docker.io/acme"),
            ("127.0.0.1:5000", "a", "127.0.0.1:5000"),
            ("127.0.0.1", "a", "nobody"),
            ("io", "a", "nobody"),
        ] {
            assert_eq!(key(&config, registry, repository), expected, "{registry}/{repository}");
        }
    }

    #[test]
    fn helpers_come_first_and_the_store_last() {
        let config = json!({
            "auths": { "ghcr.io": { "auth": "" }, "quay.io": {}, "lan": { "auth": "eDp5" }, "ecr": { "auth": "eDp5" } },
            "credHelpers": { "ecr": "ecr-login", "docker.io": "hub" }, "credsStore": "desktop",
        });
        for (registry, expected) in [
            ("ghcr.io", "desktop for ghcr.io"),
            ("quay.io", "desktop for quay.io"),
            ("lan", "lan"),
            ("ecr", "ecr-login for ecr"),
            ("index.docker.io", "hub for https://index.docker.io/v1/"),
        ] {
            assert_eq!(key(&config, registry, "a/b"), expected);
        }
        assert_eq!(key(&json!({ "auths": { "ghcr.io": { "auth": "" } } }), "ghcr.io", "a"), "nobody");
    }

    async fn find(config: &str, registry: &str) -> Result<Option<Credential>, OperationError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(config.as_bytes()).unwrap();
        Credentials::new(Some(file.path().to_owned())).find(registry, "a/b").await
    }

    #[tokio::test]
    async fn entries_become_credentials() {
        let config = json!({ "auths": {
            "basic": { "auth": "dXNlcjpwYTpzcw==", "identitytoken": "" },
            "identity": { "auth": "dXNlcjo=", "identitytoken": "t0ken" },
            "plain": { "username": "u", "password": "p" },
            "broken": { "auth": "!!" },
        } })
        .to_string();
        let password = |user: &str, password: &str| {
            Some(Credential::Password { user: user.to_owned(), password: password.to_owned() })
        };
        assert!(find(&config, "basic").await.unwrap() == password("user", "pa:ss"));
        assert!(find(&config, "identity").await.unwrap() == Some(Credential::Identity("t0ken".to_owned())));
        assert!(find(&config, "plain").await.unwrap() == password("u", "p"));
        assert!(find(&config, "unheard-of").await.unwrap().is_none());
        let error = find(&config, "broken").await.err().unwrap();
        assert!(error.line().starts_with("cannot use the entry `broken` of /"), "{error}");
    }

    #[tokio::test]
    async fn failures_name_the_file_and_the_helper() {
        assert!(Credentials::new(None).find("r", "a").await.unwrap().is_none());
        assert!(Credentials::new(Some("/no/such/config.json".into())).find("r", "a").await.unwrap().is_none());
        let error = find("{", "r").await.err().unwrap();
        assert!(error.line().starts_with("cannot parse `/"), "{error}");
        let error = find(r#"{"credsStore":"carboy-has-none"}"#, "r").await.err().unwrap();
        assert_eq!(error.line(), "credentials for r: docker-credential-carboy-has-none cannot be run");
        assert!(error.hint.unwrap().starts_with("the helper is named in /"));
    }

    #[test]
    fn a_helper_that_knows_nobody_is_no_failure() {
        let helper = Entry::Helper { name: "pass".to_owned(), server: "r".to_owned() };
        let failure = |stdout: &str| CredentialRetrievalError::HelperFailure {
            helper: "docker-credential-pass".to_owned(),
            stdout: stdout.to_owned(),
            stderr: String::new(),
        };
        assert!(helper.is_unknown(&failure("credentials not found in native keychain\n")));
        assert!(!helper.is_unknown(&failure("pass store is locked\n")));
        let error = Credentials::new(Some("/c.json".into())).failed(&helper, "r", &failure("pass store\nis locked"));
        assert_eq!(error.line(), "credentials for r: docker-credential-pass failed: pass store is locked");
    }
}
