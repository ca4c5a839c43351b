//! Wheels: what their names say, and what an installer makes of them. Pure.
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

pub use archive::{Archive, RawZipEntry};
pub use error::{InvalidWheel, WheelFault};
pub use install::{Installed, Open, install};
pub use local_project::local;
pub use name::{WheelName, best};
