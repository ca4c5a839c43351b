//! The command that an image starts, and commands that could be meant.

use std::collections::BTreeMap;

/// The command that an image starts, and its origin.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Start {
    /// The words of the image's `Entrypoint`; empty for a server, so that the arguments of `docker
    /// run` replace the whole command.
    pub entrypoint: Vec<String>,
    /// The words of the image's `Cmd`.
    pub cmd: Vec<String>,
    /// The whole command as a user writes it, which needs none of the variables.
    pub typed: Vec<String>,
    /// Variables that hold unless the base or the user sets them.
    pub env: Vec<(String, String)>,
    /// Variables that the file of the command sets, with paths of this image. They replace those of
    /// the base; the user's replace them.
    pub file_env: BTreeMap<String, String>,
    /// Variables that the file of the command sets and the image does not have.
    pub unset: Vec<Unset>,
    /// The port that it listens on, if known.
    pub port: Option<u16>,
    /// The working directory, below the directory of the application; empty for that directory.
    pub folder: String,
    /// The distribution that it needs and that is not locked; only a candidate has one.
    pub needs: Option<String>,
    /// The place where it was found: `[project.scripts]`, `Procfile`.
    pub origin: String,
}

/// The commands that could be meant, if there is none or several.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct EntrypointCandidates(pub Vec<Start>);

/// The result of the search for a start command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found {
    pub start: Result<Start, EntrypointCandidates>,
    /// Commands of the project's files that no image can start, with their reasons.
    pub unused: Vec<Unused>,
}

/// A command that an image cannot start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unused {
    /// The file that has it: `Dockerfile`.
    pub file: String,
    /// The reason: `its CMD is in shell form`.
    pub reason: String,
}

/// A variable of a file whose value is not known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unset {
    pub name: String,
    /// The part of its value that only a build by Docker decides: `` `$REVISION` ``.
    pub part: String,
}

impl Start {
    /// Returns the command of a program that is the `Entrypoint`.
    pub(super) fn program(words: Vec<String>, typed: Vec<String>, origin: impl Into<String>) -> Self {
        Self { entrypoint: words, typed, origin: origin.into(), ..Self::default() }
    }

    /// Returns the line of `carboy.toml` that names it.
    #[must_use]
    pub fn line(&self) -> String {
        let words: Vec<_> = self.typed.iter().map(|word| quoted(word)).collect();
        format!("entrypoint = [{}]", words.join(", "))
    }
}

/// Returns a word as a string of TOML.
fn quoted(word: &str) -> String {
    let escaped = word.chars().map(|c| match c {
        '"' => "\\\"".to_owned(),
        '\\' => "\\\\".to_owned(),
        c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}
