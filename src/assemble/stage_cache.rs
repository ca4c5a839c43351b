//! Caches composed stages and checked images between runs.

use serde::{Deserialize, Serialize};

use super::context::Context;
use super::error::BuildError;
use super::layer_cache::PlannedLayer;
use super::report::Size;
use crate::compose::{Changes, Composition, Facts, InstalledDistribution, TakenPackage};
use crate::diagnostic::{Diagnostic, Severity};
use crate::image::Process;
use crate::oci::Digest;
use crate::store::CacheKind;

/// The summary of a checked composition: the data that its image and its report need.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Summary {
    /// The layers, from the lowest up.
    pub layers: Vec<PlannedLayer>,
    pub process: Process,
    /// The origin of the command that it starts.
    pub command_origin: Option<String>,
    /// The interpreter's version: the full one, if the builder states it.
    pub python: Option<String>,
    /// The facts of all stages together, without the files of packages and distributions: the
    /// stages have those.
    pub facts: Facts,
    /// The number of programs and libraries in the image.
    pub objects: usize,
    pub base: Size,
}

impl Summary {
    /// Summarises a checked composition.
    pub fn of(composition: &Composition<'_>, found: Vec<Diagnostic>, base: Size) -> Self {
        let mut facts = Facts::default();
        for stage in composition.facts() {
            facts.libraries.extend(stage.libraries.iter().cloned());
            let packages = stage.packages.iter().cloned();
            facts.packages.extend(packages.map(|package| TakenPackage { files: Vec::new(), ..package }));
            let distributions = stage.distributions.iter().cloned();
            facts.distributions.extend(distributions.map(|one| InstalledDistribution { files: Vec::new(), ..one }));
            facts.command_env.extend(stage.command_env.iter().cloned());
            facts.diagnostics.extend(stage.diagnostics.iter().cloned());
        }
        facts.diagnostics.extend(found);
        let layers = composition.layers().map(|(id, recipe)| PlannedLayer {
            id: id.clone(),
            key: recipe.key(),
            files: recipe.files(),
        });
        let interpreter = composition.cx.interpreter.as_ref();
        let abi = composition.cx.abi();
        Self {
            layers: layers.collect(),
            process: composition.process.clone(),
            command_origin: composition.facts().find_map(|facts| facts.command_origin.clone()),
            python: interpreter.map(|found| found.full_version.clone().unwrap_or_else(|| found.version.clone())),
            objects: composition.objects.values().filter(|of| **of == abi).count(),
            facts,
            base,
        }
    }

    /// Returns the errors and warnings, in the order of discovery.
    pub fn diagnostics(&self) -> impl Iterator<Item = &Diagnostic> {
        self.facts.diagnostics.iter().filter(|one| one.severity != Severity::Note)
    }
}

impl Context {
    /// Loads the summary of an earlier run.
    ///
    /// # Errors
    /// A cache that cannot be read.
    pub fn stored_summary(&self, key: &Digest) -> Result<Option<Summary>, BuildError> {
        let bytes = self.stored(key)?;
        Ok(bytes.and_then(|bytes| postcard::from_bytes(&bytes).ok()))
    }

    /// Loads the changes of a stage of an earlier run.
    ///
    /// # Errors
    /// A cache that cannot be read.
    pub fn stored_changes(&self, key: &Digest) -> Result<Option<Changes>, BuildError> {
        Ok(self.stored(key)?.and_then(|bytes| Changes::decode(&bytes)))
    }

    /// Loads a record of an earlier run; none after damage was found in the cache.
    fn stored(&self, key: &Digest) -> Result<Option<Vec<u8>>, BuildError> {
        if self.doubtful {
            return Ok(None);
        }
        Ok(self.io.cache.record(CacheKind::Stage, key)?)
    }

    /// Stores the changes of a stage, unless it has errors.
    ///
    /// # Errors
    /// A cache that cannot be written.
    pub fn store_changes(&self, key: &Digest, changes: &Changes) -> Result<(), BuildError> {
        if changes.facts.diagnostics.iter().any(Diagnostic::is_error) {
            return Ok(());
        }
        match changes.encode() {
            Some(bytes) => Ok(self.io.cache.keep(CacheKind::Stage, key, &bytes)?),
            None => Ok(()),
        }
    }

    /// Stores a summary.
    ///
    /// # Errors
    /// A cache that cannot be written.
    pub fn store_summary(&self, key: &Digest, summary: &Summary) -> Result<(), BuildError> {
        let bytes = postcard::to_allocvec(summary).map_err(|cause| BuildError::Internal(cause.to_string()))?;
        Ok(self.io.cache.keep(CacheKind::Stage, key, &bytes)?)
    }
}
