//! Lock files of every format, in one form. Pure.
//!
//! Each format has a module that parses its text. The markers of one platform's
//! [`Environment`](crate::python::marker::Environment) select the distributions of that platform.
//! Lock files are hostile input: their size, nesting and number of nested files are bounded, and
//! no error shows credentials.

mod checks;
mod error;
mod format;
mod hash;
mod input;
mod lock_file;
mod marker_context;
mod pinned;
mod pipfile;
mod poetry;
mod pylock;
mod pyproject;
mod requirements;
mod selection;
mod sources;
mod stale;
mod stated;
#[cfg(test)]
pub(crate) mod testing;
mod urls;
mod uv;
pub mod variables;

pub use error::LockError;
pub use format::Format;
pub use hash::Hash;
pub use input::{LIMIT, LockInput, ReferencePolicy, Refusal};
pub use lock_file::Lock;
pub use pinned::{LockedFile, PackageOrigin, Pinned};
pub use poetry::python_allows;
pub(super) use poetry::python_marker;
pub use requirements::compile_command;
pub use selection::{LockOffer, LockSelection};
pub use sources::Sources;
pub use stated::StatedRequirements;
