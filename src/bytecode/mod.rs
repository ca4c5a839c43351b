//! Compiles sources with an interpreter of this machine, the same way every time.
//!
//! Nothing of a source is run: the interpreter's compiler reads it in processes that
//! may break down ([`driver`]). What they answer is brought into a form that depends
//! on version, path and source only ([`marshal`]), so it matters neither what else a
//! process compiled nor how many there are, and one that broke down is replaced. The
//! results of one call are one file of the cache ([`bundle`]).

mod bundle;
mod compiled;
mod compiler;
mod driver;
mod interpreter;
pub mod interpreter_paths;
pub mod marshal;
mod pool;
mod python_build;
mod source_reader;

pub use compiled::{Bytecode, SkipReason};
pub use compiler::Compiler;
pub use interpreter_paths::InterpreterPaths;
pub use python_build::PythonBuild;
pub use source_reader::SourceReader;
