//! One repository of a registry.

use std::sync::Arc;

use reqwest::Url;

use super::error::{Intent, RepositoryAccess};
use super::pushed_parts::PushedParts;
use super::transport::Transport;
use crate::diagnostic::Code;
use crate::oci::location::RegistryName;
use crate::operation_error::OperationError;

/// A repository of a registry.
#[derive(Clone)]
pub struct Repository {
    pub(super) transport: Arc<Transport>,
    pub(super) name: RegistryName,
    pub(super) pushed: Arc<PushedParts>,
}

impl Repository {
    pub(super) fn new(transport: Arc<Transport>, name: RegistryName) -> Self {
        Self { transport, name, pushed: Arc::default() }
    }

    pub(super) fn access(&self, intent: Intent) -> RepositoryAccess {
        RepositoryAccess { host: self.name.registry.clone(), repository: self.name.repository.clone(), intent }
    }

    /// Builds the API's URL of a resource in the repository.
    pub(super) async fn url(&self, path: &str) -> Result<Url, OperationError> {
        let base = self.transport.base(&self.access(Intent::Pull)).await?;
        let path = format!("v2/{}/{path}", self.name.repository);
        base.join(&path).map_err(|cause| {
            OperationError::new(Code::InvalidArgument, format!("`{}` is not a repository", self.name.bare()))
                .because(&cause)
        })
    }
}
