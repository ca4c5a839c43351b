//! What does not belong into an application, whatever the ignore files say:
//! version control, environments, caches, secrets.

/// The rule that leaves private keys out.
pub(super) const PRIVATE_KEYS: &str = "private keys";
/// The rule that leaves environments out.
pub(super) const ENVIRONMENT: &str = ".venv";
/// The rule that leaves out what says what to leave out.
pub(super) const OWN_FILES: &str = "carboy.toml and ignore files";
/// The rule that leaves caches out.
pub(super) const CACHES: &str = "caches";
/// The rule that leaves images out.
pub(super) const IMAGES: &str = "image layouts and archives";
/// The rule that leaves out what the run reads elsewhere.
pub(super) const INPUTS: &str = "lock file and wheels";
/// The rule that leaves out what the run writes.
pub(super) const OUTPUTS: &str = "carboy's cache and target";

/// The rule that leaves out everything of a name, if there is one.
pub(super) fn rule_of(name: &[u8], is_folder: bool) -> Option<&'static str> {
    let rule = match name {
        b".git" => ".git",
        b".hg" => ".hg",
        b".svn" => ".svn",
        b".venv" => ENVIRONMENT,
        b"__pycache__" => "__pycache__",
        b".pytest_cache" => ".pytest_cache",
        b".mypy_cache" => ".mypy_cache",
        b".ruff_cache" => ".ruff_cache",
        b".tox" => ".tox",
        b".nox" => ".nox",
        b".DS_Store" => ".DS_Store",
        b".gitignore" | b".dockerignore" | b".carboyignore" if !is_folder => OWN_FILES,
        b"id_rsa" | b"id_dsa" | b"id_ecdsa" | b"id_ed25519" if !is_folder => PRIVATE_KEYS,
        _ if name.starts_with(b".env") => ".env*",
        _ if is_folder => return None,
        _ if has_suffix(name, &[".pyc"]) => "*.pyc",
        _ if has_suffix(name, &[".p12", ".pfx"]) => PRIVATE_KEYS,
        _ => return None,
    };
    Some(rule)
}

/// Whether a file's content decides if it is left out: certificates and keys
/// share their names' endings.
pub(super) fn may_be_key(name: &[u8]) -> bool {
    has_suffix(name, &[".pem", ".key"])
}

/// Whether a private key's header is among a file's first bytes (RFC 7468;
/// `OpenSSH`'s and PGP's own forms look the same).
pub(super) fn is_private_key(start: &[u8]) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN ";
    start.windows(BEGIN.len()).enumerate().filter(|(_, window)| *window == BEGIN).any(|(at, _)| {
        let label = &start[at + BEGIN.len()..];
        let end = label.iter().position(|&byte| byte == b'-' || byte == b'\n').unwrap_or(label.len());
        label[..end].windows(11).any(|window| window == b"PRIVATE KEY")
    })
}

fn has_suffix(name: &[u8], suffixes: &[&str]) -> bool {
    suffixes.iter().any(|suffix| {
        let start = name.len().checked_sub(suffix.len());
        start.is_some_and(|start| name[start..].eq_ignore_ascii_case(suffix.as_bytes()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_their_rules() {
        for (name, file, folder) in [
            (".git", Some(".git"), Some(".git")),
            (".gitattributes", None, None),
            (".gitignore", Some(OWN_FILES), None),
            (".env", Some(".env*"), Some(".env*")),
            (".env.local", Some(".env*"), Some(".env*")),
            (".envrc", Some(".env*"), Some(".env*")),
            ("env", None, None),
            ("venv", None, None),
            ("__pycache__", Some("__pycache__"), Some("__pycache__")),
            ("x.pyc", Some("*.pyc"), None),
            ("x.py", None, None),
            ("id_ed25519", Some(PRIVATE_KEYS), None),
            ("id_ed25519.pub", None, None),
            ("store.P12", Some(PRIVATE_KEYS), None),
            ("node_modules", None, None),
        ] {
            assert_eq!(rule_of(name.as_bytes(), false), file, "file {name}");
            assert_eq!(rule_of(name.as_bytes(), true), folder, "folder {name}");
        }
    }

    #[test]
    fn private_keys_are_told_from_certificates() {
        for (start, private) in [
            ("-----BEGIN PRIVATE KEY-----\nMIIE", true),
            ("Bag Attributes\n-----BEGIN CERTIFICATE-----\nxx\n-----BEGIN RSA PRIVATE KEY-----\n", true),
            ("-----BEGIN ENCRYPTED PRIVATE KEY-----", true),
            ("-----BEGIN OPENSSH PRIVATE KEY-----", true),
            ("-----BEGIN PGP PRIVATE KEY BLOCK-----", true),
            ("-----BEGIN CERTIFICATE-----\nPRIVATE KEY", false),
            ("-----BEGIN PUBLIC KEY-----", false),
            ("", false),
        ] {
            assert_eq!(is_private_key(start.as_bytes()), private, "{start}");
        }
    }
}
