//! The answers of sources that do not have a file.

use super::error::WheelError;
use super::file_source::FileSource;
use super::no_matching_wheel::absent;
use super::page::IndexFile;
use super::sources::Index;
use crate::diagnostic::Code;
use crate::operation_error::OperationError;
use crate::python::lock::{Hash, PackageOrigin, Pinned};

/// What places answered that do not have a file.
pub(super) struct Misses {
    /// There is a hash to tell the file by, so whoever has it may give it. Otherwise
    /// it matters who is asked.
    pub(super) hashed: bool,
    /// The lock file says which index it is.
    pub(super) bound: bool,
    /// An index has the project: no further one is asked (uv's `first-index`).
    pub(super) settled: bool,
    pub(super) said: Vec<String>,
    /// The first that did not say whether it has the file.
    pub(super) fault: Option<OperationError>,
}

impl Misses {
    pub(super) fn of(pinned: &Pinned, hashes: &[Hash]) -> Self {
        let bound = matches!(pinned.origin, PackageOrigin::Index { index: Some(_), .. });
        Self { hashed: !hashes.is_empty(), bound, settled: false, said: Vec::new(), fault: None }
    }

    /// An index that has the project is the last to be asked, where no hash tells its
    /// package from a stranger's of the same name.
    pub(super) fn settle(&mut self, index: Option<&Index>, page: &[IndexFile]) {
        self.settled |= index.is_some() && !page.is_empty() && !self.hashed && !self.bound;
    }

    /// Whether a place is not asked any more.
    pub(super) fn end_before(&self, source: &FileSource) -> bool {
        self.settled && matches!(source, FileSource::Index(_))
    }

    /// Notes what a place does not have, or does not tell.
    ///
    /// # Errors
    /// Another file than is wanted. Without a hash all that is no plain no: a place
    /// that comes later might give a stranger's.
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
            return "no folder has one that fits, and there is no index to ask".to_owned();
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
