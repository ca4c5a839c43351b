//! What a build would do, told without making or pushing anything.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::try_join_all;

use super::error::BuildError;
use super::extract::Extraction;
use super::reasons::Because;
use super::report::{Group, LayerPreview, PlatformPreview, Preview, Size, TakenFile};
use super::run::{Io, Run};
use super::{Decided, base_size, decide_all, packing};
use crate::layer::{Recipe, measure};
use crate::oci::Digest;
use crate::once_map::OnceMap;
use crate::plan::{Dependencies, Plan};
use crate::progress::{LayerId, LayerKind};

/// Decides every plan's image and tells what it would be. Layers are pulled into the
/// cache; nothing is made.
///
/// # Errors
/// What would stop the build, as far as it can be known without making layers.
pub async fn preview(plans: Vec<Plan>, io: Io) -> Result<Vec<Preview>, BuildError> {
    Run::over(plans, io, |run, plans| async move { preview_in(&run, plans).await }).await
}

async fn preview_in(run: &Arc<Run>, plans: Vec<Arc<Plan>>) -> Result<Vec<Preview>, BuildError> {
    let measured = Measurements::default();
    let mut out = Vec::new();
    for plan in plans {
        let (decided, left_out) = decide_all(run, &plan, None).await?;
        let platforms = try_join_all(decided.into_iter().map(|decided| one_platform(run, &measured, decided)));
        let platforms = platforms.await?;
        out.push(Preview {
            profile: plan.profile.clone(),
            target: plan.target.as_ref().map(ToString::to_string),
            tags: plan.tags.clone(),
            base: plan.base_name.clone(),
            builder: plan.builder_name.clone(),
            lock: match &plan.dependencies {
                Dependencies::Locked(locked) => Some(locked.lock.file().to_owned()),
                Dependencies::None | Dependencies::Ready(_) => None,
            },
            platforms,
            left_out,
        });
    }
    Ok(out)
}

/// Layers' sizes by their recipes' keys: profiles share layers.
type Measurements = OnceMap<Digest, Measure>;

/// What is known of one layer.
#[derive(Clone, Copy)]
struct Measure {
    size: Size,
    files: u64,
    known: bool,
}

async fn one_platform(
    run: &Arc<Run>,
    measured: &Measurements,
    decided: Decided,
) -> Result<PlatformPreview, BuildError> {
    let Decided { platform, base, extraction, .. } = decided;
    let layers = extraction.layers.iter().map(|(layer, recipe)| one_layer(run, measured, layer, recipe));
    let layers = try_join_all(layers).await?;
    let process = &extraction.process;
    Ok(PlatformPreview {
        platform,
        base: base_size(&base),
        layers,
        groups: groups(&extraction),
        distributions: extraction.distributions,
        command: process.command(&base.config),
        user: process.user.clone(),
        workdir: process.workdir.clone(),
        python: extraction.python,
        missing: extraction.missing,
    })
}

async fn one_layer(
    run: &Arc<Run>,
    measured: &Measurements,
    layer: &LayerId,
    recipe: &Arc<Recipe>,
) -> Result<LayerPreview, BuildError> {
    let hashed = recipe.clone();
    let key = run.blocking(move || hashed.key()).await?;
    let (inner, recipe) = (run.clone(), recipe.clone());
    let work = move || -> Result<Measure, BuildError> {
        let size = |packed, unpacked| Size { layers: 1, packed, unpacked };
        let files = recipe.files();
        if let Some(packed) = packing::known(inner.io.cache.as_ref(), &key)? {
            let size = size(packed.descriptor.size, packed.unpacked);
            return Ok(Measure { size, files, known: true });
        }
        let measured = inner.with_packer(|packer| measure(&recipe, inner.tars.as_ref(), packer))?;
        Ok(Measure { size: size(measured.packed, measured.unpacked), files, known: false })
    };
    let measure = async {
        let _permit = run.encoders.acquire().await; // samples and what compresses them take memory
        run.blocking(work).await?
    };
    let Measure { size, files, known } = measured.get(key, measure).await?;
    let distribution = layer.distribution().map(str::to_owned);
    Ok(LayerPreview { kind: layer.kind, distribution, size, files, known })
}

/// What came out of images, by layer and package.
fn groups(extraction: &Extraction) -> Vec<Group> {
    let mut groups: BTreeMap<(LayerKind, bool, Option<String>), Vec<TakenFile>> = BTreeMap::new();
    for (path, reason) in extraction.reasons.iter() {
        if matches!(reason.because, Because::Dependency | Because::Application | Because::Record) {
            continue;
        }
        let Some(entry) = extraction.image.get(path).filter(|entry| !entry.is_folder()) else { continue };
        let size = entry.content().map_or(0, crate::rootfs::Content::size);
        let file = TakenFile { path: path.to_string(), size, because: reason.because.clone() };
        let package = extraction.packages.get(path).cloned();
        groups.entry((reason.layer, package.is_none(), package)).or_default().push(file);
    }
    groups.into_iter().map(|((layer, _, package), files)| Group { layer, package, files }).collect()
}
