//! Environment markers: the conditions on the lines of a lock file.
//!
//! Source: PyPA, "Dependency specifiers", Environment Markers (PEP 508); PEP 751 for `extras` and
//! `dependency_groups`. Where these leave a choice, carboy follows `packaging.markers`, which pip
//! uses; `integration/locks.rs` compares the two. If several extras are selected, `extra == 'x'`
//! is true for any of them, and `extra != 'x'` for none of them, as uv's lock files require.
//! Comparisons that `packaging` rejects (`sys_platform ~= 'x'`) are not markers.
//!
//! `platform_release` and `platform_version` belong to the kernel that will run the image, which
//! is unknown during the build. A marker that depends on them stays undecided.
//!
//! `pep508_rs` 0.9.2, the newest separate release, supports neither `extras` nor
//! `dependency_groups`; later work on it is in uv's unstable `uv-pep508`.

mod comparison;
mod environment;
mod expression;
mod node;
mod parser;
mod specifier;
#[cfg(test)]
mod tests;

pub use comparison::Undecided;
pub use environment::{ActiveExtras, Environment};
pub use expression::{Marker, MarkerError};
pub(super) use specifier::within;
