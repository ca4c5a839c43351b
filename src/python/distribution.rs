//! Which distribution a file of site-packages belongs to, and what each one is.
//!
//! Source: PyPA, "Recording installed projects" (`*.dist-info` with `METADATA`,
//! `RECORD`, `WHEEL`), core metadata for `Name` and `Version`, and what setuptools
//! wrote before (`*.egg-info` with `PKG-INFO`, `installed-files.txt`,
//! `top_level.txt`). What a record says of files in the image is believed; lines
//! that are absolute, climb out of the image or name no file of it are passed over.

use std::collections::{BTreeSet, HashMap};
use std::fmt;

use super::record;
use super::tags::Tag;
use crate::rootfs::{Entry, RootPath, Tree};

/// The most bytes of a record or of metadata (which hold a project's whole README).
const TEXT_LIMIT: u64 = 16 << 20;
/// The most bytes of `WHEEL` and `top_level.txt`, which have some lines.
const SMALL_LIMIT: u64 = 64 << 10;
/// The most tags of a wheel that are looked at.
const MANY: usize = 1000;
/// The most bytes of a name or version.
const WORD: usize = 200;

/// A distribution that is installed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Distribution {
    /// As it calls itself; letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// Printable ASCII; empty when it says none.
    pub version: String,
    /// Its `*.dist-info` or `*.egg-info`.
    pub metadata: RootPath,
    /// None when it was not installed from a wheel.
    pub wheel: Option<Wheel>,
}

/// What `WHEEL` says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Wheel {
    /// `Root-Is-Purelib`.
    pub purelib: bool,
    /// In their order, sets taken apart; what is no tag is left out.
    pub tags: Vec<Tag>,
}

impl Wheel {
    /// Whether it is meant for some platforms only.
    #[must_use]
    pub fn is_platform_specific(&self) -> bool {
        !self.purelib || !self.tags.is_empty() && self.tags.iter().all(|tag| tag.platform != "any")
    }
}

impl fmt::Display for Distribution {
    /// `numpy 2.3.1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.version.is_empty() { Ok(()) } else { write!(f, " {}", self.version) }
    }
}

/// All distributions of an image, and whose each file is.
#[derive(Clone, Debug, Default)]
pub struct Distributions {
    list: Vec<Distribution>,
    owners: HashMap<RootPath, usize>,
}

impl Distributions {
    /// Reads the records in folders such as `site-packages`. `read` gives a file's
    /// content, none when it has more bytes than the limit or cannot be read.
    /// Where two claim a file, the first by its folder's name has it.
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

    /// Whose a file is, by its real path (links on the way resolved).
    #[must_use]
    pub fn owner(&self, path: &RootPath) -> Option<&Distribution> {
        self.list.get(*self.owners.get(path)?)
    }

    /// All of them, by site and folder's name.
    pub fn iter(&self) -> impl Iterator<Item = &Distribution> {
        self.list.iter()
    }

    /// How many files have an owner.
    #[must_use]
    pub fn files(&self) -> usize {
        self.owners.len()
    }
}

/// `*.dist-info` and `*.egg-info` right in a folder.
fn records(tree: &Tree, site: &RootPath) -> Vec<RootPath> {
    let is_record = |name: &[u8]| name.ends_with(b".dist-info") || name.ends_with(b".egg-info");
    tree.children(site).map(|(path, _)| path).filter(|path| path.name().is_some_and(is_record)).cloned().collect()
}

/// One distribution's record.
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

    /// None when its folder's name gives no name either.
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
        let wheel = self.text("WHEEL", SMALL_LIMIT).map(|text| wheel(&text));
        Some(Distribution { name: name.to_owned(), version, metadata: self.metadata.clone(), wheel })
    }

    /// Its files in the image, real paths.
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
            // and `module.py`, `module.abi3.so`
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

/// Resolves the lines of records; a folder's links are followed once.
struct Folders<'a> {
    tree: &'a Tree,
    real: HashMap<RootPath, Option<RootPath>>,
}

impl Folders<'_> {
    /// The real path of a file that a record names from `start`.
    fn file(&mut self, start: &RootPath, line: &str) -> Option<RootPath> {
        let path = inside(start, line.trim_end())?;
        let (folder, name) = path.parent().zip(path.name())?;
        let tree = self.tree;
        let real = self.real.entry(folder).or_insert_with_key(|folder| tree.resolve(folder).ok());
        let path = real.as_ref()?.child(name);
        tree.get(&path).is_some().then_some(path)
    }
}

/// The path from `start` by a relative one; none when that is absolute or climbs out.
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

/// A field of a mail's header.
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

/// Name and version in `python_dateutil-2.9.0.dist-info` and `six-1.16-py3.11.egg-info`.
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
