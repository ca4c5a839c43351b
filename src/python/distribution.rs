//! The installed distributions of an image, and the owner of each file in site-packages.
//!
//! Source: PyPA, "Recording installed projects" (`*.dist-info` with `METADATA`, `RECORD`, `WHEEL`),
//! core metadata for `Name` and `Version`, and the older format of setuptools (`*.egg-info` with
//! `PKG-INFO`, `installed-files.txt`, `top_level.txt`). Records are trusted for files in the image.
//! Lines with an absolute path, a path outside of the image, or a missing file are ignored.

mod requires;

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use super::record;
use super::tags::Tag;
use crate::rootfs::{Entry, RootPath, Tree};

/// The largest size of a record or of metadata (which include a project's whole README), in bytes.
const TEXT_LIMIT: u64 = 16 << 20;
/// The largest size of `WHEEL` and `top_level.txt`, which have a few lines, in bytes.
const SMALL_LIMIT: u64 = 64 << 10;
/// The largest number of tags that are read from a wheel.
const MANY: usize = 1000;
/// The largest size of a name or version, in bytes.
const WORD: usize = 200;

/// An installed distribution.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Distribution {
    /// The name as the metadata has it: letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// The version in printable ASCII; empty if the metadata has none.
    pub version: String,
    /// The path of its `*.dist-info` or `*.egg-info`.
    pub metadata: RootPath,
    /// The requirements as the metadata has them: `idna<4,>=2.5`, `pysocks ; extra == 'socks'`.
    pub requires: Vec<String>,
    /// The wheel's metadata; `None` if the distribution was not installed from a wheel.
    pub wheel: Option<Wheel>,
}

/// The fields of a `WHEEL` file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wheel {
    /// `Root-Is-Purelib`.
    pub purelib: bool,
    /// The tags in the order of the file. Compressed sets are expanded, invalid tags are left out.
    pub tags: Vec<Tag>,
}

impl Wheel {
    /// Returns whether the wheel is only for some platforms.
    #[must_use]
    pub fn is_platform_specific(&self) -> bool {
        !self.purelib || !self.tags.is_empty() && self.tags.iter().all(|tag| tag.platform != "any")
    }
}

impl fmt::Display for Distribution {
    /// Writes name and version: `numpy 2.3.1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.version.is_empty() { Ok(()) } else { write!(f, " {}", self.version) }
    }
}

/// The distributions of an image, and the owner of each file.
#[derive(Clone, Debug, Default)]
pub struct Distributions {
    list: Vec<Distribution>,
    owners: HashMap<RootPath, usize>,
}

impl Distributions {
    /// Reads the records in directories such as `site-packages`. `read` returns the content of a
    /// file; `None` if the file is larger than the limit or unreadable. If two distributions claim
    /// a file, the first by directory name owns it.
    pub fn read(tree: &Tree, sites: &[RootPath], read: &mut dyn FnMut(&RootPath, u64) -> Option<Vec<u8>>) -> Self {
        let mut out = Self::default();
        let mut folders = Folders { tree, real: HashMap::new() };
        for site in sites {
            let Ok(site) = tree.resolve(site) else { continue };
            for metadata in records(tree, &site) {
                let mut source = Source { tree, site: &site, metadata, read: &mut *read };
                let Some(distribution) = source.distribution() else { continue };
                let at = out.list.len();
                for path in source.files(&mut folders) {
                    out.owners.entry(path).or_insert(at);
                }
                out.list.push(distribution);
            }
        }
        out
    }

    /// Returns the owner of a file by its real path (with resolved links).
    #[must_use]
    pub fn owner(&self, path: &RootPath) -> Option<&Distribution> {
        self.list.get(*self.owners.get(path)?)
    }

    /// Returns all distributions, sorted by site directory and directory name.
    pub fn iter(&self) -> impl Iterator<Item = &Distribution> {
        self.list.iter()
    }

    /// Returns the number of files with an owner.
    #[must_use]
    pub fn files(&self) -> usize {
        self.owners.len()
    }
}

/// Returns the `*.dist-info` and `*.egg-info` in a directory.
fn records(tree: &Tree, site: &RootPath) -> Vec<RootPath> {
    let is_record = |name: &[u8]| name.ends_with(b".dist-info") || name.ends_with(b".egg-info");
    tree.children(site).map(|(path, _)| path).filter(|path| path.name().is_some_and(is_record)).cloned().collect()
}

/// The record of a distribution.
struct Source<'a> {
    tree: &'a Tree,
    site: &'a RootPath,
    metadata: RootPath,
    read: &'a mut dyn FnMut(&RootPath, u64) -> Option<Vec<u8>>,
}

