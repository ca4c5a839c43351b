//! One platform's image of a plan: the value that all steps of the recipe share.

use std::sync::Arc;

use super::context::Context;
use super::error::BuildError;
use crate::oci::{Architecture, Descriptor, Platform};
use crate::plan::Plan;
use crate::repository::{BlobSource, Sink};

/// One platform's image of a plan.
#[derive(Clone)]
pub struct PlatformBuild {
    pub cx: Arc<Context>,
    pub plan: Arc<Plan>,
    /// None when nothing is pushed.
    pub sink: Option<Arc<dyn Sink>>,
    pub platform: Platform,
    pub architecture: &'static Architecture,
}

impl PlatformBuild {
    /// # Errors
    /// A platform whose architecture is not known, which no plan has.
    pub fn new(
        cx: &Arc<Context>,
        plan: &Arc<Plan>,
        sink: Option<&Arc<dyn Sink>>,
        platform: &Platform,
    ) -> Result<Self, BuildError> {
        let unknown = || BuildError::Internal(format!("no architecture is known for {platform}"));
        let architecture = Architecture::of(platform).ok_or_else(unknown)?;
        let (cx, plan, sink) = (cx.clone(), plan.clone(), sink.cloned());
        Ok(Self { cx, plan, sink, platform: platform.clone(), architecture })
    }

    /// Uploads a blob, once for all platforms, unless the target has it. Does nothing when
    /// nothing is pushed.
    ///
    /// # Errors
    /// The target's.
    pub async fn push(&self, blob: &Descriptor, source: &BlobSource) -> Result<(), BuildError> {
        match &self.sink {
            Some(sink) => self.cx.push(&self.plan, sink, blob, source).await,
            None => Ok(()),
        }
    }
}
