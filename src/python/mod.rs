//! CPython in an image: where it is, what of it a runtime needs. Pure.

pub mod interpreter;
pub mod record;
pub mod releases;
pub mod script;
pub mod stdlib;

pub use interpreter::{Interpreter, PythonError};
