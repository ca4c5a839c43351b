//! Decides, for one platform, what goes into each layer. Nothing is written yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::application::{self, Copied, root_path};
use super::error::BuildError;
use super::objects::Objects;
use super::pull::{self, Image};
use super::report::{Missing, Taken};
use super::run::{Run, Tars};
use super::site;
use crate::debian::os_release::OsRelease;
use crate::elf::dynamic::Abi;
use crate::image::Process;
use crate::layer::{Recipe, contents};
use crate::oci::Platform;
use crate::plan::{Extract, Plan};
use crate::ports::{Walk, WalkRules};
use crate::progress::{Event, LayerKind, Progress};
use crate::python::stdlib::{self, Excludes};
use crate::python::{Interpreter, PythonError};
use crate::rootfs::select::Selected;
use crate::rootfs::{Entry, RootPath, Tree};

/// Files of an image that carboy reads as text: accounts, os-release, ld.so.conf.
const TEXT_LIMIT: u64 = 1 << 20;
/// C.UTF-8, under glibc's name for it and under Debian's up to its release 11.
const LOCALES: [&str; 2] = ["/usr/lib/locale/C.utf8", "/usr/lib/locale/C.UTF-8"];
const TERMINFO: [&str; 3] = ["/usr/share/terminfo", "/usr/lib/terminfo", "/lib/terminfo"];

/// All that the decision depends on.
pub struct Inputs {
    pub(super) plan: Arc<Plan>,
    pub(super) platform: Platform,
    pub(super) base: Arc<Image>,
    pub(super) builder: Option<Arc<Image>>,
    /// The images that `[[extract]]` names besides the builder, by their names.
    pub(super) others: BTreeMap<String, Arc<Image>>,
    pub(super) site: Option<Walk>,
    pub(super) app: Option<Walk>,
    pub(super) copies: Vec<Copied>,
    pub(super) tars: Arc<Tars>,
    pub(super) progress: Arc<dyn Progress>,
}

/// The decision.
pub struct Extraction {
    /// From what changes least to what changes most; empty ones are left out.
    pub layers: Vec<(LayerKind, Arc<Recipe>)>,
    pub process: Process,
    /// The interpreter's version, as exactly as the builder tells.
    pub python: Option<String>,
    pub taken: Vec<Taken>,
    pub missing: Vec<Missing>,
}

impl Inputs {
    /// Pulls and lists what the plan names besides base and builder.
    pub async fn gather(
        run: &Arc<Run>,
        plan: &Arc<Plan>,
        platform: &Platform,
        base: Arc<Image>,
        builder: Option<Arc<Image>>,
        app: Option<&Walk>,
    ) -> Result<Self, BuildError> {
        let mut others = BTreeMap::new();
        for extract in &plan.extracts {
            if let Some(location) = &extract.from {
                let image = pull::image(run, &extract.from_name, location, platform).await?;
                others.insert(extract.from_name.clone(), image);
            }
        }
        let site = match plan.site_packages.get(platform).cloned() {
            None => None,
            Some(folder) => {
                let folders = run.io.folders.clone();
                let what = format!("`dependencies.site-packages` for {platform}");
                let walk = run.blocking(move || folders.walk(&folder, &WalkRules::default())).await?;
                Some(walk.map_err(|cause| BuildError::Local { what, cause })?)
            }
        };
        Ok(Self {
            plan: plan.clone(),
            platform: platform.clone(),
            base,
            builder,
            others,
            site,
            app: app.cloned(),
            copies: application::copies(run, plan).await?,
            tars: run.tars.clone(),
            progress: run.io.progress.clone(),
        })
    }
}

/// Decides.
pub fn extract(inputs: &Inputs) -> Result<Extraction, BuildError> {
    let mut work = Work::new(inputs);
    work.check_releases()?;
    let interpreter = work.runtime()?;
    for extract in &inputs.plan.extracts {
        work.extra(extract)?;
    }
    if let (Some(walk), Some(interpreter)) = (&inputs.site, &interpreter) {
        work.dependencies(walk, interpreter)?;
    }
    let process = work.application(interpreter.as_ref())?;
    work.finish(process, interpreter.as_ref())
}

/// The image in the making.
pub(super) struct Work<'a> {
    pub(super) inputs: &'a Inputs,
    pub(super) plan: &'a Plan,
    pub(super) triplet: &'static str,
    pub(super) objects: Objects,
    /// What the image will be.
    pub(super) image: Tree,
    /// Where objects of the image came from in the builder.
    pub(super) origins: BTreeMap<RootPath, RootPath>,
    /// Sonames in the interpreter's process before it loads any module.
    pub(super) loaded: BTreeSet<Vec<u8>>,
    pub(super) abi: Option<Abi>,
    pub(super) recipes: BTreeMap<LayerKind, Recipe>,
    pub(super) taken: Vec<Taken>,
    pub(super) missing: Vec<Missing>,
    pub(super) fatal: Vec<(String, String)>,
}

