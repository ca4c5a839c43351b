//! Pulls an image: the manifest for one platform, its configuration, and its layers as one tree.
//! Bytes are verified before they are used.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::sync::Arc;

use futures_util::future::{join_all, join3, try_join};
use tokio::io::AsyncReadExt as _;
use tokio::sync::OnceCell;

use super::context::Context;
use super::error::BuildError;
use super::image_root::ImageRoot;
use super::platform_build::PlatformBuild;
use super::pulled_layer::PulledLayer;
use crate::diagnostic::Code;
use crate::image::ImageConfig;
use crate::layer::TarListing;
use crate::layer::budget::{self, Budget};
use crate::oci::location::Selector;
use crate::oci::manifest::Parsed;
use crate::oci::{Descriptor, DiffId, Digest, ImageManifest, Location, Platform, RawManifest, media_type};
use crate::repository::Source;
use crate::rootfs::Tree;
use crate::store::CacheKind;

/// The most bytes of an image configuration that carboy reads.
const CONFIG_LIMIT: u64 = 8 << 20;
/// The name of the budget that all layers of an image share.
const LAYERS: &str = "layers";
/// The most levels of nested indexes: Docker Hub has none, buildx's imagetools can make two.
const MAX_DEPTH: usize = 4;
/// The most manifests that are fetched to find one platform's: an index with platforms needs
/// one.
const MAX_MANIFESTS: usize = 64;

/// An image for one platform. Its files are listed on first use.
pub struct Image {
    pub name: String,
    /// The repository; none for scratch.
    pub source: Option<Arc<dyn Source>>,
    /// The digest of this platform's manifest; none for scratch.
    pub digest: Option<Digest>,
    /// The digest that its name refers to: an index's, or this manifest's.
    pub index: Option<Digest>,
    /// The platform in the index's words.
    pub platform: Platform,
    pub config: ImageConfig,
    /// Its layers, from the lowest up.
    pub layers: Vec<Descriptor>,
    files: OnceCell<FileList>,
}

/// The files of an image.
#[derive(Clone)]
pub struct FileList {
    pub tree: Arc<Tree>,
    /// The bytes of all layers, unpacked.
    pub unpacked: u64,
}

/// The images of one platform.
pub struct Images {
    pub base: Arc<Image>,
    pub builder: Option<Arc<Image>>,
    /// The images that `[[extract]]` names besides the builder, in the order of their names.
    pub others: Vec<(String, Arc<Image>)>,
}

impl Image {
    /// Makes an image without layers.
    pub fn scratch(platform: &Platform) -> Self {
        Self {
            name: "scratch".to_owned(),
            source: None,
            digest: None,
            index: None,
            platform: platform.clone(),
            config: ImageConfig::scratch(platform),
            layers: Vec::new(),
            files: OnceCell::new_with(Some(FileList { tree: Arc::default(), unpacked: 0 })),
        }
    }

    /// Returns the digest of all inputs of its files.
    pub fn key(&self) -> Digest {
        let scratch = || Digest::of(format!("scratch {}", self.platform).as_bytes());
        self.digest.unwrap_or_else(scratch)
    }

    /// Returns its files. Layers come from the cache if they are there.
    ///
    /// # Errors
    /// Content that differs from its digest; layers that cannot be stacked.
    pub async fn files(&self, cx: &Arc<Context>) -> Result<FileList, BuildError> {
        self.files.get_or_try_init(|| self.list(cx)).await.cloned()
    }

    async fn list(&self, cx: &Arc<Context>) -> Result<FileList, BuildError> {
        let Some(source) = &self.source else { return Ok(FileList { tree: Arc::default(), unpacked: 0 }) };
        let layers = layers(cx, self, source).await?;
        let unpacked = layers.iter().fold(0, |sum: u64, (_, listing)| sum.saturating_add(listing.size));
        let (shared, name) = (cx.clone(), self.name.clone());
        let tree = cx.blocking(move || stack(&shared, &name, &layers)).await??;
        Ok(FileList { tree: Arc::new(tree), unpacked })
    }
}

