//! The nouns of the image and distribution specifications. Pure.

pub mod architecture;
pub mod compression;
pub mod descriptor;
pub mod digest;
pub mod json;
pub mod location;
pub mod manifest;
mod manifest_kind;
pub mod media_type;
pub mod platform;
mod reference;

pub use architecture::Architecture;
pub use compression::{Compression, CompressionLevel};
pub use descriptor::Descriptor;
pub use digest::{DiffId, Digest};
pub use location::{Location, LocationError};
pub use manifest::{ImageIndex, ImageManifest, ManifestError, RawManifest};
pub use platform::Platform;
