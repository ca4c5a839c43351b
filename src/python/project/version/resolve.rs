//! Finds the version where a project's configuration says that it is.

use pep440_rs::Version;

use super::files::{GeneratedFile, VersionFile};
use super::given::GivenVersions;
use super::literal::first_literal;
use super::pattern::{Pattern, stated};
use super::scm_settings::TagQuery;
use super::scm_version::Described;
use super::source::{Reading, VersionSource};
use super::template::{self, Fields};
use super::versioneer::{VersionFileContent, VersioneerSettings};
use crate::python::sdist::setuptools::{Place, Unknown, version as evaluated};

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
    /// Several tags could be meant.
    Ambiguous(String),
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
            VersionSource::Scm(_) | VersionSource::Dunamai(_) | VersionSource::Versioneer(_) => {
                of_tags(source, project).map(|(version, commit, doubt)| {
                    commit.as_ref().map_or("`fallback_version`", |_| "git").clone_into(&mut out.origin);
                    out.doubt = doubt;
                    described = commit;
                    version
                })
            }
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

/// The repository of a project, and the way to its version.
struct Repository<'s> {
    root: &'s str,
    search_parents: bool,
    query: &'s TagQuery,
    /// The version of a directory that is not in a repository.
    fallback: Option<&'s str>,
    version: &'s dyn Fn(&Described) -> Result<String, String>,
}

/// Returns the version of a source that reads tags.
fn of_tags(source: &VersionSource, project: &dyn ProjectFiles) -> Result<OfRepository, VersionRemark> {
    match source {
        VersionSource::Scm(settings) => of_repository(
            &Repository {
                root: &settings.root,
                search_parents: settings.search_parents,
                query: &settings.query,
                fallback: settings.fallback.as_deref(),
                version: &|described| settings.version(described),
            },
            project,
        ),
        VersionSource::Dunamai(settings) => of_repository(
            &Repository {
                root: ".",
                search_parents: true,
                query: &settings.query,
                fallback: settings.fallback.as_deref(),
                version: &|described| settings.version(described),
            },
            project,
        ),
        VersionSource::Versioneer(settings) => {
            match VersioneerSettings::content(&project.text(&settings.file).unwrap_or_default()) {
                VersionFileContent::Version(version) => return Ok((version, None, None)),
                VersionFileContent::Archive => {
                    let cause = format!("it comes from `{}`, which `git archive` has filled in", settings.file);
                    return Err(VersionRemark { cause, hint: None });
                }
                VersionFileContent::Nothing => {}
            }
            let version = |described: &Described| settings.version(described);
            let query = settings.query();
            of_repository(
                &Repository { root: ".", search_parents: true, query: &query, fallback: None, version: &version },
                project,
            )
        }
        _ => Err(VersionRemark { cause: "it does not come from tags".to_owned(), hint: None }),
    }
}

/// Returns the version of the checked-out commit.
fn of_repository(settings: &Repository<'_>, project: &dyn ProjectFiles) -> Result<OfRepository, VersionRemark> {
    let fault = |cause: String, hint: &str| VersionRemark { cause, hint: Some(hint.to_owned()) };
    let fetch = "fetch the history and the tags: git fetch --unshallow --tags";
    let described = match project.describe(settings.root, settings.search_parents, settings.query) {
        Ok(described) => described,
        Err(DescribeError::NoRepository) => {
            if let Some(version) = pkg_info(project) {
                return Ok((version, None, None));
            }
            let fallback = settings.fallback.map(|version| (version.to_owned(), None, None));
            return fallback.ok_or_else(|| VersionRemark {
                cause: "it comes from the tags of a git repository, and there is none".to_owned(),
                hint: None,
            });
        }
        Err(DescribeError::Ambiguous(cause)) => return Err(VersionRemark { cause, hint: None }),
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
    let version = (settings.version)(&described).map_err(|cause| VersionRemark { cause, hint: None })?;
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
                Reading::Executed(name) => executed(path, name, project),
            };
            version.map(|version| (version, path.clone())).map_err(fault)
        }
        VersionSource::SetupPy => {
            let why = |why| match why {
                Unknown::Computed => "is more than its text says",
                Unknown::Machine => "may depend on the machine that builds",
            };
            let found = evaluated(Place::Argument("version"), &|path| project.text(path));
            found
                .map(|version| (version, "setup.py".to_owned()))
                .map_err(|unknown| fault(format!("`version` in setup.py {}", why(unknown))))
        }
        VersionSource::Tool { name: "pbr", .. } if pkg_info(project).is_some() => {
            Ok((pkg_info(project).unwrap_or_default(), "PKG-INFO".to_owned()))
        }
        VersionSource::Tool { name, .. } => Err(fault(format!("it comes from {name}, which carboy does not run"))),
        VersionSource::Scm(_) | VersionSource::Dunamai(_) | VersionSource::Versioneer(_) | VersionSource::Unknown => {
            Err(fault("its configuration does not say where carboy could read it".to_owned()))
        }
    }
}

/// Returns the value of a name in a module.
fn attribute(path: &str, text: &str, name: &str, project: &dyn ProjectFiles) -> Result<String, String> {
    let literal = first_literal(text, name);
    literal.map_or_else(|| executed(path, name, project), Ok)
}

/// Returns the value of a name after a module has run. Nothing is executed.
fn executed(path: &str, name: &str, project: &dyn ProjectFiles) -> Result<String, String> {
    let found = evaluated(Place::Name { path, name }, &|path| project.text(path));
    found.map_err(|_| format!("`{path}` does not state `{name}` as a literal"))
}
