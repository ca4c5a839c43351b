//! Wheels of sdists for hatchling.
//!
//! Source: `hatchling.builders.config`, `hatchling.builders.wheel`, of hatchling 1.27 and later.

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use toml::{Table, Value};

use super::declared::Declared;
use super::entry_points::EntryPoints;
use super::error::SdistError;
use super::files::join;
use super::glob::glob;
use super::wheel::{BuiltWheel, WheelBuilder};

/// The directories that are never installed.
const DIRECTORIES: [&str; 11] = [
    "__pycache__",
    ".venv",
    ".git",
    ".hg",
    ".hatch",
    ".tox",
    ".nox",
    ".ruff_cache",
    ".pytest_cache",
    ".mypy_cache",
    ".pixi",
];

/// The settings that carboy does not apply.
const REFUSED: [&str; 6] =
    ["shared-scripts", "extra-metadata", "bypass-selection", "only-packages", "strict-naming", "sbom-files"];

/// Makes the wheel.
pub fn wheel(sdist: &Declared<'_>) -> Result<BuiltWheel, SdistError> {
    let build = Build::of(sdist);
    let selection = build.selection()?;
    let mut wheel = WheelBuilder::new(&sdist.identity.name, &sdist.identity.version);
    selection.add(sdist, &mut wheel)?;
    for (source, target) in build.map("force-include")? {
        let target = selection.target(&target);
        sdist.add(&mut wheel, &source, &target)?;
    }
    for (source, target) in build.map("shared-data")? {
        let target = format!("{}/{target}", wheel.data("data"));
        sdist.add(&mut wheel, &source, &target)?;
    }
    let licenses = sdist.licenses(&["LICEN[CS]E*", "COPYING*", "NOTICE*", "AUTHORS*"])?;
    sdist.metadata(&mut wheel, Some(&licenses));
    let mut points = EntryPoints::default();
    points.declared(sdist.source);
    if let Some(text) = points.ordered_text() {
        wheel.add_info("entry_points.txt", text);
    }
    wheel.add_licenses(sdist.files, &licenses);
    wheel.finish(majors(sdist.text(&["project", "requires-python"])))
}

/// Returns the tags: each major version with a minor version that `requires-python` allows.
fn majors(requires: Option<&str>) -> &'static [&'static str] {
    use std::str::FromStr as _;
    let Some(specifiers) = requires.and_then(|text| pep440_rs::VersionSpecifiers::from_str(text).ok()) else {
        return if requires.is_none() { &["py2", "py3"] } else { &["py3"] };
    };
    let python2 = (0..100).any(|minor| specifiers.contains(&pep440_rs::Version::new([2, minor, 100])));
    if python2 { &["py2", "py3"] } else { &["py3"] }
}

/// The tables `[tool.hatch.build]` and `[tool.hatch.build.targets.wheel]`.
struct Build<'s> {
    sdist: &'s Declared<'s>,
    all: Option<&'s Table>,
    target: Option<&'s Table>,
}

/// The files that are selected.
struct Selection {
    /// The paths that are searched; empty: all.
    roots: Vec<String>,
    explicit: bool,
    include: Option<Gitignore>,
    exclude: Gitignore,
    artifacts: Gitignore,
    /// The directories that are cut off, with their replacement.
    sources: Vec<(String, String)>,
}

impl<'s> Build<'s> {
    fn of(sdist: &'s Declared<'s>) -> Self {
        let table = |keys: &[&str]| sdist.at(keys).and_then(Value::as_table);
        Self {
            sdist,
            all: table(&["tool", "hatch", "build"]),
            target: table(&["tool", "hatch", "build", "targets", "wheel"]),
        }
    }

