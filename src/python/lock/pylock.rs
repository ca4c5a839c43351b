//! `pylock.toml`: packages with markers, in one list.
//!
//! Source: PyPA, "pylock.toml specification" (PEP 751), version 1.x. Without a selection, the
//! groups of `default-groups` are installed as the standard defines, except `dev`: images get
//! development groups only if these are selected.

use std::collections::BTreeSet;
use std::path::Path;

use pep440_rs::Version;
use serde::Deserialize;

use super::error::LockError;
use super::marker_context::MarkerContext;
use super::{Format, LockOffer, LockSelection, LockedFile, PackageOrigin, Pinned, Sources, checks, hash, urls};
use crate::python::marker::{ActiveExtras, Marker};
use crate::python::normalised;

/// The group that images get only if it is selected.
const DEVELOPMENT: &str = "dev";

/// A `pylock.toml`.
#[derive(Clone, Debug)]
pub(super) struct Pylock {
    requires: Option<String>,
    environments: Vec<Marker>,
    extras: BTreeSet<String>,
    groups: BTreeSet<String>,
    default_groups: BTreeSet<String>,
    packages: Vec<Package>,
}

#[derive(Clone, Debug)]
struct Package {
    marker: Option<Marker>,
    requires: Option<String>,
    pinned: Pinned,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct File {
    lock_version: String,
    requires_python: Option<String>,
    #[serde(default)]
    environments: Vec<String>,
    #[serde(default)]
    extras: Vec<String>,
    #[serde(default)]
    dependency_groups: Vec<String>,
    #[serde(default)]
    default_groups: Vec<String>,
    packages: Vec<Table>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Table {
    name: String,
    version: Option<String>,
    marker: Option<String>,
    requires_python: Option<String>,
    index: Option<String>,
    vcs: Option<Vcs>,
    directory: Option<Directory>,
    archive: Option<Archive>,
    sdist: Option<Archive>,
    #[serde(default)]
    wheels: Vec<Archive>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Vcs {
    r#type: String,
    url: Option<String>,
    path: Option<String>,
    commit_id: Option<String>,
}

#[derive(Deserialize)]
struct Directory {
    path: String,
    #[serde(default)]
    subdirectory: String,
}

#[derive(Deserialize)]
struct Archive {
    name: Option<String>,
    url: Option<String>,
    path: Option<String>,
    size: Option<u64>,
    #[serde(default)]
    hashes: toml::Table,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Header {
    lock_version: Option<String>,
}

impl Pylock {
    pub(super) fn parse(file: &str, text: &str, sources: &mut Sources) -> Result<Self, LockError> {
        let known = |version: &str| version == "1" || version.starts_with("1.");
        let other = |version: &str| {
            let error = LockError::new(file, format!("has lock-version {version}, and only 1.x is read"));
            error.with_hint("lock with a tool that writes lock-version 1.0")
        };
        let tables: File = toml::from_str(text).map_err(|error| match toml::from_str::<Header>(text) {
            Ok(Header { lock_version: Some(version) }) if !known(&version) => other(&version),
            _ => LockError::toml(file, text, &error),
        })?;
        if !known(&tables.lock_version) {
            return Err(other(&tables.lock_version));
        }
        let names = |names: &[String]| names.iter().map(|name| normalised(name)).collect();
        let packages = tables.packages.iter().map(|table| table.package(file, sources));
        Ok(Self {
            environments: tables
                .environments
                .iter()
                .map(|text| checks::parse_marker(file, text))
                .collect::<Result<_, _>>()?,
            extras: names(&tables.extras),
            groups: names(&tables.dependency_groups),
            default_groups: names(&tables.default_groups),
            packages: packages.collect::<Result<_, _>>()?,
            requires: tables.requires_python,
        })
    }

    pub(super) fn pinned(
        &self,
        file: &str,
        context: &MarkerContext<'_>,
        choice: &LockSelection,
    ) -> Result<Vec<Pinned>, LockError> {
        checks::check_environment(
            file,
            Format::Pylock,
            self.requires.as_deref(),
            &self.environments,
            context.environment,
        )?;
        let chosen = self.chosen(file, choice)?;
        let mut out = Vec::new();
        for package in &self.packages {
            if context.holds(&package.pinned.name, package.marker.as_ref(), &chosen) {
                if let Some(requires) = &package.requires {
                    let at = format!("{file}: `{}`", package.pinned.name);
                    checks::check_python(&at, Format::Pylock, requires, context.environment)?;
                }
                out.push(package.pinned.clone());
            }
        }
        Ok(out)
    }

    pub(super) fn origins(&mut self) -> impl Iterator<Item = (&str, &mut PackageOrigin)> {
        let pinned = self.packages.iter_mut().map(|package| &mut package.pinned);
        pinned.map(|pinned| (pinned.name.as_str(), &mut pinned.origin))
    }

    pub(super) fn offer(&self) -> LockOffer {
        LockOffer {
            names: self.packages.iter().map(|package| package.pinned.name.clone()).collect(),
            groups: self.groups.iter().cloned().collect(),
            extras: self.extras.iter().cloned().collect(),
        }
    }

    pub(super) fn unhashed(&self) -> BTreeSet<String> {
        let bare = |package: &&Package| package.pinned.origin.is_unhashed();
        self.packages.iter().filter(bare).map(|package| package.pinned.name.clone()).collect()
    }

    fn chosen(&self, file: &str, choice: &LockSelection) -> Result<ActiveExtras, LockError> {
        if choice.member.is_some() {
            let error = LockError::new(file, "has no workspace members");
            return Err(error.with_hint("`uv export --package NAME --format pylock.toml` makes one for a member"));
        }
        let known = |names: &BTreeSet<String>, kind, wanted: &[String]| {
            let unknown = wanted.iter().find(|name| !names.contains(*name));
            unknown.map(|name| checks::unknown(file, kind, name, names.iter().map(String::as_str)))
        };
        let groups = &self.groups | &self.default_groups;
        if let Some(error) =
            known(&self.extras, "extra", &choice.extras).or_else(|| known(&groups, "group", &choice.groups))
        {
            return Err(error);
        }
        let default = self.default_groups.iter().filter(|group| *group != DEVELOPMENT);
        Ok(ActiveExtras {
            extras: choice.extras.iter().cloned().collect(),
            groups: choice.groups.iter().chain(default).cloned().collect(),
        })
    }
}

impl Table {
    fn package(&self, file: &str, sources: &mut Sources) -> Result<Package, LockError> {
        let name = normalised(&self.name);
        let at = format!("{file}: `{name}`");
        let bad = |text: &str| LockError::new(&at, format!("`{text}` is not a version"));
        let version: Option<Version> =
            self.version.as_deref().map(|text| text.parse().map_err(|_| bad(text))).transpose()?;
        Ok(Package {
            marker: self.marker.as_deref().map(|text| checks::parse_marker(&at, text)).transpose()?,
            requires: self.requires_python.clone(),
            pinned: Pinned { name, version, origin: self.origin(&at, sources)? },
        })
    }

    fn origin(&self, at: &str, sources: &mut Sources) -> Result<PackageOrigin, LockError> {
        if let Some(Vcs { r#type, url, path, commit_id }) = &self.vcs {
            let place =
                url.as_ref().or(path.as_ref()).ok_or_else(|| LockError::new(at, "has no URL of its repository"))?;
            let commit = commit_id.as_ref().map_or(String::new(), |commit| format!("@{commit}"));
            return Ok(PackageOrigin::Git { url: format!("{type}+{place}{commit}") });
        }
        if let Some(Directory { path, subdirectory }) = &self.directory {
            return Ok(PackageOrigin::Folder { path: urls::joined(Path::new(path), subdirectory) });
        }
        if let Some(archive) = &self.archive {
            let hashes = archive.hashes(at)?;
            return Ok(match (&archive.url, &archive.path) {
                (_, Some(path)) => PackageOrigin::File { path: urls::joined(Path::new(""), path), hashes },
                (Some(url), None) => PackageOrigin::Url(urls::file_at(at, url, hashes, archive.size)?),
                (None, None) => return Err(LockError::new(at, "has an archive without URL and path")),
            });
        }
        let files = self.sdist.iter().chain(&self.wheels).map(|archive| archive.file(at, sources));
        let files = files.collect::<Result<_, _>>()?;
        let index = self.index.as_deref().filter(|index| urls::local(index).is_none());
        let index = index.map(|index| urls::index(at, index)).transpose()?;
        Ok(PackageOrigin::Index { index, files, hashes: Vec::new() })
    }
}

impl Archive {
    /// Converts a file entry. Adds the directory of a local file to `sources`.
    fn file(&self, at: &str, sources: &mut Sources) -> Result<LockedFile, LockError> {
        let hashes = self.hashes(at)?;
        let path = self.path.clone().or_else(|| urls::local(self.url.as_deref()?));
        let mut file = match (&self.url, path) {
            (_, Some(path)) => {
                let whole = urls::joined(Path::new(""), &path);
                sources.add_directory(whole.parent().unwrap_or(Path::new(".")));
                LockedFile { name: urls::file_name(&path), url: None, hashes, size: self.size }
            }
            (Some(url), None) => urls::file_at(at, url, hashes, self.size)?,
            (None, None) => {
                let name =
                    self.name.clone().ok_or_else(|| LockError::new(at, "has a file without URL, path and name"))?;
                LockedFile { name, url: None, hashes, size: self.size }
            }
        };
        file.name = self.name.clone().unwrap_or(file.name);
        Ok(file)
    }

    fn hashes(&self, at: &str) -> Result<Vec<super::Hash>, LockError> {
        let texts: Vec<_> =
            self.hashes.iter().filter_map(|(kind, digits)| Some(format!("{kind}:{}", digits.as_str()?))).collect();
        hash::hashes(at, texts.iter().map(String::as_str))
    }
}

#[cfg(test)]
mod tests {
    use crate::hint::Hint as _;
    use crate::python::lock::testing::{listed, read, read_of};
    use crate::python::lock::{Format, LockError, LockSelection};
    use std::path::Path;

    const HASH: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

    fn text() -> String {
        format!(
            r#"
lock-version = "1.0"
created-by = "a test"
requires-python = ">=3.9"
environments = ["sys_platform == 'linux'", "sys_platform == 'darwin'"]
extras = ["Fast_Path"]
dependency-groups = ["docs", "dev", "base"]
default-groups = ["base", "dev"]
[[packages]]
name = "always"
version = "1"
index = "https://u:p@h/simple/"
wheels = [
    {{ url = "https://h/always-1-py3-none-any.whl", size = 3, hashes = {{ sha256 = "{HASH}" }} }},
    {{ path = "w/always-1-1-py3-none-any.whl", hashes = {{ md5 = "00", sha256 = "{HASH}" }} }},
]
sdist = {{ name = "always-1.tar.gz", url = "https://h/download?id=1", hashes = {{ sha256 = "{HASH}" }} }}
[[packages]]
name = "fast"
version = "1"
marker = "'fast-path' in extras"
archive = {{ url = "https://h/fast-1-py3-none-any.whl", hashes = {{ sha256 = "{HASH}" }} }}
[[packages]]
name = "based"
marker = "'base' in dependency_groups"
directory = {{ path = "./libs/based", editable = true }}
[[packages]]
name = "developed"
marker = "'dev' in dependency_groups"
vcs = {{ type = "git", url = "https://h/d.git", commit-id = "0123" }}
[[packages]]
name = "documented"
marker = "'docs' in dependency_groups and python_version < '4'"
archive = {{ path = "documented.zip", hashes = {{ sha512 = "{HASH}{HASH}" }} }}
"#
        )
    }

    fn of(text: &str, extras: &[&str], groups: &[&str]) -> Result<Vec<String>, LockError> {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        listed(
            &read(Format::Pylock, text, None, &[])?,
            &LockSelection { extras: names(extras), groups: names(groups), ..LockSelection::default() },
        )
    }

    #[test]
    fn extras_and_groups_choose_packages() {
        let (always, based) = ("always==1 https://h/simple 3 files 0 hashes", "based libs/based/");
        assert_eq!(of(&text(), &[], &[]).unwrap(), [always, based]);
        let fast = "fast==1 https://h/fast-1-py3-none-any.whl 1 hashes";
        assert_eq!(of(&text(), &["fast-path"], &[]).unwrap(), [always, based, fast]);
        let more = ["developed git+https://h/d.git@0123", "documented documented.zip 1 hashes"];
        assert_eq!(of(&text(), &[], &["dev", "docs"]).unwrap(), [&[always, based], &more[..]].concat());
        let lock = read(Format::Pylock, &text(), None, &[]).unwrap();
        assert_eq!(lock.sources().find_links, ["w"]);
        assert!(lock.warnings().is_empty());
    }

    #[test]
    fn a_wheel_without_a_hash_is_a_warning_even_if_others_have_one() {
        let bare = |name: &str| {
            let from = format!("url = \"https://h/{name}\", size = 3, hashes = {{ sha256 = \"{HASH}\" }}");
            let text = text().replace(&from, &format!("url = \"https://h/{name}\", size = 3, hashes = {{}}"));
            read(Format::Pylock, &text, None, &[])
                .unwrap()
                .warnings()
                .iter()
                .map(ToString::to_string)
                .collect::<String>()
        };
        let warning = bare("always-1-py3-none-any.whl");
        assert!(warning.starts_with("pylock.toml: 1 distribution has no hash (`always`): "), "{warning}");
        assert_eq!(bare("nothing"), "");
    }

    /// A file as `uv export --format pylock.toml` writes it.
    #[test]
    fn the_project_is_not_among_its_dependencies() {
        let own = "[[packages]]\nname = \"shop\"\ndirectory = { path = \".\", editable = true }\n\
                   [[packages]]\nname = \"part\"\ndirectory = { path = \".\", subdirectory = \"parts/part\" }\n";
        let text = format!("lock-version = \"1.0\"\n{own}");
        assert_eq!(of(&text, &[], &[]).unwrap(), ["part parts/part/"]);
        let up = text.replace("path = \".\"", "path = \"..\"");
        let lock = read_of(Path::new(".."), Format::Pylock, &up, None, &[]).unwrap();
        assert_eq!(listed(&lock, &LockSelection::default()).unwrap(), ["part ../parts/part/"]);
    }

    #[test]
    fn invalid_lock_files_are_errors() {
        let error = |from: &str, to: &str| of(&text().replace(from, to), &[], &[]).unwrap_err().to_string();
        assert_eq!(error("\"1.0\"", "\"2.0\""), "pylock.toml: has lock-version 2.0, and only 1.x is read");
        assert_eq!(error("\">=3.9\"", "\"<3\""), "pylock.toml: requires Python <3, and the image's is 3.13.5");
        assert_eq!(
            error("environments = [\"sys_platform == 'linux'\", ", "environments = ["),
            "pylock.toml: was not locked for Linux on x86_64 with Python 3.13"
        );
        assert_eq!(
            error("name = \"based\"\nmarker = \"'base' in dependency_groups\"", "name = \"always\""),
            "pylock.toml: `always` is locked twice: 1 from https://h/simple and from `libs/based`"
        );
        assert_eq!(
            error("sha256 = \"2cf2", "sha256 = \"2cg2"),
            format!("pylock.toml: `always`: `sha256:2cg2{}` is not a sha256, sha384 or sha512 hash", &HASH[4..])
        );
        let error = of(&text(), &["slow-path"], &[]).unwrap_err();
        assert_eq!(error.to_string(), "pylock.toml: has no extra `slow-path`");
        assert_eq!(error.hint().unwrap(), "did you mean `fast-path`? it has `fast-path`");
    }
}
