//! The recipe: pull, extract, assemble, push, report.

mod application;
mod error;
mod extract;
mod libraries;
mod objects;
mod once;
mod packing;
mod process;
pub mod pull;
pub mod report;
mod run;
mod site;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{try_join, try_join_all};

pub use error::BuildError;
use report::{PlatformReport, Report, Size};
pub use run::Io;
use run::Run;

use crate::image::{self, Assembled, BaseRef, ImageConfig, Lineage, NewLayer};
use crate::layer::{Limits, Packed, Recipe};
use crate::oci::{Descriptor, Digest, Location, Platform, RawManifest, media_type};
use crate::plan::Plan;
use crate::ports::{Origin, Sink, Walk};
use crate::progress::LayerKind;
use pull::Image;

/// Builds every plan's image, then publishes them: no tag moves before all of them
/// are whole. What plans share (pulled layers, made layers, pushed blobs) is done
/// once.
///
/// # Errors
/// The first thing that went wrong.
pub async fn build(plans: Vec<Plan>, io: Io) -> Result<Vec<Report>, BuildError> {
    // All plans are of one file, and limits of no profile.
    let limits = plans.first().map_or_else(Limits::default, |plan| plan.limits);
    let run = Arc::new(Run::new(io, limits));
    let mut built = Vec::new();
    for plan in plans {
        built.push(prepare(&run, Arc::new(plan)).await?);
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
    left_out: Vec<(String, u64)>,
    spent: Duration,
}

async fn prepare(run: &Arc<Run>, plan: Arc<Plan>) -> Result<Built, BuildError> {
    let started = Instant::now();
    let sink = match (&plan.target, plan.push) {
        (Some(target), true) => Some(run.io.repositories.sink(target)?),
        _ => None,
    };
    let app = application::walk(run, &plan).await?;
    let left_out = app.as_ref().map(|walk| walk.left_out.clone()).unwrap_or_default();
    let platforms =
        plan.platforms.iter().map(|platform| one_platform(run, &plan, sink.as_ref(), platform, app.as_ref()));
    let done = try_join_all(platforms).await?;
    let base_index = done.iter().find_map(|done| done.base_index);
    let (images, platforms): (Vec<_>, Vec<_>) = done.into_iter().map(|done| (done.image, done.report)).unzip();
    let index = image::index(&images, &lineage(&plan, base_index));
    Ok(Built { plan, sink, images, index, platforms, left_out, spent: started.elapsed() })
}

/// Writes manifests by digest, then the index, then the tags.
async fn publish(built: Built) -> Result<Report, BuildError> {
    let Built { plan, sink, images, index, platforms, left_out, spent } = built;
    let started = Instant::now();
    if let Some(sink) = &sink {
        try_join_all(images.iter().map(|image| sink.manifest(&image.manifest, None))).await?;
        // A layout would list a nameless image beside the tags.
        if plan.tags.is_empty() || matches!(plan.target, Some(Location::Registry(_))) {
            sink.manifest(&index, None).await?;
        }
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

async fn one_platform(
    run: &Arc<Run>,
    plan: &Arc<Plan>,
    sink: Option<&Arc<dyn Sink>>,
    platform: &Platform,
    app: Option<&Walk>,
) -> Result<Done, BuildError> {
    let (base, builder) = try_join(base(run, plan, platform), builder(run, plan, platform)).await?;
    let push_base = async {
        let Some(sink) = sink else { return Ok(()) };
        let Some(source) = &base.source else { return Ok(()) };
        let origin = Origin::Repository(source.clone());
        try_join_all(base.layers.iter().map(|layer| run.push(plan, sink, &layer.descriptor, &origin))).await.map(|_| ())
    };
    let make = async {
        let inputs = extract::Inputs::gather(run, plan, platform, base.clone(), builder, app).await?;
        let extraction = run.blocking(move || extract::extract(&inputs)).await??;
        let layers = extraction.layers.iter().map(|(kind, recipe)| one_layer(run, plan, sink, platform, *kind, recipe));
        let layers = try_join_all(layers).await?;
        Ok((extraction, layers))
    };
    let ((), (extraction, layers)) = try_join(push_base, make).await?;
    let created = |kind: LayerKind| match (kind, &extraction.python) {
        (LayerKind::Runtime, Some(version)) => format!("carboy: {} (python {version})", kind.name()),
        _ => format!("carboy: {}", kind.name()),
    };
    let new_layers: Vec<_> = layers
        .iter()
        .map(|(kind, packed, _)| {
            (packed.descriptor.clone(), NewLayer { diff_id: packed.diff_id, created_by: created(*kind) })
        })
        .collect();
    let descriptors: Vec<_> = base.layers.iter().map(|layer| layer.descriptor.clone()).collect();
    let base_ref = BaseRef { config: &base.config, layers: &descriptors, platform: &base.platform };
    let image = image::assemble(&base_ref, &new_layers, &extraction.process, &lineage(plan, base.digest))
        .map_err(|cause| BuildError::config(&plan.base_name, cause))?;
    if let Some(sink) = sink {
        let descriptor = Descriptor::of(media_type::CONFIG, &image.config);
        run.push(plan, sink, &descriptor, &Origin::Bytes(image.config.clone().into())).await?;
    }
    let report = PlatformReport {
        platform: platform.clone(),
        base: Size {
            layers: base.layers.len(),
            packed: base.layers.iter().map(|layer| layer.descriptor.size).sum(),
            unpacked: base.layers.iter().map(|layer| layer.unpacked).sum(),
        },
        layers: layers.iter().map(|(kind, packed, cached)| layer_report(*kind, packed, *cached)).collect(),
        python: extraction.python,
        taken: extraction.taken,
        missing: extraction.missing,
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

async fn one_layer(
    run: &Arc<Run>,
    plan: &Plan,
    sink: Option<&Arc<dyn Sink>>,
    platform: &Platform,
    kind: LayerKind,
    recipe: &Arc<Recipe>,
) -> Result<(LayerKind, Packed, bool), BuildError> {
    let (packed, cached) = packing::layer(run, platform, kind, recipe).await?;
    if let Some(sink) = sink {
        let path = run.io.cache.path(crate::ports::CacheKind::Blob, &packed.descriptor.digest);
        run.push(plan, sink, &packed.descriptor, &Origin::File(path)).await?;
    }
    Ok((kind, packed, cached))
}

fn layer_report(kind: LayerKind, packed: &Packed, cached: bool) -> report::LayerReport {
    report::LayerReport {
        kind,
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
