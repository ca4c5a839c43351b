//! Wheel tags, and their compatibility with the Python of an image.
//!
//! Source: PEP 425 (tags), 427 (WHEEL, compressed sets), 600 (manylinux), 656 (musllinux), 703 and
//! 803 (free-threaded builds). Where these leave a choice, carboy follows `packaging.tags`, which
//! pip uses; `integration/abi.rs` compares the two.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::fmt;

use super::abi::Cpython;
use crate::oci::Architecture;

/// The largest number of tags in a compressed set. Real sets have a dozen.
const MANY: usize = 1000;

/// A tag in lower case: `cp311-cp311-manylinux_2_28_x86_64`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Tag {
    pub python: String,
    pub abi: String,
    pub platform: String,
}

/// The Python and the platform that wheels must be compatible with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    pub python: Cpython,
    /// The machine in the notation of wheels and the kernel: `x86_64`, `aarch64`.
    pub machine: &'static str,
    /// The glibc of the image. Any manylinux tag is compatible if it is unknown.
    pub glibc: Option<(u32, u32)>,
}

/// A reason for an incompatible tag. The order begins with the reason that is easiest to fix.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Misfit {
    /// The tag needs this glibc, and the image has an older one.
    Glibc(u32, u32),
    /// The tag is for another version, ABI or implementation of Python.
    Python,
    /// The tag is for Linux with glibc on another machine.
    Machine,
    /// The tag is for Linux with musl.
    Musl,
    /// The tag is for another operating system, or for an unknown platform.
    System,
}

/// The rank of a compatible tag. The least rank is the best, in the order of
/// `packaging.tags.sys_tags` (26.3). Only ranks of the same target can be compared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Rank {
    kind: Kind,
    /// The position among the ABIs of the build, or among earlier versions from the latest.
    step: u32,
    /// The position of the platform: `linux` first, then glibc versions from the newest, each
    /// before its older name.
    platform: (Reverse<u32>, Reverse<u32>, bool),
}

/// The kind of a wheel's target, from the closest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    /// The ABI of this build.
    Own,
    /// The stable ABI of this version.
    Stable,
    /// This version, without its ABI.
    Version,
    /// The stable ABI of an earlier version.
    EarlierStable,
    /// Any implementation, on this platform.
    Platform,
    /// This version of CPython, on any platform.
    VersionAnywhere,
    /// Any implementation on any platform.
    Anywhere,
}

impl Tag {
    /// Parses a tag. A set such as `py2.py3-none-any` becomes several tags. Returns `None` for text
    /// that is not a tag.
    #[must_use]
    pub fn parse(text: &str) -> Option<Vec<Self>> {
        let text = text.trim().to_ascii_lowercase();
        let parts: Vec<Vec<&str>> = text.split('-').map(|part| part.split('.').collect()).collect();
        let [pythons, abis, platforms] = parts.as_slice() else { return None };
        let word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let many = pythons.len().saturating_mul(abis.len()).saturating_mul(platforms.len()) > MANY;
        if many || !parts.iter().flatten().all(word) {
            return None;
        }
        let mut out = Vec::new();
        for python in pythons {
            for abi in abis {
                let tag = |platform: &&str| Self {
                    python: (*python).to_owned(),
                    abi: (*abi).to_owned(),
                    platform: (*platform).to_owned(),
                };
                out.extend(platforms.iter().map(tag));
            }
        }
        Some(out)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.python, self.abi, self.platform)
    }
}

impl fmt::Display for Target {
    /// Writes the target for messages: `Python 3.11, glibc 2.36, x86_64`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Python {}, ", self.python)?;
        if let Some((major, minor)) = self.glibc {
            write!(f, "glibc {major}.{minor}, ")?;
        }
        f.write_str(self.machine)
    }
}

impl Target {
    /// Returns whether an installer accepts a wheel with this tag.
    #[must_use]
    pub fn accepts(&self, tag: &Tag) -> bool {
        self.misfits(tag).is_empty()
    }

    /// Returns the reason why a wheel with these tags is incompatible: the reason of its closest
    /// tag. Returns `None` if a tag is compatible, or if there are no tags.
    #[must_use]
    pub fn refuses(&self, tags: &[Tag]) -> BTreeSet<Misfit> {
        let near = |misfits: &BTreeSet<Misfit>| (misfits.len(), misfits.clone());
        tags.iter().map(|tag| self.misfits(tag)).min_by_key(near).unwrap_or_default()
    }

