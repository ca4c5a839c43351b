//! Explains that no wheel of a distribution is available: the files that exist, and a way to
//! continue.

use std::collections::BTreeSet;

use url::Url;

use super::file_name::{is_wheel, sdist};
use super::login::shown;
use super::sources::NoNetwork;
use crate::debian::releases::release_with;
use crate::diagnostic::{Code, OtherPythons, some_of};
use crate::http::failure::one_line;
use crate::oci::Architecture;
use crate::oci::architecture::ARCHITECTURES;
use crate::python::Cpython;
use crate::python::lock::Pinned;
use crate::python::tags::{Misfit, Tag, Target};
use crate::python::wheel::WheelName;
use crate::wheels::WheelError;

/// The most names of one kind in a message.
const NAMED: usize = 3;

/// A distribution and the target that needs its wheel.
#[derive(Clone, Copy)]
pub struct WheelQuery<'a> {
    pub pinned: &'a Pinned,
    pub target: &'a Target,
}

impl WheelQuery<'_> {
    /// Returns the error for files without a fitting wheel. `elsewhere` is a fitting wheel of an
    /// index that the lock file does not have. A wheel can be built if there is an sdist.
    pub fn unfit<'n>(&self, names: impl IntoIterator<Item = &'n str>, elsewhere: Option<&str>) -> WheelError {
        let (wheels, others): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| is_wheel(name));
        let wheels: Vec<_> = wheels.into_iter().filter_map(WheelName::parse).collect();
        let sdist = others.into_iter().find(|name| sdist(name).is_some());
        let nearest = self.nearest(&wheels);
        let what = match (sdist, nearest.as_ref().map(Nearest::describe)) {
            (Some(sdist), Some(wheels)) => format!("there is an sdist {sdist} and wheels {wheels} only"),
            (Some(sdist), None) => format!("there is an sdist {sdist} only"),
            (None, Some(wheels)) => format!("there are wheels {wheels} only"),
            (None, None) => "there is neither wheel nor sdist".to_owned(),
        };
        let hint = elsewhere.map(|name| {
            format!(
                "the index has {}: have it locked too, in uv with [tool.uv] required-environments = [\"sys_platform == 'linux' and platform_machine == '{}'\"]",
                one_line(name),
                self.target.machine
            )
        });
        let hint = hint.or_else(|| self.without(nearest.as_ref()?));
        let error = match (elsewhere, sdist) {
            (None, Some(_)) => {
                let hint = hint.or_else(|| nearest.as_ref()?.platform_hint());
                WheelError { hint, ..self.built(what, None) }
            }
            (None, None) => WheelError { hint: Some(self.way_out(nearest.as_ref())), ..absent(what) },
            (Some(_), _) => return WheelError { hint, ..absent(what) },
        };
        WheelError { other_pythons: nearest.and_then(|nearest| self.other_pythons(&nearest, &wheels)), ..error }
    }

    /// Returns the versions of Python that the wheels are for, if the version is a reason for
    /// which the nearest do not fit. Wheels for other systems have another reason.
    fn other_pythons(&self, nearest: &Nearest<'_>, wheels: &[WheelName]) -> Option<OtherPythons> {
        let is_of_linux = |misfit: &Misfit| matches!(misfit, Misfit::Python | Misfit::Machine | Misfit::Glibc(..));
        if !nearest.misfits.contains(&Misfit::Python) || !nearest.misfits.iter().all(is_of_linux) {
            return None;
        }
        let tags = || wheels.iter().flat_map(|wheel| &wheel.tags);
        let named: BTreeSet<_> = tags().filter_map(minor).collect();
        let fits = |minor: &u32| {
            let python = Cpython { major: 3, minor: *minor, free_threaded: false, debug: false };
            let target = Target { python, ..self.target.clone() };
            tags().any(|tag| target.accepts(tag))
        };
        let minors = named.into_iter().filter(fits).collect();
        Some(OtherPythons { minors, is_only_reason: nearest.misfits.len() == 1 })
    }

    /// Returns a hint to leave the distribution out, if its wheels are for other systems only.
    fn without(&self, nearest: &Nearest<'_>) -> Option<String> {
        let marker = system_marker(&nearest.tags).filter(|_| nearest.misfits.contains(&Misfit::System))?;
        let (name, pin) = (&self.pinned.name, self.pinned.requirement());
        Some(format!("leave `{name}` out on Linux with a marker (`{pin} ; {marker}`)"))
    }

    /// Returns the hint for files with neither a fitting wheel nor an sdist.
    fn way_out(&self, nearest: Option<&Nearest<'_>>) -> String {
        let target = Target { glibc: None, ..self.target.clone() };
        let other = format!("lock a version of `{}` that has a wheel for {target}", self.pinned.name);
        let first = nearest.and_then(|nearest| self.without(nearest).or_else(|| self.instead(nearest)));
        first.map_or_else(|| other.clone(), |first| format!("{first}, or {other}"))
    }

    /// Returns a hint to change the target to one that the wheels support.
    fn instead(&self, Nearest { misfits, tags }: &Nearest<'_>) -> Option<String> {
        let misfits: Vec<_> = misfits.iter().collect();
        Some(match misfits.as_slice() {
            [Misfit::Machine] => {
                let machine = tags.iter().find_map(|tag| machine_of(&tag.platform))?;
                let (pin, platform) = (self.pinned.requirement(), platform(machine));
                format!(
                    "build with --platform {platform} alone, leave it out elsewhere with a marker \
                     (`{pin} ; platform_machine == '{machine}'`)"
                )
            }
            [Misfit::Glibc(major, minor)] => {
                let (debian, (major, minor)) = release_with((*major, *minor))?;
                format!("use a base of Debian {debian} or later, with glibc {major}.{minor}")
            }
            _ => return None,
        })
    }

    /// Returns the error for a distribution from a repository.
    pub fn git(&self, url: &str) -> WheelError {
        let bare = url.strip_prefix("git+").unwrap_or(url);
        let (place, command) = match Url::parse(bare) {
            Ok(url) => {
                let place = shown(&url);
                let plain = |text: &&str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._/-".contains(&b));
                let revision = url.fragment().filter(plain).map(|revision| format!("@{revision}"));
                let command = format!("git+{place}{}", revision.unwrap_or_default());
                (place, Some(command))
            }
            Err(_) => ("a repository".to_owned(), None),
        };
        let what = format!("it comes from {place} by git, and no wheelhouse has one that fits");
        self.built(what, command)
    }

    /// Returns the error for a local project.
    pub fn folder(&self, path: &str) -> WheelError {
        let what = format!("it is the project in `{}`, and no wheelhouse has one that fits", one_line(path));
        self.built(what, Some(format!("./{}", one_line(path))))
    }

    /// Returns the error for an archive from which a wheel must be built.
    pub fn archive(&self, name: &str, place: &str) -> WheelError {
        let name = one_line(name);
        if is_wheel(&name) {
            let wheels: Vec<_> = WheelName::parse(&name).into_iter().collect();
            let hint = self.way_out(self.nearest(&wheels).as_ref());
            return WheelError { hint: Some(hint), ..absent(format!("{name} does not fit")) };
        }
        let what = format!("{name} must be built, and no wheelhouse has one that fits");
        // `pip wheel` would take such a path for an option.
        let option = if place.starts_with('-') { "./" } else { "" };
        self.built(what, Some(format!("{option}{}", one_line(place))))
    }

    /// Returns the error for a distribution that must be fetched without network, which would ask
    /// `hosts`. `local` are the wheels of the directories.
    pub(super) fn offline(&self, setting: NoNetwork, hosts: &[String], local: &[WheelName]) -> WheelError {
        let nearest = self.nearest(local);
        let has =
            nearest.map_or_else(String::new, |nearest| format!(" (there are wheels {} only)", nearest.describe()));
        let places = if setting == NoNetwork::Offline { "neither the cache nor a wheelhouse" } else { "no wheelhouse" };
        let asked = if hosts.is_empty() { "no index".to_owned() } else { some_of(hosts, NAMED) };
        let verb = if hosts.len() > 1 {
            "are not asked"
        } else if hosts.is_empty() {
            "is asked"
        } else {
            "is not asked"
        };
        let what = format!("{places} has one that fits{has}, and {asked} {verb}: {}", setting.reason());
        WheelError { hint: Some(setting.hint().to_owned()), ..self.built(what, None) }
    }

    /// Returns the error for a distribution of which the user can build a wheel.
    fn built(self, message: String, what: Option<String>) -> WheelError {
        WheelError { build: Some(what.unwrap_or_else(|| self.pinned.requirement())), ..absent(message) }
    }

    /// Returns the nearest wheels, if there are any.
    fn nearest<'w>(&self, wheels: &'w [WheelName]) -> Option<Nearest<'w>> {
        let misfits = |wheel: &WheelName| self.target.refuses(&wheel.tags);
        let least = wheels.iter().map(misfits).min_by_key(|misfits| (misfits.len(), misfits.clone()))?;
        let kinds = |misfits: &BTreeSet<Misfit>| misfits.iter().map(std::mem::discriminant).collect::<Vec<_>>();
        let near = wheels.iter().filter(|wheel| kinds(&misfits(wheel)) == kinds(&least));
        let tags = near.flat_map(|wheel| &wheel.tags).collect();
        Some(Nearest { misfits: least, tags })
    }
}

