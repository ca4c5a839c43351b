//! Finds the version where a project's configuration says that it is.

use pep440_rs::Version;

use super::files::{GeneratedFile, VersionFile};
use super::given::GivenVersions;
use super::literal::{self, Stated};
use super::pattern::{Pattern, stated};
use super::scm_settings::{ScmSettings, TagQuery};
use super::scm_version::Described;
use super::source::{Reading, VersionSource};
use super::template::{self, Fields};
use crate::python::project::module::inner;

/// The largest number of imports that are followed to a literal.
const IMPORTS: usize = 4;

/// The files of a project, and its repository.
pub trait ProjectFiles {
    /// Returns the text of a file, by its path below the directory of the project; `None` if it
    /// cannot be read.
    fn text(&self, path: &str) -> Option<String>;

    /// Describes the checked-out commit of the repository at a directory, relative to the directory of the
    /// project, or in one of its parents.
    ///
    /// # Errors
    /// There is no repository; it cannot be read.
    fn describe(&self, root: &str, search_parents: bool, query: &TagQuery) -> Result<Described, DescribeError>;
}

/// The reason why a commit cannot be described.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DescribeError {
    NoRepository,
    /// There is a repository, but it cannot be read.
    Unreadable(String),
}

/// The version of a project.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ResolvedVersion {
    /// The version, or the reason why it is not known.
    pub version: Option<String>,
    pub fault: Option<VersionRemark>,
    /// The place that the version comes from.
    pub origin: String,
    /// A warning about the version.
    pub doubt: Option<VersionRemark>,
    /// The files that the build backend would write.
    pub files: Vec<GeneratedFile>,
}

/// A reason why a version is not known or may be wrong, and a hint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VersionRemark {
    pub cause: String,
    pub hint: Option<String>,
}

/// Finds the version of a project with this name. `given` is the version that the user gives for this
/// project.
pub(in crate::python::project) fn resolve(
    (name, source, files): (&str, &VersionSource, &[VersionFile]),
    given: Option<&str>,
    variables: &GivenVersions,
    project: &dyn ProjectFiles,
) -> ResolvedVersion {
    let mut out = ResolvedVersion::default();
    let mut described = None;
    let found = match (given, variables.version(name, source)) {
        (Some(version), _) => {
            "given".clone_into(&mut out.origin);
            Ok(version.to_owned())
        }
        (None, Some((variable, version))) => {
            variable.clone_into(&mut out.origin);
            Ok(version.to_owned())
        }
        (None, None) => match source {
            VersionSource::Scm(settings) => of_repository(settings, project).map(|(version, commit, doubt)| {
                commit.as_ref().map_or("`fallback_version`", |_| "git").clone_into(&mut out.origin);
                out.doubt = doubt;
                described = commit;
                version
            }),
            other => {
                let found = stated_by(other, project);
                found.map(|(version, origin)| {
                    out.origin = origin;
                    version
                })
            }
        },
    };
    let version: Result<Version, VersionRemark> = found.and_then(|text| {
        let invalid = |_| VersionRemark { cause: format!("`{}` is not a version", text.trim()), hint: None };
        text.trim().parse().map_err(invalid)
    });
    match version {
        Ok(version) => {
            let commit = described.as_ref().map(|one| (one.commit.as_str(), one.distance));
            for file in files {
                let fields = Fields { version: &version, commit: commit.filter(|_| file.has_commit) };
                match template::filled(&file.template, &fields) {
                    Ok(text) => out.files.push(GeneratedFile { path: file.path.clone(), text }),
                    Err(cause) => {
                        let cause = format!("the version file `{}` is not written: {cause}", file.path);
                        out.doubt = Some(VersionRemark { cause, hint: None });
                    }
                }
            }
            out.version = Some(version.to_string());
        }
        Err(fault) => out.fault = Some(fault),
    }
    out
}

/// A version with the commit that it describes, and what the user should know about it.
type OfRepository = (String, Option<Described>, Option<VersionRemark>);

