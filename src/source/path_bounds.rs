//! Limits the paths that a project's files name.
//!
//! Links are followed as the kernel does it (`path_resolution(7)`). A missing component counts as
//! it would be created.

use std::ffi::OsString;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::diagnostic::Code;
use crate::hint::shell_word;
use crate::operation_error::OperationError;
use crate::plan::{PathBounds, join};

/// The number of links after which the kernel gives up.
const MOST_HOPS: usize = 40;

/// Checks that a project's file may name a path, which is relative to `folder`.
///
/// # Errors
/// Absolute paths; paths that lead out of the bounds, by `..` or through links.
pub fn admit(bounds: &PathBounds, folder: &Path, named: &Path) -> Result<(), OperationError> {
    if named.is_absolute() {
        let real = resolved(named)?;
        if bounds.allowed.iter().any(|allowed| real.starts_with(allowed)) {
            return Ok(());
        }
        let message = format!("`{}` is absolute, but a project's files may name relative paths only", named.display());
        let hint = format!(
            "write it relative to the project, or pass --allow-outside {}",
            shell_word(&named.display().to_string())
        );
        return Err(OperationError::new(Code::OutsideProject, message).with_hint(hint));
    }
    let path = join(folder, named);
    within(bounds, &path).map_err(|error| {
        let (full, written) = (path.display().to_string(), named.display().to_string());
        // The message names the path as the file does; the flag is relative to the working
        // directory.
        OperationError { message: error.message.replacen(&full, &written, 1), ..error }
    })
}

/// Checks that a path leads to a file within the bounds.
///
/// # Errors
/// It does not, or cannot be followed.
pub fn within(bounds: &PathBounds, path: &Path) -> Result<(), OperationError> {
    let real = resolved(path)?;
    if bounds.roots.iter().chain(&bounds.allowed).any(|root| real.starts_with(root)) {
        return Ok(());
    }
    let root = bounds.roots.first().map(|root| format!(", `{}`", root.display())).unwrap_or_default();
    let message = format!("`{}` leads out of the project's root{root}", path.display());
    let hint = format!("move it into the project, or pass --allow-outside {}", shell_word(&path.display().to_string()));
    Err(OperationError::new(Code::OutsideProject, message).with_hint(hint))
}

/// Returns whether a user who may write below a directory decides the target of a path: it leads
/// there, or through a link there. The same goes for a path that cannot be followed.
pub fn is_governed(root: &Path, path: &Path) -> bool {
    let mut by_link = false;
    let end = follow(path, &mut |link| by_link |= link.starts_with(root));
    by_link || end.map_or(true, |end| end.starts_with(root))
}

/// Resolves a path to an absolute one without links.
///
/// # Errors
/// Links that lead around in circles; an unreadable working directory.
pub fn real(path: &Path) -> io::Result<PathBuf> {
    follow(path, &mut |_| {})
}

/// Resolves a path, and calls a function with each link on the way.
fn follow(path: &Path, tell: &mut dyn FnMut(&Path)) -> io::Result<PathBuf> {
    let path = std::path::absolute(if path.as_os_str().is_empty() { Path::new(".") } else { path })?;
    let parts =
        |path: &Path| path.components().rev().map(|part| part.as_os_str().to_owned()).collect::<Vec<OsString>>();
    let mut pending = parts(&path);
    let mut at = PathBuf::new();
    let mut hops = 0;
    while let Some(part) = pending.pop() {
        match Path::new(&part).components().next() {
            Some(Component::ParentDir) => drop(at.pop()),
            Some(Component::Normal(name)) => {
                let next = at.join(name);
                match std::fs::read_link(&next) {
                    Ok(target) => {
                        tell(&next);
                        hops += 1;
                        if hops > MOST_HOPS {
                            return Err(io::Error::other("too many links"));
                        }
                        pending.extend(parts(&target));
                    }
                    Err(_) => at = next,
                }
            }
            Some(root @ (Component::RootDir | Component::Prefix(_))) => at = PathBuf::from(root.as_os_str()),
            Some(Component::CurDir) | None => {}
        }
    }
    Ok(at)
}

