//! `carboy man`: writes the man pages of the verbs and of the reference's topics.

use std::io;
use std::path::{Path, PathBuf};

use clap::{Args as ClapArgs, Command};
use clap_mangen::Man;

use super::error::CliError;
use super::session::finish;
use crate::docs::{TOPICS, man};

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(ClapArgs)]
pub struct Flags {
    /// The directory to write to, such as /usr/local/share/man; pages go to man1 and man7 below it
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Runs the verb and returns the exit code. `program` is the command line with all verbs.
pub fn run(flags: &Flags, program: Command) -> u8 {
    finish(|_| write(&flags.folder, program).map(|()| String::new()).map_err(CliError::ManPages))
}

fn write(folder: &Path, mut program: Command) -> io::Result<()> {
    let (verbs, topics) = (folder.join("man1"), folder.join("man7"));
    fs_err::create_dir_all(&verbs)?;
    program.build();
    write_verb(&program, &verbs)?;
    fs_err::create_dir_all(&topics)?;
    for topic in TOPICS {
        fs_err::write(topics.join(man::file_name(topic)), man::render(topic, VERSION))?;
    }
    Ok(())
}

/// Writes the pages of a verb and of its subcommands.
fn write_verb(verb: &Command, folder: &Path) -> io::Result<()> {
    let page = Man::new(verb.clone()).date(man::EMPTY).source(format!("carboy {VERSION}"));
    let mut text = Vec::new();
    page.render(&mut text)?;
    fs_err::write(folder.join(page.get_filename()), text)?;
    verb.get_subcommands().filter(|verb| !verb.is_hide_set()).try_for_each(|verb| write_verb(verb, folder))
}
