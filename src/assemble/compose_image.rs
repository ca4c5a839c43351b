//! Composes one platform's image: loads it from the cache if all stages are there, otherwise
//! pulls, composes and checks it.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use futures_util::future::{try_join_all, try_join3};
use tokio::task::JoinHandle;

use super::bytecode::BytecodeCompiler;
use super::context::Context;
use super::distributions::{self, Chosen};
use super::error::BuildError;
use super::layer_cache;
use super::local_files::{ChosenApplication, LocalFiles};
use super::platform_build::PlatformBuild;
use super::pull::{FileList, Image, Images};
use super::python_facts::{PythonFacts, python_facts};
use super::report::Size;
use super::stage_cache::Summary;
use super::stage_keys::{StageInputs, StageKeys};
use crate::compose::{
    self, Application, Changes, Compile, Composition, CopiedFiles, SitePackages, SourceImage, Stage, Unavailable,
};
use crate::config::BUILDER;
use crate::diagnostic::Diagnostic;
use crate::image::LayerId;
use crate::layer::Recipe;
use crate::oci::{Descriptor, Digest, Location, media_type};
use crate::rootfs::Tree;

/// One platform's image: composed and checked. Its layers are not packed yet.
pub struct ComposedImage {
    pub build: PlatformBuild,
    pub base: Arc<Image>,
    pub python: Option<PythonFacts>,
    pub summary: Summary,
    /// The distributions whose wheels were made from their sdists, sorted.
    pub from_sdist: Vec<String>,
    /// The time that composing and checking took; zero if the cache had the result.
    pub elapsed: Duration,
    keys: StageKeys,
    /// The changes of all stages, from the lowest up, loaded on first use.
    changes: OnceLock<Vec<Changes>>,
    /// The upload of the base's layers.
    base_upload: Option<JoinHandle<Result<(), BuildError>>>,
}

impl ComposedImage {
    /// Composes the image of one platform, and starts to upload the base's layers.
    ///
    /// # Errors
    /// All errors of the image, up to the first one that stops composing, and its warnings.
    pub async fn compose(build: PlatformBuild, local: &LocalFiles) -> Result<Self, BuildError> {
        let errors = build.errors.clone();
        match Self::compose_on(build, local).await {
            Ok(image) if errors.is_empty() => Ok(image),
            Ok(image) => Err([errors.all(), image.summary.facts.diagnostics].concat().into()),
            Err(error) => Err(error.after(errors.all(), &[])),
        }
    }

    /// Composes the image, also of what is left after an error in the build's list.
    async fn compose_on(build: PlatformBuild, local: &LocalFiles) -> Result<Self, BuildError> {
        let images = Images::find(&build).await?;
        let base_upload =
            (!build.outputs.is_empty()).then(|| tokio::spawn(upload_base(build.clone(), images.base.clone())));
        let python = python_facts(&build, &images.base, images.builder.as_deref()).await?;
        let chosen = distributions::choose(&build, python.as_ref(), local.wheels.as_ref()).await?;
        let Chosen { packages, mut unavailable, names } = chosen;
        let application = local.application(&build, python.as_ref(), names).await?;
        if matches!(application, Some(ChosenApplication::Unavailable)) {
            unavailable = Unavailable::Application;
        }
        let inputs = StageInputs {
            images: &images,
            python: python.as_ref(),
            packages: &packages,
            application: application.as_ref(),
            local,
        };
        let keys = StageKeys::of(&build, &inputs);
        let base = images.base.clone();
        let from_sdist = packages.built_from_sdists();
        if let Some(summary) = known(&build.cx, &keys)? {
            let (elapsed, changes) = (Duration::ZERO, OnceLock::new());
            return Ok(Self { build, base, python, summary, from_sdist, elapsed, keys, changes, base_upload });
        }
        let inputs = Inputs::load(&build, &inputs, keys, unavailable).await?;
        let Outcome { summary, changes, elapsed } = build.cx.blocking(move || inputs.compose()).await??;
        Ok(Self { build, base, python, summary, from_sdist, elapsed, keys, changes: changes.into(), base_upload })
    }

    /// Waits until the target has the base's layers.
    ///
    /// # Errors
    /// Any error of the upload.
    pub async fn base_uploaded(&mut self) -> Result<(), BuildError> {
        match self.base_upload.take() {
            Some(upload) => upload.await.map_err(|cause| BuildError::Internal(cause.to_string()))?,
            None => Ok(()),
        }
    }

