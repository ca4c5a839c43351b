//! Composes the images of all platforms of a plan.

use std::sync::Arc;

use futures_util::future::join_all;

use super::compose_image::ComposedImage;
use super::context::Context;
use super::error::BuildError;
use super::local_files::LocalFiles;
use super::other_pythons;
use super::outputs::Outputs;
use super::platform_build::PlatformBuild;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::oci::Platform;
use crate::plan::Plan;
use crate::rootfs::LeftOut;

/// Composes the images of all platforms of a plan, and emits their warnings. Also returns the
/// local files that are left out.
///
/// # Errors
/// All errors of the plan, of the local files and of the images.
pub async fn compose_images(
    cx: &Arc<Context>,
    plan: &Arc<Plan>,
    outputs: &Arc<Outputs>,
) -> Result<(Vec<ComposedImage>, LeftOut), BuildError> {
    let errors = Diagnostics::default();
    errors.extend(plan.errors.iter().cloned());
    let local =
        LocalFiles::list(cx, plan, &errors).await.map_err(|error| error.after(errors.all(), &plan.platforms))?;
    // Nothing is uploaded for a build that cannot succeed.
    let outputs = if errors.is_empty() { outputs.clone() } else { Arc::default() };
    let composed = plan.platforms.iter().map(async |platform| {
        let build = PlatformBuild::new(cx, plan, &outputs, platform)?;
        let build = PlatformBuild { member_wheels: local.member_wheels.clone(), ..build };
        ComposedImage::compose(build, &local).await
    });
    let outcomes: Vec<_> = plan.platforms.iter().cloned().zip(join_all(composed).await).collect();
    warn(cx, &outcomes);
    let composed = BuildError::of_platforms(errors.all(), outcomes, &plan.platforms);
    let composed = composed.map_err(|error| error.map(|found| other_pythons::merged(found, plan)))?;
    let mut left_out = local.left_out(plan);
    cx.left_out().into_iter().for_each(|(folder, more)| left_out.add(&folder, more));
    Ok((composed, left_out))
}

/// Emits the warnings of all platforms, also of images with errors. A warning that all platforms
/// share names no platform.
fn warn(cx: &Context, outcomes: &[(Platform, Result<ComposedImage, BuildError>)]) {
    let all: Vec<_> = outcomes.iter().map(|(platform, outcome)| (platform, warnings(outcome))).collect();
    for (platform, found) in &all {
        for &warning in found {
            let everywhere = all.iter().all(|(_, other)| other.contains(&warning));
            let warning = warning.clone();
            cx.warn(if everywhere { warning } else { warning.on(platform) });
        }
    }
}

fn warnings(outcome: &Result<ComposedImage, BuildError>) -> Vec<&Diagnostic> {
    let found = match outcome {
        Ok(image) => image.summary.facts.diagnostics.as_slice(),
        Err(BuildError::Diagnostics { found, .. }) => found,
        Err(_) => &[],
    };
    found.iter().filter(|one| one.severity == Severity::Warning).collect()
}
