//! The recipe: pull, extract, assemble, push, report.

pub mod abi;
mod application;
mod bytecode;
mod checks;
mod dependencies;
mod donor;
mod error;
mod extract;
mod extras;
mod lacking;
mod libraries;
mod links;
mod members;
mod module_path;
mod modules;
mod objects;
mod packing;
mod preview;
mod problems;
mod process;
mod project;
pub mod pull;
mod pulled_layer;
mod python_command;
pub mod reasons;
mod records;
pub mod report;
mod run;
mod runtime;
mod scratch;
mod scripts;
mod seal;
mod site;
mod start;
mod tars;
mod verify;
mod why;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{join_all, try_join, try_join_all};
use tokio::task::JoinHandle;

use application::Copied;
pub use error::BuildError;
use extract::Extraction;
pub use preview::preview;
use report::{PlatformReport, Report, Size};
pub use run::Io;
use run::Run;
pub use why::{why, why_image};

use crate::image::{self, Assembled, BaseRef, ImageConfig, Lineage, NewLayer};
use crate::layer::{Packed, Recipe};
use crate::oci::{Descriptor, Digest, Location, Platform, RawManifest, media_type};
use crate::operation_error::OperationErrorKind;
use crate::plan::Plan;
use crate::progress::LayerId;
use crate::repository::{BlobSource, Sink};
use crate::rootfs::LeftOut;
use crate::store::CacheKind;
use crate::wheels::Wheels;
use pull::Image;

/// Builds every plan's image, then publishes them: no tag moves before all of them
/// are whole. What plans share (pulled layers, made layers, pushed blobs) is done
/// once.
///
/// # Errors
/// The first thing that went wrong.
pub async fn build(plans: Vec<Plan>, io: Io) -> Result<Vec<Report>, BuildError> {
    Run::over(plans, io, |run, plans| async move { build_in(&run, plans).await }).await
}

async fn build_in(run: &Arc<Run>, plans: Vec<Arc<Plan>>) -> Result<Vec<Report>, BuildError> {
    let mut built = Vec::new();
    for plan in plans {
        built.push(prepare(run, plan).await?);
    }
    run.sound()?;
    for one in &built {
        manifests(one).await?;
    }
    let mut reports = Vec::new();
    for one in built {
        reports.push(publish(one).await?);
    }
    Ok(reports)
}

/// An image whose blobs are at the target, and whose manifests are not.
struct Built {
    plan: Arc<Plan>,
    sink: Option<Arc<dyn Sink>>,
    images: Vec<Assembled>,
    index: RawManifest,
    platforms: Vec<PlatformReport>,
    left_out: LeftOut,
    spent: Duration,
}

async fn prepare(run: &Arc<Run>, plan: Arc<Plan>) -> Result<Built, BuildError> {
    let started = Instant::now();
    let sink = match (&plan.target, plan.push) {
        (Some(target), true) => Some(run.io.repositories.sink(target)?),
        _ => None,
    };
    let (decided, left_out) = decide_all(run, &plan, sink.as_ref()).await?;
    let decided = decided.into_iter().map(|decided| Decided { extraction: decided.extraction.slim(), ..decided });
    let decided: Vec<_> = decided.collect(); // memory is free before the first layer is packed
    let done = decided.into_iter().map(|decided| make(run, &plan, sink.as_ref(), decided));
    let done = try_join_all(done).await?;
    let base_index = done.iter().find_map(|done| done.base_index);
    let (images, platforms): (Vec<_>, Vec<_>) = done.into_iter().map(|done| (done.image, done.report)).unzip();
    let index = image::index(&images, &lineage(&plan, base_index));
    Ok(Built { plan, sink, images, index, platforms, left_out, spent: started.elapsed() })
}

/// Writes manifests by digest, then the index.
async fn manifests(Built { plan, sink, images, index, .. }: &Built) -> Result<(), BuildError> {
    let Some(sink) = sink else { return Ok(()) };
    try_join_all(images.iter().map(|image| sink.manifest(&image.manifest, None))).await?;
    // A layout would list a nameless image beside the tags.
    if plan.tags.is_empty() || matches!(plan.target, Some(Location::Registry(_))) {
        sink.manifest(index, None).await?;
    }
    Ok(())
}

