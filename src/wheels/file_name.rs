//! Matches names of files with distributions.
//!
//! Source: PyPA, "Binary distribution format", "Source distribution format" (PEP 625). Older sdists
//! end in `.zip`, and their names are not normalised.

use pep440_rs::Version;

use crate::python::lock::Pinned;
use crate::python::normalised;
use crate::python::wheel::WheelName;

/// Returns whether a wheel is of the pinned distribution and version. A pin without a local version
/// accepts any, as `==` does.
pub fn is_of(wheel: &WheelName, pinned: &Pinned) -> bool {
    let version = pinned.version.as_ref();
    normalised(&wheel.distribution) == pinned.name && version.is_none_or(|pin| is_version(&wheel.version, pin))
}

fn is_version(version: &Version, pin: &Version) -> bool {
    version == pin || !pin.is_local() && version.clone().without_local() == *pin
}

/// Returns whether a name is a wheel's.
pub fn is_wheel(name: &str) -> bool {
    name.strip_suffix(".whl").is_some()
}

/// Returns an sdist's name without its extension; none for other names.
pub fn sdist(name: &str) -> Option<&str> {
    [".tar.gz", ".zip", ".tar.bz2", ".tgz", ".tar.xz"].into_iter().find_map(|end| name.strip_suffix(end))
}

/// Returns whether a file, wheel or sdist, is of the pinned distribution and version.
pub fn is_file_of(name: &str, pinned: &Pinned) -> bool {
    if let Some(wheel) = WheelName::parse(name) {
        return is_of(&wheel, pinned);
    }
    let Some((distribution, version)) = sdist(name).and_then(|stem| stem.rsplit_once('-')) else { return false };
    let version: Option<Version> = version.parse().ok();
    normalised(distribution) == pinned.name
        && version.is_some_and(|version| pinned.version.as_ref().is_none_or(|pin| is_version(&version, pin)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::lock::PackageOrigin;

    #[test]
    fn files_are_told_by_name_and_version() {
        let pinned = |name: &str, version: &str| {
            let origin = PackageOrigin::Git { url: String::new() };
            Pinned { name: name.to_owned(), version: Some(version.parse().unwrap()), origin }
        };
        for (file, name, version, is) in [
            ("typing_extensions-4.0.0-py3-none-any.whl", "typing-extensions", "4", true),
            ("Typing.Extensions-4.0.zip", "typing-extensions", "4", true),
            ("typing-extensions-4.0.tar.gz", "typing-extensions", "4", true),
            ("typing-extensions-4.0.tar.gz", "typing", "4", false),
            ("typing-extensions-4.0.tar.bz2", "typing-extensions", "4", true),
            ("typing-extensions-4.0.linux-x86_64.tar.gz", "typing-extensions", "4", false),
            ("torch-2.5.1+cpu-cp313-cp313-linux_x86_64.whl", "torch", "2.5.1", true),
            ("torch-2.5.1-cp313-cp313-linux_x86_64.whl", "torch", "2.5.1+cpu", false),
            ("torch-2.5.1+cu124-cp313-cp313-linux_x86_64.whl", "torch", "2.5.1+cpu", false),
            ("torch-2.5.1.exe", "torch", "2.5.1", false),
            ("torch.whl", "torch", "2.5.1", false),
        ] {
            assert_eq!(is_file_of(file, &pinned(name, version)), is, "{file}");
        }
    }
}
