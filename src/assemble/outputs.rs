//! The outputs of a plan: opened sinks, and the blobs that go to them.

use std::sync::Arc;

use super::context::Context;
use super::error::BuildError;
use crate::config::IndexMode;
use crate::diagnostic::Code;
use crate::oci::{Descriptor, Location, Platform};
use crate::operation_error::OperationError;
use crate::plan::{Plan, Target};
use crate::repository::{BlobSource, Sink, Source};
use crate::store::KeptBlobs;

/// The outputs of a plan; none if nothing is published.
#[derive(Default)]
pub struct Outputs(Vec<Output>);

/// A place that images are written to.
pub struct Output {
    /// The place in words: `ghcr.io/acme/shop`, `oci:out`, `docker`.
    pub place: String,
    /// The names of the image there.
    pub names: Vec<String>,
    pub form: Form,
    pub kind: OutputKind,
    pub sink: Arc<dyn Sink>,
}

/// The form of an image at an output.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Form {
    /// An index over all platforms.
    Index,
    /// The manifest of one platform.
    Manifest(Platform),
}

/// The kind of an output, in the order in which images are published: failures are likeliest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum OutputKind {
    Engine,
    Registry,
    Layout,
    OciArchive,
    DockerArchive,
}

impl OutputKind {
    /// Returns the kind of a place.
    pub fn of(place: &Location) -> Self {
        match place {
            Location::Registry(_) => Self::Registry,
            Location::Layout { .. } => Self::Layout,
            Location::OciArchive { .. } => Self::OciArchive,
            Location::DockerArchive { .. } => Self::DockerArchive,
        }
    }

    /// Returns whether the image's manifest is not kept, so that its configuration identifies it.
    pub fn has_image_id(self) -> bool {
        matches!(self, Self::Engine | Self::DockerArchive)
    }
}

impl Outputs {
    /// Opens the outputs of a plan. Plans share the sinks of places that they share.
    ///
    /// # Errors
    /// Unusable credentials; a layout or an archive that cannot be written; no container engine.
    pub fn open(cx: &Context, plan: &Plan) -> Result<Self, BuildError> {
        let wanted = &plan.outputs;
        let only = plan.platforms.first().filter(|_| plan.platforms.len() == 1);
        let mut outputs = Vec::new();
        for target in wanted.targets.iter().filter(|_| wanted.publish) {
            let kind = OutputKind::of(&target.place);
            let form = match only {
                Some(only) if wanted.index == IndexMode::Never || kind == OutputKind::DockerArchive => {
                    Form::Manifest(only.clone())
                }
                _ => Form::Index,
            };
            let place = target.place.to_string();
            let sink = cx.sink(&place, || Ok((cx.io.repositories.sink(&target.place)?, place.clone())))?.0;
            outputs.push(Output { place, names: target.names.clone(), form, kind, sink });
        }
        if let Some(load) = &wanted.load {
            let (sink, place) = cx.sink("--load", || cx.io.repositories.engine(load.engine))?;
            let form = Form::Manifest(load.platform.clone());
            outputs.push(Output { place, names: load.names.clone(), form, kind: OutputKind::Engine, sink });
        }
        Ok(Self(outputs))
    }

    /// Opens outputs that take an index.
    ///
    /// # Errors
    /// Unusable credentials; a layout or an archive that cannot be written; a docker archive.
    pub fn of_targets(cx: &Context, targets: &[Target]) -> Result<Self, BuildError> {
        let open = |target: &Target| {
            let (place, kind) = (target.place.to_string(), OutputKind::of(&target.place));
            if kind == OutputKind::DockerArchive {
                let message = format!("{place} holds the image of one platform, and no index");
                let error = OperationError::new(Code::InvalidArgument, message);
                return Err(error.with_hint("write oci-archive:FILE, which holds all").into());
            }
            let sink = cx.sink(&place, || Ok((cx.io.repositories.sink(&target.place)?, place.clone())))?.0;
            Ok(Output { place, names: target.names.clone(), form: Form::Index, kind, sink })
        };
        targets.iter().map(open).collect::<Result<_, BuildError>>().map(Self)
    }

    pub fn iter(&self) -> std::slice::Iter<'_, Output> {
        self.0.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Uploads a blob of one platform's image to all outputs that take the image, unless they have
    /// it.
    ///
    /// # Errors
    /// Any error of an output.
    pub async fn push(
        &self,
        cx: &Context,
        platform: &Platform,
        blob: &Descriptor,
        origin: &BlobSource,
    ) -> Result<(), BuildError> {
        for output in self.taking(platform) {
            cx.push(&output.place, &output.sink, blob, origin).await?;
        }
        Ok(())
    }

    /// Uploads a layer of the base. Local outputs get it through the cache, so that a run without
    /// the network writes the same, and so that several of them pull it once.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub async fn push_base_layer(
        &self,
        cx: &Context,
        (platform, is_remote): (&Platform, bool),
        layer: &Descriptor,
        source: &Arc<dyn Source>,
    ) -> Result<(), BuildError> {
        for output in self.taking(platform) {
            let kept = is_remote && output.kind != OutputKind::Registry;
            let source = if kept {
                Arc::new(KeptBlobs { source: source.clone(), cache: cx.io.cache.clone() }) as Arc<dyn Source>
            } else {
                source.clone()
            };
            cx.push(&output.place, &output.sink, layer, &BlobSource::Repository(source)).await?;
        }
        Ok(())
    }

    fn taking(&self, platform: &Platform) -> impl Iterator<Item = &Output> {
        self.0.iter().filter(move |output| match &output.form {
            Form::Index => true,
            Form::Manifest(only) => only == platform,
        })
    }
}
