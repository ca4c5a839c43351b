//! The files that tell the version of a project, and its repository.

use std::io::Read as _;
use std::path::Path;

use super::git_describe::describe_head;
use super::git_folder;
use super::path_bounds::{admit, real, within};
use crate::plan::PathBounds;
use crate::python::project::{
    DescribeError, Described, GivenVersions, ProjectError, ProjectFiles, ProjectMetadata, ProjectTexts, TagQuery,
};

/// The largest file that is read for its version, in bytes.
const LARGEST: u64 = 1 << 20;

/// The directory of a project. Its files may not lead out of the bounds.
struct ProjectFolder<'f> {
    folder: &'f Path,
    bounds: &'f PathBounds,
}

impl ProjectFiles for ProjectFolder<'_> {
    fn text(&self, path: &str) -> Option<String> {
        admit(self.bounds, self.folder, Path::new(path)).ok()?;
        read(&self.folder.join(path))
    }

    fn describe(&self, root: &str, search_parents: bool, query: &TagQuery) -> Result<Described, DescribeError> {
        let unreadable = |cause: String| DescribeError::Unreadable(cause);
        let folder = real(&self.folder.join(root)).map_err(|cause| unreadable(cause.to_string()))?;
        let project = real(self.folder).map_err(|cause| unreadable(cause.to_string()))?;
        if !project.starts_with(&folder) {
            return Err(unreadable(format!("`{root}` is not a parent of the project")));
        }
        let folders = folder.ancestors().take(if search_parents { usize::MAX } else { 1 });
        let mut inside = folders.take_while(|folder| within(self.bounds, folder).is_ok());
        let root = inside.find(|folder| folder.join(".git").exists()).ok_or(DescribeError::NoRepository)?;
        git_folder::check(root, &|path| within(self.bounds, path).is_ok()).map_err(unreadable)?;
        describe_head(root, query)
    }
}

/// Reads the metadata of the project in a directory with this `pyproject.toml`. The version stays
/// open: see [`resolve_version`].
///
/// # Errors
/// A `pyproject.toml` that is not TOML.
pub fn read_project(
    folder: &Path,
    bounds: &PathBounds,
    pyproject: Option<&str>,
) -> Result<ProjectMetadata, ProjectError> {
    let files = ProjectFolder { folder, bounds };
    let [setup_cfg, setup_py] = ["setup.cfg", "setup.py"].map(|name| files.text(name));
    let (setup_cfg, setup_py) = (setup_cfg.as_deref(), setup_py.as_deref());
    ProjectMetadata::read(ProjectTexts { pyproject, setup_cfg, setup_py })
}

/// Finds the version of the project in a directory. `given` is the version that the user gives for
/// it.
pub fn resolve_version(
    project: &mut ProjectMetadata,
    (folder, bounds): (&Path, &PathBounds),
    given: Option<&str>,
    variables: &GivenVersions,
) {
    project.resolve_version(given, variables, &ProjectFolder { folder, bounds });
}

/// Returns the text of a regular file of limited size.
fn read(path: &Path) -> Option<String> {
    if !path.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    fs_err::File::open(path).ok()?.take(LARGEST + 1).read_to_end(&mut bytes).ok()?;
    String::from_utf8(bytes).ok().filter(|text| text.len() as u64 <= LARGEST)
}
