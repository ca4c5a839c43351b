//! Brings ports and what stands behind them together.

use std::sync::Arc;

use crate::oci::Location;
use crate::oci::location::Selector;
use crate::ports::{PortError, Repositories, Sink, Source};
use crate::progress::Progress;
use crate::registry::Registry;
use crate::store::{Layout, LayoutWriter};

/// Registries and layouts, by location.
pub struct Places {
    pub registry: Registry,
    pub progress: Arc<dyn Progress>,
}

impl Repositories for Places {
    fn source(&self, location: &Location) -> Result<(Arc<dyn Source>, Selector), PortError> {
        match location {
            Location::Registry(name) => Ok((self.registry.repository(name), name.selector())),
            Location::Layout { folder, name, digest } => {
                let layout = Layout::open(folder, name.as_deref())?;
                let root = digest.map_or_else(|| layout.root(), |digest| Ok(Selector::Digest(digest)))?;
                Ok((Arc::new(layout), root))
            }
        }
    }

    fn sink(&self, location: &Location) -> Result<Arc<dyn Sink>, PortError> {
        match location {
            Location::Registry(name) => Ok(self.registry.repository(name)),
            Location::Layout { folder, .. } => Ok(Arc::new(LayoutWriter::create(folder, self.progress.clone())?)),
        }
    }
}
