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
    pub left_out: LeftOut,
}

impl Walk {
    /// Returns the paths of files and links that are text.
    pub fn file_names(&self) -> impl Iterator<Item = &str> + Clone {
        let files = self.entries.iter().filter(|entry| !matches!(entry.kind, LocalKind::Folder));
        files.filter_map(|entry| std::str::from_utf8(&entry.path).ok())
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
