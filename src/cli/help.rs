//! `carboy help`: the verbs and topics, a verb's help, or a topic of the reference.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, IsTerminal as _, Seek as _, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use clap::Args as ClapArgs;
use clap::builder::StyledStr;

use super::error::CliError;
use super::session::{finish, is_dumb, no_color, stdout_width};
use crate::docs::terminal::{Markup, render};
use crate::docs::{TOPICS, topic};

/// The pager where `PAGER` is not set, and its flags: exit if the text fits on the screen, pass
/// escape sequences on, leave the text on the screen.
const PAGER: &str = "less";
const PAGER_FLAGS: &str = "FRX";

#[derive(ClapArgs)]
pub struct Flags {
    /// A topic of the reference, or a verb
    #[arg(value_name = "TOPIC")]
    words: Vec<String>,
}

/// Runs the verb and returns the exit code. `program` is the command line with all verbs.
pub fn run(flags: &Flags, program: clap::Command) -> u8 {
    finish(|_| help(&flags.words, program))
}

/// Returns the topics with their summaries. `carboy help` lists them below the verbs.
pub fn topics() -> String {
    let width = TOPICS.iter().map(|topic| topic.name.len()).max().unwrap_or_default();
    let mut out = "Topics of the reference, which `carboy help TOPIC` shows:\n".to_owned();
    for topic in TOPICS {
        // Writing into a string does not fail.
        let _ = writeln!(out, "  {:width$}  {}", topic.name, topic.summary);
    }
    out
}

fn help(words: &[String], program: clap::Command) -> Result<String, CliError> {
    if let [name] = words
        && let Some(topic) = topic(name)
    {
        return page(topic.text).map_err(CliError::Stdout);
    }
    let mut verb = &program;
    for word in words {
        verb = verb.find_subcommand(word).ok_or_else(|| unknown(words, &program))?;
    }
    // clap returns help as the error of a command line with `--help`.
    let name = program.get_name().to_owned();
    let asked = [name.as_str()].into_iter().chain(words.iter().map(String::as_str)).chain(["--help"]);
    Ok(program.try_get_matches_from(asked).map_or_else(|help| styled(&help.render()), |_| String::new()))
}

/// Returns the error for a name that is neither a topic nor a verb, with the names of all topics
/// and verbs.
fn unknown(words: &[String], program: &clap::Command) -> CliError {
    let verbs = program.get_subcommands().filter(|verb| !verb.is_hide_set()).map(|verb| verb.get_name().to_owned());
    let known = TOPICS.iter().map(|topic| topic.name.to_owned()).chain(verbs).collect();
    CliError::NoTopic { name: words.join(" "), known }
}

/// Returns the text of clap's help, with its styles on a terminal.
fn styled(help: &StyledStr) -> String {
    if io::stdout().is_terminal() && !no_color() { help.ansi().to_string() } else { help.to_string() }
}

/// Returns the text to print. On a terminal, a pager replaces this process; the text is returned
/// only if there is no pager.
fn page(text: &str) -> io::Result<String> {
    if !io::stdout().is_terminal() {
        return Ok(text.to_owned());
    }
    let markup = if no_color() || is_dumb() { Markup::Bare } else { Markup::Escapes };
    let text = render(text, stdout_width(), markup);
    if let Some(mut pager) = pager() {
        // A file: a pipe would need a process that fills it.
        let mut file: File = tempfile::tempfile()?;
        file.write_all(text.as_bytes())?;
        file.rewind()?;
        let cause = pager.stdin(file).exec();
        if cause.kind() != io::ErrorKind::NotFound {
            return Err(cause);
        }
    }
    Ok(text)
}

/// Returns the pager that `PAGER` names, a command for the shell, or else `less`. Returns none
/// if `PAGER` is empty or the terminal cannot move its cursor.
fn pager() -> Option<Command> {
    let named = std::env::var_os("PAGER");
    let mut command = match named {
        Some(named) if named.is_empty() => return None,
        Some(named) => {
            let mut shell = Command::new("sh");
            shell.arg("-c").arg(named);
            shell
        }
        None if is_dumb() => return None,
        None => Command::new(PAGER),
    };
    if std::env::var_os("LESS").is_none() {
        command.env("LESS", PAGER_FLAGS);
    }
    Some(command)
}
