//! Finds and reads the lock file of a project.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use globset::{GlobBuilder, GlobSet};

use super::error::CliError;
use super::text_file;
use super::wiring::host;
use crate::diagnostic::{Code, Diagnostic};
use crate::operation_error::OperationError;
use crate::plan::{Author, LockFile, PathBounds, join};
use crate::progress::Progress;
use crate::python::lock::{Format, LIMIT, Lock, LockInput, ReferencePolicy, Refusal};
use crate::python::normalised;
use crate::python::project::ProjectMetadata;
use crate::source::{admit, real, within};
use crate::wheels::settings::{self, HostSettings};

/// The most bytes of a workspace's glob.
const LONGEST: usize = 4 << 10;

/// A lock file, and the project that it is for.
pub struct FoundLock {
    path: PathBuf,
    /// The project's directory.
    project: PathBuf,
    format: Format,
    /// The name of the project as a member of a workspace.
    member: Option<String>,
}

/// Returns the lock file at a path from the working directory. It may belong to the uv workspace
/// that has the project in `folder` as a member.
///
/// # Errors
/// The name is not a lock file's; a workspace cannot be read.
pub fn at_path(path: PathBuf, folder: &Path, project: Option<&ProjectMetadata>) -> Result<FoundLock, CliError> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let format = Format::of(&name).ok_or_else(|| CliError::LockName(path.clone()))?;
    let member = match workspace(folder, project)? {
        Some(found) if is_same(&found.path, &path) => found.member,
        _ => None,
    };
    Ok(FoundLock { path, project: folder.to_owned(), format, member })
}

/// Returns whether two paths lead to the same file.
fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    real(one).is_some() && real(one) == real(other)
}

/// Returns the lock file beside the configuration, in the order of formats, or the lock file of the
/// uv workspace that has the project as a member. Warns if there are several.
///
/// # Errors
/// A workspace cannot be read.
pub fn find(
    folder: &Path,
    project: Option<&ProjectMetadata>,
    progress: &dyn Progress,
) -> Result<Option<FoundLock>, CliError> {
    let beside: Vec<_> = Format::ALL.into_iter().filter(|format| folder.join(format.file_name()).is_file()).collect();
    let Some((format, others)) = beside.split_first() else { return workspace(folder, project) };
    if !others.is_empty() {
        let others: Vec<_> = others.iter().map(|format| format.file_name()).collect();
        let (taken, others) = (format.file_name(), others.join(" or "));
        let text = format!("dependencies are taken from {taken}, not from {others}, which is in the same directory");
        let hint = format!("delete the one that is out of date, or name one: lock = \"{taken}\" under [dependencies]");
        progress.warn(Diagnostic::warning(Code::LockFileDoubt, text).file(taken).hint(hint));
    }
    let path = join(folder, Path::new(format.file_name()));
    Ok(Some(FoundLock { path, project: folder.to_owned(), format: *format, member: None }))
}

/// Returns the lock file of the nearest parent that is a uv workspace with this member.
fn workspace(folder: &Path, project: Option<&ProjectMetadata>) -> Result<Option<FoundLock>, CliError> {
    let Some(name) = project.and_then(|project| project.name.as_deref()) else { return Ok(None) };
    let Ok(real) = folder.canonicalize() else { return Ok(None) };
    for parent in real.ancestors().skip(1) {
        let (path, configuration) = (parent.join(Format::Uv.file_name()), parent.join("pyproject.toml"));
        if !path.is_file() || !configuration.is_file() {
            continue;
        }
        let text = text_file::text(&configuration, LIMIT)
            .map_err(|cause| CliError::Read { path: configuration.clone(), cause })?;
        if is_member(&text, parent, &real) {
            let project = folder.to_owned();
            return Ok(Some(FoundLock { path, project, format: Format::Uv, member: Some(normalised(name)) }));
        }
    }
    Ok(None)
}

/// Returns whether `[tool.uv.workspace]` of a configuration has a directory among its members.
pub(super) fn is_member(configuration: &str, root: &Path, folder: &Path) -> bool {
    let Ok(table) = toml::from_str::<toml::Table>(configuration) else { return false };
    let Some(workspace) = table.get("tool").and_then(|tool| tool.get("uv")?.get("workspace")) else { return false };
    let Ok(below) = folder.strip_prefix(root) else { return false };
    let any = |key: &str| {
        let globs = workspace.get(key).and_then(toml::Value::as_array).into_iter().flatten();
        globs.filter_map(|value| glob(value.as_str()?)).any(|glob| glob.is_match(below))
    };
    any("members") && !any("exclude")
}