    /// Returns the changes of all stages, from the lowest up.
    ///
    /// # Errors
    /// A stage that is no longer in the cache.
    pub fn changes(&self) -> Result<&[Changes], BuildError> {
        if let Some(changes) = self.changes.get() {
            return Ok(changes);
        }
        let stored = |key| self.build.cx.stored_changes(key)?.ok_or(BuildError::Unreliable);
        let changes = self.keys.stages().iter().map(stored).collect::<Result<_, _>>()?;
        Ok(self.changes.get_or_init(|| changes))
    }

    /// Returns the recipe of a layer.
    ///
    /// # Errors
    /// As [`Self::changes`].
    pub fn recipe(&self, layer: &LayerId) -> Result<Arc<Recipe>, BuildError> {
        let found = self.changes()?.iter().find_map(|changes| changes.layers.get(layer)).cloned();
        found.ok_or(BuildError::Unreliable)
    }
}

/// Returns the summary of an earlier run if the cache has its layers, or the stages from which
/// the layers can be packed again.
fn known(cx: &Context, keys: &StageKeys) -> Result<Option<Summary>, BuildError> {
    let Some(summary) = cx.stored_summary(&keys.composition)? else { return Ok(None) };
    for layer in &summary.layers {
        if layer_cache::known(cx.io.cache.as_ref(), &layer.key)?.is_none() {
            let stored = keys.stages().iter().map(|key| cx.stored_changes(key)).collect::<Result<Vec<_>, _>>()?;
            return Ok(Some(summary).filter(|_| stored.iter().all(Option::is_some)));
        }
    }
    Ok(Some(summary))
}

async fn upload_base(build: PlatformBuild, base: Arc<Image>) -> Result<(), BuildError> {
    let Some(source) = &base.source else { return Ok(()) };
    let of = (&build.platform, matches!(build.plan.base, Some(Location::Registry(_))));
    let push = |layer| build.outputs.push_base_layer(&build.cx, of, layer, source);
    // A foreign layer that is elsewhere is not pushed, as docker does not push it.
    let is_elsewhere = |layer: &&Descriptor| media_type::is_foreign(&layer.media_type) && !layer.urls.is_empty();
    build.cx.all(base.layers.iter().filter(|layer| !is_elsewhere(layer)).map(push)).await.map(|_| ())
}

/// The inputs of composing.
struct Inputs {
    cx: Arc<Context>,
    compose: compose::Context,
    base: FileList,
    base_layers: Size,
    keys: StageKeys,
    /// Stages that an earlier run composed: runtime, extract, dependencies, application.
    known: [Option<Changes>; 4],
    site: SitePackages,
    app: Option<Application>,
    copies: Arc<Vec<CopiedFiles>>,
}

impl Inputs {
    /// Pulls the images' files, and opens the wheels of stages that the cache does not have.
    async fn load(
        build: &PlatformBuild,
        inputs: &StageInputs<'_>,
        keys: StageKeys,
        unavailable: Unavailable,
    ) -> Result<Self, BuildError> {
        let StageInputs { images, python, packages, application, local } = *inputs;
        let cx = build.cx.clone();
        let [runtime, extract, dependencies, application_key] = keys.stages();
        let stored = |key| cx.stored_changes(key);
        let known = [stored(&runtime)?, stored(&extract)?, stored(&dependencies)?, stored(&application_key)?];
        let site = async {
            if known[2].is_some() {
                packages.recall_elf(build)?;
                return Ok(SitePackages::None);
            }
            packages.open(build, python).await
        };
        let app = async {
            match application {
                Some(app) if known[3].is_none() => app.open(build, python).await,
                _ => Ok(None),
            }
        };
        let (base, site, app) = try_join3(images.base.files(&cx), site, app).await?;
        let compose = compose::Context { unavailable, ..compose_context(build, images, python).await? };
        let packed = images.base.layers.iter().fold(0, |sum: u64, layer| sum.saturating_add(layer.size));
        let base_layers = Size { layers: images.base.layers.len(), packed, unpacked: base.unpacked };
        Ok(Self { cx, compose, base, base_layers, keys, known, site, app, copies: local.copies.clone() })
    }

    /// Composes and checks the image.
    fn compose(self) -> Result<Outcome, BuildError> {
        let unavailable = self.compose.unavailable.clone();
        self.compose_all().map_err(|error| error.without_consequences(&unavailable))
    }

