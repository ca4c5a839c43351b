//! A finished stage: its own changes, and the image with them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::reasons::{Because, Reasons};
use super::source_image::{Origins, SourceImageId};
use crate::debian::Dpkg;
use crate::diagnostic::Diagnostic;
use crate::elf;
use crate::image::{LayerId, LayerKind, Process};
use crate::layer::recipe::Recipe;
use crate::oci::Digest;
use crate::rootfs::{Entry, RootPath, Tree};

/// The image up to and including a stage.
#[derive(Clone)]
pub struct ImageState {
    /// The tree that a container would see.
    pub tree: Tree,
    /// The directories that the image's `ld.so.cache` covers, in ldconfig's order.
    pub covered_folders: Vec<RootPath>,
    /// The loader state of the interpreter before it imports any module.
    pub process: elf::LoaderState,
    /// The package records of the image.
    pub packages: Dpkg,
    pub reasons: Reasons,
    /// The origins of files, for each source image.
    pub origins: Vec<Origins>,
    /// The directories of Python and of distributions' scripts, for the image's `PATH`.
    pub programs: Vec<RootPath>,
    /// Files that the configuration takes without their libraries.
    pub without_libraries: BTreeSet<RootPath>,
}

/// The changes that a stage makes to the one below. They are stored between runs.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Changes {
    /// Its layers, from the lowest up.
    pub layers: BTreeMap<LayerId, Arc<Recipe>>,
    /// The reason for each file.
    pub reasons: BTreeMap<RootPath, (LayerKind, Because)>,
    /// Objects that load a library of this stage or of one below, besides the first.
    pub needs: Vec<(RootPath, RootPath)>,
    /// New origins of files; none for files that no source image has.
    pub origins: BTreeMap<RootPath, Option<(SourceImageId, RootPath)>>,
    pub process: Option<elf::LoaderState>,
    pub programs: Vec<RootPath>,
    pub without_libraries: BTreeSet<RootPath>,
    pub facts: Facts,
}

/// The facts about a stage that reports, SBOMs and warm builds need.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Facts {
    /// Shared libraries that were taken because an object or the configuration names them.
    pub libraries: Vec<TakenLibrary>,
    /// The packages that own files taken from images.
    pub packages: Vec<TakenPackage>,
    /// The installed distributions.
    pub distributions: Vec<InstalledDistribution>,
    /// The process that the image starts; only the application stage has one.
    pub process: Option<Process>,
    /// The origin of the command: `[project.scripts]`, `the command line`.
    pub command_origin: Option<String>,
    /// The names of the variables that the file of the command sets.
    pub command_env: Vec<String>,
    pub diagnostics: Vec<Diagnostic>,
}

/// A shared library from a source image, and the first object that needs it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct TakenLibrary {
    pub soname: String,
    /// Its path in the image.
    pub path: String,
    pub needed_by: String,
    pub layer: LayerKind,
}

/// A package that owns files of a stage.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct TakenPackage {
    pub name: String,
    pub version: String,
    pub architecture: String,
    /// The name and the version of its source package.
    pub source: (String, String),
    /// The real paths of its files in the image.
    pub files: Vec<RootPath>,
}

/// A distribution in site-packages.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct InstalledDistribution {
    pub name: String,
    pub version: String,
    /// The SHA-256 of its wheel; none for a distribution that was installed from its directory.
    pub wheel: Option<Digest>,
    /// The real paths of its files in the image.
    pub files: Vec<RootPath>,
}

impl Changes {
    /// Returns the reasons for all files of stages, from the lowest up.
    #[must_use]
    pub fn reasons_of(stages: &[Self]) -> Reasons {
        let mut reasons = Reasons::default();
        for changes in stages {
            changes.add_reasons_to(&mut reasons);
        }
        reasons
    }

    /// Adds the reasons for its files to the reasons of the stages below.
    pub(super) fn add_reasons_to(&self, reasons: &mut Reasons) {
        for (path, (layer, because)) in &self.reasons {
            reasons.note(path.clone(), *layer, because.clone());
        }
        for (library, by) in &self.needs {
            reasons.also_needed_by(library, by);
        }
    }

    /// Returns the entries of all its layers, from the lowest up.
    pub fn entries(&self) -> impl Iterator<Item = (&RootPath, &Arc<Entry>)> {
        self.layers.values().flat_map(|recipe| recipe.shared())
    }
}

/// A finished stage, or all errors and warnings of a failed one.
pub type StageResult = Result<Stage, Vec<Diagnostic>>;

/// A finished stage.
#[derive(Clone)]
pub struct Stage {
    /// The digest of all its inputs.
    pub key: Digest,
    pub changes: Changes,
    /// The image with these changes.
    pub image: Arc<ImageState>,
}

impl Stage {
    /// Returns the warnings and errors of this stage.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.changes.facts.diagnostics
    }
}

impl ImageState {
    /// Sets the origin of a file. Replaces an earlier one.
    pub(super) fn set_origin(&mut self, path: &RootPath, origin: Option<(SourceImageId, RootPath)>) {
        for origins in &mut self.origins {
            origins.remove(path);
        }
        if let Some((source, from)) = origin
            && let Some(origins) = self.origins.get_mut(source)
        {
            origins.insert(path.clone(), from);
        }
    }
}

impl TakenPackage {
    /// Returns its name and version: `zlib1g 1:1.2.13.dfsg-1`.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{} {}", self.name, self.version)
    }
}
