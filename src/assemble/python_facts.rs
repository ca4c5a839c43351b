//! The facts about an image's Python that wheels are chosen by: interpreter, tags, markers.
//!
//! They depend on base and builder alone, and are cached by the digests of both.

use serde::{Deserialize, Serialize};

use super::error::BuildError;
use super::platform_build::PlatformBuild;
use super::pull::{FileList, Image};
use crate::compose::{self, KeyHasher};
use crate::diagnostic::{Code, Diagnostic};
use crate::elf::Loader as _;
use crate::glibc::symbol_version;
use crate::python::marker::Environment;
use crate::python::tags::Target;
use crate::python::{Cpython, Interpreter};
use crate::rootfs::RootPath;
use crate::store::CacheKind;

/// The directories of the C library, below an image's root; `TRIPLET` stands for the platform's.
const LIBC: [&str; 5] = ["usr/lib/TRIPLET", "lib/TRIPLET", "usr/lib64", "lib64", "usr/lib"];

/// The Python of an image.
#[derive(Clone, Debug)]
pub struct PythonFacts {
    pub interpreter: Interpreter,
    pub target: Target,
    pub environment: Environment,
}

/// The cached part of the facts.
#[derive(Serialize, Deserialize)]
struct StoredFacts {
    interpreter: Interpreter,
    glibc: Option<(u32, u32)>,
}

/// Reads the facts of an image; none without Python. The C library is the base's, or the
/// builder's if the base has none.
///
/// # Errors
/// A builder without the interpreter that the plan asks for; files that cannot be read.
pub async fn python_facts(
    build: &PlatformBuild,
    base: &Image,
    builder: Option<&Image>,
) -> Result<Option<PythonFacts>, BuildError> {
    let (Some(runtime), Some(builder)) = (&build.plan.runtime, builder) else { return Ok(None) };
    let key = KeyHasher::new("python").digest(&base.key()).digest(&builder.key()).config(&runtime.version).finish();
    let cache = &build.cx.io.cache;
    if !build.cx.doubtful
        && let Some(bytes) = cache.record(CacheKind::Stage, &key)?
        && let Ok(stored) = postcard::from_bytes::<StoredFacts>(&bytes)
    {
        return stored.facts(build).map(Some);
    }
    let (base, builder_files) = futures_util::try_join!(base.files(&build.cx), builder.files(&build.cx))?;
    let found = compose::find_interpreter(&build.plan, &builder_files.tree, &builder.config);
    let found = found.map_err(|error| mismatches(build, (&base, &builder_files), *error))?;
    let Some(interpreter) = found else { return Ok(None) };
    let glibc = match glibc(build, &base)? {
        None => glibc(build, &builder_files)?,
        known => known,
    };
    let stored = StoredFacts { interpreter, glibc };
    if let Ok(bytes) = postcard::to_allocvec(&stored) {
        cache.keep(CacheKind::Stage, &key, &bytes)?;
    }
    stored.facts(build).map(Some)
}

impl StoredFacts {
    fn facts(self, build: &PlatformBuild) -> Result<PythonFacts, BuildError> {
        let Self { interpreter, glibc } = self;
        let python = Cpython::of(&interpreter).ok_or_else(|| {
            let message = format!("`{}` is not a version of CPython", interpreter.version);
            Diagnostic::error(Code::NoPython, message)
        })?;
        let environment = Environment::of(&interpreter, build.architecture.machine);
        let target = Target { python, machine: build.architecture.wheel, glibc };
        Ok(PythonFacts { interpreter, target, environment })
    }
}

/// Makes the error of a builder without the right interpreter, and adds a release mismatch if
/// there is one.
fn mismatches(build: &PlatformBuild, (base, builder): (&FileList, &FileList), error: Diagnostic) -> BuildError {
    let releases = compose::check_releases(&build.plan, build.cx.tars.as_ref(), (&base.tree, &builder.tree));
    releases.err().map(|error| *error).into_iter().chain([error]).collect::<Vec<_>>().into()
}

/// Returns the newest glibc version that an image's C library defines.
fn glibc(build: &PlatformBuild, image: &FileList) -> Result<Option<(u32, u32)>, BuildError> {
    let folders = LIBC.iter().map(|folder| folder.replace("TRIPLET", build.architecture.triplet));
    let paths = folders.filter_map(|folder| RootPath::new(format!("{folder}/libc.so.6")).ok());
    for (path, entry) in paths.filter_map(|path| image.tree.follow(&path)) {
        let Some(content) = entry.content() else { continue };
        let object = build.cx.elf.object(&path, content)?;
        let versions = object.as_ref().and_then(|object| object.versions.as_ref());
        if let Some(newest) = versions.into_iter().flatten().filter_map(|version| symbol_version(version)).max() {
            return Ok(Some(newest));
        }
    }
    Ok(None)
}
