//! Chooses an image of a name for one platform: through indexes, to a manifest and its configuration.
//!
//! Source: image-spec `image-index.md`. An index may list what is no image, and entries that carboy
//! cannot read; they matter only if the platform is missing. Where index and configuration name
//! different platforms, the index counts, as it does for docker and containerd.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::sync::Arc;

use serde::Deserialize as _;
use tokio::io::AsyncReadExt as _;

use super::context::Context;
use super::error::BuildError;
use super::image_root::ImageRoot;
use crate::diagnostic::{Code, Diagnostic};
use crate::image::ImageConfig;
use crate::oci::location::Selector;
use crate::oci::manifest::{Parsed, UnreadableEntry};
use crate::oci::{Descriptor, Digest, ImageManifest, ManifestError, Platform, RawManifest, media_type};
use crate::operation_error::OperationError;
use crate::repository::Source;
use crate::store::CacheKind;

/// The most bytes of an image configuration that carboy reads.
const CONFIG_LIMIT: u64 = 8 << 20;
/// The most levels of nested indexes: Docker Hub has none, buildx's imagetools can make two.
pub(super) const MAX_DEPTH: usize = 4;
/// The most manifests that are fetched to find one platform's: an index with platforms needs
/// one.
pub(super) const MAX_MANIFESTS: usize = 64;

/// The image of one platform.
pub struct Chosen {
    pub digest: Digest,
    pub platform: Platform,
    pub manifest: ImageManifest,
    pub config: ImageConfig,
}

/// A manifest or index to look at.
struct Candidate {
    /// None for the one that the image's name refers to.
    digest: Option<Digest>,
    /// The platform that an index lists it for.
    platform: Option<Platform>,
    depth: usize,
}

/// The content of a candidate.
enum Look {
    Image(Box<Chosen>),
    Index(Vec<Candidate>),
    /// An image for another platform.
    Other,
}

/// A search for one platform's image.
struct Search<'a> {
    cx: &'a Context,
    name: &'a str,
    root: &'a ImageRoot,
    wanted: &'a Platform,
    seen: BTreeSet<Digest>,
    /// The platforms that were found instead.
    has: Vec<Platform>,
    /// The first error of a candidate that need not be an image.
    failed: Option<BuildError>,
}

/// Finds the manifest for a platform, and its configuration.
///
/// # Errors
/// No image for the platform; content that differs from its digest; an exceeded limit.
pub(super) async fn choose(
    cx: &Context,
    name: &str,
    root: &ImageRoot,
    wanted: &Platform,
) -> Result<Chosen, BuildError> {
    let mut search = Search { cx, name, root, wanted, seen: BTreeSet::new(), has: Vec::new(), failed: None };
    let mut open = vec![Candidate { digest: None, platform: None, depth: 0 }];
    while let Some(candidate) = open.pop() {
        if !candidate.digest.is_none_or(|digest| search.seen.insert(digest)) {
            continue;
        }
        if search.seen.len() > MAX_MANIFESTS {
            return Err(BuildError::Nested { image: name.to_owned() });
        }
        match search.look(&candidate).await {
            Ok(Look::Image(chosen)) => return Ok(*chosen),
            Ok(Look::Index(more)) => open.extend(more.into_iter().rev()),
            Ok(Look::Other) => {}
            Err(error) if candidate.is_vague() => _ = search.failed.get_or_insert(error),
            Err(error) => return Err(error),
        }
    }
    Err(search.unsuccessful())
}

impl Candidate {
    /// Returns whether an index does not say what it is for: it need not be an image.
    fn is_vague(&self) -> bool {
        self.digest.is_some() && self.platform.is_none()
    }
}

