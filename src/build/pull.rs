//! Fetches an image: the manifest for one platform, its configuration, its layers
//! as one tree. Bytes are verified before they are used.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::sync::Arc;

use tokio::io::AsyncReadExt as _;

use super::error::BuildError;
use super::pulled_layer;
use super::run::Run;
use crate::image::ImageConfig;
use crate::layer::TarListing;
use crate::layer::budget::{self, Budget};
use crate::oci::digest::VerifyError;
use crate::oci::location::Selector;
use crate::oci::manifest::{IndexEntry, Parsed};
use crate::oci::{Descriptor, DiffId, Digest, ImageManifest, Location, Platform, RawManifest, media_type};
use crate::operation_error::{OperationError, OperationErrorKind};
use crate::repository::Source;
use crate::rootfs::Tree;
use crate::store::CacheKind;

/// The most bytes of an image configuration that carboy reads.
const CONFIG_LIMIT: u64 = 8 << 20;
/// What an image has limits for, together.
const LAYERS: &str = "layers";
/// Indexes in indexes: Docker Hub has none, buildx's imagetools can make two.
const MAX_DEPTH: usize = 4;
/// The most manifests that are fetched to find one platform's: an index that tells
/// platforms needs one.
const MAX_MANIFESTS: usize = 64;

/// A pulled image, for one platform.
pub struct Image {
    /// None for scratch.
    pub source: Option<Arc<dyn Source>>,
    /// The digest of this platform's manifest.
    pub digest: Option<Digest>,
    /// The digest of what its name led to: an index, or that manifest.
    pub index: Option<Digest>,
    /// As the index lists it.
    pub platform: Platform,
    pub config: ImageConfig,
    pub layers: Vec<Layer>,
    pub tree: Tree,
}

/// A layer of a pulled image.
#[derive(Clone)]
pub struct Layer {
    pub descriptor: Descriptor,
    pub facts: Arc<TarListing>,
}

/// What an image's name leads to.
pub struct Root {
    source: Arc<dyn Source>,
    raw: RawManifest,
}

impl Image {
    /// An image without layers.
    pub fn scratch(config: ImageConfig, platform: &Platform) -> Self {
        Self {
            source: None,
            digest: None,
            index: None,
            platform: platform.clone(),
            config,
            layers: Vec::new(),
            tree: Tree::default(),
        }
    }
}

/// Pulls an image for one platform. Layers come from the cache where it has them.
///
/// # Errors
/// No such image or platform; content that is not what its digest promises; layers
/// that do not stack.
pub async fn image(
    run: &Arc<Run>,
    name: &str,
    location: &Location,
    platform: &Platform,
) -> Result<Arc<Image>, BuildError> {
    let root = run.roots.get(location.to_string(), root(run, location)).await?;
    let chosen = choose(run, name, &root, platform).await?;
    let layers = layers(run, name, &root.source, &chosen).await?;
    let (stacking, stacked) = ((run.clone(), name.to_owned()), layers.clone());
    let tree = run.blocking(move || stack(&stacking.0, &stacking.1, &stacked)).await??;
    Ok(Arc::new(Image {
        source: Some(root.source.clone()),
        digest: Some(chosen.digest),
        index: Some(root.raw.digest()),
        platform: chosen.platform,
        config: chosen.config,
        layers,
        tree,
    }))
}

async fn root(run: &Run, location: &Location) -> Result<Arc<Root>, BuildError> {
    let (source, selector) = run.io.repositories.source(location)?;
    let raw = match &selector {
        Selector::Digest(digest) => manifest(run, &source, digest).await?,
        Selector::Tag(_) => source.manifest(&selector).await?,
    };
    Ok(Arc::new(Root { source, raw }))
}

/// A manifest by digest, from the cache or the source.
async fn manifest(run: &Run, source: &Arc<dyn Source>, digest: &Digest) -> Result<RawManifest, BuildError> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Head {
        media_type: Option<String>,
    }
    if let Some(bytes) = cached(run, digest, crate::oci::manifest::LIMIT)? {
        let head = serde_json::from_slice::<Head>(&bytes).ok().and_then(|head| head.media_type);
        if let Some(media_type) = head {
            return Ok(RawManifest { media_type, bytes });
        }
    }
    let raw = source.manifest(&Selector::Digest(*digest)).await?;
    keep(run, digest, &raw.bytes)?;
    Ok(raw)
}