/// Returns the version of the checked-out commit.
fn of_repository(settings: &ScmSettings, project: &dyn ProjectFiles) -> Result<OfRepository, VersionRemark> {
    let fault = |cause: String, hint: &str| VersionRemark { cause, hint: Some(hint.to_owned()) };
    let fetch = "fetch the history and the tags: git fetch --unshallow --tags";
    let described = match project.describe(&settings.root, settings.search_parents, &settings.query) {
        Ok(described) => described,
        Err(DescribeError::NoRepository) => {
            if let Some(version) = pkg_info(project) {
                return Ok((version, None, None));
            }
            let fallback = settings.fallback.clone().map(|version| (version, None, None));
            return fallback.ok_or_else(|| VersionRemark {
                cause: "it comes from the tags of a git repository, and there is none".to_owned(),
                hint: None,
            });
        }
        Err(DescribeError::Unreadable(cause)) => {
            return Err(VersionRemark {
                cause: format!("it comes from the tags of the git repository, which cannot be read: {cause}"),
                hint: None,
            });
        }
    };
    if described.shallow && described.tag.is_none() {
        return Err(fault(
            "it comes from the tags of the git repository, of which only a shallow clone without a tag is here"
                .to_owned(),
            fetch,
        ));
    }
    let version = settings.version(&described).map_err(|cause| VersionRemark { cause, hint: None })?;
    let doubt = match &described.tag {
        Some(tag) if described.shallow && described.distance > 0 => Some(fault(
            format!(
                "the version {version} may be wrong: only a shallow clone of the repository is here, which may lack commits since the tag `{tag}`"
            ),
            fetch,
        )),
        None => Some(fault(
            format!("the version is {version}, because the repository has no tag for it"),
            "fetch the tags, or make one: git fetch --tags, or git tag v1.0.0",
        )),
        Some(_) => None,
    };
    Ok((version, Some(described), doubt))
}

/// Returns the version in the metadata of an unpacked source distribution.
fn pkg_info(project: &dyn ProjectFiles) -> Option<String> {
    let text = project.text("PKG-INFO")?;
    let mut headers = text.lines().take_while(|line| !line.is_empty());
    headers.find_map(|line| Some(line.strip_prefix("Version:")?.trim().to_owned()))
}

/// Returns the version of a source that is not a repository, with the place that it comes from.
fn stated_by(source: &VersionSource, project: &dyn ProjectFiles) -> Result<(String, String), VersionRemark> {
    let fault = |cause: String| VersionRemark { cause, hint: None };
    match source {
        VersionSource::Stated(version) => Ok((version.clone(), "pyproject.toml".to_owned())),
        VersionSource::File { paths, reading } => {
            let found = paths.iter().find_map(|path| Some((path, project.text(path)?)));
            let Some((path, text)) = found else {
                let first = paths.first().map(String::as_str).unwrap_or_default();
                return Err(fault(format!("it is in `{first}`, which is not there")));
            };
            let version = match reading {
                Reading::Line => stated(&text).ok_or_else(|| format!("`{path}` has no line `__version__ = \"…\"`")),
                Reading::Pattern(pattern) => Pattern::lines(pattern).and_then(|pattern| {
                    pattern.find(&text).ok_or_else(|| format!("`{path}` has no version as its pattern describes it"))
                }),
                Reading::Whole => Ok(text.trim().to_owned()),
                Reading::Attribute(name) => attribute(path, &text, name, project),
            };
            version.map(|version| (version, path.clone())).map_err(fault)
        }
        VersionSource::Tool { name, .. } => Err(fault(format!("it comes from {name}, which carboy does not run"))),
        VersionSource::Scm(_) | VersionSource::Unknown => {
            Err(fault("its configuration does not say where carboy could read it".to_owned()))
        }
    }
}

/// Returns the literal of a name in a module, which may be imported from a module of the project.
fn attribute(path: &str, text: &str, name: &str, project: &dyn ProjectFiles) -> Result<String, String> {
    let (mut path, mut text, mut name) = (path.to_owned(), text.to_owned(), name.to_owned());
    for _ in 0..=IMPORTS {
        match literal::stated(&text, &name) {
            Some(Stated::Version(version)) => return Ok(version),
            Some(Stated::Imported { level, module, name: there }) => {
                let next =
                    imported(&path, level, &module).into_iter().find_map(|path| Some((project.text(&path)?, path)));
                let Some((next_text, next_path)) = next else { break };
                (path, text, name) = (next_path, next_text, there);
            }
            _ => break,
        }
    }
    Err(format!("`{path}` does not state `{name}` as a literal"))
}

/// Returns the files that an import in a module may mean.
fn imported(path: &str, level: usize, module: &str) -> Vec<String> {
    let mut folder: Vec<_> = path.split('/').collect();
    folder.pop();
    let below = module.replace('.', "/");
    let roots = if level == 0 {
        // An absolute import starts at a parent directory of the module.
        (0..=folder.len()).rev().map(|end| folder[..end].join("/")).collect()
    } else {
        vec![folder[..folder.len().saturating_sub(level - 1)].join("/")]
    };
    let each = |root: String| {
        let whole = inner(&format!("{root}/{below}"));
        [format!("{whole}.py"), inner(&format!("{whole}/__init__.py"))]
    };
    roots.into_iter().flat_map(each).collect()
}
