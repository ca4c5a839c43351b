//! The runtime stage: the interpreter, its standard library, the shared libraries of both, and
//! the data that they need.

use super::compose_stage::compose_stage;
use super::contents::{Result, root_path};
use super::context::Context;
use super::draft::Draft;
use super::interpreter::check_releases;
use super::libraries::elf_files;
use super::reasons::Because;
use super::source_image::SourceImageId;
use super::stage::Stage;
use super::stage::StageResult;
use crate::diagnostic::{Code, Diagnostic};
use crate::image::LayerKind;
use crate::oci::Digest;
use crate::plan::Runtime;
use crate::python::Interpreter;
use crate::python::stdlib::{self, ExcludeError, Excludes};
use crate::rootfs::Tree;

/// The C.UTF-8 locale: glibc's name for it, and the one that Debian used up to release 11.
const LOCALES: [&str; 2] = ["/usr/lib/locale/C.utf8", "/usr/lib/locale/C.UTF-8"];
/// The directories that Debian's libtinfo searches, by its `strings` in releases 11 to 13. It
/// knows `/usr/lib/terminfo` as `/lib/terminfo` only. Without merged `/usr`, these are two
/// directories.
const TERMINFO: [&str; 2] = ["/lib/terminfo", "/usr/share/terminfo"];

/// Takes the Python runtime from the builder. The stage is empty if the plan has no Python.
///
/// # Errors
/// An invalid exclude pattern; files that cannot be read or put in place.
pub fn runtime(cx: &Context, below: &Stage, key: Digest) -> StageResult {
    compose_stage(cx, below, key, |draft| {
        let builder = cx.builder_tree();
        let releases = builder.map(|tree| check_releases(&cx.plan, cx.contents.as_ref(), (&below.image.tree, tree)));
        if let Some(Err(error)) = releases {
            draft.error(error);
        }
        match (&cx.plan.runtime, &cx.interpreter, cx.builder()) {
            (Some(plan), Some(interpreter), Some(builder)) => draft.add_python(plan, interpreter, builder),
            _ => Ok(()),
        }
    })
}

impl Draft<'_> {
    fn add_python(&mut self, plan: &Runtime, interpreter: &Interpreter, builder: SourceImageId) -> Result<()> {
        let tree = self.cx.sources[builder].tree.as_ref();
        let excludes = Excludes::new(&plan.exclude)?;
        for pattern in excludes.unused(tree, &interpreter.stdlib) {
            let version = &interpreter.version;
            let message = format!("runtime.exclude: Python {version} has no `{pattern}` to leave out");
            self.warn(Code::UnusedExclude, message);
        }
        let mut taken = Vec::new();
        for path in stdlib::runtime(tree, interpreter, &excludes) {
            taken.extend(self.put_from((builder, &path), LayerKind::Runtime, &path, Because::Python)?);
        }
        self.add_data(builder, plan.terminfo)?;
        let executable = interpreter.executable.clone();
        // The interpreter's own libraries come first: modules find them loaded.
        self.image.process = self.take_needed(LayerKind::Runtime, builder, vec![executable])?;
        self.changes.process = Some(self.image.process.clone());
        let objects = elf_files(self.cx, &self.image.tree, &taken)?;
        self.take_needed(LayerKind::Runtime, builder, objects)?;
        self.take_by_name(&plan.dlopen, builder)?;
        self.changes.programs = vec![interpreter.scripts.clone(), interpreter.bin.clone()];
        self.image.programs.extend(self.changes.programs.iter().cloned());
        Ok(())
    }

    /// Adds the C.UTF-8 locale if the base lacks it, terminfo if the plan asks for it, and the
    /// system data to an image without a base.
    fn add_data(&mut self, builder: SourceImageId, terminfo: bool) -> Result<()> {
        let tree = self.cx.sources[builder].tree.as_ref();
        let has = |image: &Tree, path: &str| image.follow(&root_path(path)).is_some();
        let lacks_locale = !LOCALES.iter().any(|path| has(&self.image.tree, path));
        let locales = LOCALES.into_iter().filter(|_| lacks_locale).map(|path| (path, "the C.UTF-8 locale"));
        let terminfo = TERMINFO.into_iter().filter(|_| terminfo).map(|path| (path, "terminfo"));
        for (path, name) in locales.chain(terminfo) {
            if has(&self.image.tree, path) || !has(tree, path) {
                continue;
            }
            let selected = self.select("the runtime", builder, path)?;
            self.add_selected(LayerKind::Runtime, (builder, &selected), None, &Because::RuntimeData(name.into()))?;
        }
        self.add_system_data(builder)
    }
}

impl From<ExcludeError> for Box<Diagnostic> {
    fn from(error: ExcludeError) -> Self {
        Self::new(Diagnostic::of(Code::InvalidConfiguration, &error))
    }
}