fn cached(run: &Run, digest: &Digest, limit: u64) -> Result<Option<Vec<u8>>, BuildError> {
    let Some(file) = run.io.cache.open(CacheKind::Blob, digest)? else { return Ok(None) };
    let mut bytes = Vec::new();
    let read = file.take(limit).read_to_end(&mut bytes);
    let whole = read.is_ok_and(|_| Digest::of(&bytes) == *digest);
    if !whole {
        run.io.cache.damaged(CacheKind::Blob, digest, &format!("manifest or configuration {}", digest.short()));
    }
    Ok(whole.then_some(bytes))
}

fn keep(run: &Run, digest: &Digest, bytes: &[u8]) -> Result<(), BuildError> {
    use std::io::Write as _;
    let mut staged = run.io.cache.stage()?;
    staged.write_all(bytes).map_err(|cause| run.io.cache.failure(&cause))?;
    Ok(run.io.cache.commit(staged, CacheKind::Blob, digest)?)
}

struct Chosen {
    digest: Digest,
    platform: Platform,
    manifest: ImageManifest,
    config: ImageConfig,
}

/// The manifest for a platform, found through indexes, and its configuration.
async fn choose(run: &Run, name: &str, root: &Root, wanted: &Platform) -> Result<Chosen, BuildError> {
    let mut has = Vec::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![(None, None, 0)];
    while let Some((digest, platform, depth)) = open.pop() {
        let raw = match digest {
            None => root.raw.clone(),
            Some(digest) if !seen.insert(digest) => continue,
            Some(_) if seen.len() > MAX_MANIFESTS => return Err(BuildError::Nested { image: name.to_owned() }),
            Some(digest) => manifest(run, &root.source, &digest).await?,
        };
        match raw.parse().map_err(|cause| BuildError::Manifest { image: name.to_owned(), cause })? {
            Parsed::Image(manifest) => {
                let config = config(run, name, &root.source, &manifest).await?;
                let of_config = config.platform();
                if of_config.matches(wanted) {
                    return Ok(Chosen {
                        digest: raw.digest(),
                        platform: platform.unwrap_or(of_config),
                        manifest,
                        config,
                    });
                }
                has.push(of_config);
            }
            Parsed::Index(index) if depth < MAX_DEPTH => {
                let (fitting, others) = candidates(index.manifests, wanted);
                has.extend(others);
                let next = |entry: IndexEntry| (Some(entry.descriptor.digest), entry.platform, depth + 1);
                open.extend(fitting.into_iter().rev().map(next));
            }
            Parsed::Index(_) => return Err(BuildError::Nested { image: name.to_owned() }),
        }
    }
    has.sort();
    has.dedup();
    Err(BuildError::Platform { image: name.to_owned(), wanted: wanted.clone(), has })
}

/// The entries that may hold the platform, and the platforms of the others.
/// Attestations (`unknown/unknown`) are neither.
fn candidates(entries: Vec<IndexEntry>, wanted: &Platform) -> (Vec<IndexEntry>, Vec<Platform>) {
    let mut fitting = Vec::new();
    let mut others = Vec::new();
    for entry in entries {
        let is_image =
            media_type::is_manifest(&entry.descriptor.media_type) || media_type::is_index(&entry.descriptor.media_type);
        match &entry.platform {
            _ if !is_image => {}
            Some(platform) if platform.os == "unknown" => {}
            Some(platform) if !platform.matches(wanted) => others.push(platform.clone()),
            Some(_) | None => fitting.push(entry),
        }
    }
    (fitting, others)
}

