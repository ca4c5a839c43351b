//! The file name of a wheel.

use std::cmp::Reverse;

use pep440_rs::Version;

use crate::python::tags::{Tag, Target};

/// A parsed file name: `numpy-2.3.1-1-cp313-cp313-manylinux_2_28_x86_64.whl`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WheelName {
    /// The distribution as written: `typing_extensions`.
    pub distribution: String,
    pub version: Version,
    /// The number of the build and its suffix. The larger of two is newer.
    pub build: Option<(u64, String)>,
    /// The tags, with expanded sets.
    pub tags: Vec<Tag>,
}

impl WheelName {
    /// Parses a file name; `None` for a name that is not a wheel's.
    #[must_use]
    pub fn parse(file: &str) -> Option<Self> {
        let stem = file.strip_suffix(".whl")?;
        let parts: Vec<_> = stem.split('-').collect();
        let (distribution, version, build, tags) = match parts.as_slice() {
            [distribution, version, python, abi, platform] => (distribution, version, None, [python, abi, platform]),
            [distribution, version, build, python, abi, platform] => {
                (distribution, version, Some(build), [python, abi, platform])
            }
            _ => return None,
        };
        let letter = |b: u8| b.is_ascii_alphanumeric() || b"._".contains(&b);
        if distribution.is_empty() || !distribution.bytes().all(letter) {
            return None;
        }
        let build = build.map(|build| {
            if !build.bytes().all(letter) {
                return None;
            }
            let end = build.find(|c: char| !c.is_ascii_digit()).unwrap_or(build.len());
            Some((build[..end].parse().ok()?, build[end..].to_owned()))
        });
        Some(Self {
            distribution: (*distribution).to_owned(),
            version: version.replace('_', "-").parse().ok()?,
            build: match build {
                Some(build) => Some(build?),
                None => None,
            },
            tags: Tag::parse(&tags.map(|tag| *tag).join("-"))?,
        })
    }
}

/// Returns the wheel that an installer selects: among those of the latest version the one with the
/// best ranked tag, then the latest build, then the first.
pub fn best<T>(wheels: impl IntoIterator<Item = (WheelName, T)>, target: &Target) -> Option<T> {
    let ranked = wheels.into_iter().filter_map(|(name, item)| {
        let rank = name.tags.iter().filter_map(|tag| target.rank(tag)).min()?;
        Some(((Reverse(name.version), rank, Reverse(name.build)), item))
    });
    ranked.min_by(|(one, _), (other, _)| one.cmp(other)).map(|(_, item)| item)
}

/// Returns whether a text is a notation of a version.
pub(super) fn is_version(text: &str, want: &Version) -> bool {
    text.parse::<Version>().is_ok_and(|version| version == *want)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::Cpython;

    #[test]
    fn the_closest_wheel_and_its_latest_build_win() {
        let python = Cpython { major: 3, minor: 13, free_threaded: false, debug: false };
        let target = Target { python, machine: "x86_64", glibc: Some((2, 36)) };
        let named = |name: String| WheelName::parse(&name).unwrap();
        let later = [
            (named("a-1-cp313-cp313-linux_x86_64.whl".to_owned()), 0),
            (named("a-1.1-py3-none-any.whl".to_owned()), 1),
        ];
        assert_eq!(best(later, &target), Some(1));
        let best = |tags: &[&str]| {
            let wheels = tags.iter().map(|tag| named(format!("a-1-{tag}.whl")));
            best(wheels.zip(0..), &target)
        };
        for (tags, want) in [
            (&["py3-none-any", "cp38-abi3-manylinux2014_x86_64", "cp313-cp313-manylinux_2_17_x86_64"][..], Some(2)),
            (&["py3-none-any", "cp38-abi3-manylinux2014_x86_64", "cp311-abi3-manylinux2014_x86_64"], Some(2)),
            (&["cp313-cp313-manylinux2014_x86_64", "cp313-cp313-manylinux_2_28_x86_64"], Some(1)),
            (&["cp313-cp313-manylinux_2_39_x86_64", "cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64"], Some(1)),
            (&["py3-none-any", "py3-none-manylinux_2_17_x86_64"], Some(1)),
            (&["1-py3-none-any", "10b-py3-none-any", "2-py3-none-any", "py3-none-any"], Some(1)),
            (&["py2.py3-none-any", "py3-none-any"], Some(0)),
            (&["cp313-cp313-musllinux_1_2_x86_64", "cp312-cp312-manylinux_2_17_x86_64"], None),
            (&[], None),
        ] {
            assert_eq!(best(tags), want, "{tags:?}");
        }
    }

    #[test]
    fn names_are_taken_apart() {
        let name = WheelName::parse("typing_extensions-4.15.0-2b-py3-none-any.whl").unwrap();
        assert_eq!(name.distribution, "typing_extensions");
        assert_eq!((name.version.to_string(), name.build), ("4.15.0".to_owned(), Some((2, "b".to_owned()))));
        assert_eq!(name.tags, Tag::parse("py3-none-any").unwrap());
        let sets = WheelName::parse("six-1.16.0-py2.py3-none-any.whl").unwrap();
        assert_eq!((sets.tags.len(), sets.build), (2, None));
        let local = WheelName::parse("torch-2.5.1+cpu-cp313-cp313-linux_x86_64.whl").unwrap();
        assert_eq!(local.version.to_string(), "2.5.1+cpu");
    }

    #[test]
    fn other_file_names_are_none() {
        for bad in [
            "",
            "six-1.16.0.tar.gz",
            "six-1.16.0-py3-none-any.zip",
            "six-py3-none-any.whl",
            "six-x-py3-none-any.whl",
            "../six-1-py3-none-any.whl",
            "-1-py3-none-any.whl",
            "six-1-b2-py3-none-any.whl",
            "six-1-2/../x-py3-none-any.whl",
            "a-1-2-3-py3-none-any.whl",
        ] {
            assert_eq!(WheelName::parse(bad), None, "{bad}");
        }
    }
}
