//! The program an image starts: found in the image, as an absolute path.
//!
//! A runtime would look it up in `PATH` at the start; doing it now turns a broken
//! image into a failed build.

use super::exec_form::{is_builtin, variable};
use crate::diagnostic::Code;
use crate::hint::{Hint, nearest};
use crate::rootfs::programs::path_folders;
use crate::rootfs::{Kind, RootPath, Tree};

/// The reasons for which a program cannot be started.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntrypointError {
    #[error("the entrypoint is empty")]
    Empty,
    #[error("the image has no program `{program}`")]
    NotFound { program: String, nearest: Option<String>, spaced: bool },
    #[error("`{path}`, the entrypoint, is not executable")]
    NotExecutable { path: RootPath },
    #[error("`{path}`, the entrypoint, is no file")]
    NotFile { path: RootPath },
    #[error("`{path}`, the entrypoint, is a link to `{target}`, which the image does not have")]
    Dangling { path: RootPath, target: String },
}

impl EntrypointError {
    /// Returns the code of its diagnostic.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Empty => Code::NoEntrypoint,
            Self::NotFound { .. } | Self::Dangling { .. } => Code::EntrypointNotFound,
            Self::NotExecutable { .. } | Self::NotFile { .. } => Code::CannotStart,
        }
    }
}

impl Hint for EntrypointError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Empty => Some("give it as a list: entrypoint = [\"python\", \"-m\", \"shop\"]".to_owned()),
            Self::NotFound { program, spaced: true, .. } => {
                let words: Vec<_> = program.split_whitespace().map(|word| format!("\"{word}\"")).collect();
                let list = words.join(", ");
                Some(format!("there is no shell in the image to split it: entrypoint = [{list}]"))
            }
            Self::NotFound { program, .. } if variable(program).is_some() => {
                Some("there is no shell to replace the variable: write the program's path".to_owned())
            }
            Self::NotFound { program, .. } if is_builtin(program) => Some(format!(
                "`{program}` is a shell's own, and no shell starts the entrypoint: name the program itself; `workdir` and `env` under [image] set directory and variables"
            )),
            Self::NotFound { program, .. } if is_assignment(program) => {
                Some("set variables with `env` under [image]".to_owned())
            }
            Self::NotFound { nearest: Some(near), .. } => Some(format!("it has `{near}`")),
            Self::NotFound { program, .. } if program.contains('/') => Some(
                "write its path in the image: the application's files are in /app, or where `to` under [app] says"
                    .to_owned(),
            ),
            Self::NotFound { program, .. } => {
                Some(format!("add the package that provides `{program}` to the dependencies"))
            }
            Self::NotExecutable { .. } => Some("chmod +x it, or start it with python".to_owned()),
            Self::NotFile { .. } => Some("name a program; python starts a package with -m".to_owned()),
            Self::Dangling { .. } => Some("put what it leads to into the image, or name another program".to_owned()),
        }
    }
}

/// Returns whether a word is a shell's way to set a variable: `PORT=80`.
fn is_assignment(word: &str) -> bool {
    let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    word.split_once('=').is_some_and(|(name, _)| !name.is_empty() && is_name(name))
}

