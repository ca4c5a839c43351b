//! One thing that was built for something else, told in one sentence.

use std::collections::BTreeSet;
use std::fmt;

use crate::debian::releases::release_with;
use crate::diagnostic::Code;
use crate::elf::Abi;
use crate::hint::Hint;
use crate::python::Distribution;
use crate::python::abi::BuiltFor;
use crate::python::tags::{Misfit, Tag, Target};
use crate::rootfs::RootPath;

/// How many tags a sentence names.
const TAGS: usize = 3;

/// What to do about a wheel that says wrongly what it is for.
const RETAG: &str = "if it is only the wheel's tags that are wrong, correct them in WHEEL in its dist-info folder";

/// What the image is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subject {
    pub abi: Abi,
    /// None without a Python.
    pub target: Option<Target>,
}

/// Why something does not fit.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Cause {
    /// A wheel that no installer would have put here.
    Wheel { tags: Vec<Tag>, misfits: BTreeSet<Misfit> },
    /// An extension module that the interpreter does not find, or cannot run.
    Module(BuiltFor),
    /// The same, with the module's source beside it.
    Source(BuiltFor),
    /// A program or library for another machine.
    Machine(Abi),
}

/// A cause, and whom it concerns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    pub cause: Cause,
    /// `numpy 2.3.1`.
    pub distribution: Option<String>,
    /// The first file concerned.
    pub file: Option<RootPath>,
    /// How many more files of the distribution there are.
    pub more: usize,
    /// Whether it is among the dependencies, or in the application.
    in_site: bool,
    subject: Subject,
}

impl Fault {
    pub(super) fn new(subject: &Subject, cause: Cause, owner: Option<&Distribution>, in_site: bool) -> Self {
        let distribution = owner.map(ToString::to_string);
        let in_site = in_site || owner.is_some();
        Self { cause, distribution, file: None, more: 0, in_site, subject: subject.clone() }
    }

    /// One more file that it concerns.
    pub(super) fn add(&mut self, path: RootPath) {
        if self.file.is_some() {
            self.more += 1;
        } else {
            self.file = Some(path);
        }
    }

    /// The code of its diagnostic.
    pub fn code(&self) -> Code {
        match self.cause {
            Cause::Wheel { .. } => Code::WrongWheel,
            Cause::Module(_) | Cause::Source(_) => Code::WrongPython,
            Cause::Machine(_) => Code::WrongArchitecture,
        }
    }

    /// What faults are sorted by.
    pub(super) fn key(&self) -> (Option<&String>, Option<&RootPath>, &Cause) {
        (self.distribution.as_ref(), self.file.as_ref(), &self.cause)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.target {
            Some(target) => target.fmt(f),
            None => self.abi.fmt(f),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let subject = &self.subject;
        if let Cause::Wheel { tags, misfits } = &self.cause {
            let (name, what) = (self.distribution.as_deref().unwrap_or_default(), what(misfits));
            write!(f, "{name} {what}: its wheel is for {}; the image has {subject}", list(tags))?;
            return match (&self.file, self.more) {
                (None, _) => Ok(()),
                (Some(file), 0) => write!(f, "; its file `{file}` does not fit"),
                (Some(file), more) => write!(f, "; `{file}` and {more} more of its files do not fit"),
            };
        }
        let file = self.file.as_ref().map(ToString::to_string).unwrap_or_default();
        write!(f, "`{file}`")?;
        if let Some(distribution) = &self.distribution {
            write!(f, " of {distribution}")?;
        }
        match &self.cause {
            Cause::Machine(abi) => {
                write!(f, " is for {abi}, the image for {}", subject.abi)?;
            }
            Cause::Module(BuiltFor::Windows) => f.write_str(" is for Windows")?,
            Cause::Module(built_for) => write!(f, " is for {built_for}; the image has {subject}")?,
            Cause::Source(built_for) => {
                write!(f, " is for {built_for}; the image has {subject}, which takes the module's source instead")?;
            }
            Cause::Wheel { .. } => {}
        }
        match self.more {
            0 => Ok(()),
            1 => f.write_str("; so is one more of its files"),
            more => write!(f, "; so are {more} more of its files"),
        }
    }
}

/// What is wrong with a wheel, in few words.
fn what(misfits: &BTreeSet<Misfit>) -> String {
    let mut out = Vec::new();
    for misfit in misfits {
        out.push(match misfit {
            Misfit::Glibc(major, minor) => format!("needs glibc {major}.{minor}"),
            Misfit::Python => "is for another Python".to_owned(),
            Misfit::Machine => "is for another machine".to_owned(),
            Misfit::Musl => "is for musl".to_owned(),
            Misfit::System => "is for another system".to_owned(),
        });
    }
    out.join(" and ")
}

fn list(tags: &[Tag]) -> String {
    let names: Vec<_> = tags.iter().take(TAGS).map(ToString::to_string).collect();
    let more = tags.len() - names.len();
    let names = names.join(", ");
    if more == 0 { names } else { format!("{names} and {more} more tags") }
}

impl Hint for Fault {
    fn hint(&self) -> Option<String> {
        let machine = self.subject.abi;
        if !self.in_site {
            let bring = match (&self.cause, &self.subject.target) {
                (Cause::Machine(_), _) | (_, None) => format!("bring the one for {machine}"),
                (_, Some(target)) => format!("build it for Python {} on {machine}", target.python),
            };
            return Some(format!("leave it out with `exclude` under [app], or {bring}"));
        }
        let target = self.subject.target.as_ref()?;
        let install = install(target);
        let Cause::Wheel { misfits, .. } = &self.cause else { return Some(install) };
        // Installers go by a wheel's file name, and nothing else here speaks against it.
        let install = if self.file.is_some() { install } else { format!("{install}; {RETAG}") };
        let (1, Some(Misfit::Glibc(major, minor))) = (misfits.len(), misfits.first()) else { return Some(install) };
        let release = release_with((*major, *minor));
        let base = match release {
            Some((release, (major, minor))) => {
                format!("take a base and builder of Debian {release} or later (glibc {major}.{minor})")
            }
            None => format!("no Debian release up to 13 has glibc {major}.{minor}"),
        };
        Some(format!("{base}, or {install}"))
    }
}

/// The command that installs what fits.
fn install(target: &Target) -> String {
    let Target { python, machine, glibc } = target;
    let level = if glibc.is_some_and(|glibc| glibc < (2, 28)) { "manylinux2014" } else { "manylinux_2_28" };
    let version = format!("{}.{}", python.major, python.minor);
    // uv chooses a free-threaded ABI by an interpreter only, pip also by name.
    let how = if python.free_threaded || python.major < 3 {
        let abi = python.abis().pop().unwrap_or_default();
        format!("pip install --platform {level}_{machine} --python-version {version} --abi cp{abi}")
    } else {
        format!("uv pip install --python-platform {machine}-{level} --python-version {version}")
    };
    format!("install wheels for this platform: {how} --only-binary :all: --target FOLDER …")
}
