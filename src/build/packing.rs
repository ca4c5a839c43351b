//! Makes a layer, or takes the one that the same recipe gave before.

use std::sync::Arc;

use super::error::BuildError;
use super::run::Run;
use crate::layer::{PackError, Packed, Recipe};
use crate::oci::{Digest, Platform};
use crate::progress::{Event, LayerKind, Outcome, Subject, Verb};
use crate::store::{Cache, CacheKind};

/// The layer of a recipe, and whether the cache had it.
///
/// # Errors
/// Files that cannot be read any more; a cache that cannot be written.
pub async fn layer(
    run: &Arc<Run>,
    platform: &Platform,
    kind: LayerKind,
    recipe: &Arc<Recipe>,
) -> Result<(Packed, bool), BuildError> {
    let hashed = recipe.clone();
    let key = run.blocking(move || hashed.key()).await?;
    run.packed.get(key, make(run, platform, kind, recipe, key)).await
}

async fn make(
    run: &Arc<Run>,
    platform: &Platform,
    kind: LayerKind,
    recipe: &Arc<Recipe>,
    key: Digest,
) -> Result<(Packed, bool), BuildError> {
    let subject = Subject::Layer { kind, platform: platform.clone() };
    let verb = Verb::Pack;
    let ended = |outcome| run.io.progress.on(Event::Ended { verb, subject: subject.clone(), outcome });
    if let Some(packed) = known(run.io.cache.as_ref(), &key)? {
        ended(Outcome::Present);
        return Ok((packed, true));
    }
    let _permit = run.encoders.acquire().await;
    run.io.progress.on(Event::Started { verb, subject: subject.clone(), size: Some(recipe.size()) });
    let (inner, recipe, at) = (run.clone(), recipe.clone(), subject.clone());
    let made = run.blocking(move || write(&inner, &recipe, &key, &at)).await;
    let result = made.and_then(|made| made);
    ended(if result.is_ok() { Outcome::Done } else { Outcome::Failed });
    result.map(|packed| (packed, false))
}

/// What the cache knows of a key, when the blob is there too.
pub(super) fn known(cache: &Cache, key: &Digest) -> Result<Option<Packed>, BuildError> {
    let Some(record) = cache.record(CacheKind::Layer, key)? else { return Ok(None) };
    let Ok(packed) = serde_json::from_slice::<Packed>(&record) else { return Ok(None) };
    let Some(blob) = cache.open(CacheKind::Blob, &packed.descriptor.digest)? else { return Ok(None) };
    if blob.metadata().map_err(|cause| cache.failure(&cause))?.len() == packed.descriptor.size {
        return Ok(Some(packed));
    }
    damaged(cache, &packed.descriptor.digest);
    Ok(None)
}

fn damaged(cache: &Cache, blob: &Digest) {
    cache.damaged(CacheKind::Blob, blob, &format!("layer {}", blob.short()));
}

/// Makes a layer once more whose blob in the cache turned out damaged.
///
/// # Errors
/// As `layer`; a layer that comes out otherwise than the cache says.
pub async fn again(
    run: &Arc<Run>,
    platform: &Platform,
    kind: LayerKind,
    recipe: &Arc<Recipe>,
    was: &Packed,
) -> Result<(), BuildError> {
    damaged(run.io.cache.as_ref(), &was.descriptor.digest);
    let hashed = recipe.clone();
    let key = run.blocking(move || hashed.key()).await?;
    let (packed, _) = run.repacked.get(key, make(run, platform, kind, recipe, key)).await?;
    if packed == *was { Ok(()) } else { Err(BuildError::Unreliable) }
}

fn write(run: &Run, recipe: &Recipe, key: &Digest, subject: &Subject) -> Result<Packed, BuildError> {
    let cache = run.io.cache.as_ref();
    let staged = cache.stage()?;
    let out = staged.reopen().map_err(|cause| cache.failure(&cause))?;
    let advanced = |bytes| {
        run.io.progress.on(Event::Advanced { verb: Verb::Pack, subject: subject.clone(), bytes });
    };
    let packed = run.with_packer(|packer| packer.pack(recipe, run.tars.as_ref(), out, &advanced));
    let packed = packed.map_err(|cause| match cause {
        PackError::Write(cause) => BuildError::Port(cache.failure(&cause)),
        cause => cause.into(),
    })?;
    cache.commit(staged, CacheKind::Blob, &packed.descriptor.digest)?;
    let record = serde_json::to_vec(&packed).map_err(|cause| cache.failure(&cause.into()))?;
    cache.keep(CacheKind::Layer, key, &record)?;
    Ok(packed)
}
