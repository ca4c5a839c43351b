//! The command line: flags, one file a verb, exit codes. The only place that reads
//! the environment, the wall clock and the working directory.

mod build;
mod cache;
mod error;
mod explain;
mod lock;
mod path_check;
mod plan;
mod project_args;
mod project_folder;
mod project_root;
mod session;
mod text_file;
mod why;
mod wiring;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Done.
const DONE: u8 = 0;
/// Something failed.
const FAILED: u8 = 1;
/// The command line or the configuration is wrong; nothing was done.
const USAGE: u8 = 2;
/// Stopped by a signal: this and its number, as shells have it.
const STOPPED: u8 = 128;

const EXIT_CODES: &str =
    "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted, 143 terminated.";

/// Assembles container images of Python applications on distroless, without Docker.
#[derive(Parser)]
#[command(name = "carboy", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Builds a multi-arch image and pushes it.
    ///
    /// Prints the image's name with its digest. Flags win over CARBOY_* variables, which win over
    /// the configuration.
    #[command(after_help = EXIT_CODES)]
    Build(build::Flags),
    /// Tells what `build` would make, without making or pushing it.
    ///
    /// Layers with their sizes, what is taken out of images and why, what is missing, and how
    /// platforms differ. Needs no target and does not speak to it. Flags win over CARBOY_*
    /// variables, which win over the configuration.
    #[command(after_help = EXIT_CODES)]
    Plan(plan::Flags),
    /// Tells why a file is in the image.
    ///
    /// Prints the chain from the file over what needs it to what brought that in, for the image
    /// that `build` would make, or with --image for one that it made. With --image, nothing of a
    /// project is read but the [limits] of a DIR or --config that is named. Flags win over CARBOY_*
    /// variables, which win over the configuration.
    #[command(after_help = EXIT_CODES)]
    Why(why::Flags),
    /// Tells what the cache holds, and makes it smaller.
    Cache(cache::Flags),
    /// Explains the code of an error or a warning.
    ///
    /// Prints what the code means, an example, and the fix. Without a code, lists all codes.
    Explain(explain::Flags),
}

/// Runs the program; returns its exit code.
pub fn main() -> ExitCode {
    let code = match Cli::try_parse() {
        Ok(Cli { verb: Verb::Build(flags) }) => build::run(&flags),
        Ok(Cli { verb: Verb::Plan(flags) }) => plan::run(&flags),
        Ok(Cli { verb: Verb::Why(flags) }) => why::run(&flags),
        Ok(Cli { verb: Verb::Cache(flags) }) => cache::run(&flags),
        Ok(Cli { verb: Verb::Explain(flags) }) => explain::run(&flags),
        Err(error) => {
            // Writing help into a closed pipe is no failure worth telling.
            let _ = error.print();
            if error.use_stderr() { USAGE } else { DONE }
        }
    };
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::Cli;

    #[test]
    fn the_flags_are_sound() {
        Cli::command().debug_assert();
    }
}
