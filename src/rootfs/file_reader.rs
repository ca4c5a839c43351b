//! The reader through which pure modules get the content of a tree's files.

use super::RootPath;

/// Reads a file of a tree, links followed; none when it is not there.
pub type FileReader<'a, E> = dyn FnMut(&RootPath) -> Result<Option<Vec<u8>>, E> + 'a;
