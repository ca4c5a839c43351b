//! CPython in an image: the interpreter, its standard library, and the distributions that are
//! installed for it. Pure.

pub mod abi;
pub mod command;
pub mod distribution;
pub mod django;
pub mod dockerfile_build;
pub mod entrypoint;
mod identifier;
pub mod imports;
pub mod ini;
pub mod installed_requirements;
pub mod interpreter;
pub mod lock;
pub mod marker;
mod package_name;
pub mod pattern;
pub mod project;
pub mod record;
pub mod releases;
pub mod requirement;
pub mod script;
pub mod sdist;
pub mod server_command;
pub mod stdlib;
mod syntax;
pub mod syntax_depth;
pub mod tags;
pub mod wheel;

pub use abi::Cpython;
pub use command::{Command, CommandTarget};
pub use distribution::{Distribution, Distributions};
pub use identifier::is_identifier;
pub use interpreter::{Interpreter, PythonError};
pub use package_name::normalised;
