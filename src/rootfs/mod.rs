//! The file tree of an image. Pure.

pub mod path;

pub use path::RootPath;
