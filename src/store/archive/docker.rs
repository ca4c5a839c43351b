//! The members of a docker archive: configurations, layers, and `manifest.json`.
//!
//! Layers are uncompressed, as `docker save` and skopeo write them: docker before 23 reads no zstd.
//! A layer is named by its diff id, and layers that images share are written once.

use std::collections::BTreeSet;
use std::io::{self, Write};

use serde_json::{Value, json};

use super::contents::Contents;
use super::tar_file::{TarFile, read_bounded};
use crate::diagnostic::Code;
use crate::image::ImageConfig;
use crate::layer::Limits;
use crate::layer::budget::Budget;
use crate::layer::unpack::{Bounds, UnpackError, unpack};
use crate::oci::manifest::Parsed;
use crate::oci::{Descriptor, DiffId, ImageManifest, RawManifest, media_type};
use crate::operation_error::OperationError;
use crate::repository::NamedManifest;

/// The most bytes of an image configuration.
const CONFIG_LIMIT: u64 = 8 << 20;

/// Writes the members: layers from the lowest up, configurations, and `manifest.json` last.
pub(super) fn write(
    tar: &mut TarFile,
    contents: &Contents<'_>,
    images: &[NamedManifest],
) -> Result<(), OperationError> {
    let failed = |cause| contents.failed(&cause);
    let (mut entries, mut written) = (Vec::new(), BTreeSet::new());
    for NamedManifest { manifest, names } in images {
        let image = parse(manifest)?;
        let config = config(contents, &image)?;
        let diff_ids = diff_ids(&config, &image)?;
        for (layer, diff_id) in image.layers.iter().zip(&diff_ids) {
            if written.insert(layer_name(diff_id)) {
                write_layer(tar, contents, layer, *diff_id)?;
            }
        }
        let config_name = format!("{}.json", image.config.digest.hex());
        if written.insert(config_name.clone()) {
            tar.file(&config_name, &config).map_err(failed)?;
        }
        let layers: Vec<_> = diff_ids.iter().map(layer_name).collect();
        entries.push(json!({ "Config": config_name, "Layers": layers, "RepoTags": names }));
    }
    tar.file("manifest.json", Value::Array(entries).to_string().as_bytes()).map_err(failed)
}

fn layer_name(diff_id: &DiffId) -> String {
    format!("{}.tar", diff_id.0.hex())
}

fn parse(manifest: &RawManifest) -> Result<ImageManifest, OperationError> {
    match manifest.parse() {
        Ok(Parsed::Image(image)) => Ok(image),
        Ok(Parsed::Index(_)) => {
            let message = "a docker archive holds images of one platform, and no index";
            Err(OperationError::new(Code::InvalidArgument, message).with_hint("write oci-archive:FILE instead"))
        }
        Err(cause) => Err(invalid().because(&cause)),
    }
}

fn invalid() -> OperationError {
    OperationError::new(Code::InvalidImage, "the image cannot be written to a docker archive")
}

fn config(contents: &Contents<'_>, image: &ImageManifest) -> Result<Vec<u8>, OperationError> {
    let (blob, origin) = contents.blob(&image.config)?;
    let mut out = Vec::new();
    contents.read(blob, origin, Some(blob.size), |reader, _| {
        out = read_bounded(reader, CONFIG_LIMIT).map_err(|cause| contents.failed(&cause))?;
        Ok(())
    })?;
    Ok(out)
}

fn diff_ids(config: &[u8], image: &ImageManifest) -> Result<Vec<DiffId>, OperationError> {
    let diff_ids = ImageConfig::parse(config).and_then(|config| config.diff_ids());
    let diff_ids = diff_ids.map_err(|cause| invalid().because(&cause))?;
    if diff_ids.len() == image.layers.len() {
        return Ok(diff_ids);
    }
    let cause = crate::image::ConfigError::Layers { diff_ids: diff_ids.len(), layers: image.layers.len() };
    Err(invalid().because(&cause))
}

fn write_layer(
    tar: &mut TarFile,
    contents: &Contents<'_>,
    layer: &Descriptor,
    diff_id: DiffId,
) -> Result<(), OperationError> {
    if media_type::oci_layer(&layer.media_type).is_none() {
        let cause = format!("its layer {} has the media type `{}`", layer.digest.short(), layer.media_type);
        return Err(invalid().because(cause));
    }
    // The layers have been listed within the limits of the configuration, which may be wider.
    let limits = Limits { layer_size: u64::MAX, image_size: u64::MAX, zstd_window: 2 << 30, ..wide() };
    let budget = Budget::new(&limits, "layers");
    let (blob, origin) = contents.blob(layer)?;
    contents.read(blob, origin, None, |reader, advanced| {
        let name = layer_name(&diff_id);
        let unpacked = tar.streamed(&name, |out| {
            let mut out = Counted { out, advanced };
            let bounds = Bounds { limits: &limits, budget: &budget };
            unpack(reader, diff_id, bounds, &mut out).map(|_| ())
        });
        unpacked.map_err(|cause| contents.failed(&cause))?.map_err(|cause| match cause {
            UnpackError::Write(cause) => contents.failed(&cause),
            cause => OperationError::new(Code::CorruptContent, format!("cannot use layer {}", layer.digest.short()))
                .because(&cause),
        })
    })
}

fn wide() -> Limits {
    Limits { layer_entries: u64::MAX, layer_names: u64::MAX, name_length: u64::MAX, ..Limits::default() }
}

/// A writer that reports the bytes that pass.
struct Counted<'a> {
    out: &'a mut dyn Write,
    advanced: &'a dyn Fn(u64),
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        (self.advanced)(count as u64);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
