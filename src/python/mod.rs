//! CPython in an image: where it is, what of it a runtime needs. Pure.

pub mod abi;
pub mod command;
pub mod distribution;
pub mod entrypoint;
pub mod interpreter;
pub mod lock;
pub mod marker;
pub mod project;
pub mod record;
pub mod releases;
pub mod requirement;
pub mod script;
pub mod stdlib;
pub mod tags;
pub mod wheel;

pub use abi::Cpython;
pub use command::{Command, CommandTarget};
pub use distribution::{Distribution, Distributions};
pub use interpreter::{Interpreter, PythonError};

/// A distribution's or group's name as PEP 503 normalises it: `typing-extensions`.
#[must_use]
pub fn normalised(name: &str) -> String {
    let words = name.split(['-', '_', '.']).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

/// Whether `part`, which is not empty, stands in `text`.
fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
