//! Files that a walk leaves out.

use std::collections::BTreeMap;

/// The files that a walk leaves out.
#[derive(Default)]
pub(super) struct LeftOutPaths {
    /// The number of files by rule.
    pub rules: BTreeMap<&'static str, u64>,
    /// The files, and the directories that are left out as a whole, with their rules; without files
    /// that a user left out for this image.
    pub paths: BTreeMap<Vec<u8>, &'static str>,
}

impl LeftOutPaths {
    /// Counts files.
    pub(super) fn add(&mut self, rule: &'static str, files: u64) {
        if files > 0 {
            *self.rules.entry(rule).or_default() += files;
        }
    }

    /// Counts files and records the path.
    pub(super) fn add_named(&mut self, path: Vec<u8>, rule: &'static str, files: u64) {
        self.add(rule, files);
        self.paths.insert(path, rule);
    }
}
