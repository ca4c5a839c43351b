//! Findings in a file's content that its name does not show: a private key, a login, an image
//! archive, a core dump.
//!
//! Sources: Google's service account keys and `gcloud`'s application default credentials, which are
//! JSON objects with a `type`; `elf(5)` for `ET_CORE`.

use serde_json::Value;

use super::image_archive::ArchiveDetector;
use super::{default_excludes, url_passwords};
use crate::rootfs::private_keys;

/// The number of bytes that are kept from a file's beginning.
const START: usize = 64 << 10;
/// The number of these that may hold the first line of a private key.
const KEY_START: usize = 4096;
/// The number of bytes kept from the previous chunk, since a key may begin in them.
const OVERLAP: usize = private_keys::LONGEST + url_passwords::LONGEST;
/// The first bytes of machine code, which may contain a key for tests.
const MACHINE_CODE: [&[u8]; 5] = [b"\x7fELF", b"MZ", b"\xfe\xed\xfa\xcf", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe"];

/// Content that leaves a file out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Finding {
    PrivateKey,
    /// A Google credential: a service account's key, or a user's refresh token.
    Account,
    /// A lock or configuration file with a password in a URL.
    Password,
    ImageArchive,
    CoreDump,
}

impl Finding {
    const ALL: [Self; 5] = [Self::PrivateKey, Self::Account, Self::Password, Self::ImageArchive, Self::CoreDump];

    /// Returns the rule that leaves the file out.
    pub(super) fn rule(self) -> &'static str {
        match self {
            Self::PrivateKey => default_excludes::PRIVATE_KEYS,
            Self::Account => default_excludes::CREDENTIALS,
            Self::Password => default_excludes::PASSWORDS,
            Self::ImageArchive => default_excludes::IMAGES,
            Self::CoreDump => default_excludes::CORE_DUMPS,
        }
    }

    /// Encodes a finding for the index; zero means none.
    pub(super) fn to_byte(found: Option<Self>) -> u8 {
        let place = Self::ALL.iter().position(|one| Some(*one) == found);
        place.and_then(|place| u8::try_from(place + 1).ok()).unwrap_or_default()
    }

    /// Decodes a number other than zero, if it is valid.
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.get(usize::from(byte).checked_sub(1)?).copied()
    }
}

/// Scans a file's bytes as they are read.
pub(super) struct ContentScanner<'a> {
    name: &'a [u8],
    purpose: Option<url_passwords::Purpose>,
    start: Vec<u8>,
    /// The last bytes of the previous chunk.
    tail: Vec<u8>,
    has_key: bool,
    has_password: bool,
    archive: ArchiveDetector,
}

impl<'a> ContentScanner<'a> {
    /// Creates a scanner for a file of this name in a directory of that.
    pub(super) fn new(folder: &[u8], name: &'a [u8]) -> Self {
        Self {
            name,
            purpose: url_passwords::purpose(folder, name),
            start: vec![],
            tail: vec![],
            has_key: false,
            has_password: false,
            archive: ArchiveDetector::default(),
        }
    }

    /// Scans the next bytes.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        let missing = START.saturating_sub(self.start.len());
        self.start.extend_from_slice(&bytes[..bytes.len().min(missing)]);
        self.archive.take(bytes);
        if self.is_code() {
            return;
        }
        let before = self.tail.len();
        self.tail.extend_from_slice(bytes);
        let text = if before == 0 { bytes } else { &self.tail };
        self.has_key |= private_keys::holds_key(text);
        self.has_password |= self.purpose.is_some_and(|purpose| url_passwords::has_password(purpose, text));
        self.tail.drain(..self.tail.len().saturating_sub(OVERLAP));
    }

    /// Returns the first four bytes.
    pub(super) fn magic(&self) -> [u8; 4] {
        let mut magic = [0; 4];
        magic.iter_mut().zip(&self.start).for_each(|(to, from)| *to = *from);
        magic
    }

    /// Returns the finding in a file of this size.
    pub(super) fn finish(self, size: u64) -> Option<Finding> {
        // A URL at the end of a file has no delimiter behind it.
        let last = [self.tail.as_slice(), b"\n"].concat();
        let has_password =
            self.has_password || self.purpose.is_some_and(|purpose| url_passwords::has_password(purpose, &last));
        let key_start = &self.start[..self.start.len().min(KEY_START)];
        let is_key = self.has_key || private_keys::may_be_key(self.name) && private_keys::begins_key(key_start);
        let is_account = size == self.start.len() as u64 && !self.is_code() && is_account(&self.start);
        let found = [
            (is_core_dump(&self.start), Finding::CoreDump),
            (is_account, Finding::Account),
            (is_key, Finding::PrivateKey),
            (has_password, Finding::Password),
            (self.archive.finish(), Finding::ImageArchive),
        ];
        found.into_iter().find_map(|(is, finding)| is.then_some(finding))
    }

    /// Returns whether the file is source or machine code, in which keys are there for a reason.
    fn is_code(&self) -> bool {
        private_keys::is_source(self.name, &self.start)
            || MACHINE_CODE.iter().any(|magic| self.start.starts_with(magic))
    }
}

