//! The command of a Dockerfile as an image of carboy has it: its split between `ENTRYPOINT` and
//! `CMD` is kept, paths lead to the same files of the project.

use super::super::runners::without_runners;
use super::super::server::variables;
use super::super::shell_commands::commands;
use super::super::{DEFAULT_PORT, Query, Start};
use super::environment::Environment;
use super::paths::{file_at, in_image, of_project};
use super::stage::{Form, Stage, last_stage};
use crate::python::command::is_interpreter;
use crate::python::normalised;

/// The most words of a command.
const WORDS: usize = 1_000;
/// The most words of a command that may be a shell script.
const PROGRAMS: usize = 16;

/// Returns the command of a Dockerfile; none if it has none.
///
/// # Errors
/// The reason for which the image cannot start it.
pub(in super::super) fn start(query: &Query<'_>, text: &str) -> Result<Option<Start>, String> {
    let Some(stage) = last_stage(text) else { return Ok(None) };
    let entrypoint = exec(stage.entrypoint.as_ref(), "ENTRYPOINT")?;
    let cmd = exec(stage.cmd.as_ref(), "CMD")?;
    if entrypoint.is_empty() && cmd.is_empty() {
        return Ok(None);
    }
    if entrypoint.len() + cmd.len() > WORDS {
        return Err(format!("its command has more than {WORDS} words"));
    }
    let is_file = |path: &str| file_at(query, &stage, path).is_some();
    let usable = |words: &[String], name: &str| {
        check_script(query, &stage, words, name)?;
        let words = without_runners(words, &is_file).map_err(|reason| format!("its {name} cannot start: {reason}"))?;
        Ok::<_, String>(script(query, words, &is_file))
    };
    // What only starts `CMD`, such as tini, is left out.
    let mut entrypoint_words = usable(&entrypoint, "ENTRYPOINT")?;
    let mut cmd_words = cmd;
    if entrypoint_words.is_empty() {
        check_script(query, &stage, &cmd_words, "CMD")?;
        cmd_words = usable(&[entrypoint, cmd_words].concat(), "CMD")?;
        if cmd_words.is_empty() {
            return Ok(None);
        }
    }
    check_variables(&entrypoint_words, "ENTRYPOINT")?;
    check_variables(&cmd_words, "CMD")?;
    for word in entrypoint_words.iter_mut().chain(&mut cmd_words) {
        if let Some(path) = in_image(query, &stage, word) {
            *word = path;
        }
    }
    let program = entrypoint_words.first().or(cmd_words.first()).cloned().unwrap_or_default();
    let typed: Vec<_> = entrypoint_words.iter().chain(&cmd_words).cloned().collect();
    let folder = of_project(query, &stage.copies, &stage.workdir).unwrap_or_default();
    let Environment { set, unset } = Environment::of(query, &stage, &folder);
    let port = query.port.or_else(|| set.get("PORT")?.parse().ok()).unwrap_or(DEFAULT_PORT);
    Ok(Some(Start {
        entrypoint: entrypoint_words,
        cmd: cmd_words,
        typed,
        env: variables(&program, port),
        file_env: set,
        unset,
        folder,
        ..Start::default()
    }))
}

/// Returns the words of an instruction in exec form; none without the instruction.
fn exec(form: Option<&Form>, name: &str) -> Result<Vec<String>, String> {
    match form {
        None => Ok(Vec::new()),
        Some(Form::Exec(words)) => Ok(words.clone()),
        Some(Form::Shell(_)) => Err(format!("its {name} is in shell form")),
    }
}

/// Returns the commands that a Dockerfile starts through a shell, in shell form or in a script of
/// the project.
pub(in super::super) fn of_shell(query: &Query<'_>, text: &str) -> Vec<Vec<String>> {
    let Some(stage) = last_stage(text) else { return Vec::new() };
    let mut out = Vec::new();
    for form in [&stage.entrypoint, &stage.cmd].into_iter().flatten() {
        match form {
            Form::Shell(text) => out.extend(commands(text)),
            Form::Exec(words) => {
                let scripts = words.iter().take(PROGRAMS).filter_map(|word| shell_script(query, &stage, word));
                out.extend(scripts.flat_map(|text| commands(&text)));
            }
        }
    }
    out
}

/// Refuses words with variables: Docker replaces none in exec form.
fn check_variables(words: &[String], name: &str) -> Result<(), String> {
    let is_variable = |word: &&String| {
        word.split('$').skip(1).any(|rest| rest.starts_with(|c: char| c == '{' || c == '_' || c.is_ascii_alphabetic()))
    };
    match words.iter().find(is_variable) {
        Some(word) => Err(format!("its {name} has `{word}`, and no shell replaces the variable")),
        None => Ok(()),
    }
}

/// Returns a command without Python before a console script in a directory `bin` that the image
/// does not have: `/app/bin/python /app/bin/shop`.
fn script(query: &Query<'_>, mut words: Vec<String>, is_file: &dyn Fn(&str) -> bool) -> Vec<String> {
    let name = match words.as_slice() {
        [program, path, ..] if is_interpreter(program) && path.contains("/bin/") && !is_file(path) => {
            path.rsplit('/').next().unwrap_or_default().to_owned()
        }
        _ => return words,
    };
    let is_own = query.project.is_some_and(|project| project.scripts.contains_key(&name));
    if is_own || query.names.is_some_and(|names| names.contains(&normalised(&name))) {
        words.splice(..2, [name]);
    }
    words
}

/// Refuses a program that is a shell script among the project's files.
fn check_script(query: &Query<'_>, stage: &Stage, words: &[String], name: &str) -> Result<(), String> {
    let Some(program) = words.first() else { return Ok(()) };
    let is_shell = shell_script(query, stage, program).is_some();
    if is_shell { Err(format!("its {name}, `{program}`, is a shell script")) } else { Ok(()) }
}

/// Returns the text of a shell script among the project's files.
fn shell_script(query: &Query<'_>, stage: &Stage, program: &str) -> Option<String> {
    // A script is often copied from another directory than its name tells.
    let last = program.rsplit('/').next().unwrap_or_default();
    let same_name = || {
        let ends = |file: &&&str| **file == last || file.ends_with(&format!("/{last}"));
        query.files.iter().find(ends).filter(|_| program.contains('/')).map(|file| (*file).to_owned())
    };
    let text = file_at(query, stage, program).or_else(same_name).and_then(|file| (query.read)(&file))?;
    let line = text.lines().next().unwrap_or_default();
    (line.starts_with("#!") && line.trim_end().ends_with("sh")).then_some(text)
}