/// Returns a glob of a workspace; none for an invalid one.
fn glob(text: &str) -> Option<GlobSet> {
    let text = text.trim_start_matches("./").trim_end_matches('/');
    let short = Some(text).filter(|text| text.len() <= LONGEST)?;
    // A set, because a matcher of one glob panics if the glob is too large.
    GlobSet::new([GlobBuilder::new(short).literal_separator(true).build().ok()?]).ok()
}

/// Returns the path from one directory to another; `.` if one of them does not exist.
fn relative(from: &Path, to: &Path) -> PathBuf {
    let real = |path: &Path| if path.as_os_str().is_empty() { Path::new(".") } else { path }.canonicalize();
    let (Ok(from), Ok(to)) = (real(from), real(to)) else { return PathBuf::from(".") };
    let shared = from.components().zip(to.components()).take_while(|(one, other)| one == other).count();
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(to.components().skip(shared)).collect()
}

impl FoundLock {
    /// Reads the lock file, and the files that it names, within `bounds`. The directory of a lock
    /// file that a flag names is added to the bounds. `index` is the index of the command line.
    ///
    /// # Errors
    /// A file cannot be read or parsed, or is outside of the bounds.
    pub fn read(
        self,
        by: Author,
        mut bounds: PathBounds,
        index: Option<&str>,
        progress: &dyn Progress,
    ) -> Result<LockFile, CliError> {
        let Self { path, project: root, format, member } = self;
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        if by == Author::User && within(&bounds, &folder).is_err() {
            bounds.roots.extend(real(&folder).ok());
        }
        let own = |path: &Path, by| -> Result<String, CliError> {
            if by == Author::Project {
                within(&bounds, path).map_err(|cause| CliError::Outside { at: "the lock file".to_owned(), cause })?;
            }
            text_file::text(path, LIMIT).map_err(|cause| CliError::Read { path: path.to_owned(), cause })
        };
        let whole = own(&path, by)?;
        let beside = folder.join("pyproject.toml");
        let project = if beside.exists() { Some(own(&beside, Author::Project)?) } else { None };
        let mut more = |name: &Path| text_file::text(&folder.join(name), LIMIT).map_err(|cause| cause.to_string());
        let name = path.display().to_string();
        let mut input = LockInput {
            name: &name,
            text: &whole,
            project: project.as_deref(),
            read: &mut more,
            is_file: &|name| folder.join(name).is_file(),
            root: &relative(&folder, &root),
            policy: &HostPolicy { bounds: &bounds, folder: &folder, index },
        };
        let lock = Lock::parse(format, &mut input)?;
        for warning in lock.warnings() {
            progress.warn(warning.clone());
        }
        Ok(LockFile { lock: Arc::new(lock), folder, member, bounds: Arc::new(bounds) })
    }
}

/// The local paths and settings that a lock file's references may use.
struct HostPolicy<'a> {
    bounds: &'a PathBounds,
    /// The lock file's bounds.
    folder: &'a Path,
    /// The index of the command line.
    index: Option<&'a str>,
}

impl ReferencePolicy for HostPolicy<'_> {
    fn expand(&self, url: &str) -> Result<String, Refusal> {
        let full = host().environment(&[], self.bounds, |host| {
            let machine = HostSettings::read(self.index, host)?;
            settings::put_in(url, &machine, host.variable)
        });
        full.map_err(refusal)
    }

    fn admit(&self, path: &Path) -> Result<(), Refusal> {
        admit(self.bounds, self.folder, path).map_err(refusal)
    }
}

fn refusal(error: OperationError) -> Refusal {
    Refusal { cause: error.line(), hint: error.hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_what_the_globs_say() {
        let text = "[tool.uv.workspace]\nmembers = [\"./packages/*\", \"app/\"]\nexclude = [\"packages/old\"]\n";
        let root = Path::new("/w");
        for (folder, is) in [
            ("packages/a", true),
            ("packages/old", false),
            ("app", true),
            ("other", false),
            ("packages/a/tests", false),
        ] {
            assert_eq!(is_member(text, root, &root.join(folder)), is, "{folder}");
        }
        let many = format!("[tool.uv.workspace]\nmembers = [\"{}\"]\n", "{a,b}".repeat(LONGEST));
        assert!(!is_member(&many, root, &root.join("app")));
        assert!(glob(&"{[a-z],**}".repeat(400)).is_none_or(|glob| !glob.is_match("app/x")));
        assert!(!is_member("", root, &root.join("app")) && !is_member("[[", root, &root.join("app")));
    }

    #[test]
    fn paths_between_folders_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let sub = folder.path().join("a/b");
        std::fs::create_dir_all(&sub).unwrap();
        assert_eq!(relative(&sub, folder.path()), Path::new("../.."));
        assert_eq!(relative(folder.path(), &sub), Path::new("a/b"));
        assert_eq!(relative(&sub, &sub), Path::new(""));
    }
}
