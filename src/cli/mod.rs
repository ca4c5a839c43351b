//! The command line: flags, one file for each verb, exit codes. Only this module reads the
//! environment, the wall clock and the working directory.

mod build;
mod cache;
mod credentials;
mod error;
mod exit_code;
mod explain;
mod help;
mod index;
mod lock;
mod login;
mod machine;
mod man;
mod member;
mod output_files;
mod path_check;
mod plan;
mod project_args;
mod project_folder;
mod project_root;
mod session;
mod tag;
mod text_file;
mod unlocked;
mod why;
mod wiring;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

use exit_code::{DONE, USAGE};

const EXIT_CODES: &str =
    "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted, 143 terminated.";

/// Assembles container images of Python applications on distroless, without Docker.
#[derive(Parser)]
#[command(name = "carboy", version, max_term_width = 100, disable_help_subcommand = true, after_help = help::topics())]
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
    /// Shows the image that `build` would make, without making or pushing it.
    ///
    /// Shows layers with their sizes, the files from images with their reasons, missing libraries,
    /// and the differences between platforms. Needs no target and does not connect to it. With
    /// --files, lists local files and pulls nothing. Flags win over CARBOY_* variables, which win
    /// over the configuration.
    #[command(after_help = EXIT_CODES)]
    Plan(plan::Flags),
    /// Explains the reason for a file in the image.
    ///
    /// Prints the chain from the file to its origin, for the image that `build` would make, or with
    /// --image for one that carboy made. Of a local file that stays behind, prints the rule. With
    /// --image, only the [limits] of a named DIR or --config
    /// are read from the project. Flags win over CARBOY_* variables, which win over the
    /// configuration.
    #[command(after_help = EXIT_CODES)]
    Why(why::Flags),
    /// Moves tags to an image that was pushed before.
    ///
    /// Prints the image's name and digest for each tag. With `build --push-by-digest` before it, an
    /// image is signed and scanned before a tag names it.
    #[command(after_help = EXIT_CODES)]
    Tag(tag::Flags),
    /// Joins images of several platforms, built apart, into one.
    ///
    /// Prints the name and digest of the index. Copies what the target does not have, or mounts it
    /// within a registry. The order of the images does not matter.
    #[command(after_help = EXIT_CODES)]
    Index(index::Flags),
    /// Logs in to a registry: checks the password and stores it.
    ///
    /// Asks for the user name and the password on a terminal. Stores them where docker does: with
    /// the credential helper that docker's config.json names, or else in that file.
    #[command(after_help = EXIT_CODES)]
    Login(login::LoginFlags),
    /// Deletes the stored credentials for a registry.
    #[command(after_help = EXIT_CODES)]
    Logout(login::LogoutFlags),
    /// Shows the contents of the cache, and makes it smaller.
    Cache(cache::Flags),
    /// Explains the code of an error or a warning.
    ///
    /// Prints what the code means, an example, and the fix. Without a code, lists all codes.
    Explain(explain::Flags),
    /// Shows a topic of the reference, or the help of a verb.
    ///
    /// Without TOPIC, lists the verbs and the topics. On a terminal, the pager that PAGER names, or
    /// else `less`, shows a topic; in a pipe it is Markdown.
    Help(help::Flags),
    /// Writes the man pages.
    #[command(hide = true)]
    Man(man::Flags),
}

/// Runs the program and returns its exit code.
pub fn main() -> ExitCode {
    let code = match Cli::try_parse() {
        Ok(Cli { verb: Verb::Build(flags) }) => build::run(&flags),
        Ok(Cli { verb: Verb::Plan(flags) }) => plan::run(&flags),
        Ok(Cli { verb: Verb::Why(flags) }) => why::run(&flags),
        Ok(Cli { verb: Verb::Tag(flags) }) => tag::run(&flags),
        Ok(Cli { verb: Verb::Index(flags) }) => index::run(&flags),
        Ok(Cli { verb: Verb::Login(flags) }) => login::login(&flags),
        Ok(Cli { verb: Verb::Logout(flags) }) => login::logout(&flags),
        Ok(Cli { verb: Verb::Cache(flags) }) => cache::run(&flags),
        Ok(Cli { verb: Verb::Explain(flags) }) => explain::run(&flags),
        Ok(Cli { verb: Verb::Help(flags) }) => help::run(&flags, command()),
        Ok(Cli { verb: Verb::Man(flags) }) => man::run(&flags, command()),
        Err(error) => {
            // A closed pipe that does not take the help is not a failure.
            let _ = error.print();
            if error.use_stderr() { USAGE } else { DONE }
        }
    };
    ExitCode::from(code)
}

/// Returns the verbs with their flags, as clap describes them.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Parses a command line without running it; its first word is the program's name.
///
/// # Errors
/// A verb, flag or value does not exist; help or the version is requested.
pub fn check(words: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Result<(), clap::Error> {
    Cli::try_parse_from(words).map(|_| ())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_flags_are_sound() {
        super::command().debug_assert();
    }
}