    fn compose_all(self) -> Result<Outcome, BuildError> {
        let started = Instant::now();
        let Self { cx, compose, base, base_layers, keys, known, site, app, copies } = self;
        let base = compose::base(&compose, keys.base, Tree::clone(&base.tree))?;
        let mut stages = Stages { cx: &cx, compose: &compose, list: vec![base] };
        let [runtime, extract, dependencies, application] = known;
        stages.add(keys.runtime, runtime, |below| compose::runtime(&compose, below, keys.runtime))?;
        stages.add(keys.extract, extract, |below| compose::extract(&compose, below, keys.extract))?;
        stages.add(keys.dependencies, dependencies, |below| {
            compose::dependencies(&compose, below, keys.dependencies, &site)
        })?;
        stages.add(keys.application, application, |below| {
            compose::application(&compose, below, keys.application, app.as_ref(), &copies)
        })?;
        let composition = Composition::new(&compose, stages.list)?;
        let found = compose::verify(&composition);
        let summary = Summary::of(&composition, found, base_layers);
        if summary.diagnostics().any(Diagnostic::is_error) {
            return Err(summary.facts.diagnostics.into());
        }
        if compose.unavailable.is_nothing() {
            cx.store_summary(&keys.composition, &summary)?;
        }
        let changes = composition.stages.into_iter().skip(1).map(|stage| stage.changes).collect();
        Ok(Outcome { summary, changes, elapsed: started.elapsed() })
    }
}

/// A composed and checked image.
struct Outcome {
    summary: Summary,
    changes: Vec<Changes>,
    elapsed: Duration,
}

/// The stages of an image that are composed so far.
struct Stages<'a> {
    cx: &'a Context,
    compose: &'a compose::Context,
    list: Vec<Stage>,
}

impl Stages<'_> {
    /// Adds a stage: restores the known one, or composes and stores a new one.
    fn add(
        &mut self,
        key: Digest,
        known: Option<Changes>,
        compose: impl FnOnce(&Stage) -> Result<Stage, Vec<Diagnostic>>,
    ) -> Result<(), BuildError> {
        let below = self.list.last().ok_or_else(|| BuildError::Internal("there is no base stage".to_owned()))?;
        let stage = if let Some(changes) = known {
            Stage::restore(self.compose, below, key, changes)?
        } else {
            let stage = compose(below).map_err(|found| self.failed(found))?;
            if self.compose.unavailable.is_nothing() {
                self.cx.store_changes(&key, &stage.changes)?;
            }
            stage
        };
        self.list.push(stage);
        Ok(())
    }

    /// Returns the errors of a failed stage after the errors of the stages below.
    fn failed(&self, found: Vec<Diagnostic>) -> BuildError {
        let below = self.list.iter().flat_map(Stage::diagnostics).cloned();
        below.chain(found).collect::<Vec<_>>().into()
    }
}

/// The inputs that all stages share.
async fn compose_context(
    build: &PlatformBuild,
    images: &Images,
    python: Option<&PythonFacts>,
) -> Result<compose::Context, BuildError> {
    let cx = &build.cx;
    let builder = images.builder.iter().map(|image| (BUILDER, image));
    let all: Vec<_> = builder.chain(images.others.iter().map(|(name, image)| (name.as_str(), image))).collect();
    let files = try_join_all(all.iter().map(|(_, image)| image.files(cx))).await?;
    let mut sources = Vec::new();
    for ((name, image), files) in all.into_iter().zip(files) {
        let own_name = build.plan.builder_name.as_deref().filter(|_| name == BUILDER).unwrap_or(name);
        let (config, contents) = (image.config.clone(), cx.tars.as_ref());
        sources.push(SourceImage::read((name, own_name), files.tree, config, contents)?);
    }
    let interpreter = python.map(|python| python.interpreter.clone());
    let wants_bytecode = build.plan.runtime.as_ref().is_some_and(|runtime| runtime.bytecode);
    let compiler = interpreter
        .as_ref()
        .filter(|_| wants_bytecode)
        .map(|interpreter| Arc::new(BytecodeCompiler::new(cx, &build.platform, interpreter)) as Arc<dyn Compile>);
    Ok(compose::Context {
        plan: build.plan.clone(),
        platform: build.platform.clone(),
        architecture: build.architecture,
        base_config: images.base.config.clone(),
        sources,
        interpreter,
        elf: cx.elf.clone(),
        contents: cx.tars.clone(),
        compiler,
        unavailable: Unavailable::Nothing,
    })
}
