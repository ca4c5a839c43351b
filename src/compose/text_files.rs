//! Reads the files of package databases and of the loader's configuration.

use super::contents::{Contents, Result, unreadable};
use crate::rootfs::{RootPath, Tree};

/// The most bytes of one file of a database: a full Debian desktop's `status` has some 5 MB
/// (assumed).
const FILE_LIMIT: u64 = 32 << 20;
/// The most bytes of all files of a database. A Debian desktop of 3000 packages has some
/// 40 MB (assumed). Without a limit, a hostile image could make carboy read lists for hours.
const DATABASE_LIMIT: u64 = 128 << 20;

/// Reads the files of a package database or of the loader's configuration, up to a limit for
/// all of them.
pub fn reader(tree: &Tree, contents: &dyn Contents) -> impl FnMut(&RootPath) -> Result<Option<Vec<u8>>> {
    let mut left = DATABASE_LIMIT;
    move |path| {
        let Some(content) = tree.follow(path).and_then(|(_, entry)| entry.content()) else { return Ok(None) };
        left = left.checked_sub(content.size()).ok_or_else(|| {
            let cause = format!(
                "the files of the package database or of the loader configuration are larger than {} MiB in total",
                DATABASE_LIMIT >> 20
            );
            unreadable(path, cause)
        })?;
        contents.read(content, FILE_LIMIT).map(Some).map_err(|cause| unreadable(path, cause))
    }
}