/// The wheels that come nearest to fitting.
struct Nearest<'w> {
    /// Returns the reason for which the wheels do not fit. Empty if the index does not offer them
    /// to this Python.
    misfits: BTreeSet<Misfit>,
    tags: Vec<&'w Tag>,
}

impl Nearest<'_> {
    /// Returns a hint to build for a platform of the wheels, if only their machine does not fit.
    fn platform_hint(&self) -> Option<String> {
        if self.misfits.len() != 1 || !self.misfits.contains(&Misfit::Machine) {
            return None;
        }
        let platform = platform(self.tags.iter().find_map(|tag| machine_of(&tag.platform))?);
        Some(format!("for {platform} alone: platforms = [\"{platform}\"], or --platform {platform}"))
    }

    /// Returns the targets of the wheels: `for linux/amd64`.
    fn describe(&self) -> String {
        let words: Vec<_> = self.misfits.iter().map(|misfit| described(*misfit, &self.tags)).collect();
        if words.is_empty() {
            "for other releases of Python".to_owned()
        } else {
            format!("for {}", words.join(" and "))
        }
    }
}

/// Returns the minor version of Python 3 in a tag: 12 for `cp312` and `py312`.
fn minor(tag: &Tag) -> Option<u32> {
    let digits = tag.python.strip_prefix("cp3").or_else(|| tag.python.strip_prefix("py3"))?;
    digits.parse().ok().filter(|minor| *minor < 1000)
}

