//! The application stage: the project's files, copies, accounts, directories, and the process
//! that the image starts.

mod accounts;
mod draft;
mod files;
mod inputs;
mod process;
mod project;
mod stage;
mod volumes;

pub use inputs::{Application, CopiedFiles};
pub use process::no_entrypoint;
pub use project::{install_project, left_out_of_project};
pub use stage::application;