    /// Returns a setting of the wheel, else of all builds.
    fn get(&self, key: &str) -> Option<&'s Value> {
        self.target.and_then(|table| table.get(key)).or_else(|| self.all.and_then(|table| table.get(key)))
    }

    fn list(&self, key: &str) -> Result<Vec<String>, SdistError> {
        let invalid = || SdistError::Invalid(format!("`{key}` of hatchling"));
        let Some(value) = self.get(key) else { return Ok(Vec::new()) };
        let items = value.as_array().ok_or_else(invalid)?;
        items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>().ok_or_else(invalid)
    }

    fn map(&self, key: &str) -> Result<Vec<(String, String)>, SdistError> {
        let invalid = || SdistError::Invalid(format!("`{key}` of hatchling"));
        let Some(value) = self.get(key) else { return Ok(Vec::new()) };
        let table = value.as_table().ok_or_else(invalid)?;
        let pair = |(source, target): (&String, &Value)| {
            let (source, target) = (join("", source)?, join("", target.as_str()?.trim_start_matches('/'))?);
            Some((source, target))
        };
        table.iter().map(pair).collect::<Option<_>>().ok_or_else(invalid)
    }

    /// Refuses hooks, but for those that write a version file, which the sdist has.
    fn hooks(&self) -> Result<Vec<String>, SdistError> {
        let mut artifacts = Vec::new();
        for hooks in [self.all, self.target].into_iter().flatten().filter_map(|table| table.get("hooks")?.as_table()) {
            for (name, hook) in hooks {
                let key = match name.as_str() {
                    "vcs" => "version-file",
                    "version" => "path",
                    _ => return Err(SdistError::Program(format!("the build hook `{name}`"))),
                };
                let path = hook.get(key).and_then(Value::as_str).unwrap_or_default();
                if !self.sdist.files.has(path) {
                    return Err(SdistError::Missing { file: "pyproject.toml", path: path.to_owned() });
                }
                artifacts.push(format!("/{path}"));
            }
        }
        Ok(artifacts)
    }

    fn selection(&self) -> Result<Selection, SdistError> {
        if let Some(key) = REFUSED.iter().find(|key| self.get(key).is_some_and(|value| value.as_bool() != Some(false)))
        {
            return Err(SdistError::Setting(format!("`{key}` of hatchling")));
        }
        let hooks = self.hooks()?;
        let (include, mut packages, mut only) =
            (self.list("include")?, self.list("packages")?, self.list("only-include")?);
        if include.is_empty() && packages.is_empty() && only.is_empty() {
            (packages, only) = self.guess()?;
        }
        let normal = |paths: &[String]| paths.iter().map(|path| join("", path)).collect::<Option<Vec<_>>>();
        let outside = || SdistError::Invalid("a path of hatchling that leads outside".to_owned());
        let (packages, only) = (normal(&packages).ok_or_else(outside)?, normal(&only).ok_or_else(outside)?);
        let mut exclude = vec!["*.py[cdo]".to_owned(), "/dist".to_owned()];
        if self.get("ignore-vcs").and_then(Value::as_bool) != Some(true) {
            let ignored = self.sdist.files.text(".gitignore").unwrap_or_default();
            exclude.extend(ignored.lines().map(str::to_owned));
        }
        exclude.extend(self.list("exclude")?);
        let artifacts = self.list("artifacts")?.into_iter().chain(hooks).collect::<Vec<_>>();
        let mut patterns = include;
        patterns.extend(packages.iter().map(|path| format!("/{path}/")));
        let roots = if only.is_empty() { packages.clone() } else { only };
        Ok(Selection {
            explicit: !roots.is_empty(),
            roots,
            include: if patterns.is_empty() { None } else { Some(spec(&patterns)?) },
            exclude: spec(&exclude)?,
            artifacts: spec(&artifacts)?,
            sources: self.sources(&packages)?,
        })
    }

    /// Returns the package or module that hatchling finds without settings.
    fn guess(&self) -> Result<(Vec<String>, Vec<String>), SdistError> {
        let files = self.sdist.files;
        let plain = |name: &str| {
            let words = name.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
            words.collect::<Vec<_>>().join("_")
        };
        let raw = self.sdist.text(&["project", "name"]).unwrap_or(&self.sdist.identity.raw_name);
        for name in [plain(raw), plain(&self.sdist.identity.name)] {
            for package in [name.clone(), format!("src/{name}")] {
                if files.has(&format!("{package}/__init__.py")) {
                    return Ok((vec![package], Vec::new()));
                }
            }
            let module = format!("{name}.py");
            if files.has(&module) {
                return Ok((Vec::new(), vec![module]));
            }
            let found = glob(files, &format!("*/{name}/__init__.py"));
            if let [one] = found.as_slice() {
                return Ok((vec![one.split('/').next().unwrap_or_default().to_owned()], Vec::new()));
            }
        }
        Err(SdistError::Setting("a project without a package of its name".to_owned()))
    }

    fn sources(&self, packages: &[String]) -> Result<Vec<(String, String)>, SdistError> {
        let invalid = || SdistError::Invalid("`sources` of hatchling".to_owned());
        let directory = |path: &str| join("", path).map(|path| if path.is_empty() { path } else { format!("{path}/") });
        let mut out: Vec<(String, String)> = match self.get("sources") {
            None => Vec::new(),
            Some(Value::Array(items)) => {
                let one = |item: &Value| Some((directory(item.as_str()?)?, String::new()));
                items.iter().map(one).collect::<Option<_>>().ok_or_else(invalid)?
            }
            Some(Value::Table(table)) => {
                let one =
                    |(source, target): (&String, &Value)| Some((directory(source)?, directory(target.as_str()?)?));
                table.iter().map(one).collect::<Option<_>>().ok_or_else(invalid)?
            }
            Some(_) => return Err(invalid()),
        };
        for package in packages {
            let Some((parent, _)) = package.rsplit_once('/') else { continue };
            if out.iter().all(|(source, _)| *source != format!("{package}/") && *source != format!("{parent}/")) {
                out.push((format!("{parent}/"), String::new()));
            }
        }
        out.sort_unstable();
        Ok(out)
    }
}

