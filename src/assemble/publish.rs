//! Packs the layers of composed images, assembles manifests and index, and publishes them: the
//! tags last.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use super::compose_image::ComposedImage;
use super::compose_images::compose_images;
use super::context::Context;
use super::error::BuildError;
use super::layer_cache::{self, FinishedLayer, PlannedLayer};
use super::report::{LayerReport, MissingLibrary, PlatformReport, Report, ResolvedLibraries, Size};
use super::stage_cache::Summary;
use crate::diagnostic::{Detail, Diagnostic, Severity};
use crate::image::{self, Assembled, BaseRef, Lineage, NewLayer};
use crate::oci::{Descriptor, Digest, Location, RawManifest, media_type};
use crate::operation_error::OperationError;
use crate::plan::Plan;
use crate::repository::{BlobSource, Sink};
use crate::rootfs::LeftOut;

/// The composed images of a plan. Their layers are not packed yet.
pub struct ComposedIndex {
    plan: Arc<Plan>,
    sink: Option<Arc<dyn Sink>>,
    images: Vec<ComposedImage>,
    left_out: LeftOut,
    elapsed: Duration,
}

impl ComposedIndex {
    /// Composes the images of a plan.
    ///
    /// # Errors
    /// Errors of composing.
    pub async fn compose(cx: &Arc<Context>, plan: Arc<Plan>) -> Result<Self, BuildError> {
        let started = Instant::now();
        let sink = match (&plan.target, plan.push) {
            (Some(target), true) => Some(cx.io.repositories.sink(target)?),
            _ => None,
        };
        let (images, left_out) = compose_images(cx, &plan, sink.as_ref()).await?;
        Ok(Self { plan, sink, images, left_out, elapsed: started.elapsed() })
    }

    /// Packs the layers of the images and uploads their blobs.
    ///
    /// # Errors
    /// Layers that cannot be packed or uploaded.
    pub async fn finish(self) -> Result<BuiltIndex, BuildError> {
        let Self { plan, sink, images, left_out, elapsed } = self;
        let started = Instant::now();
        let base_index = images.iter().find_map(|image| image.base.index);
        let finished = try_join_all(images.into_iter().map(finish)).await?;
        let (images, platforms): (Vec<_>, Vec<_>) = finished.into_iter().unzip();
        let index = image::index(&images, &lineage(&plan, base_index));
        Ok(BuiltIndex { plan, sink, images, index, platforms, left_out, elapsed: elapsed + started.elapsed() })
    }
}

/// A built index: its blobs are at the target, its manifests are not.
pub struct BuiltIndex {
    plan: Arc<Plan>,
    sink: Option<Arc<dyn Sink>>,
    images: Vec<Assembled>,
    index: RawManifest,
    platforms: Vec<PlatformReport>,
    left_out: LeftOut,
    elapsed: Duration,
}

impl BuiltIndex {
    /// Uploads the manifests by digest, then the index.
    ///
    /// # Errors
    /// Any error of the target.
    pub async fn push_manifests(&self) -> Result<(), BuildError> {
        let Some(sink) = &self.sink else { return Ok(()) };
        try_join_all(self.images.iter().map(|image| sink.manifest(&image.manifest, None))).await?;
        // In a layout the index would be an entry without a name beside the tags.
        if self.plan.tags.is_empty() || matches!(self.plan.target, Some(Location::Registry(_))) {
            sink.manifest(&self.index, None).await?;
        }
        Ok(())
    }

    /// Finishes the target, whose tags are moved.
    ///
    /// # Errors
    /// Any error of the target.
    pub async fn publish(self) -> Result<Report, BuildError> {
        let Self { plan, sink, index, platforms, left_out, elapsed, .. } = self;
        let started = Instant::now();
        if let Some(sink) = &sink {
            sink.finish().await?;
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
            elapsed: elapsed + started.elapsed(),
        })
    }
}

/// Moves the tags of all indexes, in their order.
///
/// # Errors
/// The target's error. It names the tags that were moved and those that were not, if there are
/// several.
pub async fn move_tags(built: &mut [BuiltIndex]) -> Result<(), BuildError> {
    let all: Vec<_> = built.iter().flat_map(|index| index.plan.tags.clone()).collect();
    let mut moved = 0;
    for index in built {
        let started = Instant::now();
        for tag in &index.plan.tags {
            if let Some(sink) = &index.sink {
                let result = sink.manifest(&index.index, Some(tag)).await;
                result.map_err(|error| of_several(error, &all[..moved], &all[moved..]))?;
            }
            moved += 1;
        }
        index.elapsed += started.elapsed();
    }
    Ok(())
}

