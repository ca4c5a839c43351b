//! The version that a described commit has.
//!
//! Source: setuptools-scm 10 (`vcs_versioning/_version_schemes`, `_scm_version.py`) and pdm-backend
//! 2.5 (`hooks/version/scm.py`). Changes that are not committed do not count, so that the same
//! commit has the same version on every machine, and there is no date in it.

use pep440_rs::Version;

use super::pattern::Pattern;
use super::scm_settings::{ScmSettings, ScmTool};

/// The number of characters of a commit in a version, with the `g` before it.
const NODE: usize = 10;

/// The number of characters of an abbreviated commit: git's least, which it exceeds in large
/// repositories. The same commit has the same version in every clone.
pub(super) const ABBREVIATED: usize = 7;

/// A commit, described by the nearest tag, as `git describe --long` does it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Described {
    /// The nearest tag; `None` if no tag matches.
    pub tag: Option<String>,
    /// The number of commits since the tag, or of all commits.
    pub distance: usize,
    /// The hash of the commit.
    pub commit: String,
    /// The branch; `HEAD` if no branch is checked out.
    pub branch: String,
    /// The date of the commit in UTC: year, month, day.
    pub date: (i16, i8, i8),
    /// Whether the repository has only a part of its history.
    pub shallow: bool,
}

impl ScmSettings {
    /// Returns the version of a described commit.
    ///
    /// # Errors
    /// Returns the reason why there is none: a tag without a version in it, or a setting that only
    /// the tool can apply.
    pub(super) fn version(&self, described: &Described) -> Result<String, String> {
        if let Some(setting) = &self.unsupported {
            return Err(format!("only the build backend can apply `{setting}`"));
        }
        let tag = if let Some(tag) = &described.tag {
            self.tagged(tag)?
        } else {
            let first = if self.tool == ScmTool::Pdm { None } else { self.fallback.as_deref() };
            first.unwrap_or("0.0").parse().map_err(|_| "`fallback_version` is not a version".to_owned())?
        };
        let text = match self.tool {
            ScmTool::SetuptoolsScm => {
                let public = self.public(&tag.clone().without_local(), described)?;
                with_local(&public, &tag, &self.local(described)?)
            }
            ScmTool::Pdm => match described.distance {
                0 => tag.to_string(),
                distance => {
                    let guessed = bumped(&tag.clone().without_local())?;
                    let commit = &described.commit[..ABBREVIATED.min(described.commit.len())];
                    format!("{guessed}.dev{distance}+g{commit}")
                }
            },
        };
        let version: Result<Version, _> = text.parse();
        version.map(|version| version.to_string()).map_err(|_| format!("`{text}` is not a version"))
    }

    /// Returns the version in a tag.
    fn tagged(&self, tag: &str) -> Result<Version, String> {
        let bare = tag.strip_prefix(self.tag_prefix.as_str()).unwrap_or(tag);
        let (version, suffix) = Pattern::new(&self.tag_regex)?
            .at_start(bare)
            .ok_or_else(|| format!("the tag `{tag}` has no version, as `tag_regex` describes it"))?;
        let with_suffix: Result<Version, _> = format!("{version}{suffix}").parse();
        let without = || version.parse().map_err(|_| format!("`{version}` of the tag `{tag}` is not a version"));
        with_suffix.or_else(|_| without())
    }

    /// Returns the public part of the version.
    fn public(&self, tag: &Version, described: &Described) -> Result<String, String> {
        let exact = described.distance == 0;
        let next = |guessed: String| Ok(format!("{guessed}.dev{}", described.distance));
        match self.version_scheme.as_str() {
            "only-version" => Ok(tag.to_string()),
            "calver-by-date" => calendar(tag, described, exact),
            _ if exact => Ok(tag.to_string()),
            "guess-next-dev" => next(bumped(tag)?),
            "semver-pep440" | "simplified-semver" | "python-simplified-semver" => {
                let retain = if described.branch.contains("feature") { 2 } else { 3 };
                next(next_semver(tag, retain))
            }
            "semver-pep440-release-branch" | "release-branch-semver" => {
                let name = described.branch.rsplit('/').next().unwrap_or_default();
                let branch = Pattern::new(&self.tag_regex)?.at_start(name).map(|(version, _)| version);
                let (branch, text) = (branch.unwrap_or_default(), tag.to_string());
                let minor = |text: &str| text.split('.').take(2).map(str::to_owned).collect::<Vec<_>>();
                let is_released = minor(branch.trim_start_matches('v')) == minor(&text);
                next(if is_released { bumped(tag)? } else { next_semver(tag, 2) })
            }
            "post-release" => Ok(format!("{tag}.post{}", described.distance)),
            "no-guess-dev" => next(match undeveloped(tag)? {
                Some(released) => released,
                None if tag.is_post() => return Err(format!("the tag `{tag}` is a post release already")),
                None => format!("{tag}.post1"),
            }),
            other => Err(format!("`version_scheme` is `{other}`, which only the build backend knows")),
        }
    }

