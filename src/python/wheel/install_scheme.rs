//! Where a wheel's files go.
//!
//! Source: PyPA, "Binary distribution format", "Installing a wheel" and "The .data
//! directory"; `sysconfig`'s schemes, which [`Interpreter`] knows.

use super::error::WheelFault;
use crate::python::Interpreter;
use crate::rootfs::RootPath;

/// The places of one wheel.
pub struct InstallScheme<'a> {
    interpreter: &'a Interpreter,
    /// purelib or platlib.
    pub site: &'a RootPath,
    /// `flask-3.1.3`, before `.dist-info` and `.data`.
    stem: &'a str,
    name: &'a str,
}

/// Where one file goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Destination {
    File(RootPath),
    /// A script, whose first line may have to be written.
    Script(RootPath),
}

impl<'a> InstallScheme<'a> {
    pub fn new(interpreter: &'a Interpreter, purelib: bool, stem: &'a str, name: &'a str) -> Self {
        let site = if purelib { &interpreter.purelib } else { &interpreter.platlib };
        Self { interpreter, site, stem, name }
    }

    /// The place of a member, by its name in the archive.
    pub fn of(&self, member: &str) -> Result<Destination, WheelFault> {
        let Some((top, rest)) = member.split_once('/').filter(|(top, _)| top.strip_suffix(".data").is_some()) else {
            return Ok(Destination::File(below(self.site, member)));
        };
        if top.strip_suffix(".data") != Some(self.stem) {
            return Err(WheelFault::OtherData { folder: top.to_owned(), info: format!("{}.dist-info", self.stem) });
        }
        let unknown = || WheelFault::Scheme(member.to_owned());
        let (scheme, rest) = rest.split_once('/').ok_or_else(unknown)?;
        let interpreter = self.interpreter;
        Ok(match scheme {
            "purelib" => Destination::File(below(&interpreter.purelib, rest)),
            "platlib" => Destination::File(below(&interpreter.platlib, rest)),
            "headers" => Destination::File(below(&interpreter.headers.child(self.name.as_bytes()), rest)),
            "data" => Destination::File(below(&interpreter.data, rest)),
            "scripts" => Destination::Script(below(&interpreter.scripts, rest)),
            _ => return Err(unknown()),
        })
    }

    /// Whether a path is in a dist-info folder.
    pub fn is_info(&self, path: &RootPath) -> bool {
        let Interpreter { purelib, platlib, .. } = self.interpreter;
        let below = path.strip(purelib).or_else(|| path.strip(platlib));
        below.is_some_and(|below| below.parts().next().is_some_and(|top| top.ends_with(b".dist-info")))
    }

    /// Whether a path is of Python itself: the interpreter by its names, or its library.
    pub fn is_pythons(&self, path: &RootPath) -> bool {
        let Interpreter { executable, bin, stdlib, purelib, platlib, version, .. } = self.interpreter;
        let names = ["python", &format!("python{}", self.interpreter.major()), &format!("python{version}")];
        let is_named = |name: &str| *path == bin.child(name.as_bytes());
        let library = path.strip(stdlib).is_some() && path.strip(purelib).is_none() && path.strip(platlib).is_none();
        path == executable || library || names.into_iter().any(is_named)
    }
}

/// A member's name is relative and in normal form: the listing saw to that.
fn below(folder: &RootPath, name: &str) -> RootPath {
    folder.child(name.as_bytes())
}
