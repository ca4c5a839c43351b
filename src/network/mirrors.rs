//! Mirrors of registries and of parts of them, by the longest prefix of an image's name.
//!
//! Source: containers-registries.conf(5), of which these rules are a part. A mirror replaces the
//! prefix of the name; the rest of the name stays.

use std::fmt;
use std::str::FromStr;

use super::host::{HostPattern, canonical_registry};
use crate::oci::location::{RegistryName, Selector};

/// All rules for mirrors.
#[derive(Clone, Debug, Default)]
pub struct Mirrors(Vec<MirrorRule>);

/// The mirrors of a prefix.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MirrorRule {
    pub prefix: RepositoryPrefix,
    /// The mirrors, in the order in which they are asked.
    pub mirrors: Vec<Mirror>,
    /// Asks the registry itself after the mirrors.
    pub fallback: bool,
    /// Refuses all access.
    pub blocked: bool,
    /// The setting, for messages: `fallback = false` in FILE.
    pub source: String,
}

/// A place that has the images of another one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mirror {
    pub location: RepositoryPrefix,
    pub pull_by: PullBy,
}

/// The kind of references that a mirror is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum PullBy {
    #[default]
    All,
    Digest,
    Tag,
}

/// A registry, or the beginning of a repository's name in it: `docker.io/library`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RepositoryPrefix {
    /// A host, or `*.` and a domain for all hosts below it.
    registry: String,
    path: String,
}

/// A text that is not a registry or a part of one.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("is not a registry, with or without the beginning of a repository's name")]
pub struct InvalidLocation {
    pub hint: String,
}

impl RepositoryPrefix {
    /// Parses `HOST[:PORT][/PATH]`; with `wildcard`, also `*.DOMAIN`.
    ///
    /// # Errors
    /// A scheme, an invalid host, or a path that no repository can have.
    pub fn parse(text: &str, wildcard: bool) -> Result<Self, InvalidLocation> {
        let invalid = |hint: String| InvalidLocation { hint };
        let general = || invalid("write it as HOST/PATH, as in harbor.corp/hub".to_owned());
        if let Some((scheme, rest)) = text.split_once("://") {
            let (bare, insecure) = (rest.trim_end_matches('/'), scheme.eq_ignore_ascii_case("http"));
            let host = bare.split('/').next().unwrap_or(bare);
            let more = if insecure { format!(", and set insecure = true for {host}") } else { String::new() };
            return Err(invalid(format!("write it without the scheme: {bare}{more}")));
        }
        let text = text.trim_end_matches('/');
        let (registry, path) = text.split_once('/').unwrap_or((text, ""));
        if registry.starts_with('*') && !(wildcard && path.is_empty()) {
            return Err(general());
        }
        let host: HostPattern = registry.parse().map_err(|_| general())?;
        let component = |part: &str| {
            let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
            !part.is_empty() && part.bytes().all(allowed) && !matches!(part, "." | "..")
        };
        if !path.is_empty() && !path.split('/').all(component) {
            return Err(general());
        }
        Ok(Self { registry: host.to_string(), path: path.to_owned() })
    }

    /// Returns the host, with a port if it has one.
    pub fn registry(&self) -> &str {
        &self.registry
    }

    /// Returns the part of a repository's name that follows this prefix, if it has the prefix.
    fn rest<'n>(&self, registry: &str, repository: &'n str) -> Option<&'n str> {
        let is_host = match self.registry.strip_prefix('*') {
            Some(domain) => registry.ends_with(domain),
            None => registry == self.registry,
        };
        let rest = repository.strip_prefix(&self.path).filter(|_| is_host)?;
        match rest.strip_prefix('/') {
            _ if self.path.is_empty() => Some(rest),
            Some(rest) => Some(rest),
            None => rest.is_empty().then_some(rest),
        }
    }

    fn length(&self) -> usize {
        self.registry.len() + self.path.len()
    }
}

impl fmt::Display for RepositoryPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.registry)?;
        if self.path.is_empty() { Ok(()) } else { write!(f, "/{}", self.path) }
    }
}

impl FromStr for RepositoryPrefix {
    type Err = InvalidLocation;

    fn from_str(text: &str) -> Result<Self, InvalidLocation> {
        Self::parse(text, false)
    }
}

impl PullBy {
    /// Returns whether a reference is of this kind.
    pub fn accepts(self, selector: &Selector) -> bool {
        match self {
            Self::All => true,
            Self::Digest => matches!(selector, Selector::Digest(_)),
            Self::Tag => matches!(selector, Selector::Tag(_)),
        }
    }
}

