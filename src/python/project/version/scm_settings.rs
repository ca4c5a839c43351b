//! The settings of tools that derive a version from the tags of a repository.
//!
//! Source: the documentation of setuptools-scm ("Configuration parameters"), hatch-vcs and
//! pdm-backend ("Dynamic project version").

use toml::Value;

/// A pattern for tags that have a number in them: the default of setuptools-scm.
const NUMBERED: &str = "*[0-9]*";
/// A pattern for tags that have a dot in them: the default of pdm-backend.
const DOTTED: &str = "*.*";
/// The regular expression for tags of setuptools-scm and pdm-backend.
pub(super) const TAG: &str = r"^(?:[\w-]+-)?(?P<version>[vV]?\d+(?:\.\d+){0,2}[^\+]*)(?:\+.*)?$";

/// The tags that count, and the way to them: the options of `git describe`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TagQuery {
    /// Globs for the names of tags; empty for all tags.
    pub matching: Vec<String>,
    pub excluded: Vec<String>,
    /// Whether lightweight tags count too.
    pub lightweight: bool,
    pub first_parent: bool,
    /// A regular expression for the names of tags. The tag is the newest one; tags on branches of
    /// their own are ambiguous.
    pub regex: Option<String>,
}

/// The tool that derives a version.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ScmTool {
    SetuptoolsScm,
    Pdm,
}

/// The settings of a tool that derives a version from tags.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScmSettings {
    pub tool: ScmTool,
    /// The directory of the repository, relative to the directory of the project.
    pub root: String,
    /// Whether the repository may be in a parent directory of `root`.
    pub search_parents: bool,
    pub query: TagQuery,
    pub tag_regex: String,
    /// The text before the version in a tag.
    pub tag_prefix: String,
    pub version_scheme: String,
    pub local_schemes: Vec<String>,
    /// The version of a directory that is not in a repository.
    pub fallback: Option<String>,
    /// A setting that only the tool can apply.
    pub unsupported: Option<String>,
}

impl Default for ScmSettings {
    fn default() -> Self {
        Self {
            tool: ScmTool::SetuptoolsScm,
            root: ".".to_owned(),
            search_parents: false,
            query: TagQuery { matching: vec![NUMBERED.to_owned()], lightweight: true, ..TagQuery::default() },
            tag_regex: TAG.to_owned(),
            tag_prefix: String::new(),
            version_scheme: "guess-next-dev".to_owned(),
            local_schemes: vec!["node-and-date".to_owned()],
            fallback: None,
            unsupported: None,
        }
    }
}

impl ScmSettings {
    /// Reads the table of setuptools-scm, or hatch-vcs's `raw-options`, which have the same keys.
    pub(in crate::python::project) fn setuptools_scm(table: Option<&Value>) -> Self {
        let mut out = Self::default();
        let Some(table) = table.and_then(Value::as_table) else { return out };
        for (key, value) in table {
            out.apply(key, value);
        }
        out
    }

    fn apply(&mut self, key: &str, value: &Value) {
        if self.try_apply(key, value).is_none() {
            let value = value.as_str().map(|text| format!(" = \"{text}\"")).unwrap_or_default();
            self.unsupported.get_or_insert_with(|| format!("{key}{value}"));
        }
    }

    /// Applies a setting; `None` for one that only the tool can apply.
    fn try_apply(&mut self, key: &str, value: &Value) -> Option<()> {
        match (key, value) {
            ("root", Value::String(root)) => root.clone_into(&mut self.root),
            ("search_parent_directories", Value::Boolean(search)) => self.search_parents = *search,
            ("tag_regex", Value::String(regex)) if !regex.is_empty() => regex.clone_into(&mut self.tag_regex),
            ("fallback_version", Value::String(version)) => self.fallback = Some(version.clone()),
            ("version_scheme", _) => self.version_scheme = first(value)?,
            ("local_scheme", _) => self.local_schemes = all(value)?,
            ("tag", Value::Table(tag)) => self.apply_tag(tag),
            ("scm", Value::Table(scm)) => self.apply_scm(scm)?,
            ("git_describe_command", _) => self.query = describe_command(value)?,
            ("parse" | "version_cls" | "parentdir_prefix_version", _) | ("normalize", Value::Boolean(false)) => {
                return None;
            }
            // These settings do not change the version: files to write, the tool's own configuration.
            _ => {}
        }
        Some(())
    }

