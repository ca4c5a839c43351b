//! Tells whether this machine may be one of a cloud, so that others need not wait for an answer.

use super::environment::CloudEnvironment;

/// The files with the names of a machine and its maker.
const FILES: [&str; 5] = ["sys_vendor", "product_name", "bios_vendor", "bios_version", "board_vendor"];

impl CloudEnvironment {
    /// Returns whether the machine may have the metadata service of the cloud that a word in its
    /// names tells. A machine without names, such as a sandbox, may be anything.
    pub fn may_be_in(&self, words: &[&str]) -> bool {
        let names = FILES.iter().filter_map(|file| std::fs::read_to_string(self.dmi.join(file)).ok());
        let names: Vec<_> = names.map(|name| name.trim().to_lowercase()).filter(|name| !name.is_empty()).collect();
        names.is_empty() || names.iter().any(|name| words.iter().any(|word| name.contains(word)))
    }
}
