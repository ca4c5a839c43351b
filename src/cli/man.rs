//! `carboy man`: writes the man pages of the verbs and of the reference's topics.

use std::io;
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;

use super::command;
use super::error::CliError;
use super::session::finish;
use crate::docs::{TOPICS, man};

#[derive(ClapArgs)]
pub struct Flags {
    /// The folder to write to, such as /usr/local/share/man; pages go to man1 and man7 below it
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Runs the verb; returns the exit code.
pub fn run(flags: &Flags) -> u8 {
    finish(|_| write(&flags.folder).map(|()| String::new()).map_err(CliError::ManPages))
}

fn write(folder: &Path) -> io::Result<()> {
    let (verbs, topics) = (folder.join("man1"), folder.join("man7"));
    fs_err::create_dir_all(&verbs)?;
    clap_mangen::generate_to(command(), &verbs)?;
    fs_err::create_dir_all(&topics)?;
    for topic in TOPICS {
        fs_err::write(topics.join(man::file_name(topic)), man::render(topic, env!("CARGO_PKG_VERSION")))?;
    }
    Ok(())
}
