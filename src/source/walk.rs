//! Goes through a folder. Opens no file but ignore files.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::Path;

use super::facts::Stat;
use super::links::first_outside;
use super::rules::{Outer, Rules};
use super::{defaults, other, show, unreadable};
use crate::ports::PortError;

/// What is in a folder and stays in.
pub(super) enum Found {
    File(FoundFile),
    /// A link and its target.
    Link(Vec<u8>, Vec<u8>),
}

/// A regular file.
pub(super) struct FoundFile {
    pub path: Vec<u8>,
    pub stat: Stat,
    pub executable: bool,
    /// Whether it is left out if its content says so.
    pub judge_content: bool,
}

/// The result of a walk, in no order.
pub(super) struct Walked {
    pub found: Vec<Found>,
    /// Files left out, by rule.
    pub left_out: BTreeMap<&'static str, u64>,
}

impl Found {
    pub(super) fn path(&self) -> &[u8] {
        match self {
            Self::File(file) => &file.path,
            Self::Link(path, _) => path,
        }
    }

    pub(super) fn file(&self) -> Option<&FoundFile> {
        match self {
            Self::File(file) => Some(file),
            Self::Link(..) => None,
        }
    }
}

/// Everything below a folder that the rules leave in.
///
/// # Errors
/// Folders that cannot be read; links that lead out; what is no file, folder or
/// link; names that begin with `.wh.`.
pub(super) fn walk(root: &Path, rules: Rules) -> Result<Walked, PortError> {
    let mut walker = Walker { rules, walked: Walked { found: vec![], left_out: BTreeMap::new() } };
    walker.folder(&[], root, &Outer::default())?;
    check_links(&walker.walked.found)?;
    Ok(walker.walked)
}

struct Walker {
    rules: Rules,
    walked: Walked,
}

impl Walker {
    fn folder(&mut self, path: &[u8], disk: &Path, outer: &Outer) -> Result<(), PortError> {
        if let Some(rule) = outer.rule()
            && !self.rules.reach(path, outer)
        {
            self.leave_out(rule, count(disk));
            return Ok(());
        }
        let names = list(disk).map_err(|cause| unreadable(&cause))?;
        let only_names: Vec<_> = names.iter().map(|(name, _)| name.as_slice()).collect();
        let has = |name: &[u8]| only_names.binary_search(&name).is_ok();
        let outer = self.rules.entered(path, disk, &only_names, outer.clone());
        let depth = match outer.rule() {
            None => self.rules.enter(path, disk, has)?,
            Some(_) => None,
        };
        for (name, entry) in &names {
            let path = if path.is_empty() { name.clone() } else { [path, b"/", name].concat() };
            let is_folder = entry.file_type().map_err(|cause| unreadable(&cause))?.is_dir();
            if self.rules.is_output(&path) {
                self.leave_out(defaults::OUTPUTS, if is_folder { count(&entry.path()) } else { 1 });
            } else if is_folder {
                let inner = self.rules.folder(&path, &outer);
                self.folder(&path, &disk.join(entry.file_name()), &inner)?;
            } else if let Some(rule) = self.rules.file(&path, &outer) {
                self.leave_out(rule, 1);
            } else {
                self.take(path, entry)?;
            }
        }
        self.rules.leave(depth.as_ref());
        Ok(())
    }

    fn leave_out(&mut self, rule: &'static str, files: u64) {
        if files > 0 {
            *self.walked.left_out.entry(rule).or_default() += files;
        }
    }

    fn take(&mut self, path: Vec<u8>, entry: &fs_err::DirEntry) -> Result<(), PortError> {
        check_name(&path)?;
        let metadata = entry.metadata().map_err(|cause| unreadable(&cause))?;
        if metadata.is_symlink() {
            let target = fs_err::read_link(entry.path()).map_err(|cause| unreadable(&cause))?;
            self.walked.found.push(Found::Link(path, target.into_os_string().into_vec()));
        } else if metadata.is_file() {
            self.walked.found.push(Found::File(FoundFile {
                stat: Stat::of(&metadata),
                executable: metadata.permissions().mode() & 0o111 != 0,
                judge_content: self.rules.judge_content(&path),
                path,
            }));
        } else {
            return Err(special(&path, metadata.file_type()));
        }
        Ok(())
    }
}

/// A folder's entries by name.
fn list(disk: &Path) -> io::Result<Vec<(Vec<u8>, fs_err::DirEntry)>> {
    let with_name = |entry: fs_err::DirEntry| (entry.file_name().into_vec(), entry);
    let mut names = fs_err::read_dir(disk)?.map(|entry| entry.map(with_name)).collect::<io::Result<Vec<_>>>()?;
    names.sort_by(|one, two| one.0.cmp(&two.0));
    Ok(names)
}

/// How many files are in a folder that is left out whole. What cannot be read
/// there is none of our business.
fn count(disk: &Path) -> u64 {
    let Ok(entries) = fs_err::read_dir(disk) else { return 0 };
    let files = entries.flatten().map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => count(&entry.path()),
        _ => 1,
    });
    files.sum()
}

fn check_name(path: &[u8]) -> Result<(), PortError> {
    if !path.split(|&byte| byte == b'/').any(|name| name.starts_with(b".wh.")) {
        return Ok(());
    }
    Err(PortError {
        hint: Some("rename it, or exclude it".to_owned()),
        ..other(format!("`{}` cannot be in an image: `.wh.` at the start of a name means a deletion there", show(path)))
    })
}

fn special(path: &[u8], kind: std::fs::FileType) -> PortError {
    let what = match kind {
        kind if kind.is_socket() => "a socket",
        kind if kind.is_fifo() => "a named pipe",
        _ => "a device",
    };
    PortError {
        hint: Some("exclude it".to_owned()),
        ..other(format!("`{}` is {what}: only files, folders and links can be in an image", show(path)))
    }
}

fn check_links(found: &[Found]) -> Result<(), PortError> {
    let links = found.iter().filter_map(|found| match found {
        Found::Link(path, target) => Some((path.as_slice(), target.as_slice())),
        Found::File(_) => None,
    });
    let Some((path, target)) = first_outside(&links.collect()) else { return Ok(()) };
    Err(PortError {
        hint: Some("exclude the link, or put a copy of what it leads to in its place".to_owned()),
        ..other(format!("the link `{}` leads out of the folder, to `{}`", show(path), show(target)))
    })
}
