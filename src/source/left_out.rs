//! Files that a walk leaves out.

use std::collections::BTreeMap;

use super::local_path::show;
use crate::rootfs::LeftOutPath;

/// The files that a walk leaves out.
#[derive(Default)]
pub(super) struct LeftOutPaths {
    /// The number of files by rule.
    pub rules: BTreeMap<&'static str, u64>,
    /// The files, and the directories that are left out as a whole, with their rules; without files
    /// that a user left out for this image.
    pub paths: BTreeMap<Vec<u8>, &'static str>,
    /// All files and whole directories that are left out, with their rules.
    pub all: Vec<LeftOutPath>,
}

impl LeftOutPaths {
    /// Counts files.
    fn add(&mut self, rule: &'static str, files: u64) {
        if files > 0 {
            *self.rules.entry(rule).or_default() += files;
        }
    }

    /// Counts the files of a path and records it. `is_meant` paths are left out for this image: git
    /// may track them.
    pub(super) fn add_path(&mut self, path: &[u8], is_folder: bool, rule: &'static str, files: u64, is_meant: bool) {
        self.add(rule, files);
        let slash = if is_folder { "/" } else { "" };
        self.all.push(LeftOutPath { path: show(path) + slash, rule: rule.to_owned(), files });
        if !is_meant {
            self.paths.insert(path.to_vec(), rule);
        }
    }
}