    /// Applies the table `tag`.
    fn apply_tag(&mut self, tag: &toml::Table) {
        let text = |key: &str| tag.get(key).and_then(Value::as_str).map(str::to_owned);
        if let Some(regex) = text("regex").filter(|regex| !regex.is_empty()) {
            self.tag_regex = regex;
        }
        self.tag_prefix = text("prefix").unwrap_or_default();
        let strict = tag.get("strict").and_then(Value::as_bool).unwrap_or(false);
        let version = if strict { "*[0-9]*.*[0-9]*" } else { NUMBERED };
        self.query.matching = vec![format!("{}{version}", self.tag_prefix)];
    }

    /// Applies the table `scm`.
    fn apply_scm(&mut self, scm: &toml::Table) -> Option<()> {
        let git = scm.get("git")?.as_table()?;
        if let Some(command) = git.get("describe_command") {
            self.query = describe_command(command)?;
        }
        git.get("distance_scope").is_none().then_some(())
    }

    /// Reads the settings of hatch-vcs: `[tool.hatch.version]`.
    pub(in crate::python::project) fn hatch_vcs(table: &Value) -> Self {
        let mut out = Self::setuptools_scm(table.get("raw-options"));
        let text = |key: &str| table.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        if let Some(regex) = text("tag-pattern") {
            regex.clone_into(&mut out.tag_regex);
        }
        if let Some(version) = text("fallback-version") {
            out.fallback = Some(version.to_owned());
        }
        out
    }

    /// Reads the settings of pdm-backend: `[tool.pdm.version]`.
    pub(in crate::python::project) fn pdm(table: &Value) -> Self {
        let text = |key: &str| table.get(key).and_then(Value::as_str).map(str::to_owned);
        let mut out = Self { tool: ScmTool::Pdm, search_parents: true, ..Self::default() };
        out.query.matching = vec![text("tag_filter").unwrap_or_else(|| DOTTED.to_owned())];
        if let Some(regex) = text("tag_regex") {
            out.tag_regex = regex;
        }
        out.fallback = text("fallback_version");
        out.unsupported = table.get("version_format").map(|_| "version_format".to_owned());
        out
    }
}

/// Returns the first name of a list of schemes, or the only one.
fn first(value: &Value) -> Option<String> {
    all(value)?.into_iter().next()
}

/// Returns the names of schemes; `None` for anything else, such as a function.
fn all(value: &Value) -> Option<Vec<String>> {
    let named = |value: &Value| value.as_str().filter(|name| !name.contains(':')).map(str::to_owned);
    match value {
        Value::Array(schemes) => schemes.iter().map(named).collect(),
        one => Some(vec![named(one)?]),
    }
}

/// Reads a `git describe` command; `None` for one with other options or of another program.
fn describe_command(value: &Value) -> Option<TagQuery> {
    let words: Vec<&str> = match value {
        Value::Array(words) => words.iter().map(Value::as_str).collect::<Option<_>>()?,
        one => one.as_str()?.split_whitespace().map(|word| word.trim_matches(['\'', '"'])).collect(),
    };
    let ["git", "describe", options @ ..] = words.as_slice() else { return None };
    let mut query = TagQuery::default();
    let mut options = options.iter();
    while let Some(option) = options.next() {
        match option.split_once('=').unwrap_or((option, "")) {
            ("--tags", "") => query.lightweight = true,
            ("--first-parent", "") => query.first_parent = true,
            ("--long" | "--dirty" | "--abbrev", _) => {}
            ("--match", "") => query.matching.push((*options.next()?).to_owned()),
            ("--match", glob) => query.matching.push(glob.to_owned()),
            ("--exclude", "") => query.excluded.push((*options.next()?).to_owned()),
            ("--exclude", glob) => query.excluded.push(glob.to_owned()),
            _ => return None,
        }
    }
    Some(query)
}
