//! One platform's image of a plan: the value that all steps of a build share.

use std::sync::Arc;

use super::context::Context;
use super::error::BuildError;
use super::outputs::Outputs;
use crate::diagnostic::Diagnostics;
use crate::oci::{Architecture, Descriptor, Platform};
use crate::plan::Plan;
use crate::repository::BlobSource;
use crate::wheels::WheelFile;

/// One platform's image of a plan.
#[derive(Clone)]
pub struct PlatformBuild {
    pub cx: Arc<Context>,
    pub plan: Arc<Plan>,
    pub outputs: Arc<Outputs>,
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
        outputs: &Arc<Outputs>,
        platform: &Platform,
    ) -> Result<Self, BuildError> {
        let unknown = || BuildError::Internal(format!("no architecture is known for {platform}"));
        let architecture = Architecture::of(platform).ok_or_else(unknown)?;
        let (cx, plan, outputs) = (cx.clone(), plan.clone(), outputs.clone());
        Ok(Self {
            cx,
            plan,
            outputs,
            platform: platform.clone(),
            architecture,
            member_wheels: Arc::default(),
            errors: Arc::default(),
        })
    }

    /// Uploads a blob, once for all platforms, to each output that does not have it.
    ///
    /// # Errors
    /// Any error of an output.
    pub async fn push(&self, blob: &Descriptor, source: &BlobSource) -> Result<(), BuildError> {
        self.outputs.push(&self.cx, &self.platform, blob, source).await
    }
}