impl MirrorRule {
    /// Returns the name of a repository at one of the mirrors. None if it has no name there.
    pub fn at(&self, mirror: &Mirror, name: &RegistryName) -> Option<RegistryName> {
        let rest = self.prefix.rest(&canonical(name), &name.repository)?;
        let parts: Vec<_> = [mirror.location.path.as_str(), rest].into_iter().filter(|part| !part.is_empty()).collect();
        let repository = parts.join("/");
        (!repository.is_empty()).then(|| RegistryName {
            registry: mirror.location.registry.clone(),
            repository,
            ..name.clone()
        })
    }
}

impl Mirrors {
    /// Adds a rule, unless there is one for its prefix: rules are added in the order of precedence.
    pub fn add(&mut self, rule: MirrorRule) {
        if self.0.iter().all(|known| known.prefix != rule.prefix) {
            self.0.push(rule);
        }
    }

    /// Returns the rule with the longest prefix of a repository's name.
    pub fn of(&self, name: &RegistryName) -> Option<&MirrorRule> {
        let registry = canonical(name);
        let matching = self.0.iter().filter(|rule| rule.prefix.rest(&registry, &name.repository).is_some());
        matching.max_by_key(|rule| rule.prefix.length())
    }
}

fn canonical(name: &RegistryName) -> String {
    canonical_registry(&name.registry.to_ascii_lowercase()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(prefix: &str, location: &str) -> MirrorRule {
        MirrorRule {
            prefix: RepositoryPrefix::parse(prefix, true).unwrap(),
            mirrors: vec![Mirror { location: location.parse().unwrap(), pull_by: PullBy::All }],
            fallback: true,
            blocked: false,
            source: String::new(),
        }
    }

    fn name(registry: &str, repository: &str) -> RegistryName {
        RegistryName { registry: registry.to_owned(), repository: repository.to_owned(), tag: None, digest: None }
    }

    #[test]
    fn the_longest_prefix_decides_and_the_rest_of_the_name_stays() {
        let mut mirrors = Mirrors::default();
        for (prefix, location) in [
            ("docker.io", "harbor.corp/hub"),
            ("docker.io", "later.corp"),
            ("docker.io/library", "harbor.corp/hub/library"),
            ("docker.io/library/python", "python.corp:8443/py"),
            ("ghcr.io/acme", "ghcr.corp"),
            ("*.example.com", "example.corp"),
            ("a.example.com", "a.corp"),
        ] {
            mirrors.add(rule(prefix, location));
        }
        for (registry, repository, want) in [
            ("docker.io", "acme/shop", "harbor.corp/hub/acme/shop"),
            ("index.docker.io", "acme/shop", "harbor.corp/hub/acme/shop"),
            ("docker.io", "library/nginx", "harbor.corp/hub/library/nginx"),
            ("docker.io", "libraryx/nginx", "harbor.corp/hub/libraryx/nginx"),
            ("docker.io", "library/python", "python.corp:8443/py"),
            ("docker.io", "library/python/x", "python.corp:8443/py/x"),
            ("ghcr.io", "acme/shop", "ghcr.corp/shop"),
            ("ghcr.io", "acme", "nothing"),
            ("ghcr.io", "other/shop", "none"),
            ("b.c.example.com", "x", "example.corp/x"),
            ("a.example.com", "x", "a.corp/x"),
            ("example.com", "x", "none"),
            ("docker.io:5000", "acme/shop", "none"),
        ] {
            let name = name(registry, repository);
            let found = mirrors
                .of(&name)
                .map(|rule| rule.at(&rule.mirrors[0], &name).map_or("nothing".to_owned(), |at| at.bare()));
            assert_eq!(found.as_deref().unwrap_or("none"), want, "{registry}/{repository}");
        }
    }

    #[test]
    fn texts_that_are_no_place_are_refused() {
        for (text, hint) in [
            ("https://harbor.corp/hub/", "write it without the scheme: harbor.corp/hub"),
            ("http://lan:5000", "write it without the scheme: lan:5000, and set insecure = true for lan:5000"),
            ("", "write it as HOST/PATH, as in harbor.corp/hub"),
            ("harbor.corp/Hub", "write it as HOST/PATH, as in harbor.corp/hub"),
            ("harbor.corp//hub", "write it as HOST/PATH, as in harbor.corp/hub"),
            ("harbor.corp/../x", "write it as HOST/PATH, as in harbor.corp/hub"),
            ("*.corp", "write it as HOST/PATH, as in harbor.corp/hub"),
        ] {
            assert_eq!(text.parse::<RepositoryPrefix>().unwrap_err().hint, hint, "{text}");
        }
        assert!(RepositoryPrefix::parse("*.corp/x", true).is_err());
        assert_eq!("harbor.corp/hub/".parse::<RepositoryPrefix>().unwrap().to_string(), "harbor.corp/hub");
    }
}
