//! The runtime layer: the interpreter, its standard library, their shared
//! libraries, and the data without which they fail.

use super::application::root_path;
use super::error::BuildError;
use super::extract::Work;
use super::reasons::Because;
use crate::progress::LayerKind;
use crate::python::stdlib::{self, Excludes};
use crate::python::{Interpreter, PythonError};
use crate::rootfs::{RootPath, Tree};

/// C.UTF-8, under glibc's name for it and under Debian's up to its release 11.
const LOCALES: [&str; 2] = ["/usr/lib/locale/C.utf8", "/usr/lib/locale/C.UTF-8"];
/// Where Debian's libtinfo looks: `strings` says so of releases 11 to 13. It has
/// `/usr/lib/terminfo` as `/lib/terminfo` only, which is another folder where usr is
/// not merged.
const TERMINFO: [&str; 2] = ["/lib/terminfo", "/usr/share/terminfo"];

/// Whether a file of the runtime is the interpreter's shared library.
pub(super) fn is_libpython(path: &RootPath) -> bool {
    path.name().is_some_and(|name| name.starts_with(b"libpython"))
}

impl Work<'_> {
    /// Takes the runtime out of the builder; none when the plan wants no Python.
    pub(super) fn runtime(&mut self) -> Result<Option<Interpreter>, BuildError> {
        let Some(plan) = &self.plan.runtime else { return Ok(None) };
        let inputs = self.inputs;
        let (Some(builder), Some(donor)) = (&inputs.builder, self.builder()) else { return Ok(None) };
        let error = |cause| BuildError::Python {
            image: self.plan.builder_name.clone().unwrap_or_default(),
            platform: inputs.platform.clone(),
            cause,
        };
        let interpreter =
            Interpreter::find(&builder.tree, &builder.config.env(), plan.version.as_deref()).map_err(error)?;
        if let Some(wanted) = plan.version.as_ref().filter(|wanted| **wanted != interpreter.version) {
            return Err(error(PythonError::Version { found: interpreter.version.clone(), wanted: wanted.clone() }));
        }
        let excludes = Excludes::new(&plan.exclude)?;
        for pattern in excludes.unused(&builder.tree, &interpreter.stdlib) {
            self.warn(format!("runtime.exclude: Python {} has no `{pattern}` to leave out", interpreter.version));
        }
        let mut taken = Vec::new();
        for path in stdlib::runtime(&builder.tree, &interpreter, &excludes) {
            taken.extend(self.put_from(donor, &path, LayerKind::Runtime, &path, Because::Python)?);
        }
        self.runtime_data(&builder.tree, plan.terminfo)?;
        // Where libpython is, the loader's cache will say.
        self.refresh_folders()?;
        // The interpreter's own libraries first: modules find them loaded.
        let executable = interpreter.executable.clone();
        if self.abi.is_none() {
            self.abi = self.object_abi(&executable)?;
        }
        let first = self.close(LayerKind::Runtime, donor, vec![executable])?;
        self.process = first.process;
        let objects = self.elf_files(taken)?;
        self.close(LayerKind::Runtime, donor, objects)?;
        self.by_name(&plan.dlopen, donor)?;
        Ok(Some(interpreter))
    }

    /// The C.UTF-8 locale when the base lacks it; terminfo when asked for.
    fn runtime_data(&mut self, builder: &Tree, terminfo: bool) -> Result<(), BuildError> {
        let Some(donor) = self.builder() else { return Ok(()) };
        let terminfo = TERMINFO.into_iter().filter(|_| terminfo).map(|path| (path, "terminfo"));
        let has = |image: &Tree, path: &str| image.follow(&root_path(path)).is_some();
        let lacks_locale = !LOCALES.iter().any(|path| has(&self.image, path));
        let locales = LOCALES.into_iter().filter(|_| lacks_locale).map(|path| (path, "the C.UTF-8 locale"));
        for (path, what) in locales.chain(terminfo) {
            if has(&self.image, path) || !has(builder, path) {
                continue;
            }
            let selected = self.select("the runtime", donor, path)?;
            self.add_selected(LayerKind::Runtime, donor, &selected, None, &Because::RuntimeData(what.into()))?;
        }
        self.scratch_data(builder)
    }
}
