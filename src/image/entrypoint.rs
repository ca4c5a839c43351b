//! The program an image starts: found in the image, as an absolute path.
//!
//! A runtime would look it up in `PATH` at the start; doing it now turns a broken
//! image into a failed build.

use crate::hint::{Hint, nearest};
use crate::rootfs::programs::path_folders;
use crate::rootfs::{Kind, RootPath, Tree};

/// Why a program cannot be started.
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
            Self::NotFound { nearest: Some(near), .. } => Some(format!("it has `{near}`")),
            Self::NotFound { program, .. } if program.contains('/') => Some(
                "write its path in the image: the application's files are in /app, or where `to` under [app] says"
                    .to_owned(),
            ),
            Self::NotFound { program, .. } => {
                Some(format!("is the package that brings `{program}` among the dependencies?"))
            }
            Self::NotExecutable { .. } => Some("chmod +x it, or start it with python".to_owned()),
            Self::NotFile { .. } => None,
        }
    }
}

/// The absolute path of a program, found along `PATH` in `env`; relative paths
/// start at `workdir`.
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
    let (_, entry) = tree.follow(path)?;
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
    }
}
