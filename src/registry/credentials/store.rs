//! Stores and deletes credentials: in docker's `config.json`, or with the helper that it names.
//!
//! Source: docker's CLI, `config.json`. Other keys of the file stay as they are. The file is
//! replaced as a whole, so that a reader never sees half of it, and only its owner can read it.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde::Serialize as _;
use serde_json::ser::{PrettyFormatter, Serializer};
use serde_json::{Map, Value, json};

use super::auth_file::{AuthConfig, AuthFile, server};
use super::credential::Credential;
use super::helper::Helper;
use crate::diagnostic::Code;
use crate::operation_error::OperationError;

/// docker's file, for writing.
pub struct CredentialStore {
    file: PathBuf,
    helper_limit: Duration,
}

/// The place that has a credential now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoredIn {
    /// The program's name.
    Helper(String),
    /// Everybody who can read the file can read the password.
    File,
}

impl CredentialStore {
    /// Opens the file at a path, which need not exist.
    pub fn new(file: PathBuf, helper_limit: Duration) -> Self {
        Self { file, helper_limit }
    }

    /// Stores a credential for a registry, in place of an older one.
    ///
    /// # Errors
    /// The file cannot be read, understood or written; the helper fails.
    pub fn save(&self, registry: &str, credential: &Credential) -> Result<StoredIn, OperationError> {
        let (config, mut document) = self.read()?;
        let helper = config.helper(registry, "");
        let entry = match &helper {
            Some(helper) => {
                helper.store(credential, self.helper_limit).map_err(|cause| self.helper_failed(registry, &cause))?;
                json!({})
            }
            None => entry(credential),
        };
        auths(&mut document).insert(server(registry).to_owned(), entry);
        self.write(&document).map_err(|cause| self.failed("write", &cause))?;
        Ok(helper.map_or(StoredIn::File, |Helper { name, .. }| StoredIn::Helper(format!("docker-credential-{name}"))))
    }

    /// Deletes the credentials of a registry, and returns whether there were any.
    ///
    /// # Errors
    /// The file cannot be read, understood or written; the helper fails.
    pub fn remove(&self, registry: &str) -> Result<bool, OperationError> {
        let (config, mut document) = self.read()?;
        let erased = match config.helper(registry, "") {
            Some(helper) => helper.erase(self.helper_limit).map_err(|cause| self.helper_failed(registry, &cause))?,
            None => false,
        };
        let keys: Vec<_> = config.keys(registry).cloned().collect();
        if keys.is_empty() {
            return Ok(erased);
        }
        for key in &keys {
            auths(&mut document).remove(key);
        }
        self.write(&document).map_err(|cause| self.failed("write", &cause))?;
        Ok(true)
    }

    /// Reads the file, for its meaning and as it is.
    fn read(&self) -> Result<(AuthConfig, Map<String, Value>), OperationError> {
        let file = AuthFile::Path(self.file.clone());
        let Some(bytes) = file.bytes()? else { return Ok((AuthConfig::default(), Map::new())) };
        let config = file.parse(&bytes)?;
        // What is read leniently must not be written back changed.
        let text = String::from_utf8(bytes).map_err(|cause| self.failed("change", &cause.utf8_error()))?;
        let mut values = serde_json::Deserializer::from_str(text.trim_start_matches('\u{feff}')).into_iter();
        match values.next() {
            Some(Ok(Value::Object(document))) => Ok((config, document)),
            _ => Ok((config, Map::new())),
        }
    }

