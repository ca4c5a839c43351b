//! The location of an image: in a registry, in an OCI layout on disk, or in an archive.
//!
//! Names in registries are docker's references: `python:3.13-slim` is
//! `docker.io/library/python:3.13-slim`. Layouts and archives are written as skopeo does,
//! `oci:DIR[:NAME]`, `oci-archive:FILE[:NAME]` and `docker-archive:FILE[:REFERENCE]`, the first two
//! with `@sha256:…` after that where one image is meant.

use std::fmt;
use std::path::{Path, PathBuf};
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
    /// A tar of an OCI layout, and the name or the digest of an image in it.
    OciArchive {
        file: PathBuf,
        name: Option<String>,
        digest: Option<Digest>,
    },
    /// A tar that `docker load` reads, and the name of the image in it.
    DockerArchive {
        file: PathBuf,
        name: Option<RegistryName>,
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
    #[error("`{0}` names no file")]
    Archive(String),
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
            Self::Layout(_) => Some("write it as oci:FOLDER or oci:FOLDER:NAME".to_owned()),
            Self::Control(_) => Some("name a directory or a file of letters, digits and punctuation".to_owned()),
            Self::Archive(_) => {
                Some("write it as oci-archive:FILE[:NAME] or docker-archive:FILE[:REPOSITORY:TAG]".to_owned())
            }
            Self::Transport { transport } if transport == "docker-daemon" => {
                Some("`carboy build --load` loads the image into docker or podman".to_owned())
            }
            Self::Transport { .. } => {
                Some("use registry/repository:tag, oci:FOLDER, oci-archive:FILE or docker-archive:FILE".to_owned())
            }
        }
    }
}

impl Location {
    /// Returns the same place with another tag.
    #[must_use]
    pub fn with_tag(&self, tag: &str) -> Self {
        let tag = Some(tag.to_owned());
        match self.place() {
            Self::Registry(name) => Self::Registry(RegistryName { tag, ..name }),
            Self::Layout { folder, .. } => Self::Layout { folder, name: tag, digest: None },
            Self::OciArchive { file, .. } => Self::OciArchive { file, name: tag, digest: None },
            Self::DockerArchive { file, .. } => {
                let name = match self {
                    Self::DockerArchive { name, .. } => name.clone(),
                    _ => None,
                };
                Self::DockerArchive { file, name: name.map(|name| RegistryName { tag, ..name }) }
            }
        }
    }

    /// Returns the tag, or the name in a layout or an archive, where one is given.
    #[must_use]
    pub fn tag(&self) -> Option<&str> {
        match self {
            Self::Registry(name) => name.tag.as_deref(),
            Self::Layout { name, .. } | Self::OciArchive { name, .. } => name.as_deref(),
            Self::DockerArchive { name, .. } => name.as_ref()?.tag.as_deref(),
        }
    }

    /// Returns the digest, where one is given.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Registry(name) => name.digest,
            Self::Layout { digest, .. } | Self::OciArchive { digest, .. } => *digest,
            Self::DockerArchive { name, .. } => name.as_ref()?.digest,
        }
    }

    /// Returns the repository, the layout or the archive, without the name of an image in it.
    #[must_use]
    pub fn place(&self) -> Self {
        match self {
            Self::Registry(name) => Self::Registry(RegistryName { tag: None, digest: None, ..name.clone() }),
            Self::Layout { folder, .. } => Self::Layout { folder: folder.clone(), name: None, digest: None },
            Self::OciArchive { file, .. } => Self::OciArchive { file: file.clone(), name: None, digest: None },
            Self::DockerArchive { file, .. } => Self::DockerArchive { file: file.clone(), name: None },
        }
    }

    /// Returns the layout's folder or the archive's file.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Registry(_) => None,
            Self::Layout { folder: path, .. }
            | Self::OciArchive { file: path, .. }
            | Self::DockerArchive { file: path, .. } => Some(path),
        }
    }

    /// Replaces the layout's folder or the archive's file.
    #[must_use]
    pub fn map_path(mut self, change: impl FnOnce(&Path) -> PathBuf) -> Self {
        match &mut self {
            Self::Registry(_) => {}
            Self::Layout { folder: path, .. }
            | Self::OciArchive { file: path, .. }
            | Self::DockerArchive { file: path, .. } => *path = change(path),
        }
        self
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
        if let Some(path) = text.strip_prefix("oci-archive:") {
            return match layout(text, path) {
                // No file: tar takes it for stdout.
                Ok(Self::Layout { folder, .. }) if folder == Path::new("-") => {
                    Err(LocationError::Archive(text.to_owned()))
                }
                Ok(Self::Layout { folder: file, name, digest }) => Ok(Self::OciArchive { file, name, digest }),
                Ok(other) => Ok(other),
                Err(LocationError::Layout(_)) => Err(LocationError::Archive(text.to_owned())),
                Err(error) => Err(error),
            };
        }
        if let Some(path) = text.strip_prefix("docker-archive:") {
            return docker_archive(text, path);
        }
        for transport in ["docker-daemon", "containers-storage", "dir"] {
            if text.starts_with(&format!("{transport}:")) {
                return Err(LocationError::Transport { transport: transport.to_owned() });
            }
        }
        text.strip_prefix("docker://").unwrap_or(text).parse().map(Self::Registry)
    }
}

impl FromStr for RegistryName {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, LocationError> {
        let error =
            |cause: &dyn fmt::Display| LocationError::Reference { text: text.to_owned(), cause: cause.to_string() };
        let Reference { registry, repository, tag, digest } = Reference::parse(text).map_err(|cause| error(&cause))?;
        Ok(Self { registry, repository, tag, digest })
    }
}

/// Parses what follows `docker-archive:`. As in skopeo's names, the file ends at the first colon.
fn docker_archive(text: &str, path: &str) -> Result<Location, LocationError> {
    let (file, name) = path.split_once(':').map_or((path, None), |(file, name)| (file, Some(name)));
    // The place is a line of stdout, as a layout's is.
    if file.contains(printable::is_unsafe) || file.contains("##") {
        return Err(LocationError::Control(text.to_owned()));
    }
    if file.is_empty() || file == "-" || name == Some("") {
        return Err(LocationError::Archive(text.to_owned()));
    }
    let name = name.map(str::parse).transpose()?;
    Ok(Location::DockerArchive { file: PathBuf::from(file), name })
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
            Self::OciArchive { file, name, digest } => {
                write!(f, "oci-archive:{}", file.display())?;
                name.iter().try_for_each(|name| write!(f, ":{name}"))?;
                digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
            }
            Self::DockerArchive { file, name } => {
                write!(f, "docker-archive:{}", file.display())?;
                name.iter().try_for_each(|name| write!(f, ":{name}"))
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
mod tests;