/// Moves the tags.
async fn publish(built: Built) -> Result<Report, BuildError> {
    let Built { plan, sink, index, platforms, left_out, spent, .. } = built;
    let started = Instant::now();
    if let Some(sink) = &sink {
        for tag in &plan.tags {
            sink.manifest(&index, Some(tag)).await?;
        }
    }
    let digest = index.digest();
    Ok(Report {
        profile: plan.profile.clone(),
        reference: reference(&plan, digest),
        digest,
        pushed: sink.is_some(),
        tags: plan.tags.clone(),
        base: plan.base_name.clone(),
        builder: plan.builder_name.clone(),
        platforms,
        left_out,
        elapsed: spent + started.elapsed(),
    })
}

/// The line for stdout: `registry/repo:tag@sha256:…` with one tag, without it
/// otherwise; `oci:DIR@sha256:…` for a layout.
fn reference(plan: &Plan, digest: Digest) -> String {
    match &plan.target {
        None => digest.to_string(),
        Some(Location::Layout { folder, .. }) => format!("oci:{}@{digest}", folder.display()),
        Some(Location::Registry(name)) => match plan.tags.as_slice() {
            [tag] => format!("{}:{tag}@{digest}", name.bare()),
            _ => format!("{}@{digest}", name.bare()),
        },
    }
}

struct Done {
    image: Assembled,
    report: PlatformReport,
    base_index: Option<Digest>,
}

/// What all platforms share of the user's machine.
struct Local {
    app: Option<application::Local>,
    copies: Arc<Vec<Copied>>,
    packages: Option<Arc<Wheels>>,
}

/// What one platform's image will be.
struct Decided {
    platform: Platform,
    base: Arc<Image>,
    extraction: Extraction,
    /// The base's layers on their way to the target.
    base_pushed: Option<JoinHandle<Result<(), BuildError>>>,
}

/// Decides every platform's image. Returns with it what stays behind of local folders.
async fn decide_all(
    run: &Arc<Run>,
    plan: &Arc<Plan>,
    sink: Option<&Arc<dyn Sink>>,
) -> Result<(Vec<Decided>, LeftOut), BuildError> {
    let app = application::local(run, plan).await?;
    let copies = Arc::new(application::copies(run, plan).await?);
    let local = Local { app, copies, packages: dependencies::packages(run, plan)? };
    let decided = plan.platforms.iter().map(|platform| decide(run, plan, sink, platform, &local));
    let decided = BuildError::all(join_all(decided).await, &plan.platforms)?;
    let mut left_out = application::left_out(plan, local.app.as_ref(), &local.copies);
    run.left_out().into_iter().for_each(|(folder, more)| left_out.add(&folder, more));
    Ok((decided, left_out))
}

/// Pulls and decides; the base's layers are pushed meanwhile.
async fn decide(
    run: &Arc<Run>,
    plan: &Arc<Plan>,
    sink: Option<&Arc<dyn Sink>>,
    platform: &Platform,
    local: &Local,
) -> Result<Decided, BuildError> {
    let (base, builder) = try_join(base(run, plan, platform), builder(run, plan, platform)).await?;
    let base_pushed = sink.map(|sink| tokio::spawn(push_base(run.clone(), plan.clone(), sink.clone(), base.clone())));
    let inputs = extract::Inputs::gather(run, plan, platform, base.clone(), builder, local).await?;
    let extraction = run.blocking(move || extract::extract(&inputs)).await??;
    Ok(Decided { platform: platform.clone(), base, extraction, base_pushed })
}

async fn push_base(run: Arc<Run>, plan: Arc<Plan>, sink: Arc<dyn Sink>, base: Arc<Image>) -> Result<(), BuildError> {
    let Some(source) = &base.source else { return Ok(()) };
    let origin = BlobSource::Repository(source.clone());
    try_join_all(base.layers.iter().map(|layer| run.push(&plan, &sink, &layer.descriptor, &origin))).await.map(|_| ())
}

