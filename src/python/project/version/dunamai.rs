//! Versions that dunamai derives from tags, for uv-dynamic-versioning and
//! poetry-dynamic-versioning.
//!
//! Source: dunamai 1.26 (`Version.from_git`, `Version.serialize`), uv-dynamic-versioning 0.14
//! (`schemas.py`), poetry-dynamic-versioning 1.10. Changes that are not committed do not count.

use pep440_rs::Version;
use toml::Value;

use super::scm_settings::TagQuery;
use super::scm_version::{ABBREVIATED, Described};
use crate::python::pattern::for_names;

/// The pattern `default` without its `^`.
const PATTERN: &str = r"v(?:(?P<epoch>\d+)!)?(?P<base>\d+(?:\.\d+)*)(?:[-._]?(?:(?P<stage>[a-zA-Z]+)[-._]?(?P<revision>\d+)?))?(?:\+(?P<tagged_metadata>.+))?$";

/// The settings of a tool that derives versions with dunamai.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DunamaiSettings {
    /// The variable that the tool takes a version from.
    pub variable: &'static str,
    /// The tags that have a version.
    pub query: TagQuery,
    /// The regular expression for tags.
    pattern: String,
    /// The version of a directory that is not in a repository.
    pub fallback: Option<String>,
    /// Whether the commit is part of the version; none: only if it is not the tag's.
    metadata: Option<bool>,
    tagged_metadata: bool,
    bump: bool,
    /// The number of characters of the commit.
    commit_length: usize,
    commit_prefix: String,
    /// A setting that only the tool can apply.
    unsupported: Option<String>,
}

impl DunamaiSettings {
    /// Reads the table of a tool.
    pub(in crate::python::project) fn read(table: Option<&Value>, variable: &'static str) -> Self {
        let mut out = Self {
            variable,
            query: TagQuery::default(),
            pattern: String::new(),
            fallback: None,
            metadata: None,
            tagged_metadata: false,
            bump: false,
            commit_length: ABBREVIATED,
            commit_prefix: String::new(),
            unsupported: None,
        };
        let (mut pattern, mut prefix) = ("default", "");
        for (key, value) in table.and_then(Value::as_table).into_iter().flatten() {
            let key = key.replace('_', "-");
            match (key.as_str(), value) {
                ("pattern", Value::String(text)) => pattern = text,
                ("pattern-prefix", Value::String(text)) => prefix = text,
                (key, value) if out.apply(key, value) => {}
                _ => drop(out.unsupported.get_or_insert(key)),
            }
        }
        out.pattern = match pattern {
            "default" => format!("^{prefix}{PATTERN}"),
            "default-unprefixed" => format!("^{prefix}{}", PATTERN.replacen('v', "v?", 1)),
            own if own.contains("?P<base>") => own.replacen('^', &format!("^{prefix}"), 1),
            _ => {
                out.unsupported.get_or_insert("pattern".to_owned());
                String::new()
            }
        };
        out.query = TagQuery { lightweight: true, regex: Some(out.pattern.clone()), ..TagQuery::default() };
        out
    }

    /// Applies a setting. Returns whether it can.
    fn apply(&mut self, key: &str, value: &Value) -> bool {
        match (key, value) {
            ("metadata", Value::Boolean(metadata)) => self.metadata = Some(*metadata),
            ("tagged-metadata", Value::Boolean(tagged)) => self.tagged_metadata = *tagged,
            ("full-commit", Value::Boolean(full)) => {
                if *full {
                    self.commit_length = usize::MAX;
                }
            }
            ("commit-length", Value::Integer(length)) if *length > 0 => {
                self.commit_length = usize::try_from(*length).unwrap_or(usize::MAX);
            }
            ("commit-prefix", Value::String(prefix)) => prefix.clone_into(&mut self.commit_prefix),
            ("fallback-version", Value::String(version)) => self.fallback = Some(version.clone()),
            ("bump", Value::Boolean(bump)) => self.bump = *bump,
            ("bump", Value::Table(bump)) => {
                self.bump = bump.get("enable").and_then(Value::as_bool).unwrap_or(false);
                return bump.get("index").is_none_or(|index| index.as_integer() == Some(-1));
            }
            ("vcs", Value::String(vcs)) => return matches!(vcs.as_str(), "any" | "git"),
            ("style", Value::String(style)) => return style == "pep440",
            ("tag-dir", Value::String(folder)) => return folder == "tags",
            // These settings do not change the version.
            (
                "enable"
                | "strict"
                | "dirty"
                | "ignore-untracked"
                | "fix-shallow-repository"
                | "substitution"
                | "files"
                | "escape-with"
                | "format-jinja-imports",
                _,
            )
            | ("latest-tag" | "highest-tag", Value::Boolean(false)) => {}
            _ => return false,
        }
        true
    }

