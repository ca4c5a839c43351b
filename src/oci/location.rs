//! The location of an image: in a registry, or in an OCI layout on disk.
//!
//! Names in registries are docker's references: `python:3.13-slim` is
//! `docker.io/library/python:3.13-slim`. Layouts are written as skopeo does,
//! `oci:DIR[:NAME]`, with `@sha256:…` after that where one image is meant.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use super::Digest;
use super::digest::DigestError;
use super::reference::Reference;
use crate::printable;

/// The place of an image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Location {
    Registry(RegistryName),
    /// A layout folder, and the `org.opencontainers.image.ref.name` within it, or an
    /// image's digest, which says more.
    Layout {
        folder: PathBuf,
        name: Option<String>,
        digest: Option<Digest>,
    },
}

/// A repository of a registry, and what is meant of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RegistryName {
    /// Host and port, as written: `docker.io`, `127.0.0.1:5000`.
    pub registry: String,
    /// Path within the registry: `library/python`.
    pub repository: String,
    /// The tag as written; `latest` is not added.
    pub tag: Option<String>,
    pub digest: Option<Digest>,
}

/// The reference by which a manifest is requested from a repository.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Selector {
    Tag(String),
    Digest(Digest),
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => f.write_str(tag),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// A text that names no place of an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    #[error("`{text}` is not an image reference: {cause}")]
    Reference { text: String, cause: String },
    #[error("`{0}` names no folder")]
    Layout(String),
    #[error("`{0}` has a character that cannot be printed as it is, or `##`")]
    Control(String),
    #[error("`{transport}:` is not supported yet")]
    Transport { transport: String },
}

impl crate::hint::Hint for LocationError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Reference { text, .. } if text.contains("://") => {
                text.split_once("://").map(|(_, rest)| format!("write it without the scheme: {rest}"))
            }
            Self::Reference { text, .. } if text.bytes().any(|b| b.is_ascii_uppercase()) => {
                Some("repository names are lower-case".to_owned())
            }
            Self::Reference { text, .. } if text.split('/').next().is_some_and(|host| host.contains('_')) => {
                let host = text.split('/').next().unwrap_or_default();
                Some(format!(
                    "the name of a host has no `_`, for docker either: give `{host}` another name, or write its address"
                ))
            }
            Self::Reference { .. } => {
                Some("write it as registry/repository:tag, as in ghcr.io/acme/shop:1.4.2".to_owned())
            }
            Self::Layout(_) | Self::Control(_) => Some("write it as oci:FOLDER or oci:FOLDER:NAME".to_owned()),
            Self::Transport { .. } => Some("use registry/repository:tag or oci:FOLDER".to_owned()),
        }
    }
}

impl Location {
    /// Returns the same place with another tag.
    #[must_use]
    pub fn with_tag(&self, tag: &str) -> Self {
        match self {
            Self::Registry(name) => {
                Self::Registry(RegistryName { tag: Some(tag.to_owned()), digest: None, ..name.clone() })
            }
            Self::Layout { folder, .. } => {
                Self::Layout { folder: folder.clone(), name: Some(tag.to_owned()), digest: None }
            }
        }
    }

    /// Returns the tag, or a layout's name, where one is given.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        match self {
            Self::Registry(name) => name.tag.as_deref(),
            Self::Layout { name, .. } => name.as_deref(),
        }
    }
}

impl RegistryName {
    /// Returns the reference to request: the digest if there is one, else the tag, else `latest`.
    #[must_use]
    pub fn selector(&self) -> Selector {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => Selector::Digest(*digest),
            (None, Some(tag)) => Selector::Tag(tag.clone()),
            (None, None) => Selector::Tag("latest".to_owned()),
        }
    }

    /// Registry and repository, without tag and digest.
    #[must_use]
    pub fn bare(&self) -> String {
        format!("{}/{}", self.registry, self.repository)
    }
}

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        if let Some(path) = text.strip_prefix("oci:") {
            return layout(text, path);
        }
        for transport in ["oci-archive", "docker-archive", "docker-daemon", "dir"] {
            if text.starts_with(&format!("{transport}:")) {
                return Err(LocationError::Transport { transport: transport.to_owned() });
            }
        }
        let text = text.strip_prefix("docker://").unwrap_or(text);
        let error =
            |cause: &dyn fmt::Display| LocationError::Reference { text: text.to_owned(), cause: cause.to_string() };
        let Reference { registry, repository, tag, digest } = Reference::parse(text).map_err(|cause| error(&cause))?;
        Ok(Self::Registry(RegistryName { registry, repository, tag, digest }))
    }
}

