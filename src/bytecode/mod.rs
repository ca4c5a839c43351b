//! Compiles sources with an interpreter of this machine, reproducibly.
//!
//! Sources are not executed: the interpreter's compiler reads them in processes that may crash
//! ([`driver`]). Their output is brought into a form that depends on version, path and source only
//! ([`marshal`]), so neither the number of processes nor the other sources of a process matter, and
//! a crashed process is replaced. The results of one call are one file of the cache ([`bundle`]).

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
