//! The answers of sources that do not have a file.

use super::error::WheelError;
use super::file_source::FileSource;
use super::from_sdist::Unmade;
use super::no_matching_wheel::absent;
use super::page::IndexFile;
use super::sources::Index;
use crate::diagnostic::Code;
use crate::operation_error::OperationError;
use crate::python::lock::{Hash, PackageOrigin, Pinned};

/// The answers of sources without the file.
pub(super) struct Misses {
    /// A hash identifies the file, so any source may provide it. Without a hash the source matters.
    pub(super) hashed: bool,
    /// The lock file names the index.
    pub(super) bound: bool,
    /// An index has the project: no further index is asked (uv's `first-index`).
    pub(super) settled: bool,
    pub(super) said: Vec<String>,
    /// The first failure of a source, so that it is unknown if the source has the file.
    pub(super) fault: Option<OperationError>,
    /// The reason why no wheel is made from a locked sdist.
    pub(super) unmade: Option<Unmade>,
}

impl Misses {
    pub(super) fn of(pinned: &Pinned, hashes: &[Hash]) -> Self {
        let bound = matches!(pinned.origin, PackageOrigin::Index { index: Some(_), .. });
        Self { hashed: !hashes.is_empty(), bound, settled: false, said: Vec::new(), fault: None, unmade: None }
    }

    /// Ends the search for a file without a hash at an index that has the project: another index
    /// might have another package of the same name.
    pub(super) fn settle(&mut self, index: Option<&Index>, page: &[IndexFile]) {
        self.settled |= index.is_some() && !page.is_empty() && !self.hashed && !self.bound;
    }

    /// Returns whether a source is not asked any more.
    pub(super) fn end_before(&self, source: &FileSource) -> bool {
        self.settled && matches!(source, FileSource::Index(_))
    }

    /// Notes that a source does not have the file, or failed.
    ///
    /// # Errors
    /// The source has a file with another hash. Without a hash, every failure but `NotFound`: a
    /// later source might have another package of the same name.
    pub(super) fn add(&mut self, error: OperationError) -> Result<(), OperationError> {
        self.said.push(error.line());
        match error.code {
            Code::NotFound => {}
            Code::CorruptContent => return Err(OperationError { message: self.text(), cause: None, ..error }),
            _ if !self.hashed => return Err(OperationError { message: self.text(), cause: None, ..error }),
            _ => {
                self.fault.get_or_insert(error);
            }
        }
        Ok(())
    }

    pub(super) fn text(&self) -> String {
        if self.said.is_empty() {
            return "no directory has one that fits, and there is no index to ask".to_owned();
        }
        self.said.join(", and ")
    }

    pub(super) fn error(self) -> WheelError {
        let message = self.text();
        match self.fault {
            Some(fault) => WheelError { message, ..fault.into() },
            None => absent(message),
        }
    }
}