impl<'a> Work<'a> {
    fn new(inputs: &'a Inputs) -> Self {
        Self {
            inputs,
            plan: &inputs.plan,
            triplet: inputs.platform.triplet().unwrap_or_default(),
            objects: Objects::new(inputs.tars.clone()),
            image: inputs.base.tree.clone(),
            origins: BTreeMap::new(),
            loaded: BTreeSet::new(),
            abi: None,
            recipes: BTreeMap::new(),
            taken: Vec::new(),
            missing: Vec::new(),
            fatal: Vec::new(),
        }
    }

    pub(super) fn put(&mut self, kind: LayerKind, path: &RootPath, entry: Entry) -> Result<RootPath, BuildError> {
        let (timestamp, compression) = (self.plan.timestamp, self.plan.compression);
        let recipe = self.recipes.entry(kind).or_insert_with(|| Recipe::new(timestamp, compression));
        let platform = &self.inputs.platform;
        recipe
            .put(&mut self.image, path, entry)
            .map_err(|cause| BuildError::Recipe { platform: platform.clone(), cause })
    }

    /// A small text of an image; none when it is not there. One that is there and
    /// cannot be read is an error: accounts must be extended, never replaced.
    pub(super) fn text(&self, tree: &Tree, path: &RootPath) -> Result<Option<String>, BuildError> {
        let Some((_, entry)) = tree.follow(path) else { return Ok(None) };
        let Some(content) = entry.content() else { return Ok(None) };
        let error =
            |cause: &dyn std::fmt::Display| BuildError::Read { path: path.to_string(), cause: cause.to_string() };
        let bytes = contents::read(content, self.inputs.tars.as_ref(), TEXT_LIMIT).map_err(|cause| error(&cause))?;
        String::from_utf8(bytes).map(Some).map_err(|cause| error(&cause))
    }

    /// Scanners match packages against the release's advisories: mixing two of them
    /// gives wrong answers, even where the libraries would run.
    fn check_releases(&self) -> Result<(), BuildError> {
        let Some(builder) = self.inputs.builder.as_ref().filter(|_| !self.plan.allow_mixed) else { return Ok(()) };
        let release = |tree: &Tree| -> Result<Option<OsRelease>, BuildError> {
            let text = match self.text(tree, &root_path("etc/os-release"))? {
                Some(text) => Some(text),
                None => self.text(tree, &root_path("usr/lib/os-release"))?,
            };
            Ok(text.and_then(|text| OsRelease::parse(&text)))
        };
        match (release(&self.inputs.base.tree)?, release(&builder.tree)?) {
            (Some(base), Some(of_builder)) if base != of_builder => Err(BuildError::Mixed {
                base_name: self.plan.base_name.clone(),
                base,
                builder_name: self.plan.builder_name.clone().unwrap_or_default(),
                builder: of_builder,
            }),
            _ => Ok(()),
        }
    }

    fn runtime(&mut self) -> Result<Option<Interpreter>, BuildError> {
        let Some(plan) = &self.plan.runtime else { return Ok(None) };
        let inputs = self.inputs;
        let Some(builder) = &inputs.builder else { return Ok(None) };
        let error = |cause| BuildError::Python {
            image: self.plan.builder_name.clone().unwrap_or_default(),
            platform: inputs.platform.clone(),
            cause,
        };
        let interpreter =
            Interpreter::find(&builder.tree, &builder.config.env(), plan.version.as_deref()).map_err(error)?;
        if let Some(wanted) = plan.version.as_ref().filter(|wanted| **wanted != interpreter.version) {
            return Err(error(PythonError::Version { found: interpreter.version.clone(), wanted: wanted.clone() }));
        }
        let excludes = Excludes::new(&plan.exclude)?;
        for pattern in excludes.unused(&builder.tree, &interpreter.stdlib) {
            let text = format!("runtime.exclude: Python {} has no `{pattern}` to leave out", interpreter.version);
            inputs.progress.on(Event::Warning(text));
        }
        let mut taken = Vec::new();
        for path in stdlib::runtime(&builder.tree, &interpreter, &excludes) {
            let Some(entry) = builder.tree.get(&path) else { continue };
            let real = self.put(LayerKind::Runtime, &path, entry.clone())?;
            self.origins.insert(real.clone(), path);
            taken.push(real);
        }
        self.data(&builder.tree, plan.terminfo)?;
        // The interpreter's own libraries first: modules find them loaded.
        let executable = interpreter.executable.clone();
        self.abi = self.object_abi(&executable)?;
        let first = self.close(LayerKind::Runtime, &builder.tree, vec![executable])?;
        self.loaded.extend(first.sonames);
        let objects = self.elf_files(taken)?;
        self.close(LayerKind::Runtime, &builder.tree, objects)?;
        self.by_name(&plan.dlopen, &builder.tree)?;
        Ok(Some(interpreter))
    }