impl Images {
    /// Finds the images that a plan names.
    ///
    /// # Errors
    /// As [`image`].
    pub async fn find(build: &PlatformBuild) -> Result<Self, BuildError> {
        let plan = &build.plan;
        let base = async {
            match &plan.base {
                Some(location) => image(&build.cx, &plan.base_name, location, &build.platform).await,
                None => Ok(Arc::new(Image::scratch(&build.platform))),
            }
        };
        let builder = async {
            match (&plan.builder, &plan.builder_name) {
                (Some(location), Some(name)) => image(&build.cx, name, location, &build.platform).await.map(Some),
                _ => Ok(None),
            }
        };
        let others: BTreeMap<_, _> =
            plan.extracts.iter().filter_map(|table| Some((&table.from_name, table.from.as_ref()?))).collect();
        let one = async |(name, location): (&String, &Location)| {
            Ok((name.clone(), image(&build.cx, name, location, &build.platform).await?))
        };
        if build.cx.io.offline {
            let (base, builder, others) = join3(base, builder, join_all(others.into_iter().map(one))).await;
            return Self::known(base, builder, others);
        }
        let (base, builder) = try_join(base, builder).await?;
        let mut found = Vec::new();
        for other in others {
            found.push(one(other).await?);
        }
        Ok(Self { base, builder, others: found })
    }

    /// Returns the images, or all that the cache does not have as one error.
    fn known(
        base: Result<Arc<Image>, BuildError>,
        builder: Result<Option<Arc<Image>>, BuildError>,
        others: Vec<Result<(String, Arc<Image>), BuildError>>,
    ) -> Result<Self, BuildError> {
        let mut absent = Vec::new();
        let base = base.map_err(|error| absent.push(Err::<(), _>(error))).ok();
        let builder = builder.map_err(|error| absent.push(Err(error))).ok();
        let others =
            others.into_iter().filter_map(|other| other.map_err(|error| absent.push(Err(error))).ok()).collect();
        match (base, builder) {
            (Some(base), Some(builder)) if absent.is_empty() => Ok(Self { base, builder, others }),
            _ => Err(BuildError::of_offline(absent).err().unwrap_or(BuildError::Unreliable)),
        }
    }
}

/// Finds an image for one platform: its manifest and configuration.
///
/// # Errors
/// No such image or platform; content that differs from its digest; an exceeded limit.
pub async fn image(
    cx: &Arc<Context>,
    name: &str,
    location: &Location,
    platform: &Platform,
) -> Result<Arc<Image>, BuildError> {
    let root = cx.roots.get(location.to_string(), root(cx, location)).await?;
    let chosen = choose(cx, name, &root, platform).await?;
    let image = Image {
        name: name.to_owned(),
        source: Some(root.source.clone()),
        digest: Some(chosen.digest),
        index: Some(root.raw.digest()),
        platform: chosen.platform,
        config: chosen.config,
        layers: chosen.manifest.layers,
        files: OnceCell::new(),
    };
    for (descriptor, diff_id) in image.layers.iter().zip(diff_ids(&image)?) {
        cx.tars.key(&descriptor.digest, diff_id); // stages of earlier runs refer to these files
    }
    let bounded = |cause| BuildError::Bounds { image: name.to_owned(), cause };
    budget::check_stored(&image.layers, &cx.limits).map_err(bounded)?;
    Ok(Arc::new(image))
}

/// Returns the diff id of each layer.
fn diff_ids(image: &Image) -> Result<Vec<DiffId>, BuildError> {
    let diff_ids = image.config.diff_ids().map_err(|cause| BuildError::config(&image.name, cause))?;
    if diff_ids.len() == image.layers.len() {
        return Ok(diff_ids);
    }
    let cause = crate::image::ConfigError::Layers { diff_ids: diff_ids.len(), layers: image.layers.len() };
    Err(BuildError::config(&image.name, cause))
}

async fn root(cx: &Context, location: &Location) -> Result<Arc<ImageRoot>, BuildError> {
    let (source, selector) = cx.io.repositories.source(location)?;
    let raw = match &selector {
        Selector::Digest(digest) => manifest(cx, &source, digest).await?,
        Selector::Tag(_) => source.manifest(&selector).await?,
    };
    Ok(Arc::new(ImageRoot { source, raw }))
}

