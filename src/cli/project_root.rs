//! The part of the disk that a project's own files may name: the repository or workspace
//! that holds the project.

use std::path::{Path, PathBuf};

use super::error::CliError;
use super::lock::is_member;
use super::text_file;
use crate::plan::PathBounds;
use crate::source::{real, tracks};

/// The directories at the top of a repository: git, Mercurial, Jujutsu, Subversion.
const REPOSITORIES: [&str; 4] = [".git", ".hg", ".jj", ".svn"];

/// Returns the bounds of a project. The root of the disk is not a repository. `home` is one only if
/// git tracks files of the project there: some users keep their settings in a repository, and some
/// CI systems use the checkout as home.
///
/// # Errors
/// A path cannot be resolved.
pub fn bounds(folder: &Path, allowed: &[PathBuf], home: Option<&Path>) -> Result<PathBounds, CliError> {
    let follow = |path: &Path| real(path).map_err(|cause| CliError::Read { path: path.to_owned(), cause });
    let project = follow(folder)?;
    let home = home.map(follow).transpose()?;
    let is_home = |path: &Path| Some(path) == home.as_deref();
    let mut above = project
        .ancestors()
        .take_while(|path| path.parent().is_some() && (!is_home(path) || *path != project && tracks(path, &project)));
    let repository = above.find(|path| REPOSITORIES.iter().any(|name| path.join(name).exists()));
    let workspace = project.ancestors().skip(1).find(|path| {
        let text = text_file::text(&path.join("pyproject.toml"), text_file::CONFIGURATION);
        text.is_ok_and(|text| is_member(&text, path, &project))
    });
    let holding = [repository, workspace].into_iter().flatten().min_by_key(|path| path.components().count());
    let root = holding.unwrap_or(&project).to_owned();
    Ok(PathBounds { roots: vec![root], allowed: allowed.iter().map(|path| follow(path)).collect::<Result<_, _>>()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_the_repository_or_workspace() {
        let world = tempfile::tempdir().unwrap();
        let top = real(world.path()).unwrap();
        let write = |path: &str, text: &str| {
            std::fs::create_dir_all(top.join(path).parent().unwrap()).unwrap();
            std::fs::write(top.join(path), text).unwrap();
        };
        let workspace = "[tool.uv.workspace]\nmembers = [\"libs/*\"]\n";
        for (path, text) in [
            ("home/.git/HEAD", ""),
            ("home/alone/x", ""),
            ("home/repo/.git/HEAD", ""),
            ("home/repo/app/sub/x", ""),
            ("home/repo/module/.git", "gitdir: ../.git/modules/module"),
            ("home/repo/module/app/x", ""),
            ("space/pyproject.toml", workspace),
            ("space/libs/a/.git/HEAD", ""),
            ("space/libs/b/x", ""),
            ("space/other/x", ""),
        ] {
            write(path, text);
        }
        std::os::unix::fs::symlink("repo/app", top.join("home/link")).unwrap();
        for (project, root) in [
            ("home/alone", "home/alone"),
            ("home", "home"),
            ("home/repo", "home/repo"),
            ("home/repo/app/sub", "home/repo"),
            ("home/link", "home/repo"),
            ("home/repo/module/app", "home/repo/module"),
            ("space", "space"),
            ("space/libs/a", "space"),
            ("space/libs/b", "space"),
            ("space/other", "space/other"),
        ] {
            let bounds = bounds(&top.join(project), &[], Some(&top.join("home"))).unwrap();
            assert_eq!(bounds.roots, [top.join(root)], "{project}");
        }
        // Jenkins may use the checkout as home.
        write("home/svc/x", "");
        let git = |args: &[&str]| {
            let mut command = std::process::Command::new("git");
            assert!(command.arg("-C").arg(top.join("home")).args(args).output().unwrap().status.success());
        };
        std::fs::remove_dir_all(top.join("home/.git")).unwrap();
        git(&["init", "-q"]);
        git(&["add", "svc/x"]);
        for (project, root) in [("home/svc", "home"), ("home/alone", "home/alone"), ("home/repo/app", "home/repo")] {
            let bounds = bounds(&top.join(project), &[], Some(&top.join("home"))).unwrap();
            assert_eq!(bounds.roots, [top.join(root)], "{project}");
        }
    }
}
