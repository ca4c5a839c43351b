//! CPython in an image: where it is, what of it a runtime needs. Pure.

pub mod abi;
pub mod distribution;
pub mod interpreter;
pub mod record;
pub mod releases;
pub mod script;
pub mod stdlib;
pub mod tags;

pub use abi::Cpython;
pub use distribution::{Distribution, Distributions};
pub use interpreter::{Interpreter, PythonError};

/// Whether `part`, which is not empty, stands in `text`.
fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
