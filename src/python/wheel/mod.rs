//! Wheels: what their names say, and what an installer makes of them. Pure.
//!
//! Source: PyPA, "Binary distribution format" (PEP 427).

mod name;

pub use name::{WheelName, best};