impl Source<'_> {
    fn text(&mut self, name: &str, limit: u64) -> Option<String> {
        let path = self.metadata.child(name.as_bytes());
        self.text_of(&path, limit)
    }

    fn text_of(&mut self, path: &RootPath, limit: u64) -> Option<String> {
        let size = self.tree.get(path).and_then(Entry::content)?.size();
        let bytes = if size > limit { None } else { (self.read)(path, limit) };
        bytes.filter(|bytes| bytes.len() as u64 <= limit).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Reads the distribution; `None` if neither its metadata nor its directory has a name.
    fn distribution(&mut self) -> Option<Distribution> {
        let is_file = self.tree.get(&self.metadata).and_then(Entry::content).is_some();
        let text = if is_file {
            let path = self.metadata.clone();
            self.text_of(&path, TEXT_LIMIT)
        } else {
            let metadata = self.text("METADATA", TEXT_LIMIT);
            metadata.or_else(|| self.text("PKG-INFO", TEXT_LIMIT))
        };
        let folder = String::from_utf8_lossy(self.metadata.name()?).into_owned();
        let (name, version) = name_of(&folder);
        let text = text.unwrap_or_default();
        let name = header(&text, "name").filter(|name| is_name(name)).unwrap_or(name);
        let version = header(&text, "version").filter(|version| is_version(version)).unwrap_or(version);
        if !is_name(name) {
            return None;
        }
        let version = if is_version(version) { version.to_owned() } else { String::new() };
        let name = name.to_owned();
        let mut requires = requires::of_metadata(&text);
        if let Some(text) = self.text("requires.txt", TEXT_LIMIT) {
            requires.extend(requires::of_egg(&text));
        }
        let wheel = self.text("WHEEL", SMALL_LIMIT).map(|text| wheel(&text));
        Some(Distribution { name, version, metadata: self.metadata.clone(), requires, wheel })
    }

    /// Returns the real paths of its files in the image.
    fn files(&mut self, folders: &mut Folders) -> Vec<RootPath> {
        let mut out = vec![self.metadata.clone()];
        out.extend(files_below(self.tree, &self.metadata));
        if let Some(text) = self.text("RECORD", TEXT_LIMIT) {
            let lines = text.lines().filter_map(record::path_of);
            out.extend(lines.filter_map(|line| folders.file(self.site, &line)));
        } else if let Some(text) = self.text("installed-files.txt", TEXT_LIMIT) {
            out.extend(text.lines().filter_map(|line| folders.file(&self.metadata, line)));
        } else if let Some(text) = self.text("top_level.txt", SMALL_LIMIT) {
            let modules: BTreeSet<_> = text.lines().map(str::trim).filter(|line| is_name(line)).collect();
            out.extend(modules.iter().flat_map(|module| files_below(self.tree, &self.site.child(module.as_bytes()))));
            // Modules beside the directory: `module.py`, `module.abi3.so`.
            let is_one = |name: &[u8]| {
                let stem = name.split(|&byte| byte == b'.').next().unwrap_or_default();
                stem.len() < name.len() && std::str::from_utf8(stem).is_ok_and(|stem| modules.contains(stem))
            };
            let beside = self.tree.children(self.site).map(|(path, _)| path);
            out.extend(beside.filter(|path| path.name().is_some_and(is_one)).cloned());
        }
        out.retain(|path| self.tree.get(path).is_some_and(|entry| !entry.is_folder()));
        out
    }
}

fn files_below<'a>(tree: &'a Tree, folder: &RootPath) -> impl Iterator<Item = RootPath> + use<'a> {
    tree.below(folder).filter(|(_, entry)| !entry.is_folder()).map(|(path, _)| path.clone())
}

/// A resolver for the lines of records. It resolves the links of each directory once.
struct Folders<'a> {
    tree: &'a Tree,
    real: HashMap<RootPath, Option<RootPath>>,
}

impl Folders<'_> {
    /// Returns the real path of a file in a record, relative to `start`.
    fn file(&mut self, start: &RootPath, line: &str) -> Option<RootPath> {
        let path = inside(start, line.trim_end())?;
        let (folder, name) = path.parent().zip(path.name())?;
        let tree = self.tree;
        let real = self.real.entry(folder).or_insert_with_key(|folder| tree.resolve(folder).ok());
        let path = real.as_ref()?.child(name);
        tree.get(&path).is_some().then_some(path)
    }
}

/// Joins a relative path to `start`; `None` if it is absolute or leads outside of the image.
fn inside(start: &RootPath, relative: &str) -> Option<RootPath> {
    if relative.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&[u8]> = start.parts().collect();
    for part in relative.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." { parts.pop().map(drop)? } else { parts.push(part.as_bytes()) }
    }
    RootPath::new(parts.join(&b'/')).ok().filter(|path| !path.is_root())
}

/// Returns a field of a mail header.
pub(super) fn header<'a>(text: &'a str, wanted: &str) -> Option<&'a str> {
    let lines = text.lines().take_while(|line| !line.is_empty());
    let mut fields = lines.filter_map(|line| line.split_once(':'));
    fields.find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.trim())
}

fn wheel(text: &str) -> Wheel {
    let fields = || text.lines().filter_map(|line| line.split_once(':'));
    let tags = fields().filter(|(name, _)| name.eq_ignore_ascii_case("tag"));
    Wheel {
        purelib: header(text, "root-is-purelib").is_some_and(|value| value.eq_ignore_ascii_case("true")),
        tags: tags.filter_map(|(_, value)| Tag::parse(value)).flatten().take(MANY).collect(),
    }
}

/// Splits `python_dateutil-2.9.0.dist-info` or `six-1.16-py3.11.egg-info` into name and version.
fn name_of(folder: &str) -> (&str, &str) {
    let stem = folder.strip_suffix(".dist-info").or_else(|| folder.strip_suffix(".egg-info")).unwrap_or(folder);
    let (name, version) = stem.split_once('-').unwrap_or((stem, ""));
    (name, version.split_once("-py").map_or(version, |(version, _)| version))
}

fn is_name(name: &str) -> bool {
    let byte = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    (1..=WORD).contains(&name.len()) && name.bytes().all(byte) && !name.bytes().all(|b| b == b'.')
}

fn is_version(version: &str) -> bool {
    (1..=WORD).contains(&version.len()) && version.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests;
