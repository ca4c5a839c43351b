//! Files that do not belong into an application, independent of ignore files: version control,
//! environments, caches, credentials, keys, development files.
//!
//! Names are matched in any case, because macOS and Windows ignore case.

use crate::rootfs::{LeftOut, private_keys};

/// The rule that leaves private keys out.
pub(super) const PRIVATE_KEYS: &str = "private keys";
/// The rule that leaves files of passwords and tokens out.
pub(super) const CREDENTIALS: &str = "credentials";
/// The rule that leaves out lock and configuration files with a password in a URL.
pub(super) const PASSWORDS: &str = "passwords in URLs";
/// The rule that leaves environments out.
pub(super) const ENVIRONMENT: &str = ".venv";
/// The rule that leaves out carboy's configuration and ignore files.
pub(super) const OWN_FILES: &str = "carboy.toml and ignore files";
/// The rule that leaves caches out.
pub(super) const CACHES: &str = "caches";
/// The rule that leaves images out.
pub(super) const IMAGES: &str = "image layouts and archives";
/// The rule that leaves out files that the run reads elsewhere.
pub(super) const INPUTS: &str = "lock file and wheels";
/// The rule that leaves out files that the run writes.
pub(super) const OUTPUTS: &str = "carboy's cache and target";
/// The rule that leaves memory images of crashed programs out.
pub(super) const CORE_DUMPS: &str = "core dumps";
/// The rule that leaves out files that only developers and their services need.
pub(super) const DEVELOPMENT: &str = "development files";
const HISTORIES: &str = "shell histories";
const ENV: &str = ".env*";

/// The rule of the configuration's `exclude` globs.
pub(super) const EXCLUDE: &str = "exclude";

/// Returns whether a rule leaves out secrets.
pub(super) fn is_secret(rule: &str) -> bool {
    LeftOut::SECRETS.contains(&rule)
}

/// Ignore files, and carboy's configuration.
const IGNORE_FILES: [&str; 8] = [
    ".gitignore",
    ".dockerignore",
    ".containerignore",
    ".carboyignore",
    "dockerfile.dockerignore",
    "dockerfile.containerignore",
    "containerfile.dockerignore",
    "containerfile.containerignore",
];

/// Files of credentials that are recognised in any directory.
const CREDENTIAL_FILES: [&str; 19] = [
    ".netrc",
    "_netrc",
    ".pypirc",
    "pip.conf",
    "pip.ini",
    ".npmrc",
    ".git-credentials",
    ".dockercfg",
    ".dockerconfigjson",
    "kubeconfig",
    ".pgpass",
    "pgpass.conf",
    ".my.cnf",
    ".mylogin.cnf",
    ".vault-token",
    ".terraformrc",
    ".s3cfg",
    ".boto",
    ".databrickscfg",
];

/// Returns whether a file keeps its otherwise empty directory.
pub(super) fn is_placeholder(name: &[u8]) -> bool {
    is_keep_file(name) || IGNORE_FILES.iter().any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

/// Returns whether a file has no other purpose than that.
pub(super) fn is_keep_file(name: &[u8]) -> bool {
    [&b".gitkeep"[..], b".keep"].contains(&name)
}

/// Returns the rule that leaves out everything of a name in a directory of the name `folder`, if
/// there is one.
pub(super) fn rule_of(folder: &[u8], name: &[u8], is_folder: bool) -> Option<&'static str> {
    let lower = |name: &[u8]| String::from_utf8_lossy(name).to_ascii_lowercase();
    let (folder, name) = (lower(folder), lower(name));
    let by_name = match name.as_str() {
        ".git" => ".git",
        ".hg" => ".hg",
        ".svn" => ".svn",
        ".venv" => ENVIRONMENT,
        "__pycache__" => "__pycache__",
        ".pytest_cache" => ".pytest_cache",
        ".mypy_cache" => ".mypy_cache",
        ".ruff_cache" => ".ruff_cache",
        ".tox" => ".tox",
        ".nox" => ".nox",
        ".ds_store" => ".DS_Store",
        "node_modules" => "node_modules",
        ".docker" | ".aws" | ".azure" | ".kube" | ".ssh" | ".gnupg" => CREDENTIALS,
        "gcloud" | "gh" if folder == ".config" => CREDENTIALS,
        ".github" | ".idea" | ".vscode" => DEVELOPMENT,
        _ if name.starts_with(".env") => ENV,
        _ if is_folder => return None,
        _ => return file_rule(&folder, &name),
    };
    Some(by_name)
}

