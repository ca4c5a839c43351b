//! The command of a Dockerfile as an image of carboy has it: its split between `ENTRYPOINT` and
//! `CMD` is kept, paths lead to the same files of the project.

use super::dockerfile::{Copied, Form, Stage, joined, last_stage};
use super::runners::without_runners;
use super::server::variables;
use super::{Query, Start};

/// Returns the command of a Dockerfile; none if it has none.
///
/// # Errors
/// The reason for which the image cannot start it.
pub(super) fn start(query: &Query<'_>, text: &str) -> Result<Option<Start>, String> {
    let Some(stage) = last_stage(text) else { return Ok(None) };
    let entrypoint = exec(stage.entrypoint.as_ref(), "ENTRYPOINT")?;
    let cmd = exec(stage.cmd.as_ref(), "CMD")?;
    if entrypoint.is_empty() && cmd.is_empty() {
        return Ok(None);
    }
    let usable = |words: &[String], name: &str| {
        check_script(query, &stage, words, name)?;
        without_runners(words).map_err(|reason| format!("its {name} cannot start: {reason}"))
    };
    // What only starts `CMD`, such as tini, is left out.
    let mut entrypoint_words = usable(&entrypoint, "ENTRYPOINT")?;
    let mut cmd_words = cmd;
    if entrypoint_words.is_empty() {
        check_script(query, &stage, &cmd_words, "CMD")?;
        let whole = [entrypoint, cmd_words].concat();
        cmd_words = without_runners(&whole).map_err(|reason| format!("its CMD cannot start: {reason}"))?;
        if cmd_words.is_empty() {
            return Ok(None);
        }
    }
    for word in entrypoint_words.iter_mut().chain(&mut cmd_words) {
        if let Some(path) = in_image(query, &stage, word) {
            *word = path;
        }
    }
    let program = entrypoint_words.first().or(cmd_words.first()).cloned().unwrap_or_default();
    let typed: Vec<_> = entrypoint_words.iter().chain(&cmd_words).cloned().collect();
    let folder = of_project(query, &stage.copies, &stage.workdir).unwrap_or_default();
    Ok(Some(Start {
        entrypoint: entrypoint_words,
        cmd: cmd_words,
        typed,
        env: variables(&program, query.port),
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

/// Refuses a program that is a shell script among the project's files.
fn check_script(query: &Query<'_>, stage: &Stage, words: &[String], name: &str) -> Result<(), String> {
    let Some(program) = words.first() else { return Ok(()) };
    let path = joined(&stage.workdir, program);
    let file = of_project(query, &stage.copies, &path).filter(|file| query.has(file));
    // A script is often copied from another directory than its name tells.
    let last = program.rsplit('/').next().unwrap_or_default();
    let same_name = || {
        let ends = |file: &&&str| **file == last || file.ends_with(&format!("/{last}"));
        query.files.iter().find(ends).filter(|_| program.contains('/')).map(|file| (*file).to_owned())
    };
    let Some(text) = file.or_else(same_name).and_then(|file| (query.read)(&file)) else { return Ok(()) };
    let line = text.lines().next().unwrap_or_default();
    let is_shell = line.starts_with("#!") && line.trim_end().ends_with("sh");
    if is_shell { Err(format!("its {name}, `{program}`, is a shell script")) } else { Ok(()) }
}

/// Returns the path in the image of carboy for an absolute path below which the Dockerfile puts
/// the project's files.
fn in_image(query: &Query<'_>, stage: &Stage, word: &str) -> Option<String> {
    if !word.starts_with('/') {
        return None;
    }
    let file = of_project(query, &stage.copies, word)?;
    Some(joined(query.folder, &file))
}

/// Returns the file or directory of the project that a path of the Docker image has.
fn of_project(query: &Query<'_>, copies: &[Copied], path: &str) -> Option<String> {
    let of_copy = |copied: &Copied| copied.sources.iter().find_map(|source| below(query, copied, source, path));
    copies.iter().rev().find_map(of_copy)
}

fn below(query: &Query<'_>, copied: &Copied, source: &str, path: &str) -> Option<String> {
    let to = copied.to.trim_end_matches('/');
    let rest = |folder: &str| {
        let rest = path.strip_prefix(folder)?;
        (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_matches('/').to_owned())
    };
    // A glob copies files of its directory.
    let folder = source.split(['*', '?', '[']).next().unwrap_or_default();
    let source = if folder == source { source } else { folder.rsplit_once('/').map_or("", |(folder, _)| folder) };
    if query.has(source) {
        let is_folder = copied.to.ends_with('/') || copied.sources.len() > 1;
        let place = if is_folder { format!("{to}/{}", source.rsplit('/').next()?) } else { to.to_owned() };
        return (path == place).then(|| source.to_owned());
    }
    let rest = rest(to)?;
    let found = [source, &rest].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
    let is_there = query.has(&found) || query.files.iter().any(|file| file.starts_with(&format!("{found}/")));
    (found.is_empty() || is_there).then_some(found)
}