/// Adds to an error which tags were moved before it, and which were not.
fn of_several(mut error: OperationError, moved: &[String], others: &[String]) -> OperationError {
    let list = |tags: &[String]| tags.iter().map(|tag| format!("`{tag}`")).collect::<Vec<_>>().join(", ");
    match (moved, others) {
        ([], [_]) => {}
        ([], others) => error.message = format!("{} (no tag was moved: {})", error.message, list(others)),
        (moved, others) => {
            let (moved, others) = (list(moved), list(others));
            error.message = format!("{} (tags that were moved: {moved}; not moved: {others})", error.message);
        }
    }
    error
}

/// Packs and uploads the layers and the configuration of one platform's image.
async fn finish(mut composed: ComposedImage) -> Result<(Assembled, PlatformReport), BuildError> {
    let image = &composed;
    let one = |layer| layer_cache::finish(&image.build, layer, async || image.recipe(&layer.id));
    let finished = try_join_all(image.summary.layers.iter().map(one)).await?;
    composed.base_uploaded().await?;
    let ComposedImage { build, base, summary, .. } = &composed;
    let layers: Vec<_> = summary.layers.iter().zip(&finished).collect();
    let new_layers: Vec<_> = layers.iter().map(|(layer, finished)| new_layer(layer, finished, summary)).collect();
    let base_ref = BaseRef { config: &base.config, layers: &base.layers, platform: &base.platform };
    let assembled = image::assemble(&base_ref, &new_layers, &summary.process, &lineage(&build.plan, base.digest))
        .map_err(|cause| BuildError::config(&build.plan.base_name, cause))?;
    let descriptor = Descriptor::of(media_type::CONFIG, &assembled.config);
    build.push(&descriptor, &BlobSource::Bytes(assembled.config.clone().into())).await?;
    let reports = layers.into_iter().map(|(layer, finished)| layer_report(layer, finished));
    let report = PlatformReport {
        platform: build.platform.clone(),
        base: summary.base,
        layers: reports.collect(),
        python: summary.python.clone(),
        from_sdist: composed.from_sdist.clone(),
        command: base.config.command(&summary.process),
        command_origin: summary.command_origin.clone(),
        command_env: summary.facts.command_env.clone(),
        taken: sorted(summary.facts.libraries.clone()),
        missing: missing(summary),
        notes: notes(summary),
        resolved: ResolvedLibraries { objects: summary.objects, elapsed: composed.elapsed },
    };
    Ok((assembled, report))
}

fn new_layer(layer: &PlannedLayer, finished: &FinishedLayer, summary: &Summary) -> (Descriptor, NewLayer) {
    let created_by = layer.id.created_by(summary.python.as_deref());
    (finished.packed.descriptor.clone(), NewLayer { diff_id: finished.packed.diff_id, created_by })
}

fn layer_report(layer: &PlannedLayer, FinishedLayer { packed, cached }: &FinishedLayer) -> LayerReport {
    LayerReport {
        kind: layer.id.kind,
        distribution: layer.id.distribution().map(str::to_owned),
        digest: packed.descriptor.digest,
        size: Size { layers: 1, packed: packed.descriptor.size, unpacked: packed.unpacked },
        files: packed.files,
        cached: *cached,
    }
}

/// Returns the missing libraries that are not errors.
pub fn missing(summary: &Summary) -> Vec<MissingLibrary> {
    let notes = summary.facts.diagnostics.iter().filter(|one| one.severity == Severity::Note);
    let missing = notes.filter_map(|note| match &note.detail {
        Some(Detail::MissingLibrary { soname, needed_by }) => {
            Some(MissingLibrary { soname: soname.clone(), needed_by: needed_by.clone() })
        }
        _ => None,
    });
    let mut out = sorted(missing.collect());
    out.dedup();
    out
}

/// Returns the notes, without those about missing libraries.
pub fn notes(summary: &Summary) -> Vec<String> {
    let notes = summary.facts.diagnostics.iter().filter(|one| one.severity == Severity::Note);
    notes.filter(|note| note.detail.is_none()).map(Diagnostic::line).collect()
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort();
    list
}

/// Returns the line for stdout: `registry/repo:tag@sha256:…` with one tag,
/// `registry/repo@sha256:…` otherwise; `oci:DIR@sha256:…` for a layout.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;

    #[test]
    fn an_error_says_which_tags_were_moved() {
        let tags = ["1".to_owned(), "1.4".to_owned(), "1.4.2".to_owned()];
        let error = |tags: &[String], moved: usize| {
            of_several(OperationError::new(Code::ImmutableTag, "x"), &tags[..moved], &tags[moved..]).message
        };
        assert_eq!(error(&tags[..1], 0), "x");
        assert_eq!(error(&tags, 0), "x (no tag was moved: `1`, `1.4`, `1.4.2`)");
        assert_eq!(error(&tags, 1), "x (tags that were moved: `1`; not moved: `1.4`, `1.4.2`)");
        assert_eq!(error(&tags, 2), "x (tags that were moved: `1`, `1.4`; not moved: `1.4.2`)");
    }
}
