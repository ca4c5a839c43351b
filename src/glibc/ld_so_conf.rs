//! The folders that `/etc/ld.so.conf` and what it includes name.
//!
//! Source: ldconfig(8); glibc's `elf/ldconfig.c`, `parse_conf` and `add_dir_1`: `#`
//! begins a comment, `include` takes glob(3) patterns relative to the file's folder
//! and reads what they match in the C locale's order, `hwcap` is ignored, anything
//! else is a folder. `/folder=libc6` was the folder up to glibc 2.36; glibc 2.37
//! and later look for a folder of that whole name. ldconfig has no bounds of its
//! own; a file that includes itself ends it when no more files can be opened.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::glob;
use crate::rootfs::{Entry, FileReader, RootPath, Tree};

/// The most files that are read, directories that are taken, and patterns that are matched.
const MANY: usize = 1000;
/// The longest name that Linux opens, in bytes (`PATH_MAX`, `limits.h`); no longer
/// pattern or folder can be of use.
const LONG: usize = 4096;
/// The deepest level of includes.
const DEEP: usize = 32;
/// The number of entries of the tree that all patterns together may look at.
const BUDGET: usize = 1_000_000;
/// Spaces of `isspace(3)` in the C locale, without the end of a line.
const SPACE: [char; 5] = [' ', '\t', '\r', '\x0b', '\x0c'];

const CONF: &str = "etc/ld.so.conf";
/// The last by name on every architecture, so that the base's own folders come first
/// (`aarch64-linux-gnu.conf` stands before a `carboy.conf`, `x86_64-linux-gnu.conf`
/// after it).
const OURS: &str = "etc/ld.so.conf.d/zz-carboy.conf";
/// Debian's `/etc/ld.so.conf`, in package libc-bin, which distroless leaves out.
const DEBIANS: &str = "include /etc/ld.so.conf.d/*.conf\n";
/// Directories that ldconfig reads in addition to the configuration and the architecture's
/// directories.
const ALWAYS: [&str; 2] = ["lib", "usr/lib"];

/// Returns the folders, in order, without repetition, whether the tree has them or not.
///
/// # Errors
/// Errors of `text`.
pub fn folders<E>(tree: &Tree, text: &mut FileReader<'_, E>) -> Result<Vec<RootPath>, E> {
    Ok(read(tree, text)?.folders)
}

/// Files that make a tree's configuration name more directories.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Configuration {
    /// To be written, by real paths.
    pub files: Vec<(RootPath, Vec<u8>)>,
    /// The directories that it names then, in order.
    pub folders: Vec<RootPath>,
}

/// Returns the files that make a tree's configuration name `wanted` too: Debian's `/etc/ld.so.conf`
/// when the tree has none, and `zz-carboy.conf` for folders that neither the configuration names
/// nor ldconfig reads anyway.
///
/// Folders whose names no configuration can hold are left out (`#`, `=`, an end of
/// line, space at the end, what is not UTF-8).
///
/// # Errors
/// Errors of `text`.
pub fn configuration<E>(tree: &Tree, text: &mut FileReader<'_, E>, wanted: &[RootPath]) -> Result<Configuration, E> {
    let (Some(conf), Some(ours)) = (real(tree, CONF), real(tree, OURS)) else { return Ok(Configuration::default()) };
    let is_file = |path: &RootPath| tree.follow(path).is_some_and(|(_, entry)| entry.content().is_some());
    let old = if is_file(&conf) { text(&conf)?.unwrap_or_default() } else { DEBIANS.into() };
    let own = if is_file(&ours) { text(&ours)?.unwrap_or_default() } else { Vec::new() };
    let mut files = Vec::new();
    if !is_file(&conf) {
        files.push((conf.clone(), old.clone()));
    }
    // Read as it will be, to learn whether an image's own file reaches carboy's.
    let mut future = Cow::Borrowed(tree);
    for path in [&conf, &ours] {
        if tree.get(path).and_then(Entry::content).is_none() {
            future.to_mut().insert(path.clone(), Entry::bytes(0o644, *b""));
        }
    }
    let mut with = |old: &[u8], own: &[u8]| {
        read(&future, &mut |path| match future.resolve(path) {
            Ok(path) if path == conf => Ok(Some(old.to_vec())),
            Ok(path) if path == ours => Ok(Some(own.to_vec())),
            _ => text(path),
        })
    };
    let read = with(&old, &own)?;
    let always = ALWAYS.iter().filter_map(|folder| RootPath::new(folder).ok());
    let resolved = |path: &RootPath| tree.resolve(path).ok();
    let mut known: BTreeSet<_> =
        read.folders.iter().cloned().chain(always).filter_map(|path| resolved(&path)).collect();
    let lines: String = wanted
        .iter()
        .filter(|folder| resolved(folder).is_some_and(|real| known.insert(real)))
        .filter_map(line)
        .collect();
    if lines.is_empty() {
        return Ok(Configuration { files, folders: read.folders });
    }
    let own = joined(own, &lines);
    let reaches = read.files.contains(&ours);
    let old = if reaches { old } else { joined(old, &format!("include /{OURS}\n")) };
    let folders = with(&old, &own)?.folders;
    if !reaches {
        files = vec![(conf, old)];
    }
    files.push((ours, own));
    Ok(Configuration { files, folders })
}

