//! `carboy index`: joins images of several platforms, built apart, into one index.
//!
//! Manifests stay byte for byte as they are. The index depends on the images alone, not on the
//! order in which they are named; images of one plan that were built platform by platform give the
//! index that one build of all platforms gives.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::choose::{MAX_DEPTH, MAX_MANIFESTS, config, manifest};
use super::context::{Context, Io};
use super::error::BuildError;
use super::outputs::{OutputKind, Outputs};
use super::publication::Publication;
use super::publish::reference;
use super::pull;
use crate::diagnostic::Code;
use crate::image::ImageConfig;
use crate::layer::Limits;
use crate::oci::descriptor::Annotations;
use crate::oci::manifest::Parsed;
use crate::oci::{Descriptor, ImageIndex, ImageManifest, Location, Platform, RawManifest, media_type};
use crate::operation_error::OperationError;
use crate::plan::Target;
use crate::repository::Source;

/// The images to join, and where the index goes.
pub struct JoinRequest {
    /// The images as written, with their locations.
    pub images: Vec<(String, Location)>,
    pub targets: Vec<Target>,
    /// A later image replaces an earlier one of the same platform.
    pub replace: bool,
}

/// One image of the index.
struct Member {
    /// The image that brings it, as written.
    name: String,
    source: Arc<dyn Source>,
    is_remote: bool,
    platform: Platform,
    /// Its entry in the index.
    entry: Descriptor,
    raw: RawManifest,
    manifest: ImageManifest,
}

/// Joins images, publishes the index, and returns its lines for stdout.
///
/// # Errors
/// Images that cannot be read; two of one platform; any error of a target.
pub async fn join(request: &JoinRequest, io: Io) -> Result<Vec<String>, BuildError> {
    let cx = Arc::new(Context::new(io, Limits::default()));
    let (mut members, mut annotations) = (Vec::new(), None);
    for (name, location) in &request.images {
        let (found, own) = members_of(&cx, name, location).await?;
        annotations = Some(annotations.map_or_else(|| own.clone(), |all| shared(all, &own)));
        for member in found {
            add(&mut members, member, request.replace)?;
        }
    }
    members.sort_by_key(|member: &Member| (member.attests(), member.platform.to_string(), member.entry.digest));
    let manifests = members.iter().map(|member| member.entry.clone()).collect();
    let index =
        ImageIndex { manifests, annotations: annotations.unwrap_or_default(), ..ImageIndex::default() }.to_raw();
    let outputs = Outputs::of_targets(&cx, &request.targets)?;
    for member in &members {
        let of = (&member.platform, member.is_remote);
        let push = |blob| outputs.push_base_layer(&cx, of, blob, &member.source);
        cx.all(member.manifest.layers.iter().chain([&member.manifest.config]).filter(|blob| is_kept(blob)).map(push))
            .await?;
    }
    Publication::of_index(&outputs, members.iter().map(|member| &member.raw), &index).publish().await?;
    let line = |target: &Target| {
        reference(&target.place.to_string(), OutputKind::of(&target.place), &target.names, index.digest())
    };
    Ok(request.targets.iter().map(line).collect())
}

impl Member {
    /// Returns whether the manifest is about another one, and no image.
    fn attests(&self) -> bool {
        self.platform.os == "unknown"
    }
}

/// Returns whether registries keep a blob: not the layers that only their makers may distribute.
fn is_kept(blob: &Descriptor) -> bool {
    !blob.media_type.contains("nondistributable") && !blob.media_type.contains("foreign")
}

/// Returns the annotations that two images share.
fn shared(mut all: Annotations, own: &Annotations) -> Annotations {
    all.retain(|key, value| own.get(key) == Some(value));
    all
}

/// Adds an image, unless it is there already.
fn add(members: &mut Vec<Member>, new: Member, replace: bool) -> Result<(), BuildError> {
    if members.iter().any(|member| member.entry.digest == new.entry.digest) {
        return Ok(());
    }
    let same = |member: &Member| !new.attests() && !member.attests() && member.platform.matches(&new.platform);
    let Some(at) = members.iter().position(same) else {
        members.push(new);
        return Ok(());
    };
    if replace {
        members[at] = new;
        return Ok(());
    }
    let message = format!("{} and {} are both for {}", members[at].name, new.name, new.platform);
    let hint = "leave one of them out, or let the later one win with --replace";
    Err(OperationError::new(Code::InvalidArgument, message).with_hint(hint).into())
}

/// Returns the images behind a name, and the annotations of what it names.
async fn members_of(cx: &Context, name: &str, location: &Location) -> Result<(Vec<Member>, Annotations), BuildError> {
    let root = pull::root(cx, location).await?;
    let (source, root) = (root.source.clone(), root.raw.clone());
    let is_remote = matches!(location, Location::Registry(_));
    let parse = |raw: &RawManifest| raw.parse().map_err(|cause| BuildError::Manifest { image: name.to_owned(), cause });
    let annotations = match parse(&root)? {
        Parsed::Image(image) => image.annotations,
        Parsed::Index(index) => index.annotations,
    };
    let (mut found, mut seen) = (Vec::new(), BTreeSet::new());
    let mut open = vec![(root.descriptor(), Some(root), 0)];
    while let Some((entry, raw, depth)) = open.pop() {
        if !seen.insert(entry.digest) {
            continue;
        }
        if seen.len() > MAX_MANIFESTS || depth > MAX_DEPTH {
            return Err(BuildError::Nested { image: name.to_owned() });
        }
        let raw = match raw {
            Some(raw) => raw,
            None => manifest(cx, &source, &entry.digest).await?,
        };
        match parse(&raw)? {
            Parsed::Index(index) => {
                let images = index.manifests.into_iter().filter(|entry| {
                    media_type::is_index(&entry.media_type) || media_type::is_manifest(&entry.media_type)
                });
                open.extend(images.map(|entry| (entry, None, depth + 1)));
            }
            Parsed::Image(image) => {
                let platform = if let Some(platform) = entry.platform.clone() {
                    platform
                } else {
                    let bytes = config(cx, name, &source, &image).await?;
                    ImageConfig::parse(&bytes).map_err(|cause| BuildError::config(name, cause))?.platform()
                };
                let entry = Descriptor { platform: Some(platform.clone()), ..entry };
                let (name, source) = (name.to_owned(), source.clone());
                found.push(Member { name, source, is_remote, platform, entry, raw, manifest: image });
            }
        }
    }
    Ok((found, annotations))
}
