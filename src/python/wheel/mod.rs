//! Wheels: their names, their files, and their installation. Pure.
//!
//! Source: PyPA, "Binary distribution format" (PEP 427).

mod archive;
mod entry_points;
mod error;
mod install;
mod install_scheme;
mod installer;
mod local_project;
mod name;
mod record;
mod verified;

pub use archive::{Archive, Open, RawZipEntry};
pub use error::{InvalidWheel, WheelFault};
pub use install::{Installed, install};
pub use local_project::local;
pub use name::{WheelName, best};