/// Returns the real path at which a file of that name is written.
fn real(tree: &Tree, name: &str) -> Option<RootPath> {
    tree.resolve_parent(&RootPath::new(name).ok()?).ok()
}

fn joined(mut text: Vec<u8>, more: &str) -> Vec<u8> {
    if text.last().is_some_and(|byte| *byte != b'\n') {
        text.push(b'\n');
    }
    text.extend_from_slice(more.as_bytes());
    text
}

/// Returns the line that names a folder; none when none can.
fn line(folder: &RootPath) -> Option<String> {
    let name = std::str::from_utf8(folder.as_bytes()).ok()?;
    let fine = !name.is_empty() && !name.contains(['\n', '#', '=']) && !name.ends_with(SPACE);
    fine.then(|| format!("/{name}\n"))
}

fn read<E>(tree: &Tree, text: &mut FileReader<'_, E>) -> Result<Read, E> {
    let mut parser = Parser { tree, text, read: Read::default(), patterns: 0, budget: BUDGET };
    if let Ok(conf) = RootPath::new(CONF) {
        parser.file(&conf, 0)?;
    }
    Ok(parser.read)
}

#[derive(Default)]
struct Read {
    folders: Vec<RootPath>,
    /// Files by their real paths.
    files: BTreeSet<RootPath>,
}

struct Parser<'a, 'b, E> {
    tree: &'a Tree,
    text: &'a mut FileReader<'b, E>,
    read: Read,
    patterns: usize,
    budget: usize,
}

impl<E> Parser<'_, '_, E> {
    fn file(&mut self, file: &RootPath, depth: usize) -> Result<(), E> {
        let Ok(real) = self.tree.resolve(file) else { return Ok(()) };
        if depth > DEEP || self.read.files.len() >= MANY || !self.read.files.insert(real) {
            return Ok(());
        }
        let Some(content) = (self.text)(file)? else { return Ok(()) };
        for line in String::from_utf8_lossy(&content).split('\n') {
            let line = line.split(['#', '\0']).next().unwrap_or_default().trim_start_matches(SPACE);
            if let Some(patterns) = line.strip_prefix("include").filter(|rest| rest.starts_with([' ', '\t'])) {
                for pattern in patterns.split([' ', '\t']).filter(|pattern| !pattern.is_empty()) {
                    self.include(file, pattern, depth)?;
                }
            } else if line.starts_with('/') {
                self.folder(line);
            }
        }
        Ok(())
    }

