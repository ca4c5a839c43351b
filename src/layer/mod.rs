//! Layers as tar archives: read, and written the same way every time.

mod archive;
pub mod budget;
pub mod contents;
pub mod facts;
pub mod measure;
pub mod member;
pub mod pack;
pub mod read;
pub mod recipe;
pub mod unpack;
pub mod zip;

pub use contents::TarFiles;
pub use facts::LayerFacts;
pub use measure::{Measured, measure};
pub use pack::{PackError, Packed, Packer};
pub use recipe::Recipe;

pub use crate::rootfs::Limits;