impl Search<'_> {
    async fn look(&mut self, candidate: &Candidate) -> Result<Look, BuildError> {
        let (source, image) = (&self.root.source, || self.name.to_owned());
        let raw = match candidate.digest {
            None => self.root.raw.clone(),
            Some(digest) => manifest(self.cx, source, &digest).await.map_err(|error| self.gone(error, &digest))?,
        };
        let manifest = match raw.parse().map_err(|cause| BuildError::Manifest { image: image(), cause })? {
            Parsed::Image(manifest) => manifest,
            Parsed::Index(index) if candidate.depth < MAX_DEPTH => {
                self.unreadable(&raw, &index.unreadable)?;
                return Ok(Look::Index(self.candidates(index.manifests, candidate.depth + 1)));
            }
            Parsed::Index(_) => return Err(BuildError::Nested { image: image() }),
        };
        let bytes = config(self.cx, self.name, source, &manifest).await?;
        let listed = candidate.platform.as_ref();
        let config = ImageConfig::parse_for(&bytes, listed).map_err(|cause| BuildError::config(self.name, cause))?;
        if let Some(listed) = listed {
            self.check(listed, ImageConfig::platform_of(&bytes));
        } else if !config.platform().matches(self.wanted) {
            self.has.push(config.platform());
            return Ok(Look::Other);
        }
        let platform = candidate.platform.clone().unwrap_or_else(|| config.platform());
        Ok(Look::Image(Box::new(Chosen { digest: raw.digest(), platform, manifest, config })))
    }

    /// Says of a missing manifest that the index is incomplete.
    fn gone(&self, error: BuildError, digest: &Digest) -> BuildError {
        match error {
            BuildError::Operation(cause) if cause.code == Code::NotFound => {
                let message =
                    format!("{} is incomplete: its index lists manifest {digest}, which is not there", self.name);
                let hint = "a cleanup may have deleted it; push that image again, or name another tag";
                OperationError::new(Code::NotFound, message).with_hint(hint).into()
            }
            other => other,
        }
    }

    /// Returns the entries that may have the platform, those that say so first. Notes the platforms of
    /// the others; attestations (`unknown/unknown`) have none.
    fn candidates(&mut self, entries: Vec<Descriptor>, depth: usize) -> Vec<Candidate> {
        let (mut fitting, mut vague) = (Vec::new(), Vec::new());
        for entry in entries {
            let is_image = media_type::is_manifest(&entry.media_type) || media_type::is_index(&entry.media_type);
            let is_artifact = entry.artifact_type.as_deref().is_some_and(|kind| !media_type::is_config(kind));
            let candidate = Candidate { digest: Some(entry.digest), platform: entry.platform, depth };
            match &candidate.platform {
                _ if !is_image || is_artifact => {}
                Some(platform) if platform.os == "unknown" => {}
                Some(platform) if !platform.matches(self.wanted) => self.has.push(platform.clone()),
                Some(_) => fitting.push(candidate),
                None => vague.push(candidate),
            }
        }
        fitting.append(&mut vague);
        fitting
    }

    /// Fails on an entry that is the wanted platform's and cannot be read.
    fn unreadable(&self, raw: &RawManifest, entries: &[UnreadableEntry]) -> Result<(), BuildError> {
        let is_wanted = |entry: &&UnreadableEntry| {
            let platform = entry.source.get("platform").map(Platform::deserialize);
            platform.is_some_and(|platform| platform.is_ok_and(|platform| platform.matches(self.wanted)))
        };
        let Some(entry) = entries.iter().find(is_wanted) else { return Ok(()) };
        let cause = ManifestError::Descriptor { digest: raw.digest(), cause: entry.cause.clone() };
        Err(BuildError::Manifest { image: self.name.to_owned(), cause })
    }

    /// Warns of a configuration that names another platform than the index.
    fn check(&self, listed: &Platform, own: Option<Platform>) {
        let Some(own) = own.filter(|own| !own.matches(listed)) else { return };
        let message = format!("{}: its index lists the image for {listed}, its configuration for {own}", self.name);
        let hint = "carboy follows the index; if programs do not start, push that image again for the right platform";
        let warning = Diagnostic::warning(Code::PlatformDoubt, message).image(self.name).hint(hint.to_owned());
        self.cx.warn(warning);
    }

    fn unsuccessful(self) -> BuildError {
        let Self { name, wanted, mut has, failed, .. } = self;
        has.sort();
        has.dedup();
        match failed {
            Some(error) if has.is_empty() => error,
            _ => BuildError::Platform { image: name.to_owned(), wanted: wanted.clone(), has },
        }
    }
}