    /// Returns the version of a described commit.
    ///
    /// # Errors
    /// Returns the reason why there is none: a tag that PEP 440 does not know, or a setting that only
    /// the tool can apply.
    pub(super) fn version(&self, described: &Described) -> Result<String, String> {
        if let Some(setting) = &self.unsupported {
            return Err(format!("only the build backend can apply `{setting}`"));
        }
        let mut parts = match &described.tag {
            Some(tag) => self.parts(tag)?,
            None => Parts { base: "0.0.0".to_owned(), ..Parts::default() },
        };
        let is_bumped = self.bump && described.distance > 0;
        if is_bumped {
            parts.bump()?;
        }
        let mut metadata: Vec<String> = Vec::new();
        if self.metadata != Some(false) {
            metadata.extend(parts.metadata.clone().filter(|_| self.tagged_metadata));
            if self.metadata == Some(true) || described.distance > 0 {
                let commit = &described.commit[..self.commit_length.min(described.commit.len())];
                metadata.push(format!("{}{commit}", self.commit_prefix));
            }
        }
        let text = parts.text(described.distance, is_bumped, &metadata.join("."))?;
        let version: Result<Version, _> = text.parse();
        version.map(|version| version.to_string()).map_err(|_| format!("`{text}` is not a version"))
    }

    fn parts(&self, tag: &str) -> Result<Parts, String> {
        let regex = for_names(&self.pattern).ok_or("carboy cannot apply its `pattern`")?;
        let found = regex.captures(tag).ok_or_else(|| format!("the tag `{tag}` has no version"))?;
        let group = |name: &str| found.name(name).map(|group| group.as_str().to_owned());
        let number = |name: &str| {
            let number = group(name).map(|text| text.parse::<u64>());
            number.transpose().map_err(|_| format!("the tag `{tag}` has a number that is too large"))
        };
        Ok(Parts {
            epoch: number("epoch")?,
            base: group("base").ok_or_else(|| format!("the tag `{tag}` has no version"))?,
            revision: number("revision")?,
            stage: group("stage"),
            metadata: group("tagged_metadata"),
        })
    }
}

/// The parts of a tag.
#[derive(Default)]
struct Parts {
    epoch: Option<u64>,
    base: String,
    stage: Option<String>,
    revision: Option<u64>,
    metadata: Option<String>,
}

impl Parts {
    /// Raises the revision, or else the last number.
    fn bump(&mut self) -> Result<(), String> {
        if self.stage.is_some() {
            self.revision = Some(self.revision.map_or(2, |revision| revision.saturating_add(1)));
            return Ok(());
        }
        let (head, last) =
            self.base.rsplit_once('.').map_or((None, self.base.as_str()), |(head, last)| (Some(head), last));
        let next = last.parse::<u64>().ok().and_then(|last| last.checked_add(1));
        let next = next.ok_or_else(|| format!("`{}` ends with no number", self.base))?;
        self.base = head.map_or_else(|| next.to_string(), |head| format!("{head}.{next}"));
        Ok(())
    }

