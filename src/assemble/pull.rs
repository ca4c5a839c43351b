//! Pulls an image: the manifest for one platform, its configuration, and its layers as one tree.
//! Bytes are verified before they are used.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::{join_all, join3, try_join};
use tokio::sync::OnceCell;

use super::choose::{choose, manifest};
use super::context::Context;
use super::error::BuildError;
use super::image_root::ImageRoot;
use super::platform_build::PlatformBuild;
use super::pulled_layer::PulledLayer;
use crate::image::ImageConfig;
use crate::layer::TarListing;
use crate::layer::budget::{self, Budget};
use crate::oci::location::Selector;
use crate::oci::{Descriptor, DiffId, Digest, Location, Platform};
use crate::repository::Source;
use crate::rootfs::Tree;

/// The name of the budget that all layers of an image share.
const LAYERS: &str = "layers";
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

/// Returns the manifest or index that a location names, and its source.
///
/// # Errors
/// No such image; content that differs from its digest.
pub async fn root(cx: &Context, location: &Location) -> Result<Arc<ImageRoot>, BuildError> {
    let (source, selector) = cx.io.repositories.source(location)?;
    let raw = match &selector {
        Selector::Digest(digest) => manifest(cx, &source, digest).await?,
        Selector::Tag(_) => source.manifest(&selector).await?,
    };
    Ok(Arc::new(ImageRoot { source, raw }))
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
