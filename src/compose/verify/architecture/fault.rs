//! A file or wheel that was built for another machine, Python or glibc, and its message.

use std::collections::BTreeSet;
use std::fmt;

use crate::debian::releases::release_with;
use crate::diagnostic::Code;
use crate::elf::Abi;
use crate::hint::{Hint, shell_word};
use crate::python::Distribution;
use crate::python::abi::BuiltFor;
use crate::python::tags::{Misfit, Tag, Target};
use crate::rootfs::RootPath;

/// The most tags that a message names.
const TAGS: usize = 3;

/// The hint for a wheel with wrong tags.
const RETAG: &str = "if only the wheel's tags are wrong, correct them in the WHEEL file of its dist-info directory";

/// The target of the image.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subject {
    pub abi: Abi,
    /// The Python and glibc of the image; none without Python.
    pub target: Option<Target>,
    /// The directory on this machine that has the dependencies, if the project names one.
    pub folder: Option<String>,
}

/// The cause of a fault.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Cause {
    /// A wheel that no installer would choose for this image.
    Wheel { tags: Vec<Tag>, misfits: BTreeSet<Misfit> },
    /// An extension module that the interpreter does not find, or cannot run.
    Module(BuiltFor),
    /// Such an extension module with the module's source beside it.
    Source(BuiltFor),
    /// A program or library for another machine.
    Machine(Abi),
}

/// A cause, with the distribution and the files that it concerns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    pub cause: Cause,
    /// The distribution: `numpy 2.3.1`.
    pub distribution: Option<String>,
    /// The first file concerned.
    pub file: Option<RootPath>,
    /// The number of further files of the distribution.
    pub more: usize,
    /// Set for a file of the dependencies; not set for one of the application.
    in_site: bool,
    subject: Subject,
    /// The distributions to install again, as an installer takes them, for all errors of the image
    /// together: `numpy==2.3.1`.
    again: Vec<String>,
}

impl Fault {
    pub(super) fn new(subject: &Subject, cause: Cause, owner: Option<&Distribution>, in_site: bool) -> Self {
        let distribution = owner.map(ToString::to_string);
        let in_site = in_site || owner.is_some();
        Self { cause, distribution, file: None, more: 0, in_site, subject: subject.clone(), again: Vec::new() }
    }

    /// Adds a file that it concerns.
    pub(super) fn add(&mut self, path: RootPath) {
        if self.file.is_some() {
            self.more += 1;
        } else {
            self.file = Some(path);
        }
    }

    /// Sets the distributions that the hint's command installs.
    pub(super) fn install_again(&mut self, all: &[String]) {
        self.again = all.to_vec();
    }

    /// Returns the distribution as an installer takes it: `numpy==2.3.1`.
    pub(super) fn requirement(&self) -> Option<String> {
        self.distribution.as_ref().map(|one| one.replacen(' ', "==", 1))
    }

    /// Returns the hint with the command that installs wheels for the image.
    fn install(&self, target: &Target) -> String {
        let Target { python, machine, glibc } = target;
        let level = if glibc.is_some_and(|glibc| glibc < (2, 28)) { "manylinux2014" } else { "manylinux_2_28" };
        let version = format!("{}.{}", python.major, python.minor);
        // uv chooses a free-threaded ABI by an interpreter only, pip also by name.
        let how = if python.free_threaded || python.major < 3 {
            let abi = python.abis().pop().unwrap_or_default();
            format!("pip install --upgrade --platform {level}_{machine} --python-version {version} --abi cp{abi}")
        } else {
            format!("uv pip install --reinstall --python-platform {machine}-{level} --python-version {version}")
        };
        let folder = self.subject.folder.as_deref().map_or_else(|| "DIRECTORY".to_owned(), shell_word);
        let all: Vec<_> = self.again.iter().map(|one| shell_word(one)).collect();
        let all = if all.is_empty() { "DISTRIBUTION".to_owned() } else { all.join(" ") };
        format!("install wheels for this platform: {how} --only-binary :all: --target {folder} {all}")
    }

    /// Returns the code of its diagnostic.
    pub fn code(&self) -> Code {
        match self.cause {
            Cause::Wheel { .. } => Code::WrongWheel,
            Cause::Module(_) | Cause::Source(_) => Code::WrongPython,
            Cause::Machine(_) => Code::WrongArchitecture,
        }
    }

    /// Returns the sort key.
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
            let (name, misfits) = (self.distribution.as_deref().unwrap_or_default(), describe(misfits));
            write!(f, "{name} {misfits}: its wheel is for {}; the image has {subject}", list(tags))?;
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
                write!(f, " is for {abi}, the image is for {}", subject.abi)?;
            }
            Cause::Module(BuiltFor::Windows) => f.write_str(" is for Windows")?,
            Cause::Module(built_for) => write!(f, " is for {built_for}; the image has {subject}")?,
            Cause::Source(built_for) => {
                write!(
                    f,
                    " is for {built_for}; the image has {subject}, and Python imports the module's source instead"
                )?;
            }
            Cause::Wheel { .. } => {}
        }
        match self.more {
            0 => Ok(()),
            1 => f.write_str("; the same holds for 1 more of its files"),
            more => write!(f, "; the same holds for {more} more of its files"),
        }
    }
}

/// Describes the misfits of a wheel.
fn describe(misfits: &BTreeSet<Misfit>) -> String {
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
                (Cause::Machine(_), _) | (_, None) => format!("replace it with the one for {machine}"),
                (_, Some(target)) => format!("build it for Python {} on {machine}", target.python),
            };
            return Some(format!("leave it out with `exclude` under [app], or {bring}"));
        }
        let target = self.subject.target.as_ref()?;
        let install = self.install(target);
        let Cause::Wheel { misfits, .. } = &self.cause else { return Some(install) };
        // Installers go by a wheel's file name: with no wrong file, the tags in WHEEL may be wrong.
        let install = if self.file.is_some() { install } else { format!("{install}; {RETAG}") };
        let (1, Some(Misfit::Glibc(major, minor))) = (misfits.len(), misfits.first()) else { return Some(install) };
        let release = release_with((*major, *minor));
        let base = match release {
            Some((release, (major, minor))) => {
                format!("use a base and a builder of Debian {release} or later (glibc {major}.{minor})")
            }
            None => format!("no Debian release up to 13 has glibc {major}.{minor}"),
        };
        Some(format!("{base}, or {install}"))
    }
}
