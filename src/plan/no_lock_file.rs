//! The error about dependencies that no lock file locks.

use std::path::Path;

use super::{AllowedMissing, Args, Locker, Unlocked};
use crate::config::{File, PythonChoice};
use crate::diagnostic::{Code, Diagnostic, some_of};
use crate::hint::shell_word;
use crate::python::lock::compile_command;
use crate::python::releases;

/// The most names that a message lists.
const LISTED: usize = 8;

/// Returns the error about them, unless all may be missing.
pub(super) fn no_lock_file(unlocked: &Unlocked, args: &Args, file: &File) -> Option<Diagnostic> {
    let allowed = AllowedMissing::of(args, file);
    let names: Vec<_> = unlocked.names.iter().filter(|name| !allowed.allows(name)).cloned().collect();
    if names.is_empty() {
        return None;
    }
    let listed = some_of(&names, LISTED);
    let message = format!("{} declares {listed}, and there is no lock file", unlocked.file);
    let first = match command(unlocked, args, file) {
        Some(command) => format!("lock them: `{command}`"),
        None => format!("if it has exact versions, name it: lock = \"{}\" under [dependencies]", unlocked.file),
    };
    let hint =
        format!("{first}; if the image needs none of them: allow-missing-requirements = true under [dependencies]");
    Some(Diagnostic::error(Code::NoLockFile, message).file(&unlocked.file).hint(hint))
}

/// Returns the command that makes the lock file, if one is needed.
fn command(unlocked: &Unlocked, args: &Args, file: &File) -> Option<String> {
    let python = python(args, file);
    let version = python.as_ref().map_or(String::new(), |version| format!(" --python-version {version}"));
    let input = shell_word(&unlocked.file);
    let command = match unlocked.locker {
        Locker::Uv => "uv lock".to_owned(),
        Locker::Poetry => "poetry lock".to_owned(),
        Locker::Pipenv => "pipenv lock".to_owned(),
        Locker::Requirements => {
            format!("uv pip compile {input} --universal{version} --generate-hashes -o requirements.txt")
        }
        Locker::Pylock => compile_command(&unlocked.file, python.as_deref(), "pylock.toml"),
        Locker::Unnamed => return None,
    };
    let folder = &args.folder;
    if folder.as_os_str().is_empty() || folder == Path::new(".") {
        return Some(command);
    }
    Some(format!("cd {} && {command}", shell_word(&folder.display().to_string())))
}

/// Returns the version of Python that the image will have; `None` if only the builder tells.
fn python(args: &Args, file: &File) -> Option<String> {
    let flag = args.python.as_deref().and_then(|text| text.parse::<PythonChoice>().ok());
    match flag.or_else(|| file.python.clone()) {
        Some(PythonChoice::Version(version)) => return Some(version),
        Some(PythonChoice::Off) => return None,
        None => {}
    }
    if let Some(builder) = args.builder.as_ref().or(file.builder.as_ref()) {
        let (_, tag) = builder.rsplit_once([':', '/'])?;
        let end = tag.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(tag.len());
        let mut numbers = tag[..end].split('.');
        let (major, minor) = (numbers.next()?, numbers.next()?);
        return (major == "3" && !minor.is_empty()).then(|| format!("3.{minor}"));
    }
    Some(args.stated_python().unwrap_or_else(|| releases::DEFAULT.to_owned()))
}
