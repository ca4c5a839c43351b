//! `poetry.lock`: packages for all platforms and groups.
//!
//! Source: Poetry's documentation ("Dependency specification", "Managing dependencies") and the
//! files that Poetry 1.1, 1.8 and 2 write. Since lock-version 2.1, each package lists its groups
//! and markers. Before, a walk from `pyproject.toml` through the packages ([`walk`]) finds them.
//! Files have names and hashes, but no URLs.

mod constraint;
mod graph;
mod package;
mod read;
mod selection;
mod tables;
#[cfg(test)]
mod tests;
mod walk;

pub use constraint::python_allows;
pub(in crate::python) use constraint::python_marker;
pub(super) use read::read;
pub(super) use selection::Poetry;