/// Returns the marker that holds on the systems of wheels with these tags.
fn system_marker(tags: &[&Tag]) -> Option<&'static str> {
    let systems: BTreeSet<_> = tags.iter().map(|tag| system(&tag.platform)).collect();
    match systems.into_iter().collect::<Vec<_>>().as_slice() {
        ["Windows"] => Some("sys_platform == 'win32'"),
        ["macOS"] => Some("sys_platform == 'darwin'"),
        ["Windows", "macOS"] => Some("sys_platform != 'linux'"),
        _ => None,
    }
}

/// Returns the error for a distribution that no source has.
pub fn absent(message: String) -> WheelError {
    WheelError { code: Code::NotFound, message, build: None, hint: None, other_pythons: None }
}

/// Returns the targets of wheels that one reason excludes.
fn described(misfit: Misfit, tags: &[&Tag]) -> String {
    let some = |names: BTreeSet<String>| {
        // Shorter ones first: 3.9 comes before 3.13.
        let names: BTreeSet<_> = names.into_iter().map(|name| (name.len(), name)).collect();
        // If only one would be omitted, it is named.
        let more = names.len().saturating_sub(NAMED);
        let more = if more == 1 { 0 } else { more };
        let shown = names.len() - more;
        let mut names: Vec<_> = names.into_iter().rev().take(shown).map(|(_, name)| name).collect();
        if more > 0 {
            names.push(format!("{more} others"));
        }
        names.join(", ")
    };
    match misfit {
        Misfit::Glibc(major, minor) => format!("glibc {major}.{minor} and later"),
        Misfit::Python => format!("Python {}", some(tags.iter().map(|tag| python(tag)).collect())),
        Misfit::Machine => some(tags.iter().filter_map(|tag| machine(&tag.platform)).collect()),
        Misfit::Musl => "musl".to_owned(),
        Misfit::System => some(tags.iter().map(|tag| system(&tag.platform).to_owned()).collect()),
    }
}

/// `3.13`, `3.13t`, `pp310`.
fn python(tag: &Tag) -> String {
    let digits = tag.python.strip_prefix("cp").or_else(|| tag.python.strip_prefix("py"));
    let free = if tag.abi.ends_with('t') && tag.abi != "abi3t" { "t" } else { "" };
    match digits.and_then(|digits| digits.split_at_checked(1)) {
        Some((major, "")) => major.to_owned(),
        Some((major, minor)) => format!("{major}.{minor}{free}"),
        None => tag.python.clone(),
    }
}

fn machine(tag: &str) -> Option<String> {
    machine_of(tag).map(platform)
}

/// Returns the machine of a tag for Linux with glibc.
fn machine_of(tag: &str) -> Option<&'static str> {
    if tag.starts_with("musllinux") || !tag.contains("linux") {
        return None;
    }
    ARCHITECTURES.iter().map(|architecture| architecture.wheel).find(|machine| tag.ends_with(machine))
}

fn system(tag: &str) -> &'static str {
    match tag {
        _ if tag.starts_with("macosx") => "macOS",
        _ if tag.starts_with("win") => "Windows",
        _ => "other systems",
    }
}

/// Returns `linux/arm64` for `aarch64`.
fn platform(machine: &str) -> String {
    Architecture::of_wheel(machine).map_or_else(|| machine.to_owned(), |found| found.platform().to_string())
}
