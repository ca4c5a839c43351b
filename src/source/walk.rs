//! Walks a directory. Opens no files but ignore files.

use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::Path;

use super::content_facts::FileStat;
use super::default_excludes;
use super::left_out::LeftOutPaths;
use super::link_targets::outside;
use super::local_path::{show, unreadable};
use super::rules::{ParentRules, Rules, Verdict};
use crate::diagnostic::{Code, some_of};
use crate::operation_error::OperationError;
use crate::rootfs::{IgnoreFile, Kept};

/// The deepest nesting of directories.
const DEEPEST: usize = 256;
/// The most links that an error names.
const MOST_TOLD: usize = 50;

/// An entry of a directory that is not left out.
pub(super) enum WalkedEntry {
    File(WalkedFile),
    /// A directory that is kept for itself; parents of files are implied.
    Folder(Vec<u8>),
    /// A link and its target.
    Link(Vec<u8>, Vec<u8>),
}

/// A regular file.
pub(super) struct WalkedFile {
    pub path: Vec<u8>,
    pub stat: FileStat,
    pub executable: bool,
    /// True if a secret in its content leaves it out.
    pub judge_secrets: bool,
    /// True if other unwanted content leaves it out.
    pub judge_content: bool,
    pub standing: Standing,
}

/// The reason for a file to be in.
pub(super) enum Standing {
    /// No rule names it.
    Usual,
    /// A rule leaves it out, and this keeps it in.
    Kept(Kept),
    /// `.gitignore` names it and git does not track it, but another file decides.
    GitIgnored,
}

impl WalkedFile {
    /// Returns whether the file is left out if its content falls under a rule.
    pub(super) fn is_judged(&self, rule: &str) -> bool {
        if default_excludes::is_secret(rule) { self.judge_secrets } else { self.judge_content }
    }
}

/// The result of a walk, in no order.
pub(super) struct Walked {
    pub found: Vec<WalkedEntry>,
    pub left_out: LeftOutPaths,
    /// The roots of git repositories below the walked directory.
    pub repositories: Vec<Vec<u8>>,
    pub ignore_files: Vec<IgnoreFile>,
}

impl WalkedEntry {
    pub(super) fn path(&self) -> &[u8] {
        match self {
            Self::File(file) => &file.path,
            Self::Link(path, _) | Self::Folder(path) => path,
        }
    }

    pub(super) fn file(&self) -> Option<&WalkedFile> {
        match self {
            Self::File(file) => Some(file),
            Self::Link(..) | Self::Folder(_) => None,
        }
    }
}

/// Walks everything below a directory that the rules do not leave out.
///
/// # Errors
/// Directories that cannot be read, unless they are left out, and directories nested too deep;
/// links that lead out; sockets, pipes and devices; names that begin with `.wh.`.
pub(super) fn walk(root: &Path, rules: Rules) -> Result<Walked, OperationError> {
    let nothing =
        Walked { found: vec![], left_out: LeftOutPaths::default(), repositories: vec![], ignore_files: vec![] };
    let mut walker = Walker { rules, walked: nothing };
    walker.folder(&[], root, &ParentRules::default())?;
    check_links(&walker.walked.found)?;
    Ok(Walked { ignore_files: walker.rules.ignore_files(), ..walker.walked })
}

struct Walker {
    rules: Rules,
    walked: Walked,
}

impl Walker {
    fn folder(&mut self, path: &[u8], disk: &Path, outer: &ParentRules) -> Result<(), OperationError> {
        if let Some(rule) = outer.rule()
            && !self.rules.reach(path, outer)
        {
            self.leave_out(path, true, rule, count(disk));
            return Ok(());
        }
        if path.split(|&byte| byte == b'/').count() > DEEPEST {
            return Err(too_deep(path));
        }
        let names = match list(disk) {
            Ok(names) => names,
            Err(cause) => {
                let rule = self.rules.covering(path, outer).ok_or_else(|| unreadable(&cause))?;
                // The number of files in it is unknown.
                self.leave_out(path, true, rule, 1);
                return Ok(());
            }
        };
        let only_names: Vec<_> = names.iter().map(|(name, _)| name.as_slice()).collect();
        let outer = self.rules.entered(path, disk, &only_names, outer.clone());
        let has = |name: &[u8]| only_names.binary_search(&name).is_ok();
        if has(b".git") && outer.rule().is_none() {
            self.walked.repositories.push(path.to_vec());
        }
        let entered = self.rules.enter(path, disk, &outer, has)?;
        for (name, entry) in &names {
            self.entry(below(path, name), entry, &outer)?;
        }
        if !path.is_empty() && self.rules.keep_folder(path, &only_names, &outer) {
            self.walked.found.push(WalkedEntry::Folder(path.to_vec()));
        }
        self.rules.leave(&entered);
        Ok(())
    }

    fn entry(&mut self, path: Vec<u8>, entry: &fs_err::DirEntry, outer: &ParentRules) -> Result<(), OperationError> {
        let is_folder = entry.file_type().map_err(|cause| unreadable(&cause))?.is_dir();
        if self.rules.is_output(&path) {
            let files = if is_folder { count(&entry.path()) } else { 1 };
            self.walked.left_out.add_path(&path, is_folder, default_excludes::OUTPUTS, files, true);
        } else if is_folder {
            let inner = self.rules.folder(&path, outer);
            return self.folder(&path, &entry.path(), &inner);
        } else {
            match self.rules.file(&path, outer) {
                Verdict::Out(rule) => self.leave_out(&path, false, rule, 1),
                Verdict::In(kept) => return self.take(path, entry, outer, kept),
            }
        }
        Ok(())
    }