/// Fetches a manifest by digest from the cache or the source.
async fn manifest(cx: &Context, source: &Arc<dyn Source>, digest: &Digest) -> Result<RawManifest, BuildError> {
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

struct Chosen {
    digest: Digest,
    platform: Platform,
    manifest: ImageManifest,
    config: ImageConfig,
}

/// Finds the manifest for a platform through indexes, and its configuration.
async fn choose(cx: &Context, name: &str, root: &ImageRoot, wanted: &Platform) -> Result<Chosen, BuildError> {
    let mut has = Vec::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![(None, None, 0)];
    while let Some((digest, platform, depth)) = open.pop() {
        let raw = match digest {
            None => root.raw.clone(),
            Some(digest) if !seen.insert(digest) => continue,
            Some(_) if seen.len() > MAX_MANIFESTS => return Err(BuildError::Nested { image: name.to_owned() }),
            Some(digest) => manifest(cx, &root.source, &digest).await?,
        };
        match raw.parse().map_err(|cause| BuildError::Manifest { image: name.to_owned(), cause })? {
            Parsed::Image(manifest) => {
                let config = config(cx, name, &root.source, &manifest).await?;
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
                let next = |entry: Descriptor| (Some(entry.digest), entry.platform, depth + 1);
                open.extend(fitting.into_iter().rev().map(next));
            }
            Parsed::Index(_) => return Err(BuildError::Nested { image: name.to_owned() }),
        }
    }
    has.sort();
    has.dedup();
    Err(BuildError::Platform { image: name.to_owned(), wanted: wanted.clone(), has })
}

/// Returns the entries that may have the platform, and the platforms of the others. Leaves out
/// attestations (`unknown/unknown`).
fn candidates(entries: Vec<Descriptor>, wanted: &Platform) -> (Vec<Descriptor>, Vec<Platform>) {
    let mut fitting = Vec::new();
    let mut others = Vec::new();
    for entry in entries {
        let is_image = media_type::is_manifest(&entry.media_type) || media_type::is_index(&entry.media_type);
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
    cx: &Context,
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
    let bytes = if let Some(bytes) = cached(cx, &descriptor.digest, CONFIG_LIMIT)? {
        bytes
    } else {
        if descriptor.size > CONFIG_LIMIT {
            return Err(BuildError::TooLarge { image: name.to_owned(), what: "configuration", size: descriptor.size });
        }
        let bytes = read_config(name, source, descriptor).await?;
        keep(cx, &descriptor.digest, &bytes)?;
        bytes
    };
    ImageConfig::parse(&bytes).map_err(|cause| BuildError::config(name, cause))
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

async fn layers(
    cx: &Arc<Context>,
    image: &Image,
    source: &Arc<dyn Source>,
) -> Result<Vec<(Descriptor, Arc<TarListing>)>, BuildError> {
    let name = image.name.as_str();
    let bounded = |cause| BuildError::Bounds { image: name.to_owned(), cause };
    let budget = Arc::new(Budget::new(&cx.limits, LAYERS));
    let one = |(descriptor, diff_id): (&Descriptor, DiffId)| {
        let descriptor = descriptor.clone();
        let budget = budget.clone();
        async move {
            let key = cx.tars.key(&descriptor.digest, diff_id);
            let layer = PulledLayer { cx, image: name, blob: &descriptor, diff_id, key };
            let listing = cx.layers.get(key, layer.listing(source, &budget)).await?;
            Ok::<_, BuildError>((descriptor, listing))
        }
    };
    let layers = cx.all(image.layers.iter().zip(diff_ids(image)?).map(one)).await?;
    // Cached layers count too.
    let all = Budget::new(&cx.limits, LAYERS);
    layers.iter().try_for_each(|(_, listing)| all.take_bytes(listing.size)).map_err(bounded)?;
    Ok(layers)
}

fn stack(cx: &Context, name: &str, layers: &[(Descriptor, Arc<TarListing>)]) -> Result<Tree, BuildError> {
    let mut tree = Tree::default();
    let all = Budget::new(&cx.limits, LAYERS);
    for (descriptor, listing) in layers {
        let digest = &descriptor.digest;
        let error = |limit, cause| BuildError::Layer { image: name.to_owned(), layer: digest.short(), cause, limit };
        listing.check(&cx.limits).map_err(|cause| error(cause.limit(), cause.into()))?;
        let entries = listing.entries.clone();
        let bounded = all.take_entries(entries.len() as u64);
        bounded.map_err(|cause| BuildError::Bounds { image: name.to_owned(), cause })?;
        tree.stack(entries, &cx.limits).map_err(|cause| error(cause.limit(), cause.into()))?;
    }
    Ok(tree)
}