/// Makes and pushes one platform's layers and configuration.
async fn make(
    run: &Arc<Run>,
    plan: &Arc<Plan>,
    sink: Option<&Arc<dyn Sink>>,
    decided: Decided,
) -> Result<Done, BuildError> {
    let Decided { platform, base, extraction, base_pushed } = decided;
    let layers = extraction.layers.iter().map(|(layer, recipe)| one_layer(run, plan, sink, &platform, layer, recipe));
    let layers = try_join_all(layers).await?;
    if let Some(pushed) = base_pushed {
        pushed.await.map_err(|cause| BuildError::Internal(cause.to_string()))??;
    }
    let new_layers: Vec<_> = layers
        .iter()
        .map(|(layer, packed, _)| {
            let created_by = layer.created_by(extraction.python.as_deref());
            (packed.descriptor.clone(), NewLayer { diff_id: packed.diff_id, created_by })
        })
        .collect();
    let descriptors: Vec<_> = base.layers.iter().map(|layer| layer.descriptor.clone()).collect();
    let base_ref = BaseRef { config: &base.config, layers: &descriptors, platform: &base.platform };
    let image = image::assemble(&base_ref, &new_layers, &extraction.process, &lineage(plan, base.digest))
        .map_err(|cause| BuildError::config(&plan.base_name, cause))?;
    if let Some(sink) = sink {
        let descriptor = Descriptor::of(media_type::CONFIG, &image.config);
        run.push(plan, sink, &descriptor, &BlobSource::Bytes(image.config.clone().into())).await?;
    }
    let report = PlatformReport {
        platform,
        base: base_size(&base),
        layers: layers.iter().map(|(layer, packed, cached)| layer_report(layer, packed, *cached)).collect(),
        python: extraction.python,
        taken: extraction.taken,
        missing: extraction.missing,
        resolved: extraction.resolved,
    };
    Ok(Done { image, report, base_index: base.index })
}

async fn base(run: &Arc<Run>, plan: &Plan, platform: &Platform) -> Result<Arc<Image>, BuildError> {
    match &plan.base {
        Some(location) => pull::image(run, &plan.base_name, location, platform).await,
        None => Ok(Arc::new(Image::scratch(ImageConfig::scratch(platform), platform))),
    }
}

async fn builder(run: &Arc<Run>, plan: &Plan, platform: &Platform) -> Result<Option<Arc<Image>>, BuildError> {
    match (&plan.builder, &plan.builder_name) {
        (Some(location), Some(name)) => pull::image(run, name, location, platform).await.map(Some),
        _ => Ok(None),
    }
}

async fn one_layer<'a>(
    run: &Arc<Run>,
    plan: &Plan,
    sink: Option<&Arc<dyn Sink>>,
    platform: &Platform,
    layer: &'a LayerId,
    recipe: &Arc<Recipe>,
) -> Result<(&'a LayerId, Packed, bool), BuildError> {
    let (packed, cached) = packing::layer(run, platform, layer.kind, recipe).await?;
    if let Some(sink) = sink {
        let path = || BlobSource::File(run.io.cache.path(CacheKind::Blob, &packed.descriptor.digest));
        match run.push(plan, sink, &packed.descriptor, &path()).await {
            Err(BuildError::Port(cause)) if cause.kind == OperationErrorKind::Damaged => {
                packing::again(run, platform, layer.kind, recipe, &packed).await?;
                run.push(plan, sink, &packed.descriptor, &path()).await?;
            }
            pushed => pushed?,
        }
    }
    Ok((layer, packed, cached))
}

fn base_size(base: &Image) -> Size {
    let sum = |size: fn(&pull::Layer) -> u64| base.layers.iter().map(size).fold(0, u64::saturating_add);
    Size {
        layers: base.layers.len(),
        packed: sum(|layer| layer.descriptor.size),
        unpacked: sum(|layer| layer.facts.size),
    }
}

fn layer_report(layer: &LayerId, packed: &Packed, cached: bool) -> report::LayerReport {
    report::LayerReport {
        kind: layer.kind,
        distribution: layer.distribution().map(str::to_owned),
        digest: packed.descriptor.digest,
        size: Size { layers: 1, packed: packed.descriptor.size, unpacked: packed.unpacked },
        files: packed.files,
        cached,
    }
}

fn lineage(plan: &Plan, base_digest: Option<Digest>) -> Lineage {
    let base_name = match &plan.base {
        Some(Location::Registry(name)) => Some(match &name.tag {
            Some(tag) => format!("{}:{tag}", name.bare()),
            None => name.bare(),
        }),
        _ => None,
    };
    let base_digest = base_digest.filter(|_| base_name.is_some());
    Lineage { base_name, base_digest, created: rfc3339(plan.timestamp), own: plan.image.annotations.clone() }
}

fn rfc3339(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX).to_string()
}
