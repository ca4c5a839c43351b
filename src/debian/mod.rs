//! Debian's files in an image: dpkg's database and os-release. Pure.

pub mod control;
pub mod dpkg;
pub mod md5sums;
pub mod os_release;
pub mod records;
pub mod releases;
