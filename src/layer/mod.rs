//! Layers as tar archives: read, and written the same way every time.

pub mod budget;
mod checked_content;
mod compressor;
pub mod contents;
mod gzip_members;
mod hashing_writer;
pub mod listing;
pub mod measure;
pub mod pack;
mod pack_error;
pub mod read;
pub mod recipe;
pub mod slice;
mod sparse_reader;
mod tar_files;
mod tar_reader;
mod tar_writer;
pub mod unpack;
pub mod zip;
pub mod zip_entry;

pub use listing::TarListing;
pub use measure::{Measured, measure};
pub use pack::{Packed, Packer};
pub use pack_error::PackError;
pub use recipe::Recipe;
pub use tar_files::TarFiles;

pub use crate::rootfs::Limits;
