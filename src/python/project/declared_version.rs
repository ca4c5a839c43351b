//! The place where a project's configuration says that its version is.

use toml::Value;

use super::build_backend::at;
use super::module::inner;
use super::setup::Setup;
use super::version::{
    DunamaiSettings, Reading, ScmSettings, VersionFile, VersionSource, VersioneerSettings, module, tool,
};
use crate::python::normalised;
use crate::python::requirement::split_name;

/// The configuration that says where a version is.
pub(super) struct Declared<'d> {
    pub root: &'d Value,
    pub backend: &'d str,
    pub name: Option<&'d str>,
    pub setup: &'d Setup,
}

impl Declared<'_> {
    /// Returns the place of the version.
    pub fn source(&self) -> VersionSource {
        let text = |keys: &[&str]| at(self.root, keys).and_then(Value::as_str).map(str::to_owned);
        if let Some(version) = text(&["project", "version"]) {
            return VersionSource::Stated(version);
        }
        let plugin = at(self.root, &["tool", "poetry-dynamic-versioning", "enable"]).and_then(Value::as_bool);
        if plugin == Some(true) {
            return self.dunamai("poetry-dynamic-versioning", "POETRY_DYNAMIC_VERSIONING_BYPASS");
        }
        if let Some(version) = text(&["tool", "poetry", "version"]) {
            return VersionSource::Stated(version);
        }
        let found = match self.backend {
            backend if backend.starts_with("hatchling") => self.hatch(),
            backend if backend.starts_with("pdm") => self.pdm(),
            backend if backend.starts_with("flit_scm") => self.scm(),
            backend if backend.starts_with("flit") => self.flit(),
            backend if backend.starts_with("setuptools") => self.setuptools(),
            _ => None,
        };
        let found = found.or_else(|| self.tool()).unwrap_or_default();
        let is_versioneer = matches!(found, VersionSource::Tool { name: "versioneer", .. });
        let table = || at(self.root, &["tool", "versioneer"]).and_then(VersioneerSettings::of_table);
        match table().or_else(|| self.setup.versioneer.clone()).filter(|_| is_versioneer) {
            Some(settings) => VersionSource::Versioneer(Box::new(settings)),
            None => found,
        }
    }

    /// Returns the tags as a tool's table describes them.
    fn dunamai(&self, tool: &str, variable: &'static str) -> VersionSource {
        VersionSource::Dunamai(Box::new(DunamaiSettings::read(at(self.root, &["tool", tool]), variable)))
    }

    /// Returns the tool that the build requirements or tables name.
    fn tool(&self) -> Option<VersionSource> {
        let named = self.requirements().find_map(|name| tool(&name));
        named.or_else(|| {
            let tables = at(self.root, &["tool"])?.as_table()?;
            tables.keys().find_map(|name| tool(&name.replace('_', "-")))
        })
    }

    /// Returns the normalised names in `build-system.requires`.
    fn requirements(&self) -> impl Iterator<Item = String> {
        let all = at(self.root, &["build-system", "requires"]).and_then(Value::as_array).into_iter().flatten();
        all.filter_map(Value::as_str).map(|text| normalised(split_name(text).0))
    }

    fn scm(&self) -> Option<VersionSource> {
        let table = at(self.root, &["tool", "setuptools_scm"]);
        let table = table.or_else(|| at(self.root, &["tool", "vcs-versioning"]));
        let required = || self.requirements().any(|name| name == "setuptools-scm" || name == "flit-scm");
        // With the extra `simple`, setuptools-scm needs no table.
        let is_dynamic = || {
            let dynamic = at(self.root, &["project", "dynamic"]).and_then(Value::as_array);
            dynamic.into_iter().flatten().any(|key| key.as_str() == Some("version"))
        };
        (table.is_some() || required() && is_dynamic())
            .then(|| VersionSource::Scm(Box::new(ScmSettings::setuptools_scm(table))))
    }

    fn hatch(&self) -> Option<VersionSource> {
        let table = at(self.root, &["tool", "hatch", "version"])?;
        let text = |key: &str| table.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        Some(match text("source").unwrap_or("regex") {
            "vcs" => VersionSource::Scm(Box::new(ScmSettings::hatch_vcs(table))),
            "regex" => VersionSource::File {
                paths: vec![inner(text("path")?)],
                reading: text("pattern").map_or(Reading::Line, |pattern| Reading::Pattern(pattern.to_owned())),
            },
            "code" => VersionSource::File {
                paths: vec![inner(text("path")?)],
                reading: Reading::Executed(text("expression").unwrap_or("__version__").to_owned()),
            },
            "uv-dynamic-versioning" => self.dunamai("uv-dynamic-versioning", "UV_DYNAMIC_VERSIONING_BYPASS"),
            other => {
                return tool(other).or(Some(VersionSource::Tool { name: "a plugin of hatchling", variable: None }));
            }
        })
    }

    fn pdm(&self) -> Option<VersionSource> {
        let Some(table) = at(self.root, &["tool", "pdm", "version"]) else {
            return Some(VersionSource::Stated("0.0.0".to_owned()));
        };
        let text = |key: &str| table.get(key).and_then(Value::as_str);
        match text("source").or_else(|| text("path").map(|_| "file"))? {
            "file" => Some(VersionSource::File {
                paths: vec![inner(text("path")?)],
                reading: text("pattern").map_or(Reading::Line, |pattern| Reading::Pattern(pattern.to_owned())),
            }),
            "scm" => Some(VersionSource::Scm(Box::new(ScmSettings::pdm(table)))),
            _ => {
                Some(VersionSource::Tool { name: "a function of the project", variable: Some("PDM_BUILD_SCM_VERSION") })
            }
        }
    }

    fn flit(&self) -> Option<VersionSource> {
        let name = at(self.root, &["tool", "flit", "module", "name"]);
        let name = name.or_else(|| at(self.root, &["tool", "flit", "metadata", "module"])).and_then(Value::as_str);
        let name = name.map(str::to_owned).or_else(|| Some(self.name?.replace('-', "_")))?;
        Some(module(&name, "__version__", &["", "src"]))
    }

    fn setuptools(&self) -> Option<VersionSource> {
        let dynamic = at(self.root, &["tool", "setuptools", "dynamic", "version"]);
        if let Some(attr) = dynamic.and_then(|table| table.get("attr")?.as_str()) {
            return Some(self.attribute(attr));
        }
        if let Some(file) = dynamic.and_then(|table| table.get("file")) {
            let file = file.as_str().or_else(|| file.as_array()?.first()?.as_str())?;
            return Some(VersionSource::File { paths: vec![inner(file)], reading: Reading::Whole });
        }
        match &self.setup.version {
            Some(VersionSource::File { paths, reading: Reading::Attribute(attr) }) if paths.is_empty() => {
                Some(self.attribute(attr))
            }
            Some(source) => Some(source.clone()),
            None => self.scm(),
        }
    }

    /// Returns the place of `package.module.NAME`.
    fn attribute(&self, dotted: &str) -> VersionSource {
        let (path, name) = dotted.rsplit_once('.').unwrap_or(("", dotted));
        let dirs = at(self.root, &["tool", "setuptools", "package-dir"]).and_then(Value::as_table);
        let dirs = dirs.into_iter().flatten().filter_map(|(package, dir)| Some((package.as_str(), dir.as_str()?)));
        let of_setup = self.setup.package_dir.iter().map(|(package, dir)| (package.as_str(), dir.as_str()));
        let dirs: Vec<_> = dirs.chain(of_setup).collect();
        let mut roots: Vec<_> =
            dirs.iter().filter(|(package, _)| package.is_empty()).map(|(_, dir)| inner(dir)).collect();
        let head = path.split('.').next().unwrap_or_default();
        let renamed = dirs.iter().find(|(package, _)| !package.is_empty() && *package == head);
        roots.extend([String::new(), "src".to_owned()]);
        let roots: Vec<_> = roots.iter().map(String::as_str).collect();
        match renamed {
            Some((_, dir)) => module(&format!("{}{}", inner(dir).replace('/', "."), &path[head.len()..]), name, &[""]),
            None => module(path, name, &roots),
        }
    }

    /// Returns the files that the build backend writes the version to.
    pub fn files(&self, source: &VersionSource) -> Vec<VersionFile> {
        let mut out = Vec::new();
        let scm = at(self.root, &["tool", "setuptools_scm"]).or_else(|| at(self.root, &["tool", "vcs-versioning"]));
        if let (VersionSource::Scm(settings), Some(table)) = (source, scm) {
            out.extend(VersionFile::of_setuptools_scm(table, &settings.root));
        }
        if matches!(source, VersionSource::Scm(_)) {
            out.extend(self.setup.version_files.iter().cloned());
        }
        if self.backend.starts_with("hatchling") {
            let hooks =
                [&["tool", "hatch", "build", "targets", "wheel", "hooks"][..], &["tool", "hatch", "build", "hooks"]];
            for hooks in hooks.into_iter().filter_map(|keys| at(self.root, keys)) {
                out.extend(hooks.get("vcs").and_then(VersionFile::of_hatch_vcs));
                out.extend(hooks.get("version").and_then(VersionFile::of_hatch));
            }
        }
        if let (VersionSource::Scm(_), Some(table)) = (source, at(self.root, &["tool", "pdm", "version"])) {
            let root = at(self.root, &["tool", "pdm", "build", "package-dir"]).and_then(Value::as_str);
            out.extend(VersionFile::of_pdm(table, root));
        }
        out
    }
}
