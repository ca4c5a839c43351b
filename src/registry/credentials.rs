//! Whom to be at a registry: docker's `config.json` and its credential helpers.
//!
//! Source: docker's CLI, `config.json`; containers-auth.json(5) for keys with a
//! path. Which entry applies is decided here; decoding it and running helpers is
//! `docker_credential`'s work. Where the file is, is the caller's to know.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::PathBuf;

use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

use super::hosts::canonical;
use crate::http::failure::{one_line, other};
use crate::operation_error::OperationError;

/// What helpers know docker's own registry as.
const DOCKER_SERVER: &str = "https://index.docker.io/v1/";

/// Who the user is at a registry.
#[derive(Clone, PartialEq, Eq)]
pub enum Credential {
    Password {
        user: String,
        password: String,
    },
    /// To be exchanged for access tokens.
    Identity(String),
}

/// Credentials, looked up when a registry asks for them.
#[derive(Default)]
pub struct Credentials {
    file: Option<PathBuf>,
    /// By entry: a helper runs once, even for many requests at a time.
    known: Mutex<HashMap<Entry, Option<Credential>>>,
}

/// The piece of the file that is about a repository.
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
    /// Reads docker's `config.json` at a path; without one, everybody is anonymous.
    pub fn new(file: Option<PathBuf>) -> Self {
        Self { file, known: Mutex::default() }
    }

    /// The credential for a repository, if there is one.
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
            other(format!("cannot {verb} {}: {}", file.display(), one_line(&cause.to_string())))
        };
        match tokio::fs::read(file).await {
            Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|cause| failed("understand", &cause)),
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(failed("read", &cause)),
        }
    }

    async fn resolve(&self, entry: Entry, registry: &str) -> Result<Option<Credential>, OperationError> {
        let (piece, server) = entry.piece();
        let found =
            tokio::task::spawn_blocking(move || get_credential_from_reader(piece.to_string().as_bytes(), &server))
                .await
                .map_err(|cause| other(format!("looking up credentials for {registry} broke off: {cause}")))?;
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
                let mut error = other(format!("cannot use the entry `{key}` of {file}: {what}"));
                error.hint = Some(format!("log in anew with: docker login {registry}"));
                error
            }
            Entry::Helper { name, .. } => {
                let what = match cause {
                    CredentialRetrievalError::HelperFailure { stdout, stderr, .. } => {
                        let said = if stderr.trim().is_empty() { stdout } else { stderr };
                        format!("failed: {}", one_line(said))
                    }
                    CredentialRetrievalError::MalformedHelperResponse => "answered with no credentials".to_owned(),
                    _ => "could not be run".to_owned(),
                };
                let mut error = other(format!("credentials for {registry}: docker-credential-{name} {what}"));
                error.hint = Some(format!("the helper is named in {file}; is it installed and set up?"));
                error
            }
        }
    }
}

impl Config {
    /// Helpers of a registry come first, then stored entries, then the store of all.
    fn entry(&self, registry: &str, repository: &str) -> Option<Entry> {
        let registry = canonical(registry);
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
    /// A whole `config.json` for `docker_credential`, and the server to ask it for.
    fn piece(&self) -> (serde_json::Value, String) {
        match self {
            Self::Helper { name, server } => (json!({ "credHelpers": { server: name } }), server.clone()),
            Self::Stored { fields, .. } => (json!({ "auths": { "it": fields } }), "it".to_owned()),
        }
    }

    /// Whether a helper only says that it knows nobody.
    fn is_unknown(&self, cause: &CredentialRetrievalError) -> bool {
        let CredentialRetrievalError::HelperFailure { stdout, stderr, .. } = cause else { return false };
        let absent = |text: &str| text.contains("credentials not found") || text.contains("no credentials server URL");
        matches!(self, Self::Helper { .. }) && (absent(stdout) || absent(stderr))
    }
}

/// The fields of an entry that say something.
fn texts(fields: &BTreeMap<String, serde_json::Value>) -> BTreeMap<String, String> {
    let filled =
        fields.iter().filter_map(|(name, value)| Some((name, value.as_str().filter(|text| !text.is_empty())?)));
    filled.map(|(name, text)| (name.clone(), text.to_owned())).collect()
}

/// The entry whose key names the registry and the longest part of the repository.
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

/// Host and path of a key; `https://HOST/v1/` is docker's old way to say `HOST`.
fn parts(key: &str) -> (&str, &str) {
    let bare = key.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    let (host, path) = bare.split_once('/').unwrap_or((bare, ""));
    let path = if bare.len() < key.trim_end_matches('/').len() && matches!(path, "v1" | "v2") { "" } else { path };
    (canonical(host), path)
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
        assert!(error.message.starts_with("cannot use the entry `broken` of /"), "{error}");
    }

    #[tokio::test]
    async fn failures_name_the_file_and_the_helper() {
        assert!(Credentials::new(None).find("r", "a").await.unwrap().is_none());
        assert!(Credentials::new(Some("/no/such/config.json".into())).find("r", "a").await.unwrap().is_none());
        let error = find("{", "r").await.err().unwrap();
        assert!(error.message.starts_with("cannot understand /"), "{error}");
        let error = find(r#"{"credsStore":"carboy-has-none"}"#, "r").await.err().unwrap();
        assert_eq!(error.message, "credentials for r: docker-credential-carboy-has-none could not be run");
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
        assert_eq!(error.message, "credentials for r: docker-credential-pass failed: pass store is locked");
    }
}
