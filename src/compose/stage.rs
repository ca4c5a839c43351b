//! A finished stage: its own changes, and the image as it is with them.

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

/// The image so far.
#[derive(Clone)]
pub struct ImageState {
    /// The tree that a container would see.
    pub tree: Tree,
    /// The folders that the image's `ld.so.cache` covers, in ldconfig's order.
    pub covered_folders: Vec<RootPath>,
    /// The interpreter's process before it imports any module.
    pub process: elf::LoaderState,
    /// The package records of the image.
    pub packages: Dpkg,
    pub reasons: Reasons,
    /// The origins of files, for each source image.
    pub origins: Vec<Origins>,
    /// The folders of Python and of distributions' scripts, for the image's `PATH`.
    pub programs: Vec<RootPath>,
    /// Files taken without their libraries, because the configuration says so.
    pub without_libraries: BTreeSet<RootPath>,
}

/// Everything that a stage adds to the one below: the part of it that is stored.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Changes {
    /// Its layers, from the lowest up.
    pub layers: BTreeMap<LayerId, Arc<Recipe>>,
    /// The reason for each file.
    pub reasons: BTreeMap<RootPath, (LayerKind, Because)>,
    /// Objects that load a library of this stage or of one below, besides the first.
    pub needs: Vec<(RootPath, RootPath)>,
    /// New origins of files; none for files that came from elsewhere.
    pub origins: BTreeMap<RootPath, Option<(SourceImageId, RootPath)>>,
    pub process: Option<elf::LoaderState>,
    pub programs: Vec<RootPath>,
    pub without_libraries: BTreeSet<RootPath>,
    pub facts: Facts,
}

/// The facts about a stage that reports, SBOMs and warm builds need.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Facts {
    /// Shared libraries that were taken because something needs them.
    pub libraries: Vec<TakenLibrary>,
    /// The packages that own files which were taken out of images.
    pub packages: Vec<TakenPackage>,
    /// The distributions that were installed.
    pub distributions: Vec<InstalledDistribution>,
    /// The process that the image starts, of the application stage.
    pub process: Option<Process>,
    pub diagnostics: Vec<Diagnostic>,
}

/// A shared library out of a source image, and the first object that needs it.
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
    /// The name and the version of the source package that it was built from.
    pub source: (String, String),
    /// The real paths of its files in the image.
    pub files: Vec<RootPath>,
}

/// A distribution in site-packages.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct InstalledDistribution {
    pub name: String,
    pub version: String,
    /// The SHA-256 of its wheel; none for one that was installed from its folder.
    pub wheel: Option<Digest>,
    /// The real paths of its files in the image.
    pub files: Vec<RootPath>,
}

impl Changes {
    /// The reasons of all files of stages, from the lowest up.
    #[must_use]
    pub fn reasons_of(stages: &[Self]) -> Reasons {
        let mut reasons = Reasons::default();
        for changes in stages {
            changes.add_reasons_to(&mut reasons);
        }
        reasons
    }

    /// Adds the reasons of its files to those of the stages below.
    pub(super) fn add_reasons_to(&self, reasons: &mut Reasons) {
        for (path, (layer, because)) in &self.reasons {
            reasons.note(path.clone(), *layer, because.clone());
        }
        for (library, by) in &self.needs {
            reasons.also_needed_by(library, by);
        }
    }

    /// The entries of all its layers, from the lowest up.
    pub fn entries(&self) -> impl Iterator<Item = (&RootPath, &Arc<Entry>)> {
        self.layers.values().flat_map(|recipe| recipe.shared())
    }
}

/// A finished stage, or all errors and warnings that were found.
pub type StageResult = Result<Stage, Vec<Diagnostic>>;

/// A finished stage.
#[derive(Clone)]
pub struct Stage {
    /// The digest of everything that it was made from.
    pub key: Digest,
    pub changes: Changes,
    /// The image with these changes.
    pub image: Arc<ImageState>,
}

impl Stage {
    /// The warnings and errors of this stage.
    #[must_use]
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.changes.facts.diagnostics
    }
}

impl ImageState {
    /// Sets the origin of a file, and forgets any other.
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
    /// `zlib1g 1:1.2.13.dfsg-1`.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{} {}", self.name, self.version)
    }
}
