//! Debian's files in an image: dpkg's database and os-release. Pure.

pub mod control;
mod dpkg;
mod md5sums;
pub mod os_release;
mod records;
pub mod releases;

pub use records::Dpkg;
