//! Reads dpkg's database: the packages of an image, and the package of each file.
//!
//! Source: dpkg's database below `/var/lib/dpkg`: `status` (deb822(5), dpkg-query(1)),
//! `info/NAME.list` or, for packages with `Multi-Arch: same`, `info/NAME:ARCH.list`,
//! and `diversions` (dpkg-divert(1)). Distroless has `status.d` instead: one file for
//! each package, beside it `NAME.md5sums`.
//!
//! A list says where a file was packed, not where it is: Debian 12 packs libraries
//! below `/lib`, which is a link to `usr/lib` once installed. So every name is
//! followed through the tree's links, and found under its real path.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::control::{Paragraph, paragraphs};
use super::md5sums;
use crate::package_db::{FileOwners, Package};
use crate::rootfs::{Content, FileReader, RootPath, Tree};

/// Fields that dpkg adds to a package's own (dpkg's `lib/dpkg/fields.c`).
const NOT_THE_PACKAGES: [&str; 5] = ["Status", "Conffiles", "Config-Version", "Triggers-Pending", "Triggers-Awaited"];
/// The longest name, version or architecture: file names with all three fit in 255
/// bytes. Debian 13's longest package has 75 (measured).
const NAME_LIMIT: usize = 80;

/// Files of a tree, each once: links and hard links may give one file any number of
/// names, so that reading it by each of them takes forever.
pub(super) struct ReadOnce<'a> {
    tree: &'a Tree,
    seen: HashSet<&'a Content>,
}

impl<'a> ReadOnce<'a> {
    pub(super) fn new(tree: &'a Tree) -> Self {
        Self { tree, seen: HashSet::new() }
    }

    /// Reads a file; none if it does not exist or was read before.
    pub(super) fn read<E>(&mut self, path: &RootPath, read: &mut FileReader<'_, E>) -> Result<Option<Vec<u8>>, E> {
        let content = self.tree.follow(path).and_then(|(_, entry)| entry.content());
        if content.is_some_and(|content| self.seen.insert(content)) { read(path) } else { Ok(None) }
    }
}

/// Returns the package of a record; none for packages that are not installed, and for names that
/// are no names.
fn package(paragraph: &Paragraph<'_>) -> Option<Package> {
    let state = paragraph.value("Status").and_then(|status| status.split_whitespace().nth(2));
    if matches!(state, Some("config-files" | "not-installed")) {
        return None;
    }
    let field = |name, more| paragraph.value(name).filter(|value| is_sane(value, more)).map(str::to_owned);
    let name = field("Package", "+-.").filter(|name| !name.ends_with(".md5sums"))?;
    let version = field("Version", "+-.:~")?;
    // `NAME (VERSION)`, each where it differs from the package's (deb-control(5)).
    let source = paragraph.value("Source").unwrap_or_default();
    let (of, rest) = source.split_once(' ').unwrap_or((source, ""));
    let at = rest.trim().strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or_default();
    let either = |value: &str, more, own: &str| if is_sane(value, more) { value } else { own }.to_owned();
    let source = (either(of, "+-.", &name), either(at, "+-.:~", &version));
    Some(Package {
        version,
        architecture: field("Architecture", "-")?,
        control: paragraph.without(&NOT_THE_PACKAGES),
        name,
        source,
    })
}

/// Letters, digits and a few more, as deb-control(5) allows, a letter or digit first.
fn is_sane(value: &str, more: &str) -> bool {
    value.len() <= NAME_LIMIT
        && value.starts_with(|c: char| c.is_ascii_alphanumeric())
        && value.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
}

/// A package of an image, and where its record is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Installed {
    pub package: Arc<Package>,
    folder: RootPath,
    stem: Vec<u8>,
}

impl Installed {
    /// Returns the list of its files with their MD5; it need not exist.
    #[must_use]
    pub fn md5sums(&self) -> RootPath {
        self.beside(b".md5sums")
    }

    /// Returns the list of its files; distroless has none.
    fn list(&self) -> RootPath {
        self.beside(b".list")
    }

    fn beside(&self, extension: &[u8]) -> RootPath {
        self.folder.child(&[&self.stem, extension].concat())
    }
}

/// Returns the directory of a distroless image's package records.
#[must_use]
pub fn status_d() -> RootPath {
    below_dpkg("status.d")
}

fn below_dpkg(name: &str) -> RootPath {
    RootPath::new(format!("var/lib/dpkg/{name}")).unwrap_or_default()
}