fn layout(text: &str, path: &str) -> Result<Location, LocationError> {
    let error = |cause: DigestError| LocationError::Reference { text: text.to_owned(), cause: cause.to_string() };
    let (path, digest) = match path.rsplit_once('@') {
        Some((path, digest)) if digest.starts_with("sha256:") => (path, Some(digest.parse().map_err(error)?)),
        _ => (path, None),
    };
    let (folder, name) = match path.rsplit_once(':') {
        Some((folder, name)) if !name.contains('/') && !folder.is_empty() => (folder, Some(name)),
        _ => (path, None),
    };
    // The place is a line of stdout, where Azure and TeamCity look for commands too.
    if path.contains(printable::is_unsafe) || path.contains("##") {
        return Err(LocationError::Control(text.to_owned()));
    }
    if folder.is_empty() || name == Some("") {
        return Err(LocationError::Layout(text.to_owned()));
    }
    Ok(Location::Layout { folder: PathBuf::from(folder), name: name.map(str::to_owned), digest })
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(name) => name.fmt(f),
            Self::Layout { folder, name, digest } => {
                write!(f, "oci:{}", folder.display())?;
                name.iter().try_for_each(|name| write!(f, ":{name}"))?;
                digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
            }
        }
    }
}

impl fmt::Display for RegistryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dockers_short_names_are_spelled_out() {
        for (text, full) in [
            ("python:3.11-slim", "docker.io/library/python:3.11-slim"),
            ("acme/shop", "docker.io/acme/shop"),
            ("gcr.io/distroless/cc-debian13:nonroot", "gcr.io/distroless/cc-debian13:nonroot"),
            ("127.0.0.1:5000/a/b", "127.0.0.1:5000/a/b"),
            ("localhost:5000/a:latest", "localhost:5000/a:latest"),
            ("docker://quay.io/a/b:1", "quay.io/a/b:1"),
            ("[::1]:5000/a/b:1", "[::1]:5000/a/b:1"),
            ("[2001:db8::1]/shop", "[2001:db8::1]/shop"),
            ("oci:build/out:1.2", "oci:build/out:1.2"),
            ("oci:/tmp/x:y/z", "oci:/tmp/x:y/z"),
            ("oci:a@b", "oci:a@b"),
        ] {
            assert_eq!(text.parse::<Location>().unwrap().to_string(), full);
        }
    }

    #[test]
    fn a_layout_may_be_asked_for_a_digest() {
        let digest = Digest::of(b"");
        for text in [format!("oci:out@{digest}"), format!("oci:out:1@{digest}")] {
            let location: Location = text.parse().unwrap();
            assert_eq!(location.to_string(), text);
            assert!(matches!(location, Location::Layout { digest: Some(found), .. } if found == digest));
        }
    }

    #[test]
    fn odd_names_are_refused() {
        for bad in [
            "",
            "ghcr.io/UPPER/case",
            "https://ghcr.io/acme/shop",
            "my_registry:5000/a:1",
            "[::1:5000/a",
            "[::1]:x/a",
            "[::1]:5000/",
            "[::1]:5000",
            "[lan]:5000/a",
            "a b",
            "oci:",
            "oci:x:",
            "oci:x@sha256:12",
            "oci:x\n::error::y",
            "oci:out##vso[task.setvariable variable=PATH]x",
            "oci:o\u{202e}ut",
            "oci:out:\u{9b}2J",
            "oci-archive:x.tar",
            "r/a@sha256:12",
        ] {
            assert!(bad.parse::<Location>().is_err(), "{bad}");
        }
    }
}
