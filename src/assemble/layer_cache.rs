//! Packs the layers of images, or takes them from the cache.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::context::Context;
use super::error::BuildError;
use super::platform_build::PlatformBuild;
use crate::diagnostic::Code;
use crate::image::LayerId;
use crate::layer::{PackError, Packed, Recipe};
use crate::oci::Digest;
use crate::progress::{Event, Outcome, Subject, Verb};
use crate::repository::BlobSource;
use crate::store::{Cache, CacheKind};

/// A layer to pack, by the key of its recipe.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PlannedLayer {
    pub id: LayerId,
    /// The digest of its recipe.
    pub key: Digest,
    /// The number of files, without links.
    pub files: u64,
}

/// A finished layer.
pub struct FinishedLayer {
    pub packed: Packed,
    /// Set if the layer was in the cache.
    pub cached: bool,
}

/// Packs a layer and uploads it. Calls `recipe` only if the cache does not have the layer.
///
/// # Errors
/// Files that changed or can no longer be read; a cache or target that cannot be written.
pub async fn finish(
    build: &PlatformBuild,
    layer: &PlannedLayer,
    recipe: impl AsyncFn() -> Result<Arc<Recipe>, BuildError>,
) -> Result<FinishedLayer, BuildError> {
    let cx = &build.cx;
    let (packed, cached) = cx.packed.get(layer.key, make(build, layer, &recipe)).await?;
    let source = BlobSource::File(cx.io.cache.path(CacheKind::Blob, &packed.descriptor.digest));
    match build.push(&packed.descriptor, &source).await {
        Err(BuildError::Operation(cause)) if cause.code == Code::DamagedCache => {
            make_again(build, layer, &recipe, &packed).await?;
            build.push(&packed.descriptor, &source).await?;
        }
        pushed => pushed?,
    }
    Ok(FinishedLayer { packed, cached })
}

async fn make(
    build: &PlatformBuild,
    layer: &PlannedLayer,
    recipe: &impl AsyncFn() -> Result<Arc<Recipe>, BuildError>,
) -> Result<(Packed, bool), BuildError> {
    let cx = &build.cx;
    let subject = Subject::Layer { kind: layer.id.kind, platform: build.platform.clone() };
    let verb = Verb::Pack;
    let ended = |outcome| cx.io.progress.on(Event::Ended { verb, subject: subject.clone(), outcome });
    if let Some(packed) = known(cx.io.cache.as_ref(), &layer.key)? {
        ended(Outcome::Present);
        return Ok((packed, true));
    }
    let recipe = recipe().await?;
    let _permit = cx.encoders.acquire().await;
    cx.io.progress.on(Event::Started { verb, subject: subject.clone(), size: Some(recipe.size()) });
    let (inner, key, at) = (cx.clone(), layer.key, subject.clone());
    let made = cx.blocking(move || write(&inner, &recipe, &key, &at)).await;
    let result = made.and_then(|made| made);
    ended(if result.is_ok() { Outcome::Done } else { Outcome::Failed });
    result.map(|packed| (packed, false))
}

/// Returns the layer of a key if the cache has its record and its blob.
///
/// # Errors
/// A cache that cannot be read.
pub fn known(cache: &Cache, key: &Digest) -> Result<Option<Packed>, BuildError> {
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

/// Packs a layer again after its cached blob turned out to be damaged.
///
/// # Errors
/// As `make`; a layer that differs from the cache's record.
async fn make_again(
    build: &PlatformBuild,
    layer: &PlannedLayer,
    recipe: &impl AsyncFn() -> Result<Arc<Recipe>, BuildError>,
    was: &Packed,
) -> Result<(), BuildError> {
    damaged(build.cx.io.cache.as_ref(), &was.descriptor.digest);
    let (packed, _) = build.cx.repacked.get(layer.key, make(build, layer, recipe)).await?;
    if packed == *was { Ok(()) } else { Err(BuildError::Unreliable) }
}

fn write(cx: &Context, recipe: &Recipe, key: &Digest, subject: &Subject) -> Result<Packed, BuildError> {
    let cache = cx.io.cache.as_ref();
    let staged = cache.stage()?;
    let out = staged.reopen().map_err(|cause| cache.failure(&cause))?;
    let advanced = |bytes| {
        cx.io.progress.on(Event::Advanced { verb: Verb::Pack, subject: subject.clone(), bytes });
    };
    let packed = cx.with_packer(|packer| packer.pack(recipe, cx.tars.as_ref(), out, &advanced));
    let packed = packed.map_err(|cause| match cause {
        PackError::Write(cause) => BuildError::Operation(cache.failure(&cause)),
        cause => cause.into(),
    })?;
    cache.commit(staged, CacheKind::Blob, &packed.descriptor.digest)?;
    let record = serde_json::to_vec(&packed).map_err(|cause| cache.failure(&cause.into()))?;
    cache.keep(CacheKind::Layer, key, &record)?;
    Ok(packed)
}
