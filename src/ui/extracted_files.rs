//! Lists of the files from images, by layer and package. Pure.

use std::collections::BTreeMap;

use super::reason::{PYTHON, reason};
use super::size::size;
use super::text::{asker, count, wrapped};
use crate::assemble::report::{Because, Group, PlatformPreview, TakenFile};
use crate::progress::LayerKind;

/// The most files of one reason with names; more are counted.
const NAMED: usize = 3;

/// Returns a paragraph for each layer: its packages, then the files without package. Shows the
/// first platform's; sizes are those of all platforms that have the same package.
#[must_use]
pub fn taken(platforms: &[PlatformPreview], width: usize) -> Vec<String> {
    let Some(first) = platforms.first() else { return Vec::new() };
    let paragraph = |kind: LayerKind| {
        let groups: Vec<_> = first.groups.iter().filter(|group| group.layer == kind).collect();
        if groups.is_empty() {
            return None;
        }
        let heading = format!("taken from images into {}:", kind.name());
        let lines = groups.into_iter().flat_map(|group| lines(group, platforms, width));
        Some(std::iter::once(heading).chain(lines).collect::<Vec<_>>().join("\n"))
    };
    LayerKind::ALL.into_iter().filter_map(paragraph).collect()
}

/// Returns `zlib1g 1:1.3.dfsg-3, 125 kB: libz.so.1 (needed by zlib)`. Of files without package,
/// Python's are separate from the rest.
fn lines(group: &Group, platforms: &[PlatformPreview], width: usize) -> Vec<String> {
    if let Some(package) = &group.package {
        let sizes = sizes(platforms, |other| {
            other.layer == group.layer && name(other.package.as_deref()) == name(Some(package))
        });
        return vec![wrapped(&format!("  {package}, {sizes}:"), items(&group.files), width)];
    }
    let (python, others): (Vec<_>, Vec<_>) = group.files.iter().cloned().partition(is_python);
    let mut out = Vec::new();
    if !python.is_empty() {
        let sizes = ranged(platforms.iter().map(|platform| {
            let of_none = platform.groups.iter().filter(|other| other.layer == group.layer && other.package.is_none());
            of_none.flat_map(|group| &group.files).filter(|file| is_python(file)).map(|file| file.size).sum()
        }));
        let files = count(python.len() as u64, "file", "files");
        out.push(wrapped(&format!("  {PYTHON} itself:"), [files, sizes], width));
    }
    if !others.is_empty() {
        out.push(wrapped("  of no package:", items(&others), width));
    }
    out
}

fn is_python(file: &TakenFile) -> bool {
    file.because == Because::Python
}

/// Returns a package's name, without its version.
pub fn name(package: Option<&str>) -> Option<&str> {
    package.map(|package| package.rsplit_once(' ').map_or(package, |(name, _)| name))
}

fn sizes(platforms: &[PlatformPreview], is_it: impl Fn(&Group) -> bool) -> String {
    let of = |platform: &PlatformPreview| {
        let mut groups = platform.groups.iter().filter(|group| is_it(group)).peekable();
        groups.peek()?;
        Some(groups.flat_map(|group| &group.files).map(|file| file.size).sum())
    };
    ranged(platforms.iter().filter_map(of))
}

/// Returns `125 kB`, or `125 kB to 131 kB`.
fn ranged(sizes: impl Iterator<Item = u64>) -> String {
    let sizes: Vec<_> = sizes.collect();
    let least = size(sizes.iter().copied().min().unwrap_or(0));
    let most = size(sizes.iter().copied().max().unwrap_or(0));
    if least == most { least } else { format!("{least} to {most}") }
}

/// Returns files with their reasons, grouped by reason.
fn items(files: &[TakenFile]) -> Vec<String> {
    let mut by_reason: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for file in files {
        let reason = reason(&file.because, |path| asker(&path.to_string()).to_owned());
        by_reason.entry(reason).or_default().push(&file.path);
    }
    let (mut out, mut counted) = (Vec::new(), Vec::new());
    for (reason, paths) in by_reason {
        let all = paths.len() as u64;
        let libraries = paths.iter().all(|path| library(path).is_some());
        let names = names(paths);
        if libraries || names.len() <= NAMED {
            out.extend(names.into_iter().map(|name| format!("{name} ({reason})")));
        } else {
            counted.push(format!("{} ({reason})", count(all, "file", "files")));
        }
    }
    out.sort();
    out.extend(counted);
    out
}

/// Returns the names of files, sorted: for libraries the last part, for others the path. A
/// library's links and file are one: `libz.so.1` stands for `libz.so.1.3.1` too.
pub fn names(paths: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<String> {
    let name = |path: &str| library(path).unwrap_or(path).to_owned();
    let mut all: Vec<_> = paths.into_iter().map(|path| name(path.as_ref())).collect();
    all.sort();
    all.dedup_by(|later, kept| {
        later.strip_prefix(kept.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    });
    all
}

/// Returns the last part of a shared library's path.
pub fn library(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next()?;
    name.split('.').skip(1).any(|part| part == "so").then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rootfs::RootPath;

    fn file(path: &str, because: &Because) -> TakenFile {
        TakenFile { path: path.to_owned(), size: 1_000, because: because.clone() }
    }

    #[test]
    fn links_and_file_of_a_library_are_one() {
        let by = ["usr/lib/_curses.cpython-313-x86_64-linux-gnu.so", "a", "b"];
        let needed = Because::NeededBy(by.map(|path| RootPath::new(path).unwrap()).to_vec());
        let files = ["/usr/lib/libtinfo.so.6.5", "/usr/lib/libtinfo.so.6", "/usr/lib/libncursesw.so.6"];
        let files: Vec<_> = files.into_iter().map(|path| file(path, &needed)).collect();
        let want = ["libncursesw.so.6 (needed by _curses and 2 more)", "libtinfo.so.6 (needed by _curses and 2 more)"];
        assert_eq!(items(&files), want);
        assert_eq!(names(["/a/libz.so.1", "/a/libz.so.10"]), ["libz.so.1", "libz.so.10"]);
    }

    #[test]
    fn many_files_of_one_reason_are_counted() {
        let files: Vec<_> = (0..4)
            .map(|n| file(&format!("/usr/share/x/{n}"), &Because::Extract("/usr/share/x/**".to_owned())))
            .collect();
        assert_eq!(items(&files), ["4 files ([[extract]] /usr/share/x/**)"]);
        assert_eq!(items(&files[..1]), ["/usr/share/x/0 ([[extract]] /usr/share/x/**)"]);
    }
}
