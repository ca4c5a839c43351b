//! Versions that versioneer derives from tags.
//!
//! Source: versioneer 0.29 (`get_versions`, `git_pieces_from_vcs`, `render_pep440`), and its
//! documentation. Changes that are not committed do not count.

use pep440_rs::Version;
use toml::Value;

use super::scm_settings::TagQuery;
use super::scm_version::{ABBREVIATED, Described};

/// The settings of versioneer: `[versioneer]` in `setup.cfg`, or `[tool.versioneer]`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VersioneerSettings {
    /// The file that has the version in a source distribution.
    pub file: String,
    /// The text before the version in a tag.
    prefix: String,
    /// A setting that only the tool can apply.
    unsupported: Option<String>,
}

/// The content of a version file.
pub(super) enum VersionFileContent {
    /// The version of a source distribution.
    Version(String),
    /// `git archive` has filled it in.
    Archive,
    /// Nothing: the version comes from the repository.
    Nothing,
}

impl VersioneerSettings {
    /// Reads the settings by name; none without the name of the file.
    pub(in crate::python::project) fn read(get: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let quoted = |text: String| {
            let inner = ["''", "\"\""].contains(&text.as_str()).then(String::new);
            inner.unwrap_or(text)
        };
        let other = |key: &str, known: &[&str]| {
            let value = get(key).filter(|value| !known.contains(&value.as_str()))?;
            Some(format!("{key} = {value}"))
        };
        Some(Self {
            file: get("versionfile_source")?,
            prefix: get("tag_prefix").map(quoted).unwrap_or_default(),
            unsupported: other("VCS", &["git"]).or_else(|| other("style", &["", "pep440"])),
        })
    }

    /// Reads the table `[tool.versioneer]`.
    pub(in crate::python::project) fn of_table(table: &Value) -> Option<Self> {
        Self::read(|key| table.get(key).and_then(Value::as_str).map(str::to_owned))
    }

    /// Returns the tags that count.
    pub(super) fn query(&self) -> TagQuery {
        let is_special = |c: char| matches!(c, '*' | '?' | '[' | ']' | '{' | '}' | '\\');
        let prefix: String = self.prefix.chars().filter(|c| !is_special(*c)).collect();
        let matching = if prefix.is_empty() { Vec::new() } else { vec![format!("{prefix}[0-9]*")] };
        TagQuery { matching, lightweight: true, ..TagQuery::default() }
    }

    /// Returns what the version file says.
    pub(super) fn content(text: &str) -> VersionFileContent {
        let keyword = |line: &str| line.trim_start().strip_prefix("git_refnames =").map(str::to_owned);
        if text.lines().filter_map(keyword).any(|value| !value.contains("$Format")) {
            return VersionFileContent::Archive;
        }
        let json = text.split_once("version_json = '''").and_then(|(_, rest)| rest.split_once("'''"));
        let json = json.and_then(|(json, _)| serde_json::from_str::<serde_json::Value>(json).ok());
        let version = json.and_then(|json| Some(json.get("version")?.as_str()?.to_owned()));
        version.map_or(VersionFileContent::Nothing, VersionFileContent::Version)
    }

    /// Returns the version of a described commit.
    ///
    /// # Errors
    /// A tag without a version in it; a setting that only the tool can apply.
    pub(super) fn version(&self, described: &Described) -> Result<String, String> {
        if let Some(setting) = &self.unsupported {
            return Err(format!("only the build backend can apply `{setting}`"));
        }
        let commit = &described.commit[..ABBREVIATED.min(described.commit.len())];
        let text = match &described.tag {
            None => format!("0+untagged.{}.g{commit}", described.distance),
            Some(tag) => {
                let tag = tag
                    .strip_prefix(self.prefix.as_str())
                    .ok_or_else(|| format!("the tag `{tag}` does not begin with `{}`", self.prefix))?;
                let joint = if tag.contains('+') { '.' } else { '+' };
                match described.distance {
                    0 => tag.to_owned(),
                    distance => format!("{tag}{joint}{distance}.g{commit}"),
                }
            }
        };
        let version: Result<Version, _> = text.parse();
        version.map(|version| version.to_string()).map_err(|_| format!("`{text}` is not a version"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::scm_version::tests::described;
    use super::*;

    fn settings(text: &str) -> VersioneerSettings {
        let table: toml::Table = format!("versionfile_source = 'shop/_version.py'\n{text}").parse().unwrap();
        VersioneerSettings::of_table(&Value::Table(table)).unwrap()
    }

    #[test]
    fn versions_are_those_of_the_style_pep440() {
        let of = |text: &str, tag: Option<&str>, distance| settings(text).version(&described(tag, distance));
        for (text, tag, distance, want) in [
            ("VCS = 'git'\nstyle = 'pep440'\ntag_prefix = 'v'", Some("v1.2"), 0, "1.2"),
            ("tag_prefix = 'v'", Some("v1.2"), 3, "1.2+3.g0123456"),
            ("tag_prefix = ''", Some("1.2+a"), 3, "1.2+a.3.g0123456"),
            ("", Some("1.2"), 0, "1.2"),
            ("", None, 7, "0+untagged.7.g0123456"),
        ] {
            assert_eq!(of(text, tag, distance).as_deref(), Ok(want), "{text} {tag:?} {distance}");
        }
        for text in ["style = 'pep440-post'", "VCS = 'hg'"] {
            assert!(of(text, Some("1"), 0).unwrap_err().contains("only the build backend"), "{text}");
        }
        assert!(of("", Some("nightly"), 0).unwrap_err().contains("is not a version"));
        assert!(of("tag_prefix = 'v'", Some("1"), 0).unwrap_err().contains("does not begin"));
    }

    #[test]
    fn the_version_file_of_a_source_distribution_decides() {
        let sdist = "version_json = '''\n{\n \"version\": \"1.5\"\n}\n'''  # END VERSION_JSON\n";
        assert!(matches!(VersioneerSettings::content(sdist), VersionFileContent::Version(version) if version == "1.5"));
        let archive = "    git_refnames = \" (tag: 1.5)\"\n";
        assert!(matches!(VersioneerSettings::content(archive), VersionFileContent::Archive));
        let checkout = "    git_refnames = \"$Format:%d$\"\n";
        assert!(matches!(VersioneerSettings::content(checkout), VersionFileContent::Nothing));
        assert!(VersioneerSettings::read(|_| None).is_none());
    }
}