impl Selection {
    fn add(&self, sdist: &Declared<'_>, wheel: &mut WheelBuilder) -> Result<(), SdistError> {
        let mut count = 0;
        for (path, file) in sdist.files.iter() {
            let below = |root: &String| {
                path == root
                    || root.is_empty()
                    || path.strip_prefix(root.as_str()).is_some_and(|rest| rest.starts_with('/'))
            };
            let named = self.roots.iter().any(|root| root == path);
            if self.explicit && !self.roots.iter().any(below) {
                continue;
            }
            let parts = path.split('/');
            if path.ends_with(".DS_Store")
                || parts.clone().take(parts.count() - 1).any(|part| DIRECTORIES.contains(&part))
            {
                continue;
            }
            let excluded = self.exclude.matched_path_or_any_parents(path, false).is_ignore();
            let included = self.explicit
                || self.include.as_ref().is_none_or(|spec| spec.matched_path_or_any_parents(path, false).is_ignore());
            let artifact = self.artifacts.matched_path_or_any_parents(path, false).is_ignore();
            if named || artifact || !excluded && included {
                wheel.add(self.target(path), file.clone());
                count += 1;
            }
        }
        if count == 0 { Err(SdistError::Setting("a project without files".to_owned())) } else { Ok(()) }
    }

    /// Returns the path of a file in the wheel.
    fn target(&self, path: &str) -> String {
        for (source, replacement) in &self.sources {
            if let Some(rest) = path.strip_prefix(source.as_str()) {
                return format!("{replacement}{rest}");
            }
        }
        path.to_owned()
    }
}

fn spec(patterns: &[String]) -> Result<Gitignore, SdistError> {
    let mut builder = GitignoreBuilder::new("");
    for pattern in patterns {
        builder.add_line(None, pattern).map_err(|_| SdistError::Invalid(format!("the pattern `{pattern}`")))?;
    }
    builder.build().map_err(|_| SdistError::Invalid("the patterns of hatchling".to_owned()))
}