/// Returns whether a file is a Google credential, or a list of some.
fn is_account(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    if !matches!(text.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return false;
    }
    match serde_json::from_slice::<Value>(text) {
        Ok(Value::Array(all)) => all.iter().any(is_key),
        Ok(one) => is_key(&one),
        Err(_) => false,
    }
}

/// Returns whether an object is a Google credential: one of the forms that `google-auth` reads,
/// with a secret in it and not only the path of one.
fn is_key(object: &Value) -> bool {
    let has = |keys: &[&str]| keys.iter().any(|key| object[*key].as_str().is_some_and(|text| !text.is_empty()));
    match object["type"].as_str() {
        Some("service_account") => has(&["private_key", "private_key_id", "client_email"]),
        Some("authorized_user" | "external_account_authorized_user") => has(&["refresh_token", "client_secret"]),
        Some("external_account") => {
            let headers = object["credential_source"]["headers"].as_object();
            has(&["client_secret"]) || headers.is_some_and(|headers| !headers.is_empty())
        }
        // The source of an impersonated account is itself an account.
        Some("impersonated_service_account") => is_key(&object["source_credentials"]),
        _ => false,
    }
}

/// Returns whether a file's ELF header marks a core dump.
fn is_core_dump(start: &[u8]) -> bool {
    const CORE: u16 = 4;
    const BIG_ENDIAN: u8 = 2;
    let Some(&[one, two]) = start.get(16..18) else { return false };
    let kind = if start[5] == BIG_ENDIAN { u16::from_be_bytes([one, two]) } else { u16::from_le_bytes([one, two]) };
    start.starts_with(b"\x7fELF") && kind == CORE
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n";

    const WITH_HEADERS: &str = r#"{"type": "external_account", "credential_source":
        {"url": "https://ci/token", "headers": {"Authorization": "bearer x"}}}"#;
    const IMPERSONATED: &str = r#"{"type": "impersonated_service_account", "source_credentials":
        {"type": "authorized_user", "refresh_token": "1//x", "client_secret": "y"}}"#;

    fn found(name: &str, content: &[u8], chunk: usize) -> Option<Finding> {
        let mut scan = ContentScanner::new(b"", name.as_bytes());
        content.chunks(chunk).for_each(|bytes| scan.take(bytes));
        scan.finish(content.len() as u64)
    }

    #[test]
    fn content_tells_what_a_name_does_not() {
        let elf = |kind: u8| [&b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0"[..], &[kind, 0], KEY.as_bytes()].concat();
        let account = r#"{"type": "service_account", "private_key": "x", "client_email": "a@b"}"#;
        let user = r#" {"type": "authorized_user", "refresh_token": "1//x"}"#;
        let later = format!("{}{KEY}", "x\n".repeat(100_000));
        for (name, content, want) in [
            ("notes.txt", KEY.as_bytes(), Some(Finding::PrivateKey)),
            ("notes", later.as_bytes(), Some(Finding::PrivateKey)),
            ("client.py", KEY.as_bytes(), None),
            ("tls.key", b"-----BEGIN PRIVATE KEY-----\n", Some(Finding::PrivateKey)),
            ("notes.txt", b"-----BEGIN PRIVATE KEY-----\n", None),
            ("cacert.pem", b"-----BEGIN CERTIFICATE-----\nMC4C\n-----END CERTIFICATE-----\n", None),
            ("deploy.json", account.as_bytes(), Some(Finding::Account)),
            ("adc", user.as_bytes(), Some(Finding::Account)),
            ("schema.json", br#"{"type": "service_account"}"#, None),
            ("list.json", br#"["service_account"]"#, None),
            ("keys.json", br#"[{"a": 1}, {"type": "service_account", "private_key": "x"}]"#, Some(Finding::Account)),
            ("wif.json", WITH_HEADERS.as_bytes(), Some(Finding::Account)),
            ("wif.json", br#"{"type": "external_account", "credential_source": {"file": "/token"}}"#, None),
            (
                "workforce.json",
                br#"{"type": "external_account_authorized_user", "refresh_token": "1//x"}"#,
                Some(Finding::Account),
            ),
            ("as.json", IMPERSONATED.as_bytes(), Some(Finding::Account)),
            ("requirements.txt", b"--index-url https://u:p@host/simple\n", Some(Finding::Password)),
            ("requirements.txt", b"--index-url https://u:p@host", Some(Finding::Password)),
            ("notes.txt", b"--index-url https://u:p@host/simple\n", None),
            ("core", &elf(4), Some(Finding::CoreDump)),
            ("lib.so", &elf(3), None),
            ("empty", b"", None),
        ] {
            for chunk in [1000, 131_072] {
                assert_eq!(found(name, content, chunk), want, "{name}, {chunk}");
            }
        }
    }

    #[test]
    fn findings_are_numbers_in_the_index() {
        for finding in Finding::ALL {
            assert_eq!(Finding::from_byte(Finding::to_byte(Some(finding))), Some(finding));
        }
        assert_eq!((Finding::to_byte(None), Finding::from_byte(6)), (0, None));
    }
}
