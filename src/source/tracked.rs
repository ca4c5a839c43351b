//! What git tracks although a rule leaves it out: somebody wanted it, and may miss it.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::left_out::LeftOutPaths;
use super::local_path::{below, show};
use super::{default_excludes, git_index};
use crate::rootfs::Tracked;

/// After so many repositories below the folder, the others are not asked.
const MOST_REPOSITORIES: usize = 64;

/// What git tracks of what stays behind of a folder: its own repository, and those
/// below it. What developers need comes last, as it is hardly missed.
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
    let told =
        |(path, (rule, files)): (Vec<u8>, (&str, u64))| Tracked { path: show(&path), rule: rule.to_owned(), files };
    let mut all: Vec<_> = found.into_iter().map(told).collect();
    all.sort_by_key(|tracked| tracked.rule == default_excludes::DEVELOPMENT);
    all
}

/// What of a tracked path was left out, with a slash at the end of a whole folder, and
/// the rule.
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
