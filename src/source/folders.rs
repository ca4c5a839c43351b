//! Local directories as sources of image files.

use std::collections::{BTreeMap, HashSet};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use fs_err::PathExt as _;

use super::content::Finding;
use super::content_facts::{ContentFacts, FileStat};
use super::globs::Globs;
use super::local_path::{below, canonical, changed, show, unreadable};
use super::path_bounds::{admit, real};
use super::rules::Rules;
use super::stat_index::StatIndex;
use super::walk::{Standing, Walked, WalkedEntry, WalkedFile};
use super::walk_rules::WalkRules;
use super::{content_facts, named_paths, stat_index, tracked, walk};
use crate::diagnostic::Code;
use crate::operation_error::OperationError;
use crate::plan::PathBounds;
use crate::rootfs::{LocalEntry, LocalFile, LocalKind, Walk};
use crate::store::Cache;

/// The directories of the local disk.
pub struct Folders {
    cache: Arc<Cache>,
}

impl Folders {
    /// Creates a source that remembers facts about files in a cache.
    #[must_use]
    pub fn new(cache: Arc<Cache>) -> Self {
        Self { cache }
    }

    /// Returns the facts of files below a directory, from the index or from the files.
    fn facts(&self, folder: &Path, files: &[(&[u8], FileStat)]) -> Result<Vec<ContentFacts>, OperationError> {
        let mut index = StatIndex::load(&self.cache, folder)?;
        let known: Vec<_> = files.iter().map(|(path, stat)| index.get(path, stat)).collect();
        let unknown: Vec<_> =
            files.iter().zip(&known).filter(|(_, known)| known.is_none()).map(|(file, _)| *file).collect();
        if unknown.is_empty() {
            return Ok(known.into_iter().flatten().collect());
        }
        let begun = stat_index::begin(&self.cache)?;
        let read = content_facts::read_all(folder, &unknown)?;
        for ((path, stat), facts) in unknown.iter().zip(&read) {
            index.put(path, *stat, *facts);
        }
        index.commit(&self.cache, folder, begun)?;
        let mut read = read.into_iter();
        Ok(known.into_iter().filter_map(|known| known.or_else(|| read.next())).collect())
    }
}

impl Folders {
    /// Returns whether there is a directory at a path, links followed.
    pub fn is_folder(&self, path: &Path) -> bool {
        path.is_dir()
    }

    /// Returns whether a directory is another one or below it, links followed.
    pub fn is_within(&self, folder: &Path, other: &Path) -> bool {
        real(folder).ok().zip(real(other).ok()).is_some_and(|(folder, other)| folder.starts_with(other))
    }

    /// Checks that a project's file may name a path, which is relative to `folder`.
    ///
    /// # Errors
    /// It is absolute, or leads out of the bounds.
    pub fn admit(&self, bounds: &PathBounds, folder: &Path, named: &Path) -> Result<(), OperationError> {
        admit(bounds, folder, named)
    }

    /// Walks everything below a directory that the rules do not leave out. Reads only files that
    /// are new to the cache by size, times and inode.
    ///
    /// # Errors
    /// A directory that is missing, or that is the cache or an output itself; links out of it;
    /// sockets, pipes and devices; names that begin with `.wh.`.
    pub fn walk(&self, folder: &Path, rules: &WalkRules) -> Result<Walk, OperationError> {
        let real = canonical(folder, "directory")?;
        if !real.is_dir() {
            return Err(OperationError::new(
                Code::UnreadableFile,
                format!("`{}` is not a directory", folder.display()),
            ));
        }
        let Walked { mut found, mut left_out, repositories, ignore_files } =
            walk::walk(&real, Rules::new(&real, self.cache.folder(), rules)?)?;
        found.sort_by(|one, two| one.path().cmp(two.path()));
        let files: Vec<_> =
            found.iter().filter_map(WalkedEntry::file).map(|file| (file.path.as_slice(), file.stat)).collect();
        let mut facts = self.facts(&real, &files)?.into_iter();

        let mut walk = Walk::default();
        let mut entries = BTreeMap::new();
        for found in found {
            let (path, kind) = match found {
                WalkedEntry::Link(path, target) => (path, LocalKind::Link(target)),
                WalkedEntry::Folder(path) => (path, LocalKind::Folder),
                WalkedEntry::File(file) => {
                    let Some(facts) = facts.next() else { break };
                    if let Some(finding) = facts.finding.filter(|finding| file.is_judged(finding.rule())) {
                        left_out.add_path(&file.path, false, finding.rule(), 1, false);
                        if finding == Finding::Password {
                            walk.with_passwords.push(file.path);
                        }
                        continue;
                    }
                    match file.standing {
                        Standing::Usual => {}
                        Standing::Kept(kept) => drop(walk.kept.insert(file.path.clone(), kept)),
                        Standing::GitIgnored => {
                            walk.left_out.git_ignored.push((show(&file.path), file.stat.size));
                        }
                    }
                    if facts.finding == Some(Finding::PrivateKey) {
                        walk.private_keys.push(file.path.clone());
                    }
                    (file.path.clone(), LocalKind::File(local_file(folder, &file, facts)))
                }
            };
            entries.insert(path, kind);
        }
        let folders = folders_of(&entries);
        entries.extend(folders.into_iter().map(|path| (path, LocalKind::Folder)));
        walk.entries = entries.into_iter().map(|(path, kind)| LocalEntry { path, kind }).collect();
        walk.left_out.git_ignored.sort_by(|one, two| two.1.cmp(&one.1).then_with(|| one.0.cmp(&two.0)));
        walk.left_out.ignore_files = ignore_files;
        walk.left_out.tracked = tracked::tracked(&real, &left_out, &repositories);
        left_out.all.sort_by(|one, two| one.path.cmp(&two.path));
        walk.left_out.paths = left_out.all;
        walk.left_out.rules = left_out.rules.into_iter().map(|(rule, files)| (rule.to_owned(), files)).collect();
        Ok(walk)
    }

