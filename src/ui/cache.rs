//! The contents of a cache, and the entries deleted from it, as text.

use std::fmt::Write as _;
use std::path::Path;

use super::size::size;
use crate::printable::one_line;

/// Returns the contents of the cache in a directory: a line for each kind of entries, with their
/// number and their size in bytes.
#[must_use]
pub fn cache_text(folder: &Path, kinds: &[(&str, u64, u64)], busy: bool) -> String {
    let total = ("total", kinds.iter().map(|kind| kind.1).sum(), kinds.iter().map(|kind| kind.2).sum());
    let mut out = format!("{}\n", one_line(&folder.display().to_string()));
    for (name, entries, bytes) in kinds.iter().copied().chain([total]) {
        let _ = writeln!(out, "  {name:<16}{entries:>8}{:>10}", size(bytes));
    }
    if busy {
        out.push_str("in use by another process\n");
    }
    out
}

/// Returns the entries deleted from a cache, the remaining ones, and those that may be in use;
/// sizes in bytes.
#[must_use]
pub fn pruned_text(entries: u64, bytes: u64, left: u64, in_use: u64) -> String {
    let plural = |count| if count == 1 { "entry" } else { "entries" };
    let mut out = format!("deleted {entries} {}, {}; {} left\n", plural(entries), size(bytes), size(left));
    if in_use > 0 {
        let _ = writeln!(out, "kept {in_use} {} that a running carboy may be using", plural(in_use));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_summed_and_numbers_stand_below_each_other() {
        let kinds = [("layer tars", 12, 1_234_567_890), ("wheels", 3, 1000)];
        insta::assert_snapshot!(cache_text(Path::new("/a\nb"), &kinds, true), @r"
        /a\nb
          layer tars            12    1.2 GB
          wheels                 3      1 kB
          total                 15    1.2 GB
        in use by another process
        ");
        insta::assert_snapshot!(pruned_text(1, 5_000_000, 0, 2), @r"
        deleted 1 entry, 5.0 MB; 0 B left
        kept 2 entries that a running carboy may be using
        ");
    }
}