/// Fetches a manifest by digest from the cache or the source.
pub(super) async fn manifest(
    cx: &Context,
    source: &Arc<dyn Source>,
    digest: &Digest,
) -> Result<RawManifest, BuildError> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Head {
        media_type: Option<String>,
    }
    if let Some(bytes) = cached(cx, digest, crate::oci::manifest::LIMIT)? {
        let head = serde_json::from_slice::<Head>(&bytes).ok().and_then(|head| head.media_type);
        if let Some(media_type) = head {
            return Ok(RawManifest { media_type, bytes });
        }
    }
    let raw = source.manifest(&Selector::Digest(*digest)).await?;
    keep(cx, digest, &raw.bytes)?;
    Ok(raw)
}

fn cached(cx: &Context, digest: &Digest, limit: u64) -> Result<Option<Vec<u8>>, BuildError> {
    let Some(file) = cx.io.cache.open(CacheKind::Blob, digest)? else { return Ok(None) };
    let mut bytes = Vec::new();
    let read = file.take(limit).read_to_end(&mut bytes);
    let intact = read.is_ok_and(|_| Digest::of(&bytes) == *digest);
    if !intact {
        cx.io.cache.damaged(CacheKind::Blob, digest, &format!("manifest or configuration {}", digest.short()));
    }
    Ok(intact.then_some(bytes))
}

fn keep(cx: &Context, digest: &Digest, bytes: &[u8]) -> Result<(), BuildError> {
    use std::io::Write as _;
    let mut staged = cx.io.cache.stage()?;
    staged.write_all(bytes).map_err(|cause| cx.io.cache.failure(&cause))?;
    Ok(cx.io.cache.commit(staged, CacheKind::Blob, digest)?)
}

/// Returns the bytes of an image's configuration, from the cache or the source.
pub(super) async fn config(
    cx: &Context,
    name: &str,
    source: &Arc<dyn Source>,
    manifest: &ImageManifest,
) -> Result<Vec<u8>, BuildError> {
    let descriptor = &manifest.config;
    if !media_type::is_config(&descriptor.media_type) {
        return Err(BuildError::MediaType {
            image: name.to_owned(),
            what: "configuration",
            media_type: descriptor.media_type.clone(),
        });
    }
    if let Some(bytes) = cached(cx, &descriptor.digest, CONFIG_LIMIT)? {
        return Ok(bytes);
    }
    if descriptor.size > CONFIG_LIMIT {
        return Err(BuildError::TooLarge { image: name.to_owned(), what: "configuration", size: descriptor.size });
    }
    let bytes = read_config(name, source, descriptor).await?;
    keep(cx, &descriptor.digest, &bytes)?;
    Ok(bytes)
}

/// Reads a configuration, from another place when a mirror sent other bytes.
async fn read_config(name: &str, source: &Arc<dyn Source>, descriptor: &Descriptor) -> Result<Vec<u8>, BuildError> {
    loop {
        let mut bytes = Vec::new();
        let mut reader = source.blob(descriptor).await?;
        let read = reader.read_to_end(&mut bytes).await;
        match read.map_err(|cause| BuildError::transfer(name, descriptor, &cause)) {
            Err(BuildError::Operation(error)) if error.code == Code::MirrorFailed => {}
            Err(error) => return Err(error),
            Ok(_) => return Ok(bytes),
        }
    }
}
