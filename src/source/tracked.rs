//! Files that git tracks although a rule leaves them out: the user may miss them.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::left_out::LeftOutPaths;
use super::local_path::{below, show};
use super::{default_excludes, git_index};
use crate::rootfs::Tracked;

/// The largest number of repositories below the directory that are read.
const MOST_REPOSITORIES: usize = 64;

/// Returns the left-out files of a directory that git tracks, in the directory's own repository and
/// those below it. Development files come last, as they are hardly missed.
pub(super) fn tracked(folder: &Path, left_out: &LeftOutPaths, repositories: &[Vec<u8>]) -> Vec<Tracked> {
    let mut found = BTreeMap::<Vec<u8>, (&'static str, u64)>::new();
    let mut take = |path: &[u8]| {
        if let Some((place, rule)) = place(path, left_out) {
            found.entry(place).or_insert((rule, 0)).1 += 1;
        }
    };
    if !left_out.paths.is_empty() {
        if let Some(root) = folder.ancestors().find(|folder| folder.join(".git").symlink_metadata().is_ok()) {
            let inside = folder.strip_prefix(root).unwrap_or(Path::new("")).as_os_str().as_bytes();
            let inside = if inside.is_empty() { vec![] } else { [inside, b"/"].concat() };
            git_index::for_each(root, &mut |name| name.strip_prefix(inside.as_slice()).into_iter().for_each(&mut take));
        }
        for repository in repositories.iter().filter(|path| !path.is_empty()).take(MOST_REPOSITORIES) {
            let inside = [repository, &b"/"[..]].concat();
            git_index::for_each(&below(folder, repository), &mut |name| take(&[&inside, name].concat()));
        }
    }
    let tracked_path =
        |(path, (rule, files)): (Vec<u8>, (&str, u64))| Tracked { path: show(&path), rule: rule.to_owned(), files };
    let mut all: Vec<_> = found.into_iter().map(tracked_path).collect();
    all.sort_by_key(|tracked| tracked.rule == default_excludes::DEVELOPMENT);
    all
}

/// Returns the left-out part of a tracked path, with a slash at the end of a whole directory, and
/// its rule.
fn place(path: &[u8], left_out: &LeftOutPaths) -> Option<(Vec<u8>, &'static str)> {
    let mut end = path.len();
    loop {
        if let Some(rule) = left_out.paths.get(&path[..end]) {
            let slash = if end < path.len() { b"/".as_slice() } else { b"" };
            return Some(([&path[..end], slash].concat(), *rule));
        }
        end = path[..end].iter().rposition(|&byte| byte == b'/')?;
    }
}
