//! METADATA and `entry_points.txt` as setuptools 77 and later write them.
//!
//! Source: `setuptools._core_metadata`. Fields that the files decide are written anew; the others
//! come from PKG-INFO, which the same setuptools code wrote when the sdist was made.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::project::Project;
use super::settings::{Plain, computed, text};
use super::sources::{Sources, known, plain_lines};
use super::value::Unknown;
use crate::python::sdist::error::SdistError;
use crate::python::sdist::identity::Identity;
use crate::python::sdist::metadata::{CoreMetadata, folded, unfolded};
use crate::python::sdist::requirements::{Requirement, of_requires_txt, specifiers};

/// The version of core metadata that setuptools writes.
const VERSION: &str = "2.4";

/// The fields with one value: name, argument of `setup()`, name in `Dynamic`.
const SINGLE: [(&str, &str, &str); 8] = [
    ("Home-page", "url", "home-page"),
    ("Download-URL", "download_url", "download-url"),
    ("Author", "author", "author"),
    ("Author-email", "author_email", "author-email"),
    ("Maintainer", "maintainer", "maintainer"),
    ("Maintainer-email", "maintainer_email", "maintainer-email"),
    ("Requires-Python", "python_requires", "requires-python"),
    ("Description-Content-Type", "long_description_content_type", "description-content-type"),
];

/// The fields with several values.
const LISTS: [(&str, &str, &str); 5] = [
    ("Platform", "platforms", "platform"),
    ("Classifier", "classifiers", "classifier"),
    ("Requires", "requires", "requires"),
    ("Provides", "provides", "provides"),
    ("Obsoletes", "obsoletes", "obsoletes"),
];

/// The names in `Dynamic` with the arguments of `setup()`.
const DYNAMIC: [(&str, &str); 22] = [
    ("summary", "description"),
    ("description", "long_description"),
    ("description-content-type", "long_description_content_type"),
    ("home-page", "url"),
    ("download-url", "download_url"),
    ("author", "author"),
    ("author-email", "author_email"),
    ("maintainer", "maintainer"),
    ("maintainer-email", "maintainer_email"),
    ("license", "license"),
    ("license-expression", "license_expression"),
    ("project-url", "project_urls"),
    ("keywords", "keywords"),
    ("platform", "platforms"),
    ("classifier", "classifiers"),
    ("requires", "requires"),
    ("provides", "provides"),
    ("obsoletes", "obsoletes"),
    ("requires-python", "python_requires"),
    ("requires-dist", "install_requires"),
    ("provides-extra", "extras_require"),
    ("license-file", "license_files"),
];

/// Returns METADATA.
pub fn core_metadata(from: &Sources<'_>, project: &Project, identity: &Identity) -> Result<CoreMetadata, SdistError> {
    let mut writer = Writer { from, out: CoreMetadata::default(), dynamic: Vec::new() };
    let declared = from.pyproject.get("project").and_then(Value::as_table);
    writer.field("Metadata-Version", VERSION);
    writer.field("Name", &identity.raw_name);
    writer.field("Version", &identity.version);
    match declared {
        Some(table) => writer.declared(table)?,
        None => writer.described()?,
    }
    for path in &project.licenses {
        writer.field("License-File", path);
    }
    if !project.licenses.is_empty() {
        writer.dynamic.push("license-file");
    }
    let Writer { mut out, dynamic, .. } = writer;
    out.fields.extend(dynamic.into_iter().map(|name| ("Dynamic".to_owned(), name.to_owned())));
    Ok(out)
}

struct Writer<'s> {
    from: &'s Sources<'s>,
    out: CoreMetadata,
    dynamic: Vec<&'static str>,
}

