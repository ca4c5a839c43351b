//! One platform's image of a plan: the value that all steps of a build share.

use std::sync::Arc;

use super::context::Context;
use super::error::BuildError;
use crate::diagnostic::Diagnostics;
use crate::oci::{Architecture, Descriptor, Platform};
use crate::plan::Plan;
use crate::repository::{BlobSource, Sink};
use crate::wheels::WheelFile;

/// One platform's image of a plan.
#[derive(Clone)]
pub struct PlatformBuild {
    pub cx: Arc<Context>,
    pub plan: Arc<Plan>,
    /// None if nothing is pushed.
    pub sink: Option<Arc<dyn Sink>>,
    pub platform: Platform,
    pub architecture: &'static Architecture,
    /// Wheels that replace the files of workspace members and path dependencies.
    pub member_wheels: Arc<Vec<WheelFile>>,
    /// Errors of this image after which the build goes on to find more.
    pub errors: Arc<Diagnostics>,
}

impl PlatformBuild {
    /// Starts the build of one platform.
    ///
    /// # Errors
    /// An unknown architecture: no plan has one.
    pub fn new(
        cx: &Arc<Context>,
        plan: &Arc<Plan>,
        sink: Option<&Arc<dyn Sink>>,
        platform: &Platform,
    ) -> Result<Self, BuildError> {
        let unknown = || BuildError::Internal(format!("no architecture is known for {platform}"));
        let architecture = Architecture::of(platform).ok_or_else(unknown)?;
        let (cx, plan, sink) = (cx.clone(), plan.clone(), sink.cloned());
        Ok(Self {
            cx,
            plan,
            sink,
            platform: platform.clone(),
            architecture,
            member_wheels: Arc::default(),
            errors: Arc::default(),
        })
    }

    /// Uploads a blob, once for all platforms, unless the target has it. Does nothing without a
    /// sink.
    ///
    /// # Errors
    /// Any error of the target.
    pub async fn push(&self, blob: &Descriptor, source: &BlobSource) -> Result<(), BuildError> {
        match &self.sink {
            Some(sink) => self.cx.push(&self.plan, sink, blob, source).await,
            None => Ok(()),
        }
    }
}