/// Returns the rule of a file's name, both in lower case.
fn file_rule(folder: &str, name: &str) -> Option<&'static str> {
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if private_keys::is_key_name(name.as_bytes()) {
        return Some(PRIVATE_KEYS);
    }
    let is_compose = name.starts_with("docker-compose") || name.starts_with("compose.");
    let is_history = name.starts_with('.') && name.ends_with("_history");
    match name {
        _ if IGNORE_FILES.contains(&name) => Some(OWN_FILES),
        _ if CREDENTIAL_FILES.contains(&name) => Some(CREDENTIALS),
        "secrets.toml" if folder == ".streamlit" => Some(CREDENTIALS),
        // The credentials that the action google-github-actions/auth writes into the checkout.
        _ if name.starts_with("gha-creds-") && ends(&[".json"]) => Some(CREDENTIALS),
        ".gitlab-ci.yml" | "dockerfile" | "containerfile" => Some(DEVELOPMENT),
        ".histfile" | ".lesshst" | "fish_history" => Some(HISTORIES),
        _ if is_history => Some(HISTORIES),
        _ if is_compose && ends(&[".yml", ".yaml"]) => Some(DEVELOPMENT),
        _ if ends(&[".env"]) => Some(ENV),
        _ if ends(&[".tfstate", ".tfstate.backup", ".tfvars", ".tfvars.json"]) => Some(CREDENTIALS),
        _ if ends(&[".pyc"]) => Some("*.pyc"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_as_such() {
        assert_eq!(LeftOut::SECRETS, [PRIVATE_KEYS, CREDENTIALS, PASSWORDS, ENV]);
    }

    #[test]
    fn names_have_their_rules() {
        for (path, file, folder) in [
            (".git", Some(".git"), Some(".git")),
            (".gitattributes", None, None),
            (".gitignore", Some(OWN_FILES), None),
            ("Dockerfile.dockerignore", Some(OWN_FILES), None),
            (".env", Some(ENV), Some(ENV)),
            (".env.local", Some(ENV), Some(ENV)),
            (".envrc", Some(ENV), Some(ENV)),
            ("Prod.ENV", Some(ENV), None),
            ("env", None, None),
            ("env.py", None, None),
            ("venv", None, None),
            ("__pycache__", Some("__pycache__"), Some("__pycache__")),
            ("x.pyc", Some("*.pyc"), None),
            ("x.py", None, None),
            ("ID_ED25519", Some(PRIVATE_KEYS), None),
            ("id_ed25519.pub", None, None),
            ("store.P12", Some(PRIVATE_KEYS), None),
            ("debug.keystore", Some(PRIVATE_KEYS), None),
            ("keystore", None, None),
            ("keystore.py", None, None),
            (".NETRC", Some(CREDENTIALS), None),
            ("netrc.py", None, None),
            ("pip.conf", Some(CREDENTIALS), None),
            ("kubeconfig", Some(CREDENTIALS), None),
            ("kubeconfig.py", None, None),
            (".aws", Some(CREDENTIALS), Some(CREDENTIALS)),
            ("aws", None, None),
            (".config/gcloud", Some(CREDENTIALS), Some(CREDENTIALS)),
            ("gcloud", None, None),
            (".streamlit/secrets.toml", Some(CREDENTIALS), None),
            (".streamlit/config.toml", None, None),
            ("secrets.toml", None, None),
            ("gha-creds-0a1b2c.json", Some(CREDENTIALS), None),
            ("terraform.tfstate.backup", Some(CREDENTIALS), None),
            ("prod.tfvars", Some(CREDENTIALS), None),
            ("node_modules", Some("node_modules"), Some("node_modules")),
            (".github", Some(DEVELOPMENT), Some(DEVELOPMENT)),
            ("Dockerfile", Some(DEVELOPMENT), None),
            ("Dockerfile.j2", None, None),
            ("dockerfile.py", None, None),
            ("docker-compose.override.yaml", Some(DEVELOPMENT), None),
            ("docker-compose.py", None, None),
            ("compose.yaml", Some(DEVELOPMENT), None),
            ("composer.yaml", None, None),
            (".bash_history", Some(HISTORIES), None),
            ("chat_history", None, None),
        ] {
            let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
            let rule = |is_folder| rule_of(parent.as_bytes(), name.as_bytes(), is_folder);
            assert_eq!(rule(false), file, "file {path}");
            assert_eq!(rule(true), folder, "folder {path}");
        }
        assert_eq!(rule_of(b"", b"caf\xe9.env", false), Some(ENV), "names need not be text");
    }
}
