//! What is said of a distribution that cannot be had: what there is instead, and how
//! to go on.

use std::collections::BTreeSet;

use url::Url;

use super::credentials::shown;
use super::names::{is_wheel, sdist};
use crate::http::failure::one_line;
use crate::oci::Platform;
use crate::ports::{NoWheel, PortErrorKind};
use crate::python::lock::Pinned;
use crate::python::tags::{Misfit, Tag, Target};
use crate::python::wheel::WheelName;

/// How many of a kind are named.
const NAMED: usize = 3;

/// What is wanted, and for what.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    pub pinned: &'a Pinned,
    pub target: &'a Target,
}

impl Wanted<'_> {
    /// There are files, and no wheel among them fits. `elsewhere` is a wheel of an
    /// index that does fit and that the lock file does not have.
    pub fn unfit<'n>(&self, names: impl IntoIterator<Item = &'n str>, elsewhere: Option<&str>) -> NoWheel {
        let (wheels, others): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| is_wheel(name));
        let wheels: Vec<_> = wheels.into_iter().filter_map(WheelName::parse).collect();
        let sdist = others.into_iter().find(|name| sdist(name).is_some());
        let wheels = self.instead(&wheels);
        let what = match (sdist, wheels) {
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
        match hint {
            Some(hint) => NoWheel { hint: Some(hint), ..absent(what) },
            None => self.built(what, None),
        }
    }

    /// It comes from a repository.
    pub fn git(&self, url: &str) -> NoWheel {
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

    /// It is a local project.
    pub fn folder(&self, path: &str) -> NoWheel {
        let what = format!("it is the project in `{}`, and no wheelhouse has one that fits", one_line(path));
        self.built(what, Some(format!("./{}", one_line(path))))
    }

    /// It is an archive from which a wheel has to be built.
    pub fn archive(&self, name: &str, place: &str) -> NoWheel {
        let name = one_line(name);
        if is_wheel(&name) {
            return self.built(format!("{name} does not fit"), None);
        }
        let what = format!("{name} has to be built, and no wheelhouse has one that fits");
        self.built(what, Some(one_line(place)))
    }

    /// It would have to be fetched, and nothing is.
    pub fn offline(&self, why: &str) -> NoWheel {
        let what = format!("no wheelhouse has one that fits, and no index is asked: {why}");
        let hint = "name an index besides: [dependencies] index = \"https://pypi.org/simple\"".to_owned();
        NoWheel { hint: Some(hint), ..self.built(what, None) }
    }

    /// A wheel of it would do that somebody builds.
    fn built(self, message: String, what: Option<String>) -> NoWheel {
        let pinned = || match &self.pinned.version {
            Some(version) => format!("{}=={version}", self.pinned.name),
            None => self.pinned.name.clone(),
        };
        NoWheel { build: Some(what.unwrap_or_else(pinned)), ..absent(message) }
    }

    /// What the wheels are for that come nearest: `for linux/amd64`.
    fn instead(&self, wheels: &[WheelName]) -> Option<String> {
        let misfits = |wheel: &WheelName| self.target.refuses(&wheel.tags);
        let nearest = wheels.iter().map(misfits).min_by_key(|misfits| (misfits.len(), misfits.clone()))?;
        let kinds = |misfits: &BTreeSet<Misfit>| misfits.iter().map(std::mem::discriminant).collect::<Vec<_>>();
        let near = wheels.iter().filter(|wheel| kinds(&misfits(wheel)) == kinds(&nearest));
        let tags: Vec<_> = near.flat_map(|wheel| &wheel.tags).collect();
        let words: Vec<_> = nearest.iter().map(|misfit| described(*misfit, &tags)).collect();
        Some(if words.is_empty() {
            "for other releases of Python".to_owned()
        } else {
            format!("for {}", words.join(" and "))
        })
    }
}

/// It is nowhere.
pub fn absent(message: String) -> NoWheel {
    NoWheel { kind: PortErrorKind::NotFound, message, build: None, hint: None }
}

/// What wheels that are refused for a reason are for.
fn described(misfit: Misfit, tags: &[&Tag]) -> String {
    let some = |names: BTreeSet<String>| {
        // Shorter ones first: 3.9 comes before 3.13.
        let names: BTreeSet<_> = names.into_iter().map(|name| (name.len(), name)).collect();
        let more = names.len().saturating_sub(NAMED);
        let mut names: Vec<_> = names.into_iter().rev().take(NAMED).map(|(_, name)| name).collect();
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
    if tag.starts_with("musllinux") || !tag.contains("linux") {
        return None;
    }
    let known = ["x86_64", "aarch64", "i686", "armv7l", "ppc64le", "s390x", "riscv64"];
    known.iter().find(|machine| tag.ends_with(*machine)).map(|machine| platform(machine))
}

fn system(tag: &str) -> &'static str {
    match tag {
        _ if tag.starts_with("macosx") => "macOS",
        _ if tag.starts_with("win") => "Windows",
        _ => "other systems",
    }
}

/// `linux/arm64` of `aarch64`.
fn platform(machine: &str) -> String {
    let parsed: Result<Platform, _> = format!("linux/{machine}").parse();
    parsed.map_or_else(|_| machine.to_owned(), |platform| platform.to_string())
}