    /// Returns the rank of a tag; `None` if an installer rejects it.
    #[must_use]
    pub fn rank(&self, tag: &Tag) -> Option<Rank> {
        if !self.accepts(tag) {
            return None;
        }
        let own = self.python.minor;
        let (digits, cp) = match tag.python.strip_prefix("cp") {
            Some(digits) => (digits, true),
            None => (tag.python.strip_prefix("py")?, false),
        };
        let (_, minor) = version(digits)?;
        let any = tag.platform == "any";
        // `py3` comes after `py313` and before `py312`.
        let back = minor.map_or(1, |minor| if minor == own { 0 } else { 1 + own.saturating_sub(minor) });
        let (kind, step) = match tag.abi.as_str() {
            "none" if cp => (if any { Kind::VersionAnywhere } else { Kind::Version }, 0),
            "none" => (if any { Kind::Anywhere } else { Kind::Platform }, back),
            "abi3" | "abi3t" if back == 0 => (Kind::Stable, 0),
            "abi3" | "abi3t" => (Kind::EarlierStable, back),
            abi => {
                let at = self.python.abis().iter().position(|own| abi.strip_prefix("cp") == Some(own))?;
                (Kind::Own, u32::try_from(at).ok()?)
            }
        };
        let level = tag.platform.strip_suffix(self.machine).and_then(|rest| rest.strip_suffix('_'));
        let (major, minor) = level.and_then(glibc_of).unwrap_or((u32::MAX, u32::MAX));
        let legacy = level.is_some_and(|level| level.starts_with("manylinux") && !level.starts_with("manylinux_"));
        Some(Rank { kind, step, platform: (Reverse(major), Reverse(minor), legacy) })
    }

    fn misfits(&self, tag: &Tag) -> BTreeSet<Misfit> {
        let python = if self.python_fits(tag) { None } else { Some(Misfit::Python) };
        python.into_iter().chain(self.platform(&tag.platform)).collect()
    }

    fn python_fits(&self, tag: &Tag) -> bool {
        let own = |name: &str| version(name).is_some_and(|(major, minor)| major == self.python.major && self.is(minor));
        // A Python also accepts tags of earlier minor versions with the same major version.
        let earlier = |name: &str, least: u32| {
            version(name).is_some_and(|(major, minor)| {
                major == self.python.major && minor.is_some_and(|minor| (least..=self.python.minor).contains(&minor))
            })
        };
        let cp = tag.python.strip_prefix("cp");
        match tag.abi.as_str() {
            "none" => {
                let py = tag.python.strip_prefix("py");
                cp.is_some_and(own) || py.is_some_and(|py| py == self.python.major.to_string() || earlier(py, 0))
            }
            _ if tag.platform == "any" => false,
            stable @ ("abi3" | "abi3t") => {
                let fits = self.python.since(3, 2) && self.python.free_threaded == (stable == "abi3t");
                fits && cp.is_some_and(|cp| earlier(cp, 2))
            }
            abi => cp.is_some_and(own) && self.python.abis().iter().any(|own| abi.strip_prefix("cp") == Some(own)),
        }
    }

    fn is(&self, minor: Option<u32>) -> bool {
        minor == Some(self.python.minor)
    }

    fn platform(&self, platform: &str) -> Option<Misfit> {
        if platform == "any" {
            return None;
        }
        if platform.starts_with("musllinux_") {
            return Some(Misfit::Musl);
        }
        let linux = platform.starts_with("linux_") || platform.starts_with("manylinux");
        let Some(level) = platform.strip_suffix(self.machine).and_then(|rest| rest.strip_suffix('_')) else {
            return Some(if linux { Misfit::Machine } else { Misfit::System });
        };
        if level == "linux" {
            return None;
        }
        let least = Architecture::of_wheel(self.machine)?.oldest_manylinux;
        let Some(wanted) = glibc_of(level).filter(|wanted| *wanted >= least) else { return Some(Misfit::System) };
        let old = self.glibc.is_some_and(|glibc| glibc < wanted);
        old.then_some(Misfit::Glibc(wanted.0, wanted.1))
    }
}

/// Parses the major and minor version of `311`, or the major version of `3`.
fn version(digits: &str) -> Option<(u32, Option<u32>)> {
    let (major, minor) = digits.split_at_checked(1)?;
    let minor = if minor.is_empty() { None } else { Some(number(minor)?) };
    Some((number(major)?, minor))
}

/// Returns the glibc version of `manylinux_2_28`, or of one of its older names.
fn glibc_of(level: &str) -> Option<(u32, u32)> {
    match level {
        "manylinux1" => Some((2, 5)),
        "manylinux2010" => Some((2, 12)),
        "manylinux2014" => Some((2, 17)),
        _ => {
            let (major, minor) = level.strip_prefix("manylinux_")?.split_once('_')?;
            Some((number(major)?, number(minor)?))
        }
    }
}