/// Returns the packages of an image, those of `status` first, in the order of their records; each
/// list of files belongs to one of them only, and so does each record.
///
/// # Errors
/// Errors of `read`.
pub fn installed<E>(tree: &Tree, read: &mut FileReader<'_, E>) -> Result<Vec<Installed>, E> {
    let mut out = Vec::new();
    let mut known = BTreeSet::new();
    let folder = below_dpkg("info");
    for paragraph in paragraphs(&read(&below_dpkg("status"))?.unwrap_or_default()) {
        let Some(package) = package(&paragraph) else { continue };
        let long = format!("{}:{}", package.name, package.architecture).into_bytes();
        let has = |name: Vec<u8>| tree.follow(&folder.child(&name)).is_some();
        let stem = if has([&long, &b".list"[..]].concat()) { long } else { package.name.clone().into_bytes() };
        if known.insert(stem.clone()) {
            out.push(Installed { package: Arc::new(package), folder: folder.clone(), stem });
        }
    }
    let (folder, mut once) = (status_d(), ReadOnce::new(tree));
    for stem in records(tree, &folder) {
        let Some(text) = once.read(&folder.child(&stem), read)? else { continue };
        let package = paragraphs(&text).next().as_ref().and_then(package).map(Arc::new);
        out.extend(package.map(|package| Installed { package, folder: folder.clone(), stem }));
    }
    Ok(out)
}

/// Returns the names in `status.d` that are packages' own.
fn records(tree: &Tree, folder: &RootPath) -> Vec<Vec<u8>> {
    let Ok(real) = tree.resolve(folder) else { return Vec::new() };
    let files = tree.children(&real).filter(|(_, entry)| !entry.is_folder());
    let names = files.filter_map(|(path, _)| path.name()).filter(|name| !name.ends_with(b".md5sums"));
    names.map(<[u8]>::to_vec).collect()
}

/// Reads the lists of all packages, the ones of MD5 where there are no others. A list that
/// several packages share is the first one's.
///
/// # Errors
/// Errors of `read`.
pub(super) fn owners<E>(tree: &Tree, read: &mut FileReader<'_, E>) -> Result<FileOwners, E> {
    let mut links = RealPaths { tree, folders: HashMap::new() };
    let diversions = Diversions::parse(&read(&below_dpkg("diversions"))?.unwrap_or_default(), &mut links);
    let mut lists = Lists { owners: FileOwners::default(), diversions, links };
    let mut once = ReadOnce::new(tree);
    let is_file = |path: &RootPath| tree.follow(path).is_some_and(|(_, entry)| entry.content().is_some());
    for installed in installed(tree, read)? {
        if is_file(&installed.list()) {
            let list = once.read(&installed.list(), read)?.unwrap_or_default();
            lists.add(&installed.package, || list.split(|&b| b == b'\n').filter_map(|line| RootPath::new(line).ok()));
        } else {
            let sums = once.read(&installed.md5sums(), read)?.unwrap_or_default();
            lists.add(&installed.package, || md5sums::lines(&sums).map(|(path, _)| path));
        }
    }
    Ok(lists.owners)
}

/// The lists of files read so far.
struct Lists<'a> {
    owners: FileOwners,
    diversions: Diversions,
    links: RealPaths<'a>,
}

impl Lists<'_> {
    /// Adds what is a file or link of the tree. A folder of a package may be a link in
    /// the tree, as `/lib` is: that is nobody's.
    fn add<N: Iterator<Item = RootPath>>(&mut self, package: &Arc<Package>, names: impl Fn() -> N) {
        let tree = self.links.tree;
        let is_file = |path: &RootPath| tree.get(path).is_some_and(|entry| !entry.is_folder());
        let folders: BTreeSet<_> = names().filter_map(|name| name.parent()).filter(is_file).collect();
        for name in names().filter(|name| !folders.contains(name)) {
            let Some(path) = self.links.real(&name) else { continue };
            let path = self.diversions.apply(path, package);
            if is_file(&path) {
                self.owners.add(path, package);
            }
        }
    }
}

/// Follows the folders of names, each folder that is there once.
struct RealPaths<'a> {
    tree: &'a Tree,
    folders: HashMap<RootPath, RootPath>,
}

impl RealPaths<'_> {
    fn real(&mut self, name: &RootPath) -> Option<RootPath> {
        let (parent, last) = name.parent().zip(name.name())?;
        if let Some(folder) = self.folders.get(&parent) {
            return Some(folder.child(last));
        }
        let folder = self.tree.resolve(&parent).ok().filter(|folder| self.tree.is_folder(folder))?;
        let path = folder.child(last);
        self.folders.insert(parent, folder);
        Some(path)
    }
}

/// Files that are not where their packages put them: by real path, where they went
/// and the one package that keeps the name.
#[derive(Default)]
struct Diversions(BTreeMap<RootPath, (RootPath, String)>);

impl Diversions {
    /// Three lines each: the name, where it went, the package (`:` for none).
    fn parse(text: &[u8], links: &mut RealPaths<'_>) -> Self {
        let mut rest = text.split(|&b| b == b'\n');
        let mut out = BTreeMap::new();
        while let (Some(from), Some(to), Some(keeper)) = (rest.next(), rest.next(), rest.next()) {
            let mut real = |name: &[u8]| links.real(&RootPath::new(name).ok()?);
            if let Some((from, to)) = real(from).zip(real(to)) {
                out.insert(from, (to, String::from_utf8_lossy(keeper).into_owned()));
            }
        }
        Self(out)
    }

    fn apply(&self, path: RootPath, package: &Package) -> RootPath {
        match self.0.get(&path) {
            Some((to, keeper)) if *keeper != package.name => to.clone(),
            _ => path,
        }
    }
}

#[cfg(test)]
mod tests;
