//! The file tree of an image. Pure.

pub mod access;
pub mod accounts;
pub mod entry;
mod file_reader;
pub mod keys;
pub mod limits;
pub mod overlay;
pub mod path;
pub mod programs;
pub mod resolve;
pub mod select;
pub mod tree;

pub use access::{Obstacle, Permission};
pub use entry::{ArchiveFile, Content, Entry, Kind, LocalFile, Member, Meta, Sparse};
pub use file_reader::FileReader;
pub use limits::Limits;
pub use path::RootPath;
pub use tree::Tree;
