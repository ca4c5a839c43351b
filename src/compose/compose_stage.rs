//! Composes a stage: does its work on a draft, adds metadata and bytecode, and finishes it.

use std::collections::BTreeSet;

use super::contents::Result;
use super::context::Context;
use super::draft::Draft;
use super::loader;
use super::stage::{Stage, StageResult};
use crate::oci::Digest;

/// Composes a stage over the one below.
///
/// # Errors
/// If the work fails: all errors and warnings that it reported, and its own error last.
pub(super) fn compose_stage<'a>(
    cx: &'a Context,
    below: &Stage,
    key: Digest,
    work: impl FnOnce(&mut Draft<'a>) -> Result<()>,
) -> StageResult {
    let mut draft = Draft::over(cx, below);
    match work(&mut draft).and_then(|()| close(&mut draft)) {
        Ok(()) => Ok(draft.finish(key)),
        Err(error) => {
            let mut found = draft.changes.facts.diagnostics;
            found.push(*error);
            Err(found)
        }
    }
}

/// Adds metadata to all layers, and bytecode.
fn close(draft: &mut Draft<'_>) -> Result<()> {
    let kinds: BTreeSet<_> = draft.recipes.keys().map(|layer| layer.kind).collect();
    for kind in kinds {
        draft.add_metadata(kind)?;
    }
    draft.add_bytecode()?;
    draft.image.covered_folders = loader::covered_folders(draft.cx, &draft.image)?;
    Ok(())
}