    /// The C.UTF-8 locale when the base lacks it; terminfo when asked for.
    fn data(&mut self, builder: &Tree, terminfo: bool) -> Result<(), BuildError> {
        let lacks = |image: &Tree, path: &str| image.follow(&root_path(path)).is_none();
        let mut wanted = Vec::new();
        if LOCALES.iter().all(|path| lacks(&self.image, path)) {
            wanted.extend(LOCALES.into_iter().find(|path| !lacks(builder, path)));
        }
        if terminfo {
            wanted.extend(TERMINFO.into_iter().filter(|path| lacks(&self.image, path) && !lacks(builder, path)));
        }
        for pattern in wanted {
            let selected = self.select("the runtime", "builder", builder, pattern)?;
            self.add_selected(LayerKind::Runtime, &selected, None)?;
        }
        Ok(())
    }

    fn select(&self, what: &str, image: &str, tree: &Tree, pattern: &str) -> Result<Selected, BuildError> {
        tree.select(pattern).map_err(|cause| BuildError::Select {
            what: what.to_owned(),
            image: image.to_owned(),
            platform: self.inputs.platform.clone(),
            cause,
        })
    }

    /// Adds selected entries below `to`; returns where they went.
    fn add_selected(
        &mut self,
        kind: LayerKind,
        selected: &Selected,
        to: Option<&RootPath>,
    ) -> Result<Vec<RootPath>, BuildError> {
        let mut out = Vec::new();
        for (path, chosen) in selected {
            let path = to.map_or_else(|| path.clone(), |to| to.join(path));
            if chosen.entry.is_folder() && self.image.resolve(&path).is_ok_and(|real| self.image.is_folder(&real)) {
                continue; // the image's own folders keep mode and owner
            }
            let real = self.put(kind, &path, chosen.entry.clone())?;
            self.origins.insert(real.clone(), chosen.real.clone());
            out.push(real);
        }
        Ok(out)
    }

    fn extra(&mut self, extract: &Extract) -> Result<(), BuildError> {
        let inputs = self.inputs;
        let donor = match &extract.from {
            None => inputs.builder.as_ref(),
            Some(_) => inputs.others.get(&extract.from_name),
        };
        let Some(donor) = donor else {
            return Err(BuildError::Internal(format!("no image for [[extract]] from {}", extract.from_name)));
        };
        let mut taken = Vec::new();
        for pattern in &extract.paths {
            let selected = self.select("[[extract]]", &extract.from_name, &donor.tree, pattern)?;
            taken.extend(self.add_selected(LayerKind::Libraries, &selected, extract.to.as_ref())?);
        }
        if extract.libraries {
            let objects = self.elf_files(taken)?;
            if self.abi.is_none() {
                self.abi = objects.first().map(|path| self.object_abi(path)).transpose()?.flatten();
            }
            self.close(LayerKind::Libraries, &donor.tree, objects)?;
        }
        Ok(())
    }

    fn dependencies(&mut self, walk: &Walk, interpreter: &Interpreter) -> Result<(), BuildError> {
        let mut placed = Vec::new();
        for (path, entry) in site::place(walk, interpreter, &self.inputs.tars)? {
            placed.push(self.put(LayerKind::Dependencies, &path, entry)?);
        }
        let objects = self.elf_files(placed)?;
        let inputs = self.inputs;
        if let Some(builder) = &inputs.builder {
            self.close(LayerKind::Libraries, &builder.tree, objects)?;
        }
        Ok(())
    }

    fn finish(self, process: Process, interpreter: Option<&Interpreter>) -> Result<Extraction, BuildError> {
        for broken in self.objects.broken() {
            self.inputs.progress.on(Event::Warning(broken));
        }
        if !self.fatal.is_empty() {
            let mut missing = self.fatal;
            missing.sort();
            missing.dedup();
            return Err(BuildError::Missing { platform: self.inputs.platform.clone(), missing });
        }
        let mut taken = self.taken;
        taken.sort();
        let mut missing = self.missing;
        missing.sort();
        missing.dedup();
        let python = interpreter.map(|found| found.full_version.clone().unwrap_or_else(|| found.version.clone()));
        let layers = self.recipes.into_iter().filter(|(_, recipe)| !recipe.is_empty());
        let layers = layers.map(|(kind, recipe)| (kind, Arc::new(recipe))).collect();
        Ok(Extraction { layers, process, python, taken, missing })
    }
}
