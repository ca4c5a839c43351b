//! The destinations of a wheel's files.
//!
//! Source: PyPA, "Binary distribution format", "Installing a wheel" and "The .data directory"; the
//! schemes of `sysconfig`, which [`Interpreter`] has.

use super::error::WheelFault;
use crate::python::Interpreter;
use crate::rootfs::RootPath;

/// The destinations of one wheel.
pub struct InstallScheme<'a> {
    interpreter: &'a Interpreter,
    /// The purelib or platlib directory.
    pub site: &'a RootPath,
    /// The stem before `.dist-info` and `.data`: `flask-3.1.3`.
    stem: &'a str,
    name: &'a str,
}

/// The destination of a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Destination {
    File(RootPath),
    /// The path of a script. Its first line may need a change.
    Script(RootPath),
}

impl<'a> InstallScheme<'a> {
    pub fn new(interpreter: &'a Interpreter, purelib: bool, stem: &'a str, name: &'a str) -> Self {
        let site = if purelib { &interpreter.purelib } else { &interpreter.platlib };
        Self { interpreter, site, stem, name }
    }

    /// Returns the destination of a member by its name in the archive.
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

    /// Returns whether a path is in a dist-info directory.
    pub fn is_info(&self, path: &RootPath) -> bool {
        let Interpreter { purelib, platlib, .. } = self.interpreter;
        let below = path.strip(purelib).or_else(|| path.strip(platlib));
        below.is_some_and(|below| below.parts().next().is_some_and(|top| top.ends_with(b".dist-info")))
    }

    /// Returns whether a path belongs to Python itself: the names of the interpreter, or its
    /// library.
    pub fn is_pythons(&self, path: &RootPath) -> bool {
        let Interpreter { executable, bin, stdlib, purelib, platlib, version, .. } = self.interpreter;
        let names = ["python", &format!("python{}", self.interpreter.major()), &format!("python{version}")];
        let is_named = |name: &str| *path == bin.child(name.as_bytes());
        let library = path.strip(stdlib).is_some() && path.strip(purelib).is_none() && path.strip(platlib).is_none();
        path == executable || library || names.into_iter().any(is_named)
    }
}

/// Converts the name of a member, which is relative and normalised: the list of files guarantees
/// that.
fn below(folder: &RootPath, name: &str) -> RootPath {
    folder.child(name.as_bytes())
}