    fn leave_out(&mut self, path: &[u8], is_folder: bool, rule: &'static str, files: u64) {
        let is_meant = self.rules.is_meant(path, is_folder, rule);
        self.walked.left_out.add_path(path, is_folder, rule, files, is_meant);
    }

    fn take(
        &mut self,
        path: Vec<u8>,
        entry: &fs_err::DirEntry,
        outer: &ParentRules,
        kept: Option<Kept>,
    ) -> Result<(), OperationError> {
        check_name(&path)?;
        let metadata = entry.metadata().map_err(|cause| unreadable(&cause))?;
        if metadata.is_symlink() {
            let target = fs_err::read_link(entry.path()).map_err(|cause| unreadable(&cause))?;
            self.walked.found.push(WalkedEntry::Link(path, target.into_os_string().into_vec()));
        } else if metadata.is_file() {
            self.walked.found.push(WalkedEntry::File(WalkedFile {
                stat: FileStat::of(&metadata),
                executable: metadata.permissions().mode() & 0o111 != 0,
                judge_secrets: self.rules.judge_content(&path, true),
                judge_content: self.rules.judge_content(&path, false),
                standing: match kept {
                    Some(kept) => Standing::Kept(kept),
                    None if self.rules.is_git_ignored(&path, outer) => Standing::GitIgnored,
                    None => Standing::Usual,
                },
                path,
            }));
        } else {
            return Err(special(&path, metadata.file_type()));
        }
        Ok(())
    }
}

/// Joins a name to the path of a directory.
fn below(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}

/// Lists a directory's entries by name.
fn list(disk: &Path) -> io::Result<Vec<(Vec<u8>, fs_err::DirEntry)>> {
    let with_name = |entry: fs_err::DirEntry| (entry.file_name().into_vec(), entry);
    let mut names = fs_err::read_dir(disk)?.map(|entry| entry.map(with_name)).collect::<io::Result<Vec<_>>>()?;
    names.sort_by(|one, two| one.0.cmp(&two.0));
    Ok(names)
}

/// Counts the files in a directory that is left out as a whole. An unreadable directory counts as
/// one, files nested too deep are not counted.
fn count(disk: &Path) -> u64 {
    let mut files = 0;
    let mut open = vec![(disk.to_owned(), 0)];
    while let Some((folder, depth)) = open.pop() {
        let Ok(entries) = fs_err::read_dir(folder) else {
            files += 1;
            continue;
        };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && depth < DEEPEST => open.push((entry.path(), depth + 1)),
                Ok(kind) if kind.is_dir() => {}
                _ => files += 1,
            }
        }
    }
    files
}

fn too_deep(path: &[u8]) -> OperationError {
    let start = &path[..path.iter().position(|&byte| byte == b'/').unwrap_or(path.len())];
    let message = format!("`{}` has directories nested more than {DEEPEST} deep", show(start));
    OperationError::new(Code::LimitExceeded, message)
        .with_hint(format!("exclude it: exclude = [\"{}\"] under [app]", show(start)))
}

fn check_name(path: &[u8]) -> Result<(), OperationError> {
    if !path.split(|&byte| byte == b'/').any(|name| name.starts_with(b".wh.")) {
        return Ok(());
    }
    let message = format!("`{}` cannot be part of an image: names that begin with `.wh.` mean deletions", show(path));
    Err(OperationError::new(Code::UnreadableFile, message).with_hint("rename it, or exclude it"))
}

fn special(path: &[u8], kind: std::fs::FileType) -> OperationError {
    let what = match kind {
        kind if kind.is_socket() => "a socket",
        kind if kind.is_fifo() => "a named pipe",
        _ => "a device",
    };
    let message = format!("`{}` is {what}: images have only files, directories and links", show(path));
    OperationError::new(Code::UnreadableFile, message).with_hint("exclude it")
}

fn check_links(found: &[WalkedEntry]) -> Result<(), OperationError> {
    let links = found.iter().filter_map(|found| match found {
        WalkedEntry::Link(path, target) => Some((path.as_slice(), target.as_slice())),
        WalkedEntry::File(_) | WalkedEntry::Folder(_) => None,
    });
    let outside = outside(&links.collect());
    let told = |(path, target): &(&[u8], &[u8])| format!("`{}` to `{}`", show(path), show(target));
    let message = match outside.as_slice() {
        [] => return Ok(()),
        [(path, target)] => format!("the link `{}` leads out of the directory, to `{}`", show(path), show(target)),
        many => {
            let told = some_of(&many.iter().map(told).collect::<Vec<_>>(), MOST_TOLD);
            format!("{} links lead out of the directory: {told}", many.len())
        }
    };
    let hint = if outside.len() == 1 {
        "exclude the link, or replace it by a copy of its target"
    } else {
        "exclude the links, or replace them by copies of their targets"
    };
    Err(OperationError::new(Code::OutsideProject, message).with_hint(hint))
}
