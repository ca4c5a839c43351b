//! Builds images: pull, compose, pack, assemble, publish, report.
//!
//! Does the I/O with registries, caches and local directories; [`crate::compose`] and
//! [`crate::image`] decide on the content.

mod build_outputs;
mod bytecode;
mod choose;
mod compose_image;
mod compose_images;
mod context;
mod distributions;
mod error;
mod file_list;
mod image_root;
mod input_keys;
mod join;
mod layer_cache;
mod layer_tars;
mod local_files;
mod merged_errors;
mod offline;
mod other_pythons;
mod outputs;
mod own_project;
mod path_dependency;
mod platform_build;
mod preview;
mod publication;
mod publish;
mod pull;
mod pulled_layer;
mod python_facts;
pub mod report;
mod stage_cache;
mod stage_keys;
mod start;
mod tag;
mod wheel_elf_cache;
mod why;

use std::sync::Arc;
use std::time::Instant;

pub use context::Io;
pub use error::BuildError;
pub use file_list::files;
pub use join::{JoinRequest, join};
pub use preview::preview;
pub use tag::tag;
pub use why::{NamedImage, why, why_image};

use context::Context;
use publication::Publication;
use publish::ComposedIndex;
use report::Report;

use crate::plan::Plan;

/// Builds the images of all plans, then publishes them: no tag moves before all images are
/// complete. Shared work (pulled layers, packed layers, pushed blobs) is done once.
///
/// # Errors
/// All errors of the plans and their images; the first error of publishing.
pub async fn build(plans: Vec<Plan>, io: Io) -> Result<Vec<Report>, BuildError> {
    Context::over(plans, io, |cx, plans| async move { build_in(&cx, plans).await }).await
}

async fn build_in(cx: &Arc<Context>, plans: Vec<Arc<Plan>>) -> Result<Vec<Report>, BuildError> {
    let mut composed = Vec::new();
    for plan in plans {
        composed.push(ComposedIndex::compose(cx, plan).await);
    }
    let mut built = Vec::new();
    for index in BuildError::of_profiles(composed)? {
        built.push(index.finish().await?);
    }
    cx.sound()?;
    let started = Instant::now();
    Publication::of(&built).publish().await?;
    let elapsed = started.elapsed();
    Ok(built.into_iter().map(|index| index.report(elapsed)).collect())
}
