//! A member of a uv workspace that is built from the root of the workspace.

use super::error::CliError;
use super::project_folder::ProjectFolder;
use crate::plan::{Args, LockFile, WorkspaceMember, join};
use crate::python::normalised;
use crate::source::admit;

/// Finds a member in the lock file of its workspace.
///
/// # Errors
/// An unknown member; a directory out of the bounds of the project.
pub fn find(lock: &LockFile, name: &str) -> Result<WorkspaceMember, CliError> {
    let name = normalised(name);
    let below = lock.lock.member_folder(&name)?;
    admit(&lock.bounds, &lock.folder, &below)
        .map_err(|cause| CliError::Outside { at: format!("the member `{name}`"), cause })?;
    Ok(WorkspaceMember { name, folder: join(&lock.folder, &below) })
}

/// Makes a member the project of a plan: its directory, metadata and Python version.
///
/// # Errors
/// The files of the member cannot be read.
pub fn choose(args: &mut Args, root: &ProjectFolder, member: WorkspaceMember) -> Result<(), CliError> {
    let own = ProjectFolder::described(&member.folder, &root.bounds)?;
    args.project = own.project;
    args.dockerfile = own.dockerfile;
    args.procfile = own.procfile;
    args.requires_python = own.requires_python;
    args.runtime_txt = own.runtime_txt;
    args.python_version = own.python_version.or(args.python_version.take());
    args.member = Some(member);
    Ok(())
}
