//! A local folder as a walk found it: files, folders and links, and the files that stay behind. Pure.

use std::collections::BTreeMap;
use std::path::Path;

use super::LocalFile;

/// A local file, folder or link, by its path below the folder walked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LocalEntry {
    /// Bytes, `/`-separated, relative, without `.` and `..`.
    pub path: Vec<u8>,
    pub kind: LocalKind,
}

/// The type of a local entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LocalKind {
    Folder,
    /// A link's target as written; it leads to somewhere below the folder walked.
    Link(Vec<u8>),
    File(LocalFile),
}

/// The result of a walk.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Walk {
    /// Sorted by path. A folder is listed when it has entries, is empty on the disk, or
    /// is held open by an ignore file; not when rules left all of it out.
    pub entries: Vec<LocalEntry>,
    /// Files with a private key that stay in, by path.
    pub private_keys: Vec<Vec<u8>>,
    /// Lock and configuration files that were left out for a password in a URL.
    pub with_passwords: Vec<Vec<u8>>,
    /// The files that stay in although a rule leaves them out, with the reason: [`Kept`].
    pub kept: BTreeMap<Vec<u8>, Kept>,
    pub left_out: LeftOut,
}

impl Walk {
    /// Returns the paths of files and links that are text.
    pub fn file_names(&self) -> impl Iterator<Item = &str> + Clone {
        let files = self.entries.iter().filter(|entry| !matches!(entry.kind, LocalKind::Folder));
        files.filter_map(|entry| std::str::from_utf8(&entry.path).ok())
    }
}

/// The reason for which a file stays in although a rule leaves it out.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kept {
    /// A glob of `include` names it.
    Include,
    /// Git tracks it, so that `.gitignore` does not hold.
    Tracked,
}

impl Kept {
    /// Returns the reason for users.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Include => "include",
            Self::Tracked => "tracked by git",
        }
    }
}

/// The files that rules left out of local directories.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LeftOut {
    /// The number of files that each rule left out, by rule: (`.gitignore`, 12), (`__pycache__`,
    /// 40). A directory that is left out whole counts as the files in it.
    pub rules: BTreeMap<String, u64>,
    /// The files that git tracks among them, without the files that were left out for this image.
    pub tracked: Vec<Tracked>,
    /// Everything that was left out, by path: files, and directories as a whole.
    pub paths: Vec<LeftOutPath>,
    /// The ignore files that decided.
    pub ignore_files: Vec<IgnoreFile>,
    /// The files that stay in although `.gitignore` names them and git does not track them, because
    /// another file decides: paths and sizes, the largest first.
    pub git_ignored: Vec<(String, u64)>,
}

/// A file or a whole directory that a rule leaves out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LeftOutPath {
    /// A directory has a slash at its end.
    pub path: String,
    pub rule: String,
    /// The number of files.
    pub files: u64,
}

/// An ignore file that decided on the files of a directory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IgnoreFile {
    /// The name, or a path below the configuration's directory. For files in several directories,
    /// the walked one.
    pub path: String,
    /// There is a `.gitignore` too, which is not used.
    pub replaces_git: bool,
}

impl LeftOut {
    /// The rules that leave out secrets.
    pub const SECRETS: [&'static str; 4] = ["private keys", "credentials", "passwords in URLs", ".env*"];
}

/// Something that git tracks and a rule leaves out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tracked {
    /// A file, or a whole folder with a slash at its end, below the folder walked.
    pub path: String,
    pub rule: String,
    /// The number of tracked files.
    pub files: u64,
}

impl LeftOut {
    /// Adds what was left out of a folder, by which tracked files are named.
    pub fn add(&mut self, folder: &Path, other: Self) {
        for (rule, files) in other.rules {
            *self.rules.entry(rule).or_default() += files;
        }
        for tracked in other.tracked {
            let path = below(folder, &tracked.path);
            if self.tracked.iter().all(|known| known.path != path) {
                self.tracked.push(Tracked { path, ..tracked });
            }
        }
        self.paths.extend(other.paths.into_iter().map(|one| LeftOutPath { path: below(folder, &one.path), ..one }));
        for file in other.ignore_files {
            let path = below(folder, &file.path);
            if self.ignore_files.iter().all(|known| known.path != path) {
                self.ignore_files.push(IgnoreFile { path, ..file });
            }
        }
        self.git_ignored.extend(other.git_ignored.into_iter().map(|(path, size)| (below(folder, &path), size)));
    }
}

/// Returns a path below the configuration's folder, without a `./` before it.
fn below(folder: &Path, path: &str) -> String {
    if folder == Path::new(".") || folder.as_os_str().is_empty() {
        path.to_owned()
    } else {
        folder.join(path).display().to_string()
    }
}
