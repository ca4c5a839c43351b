//! The command line: flags, one file a verb, exit codes. The only place that reads
//! the environment, the clock and the working directory.

mod build;
mod error;
mod folder;
mod wiring;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Done.
const DONE: u8 = 0;
/// Something failed.
const FAILED: u8 = 1;
/// The command line or the configuration is wrong; nothing was done.
const USAGE: u8 = 2;
/// Stopped by the user: 128 and SIGINT's number, as shells have it.
const STOPPED: u8 = 130;

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
    Build(build::Flags),
}

/// Runs the program; returns its exit code.
pub fn main() -> ExitCode {
    let code = match Cli::try_parse() {
        Ok(Cli { verb: Verb::Build(flags) }) => build::run(&flags),
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
