//! What Debian's files in an image say. Pure.

pub mod control;
pub mod dpkg;
pub mod glibc;
mod glob;
pub mod ld_so_cache;
pub mod ld_so_conf;
pub mod md5sums;
pub mod os_release;
pub mod records;