/// Returns the absolute path of a program, found along `PATH` in `env`; relative paths start at
/// `workdir`.
///
/// # Errors
/// A program that is not there, is no file, or has no executable bit.
pub fn resolve_program(
    tree: &Tree,
    program: &str,
    env: &[String],
    workdir: &RootPath,
) -> Result<RootPath, EntrypointError> {
    if program.is_empty() {
        return Err(EntrypointError::Empty);
    }
    let not_found = |nearest| EntrypointError::NotFound {
        program: program.to_owned(),
        nearest,
        spaced: program.trim().contains(char::is_whitespace),
    };
    if program.contains('/') {
        let path = RootPath::new(program).map_err(|_| not_found(None))?;
        let path = if program.starts_with('/') { path } else { workdir.join(&path) };
        return match check(tree, &path) {
            None => {
                let beside = path.parent().map(|folder| programs(tree, &folder)).unwrap_or_default();
                let near = nearest(&path.to_string(), beside.iter().map(String::as_str)).map(str::to_owned);
                Err(not_found(near))
            }
            Some(found) => found.map(|()| path),
        };
    }
    let folders = path_folders(env);
    let mut refused = None;
    for folder in &folders {
        let path = folder.child(program.as_bytes());
        match check(tree, &path) {
            Some(Ok(())) => return Ok(path),
            Some(Err(error)) => refused = refused.or(Some(error)),
            None => {}
        }
    }
    Err(refused.unwrap_or_else(|| {
        let names: Vec<String> = folders.iter().flat_map(|folder| programs(tree, folder)).collect();
        let near = nearest(program, names.iter().filter_map(|name| name.rsplit('/').next())).map(str::to_owned);
        not_found(near)
    }))
}

/// None when nothing is there.
fn check(tree: &Tree, path: &RootPath) -> Option<Result<(), EntrypointError>> {
    let Some((_, entry)) = tree.follow(path) else {
        let link = tree.get(&tree.resolve_parent(path).ok()?)?;
        let Kind::Link(target) = &link.kind else { return None };
        let target = String::from_utf8_lossy(target).into_owned();
        return Some(Err(EntrypointError::Dangling { path: path.clone(), target }));
    };
    Some(match &entry.kind {
        Kind::File(_) if entry.meta.mode & 0o111 != 0 => Ok(()),
        Kind::File(_) => Err(EntrypointError::NotExecutable { path: path.clone() }),
        _ => Err(EntrypointError::NotFile { path: path.clone() }),
    })
}

fn programs(tree: &Tree, folder: &RootPath) -> Vec<String> {
    let Ok(real) = tree.resolve(folder) else { return Vec::new() };
    tree.children(&real).map(|(path, _)| path.to_string()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rootfs::Entry;

    fn resolve(program: &str) -> Result<String, EntrypointError> {
        let tree: Tree = [
            ("usr/bin/gunicorn", Entry::bytes(0o755, *b"")),
            ("usr/bin/python", Entry::link("gunicorn")),
            ("usr/bin/data", Entry::bytes(0o644, *b"")),
            ("app/run.sh", Entry::bytes(0o755, *b"")),
            ("app/current", Entry::link("releases/7/run")),
        ]
        .into_iter()
        .map(|(name, entry)| (RootPath::new(name).unwrap(), entry))
        .collect();
        let env = ["PATH=/usr/local/bin:/usr/bin".to_owned()];
        resolve_program(&tree, program, &env, &RootPath::new("app").unwrap()).map(|path| path.to_string())
    }

    #[test]
    fn programs_are_found_along_path_and_links_keep_their_name() {
        assert_eq!(resolve("python").unwrap(), "/usr/bin/python");
        assert_eq!(resolve("./run.sh").unwrap(), "/app/run.sh");
        assert_eq!(resolve("/app/run.sh").unwrap(), "/app/run.sh");
    }

    #[test]
    fn broken_ones_say_what_to_do() {
        let hint = |program| resolve(program).unwrap_err().hint().unwrap();
        assert_eq!(hint("gunicorm"), "it has `gunicorn`");
        assert!(hint("gunicorn app:app").ends_with("entrypoint = [\"gunicorn\", \"app:app\"]"));
        assert!(matches!(resolve("data"), Err(EntrypointError::NotExecutable { .. })));
        assert!(matches!(resolve("/usr/bin"), Err(EntrypointError::NotFile { .. })));
        let dangling = resolve("./current").unwrap_err().to_string();
        assert!(dangling.ends_with("is a link to `releases/7/run`, which the image does not have"), "{dangling}");
        assert!(hint("$HOME/run").starts_with("there is no shell to replace the variable"));
        assert!(hint("cd").contains("`workdir`"));
        assert!(hint("PORT=80").starts_with("set variables"));
    }
}
