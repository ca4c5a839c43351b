//! The image that carboy describes: configuration, manifest, index. Pure.

pub mod assemble;
pub mod config;
pub mod entrypoint;
pub mod process;

pub use assemble::{Assembled, BaseRef, Lineage, assemble, index};
pub use config::{ConfigError, ImageConfig, NewLayer};
pub use entrypoint::{EntrypointError, resolve_program};
pub use process::Process;