    /// Checks a file or directory that the configuration of a project in `folder` names for the
    /// image. A link's target is checked as well, because a name alone does not show every secret.
    ///
    /// # Errors
    /// It leads to a file that never belongs into an image, and neither the path nor `include`
    /// names that file.
    pub fn check_named(&self, folder: &Path, named: &Path, include: &[String]) -> Result<(), OperationError> {
        // A missing file is reported when it is read.
        let Ok(real) = named.fs_err_canonicalize() else { return Ok(()) };
        let real_folder = canonical(if folder == Path::new("") { Path::new(".") } else { folder }, "folder")?;
        named_paths::check((folder, &real_folder), (named, &real), include)?;
        let (Some(parent), Some(name)) = (real.parent(), real.file_name()) else { return Ok(()) };
        let metadata = real.fs_err_metadata().map_err(|cause| unreadable(&cause))?;
        let is_spelled_out = named_paths::spells(named, name) || Globs::new(include)?.name(name.as_bytes());
        if !metadata.is_file() || is_spelled_out {
            return Ok(());
        }
        let facts = self.facts(parent, &[(name.as_bytes(), FileStat::of(&metadata))])?;
        match facts.first().and_then(|facts| facts.finding) {
            Some(finding) => {
                Err(named_paths::refused(named.strip_prefix(folder).unwrap_or(named), name, finding.rule()))
            }
            None => Ok(()),
        }
    }

    /// Returns digest, size and mode of the file that a path leads to, through links too. The path
    /// was named itself, so the name of the target does not matter.
    ///
    /// # Errors
    /// As `walk`.
    pub fn file(&self, path: &Path) -> Result<LocalFile, OperationError> {
        let real = canonical(path, "file")?;
        let metadata = real.fs_err_metadata().map_err(|cause| unreadable(&cause))?;
        let (true, Some(folder), Some(name)) = (metadata.is_file(), real.parent(), real.file_name()) else {
            let what = if metadata.is_dir() { "a directory, not a file" } else { "not a regular file" };
            return Err(OperationError::new(Code::UnreadableFile, format!("`{}` is {what}", path.display())));
        };
        let stat = FileStat::of(&metadata);
        let facts = self.facts(folder, &[(name.as_bytes(), stat)])?;
        let Some(facts) = facts.first() else { return Err(changed(path)) };
        Ok(LocalFile {
            path: path.to_owned(),
            size: stat.size,
            executable: metadata.permissions().mode() & 0o111 != 0,
            digest: facts.digest,
            magic: facts.magic,
        })
    }
}

fn local_file(folder: &Path, file: &WalkedFile, facts: ContentFacts) -> LocalFile {
    LocalFile {
        path: below(folder, &file.path),
        size: file.stat.size,
        executable: file.executable,
        digest: facts.digest,
        magic: facts.magic,
    }
}

/// Returns every directory that contains an entry.
fn folders_of(entries: &BTreeMap<Vec<u8>, LocalKind>) -> Vec<Vec<u8>> {
    let mut seen = HashSet::new();
    for path in entries.keys() {
        let mut rest = path.as_slice();
        while let Some(end) = rest.iter().rposition(|&byte| byte == b'/') {
            rest = &rest[..end];
            if !seen.insert(rest) {
                break;
            }
        }
    }
    seen.into_iter().map(<[u8]>::to_vec).collect()
}

#[cfg(test)]
mod tests;