async fn config(
    run: &Run,
    name: &str,
    source: &Arc<dyn Source>,
    manifest: &ImageManifest,
) -> Result<ImageConfig, BuildError> {
    let descriptor = &manifest.config;
    if !media_type::is_config(&descriptor.media_type) {
        return Err(BuildError::MediaType {
            image: name.to_owned(),
            what: "configuration",
            media_type: descriptor.media_type.clone(),
        });
    }
    let bytes = if let Some(bytes) = cached(run, &descriptor.digest, CONFIG_LIMIT)? {
        bytes
    } else {
        if descriptor.size > CONFIG_LIMIT {
            return Err(BuildError::TooLarge { image: name.to_owned(), what: "configuration", size: descriptor.size });
        }
        let mut bytes = Vec::new();
        let mut reader = source.blob(descriptor).await?;
        reader.read_to_end(&mut bytes).await.map_err(|cause| transfer(name, descriptor, &cause))?;
        keep(run, &descriptor.digest, &bytes)?;
        bytes
    };
    ImageConfig::parse(&bytes).map_err(|cause| BuildError::config(name, cause))
}

pub(super) fn transfer(name: &str, blob: &Descriptor, cause: &std::io::Error) -> BuildError {
    let inner = cause.get_ref();
    if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<OperationError>()) {
        return BuildError::Port(OperationError { message: format!("{name}: {}", error.message), ..error.clone() });
    }
    if inner.and_then(|inner| inner.downcast_ref::<VerifyError>()).is_some() {
        let hint =
            "the registry, or something on the way, sent other bytes than the manifest promises; nothing was kept";
        let (kind, message) = (OperationErrorKind::Corrupt, format!("{name}: {cause}"));
        return BuildError::Port(OperationError { kind, message, hint: Some(hint.to_owned()) });
    }
    let message = format!("{name}: blob {} is no sound `{}`: {cause}", blob.digest.short(), blob.media_type);
    BuildError::Port(OperationError { kind: OperationErrorKind::Other, message, hint: None })
}

async fn layers(
    run: &Arc<Run>,
    name: &str,
    source: &Arc<dyn Source>,
    chosen: &Chosen,
) -> Result<Vec<Layer>, BuildError> {
    let descriptors = &chosen.manifest.layers;
    let diff_ids = chosen.config.diff_ids().map_err(|cause| BuildError::config(name, cause))?;
    if diff_ids.len() != descriptors.len() {
        let cause = crate::image::ConfigError::Layers { diff_ids: diff_ids.len(), layers: descriptors.len() };
        return Err(BuildError::config(name, cause));
    }
    let bounded = |cause| BuildError::Bounds { image: name.to_owned(), cause };
    budget::check_stored(descriptors, &run.limits).map_err(bounded)?;
    let budget = Arc::new(Budget::new(&run.limits, LAYERS));
    let one = |(descriptor, diff_id): (&Descriptor, DiffId)| {
        let descriptor = descriptor.clone();
        let budget = budget.clone();
        async move {
            let work = pulled_layer::facts(run, name, source, &descriptor, diff_id, &budget);
            let facts = run.layers.get(run.tars.key(&descriptor.digest, diff_id), work).await?;
            Ok::<_, BuildError>(Layer { descriptor, facts })
        }
    };
    let layers = futures_util::future::try_join_all(descriptors.iter().zip(diff_ids).map(one)).await?;
    // Those that the cache had count too.
    let all = Budget::new(&run.limits, LAYERS);
    layers.iter().try_for_each(|layer| all.take_bytes(layer.facts.size)).map_err(bounded)?;
    Ok(layers)
}

fn stack(run: &Run, name: &str, layers: &[Layer]) -> Result<Tree, BuildError> {
    let mut tree = Tree::default();
    let all = Budget::new(&run.limits, LAYERS);
    for layer in layers {
        let digest = &layer.descriptor.digest;
        let error = |limit, cause| BuildError::Layer { image: name.to_owned(), layer: digest.short(), cause, limit };
        layer.facts.check(&run.limits).map_err(|cause| error(cause.limit(), cause.into()))?;
        let entries = layer.facts.entries.clone();
        let bounded = all.take_entries(entries.len() as u64);
        bounded.map_err(|cause| BuildError::Bounds { image: name.to_owned(), cause })?;
        tree.stack(entries, &run.limits).map_err(|cause| error(cause.limit(), cause.into()))?;
    }
    Ok(tree)
}