    /// Returns the local part of the version.
    fn local(&self, described: &Described) -> Result<String, String> {
        for scheme in &self.local_schemes {
            match scheme.as_str() {
                "node-and-date" | "node-and-timestamp" if described.distance > 0 => {
                    let node = format!("g{}", described.commit);
                    return Ok(node[..NODE.min(node.len())].to_owned());
                }
                "node-and-date"
                | "node-and-timestamp"
                | "dirty-tag"
                | "no-local-version"
                | "no-local-version-strict" => return Ok(String::new()),
                "fail-on-uncommitted-changes" => {}
                other => return Err(format!("`local_scheme` is `{other}`, which only the build backend knows")),
            }
        }
        Ok(String::new())
    }
}

/// Joins the public version, the local part of a tag, and the local part of the scheme. Repeated
/// segments are left out.
fn with_local(public: &str, tag: &Version, local: &str) -> String {
    let of_tag = tag.local().iter().map(ToString::to_string);
    let mut segments: Vec<String> = Vec::new();
    for segment in of_tag.chain([local.to_owned()]).filter(|segment| !segment.is_empty()) {
        if !segments.contains(&segment) {
            segments.push(segment);
        }
    }
    if segments.is_empty() { public.to_owned() } else { format!("{public}+{}", segments.join(".")) }
}

/// Returns the version after a tag: without `.dev0`, or with its last number raised.
fn bumped(tag: &Version) -> Result<String, String> {
    if let Some(released) = undeveloped(tag)? {
        return Ok(released);
    }
    let text = tag.to_string();
    let digits = text.len() - text.bytes().rev().take_while(u8::is_ascii_digit).count();
    let number: Option<u64> = text[digits..].parse().ok();
    let next = number.and_then(|number| number.checked_add(1));
    next.map(|next| format!("{}{next}", &text[..digits])).ok_or_else(|| format!("the tag `{tag}` ends with no number"))
}

/// Returns a version without its `.dev0`; `None` for one that is no development release.
fn undeveloped(tag: &Version) -> Result<Option<String>, String> {
    match tag.dev() {
        None => Ok(None),
        Some(0) => Ok(Some(tag.clone().with_dev(None).to_string())),
        Some(_) => Err(format!("the tag `{tag}` is a development release that does not end in .dev0")),
    }
}

/// Returns the next version with at least three numbers, of which `retain` are kept and the last of
/// these is raised.
fn next_semver(tag: &Version, retain: usize) -> String {
    let mut release = tag.release().to_vec();
    if tag.dev() != Some(0) {
        release.resize(retain, 0);
        if let Some(last) = release.last_mut() {
            *last = last.saturating_add(1);
        }
    }
    release.resize(release.len().max(3), 0);
    let epoch = if tag.epoch() == 0 { String::new() } else { format!("{}!", tag.epoch()) };
    let release: Vec<_> = release.iter().map(u64::to_string).collect();
    format!("{epoch}{}", release.join("."))
}