/// Parses a number without leading zeros.
fn number(text: &str) -> Option<u32> {
    let plain = text == "0" || text.starts_with(|c: char| ('1'..='9').contains(&c));
    text.parse().ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(minor: u32, flags: &str, machine: &'static str, glibc: Option<(u32, u32)>) -> Target {
        let python = Cpython { major: 3, minor, free_threaded: flags == "t", debug: flags == "d" };
        Target { python, machine, glibc }
    }

    fn accepts(target: &Target, text: &str) -> bool {
        Tag::parse(text).unwrap().iter().any(|tag| target.accepts(tag))
    }

    fn refusal(target: &Target, tags: &[&str]) -> Vec<Misfit> {
        let tags: Vec<_> = tags.iter().flat_map(|tag| Tag::parse(tag).unwrap()).collect();
        target.refuses(&tags).into_iter().collect()
    }

    #[test]
    fn wheels_of_this_python_libc_and_machine_fit() {
        let bookworm = target(11, "", "x86_64", Some((2, 36)));
        for tag in [
            "py3-none-any",
            "py2.py3-none-any",
            "py39-none-any",
            "cp311-none-any",
            "cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64",
            "cp311-cp311-linux_x86_64",
            "cp37-abi3-manylinux_2_34_x86_64",
            "py3-none-manylinux_2_36_x86_64",
            "CP311-cp311-manylinux1_x86_64",
        ] {
            assert!(accepts(&bookworm, tag), "{tag}");
        }
        for tag in [
            "py2-none-any",
            "py312-none-any",
            "cp310-none-any",
            "cp312-abi3-manylinux_2_17_x86_64",
            "cp311-cp311d-linux_x86_64",
            "cp311-cp311t-linux_x86_64",
            "cp311-abi3t-linux_x86_64",
            "pp311-pypy311_pp73-manylinux_2_17_x86_64",
            "cp311-cp311-any",
        ] {
            assert!(!accepts(&bookworm, tag), "{tag}");
        }
    }

    #[test]
    fn free_threaded_and_debug_builds_have_their_own() {
        let free = target(13, "t", "aarch64", Some((2, 41)));
        assert!(accepts(&free, "cp313-cp313t-manylinux_2_28_aarch64"));
        assert!(!accepts(&free, "cp313-cp313-manylinux_2_28_aarch64"));
        assert!(!accepts(&free, "cp38-abi3-manylinux_2_28_aarch64"));
        assert!(accepts(&free, "cp38-abi3.abi3t-manylinux_2_28_aarch64"));
        let debug = target(13, "d", "aarch64", None);
        assert!(accepts(&debug, "cp313-cp313d-linux_aarch64") && accepts(&debug, "cp313-cp313-linux_aarch64"));
    }

    #[test]
    fn the_closest_tag_gives_the_reason() {
        let bookworm = target(11, "", "x86_64", Some((2, 36)));
        for (tags, want) in [
            (&["cp311-cp311-manylinux_2_39_x86_64", "cp311-cp311-manylinux_2_38_x86_64"][..], Misfit::Glibc(2, 38)),
            (&["cp311-cp311-manylinux_2_28_aarch64"], Misfit::Machine),
            (&["cp311-cp311-manylinux_2_17_i686"], Misfit::Machine),
            (&["cp310-cp310-manylinux_2_28_x86_64"], Misfit::Python),
            (&["cp311-cp311-musllinux_1_2_x86_64"], Misfit::Musl),
            (&["cp311-cp311-macosx_11_0_arm64"], Misfit::System),
            (&["py3-none-win_amd64"], Misfit::System),
            (&["cp310-cp310-manylinux_2_28_aarch64", "cp310-cp310-linux_x86_64"], Misfit::Python),
        ] {
            assert_eq!(refusal(&bookworm, tags), [want], "{tags:?}");
        }
        assert_eq!(refusal(&bookworm, &["cp310-cp310-manylinux_2_28_aarch64"]), [Misfit::Python, Misfit::Machine]);
        assert_eq!(refusal(&bookworm, &["cp39-cp39-linux_x86_64", "py3-none-any"]), []);
        assert_eq!(refusal(&bookworm, &[]), []);
        let unknown = target(11, "", "x86_64", None);
        assert_eq!(refusal(&unknown, &["cp311-cp311-manylinux_2_99_x86_64"]), []);
    }

    #[test]
    fn invalid_tags_are_none() {
        let long = format!("{0}-{0}-{0}", vec!["a"; 20].join("."));
        for bad in ["", "py3", "py3-none", "py3-none-any-x", "py3--any", "py3.-none-any", "py3-none-\x1b[31m", &long] {
            assert_eq!(Tag::parse(bad), None, "{bad:?}");
        }
    }
}
