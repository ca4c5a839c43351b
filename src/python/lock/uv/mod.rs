//! `uv.lock`: a graph of packages for all platforms. A walk selects the packages of one platform.
//!
//! Source: uv's documentation ("Locking and syncing", "Conflicting dependencies") and the
//! behaviour of uv 0.9.10; `integration/locks.rs` compares the two. The walk starts at the
//! project or at the selected member. If extras or groups conflict, markers refer to extras of
//! other packages: see [`walk`].

mod file;
mod graph;
mod selection;
#[cfg(test)]
mod tests;
mod walk;

pub(super) use file::read;
pub(super) use graph::Uv;
