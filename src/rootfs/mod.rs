//! The file tree of an image. Pure.

pub mod access;
pub mod accounts;
pub mod entry;
mod file_reader;
pub mod limits;
pub mod local;
pub mod overlay;
pub mod path;
pub mod private_keys;
pub mod programs;
pub mod resolve;
pub mod select;
pub mod tree;

pub use access::{Obstacle, Permission};
pub use entry::{ArchiveFile, Content, Entry, Kind, LocalFile, Meta, ReadSeek, Sparse, ZipEntry};
pub use file_reader::FileReader;
pub use limits::Limits;
pub use local::{IgnoreFile, Kept, LeftOut, LeftOutPath, LocalEntry, LocalKind, Tracked, Walk};
pub use path::RootPath;
pub use tree::Tree;
