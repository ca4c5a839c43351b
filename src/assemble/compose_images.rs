//! Composes the images of all platforms of a plan.

use std::sync::Arc;

use futures_util::future::join_all;

use super::compose_image::ComposedImage;
use super::context::Context;
use super::error::BuildError;
use super::local_files::LocalFiles;
use super::platform_build::PlatformBuild;
use crate::diagnostic::Diagnostic;
use crate::plan::Plan;
use crate::repository::Sink;
use crate::rootfs::LeftOut;

/// Composes the images of all platforms of a plan, and emits their warnings. Also returns the
/// local files that are left out.
pub async fn compose_images(
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

/// Emits the warnings of all platforms. A warning that all platforms share names no platform.
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
