//! Layers as tar archives: read, and written the same way every time.

pub mod budget;
pub mod contents;
pub mod listing;
pub mod measure;
pub mod pack;
pub mod read;
pub mod recipe;
mod tar_reader;
pub mod unpack;
pub mod zip;
pub mod zip_entry;

pub use contents::TarFiles;
pub use listing::TarListing;
pub use measure::{Measured, measure};
pub use pack::{PackError, Packed, Packer};
pub use recipe::Recipe;

pub use crate::rootfs::Limits;