impl Writer<'_> {
    fn field(&mut self, name: &str, value: &str) {
        self.out.fields.push((name.to_owned(), value.to_owned()));
    }

    /// Notes a field that a `setup.py` gives: setuptools calls it dynamic.
    fn dynamic(&mut self, name: &'static str) {
        let arguments = DYNAMIC.iter().filter(|(dynamic, _)| *dynamic == name).map(|(_, argument)| *argument);
        let mut files = arguments.filter_map(|argument| Some(self.from.settings.0.get(argument)?.file));
        if files.any(|file| file == "setup.py") {
            self.dynamic.push(name);
        }
    }

    /// Writes the fields of a project that `[project]` describes: PKG-INFO has the same.
    fn declared(&mut self, table: &Table) -> Result<(), SdistError> {
        let info = self.from.pkg_info;
        let own =
            ["Metadata-Version", "Name", "Version", "License-File", "Dynamic", "Requires-Dist", "Requires-Python"];
        let fields = info.fields.iter().filter(|(name, _)| !own.iter().any(|own| own.eq_ignore_ascii_case(name)));
        self.out.fields.extend(fields.cloned());
        let python = table.get("requires-python").and_then(Value::as_str).or_else(|| info.get("Requires-Python"));
        if let Some(python) = python {
            let python = specifiers(python).ok_or_else(|| SdistError::Invalid("`requires-python`".to_owned()))?;
            self.field("Requires-Python", &python);
        }
        for one in info.all("Requires-Dist") {
            let one = requirement(one)?;
            self.field("Requires-Dist", &one.text());
        }
        self.out.description.clone_from(&info.description);
        let names = table.get("dynamic").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        for name in names {
            // PKG-INFO has what the files compute, unless it depends on the machine.
            match name {
                "dependencies" => known(self.from, "install_requires")?,
                "optional-dependencies" => known(self.from, "extras_require")?,
                "requires-python" => known(self.from, "python_requires")?,
                _ => None,
            };
            let fields: &[&'static str] = match name {
                "dependencies" => &["requires-dist"],
                "optional-dependencies" => &["provides-extra"],
                "readme" => &["description", "description-content-type"],
                "description" => &["summary"],
                "classifiers" => &["classifier"],
                "keywords" => &["keywords"],
                "license" => &["license", "license-expression"],
                "authors" => &["author", "author-email"],
                "maintainers" => &["maintainer", "maintainer-email"],
                "requires-python" => &["requires-python"],
                "urls" => &["project-url", "home-page"],
                _ => &[],
            };
            for field in fields {
                self.dynamic(field);
            }
        }
        Ok(())
    }

    /// Writes the fields of a project that `setup()` or `setup.cfg` describes.
    fn described(&mut self) -> Result<(), SdistError> {
        let (from, info) = (self.from, self.from.pkg_info);
        if let Some(text) = self.one("description", "Summary")?.filter(|text| !text.is_empty()) {
            self.field("Summary", text.trim().lines().next().unwrap_or_default());
            self.dynamic("summary");
        }
        for (field, argument, dynamic) in SINGLE {
            if let Some(text) = self.one(argument, field)? {
                if text.is_empty() && matches!(argument, "python_requires" | "long_description_content_type") {
                    continue;
                }
                // `setup.cfg` is parsed, an argument of `setup()` is written as it is.
                let parsed = argument == "python_requires"
                    && from.settings.0.get(argument).is_some_and(|one| one.file != "setup.py");
                let text =
                    if parsed { specifiers(&text).ok_or_else(|| from.settings.invalid(argument))? } else { text };
                self.field(field, &text);
                if !text.is_empty() {
                    self.dynamic(dynamic);
                }
            }
        }
        let expression = self.one("license_expression", "License-Expression")?.filter(|text| !text.is_empty());
        if let Some(expression) = expression {
            self.field("License-Expression", &expression);
            self.dynamic("license-expression");
        } else if let Some(license) = self.one("license", "License")?.filter(|text| !text.is_empty()) {
            self.field("License", &folded(&unfolded(&license)));
            self.dynamic("license");
        }
        self.urls()?;
        let keywords = self.many("keywords", "Keywords")?.join(",");
        if !keywords.is_empty() {
            self.field("Keywords", &keywords);
            self.dynamic("keywords");
        }
        for (field, argument, dynamic) in LISTS {
            let values = self.many(argument, field)?;
            if !values.is_empty() {
                self.dynamic(dynamic);
            }
            for value in &values {
                self.field(field, value);
            }
        }
        self.requirements()?;
        let description = self.one("long_description", "Description")?;
        self.out.description = match from.settings.0.get("long_description").map(|setting| &setting.value) {
            Some(Err(_)) => info.description.clone(),
            _ => description.filter(|text| !text.is_empty()),
        };
        if self.out.description.is_some() {
            self.dynamic("description");
        }
        Ok(())
    }

    /// Returns an argument with one value, or the field of PKG-INFO if the files do not decide it.
    fn one(&self, argument: &str, field: &str) -> Result<Option<String>, SdistError> {
        let Some(setting) = self.from.settings.0.get(argument) else { return Ok(None) };
        match &setting.value {
            Ok(Plain::None) => Ok(None),
            Ok(Plain::Text(text)) => Ok(Some(text.clone())),
            Ok(Plain::Int(number)) => Ok(Some(number.to_string())),
            Ok(Plain::List(items)) => {
                let texts: Option<Vec<_>> = items.iter().map(text).collect();
                Ok(Some(texts.ok_or_else(|| self.from.settings.invalid(argument))?.join(", ")))
            }
            Ok(_) => Err(self.from.settings.invalid(argument)),
            Err(Unknown::Machine) if argument == "python_requires" => {
                Err(computed(setting.file, argument, Unknown::Machine))
            }
            Err(_) => Ok(self.from.pkg_info.get(field).map(str::to_owned)),
        }
    }

    fn many(&self, argument: &str, field: &str) -> Result<Vec<String>, SdistError> {
        let Some(setting) = self.from.settings.0.get(argument) else { return Ok(Vec::new()) };
        let split = |text: &str| text.split(',').map(|part| part.trim().to_owned()).collect::<Vec<_>>();
        match &setting.value {
            Ok(Plain::None) => Ok(Vec::new()),
            Ok(Plain::Text(text)) if matches!(argument, "keywords" | "platforms") => Ok(split(text)),
            Ok(Plain::List(items)) => {
                items.iter().map(text).collect::<Option<_>>().ok_or_else(|| self.from.settings.invalid(argument))
            }
            Ok(value) if value.is_empty() => Ok(Vec::new()),
            Ok(_) => Err(self.from.settings.invalid(argument)),
            Err(_) if argument == "keywords" => Ok(self.from.pkg_info.get(field).map(split).unwrap_or_default()),
            Err(_) => Ok(self.from.pkg_info.all(field).map(str::to_owned).collect()),
        }
    }

    fn urls(&mut self) -> Result<(), SdistError> {
        let Some(setting) = self.from.settings.0.get("project_urls") else { return Ok(()) };
        let urls: Vec<String> = match &setting.value {
            Ok(Plain::Dict(items)) => {
                items.iter().filter_map(|(label, url)| Some(format!("{label}, {}", text(url)?))).collect()
            }
            Ok(value) if value.is_empty() => Vec::new(),
            Ok(_) => return Err(self.from.settings.invalid("project_urls")),
            Err(_) => self.from.pkg_info.all("Project-URL").map(str::to_owned).collect(),
        };
        if !urls.is_empty() {
            self.dynamic("project-url");
        }
        for url in &urls {
            self.field("Project-URL", url);
        }
        Ok(())
    }

    /// Writes `Provides-Extra` and `Requires-Dist`.
    fn requirements(&mut self) -> Result<(), SdistError> {
        let from = self.from;
        let mut all: Vec<(String, Vec<String>)> = Vec::new();
        let lines = |value: &Plain| match value {
            Plain::Text(text) => Some(plain_lines(text)),
            Plain::List(items) => Some(
                items.iter().map(text).collect::<Option<Vec<_>>>()?.iter().flat_map(|one| plain_lines(one)).collect(),
            ),
            value if value.is_empty() => Some(Vec::new()),
            _ => None,
        };
        match known(from, "install_requires")? {
            Some(value) => {
                let lines = lines(value).ok_or_else(|| from.settings.invalid("install_requires"))?;
                all.push((String::new(), lines));
            }
            None => all.extend(
                self.required()?.into_iter().filter(|(section, _)| section.is_empty() || section.starts_with(':')),
            ),
        }
        let given = all.iter().any(|(_, lines)| !lines.is_empty());
        if given {
            self.dynamic("requires-dist");
        }
        let before = all.len();
        match known(from, "extras_require")? {
            Some(Plain::Dict(items)) => {
                for (section, value) in items {
                    let lines = lines(value).ok_or_else(|| from.settings.invalid("extras_require"))?;
                    all.push((section.clone(), lines));
                }
            }
            Some(value) if value.is_empty() => {}
            Some(_) => return Err(from.settings.invalid("extras_require")),
            None => all.extend(
                self.required()?.into_iter().filter(|(section, _)| !section.is_empty() && !section.starts_with(':')),
            ),
        }
        if all.len() > before {
            self.dynamic("provides-extra");
        }
        let mut extras: BTreeSet<String> = BTreeSet::new();
        for (section, lines) in all {
            let (extra, condition) = section.split_once(':').unwrap_or((&section, ""));
            let extra = safe_extra(extra);
            if !extra.is_empty() && extras.insert(extra.clone()) {
                self.field("Provides-Extra", &extra);
            }
            for line in lines.iter().filter(|line| !line.is_empty()) {
                let bad = || SdistError::Invalid(format!("the requirement `{line}`"));
                let one = requirement(line)?.within(&extra, condition).ok_or_else(bad)?;
                self.field("Requires-Dist", &one.text());
            }
        }
        Ok(())
    }

    /// Returns the lines of `requires.txt`, with their sections.
    fn required(&self) -> Result<Vec<(String, Vec<String>)>, SdistError> {
        let missing = || SdistError::Missing { file: "setup.py", path: "*.egg-info/requires.txt".to_owned() };
        let egg_info = self.from.egg_info.ok_or_else(missing)?;
        let text = self.from.files.text(&format!("{egg_info}/requires.txt")).unwrap_or_default();
        Ok(of_requires_txt(&text))
    }
}

fn requirement(text: &str) -> Result<Requirement, SdistError> {
    Requirement::parse(text).ok_or_else(|| SdistError::Invalid(format!("the requirement `{text}`")))
}

/// Normalises the name of an extra (PEP 685).
fn safe_extra(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}
