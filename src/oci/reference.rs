//! Docker's references: `registry/repository:tag@digest`, with what people leave out.
//!
//! Source: distribution's `reference` package, grammar and normalisation.

use core::net::Ipv6Addr;

use super::Digest;
use super::digest::DigestError;

/// The registry of names without one.
const DOCKER: &str = "docker.io";
/// Another name of that registry.
const OLD_DOCKER: &str = "index.docker.io";
/// The longest repository name, in bytes.
const LONGEST_NAME: usize = 255;
/// The longest tag, in bytes.
const LONGEST_TAG: usize = 128;

/// The parts of a reference. Registry and repository are complete: `python` is
/// `docker.io/library/python`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Reference {
    pub registry: String,
    pub repository: String,
    pub tag: Option<String>,
    pub digest: Option<Digest>,
}

/// A text that is no reference.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum ReferenceError {
    #[error("it names no repository")]
    Empty,
    #[error("`{0}` is not a registry's host and port")]
    Registry(String),
    #[error("the repository name `{0}` has upper-case letters")]
    Uppercase(String),
    #[error("`{0}` is not a repository name")]
    Repository(String),
    #[error("the repository name is longer than {LONGEST_NAME} characters")]
    TooLong,
    #[error("`{0}` is not a tag")]
    Tag(String),
    #[error("64 hexadecimal digits are an image's id, not its name")]
    Identifier,
    #[error(transparent)]
    Digest(#[from] DigestError),
}

impl Reference {
    /// Reads a reference.
    ///
    /// # Errors
    /// The part that is not as specified.
    pub(super) fn parse(text: &str) -> Result<Self, ReferenceError> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse()?)),
            None => (text, None),
        };
        if super::digest::is_hex(rest.as_bytes()) {
            return Err(ReferenceError::Identifier);
        }
        // A colon before a slash is a port's.
        let (name, tag) = match rest.rsplit_once(':') {
            Some((name, tag)) if !tag.contains(['/', ']']) => (name, Some(tag)),
            _ => (rest, None),
        };
        let (registry, repository) = registry_of(name)?;
        check_repository(repository.trim_start_matches("library/"), &repository)?;
        if let Some(tag) = tag.filter(|tag| !is_tag(tag)) {
            return Err(ReferenceError::Tag(tag.to_owned()));
        }
        Ok(Self { registry, repository, tag: tag.map(str::to_owned), digest })
    }
}

/// Returns registry and repository of a name, both complete.
fn registry_of(name: &str) -> Result<(String, String), ReferenceError> {
    let is_registry = |first: &str| {
        first == "localhost" || first.contains(['.', ':', '[']) || first.bytes().any(|byte| byte.is_ascii_uppercase())
    };
    let (registry, repository) = match name.split_once('/') {
        Some((first, rest)) if is_registry(first) => (first, rest),
        _ => (DOCKER, name),
    };
    if !is_authority(registry) {
        return Err(ReferenceError::Registry(registry.to_owned()));
    }
    let registry = if registry == OLD_DOCKER { DOCKER } else { registry };
    let is_official = registry == DOCKER && !repository.is_empty() && !repository.contains('/');
    let repository = if is_official { format!("library/{repository}") } else { repository.to_owned() };
    Ok((registry.to_owned(), repository))
}

/// Returns whether a text is a host, with or without a port.
fn is_authority(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let is_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let is_label = |label: &str| {
        let inner = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        inner && !label.is_empty() && !label.starts_with('-') && !label.ends_with('-')
    };
    let is_host = match host.strip_prefix('[') {
        Some(rest) => rest.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok()),
        None => host.split('.').all(is_label),
    };
    is_host && port.is_none_or(is_port)
}

/// Checks a repository; errors name it as it was written.
fn check_repository(written: &str, repository: &str) -> Result<(), ReferenceError> {
    if written.is_empty() {
        return Err(ReferenceError::Empty);
    }
    if repository.len() > LONGEST_NAME {
        return Err(ReferenceError::TooLong);
    }
    if repository.split('/').all(is_component) {
        return Ok(());
    }
    let is_case_only = repository.to_ascii_lowercase().split('/').all(is_component);
    let written = written.to_owned();
    Err(if is_case_only { ReferenceError::Uppercase(written) } else { ReferenceError::Repository(written) })
}

/// Returns whether a text is a part of a repository name: lower-case letters and digits, with `.`,
/// `_`, `__` or any number of `-` between them.
fn is_component(text: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separators = text.split(is_word).filter(|separator| !separator.is_empty());
    let is_separator = |separator: &str| matches!(separator, "." | "_" | "__") || separator.bytes().all(|b| b == b'-');
    text.starts_with(is_word) && text.ends_with(is_word) && separators.into_iter().all(is_separator)
}

