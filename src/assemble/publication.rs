//! Publishes built images at all outputs: manifests by digest, then everything that nobody sees yet,
//! then the names.

use std::sync::Arc;

use futures_util::future::try_join_all;

use super::error::BuildError;
use super::outputs::{Form, Output, OutputKind, Outputs};
use super::publish::BuiltIndex;
use crate::oci::RawManifest;
use crate::operation_error::OperationError;
use crate::repository::{NamedManifest, Sink};

/// The images of a run, by output.
#[derive(Default)]
pub struct Publication<'a> {
    places: Vec<Place<'a>>,
}

/// One output of the run, with the images of all profiles.
struct Place<'a> {
    name: &'a str,
    kind: OutputKind,
    sink: &'a Arc<dyn Sink>,
    /// Manifests that are written by digest, those of an index before it.
    manifests: Vec<&'a RawManifest>,
    images: Vec<NamedManifest>,
}

impl<'a> Publication<'a> {
    /// Collects the images of all profiles.
    pub fn of(built: &'a [BuiltIndex]) -> Self {
        let mut all = Self::default();
        for index in built {
            index.outputs.iter().for_each(|output| all.add(index, output));
        }
        all.places.sort_by_key(|place| place.kind);
        all
    }

    /// Publishes one index, with its manifests, at outputs.
    pub fn of_index(
        outputs: &'a Outputs,
        manifests: impl Iterator<Item = &'a RawManifest>,
        index: &'a RawManifest,
    ) -> Self {
        let manifests: Vec<_> = manifests.chain([index]).collect();
        let place = |output: &'a Output| Place {
            name: &output.place,
            kind: output.kind,
            sink: &output.sink,
            manifests: manifests.clone(),
            images: vec![NamedManifest { manifest: index.clone(), names: output.names.clone() }],
        };
        let mut all = Self { places: outputs.iter().map(place).collect() };
        all.places.sort_by_key(|place| place.kind);
        all
    }

    fn add(&mut self, index: &'a BuiltIndex, output: &'a Output) {
        let at = self.places.iter().position(|place| place.name == output.place).unwrap_or_else(|| {
            let Output { place: name, kind, sink, .. } = output;
            self.places.push(Place { name, kind: *kind, sink, manifests: Vec::new(), images: Vec::new() });
            self.places.len() - 1
        });
        let place = &mut self.places[at];
        let taken = index.images.iter().filter(|image| match &output.form {
            Form::Index => true,
            Form::Manifest(platform) => image.platform.matches(platform),
        });
        place.manifests.extend(taken.map(|image| &image.manifest));
        let root = index.root(output);
        if output.form == Form::Index {
            place.manifests.push(root);
        }
        place.images.push(NamedManifest { manifest: root.clone(), names: output.names.clone() });
    }

    /// Publishes everything. No output is changed before all are prepared.
    ///
    /// # Errors
    /// The first error of an output. It says which outputs have the image, if there are several.
    pub async fn publish(&self) -> Result<(), BuildError> {
        try_join_all(self.places.iter().map(Place::write_manifests)).await?;
        try_join_all(self.places.iter().map(|place| place.sink.prepare(&place.images))).await?;
        for (done, place) in self.places.iter().enumerate() {
            if let Err(error) = place.sink.publish(&place.images).await {
                return Err(self.interrupted(error, done).into());
            }
        }
        Ok(())
    }

    /// Adds to an error which outputs have the image and which have not.
    fn interrupted(&self, error: OperationError, done: usize) -> OperationError {
        if self.places.len() < 2 {
            return error;
        }
        let names = |places: &[Place<'_>]| places.iter().map(|place| place.name).collect::<Vec<_>>().join(", ");
        let (has, rest) = self.places.split_at(done);
        let state = match has {
            [] => "no output has the image".to_owned(),
            _ => format!("{} has the image already; not published: {}", names(has), names(rest)),
        };
        let hint = error.hint.as_ref().map_or_else(|| state.clone(), |hint| format!("{hint}; {state}"));
        error.with_hint(hint)
    }
}

impl Place<'_> {
    async fn write_manifests(&self) -> Result<(), OperationError> {
        for manifest in &self.manifests {
            self.sink.manifest(manifest).await?;
        }
        Ok(())
    }
}