    fn include(&mut self, file: &RootPath, pattern: &str, depth: usize) -> Result<(), E> {
        self.patterns += 1;
        if self.patterns > MANY || pattern.len() > LONG {
            return Ok(());
        }
        let folder = file.parent().unwrap_or_default().to_string();
        let pattern = if pattern.starts_with('/') { pattern.to_owned() } else { format!("{folder}/{pattern}") };
        for file in glob::files(self.tree, &pattern, &mut self.budget) {
            self.file(&file, depth + 1)?;
        }
        Ok(())
    }

    fn folder(&mut self, line: &str) {
        if line.len() > LONG {
            return;
        }
        let whole = self.place(line.trim_end_matches(SPACE));
        let typed = line.split_once('=').and_then(|(name, _)| self.place(name.trim_end_matches(SPACE)));
        let is_folder = |path: &RootPath| self.tree.follow(path).is_some_and(|(_, entry)| entry.is_folder());
        let folder = match typed {
            Some(typed) if !whole.as_ref().is_some_and(is_folder) => Some(typed),
            _ => whole,
        };
        if let Some(folder) = folder.filter(|folder| !folder.is_root())
            && self.read.folders.len() < MANY
            && !self.read.folders.contains(&folder)
        {
            self.read.folders.push(folder);
        }
    }

    /// Returns the path that a name is, `..` gone.
    fn place(&self, name: &str) -> Option<RootPath> {
        let mut path = RootPath::root();
        for part in name.split('/').filter(|part| !part.is_empty() && *part != ".") {
            path = if part == ".." { glob::above(self.tree, &path)? } else { path.child(part.as_bytes()) };
        }
        Some(path)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::rootfs::Content;

    const INCLUDE: &str = "include /etc/ld.so.conf.d/*.conf\n";

    /// Files, `NAME -> TARGET` links, `NAME/` folders.
    fn tree(files: &[(&str, &str)]) -> Tree {
        let entry = |name: &str, text: &str| match name.split_once(" -> ") {
            Some((name, target)) => (RootPath::new(name).unwrap(), Entry::link(target)),
            None if name.ends_with('/') => (RootPath::new(name).unwrap(), Entry::folder(0o755)),
            None => (RootPath::new(name).unwrap(), Entry::bytes(0o644, text.as_bytes())),
        };
        files.iter().map(|(name, text)| entry(name, text)).collect()
    }

    fn reader(tree: &Tree) -> impl FnMut(&RootPath) -> Result<Option<Vec<u8>>, Infallible> + '_ {
        |path| {
            let content = tree.follow(path).and_then(|(_, entry)| entry.content());
            Ok(content.map(|content| match content {
                Content::Bytes(bytes) => bytes.to_vec(),
                other => panic!("{other:?}"),
            }))
        }
    }

    fn read(files: &[(&str, &str)]) -> Vec<String> {
        let tree = tree(files);
        folders(&tree, &mut reader(&tree)).unwrap().iter().map(ToString::to_string).collect()
    }

    fn configured(files: &[(&str, &str)], wanted: &[&str]) -> Vec<(String, String)> {
        let tree = tree(files);
        let wanted: Vec<_> = wanted.iter().map(|name| RootPath::new(name).unwrap()).collect();
        let Configuration { files, folders: named } = configuration(&tree, &mut reader(&tree), &wanted).unwrap();
        let mut future = tree.clone();
        for (path, text) in &files {
            future.insert(path.clone(), Entry::bytes(0o644, text.as_slice()));
        }
        assert_eq!(named, folders(&future, &mut reader(&future)).unwrap());
        files.into_iter().map(|(path, text)| (path.to_string(), String::from_utf8(text).unwrap())).collect()
    }

