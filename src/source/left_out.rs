//! Files that a walk leaves out.

use std::collections::BTreeMap;

/// What stays behind.
#[derive(Default)]
pub(super) struct LeftOutPaths {
    /// How many files each rule leaves out.
    pub rules: BTreeMap<&'static str, u64>,
    /// The files, and the folders that are left out whole, with their rules; without
    /// what somebody left out for this image.
    pub paths: BTreeMap<Vec<u8>, &'static str>,
}

impl LeftOutPaths {
    /// Counts files.
    pub(super) fn add(&mut self, rule: &'static str, files: u64) {
        if files > 0 {
            *self.rules.entry(rule).or_default() += files;
        }
    }

    /// Counts files and keeps the path in mind.
    pub(super) fn add_named(&mut self, path: Vec<u8>, rule: &'static str, files: u64) {
        self.add(rule, files);
        self.paths.insert(path, rule);
    }
}
