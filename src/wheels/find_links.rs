//! Directories of wheels: wheelhouses, and `find-links` of pip and uv.
//!
//! Only files of the directory itself count, as in pip. In an index that is a directory, files of
//! its projects' directories count too (PEP 503).

use std::io;
use std::path::{Path, PathBuf};

use super::sources::FindLinks;
use crate::diagnostic::Code;
use crate::operation_error::OperationError;
use crate::python::wheel::WheelName;

/// A wheel in a directory.
#[derive(Clone)]
pub struct LocalWheel {
    pub name: String,
    pub wheel: WheelName,
    pub path: PathBuf,
    /// The directory is a wheelhouse: a locked file with another hash is an error there. In other
    /// directories it is ignored.
    pub strict: bool,
}

/// Returns the wheels of all directories, in the directories' order, then by name.
///
/// # Errors
/// A wheelhouse does not exist or cannot be read.
pub fn look(wheelhouses: &[PathBuf], others: &[FindLinks]) -> Result<Vec<LocalWheel>, OperationError> {
    let mut all = Vec::new();
    for folder in wheelhouses {
        all.extend(wheels(folder, true).map_err(|cause| unreadable(folder, &cause))?);
    }
    for links in others {
        let (folder, found) = match links {
            FindLinks::Folder(folder) => (folder, wheels(folder, false)),
            FindLinks::Tree(folder) => (folder, tree(folder)),
            FindLinks::Page(_) => continue,
        };
        match found {
            Ok(wheels) => all.extend(wheels),
            // pip and uv ignore missing directories too.
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {}
            Err(cause) => return Err(unreadable(folder, &cause)),
        }
    }
    Ok(all)
}

fn wheels(folder: &Path, strict: bool) -> io::Result<Vec<LocalWheel>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let Some(wheel) = WheelName::parse(&name) else { continue };
        found.push(LocalWheel { name, wheel, path: entry.path(), strict });
    }
    found.sort_by(|one, two| one.name.cmp(&two.name));
    Ok(found)
}

/// Returns the wheels of a directory and of its direct subdirectories.
fn tree(folder: &Path) -> io::Result<Vec<LocalWheel>> {
    let mut found = wheels(folder, false)?;
    let mut below: Vec<_> = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    below.retain(|path| path.is_dir());
    below.sort();
    for folder in below {
        found.extend(wheels(&folder, false)?);
    }
    Ok(found)
}

fn unreadable(folder: &Path, cause: &io::Error) -> OperationError {
    if cause.kind() == io::ErrorKind::NotFound {
        let message = format!("there is no wheelhouse `{}`", folder.display());
        return OperationError::new(Code::NotFound, message);
    }
    OperationError::new(Code::UnreadableFile, format!("cannot read the wheelhouse `{}`", folder.display()))
        .because(cause)
}