fn resolved(path: &Path) -> Result<PathBuf, OperationError> {
    let message = || format!("cannot follow `{}`", path.display());
    real(path).map_err(|cause| OperationError::new(Code::UnreadableFile, message()).because(&cause))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_path_is_governed_by_where_it_leads_and_what_it_leads_through() {
        let world = tempfile::tempdir().unwrap();
        let top = real(world.path()).unwrap();
        let at = |path: &str| top.join(path);
        for folder in ["repo/sub", "home"] {
            std::fs::create_dir_all(at(folder)).unwrap();
        }
        for (link, target) in [
            ("home/in", "../repo/.netrc"),
            ("repo/out", "../home"),
            ("home/repo", "../repo/sub"),
            ("home/loop", "loop"),
        ] {
            symlink(target, at(link)).unwrap();
        }
        for (path, governed) in [
            ("repo/.netrc", true),
            ("home/.netrc", false),
            ("repo/../home/.netrc", false),
            ("home/in", true),
            ("repo/out/.netrc", true),
            ("home/repo/x", true),
            ("home/loop", true),
            ("repo-2/.netrc", false),
        ] {
            assert_eq!(is_governed(&at("repo"), &at(path)), governed, "{path}");
        }
    }

    #[test]
    fn paths_stay_inside_or_are_allowed() {
        let world = tempfile::tempdir().unwrap();
        let top = real(world.path()).unwrap();
        let at = |path: &str| top.join(path);
        for folder in ["repo/app/wheels", "repo/shared", "repo-2", "more/deep"] {
            std::fs::create_dir_all(at(folder)).unwrap();
        }
        for (link, target) in [
            ("repo/app/inside", "../shared"),
            ("repo/app/outside", "../../repo-2"),
            ("repo/app/absolute", top.join("repo-2").to_str().unwrap()),
            ("repo/app/dangling", "../../nothing/yet"),
            ("repo/app/chain", "outside/../repo/shared"),
            ("repo/app/loop", "loop"),
            ("repo/app/allowed", "../../more"),
        ] {
            symlink(target, at(link)).unwrap();
        }
        let bounds = PathBounds { roots: vec![at("repo")], allowed: vec![at("more")] };
        for (named, inside) in [
            ("wheels", true),
            (".", true),
            ("", true),
            ("new/file", true),
            ("../shared/x", true),
            ("inside/x", true),
            ("../../repo/shared", true),
            ("chain", true),
            ("new/../../../x", false),
            ("..", true),
            ("../..", false),
            ("../../repo-2", false),
            ("outside", false),
            ("outside/x/y", false),
            ("absolute/x", false),
            ("dangling", false),
            ("dangling/x", false),
            ("inside/../../x", false),
            ("loop", false),
            ("allowed/deep", true),
            ("../../more/new", true),
            ("../../more/../repo-2", false),
        ] {
            assert_eq!(admit(&bounds, &at("repo/app"), Path::new(named)).is_ok(), inside, "{named}");
        }
        for (named, inside) in [("repo/app", false), ("more/x", true), ("more/../repo", false)] {
            assert_eq!(admit(&bounds, Path::new(""), &at(named)).is_ok(), inside, "{named}");
        }
        assert!(within(&bounds, &at("repo/app")).is_ok());
        let error = admit(&bounds, Path::new("/etc"), Path::new("../x")).unwrap_err();
        assert_eq!(error.line(), format!("`../x` leads out of the project's root, `{}`", at("repo").display()));
        assert_eq!(error.hint.unwrap(), "move it into the project, or pass --allow-outside /etc/../x");
        let error = admit(&bounds, Path::new("/etc"), Path::new("../a b")).unwrap_err();
        assert!(error.hint.unwrap().ends_with("--allow-outside '/etc/../a b'"));
    }
}
