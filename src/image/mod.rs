//! The image that carboy describes: configuration, manifest, index. Pure.

pub mod assemble;
pub mod config;
pub mod entrypoint;
pub mod exec_form;
pub mod executable;
pub mod layer_id;
pub mod process;
pub mod wrapper;

pub use assemble::{Assembled, BaseRef, Lineage, assemble, index};
pub use config::{ConfigError, ImageConfig, NewLayer};
pub use entrypoint::{EntrypointError, resolve_program};
pub use executable::{Executable, ExecutableError, Shebang, ThroughEnv};
pub use layer_id::{LayerId, LayerKind, Part};
pub use process::Process;