/// Returns the version by the date of the commit: `26.11.3.0`, and a number more for a tag of
/// the same day.
fn calendar(tag: &Version, described: &Described, exact: bool) -> Result<String, String> {
    if exact {
        return Ok(tag.to_string());
    }
    if let Some(release) = described.branch.strip_prefix("release-") {
        let version = release.rsplit('-').next().unwrap_or_default();
        if matches!(version.split('.').count(), 3 | 4) && version.parse::<Version>().is_ok() {
            return Ok(version.to_owned());
        }
    }
    let (year, month, day) = described.date;
    let numbers = tag.release();
    let is_date = matches!(numbers.len(), 3 | 4);
    let year = u64::try_from(year).map_err(|_| "the date of the commit is before year 0".to_owned())?;
    let year = if is_date && numbers[0] > 999 { year } else { year % 100 };
    let today = [year, u64::from(month.unsigned_abs()), u64::from(day.unsigned_abs())];
    let patch =
        if is_date && numbers[..3] == today { numbers.get(3).map_or(1, |patch| patch.saturating_add(1)) } else { 0 };
    Ok(format!("{}.{}.{}.{patch}.dev{}", today[0], today[1], today[2], described.distance))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn described(tag: Option<&str>, distance: usize) -> Described {
        Described {
            tag: tag.map(str::to_owned),
            distance,
            commit: "0123456789abcdef0123456789abcdef01234567".to_owned(),
            branch: "main".to_owned(),
            date: (2026, 11, 3),
            shallow: false,
        }
    }

    fn version(settings: &str, described: &Described) -> Result<String, String> {
        ScmSettings::setuptools_scm(Some(&toml::Value::Table(settings.parse().unwrap()))).version(described)
    }

    #[test]
    fn versions_follow_the_tag_and_the_distance() {
        for (tag, distance, want) in [
            (Some("v1.2.3"), 0, "1.2.3"),
            (Some("v1.2.3"), 4, "1.2.4.dev4+g012345678"),
            (Some("shop-1.2"), 1, "1.3.dev1+g012345678"),
            (Some("1.2rc1"), 1, "1.2rc2.dev1+g012345678"),
            (Some("v1.2.dev0"), 7, "1.2.dev7+g012345678"),
            (Some("1.2+build.5"), 0, "1.2+build.5"),
            (Some("1.2+build.5"), 2, "1.3.dev2+build.5.g012345678"),
            (None, 9, "0.1.dev9+g012345678"),
        ] {
            assert_eq!(version("", &described(tag, distance)).as_deref(), Ok(want), "{tag:?} {distance}");
        }
        assert!(version("", &described(Some("nightly-x1y"), 1)).unwrap_err().contains("has no version"));
        assert!(version("", &described(Some("v1.2.dev3"), 1)).unwrap_err().contains("does not end in .dev0"));
        assert_eq!(version("fallback_version = '3.0'", &described(None, 2)).as_deref(), Ok("3.1.dev2+g012345678"));
    }

    #[test]
    fn schemes_of_the_known_names_are_applied() {
        for (settings, tag, distance, want) in [
            ("local_scheme = 'no-local-version'", "v1.2.3", 2, "1.2.4.dev2"),
            ("local_scheme = ['fail-on-uncommitted-changes', 'dirty-tag']", "v1.2.3", 2, "1.2.4.dev2"),
            ("version_scheme = 'post-release'", "v1.2.3", 2, "1.2.3.post2+g012345678"),
            ("version_scheme = 'no-guess-dev'", "v1.2.3", 2, "1.2.3.post1.dev2+g012345678"),
            ("version_scheme = 'only-version'", "v1.2.3", 2, "1.2.3+g012345678"),
            ("version_scheme = 'semver-pep440'", "v1.2", 2, "1.2.1.dev2+g012345678"),
            ("version_scheme = 'release-branch-semver'", "v1.2.3", 2, "1.3.0.dev2+g012345678"),
            ("version_scheme = 'calver-by-date'", "v26.11.3", 2, "26.11.3.1.dev2+g012345678"),
            ("version_scheme = 'calver-by-date'", "v2026.10.3.1", 2, "2026.11.3.0.dev2+g012345678"),
            ("tag_regex = '^release/(?P<version>[0-9.]+)$'", "release/7.1", 0, "7.1"),
            ("[tag]\nprefix = 'shop/v'", "shop/v7.1", 0, "7.1"),
        ] {
            assert_eq!(version(settings, &described(Some(tag), distance)).as_deref(), Ok(want), "{settings}");
        }
        for settings in ["version_scheme = 'own:scheme'", "local_scheme = 'x'", "parse = 'a:b'", "normalize = false"] {
            assert!(version(settings, &described(Some("v1"), 1)).is_err(), "{settings}");
        }
    }

    #[test]
    fn the_options_of_git_describe_are_read() {
        let read = |text: &str| ScmSettings::setuptools_scm(Some(&toml::Value::Table(text.parse().unwrap())));
        let settings =
            read("git_describe_command = 'git describe --dirty --tags --long --match \"v*\" --first-parent'");
        assert_eq!((settings.query.matching.as_slice(), settings.query.first_parent), (&["v*".to_owned()][..], true));
        let list = read("[scm.git]\ndescribe_command = ['git', 'describe', '--match=a*', '--exclude', '*rc*']");
        assert_eq!((list.query.excluded.as_slice(), list.query.lightweight), (&["*rc*".to_owned()][..], false));
        let odd = read("git_describe_command = 'sh -c evil'");
        assert_eq!(odd.unsupported.as_deref(), Some("git_describe_command = \"sh -c evil\""));
    }

    #[test]
    fn pdm_has_its_own_format() {
        let settings = ScmSettings::pdm(&toml::Value::Table(toml::Table::new()));
        assert_eq!(settings.version(&described(Some("v1.2"), 0)).as_deref(), Ok("1.2"));
        assert_eq!(settings.version(&described(Some("v1.2"), 3)).as_deref(), Ok("1.3.dev3+g0123456"));
    }
}
