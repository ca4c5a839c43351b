//! Errors that end a run, as diagnostics, with their exit codes.

use std::io::{self, ErrorKind};
use std::path::PathBuf;

use super::exit_code::{FAILED, USAGE};
use crate::assemble::BuildError;
use crate::config::ConfigError;
use crate::diagnostic::{Code, Diagnostic};
use crate::hint::{Hint, nearest};
use crate::network::InvalidProxy;
use crate::oci::Platform;
use crate::operation_error::OperationError;
use crate::plan::PlanError;
use crate::printable::one_line;
use crate::python::lock::LockError;
use crate::python::project::ProjectError;

/// Codes of errors in the project's files and in the configuration that a build collects.
const OF_USAGE: [Code; 4] = [Code::NoEntrypoint, Code::InvalidLockFile, Code::NoLockFile, Code::StaleLockFile];

/// An error that ends a run.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    #[error("`{}` is not a directory", .0.display())]
    NoFolder(PathBuf),
    #[error("cannot read `{}`", path.display())]
    Read {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    /// A path in the project's files that leads out of the project's root.
    #[error("cannot use {at}")]
    Outside {
        at: String,
        #[source]
        cause: OperationError,
    },
    #[error("the working directory has no project, but `{}` has one", .0.display())]
    ConfigElsewhere(PathBuf),
    #[error("`{}` is invalid", path.display())]
    Project {
        path: PathBuf,
        #[source]
        cause: ProjectError,
    },
    #[error("`{}` does not look like a lock file", .0.display())]
    LockName(PathBuf),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error("SOURCE_DATE_EPOCH is `{0}`, which is not a number of seconds since 1970")]
    Epoch(String),
    /// An invalid flag of the machine's settings, or its variable.
    #[error("{message}")]
    MachineFlag { message: String, hint: String },
    #[error(transparent)]
    Proxy(#[from] InvalidProxy),
    #[error("there is no directory for the cache: neither XDG_CACHE_HOME nor HOME is set")]
    NoCache,
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Plan(#[from] PlanError),
    #[error(transparent)]
    Operation(#[from] OperationError),
    #[error(transparent)]
    Build(#[from] BuildError),
    #[error("`{0}` is not the code of a diagnostic")]
    NoCode(String),
    #[error("no topic or verb is called `{}`", one_line(name))]
    NoTopic { name: String, known: Vec<String> },
    #[error("{message}")]
    Usage { message: String, hint: String },
    #[error("cannot write the man pages")]
    ManPages(#[source] io::Error),
    #[error("cannot write `{}`", path.display())]
    OutputFile {
        path: PathBuf,
        #[source]
        cause: io::Error,
    },
    #[error("`{0}` is the second file for stdout")]
    TwoOnStdout(&'static str),
    #[error("cannot start")]
    Start(#[source] io::Error),
    #[error("the work is done, but its answer cannot be written to stdout")]
    Stdout(#[source] io::Error),
}

impl CliError {
    /// Returns the exit code: 2 for an invalid command line or configuration, 1 for everything
    /// else.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::NoFolder(_)
            | Self::Outside { .. }
            | Self::ConfigElsewhere(_)
            | Self::Project { .. }
            | Self::LockName(_)
            | Self::Lock(_)
            | Self::Epoch(_)
            | Self::MachineFlag { .. }
            | Self::Proxy(_)
            | Self::NoCache
            | Self::NoTopic { .. }
            | Self::Usage { .. }
            | Self::Config(_)
            | Self::Plan(_)
            | Self::TwoOnStdout(_)
            | Self::NoCode(_) => USAGE,
            Self::Build(BuildError::Diagnostics { found, .. })
                if found.iter().all(|one| OF_USAGE.contains(&one.code)) =>
            {
                USAGE
            }
            Self::Read { cause, .. } if matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput) => USAGE,
            Self::Read { .. }
            | Self::Operation(_)
            | Self::Build(_)
            | Self::ManPages(_)
            | Self::OutputFile { .. }
            | Self::Start(_)
            | Self::Stdout(_) => FAILED,
        }
    }

    /// Returns the error as diagnostics.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        if let Self::Build(cause) = self {
            return cause.diagnostics();
        }
        let diagnostic = Diagnostic::of(self.code(), self).hint(self.hint());
        vec![match self {
            Self::NoFolder(path)
            | Self::LockName(path)
            | Self::ConfigElsewhere(path)
            | Self::Read { path, .. }
            | Self::OutputFile { path, .. }
            | Self::Project { path, .. } => diagnostic.file(path.display()),
            Self::Config(cause) => match cause.file() {
                Some(file) => diagnostic.file(file),
                None => diagnostic,
            },
            _ => diagnostic,
        }]
    }

    /// Returns the platforms that the diagnostics may be about, if there are several.
    pub fn platforms(&self) -> &[Platform] {
        if let Self::Build(cause) = self { cause.platforms() } else { &[] }
    }

    fn code(&self) -> Code {
        match self {
            Self::NoFolder(_)
            | Self::LockName(_)
            | Self::Epoch(_)
            | Self::MachineFlag { .. }
            | Self::NoCode(_)
            | Self::NoTopic { .. }
            | Self::Usage { .. }
            | Self::TwoOnStdout(_)
            | Self::Config(ConfigError::NoProfile { .. }) => Code::InvalidArgument,
            Self::Outside { cause, .. } | Self::Operation(cause) => cause.code,
            Self::Read { .. } => Code::UnreadableFile,
            Self::ConfigElsewhere(_) => Code::NoProject,
            Self::Project { .. } => Code::InvalidProject,
            Self::Lock(_) => Code::InvalidLockFile,
            Self::NoCache => Code::UnusableCache,
            Self::Config(_) | Self::Proxy(_) => Code::InvalidConfiguration,
            Self::Plan(cause) => cause.code(),
            Self::Build(_) | Self::Start(_) => Code::Internal,
            Self::ManPages(_) | Self::OutputFile { .. } | Self::Stdout(_) => Code::UnwritableOutput,
        }
    }
}

impl Hint for CliError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Config(ConfigError::NoProfile { name, known }) => {
                let built_in = ["debug", "default"];
                let all = known.iter().map(String::as_str).chain(built_in);
                let near = nearest(name, all.clone()).map(|near| format!("did you mean `{near}`?"));
                Some(near.unwrap_or_else(|| format!("there is {}", all.collect::<Vec<_>>().join(", "))))
            }
            Self::Config(cause) => cause.hint(),
            Self::Plan(cause) => cause.hint(),
            Self::Operation(cause) | Self::Outside { cause, .. } => cause.hint(),
            Self::ConfigElsewhere(folder) => {
                let folder = folder.display();
                Some(format!("name the project's directory too: {folder}; or `.` for the working directory"))
            }
            Self::Build(cause) => cause.hint(),
            Self::Lock(cause) => cause.hint(),
            Self::LockName(_) => Some(
                "name a uv.lock, pylock.toml, poetry.lock, Pipfile.lock, or a requirements file that ends in .txt"
                    .to_owned(),
            ),
            Self::Proxy(_) => Some("write it as http://HOST:PORT, or as http://USER:PASSWORD@HOST:PORT".to_owned()),
            Self::MachineFlag { hint, .. } | Self::Usage { hint, .. } => Some(hint.clone()),
            Self::NoCache => Some("pass --cache-dir".to_owned()),
            Self::NoFolder(_) => Some("name the project's directory; a command to start goes after `--`".to_owned()),
            Self::NoCode(code) => {
                let near = nearest(code, Code::ALL.iter().map(|code| code.name()));
                let all = || "`carboy explain` lists all codes".to_owned();
                Some(near.map_or_else(all, |near| format!("did you mean `{near}`?")))
            }
            Self::NoTopic { name, known } => Some(match nearest(name, known.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `carboy help {near}`? `carboy help` lists all"),
                None => "`carboy help` lists all topics and verbs".to_owned(),
            }),
            Self::TwoOnStdout(_) => Some("name a file for one of them".to_owned()),
            Self::OutputFile { .. } => Some("name a file in a directory that exists and can be written to".to_owned()),
            Self::Read { .. }
            | Self::Project { .. }
            | Self::Epoch(_)
            | Self::ManPages(_)
            | Self::Start(_)
            | Self::Stdout(_) => None,
        }
    }
}
