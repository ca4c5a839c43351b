//! The recipe: pull, compose, pack, assemble, publish, report.
//!
//! Reads and writes through registries, caches and local directories; decisions are those of
//! [`crate::compose`] and [`crate::image`].

mod bytecode;
mod compose_image;
mod context;
mod distributions;
mod error;
mod layer_cache;
mod layer_tars;
mod local_files;
mod path_dependency;
mod platform_build;
mod preview;
mod publish;
mod pull;
mod pulled_layer;
mod python_facts;
pub mod report;
mod stage_cache;
mod stage_keys;
mod wheel_elf_cache;
mod why;

use std::sync::Arc;

use futures_util::future::join_all;

pub use context::Io;
pub use error::BuildError;
pub use preview::preview;
pub use why::{why, why_image};

use compose_image::ComposedImage;
use context::Context;
use local_files::LocalFiles;
use platform_build::PlatformBuild;
use publish::BuiltIndex;
use report::Report;

use crate::diagnostic::Diagnostic;
use crate::plan::Plan;
use crate::repository::Sink;
use crate::rootfs::LeftOut;

/// Builds the images of all plans, then publishes them: no tag moves before all images are
/// complete. Work that plans share (pulled layers, made layers, pushed blobs) is done once.
///
/// # Errors
/// The first error, or all errors of the images of one plan.
pub async fn build(plans: Vec<Plan>, io: Io) -> Result<Vec<Report>, BuildError> {
    Context::over(plans, io, |cx, plans| async move { build_in(&cx, plans).await }).await
}

async fn build_in(cx: &Arc<Context>, plans: Vec<Arc<Plan>>) -> Result<Vec<Report>, BuildError> {
    let mut built = Vec::new();
    for plan in plans {
        built.push(BuiltIndex::build(cx, plan).await?);
    }
    cx.sound()?;
    for index in &built {
        index.push_manifests().await?;
    }
    let mut reports = Vec::new();
    for index in built {
        reports.push(index.publish().await?);
    }
    Ok(reports)
}

/// Composes the images of all platforms of a plan, and warns of everything that they warn of.
/// Returns with them the local files that are left out.
async fn compose_all(
    cx: &Arc<Context>,
    plan: &Arc<Plan>,
    sink: Option<&Arc<dyn Sink>>,
) -> Result<(Vec<ComposedImage>, LeftOut), BuildError> {
    let local = LocalFiles::list(cx, plan).await?;
    let composed = plan.platforms.iter().map(async |platform| {
        let build = PlatformBuild::new(cx, plan, sink, platform)?;
        ComposedImage::compose(build, &local).await
    });
    let outcomes = plan.platforms.iter().cloned().zip(join_all(composed).await);
    let composed = BuildError::of_platforms(outcomes.collect(), &plan.platforms)?;
    warn(cx, &composed);
    let mut left_out = local.left_out(plan);
    cx.left_out().into_iter().for_each(|(folder, more)| left_out.add(&folder, more));
    Ok((composed, left_out))
}

/// Emits the warnings of all platforms. A warning of all platforms names none.
fn warn(cx: &Context, images: &[ComposedImage]) {
    let warnings = |image: &ComposedImage| -> Vec<Diagnostic> { image.summary.diagnostics().cloned().collect() };
    let all: Vec<_> = images.iter().map(|image| (image, warnings(image))).collect();
    for (image, found) in &all {
        for warning in found {
            let everywhere = all.iter().all(|(_, other)| other.contains(warning));
            let warning = warning.clone();
            cx.warn(if everywhere { warning } else { warning.on(&image.build.platform) });
        }
    }
}
