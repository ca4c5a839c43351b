//! An unfinished stage. Only the stage functions of this module use it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::contents::{Result, root_path};
use super::context::Context;
use super::reasons::Because;
use super::source_image::SourceImageId;
use super::stage::{Changes, ImageState, Stage, TakenPackage};
use crate::diagnostic::{Code, Diagnostic};
use crate::image::{LayerId, LayerKind};
use crate::layer::recipe::{Recipe, RecipeError};
use crate::oci::Digest;
use crate::package_db::Package;
use crate::rootfs::resolve::LoopError;
use crate::rootfs::{Entry, RootPath};

/// An unfinished stage.
pub(super) struct Draft<'a> {
    pub cx: &'a Context,
    /// The image with everything that was added so far.
    pub image: ImageState,
    pub changes: Changes,
    pub recipes: BTreeMap<LayerId, Recipe>,
}

impl<'a> Draft<'a> {
    /// Starts a stage over the one below.
    pub fn over(cx: &'a Context, below: &Stage) -> Self {
        let image = ImageState::clone(&below.image);
        Self { cx, image, changes: Changes::default(), recipes: BTreeMap::new() }
    }

    /// Adds a warning with a hint.
    pub fn warn_with_hint(&mut self, code: Code, message: String, hint: String) {
        self.changes.facts.diagnostics.push(Diagnostic::warning(code, message).hint(hint));
    }

    /// Adds an error. The stage function goes on, to find further errors.
    pub fn error(&mut self, error: impl Into<Diagnostic>) {
        self.changes.facts.diagnostics.push(error.into());
    }

    /// Adds a warning.
    pub fn warn(&mut self, code: Code, message: impl Into<String>) {
        self.changes.facts.diagnostics.push(Diagnostic::warning(code, message));
    }

    /// Adds an entry to the shared layer of a kind. Returns the entry's real path.
    ///
    /// # Errors
    /// As [`Recipe::put`].
    pub fn put(
        &mut self,
        kind: LayerKind,
        path: &RootPath,
        entry: impl Into<Arc<Entry>>,
        because: Because,
    ) -> Result<RootPath> {
        self.put_into(&kind.into(), path, entry, because)
    }

    /// Adds an entry to a layer. Returns its real path.
    ///
    /// # Errors
    /// As [`Recipe::put`].
    pub fn put_into(
        &mut self,
        layer: &LayerId,
        path: &RootPath,
        entry: impl Into<Arc<Entry>>,
        because: Because,
    ) -> Result<RootPath> {
        let (timestamp, compression) = (self.cx.plan.timestamp, self.cx.plan.compression);
        let recipe = self.recipes.entry(layer.clone()).or_insert_with(|| Recipe::new(timestamp, compression));
        let real = recipe.put(&mut self.image.tree, path, entry)?;
        self.image.reasons.note(real.clone(), layer.kind, because.clone());
        self.changes.reasons.insert(real.clone(), (layer.kind, because));
        self.set_origin(&real, None);
        Ok(real)
    }

    /// Adds the entry at `from` of a source image; none if the image has no such entry.
    ///
    /// # Errors
    /// As [`Recipe::put`].
    pub fn put_from(
        &mut self,
        (source, from): (SourceImageId, &RootPath),
        kind: LayerKind,
        path: &RootPath,
        because: Because,
    ) -> Result<Option<RootPath>> {
        let Some(entry) = self.cx.sources[source].tree.share(from) else { return Ok(None) };
        let real = self.put(kind, path, entry, because)?;
        self.set_origin(&real, Some((source, from.clone())));
        Ok(Some(real))
    }

    fn set_origin(&mut self, path: &RootPath, origin: Option<(SourceImageId, RootPath)>) {
        self.image.set_origin(path, origin.clone());
        self.changes.origins.insert(path.clone(), origin);
    }

    /// Records one more object that loads a library.
    pub fn also_needed_by(&mut self, library: &RootPath, by: &RootPath) {
        if self.image.reasons.also_needed_by(library, by) {
            self.changes.needs.push((library.clone(), by.clone()));
        }
    }

    /// Returns the real path of a path in the image.
    ///
    /// # Errors
    /// A loop of links.
    pub fn resolve(&self, path: &RootPath) -> Result<RootPath> {
        Ok(self.image.tree.resolve(path)?)
    }

    /// Returns the layers of a kind.
    pub fn layers_of(&self, kind: LayerKind) -> impl Iterator<Item = &Recipe> {
        self.recipes.iter().filter(move |(layer, _)| layer.kind == kind).map(|(_, recipe)| recipe)
    }

    /// Finishes the stage.
    pub fn finish(mut self, key: Digest) -> Stage {
        self.changes.facts.packages = self.taken_packages();
        let recipes = self.recipes.into_iter().filter(|(_, recipe)| !recipe.is_empty());
        self.changes.layers = recipes.map(|(layer, recipe)| (layer, Arc::new(recipe))).collect();
        Stage { key, changes: self.changes, image: Arc::new(self.image) }
    }

    /// Returns the packages that own files of this stage.
    fn taken_packages(&self) -> Vec<TakenPackage> {
        let mut files: BTreeMap<Arc<Package>, Vec<RootPath>> = BTreeMap::new();
        for (path, origin) in &self.changes.origins {
            let Some((source, from)) = origin else { continue };
            if let Some(package) = self.cx.sources[*source].owners.of(from) {
                files.entry(package.clone()).or_default().push(path.clone());
            }
        }
        let taken = |(package, files): (Arc<Package>, Vec<RootPath>)| TakenPackage {
            name: package.name.clone(),
            version: package.version.clone(),
            architecture: package.architecture.clone(),
            source: package.source.clone(),
            files,
        };
        files.into_iter().map(taken).collect()
    }

    /// Returns whether the image has an entry at a path, links followed.
    pub fn has(&self, path: &str) -> bool {
        self.image.tree.follow(&root_path(path)).is_some()
    }
}

impl From<RecipeError> for Box<Diagnostic> {
    fn from(error: RecipeError) -> Self {
        let (code, hint) = match &error {
            RecipeError::Blocked { .. } | RecipeError::Folder(_) => {
                (Code::PathConflict, Some("choose another destination".to_owned()))
            }
            RecipeError::Whiteout(_) | RecipeError::Special(_) => (Code::PathConflict, None),
            RecipeError::Loop(_) => (Code::LinkLoop, None),
        };
        Self::new(Diagnostic::of(code, &error).hint(hint))
    }
}

impl From<LoopError> for Box<Diagnostic> {
    fn from(error: LoopError) -> Self {
        Self::new(Diagnostic::of(Code::LinkLoop, &error))
    }
}

impl From<Box<Self>> for Diagnostic {
    fn from(boxed: Box<Self>) -> Self {
        *boxed
    }
}