    fn write(&self, document: &Map<String, Value>) -> io::Result<()> {
        // A link stays a link.
        let file = std::fs::canonicalize(&self.file).unwrap_or_else(|_| self.file.clone());
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        create_folder(folder)?;
        let mut text = Vec::new();
        document.serialize(&mut Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"\t")))?;
        // Only its owner can read it.
        let mut staged = tempfile::Builder::new().prefix(".config.json.").tempfile_in(folder)?;
        staged.write_all(&text)?;
        staged.as_file().sync_all()?;
        staged.persist(&file)?;
        Ok(())
    }

    fn failed(&self, verb: &str, cause: &dyn std::error::Error) -> OperationError {
        OperationError::new(Code::UnwritableOutput, format!("cannot {verb} `{}`", self.file.display())).because(cause)
    }

    fn helper_failed(&self, registry: &str, cause: &dyn std::error::Error) -> OperationError {
        let message = format!("cannot change the credentials for {registry}");
        let hint = format!("`{}` names the helper; is it installed and set up?", self.file.display());
        OperationError::new(Code::AccessDenied, message).because(cause).with_hint(hint)
    }
}

/// Creates a directory that only its owner can read.
fn create_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn entry(credential: &Credential) -> Value {
    match credential {
        Credential::Password { user, password } => {
            json!({ "auth": BASE64_STANDARD.encode(format!("{user}:{password}")) })
        }
        Credential::Identity(token) => json!({ "identitytoken": token }),
        Credential::Token(token) => json!({ "registrytoken": token }),
    }
}

/// Returns the file's entries, by whatever case their key has.
fn auths(document: &mut Map<String, Value>) -> &mut Map<String, Value> {
    let name = document.keys().find(|key| key.eq_ignore_ascii_case("auths")).cloned();
    let auths = document.entry(name.unwrap_or_else(|| "auths".to_owned())).or_insert_with(|| json!({}));
    if !auths.is_object() {
        *auths = json!({});
    }
    match auths {
        Value::Object(auths) => auths,
        _ => unreachable!("it was made an object"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn password(user: &str, password: &str) -> Credential {
        Credential::Password { user: user.to_owned(), password: password.to_owned() }
    }

    #[test]
    fn other_keys_stay_and_old_entries_go() {
        let folder = tempfile::tempdir().unwrap();
        let (file, real) = (folder.path().join("config.json"), folder.path().join("real.json"));
        std::os::unix::fs::symlink(&real, &file).unwrap();
        let old = r#"{"Auths":{"r":{"identitytoken":"old"},"https://r/v1/":{"auth":"eDp5"},"other":{"auth":"eDp5"}},"psFormat":"x"}"#;
        std::fs::write(&real, old).unwrap();
        std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o644)).unwrap();
        let store = CredentialStore::new(file.clone(), Duration::from_secs(5));
        assert_eq!(store.save("r", &password("u", "p:w")).unwrap(), StoredIn::File);
        let text = || serde_json::from_slice::<Value>(&std::fs::read(&real).unwrap()).unwrap();
        let entries = json!({
            "r": { "auth": "dTpwOnc=" }, "https://r/v1/": { "auth": "eDp5" }, "other": { "auth": "eDp5" }
        });
        assert_eq!(text(), json!({ "Auths": entries, "psFormat": "x" }));
        assert_eq!(std::fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(std::fs::symlink_metadata(&file).unwrap().is_symlink());
        assert!(store.remove("r").unwrap());
        assert_eq!(text(), json!({ "Auths": { "other": { "auth": "eDp5" } }, "psFormat": "x" }));
        assert!(!store.remove("r").unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "no remains");
    }

    #[test]
    fn files_are_made_and_broken_ones_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/config.json");
        let store = CredentialStore::new(file.clone(), Duration::from_secs(5));
        assert!(!store.remove("docker.io").unwrap() && !file.exists());
        store.save("docker.io", &password("u", "p")).unwrap();
        assert!(std::fs::read_to_string(&file).unwrap().contains("\"https://index.docker.io/v1/\": {\n"));
        assert!(store.remove("registry-1.docker.io").unwrap());
        for broken in [&b"{"[..], b"[]", b"{\"a\":\"\xff\"}"] {
            std::fs::write(&file, broken).unwrap();
            store.save("r", &password("u", "p")).unwrap_err();
            assert_eq!(std::fs::read(&file).unwrap(), broken);
        }
        std::fs::write(&file, "").unwrap();
        store.save("r", &password("u", "p")).unwrap();
    }
}
