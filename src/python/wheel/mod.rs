//! Wheels: what their names say, and what an installer makes of them. Pure.
//!
//! Source: PyPA, "Binary distribution format" (PEP 427).

mod archive;
mod entry_points;
mod error;
mod hashes;
mod install;
mod local;
mod name;
mod places;
mod placing;
mod verified;

pub use archive::{Archive, RawMember};
pub use error::{WheelError, WheelFault};
pub use install::{Installed, Open, install};
pub use local::local;
pub use name::{WheelName, best};
