//! `carboy plan`: describes the images of a build without building them.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::try_join_all;

use super::compose_image::ComposedImage;
use super::compose_images::compose_images;
use super::context::{Context, Io};
use super::error::BuildError;
use super::layer_cache::{self, PlannedLayer};
use super::publish::{missing, notes};
use super::report::{Group, LayerPreview, PlatformPreview, Preview, Size, TakenFile, TargetPreview};
use crate::compose::{Because, Changes};
use crate::image::LayerKind;
use crate::layer::measure;
use crate::oci::Digest;
use crate::once_map::OnceMap;
use crate::plan::{Dependencies, Plan, Target};
use crate::rootfs::{Content, Entry, RootPath};

/// Composes the images of all plans and describes them. Pulls layers into the cache; packs
/// nothing.
///
/// # Errors
/// The errors of a build that are found without packing layers.
pub async fn preview(plans: Vec<Plan>, io: Io) -> Result<Vec<Preview>, BuildError> {
    Context::over(plans, io, |cx, plans| async move { preview_in(&cx, plans).await }).await
}

async fn preview_in(cx: &Arc<Context>, plans: Vec<Arc<Plan>>) -> Result<Vec<Preview>, BuildError> {
    let measured = Measurements::default();
    let mut composed = Vec::new();
    for plan in plans {
        composed.push(compose_images(cx, &plan, &Arc::default()).await.map(|images| (plan, images)));
    }
    let mut out = Vec::new();
    for (plan, (composed, left_out)) in BuildError::of_profiles(composed)? {
        let platforms = try_join_all(composed.iter().map(|image| one_platform(cx, &measured, image))).await?;
        out.push(Preview {
            profile: plan.profile.clone(),
            targets: plan.outputs.targets.iter().map(target).collect(),
            index: plan.outputs.index,
            base: plan.base_name.clone(),
            builder: plan.builder_name.clone(),
            lock: match &plan.dependencies {
                Dependencies::Locked(locked) => Some(locked.lock.file().to_owned()),
                Dependencies::None | Dependencies::Ready(_) | Dependencies::Unknown => None,
            },
            platforms,
            left_out,
        });
    }
    Ok(out)
}

fn target(target: &Target) -> TargetPreview {
    TargetPreview { target: target.to_string(), names: target.names.clone() }
}

/// The sizes of layers by the keys of their recipes: profiles share layers.
type Measurements = OnceMap<Digest, Measure>;

/// The size of one layer.
#[derive(Clone, Copy)]
struct Measure {
    size: Size,
    known: bool,
}

async fn one_platform(
    cx: &Arc<Context>,
    measured: &Measurements,
    image: &ComposedImage,
) -> Result<PlatformPreview, BuildError> {
    let summary = &image.summary;
    let layers = summary.layers.iter().map(|layer| one_layer(cx, measured, image, layer));
    let layers = try_join_all(layers).await?;
    let process = &summary.process;
    let distributions = summary.facts.distributions.iter().map(|one| format!("{} {}", one.name, one.version));
    let mut distributions: Vec<_> = distributions.collect();
    distributions.sort();
    Ok(PlatformPreview {
        platform: image.build.platform.clone(),
        base: summary.base,
        layers,
        groups: groups(image.changes()?),
        distributions,
        from_sdist: image.from_sdist.clone(),
        command: image.base.config.command(process),
        command_origin: summary.command_origin.clone(),
        command_env: summary.facts.command_env.clone(),
        user: process.user.clone(),
        workdir: process.workdir.clone(),
        python: summary.python.clone(),
        missing: missing(summary),
        notes: notes(summary),
    })
}

async fn one_layer(
    cx: &Arc<Context>,
    measured: &Measurements,
    image: &ComposedImage,
    layer: &PlannedLayer,
) -> Result<LayerPreview, BuildError> {
    let size = |packed, unpacked| Size { layers: 1, packed, unpacked };
    let measuring = async {
        if let Some(packed) = layer_cache::known(cx.io.cache.as_ref(), &layer.key)? {
            return Ok::<_, BuildError>(Measure { size: size(packed.descriptor.size, packed.unpacked), known: true });
        }
        let _permit = cx.encoders.acquire().await; // the compressor and its samples take memory
        let (inner, recipe) = (cx.clone(), image.recipe(&layer.id)?);
        let work = move || inner.with_packer(|packer| measure(&recipe, inner.tars.as_ref(), packer));
        let measured = cx.blocking(work).await??;
        Ok(Measure { size: size(measured.packed, measured.unpacked), known: false })
    };
    let Measure { size, known } = measured.get(layer.key, measuring).await?;
    let distribution = layer.id.distribution().map(str::to_owned);
    Ok(LayerPreview { kind: layer.id.kind, distribution, size, files: layer.files, known })
}

/// Groups the files that come from images by layer and package.
fn groups(stages: &[Changes]) -> Vec<Group> {
    let mut entries: BTreeMap<&RootPath, &Entry> = BTreeMap::new();
    let mut packages: BTreeMap<&RootPath, String> = BTreeMap::new();
    for changes in stages {
        entries.extend(changes.layers.values().flat_map(|recipe| recipe.entries()));
        for package in &changes.facts.packages {
            packages.extend(package.files.iter().map(|path| (path, package.label())));
        }
    }
    let mut groups: BTreeMap<(LayerKind, bool, Option<String>), Vec<TakenFile>> = BTreeMap::new();
    for (path, reason) in Changes::reasons_of(stages).iter() {
        if matches!(reason.because, Because::Dependency | Because::Application | Because::Record) {
            continue;
        }
        let Some(entry) = entries.get(path).filter(|entry| !entry.is_folder()) else { continue };
        let size = entry.content().map_or(0, Content::size);
        let file = TakenFile { path: path.to_string(), size, because: reason.because.clone() };
        let package = packages.get(path).cloned();
        groups.entry((reason.layer, package.is_none(), package)).or_default().push(file);
    }
    groups.into_iter().map(|((layer, _, package), files)| Group { layer, package, files }).collect()
}