    fn text(&self, distance: usize, is_bumped: bool, metadata: &str) -> Result<String, String> {
        let distance = distance as u64;
        let (mut stage, mut post, mut dev) = (self.stage.as_deref(), None, None);
        match stage {
            Some("post") => (stage, post) = (None, self.revision),
            Some("dev") => (stage, dev) = (None, self.revision),
            _ => {}
        }
        if distance > 0 {
            if !is_bumped && post.is_none() && dev.is_none() {
                (post, dev) = (Some(distance), Some(0));
            } else {
                dev = Some(dev.unwrap_or(0).saturating_add(distance));
            }
        }
        let mut out = self.epoch.map(|epoch| format!("{epoch}!")).unwrap_or_default();
        out.push_str(&self.base);
        if let Some(stage) = stage {
            out.push_str(match stage.to_ascii_lowercase().as_str() {
                "a" | "alpha" => "a",
                "b" | "beta" => "b",
                "rc" | "c" | "pre" | "preview" => "rc",
                other => return Err(format!("`{other}` is no stage of a version")),
            });
            out.push_str(&self.revision.unwrap_or(0).to_string());
        }
        out.extend(post.map(|post| format!(".post{post}")));
        out.extend(dev.map(|dev| format!(".dev{dev}")));
        if !metadata.is_empty() {
            out.push('+');
            out.push_str(metadata);
        }
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use super::super::scm_version::tests::described;
    use super::*;

    fn version(settings: &str, tag: Option<&str>, distance: usize) -> Result<String, String> {
        let table = Value::Table(settings.parse().unwrap());
        DunamaiSettings::read(Some(&table), "X").version(&described(tag, distance))
    }

    /// Expected values: dunamai 1.26.5.
    #[test]
    fn versions_are_those_of_dunamai() {
        for (settings, tag, distance, want) in [
            ("", Some("v1.2.3"), 0, "1.2.3"),
            ("", Some("v1.2.3"), 4, "1.2.3.post4.dev0+123456"),
            ("", Some("v1.2.3rc1"), 2, "1.2.3rc1.post2.dev0+123456"),
            ("", Some("v1.2.3-beta"), 0, "1.2.3b0"),
            ("", Some("v1.2.post3"), 2, "1.2.post3.dev2+123456"),
            ("", Some("v1.2.dev3"), 2, "1.2.dev5+123456"),
            ("", Some("v1!2.0"), 0, "1!2.0"),
            ("", None, 9, "0.0.0.post9.dev0+123456"),
            ("metadata = false", Some("v1.2"), 4, "1.2.post4.dev0"),
            ("metadata = true", Some("v1.2"), 0, "1.2+123456"),
            ("bump = true", Some("v1.2.3"), 4, "1.2.4.dev4+123456"),
            ("bump = true", Some("v1.2.3"), 0, "1.2.3"),
            ("bump = true", Some("v1.2rc"), 1, "1.2rc2.dev1+123456"),
            ("bump = { enable = true }", Some("v1.2rc3"), 1, "1.2rc4.dev1+123456"),
            ("pattern = 'default-unprefixed'", Some("1.2"), 0, "1.2"),
            ("pattern-prefix = 'shop-'", Some("shop-v1.2"), 0, "1.2"),
            ("pattern = '^r(?P<base>\\d+)$'", Some("r12"), 0, "12"),
            ("tagged-metadata = true", Some("v1.2+linux"), 1, "1.2.post1.dev0+linux.123456"),
            ("commit-length = 10\ncommit-prefix = 'g'", Some("v1"), 1, "1.post1.dev0+g0123456789"),
            ("style = 'pep440'\ndirty = true\nvcs = 'git'", Some("v1"), 0, "1"),
        ] {
            assert_eq!(version(settings, tag, distance).as_deref(), Ok(want), "{settings} {tag:?} {distance}");
        }
    }

    #[test]
    fn settings_that_only_the_tool_applies_are_told() {
        for settings in [
            "style = 'semver'",
            "format = '{base}'",
            "format-jinja = 'x'",
            "latest-tag = true",
            "tag-branch = 'main'",
            "pattern = 'x'",
            "from-file = { source = 'V' }",
            "bump = { enable = true, index = 0 }",
            "unknown = 1",
        ] {
            assert!(version(settings, Some("v1"), 0).unwrap_err().contains("only the build backend"), "{settings}");
        }
        assert!(version("", Some("v1.2foo3"), 0).unwrap_err().contains("no stage"));
        assert!(version("", Some("nothing"), 0).is_err());
        assert!(version("pattern = '(?i)(?P<base>1)'", Some("v1"), 0).unwrap_err().contains("cannot apply"));
    }
}