fn is_tag(text: &str) -> bool {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    (1..=LONGEST_TAG).contains(&text.len())
        && text.bytes().all(|byte| is_word(byte) || matches!(byte, b'.' | b'-'))
        && text.bytes().next().is_some_and(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> String {
        match Reference::parse(text) {
            Ok(Reference { registry, repository, tag, digest }) => {
                let tag = tag.map_or_else(String::new, |tag| format!(" :{tag}"));
                let digest = digest.map_or_else(String::new, |digest| format!(" @{}", digest.short()));
                format!("{registry} {repository}{tag}{digest}")
            }
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn names_are_completed_as_docker_does() {
        let digest = format!("@{}", Digest::of(b""));
        for (text, parts) in [
            ("python", "docker.io library/python"),
            ("python:3.13-slim", "docker.io library/python :3.13-slim"),
            ("library/python", "docker.io library/python"),
            ("docker.io/python", "docker.io library/python"),
            ("index.docker.io/acme/shop:1", "docker.io acme/shop :1"),
            ("acme/shop", "docker.io acme/shop"),
            ("acme/shop/x", "docker.io acme/shop/x"),
            ("localhost/x", "localhost x"),
            ("localhost:5000/x:1", "localhost:5000 x :1"),
            ("localhost", "docker.io library/localhost"),
            ("host:5000/a", "host:5000 a"),
            ("host:5000", "docker.io library/host :5000"),
            ("ghcr.io/acme/shop", "ghcr.io acme/shop"),
            ("GHCR.io/acme/shop", "GHCR.io acme/shop"),
            ("Host/a", "Host a"),
            ("127.0.0.1/a", "127.0.0.1 a"),
            ("127.0.0.1:5000/a/b:_T.-9", "127.0.0.1:5000 a/b :_T.-9"),
            ("[::1]:5000/a", "[::1]:5000 a"),
            ("[::1]:5000/a/b:1", "[::1]:5000 a/b :1"),
            ("[2001:db8::1]/a", "[2001:db8::1] a"),
            ("[fe80::1]:443/a:1", "[fe80::1]:443 a :1"),
            ("a__b/c.d-e---f", "docker.io a__b/c.d-e---f"),
        ] {
            assert_eq!(parsed(text), parts, "{text}");
            let pinned = format!("{text}{digest}");
            assert_eq!(parsed(&pinned), format!("{parts} @e3b0c44298fc"), "{pinned}");
        }
    }

    #[test]
    fn errors_name_the_part() {
        let long = "a".repeat(256);
        let hex = "0123456789abcdef".repeat(4);
        for (text, error) in [
            ("", "it names no repository"),
            (":1", "it names no repository"),
            ("ghcr.io/", "it names no repository"),
            ("Python", "the repository name `Python` has upper-case letters"),
            ("ghcr.io/Acme/shop", "the repository name `Acme/shop` has upper-case letters"),
            ("a b", "`a b` is not a repository name"),
            ("a//b", "`a//b` is not a repository name"),
            ("/a", "`/a` is not a repository name"),
            ("a___b", "`a___b` is not a repository name"),
            ("a..b", "`a..b` is not a repository name"),
            ("-a/b", "`-a/b` is not a repository name"),
            ("caf\u{e9}", "`caf\u{e9}` is not a repository name"),
            ("ghcr.io/a:", "`` is not a tag"),
            ("ghcr.io/a:.x", "`.x` is not a tag"),
            ("ghcr.io/a:x y", "`x y` is not a tag"),
            ("h:port/a", "`h:port` is not a registry's host and port"),
            ("h:99999/a", "`h:99999` is not a registry's host and port"),
            ("h:/a", "`h:` is not a registry's host and port"),
            ("-h.example/a", "`-h.example` is not a registry's host and port"),
            ("h..example/a", "`h..example` is not a registry's host and port"),
            ("my_registry:5000/a:1", "`my_registry:5000` is not a registry's host and port"),
            ("[::1/a", "`[::1` is not a registry's host and port"),
            ("[::g]:5000/a", "`[::g]:5000` is not a registry's host and port"),
            ("[]/a", "`[]` is not a registry's host and port"),
            ("a@sha256:12", "`sha256:12` is not a sha256 digest"),
            ("a@", "`` is not a sha256 digest"),
            (&long, "the repository name is longer than 255 characters"),
            (&hex, "64 hexadecimal digits are an image's id, not its name"),
        ] {
            assert_eq!(parsed(text), error, "{text}");
        }
        assert_eq!(parsed(&format!("a:{}", "t".repeat(129))), format!("`{}` is not a tag", "t".repeat(129)));
        assert_eq!(parsed(&format!("a:{}", "t".repeat(128))), format!("docker.io library/a :{}", "t".repeat(128)));
    }
}
