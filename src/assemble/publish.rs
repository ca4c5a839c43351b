//! Packs the layers of composed images, assembles manifests and index, and reports them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;

use super::compose_image::ComposedImage;
use super::compose_images::compose_images;
use super::context::Context;
use super::error::BuildError;
use super::layer_cache::{self, FinishedLayer, PlannedLayer};
use super::outputs::{Form, Output, OutputKind, Outputs};
use super::report::{LayerReport, MissingLibrary, OutputReport, PlatformReport, Report, ResolvedLibraries, Size};
use super::stage_cache::Summary;
use crate::config::IndexMode;
use crate::diagnostic::{Detail, Diagnostic, Severity};
use crate::image::{self, Assembled, BaseRef, Lineage, NewLayer};
use crate::oci::{Descriptor, Digest, Location, Platform, RawManifest, media_type};
use crate::plan::{Plan, Target};
use crate::repository::BlobSource;
use crate::rootfs::LeftOut;

/// The composed images of a plan. Their layers are not packed yet.
pub struct ComposedIndex {
    plan: Arc<Plan>,
    outputs: Arc<Outputs>,
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
        let outputs = Arc::new(Outputs::open(cx, &plan)?);
        let (images, left_out) = compose_images(cx, &plan, &outputs).await?;
        Ok(Self { plan, outputs, images, left_out, elapsed: started.elapsed() })
    }

    /// Packs the layers of the images and uploads their blobs.
    ///
    /// # Errors
    /// Layers that cannot be packed or uploaded.
    pub async fn finish(self) -> Result<BuiltIndex, BuildError> {
        let Self { plan, outputs, images, left_out, elapsed } = self;
        let started = Instant::now();
        let base_index = images.iter().find_map(|image| image.base.index);
        let finished = try_join_all(images.into_iter().map(finish)).await?;
        let (images, platforms): (Vec<_>, Vec<_>) = finished.into_iter().unzip();
        let index = image::index(&images, &lineage(&plan, base_index));
        Ok(BuiltIndex {
            plan,
            outputs,
            images,
            index,
            base_index,
            platforms,
            left_out,
            elapsed: elapsed + started.elapsed(),
        })
    }
}

/// A built index: its blobs are at the outputs, its manifests are not.
pub struct BuiltIndex {
    plan: Arc<Plan>,
    pub outputs: Arc<Outputs>,
    pub images: Vec<Assembled>,
    index: RawManifest,
    /// The digest that the base's name refers to.
    base_index: Option<Digest>,
    platforms: Vec<PlatformReport>,
    left_out: LeftOut,
    elapsed: Duration,
}

impl BuiltIndex {
    /// Returns the manifest that an output names: the index, or the only image's.
    pub fn root(&self, output: &Output) -> &RawManifest {
        let image = match &output.form {
            Form::Index => None,
            Form::Manifest(platform) => self.image(platform),
        };
        image.map_or(&self.index, |image| &image.manifest)
    }

    fn image(&self, platform: &Platform) -> Option<&Assembled> {
        self.images.iter().find(|image| image.platform.matches(platform))
    }

    /// Describes the images. `publishing` is the time that publishing took.
    pub fn report(self, publishing: Duration) -> Report {
        let wanted = &self.plan.outputs;
        let outputs: Vec<_> = self.outputs.iter().map(|output| self.output_report(output)).collect();
        let root = match wanted.index {
            IndexMode::Never => self.images.first().map_or(&self.index, |image| &image.manifest),
            IndexMode::Always => &self.index,
        };
        let target = wanted.targets.first();
        let unpublished = || match target {
            Some(Target { place, names }) => reference(&place.to_string(), OutputKind::of(place), names, root.digest()),
            None => root.digest().to_string(),
        };
        Report {
            profile: self.plan.profile.clone(),
            reference: outputs.first().map_or_else(unpublished, |output| output.reference.clone()),
            digest: root.digest(),
            root: root.descriptor(),
            pushed: !outputs.is_empty(),
            tags: target.map(|target| target.names.clone()).unwrap_or_default(),
            outputs,
            base: self.plan.base_name.clone(),
            base_digest: self.base_index,
            builder: self.plan.builder_name.clone(),
            platforms: self.platforms,
            left_out: self.left_out,
            elapsed: self.elapsed + publishing,
        }
    }

    fn output_report(&self, output: &Output) -> OutputReport {
        let image_id = match &output.form {
            Form::Manifest(platform) if output.kind.has_image_id() => {
                self.image(platform).map(|image| Digest::of(&image.config))
            }
            _ => None,
        };
        let digest = image_id.unwrap_or_else(|| self.root(output).digest());
        let Output { place, kind, names, .. } = output;
        OutputReport {
            reference: reference(place, *kind, names, digest),
            place: place.clone(),
            kind: *kind,
            names: names.clone(),
            digest,
        }
    }
}

/// Returns the line for stdout: `registry/repo:tag@sha256:…` with one tag and
/// `registry/repo@sha256:…` otherwise, `oci:DIR@sha256:…` for a layout, and the image's name in a
/// container engine, which knows no digest of an image that it did not pull.
pub fn reference(place: &str, kind: OutputKind, names: &[String], digest: Digest) -> String {
    match (kind, names) {
        (OutputKind::Registry, [tag]) => format!("{place}:{tag}@{digest}"),
        (OutputKind::Engine, [name, ..]) => name.clone(),
        _ => format!("{place}@{digest}"),
    }
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
        manifest: assembled.manifest.descriptor(),
        config: descriptor,
        base_digest: base.digest,
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