    fn files(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn includes_are_followed_once_and_in_order() {
        let got = read(&[
            ("etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n/opt/last # here\n"),
            ("etc/ld.so.conf.d/a.conf", "# comment\n/usr/local/lib\n"),
            (
                "etc/ld.so.conf.d/b.conf",
                "/lib/x86_64-linux-gnu\ninclude ../ld.so.conf\ninclude b.conf\n/usr/local/lib\n",
            ),
            ("etc/ld.so.conf.d/B.conf", "/upper/first"),
            ("etc/ld.so.conf.d/.hidden.conf", "/hidden"),
        ]);
        assert_eq!(got, ["/upper/first", "/usr/local/lib", "/lib/x86_64-linux-gnu", "/opt/last"]);
    }

    #[test]
    fn lines_are_read_as_ldconfig_reads_them() {
        let text = "hwcap 1 nosegneg\nHWCAP 0 x\n \t/a//b/ \r\n/with space/x\n/typed=libc6\n/is=there\nrelative\n/\n\
                    /c/../d\ninclude\tone.conf  two.conf\nincluded\ninclude /e/{one,two}.conf\n/nul\0junk\n/a/b";
        let got = read(&[
            ("etc/ld.so.conf", text),
            ("etc/one.conf", "/one"),
            ("etc/two.conf", "/two"),
            ("e/one.conf", "/braces"),
            ("is=there/", ""),
        ]);
        assert_eq!(got, ["/a/b", "/with space/x", "/typed", "/is=there", "/d", "/one", "/two", "/nul"]);
    }

    #[test]
    fn hostile_files_end() {
        let chain: Vec<_> =
            (0..5000).map(|n| (format!("etc/{n}"), format!("/{n}\ninclude {}\ninclude *\n", n + 1))).collect();
        let mut all: Vec<_> = chain.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        all.extend([("etc/ld.so.conf", "include 0"), ("etc/loop -> loop", "")]);
        assert!(read(&all).len() <= MANY);
        let many = "include /*/*/*/*\n".repeat(10_000);
        assert!(read(&[("etc/ld.so.conf", &many), ("etc/x -> /", ""), ("etc/y -> /etc", "")]).is_empty());
    }

    #[test]
    fn distroless_gets_a_configuration() {
        let triplet = ("etc/ld.so.conf.d/x86_64-linux-gnu.conf", "/lib/x86_64-linux-gnu\n/usr/lib/x86_64-linux-gnu\n");
        let wanted = ["usr/local/lib", "usr/lib/x86_64-linux-gnu", "usr/lib", "opt/x", "usr/local/lib"];
        assert_eq!(
            configured(&[triplet], &wanted),
            files(&[("/etc/ld.so.conf", INCLUDE), ("/etc/ld.so.conf.d/zz-carboy.conf", "/usr/local/lib\n/opt/x\n")])
        );
        assert_eq!(configured(&[triplet], &["usr/lib"]), files(&[("/etc/ld.so.conf", INCLUDE)]));
        assert_eq!(configured(&[triplet, ("etc/ld.so.conf", INCLUDE)], &wanted[1..3]), []);
    }

    #[test]
    fn what_an_image_has_is_kept() {
        let own =
            [("etc/ld.so.conf", "/opt/a"), ("etc/ld.so.conf.d/zz-carboy.conf", "/usr/local/lib"), ("l -> opt/a", "")];
        assert_eq!(
            configured(&own, &["opt/b", "l"]),
            files(&[
                ("/etc/ld.so.conf", "/opt/a\ninclude /etc/ld.so.conf.d/zz-carboy.conf\n"),
                ("/etc/ld.so.conf.d/zz-carboy.conf", "/usr/local/lib\n/opt/b\n"),
            ])
        );
        let linked = [("etc/ld.so.conf", INCLUDE), ("etc/ld.so.conf.d -> /usr/conf", ""), ("usr/conf/", "")];
        assert_eq!(configured(&linked, &["opt/b"]), files(&[("/usr/conf/zz-carboy.conf", "/opt/b\n")]));
    }

    #[test]
    fn names_that_no_file_can_hold_are_left_out() {
        let wanted = ["a\n/evil", "a#b", "a=b", "a ", "/", "fine"];
        let got = configured(&[("etc/ld.so.conf", INCLUDE)], &wanted);
        assert_eq!(got, files(&[("/etc/ld.so.conf.d/zz-carboy.conf", "/fine\n")]));
    }
}
