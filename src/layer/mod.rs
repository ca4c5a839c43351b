//! Layers as tar archives: read, and written the same way every time.

pub mod limits;
pub mod pack;
pub mod read;
pub mod recipe;
pub mod unpack;

pub use limits::Limits;
pub use pack::{Packed, TarFiles, pack};
pub use recipe::Recipe;
