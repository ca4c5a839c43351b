//! Decides, for one platform, what goes into each layer. Nothing is written yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::application::{self, Copied};
use super::dependencies::{self, Facts, Site};
use super::donor::{Donor, DonorId};
use super::error::BuildError;
use super::members::Members;
use super::objects::Objects;
use super::problems::Problem;
use super::pull::{self, Image};
use super::reasons::{Because, Reasons};
use super::report::{Missing, Resolved, Taken};
use super::run::Run;
use super::tars::Tars;
use super::{Local, records, site};
use crate::bytecode::Compiler;
use crate::debian::dpkg::Owners;
use crate::debian::records::Database;
use crate::elf::{self, Abi};
use crate::glibc::ld_so_conf;
use crate::image::Process;
use crate::layer::budget::Budget;
use crate::layer::{Recipe, contents};
use crate::oci::{Architecture, Platform};
use crate::plan::Plan;
use crate::progress::{LayerId, LayerKind, Progress};
use crate::python::Interpreter;
use crate::python::entrypoint::{self, Entrypoint, EntrypointCandidates};
use crate::python::wheel::Installed;
use crate::rootfs::{Entry, RootPath, Tree, Walk};

/// Files of an image that carboy reads as text: accounts, os-release.
const TEXT_LIMIT: u64 = 1 << 20;

/// All that the decision depends on.
pub struct Inputs {
    pub(super) plan: Arc<Plan>,
    pub(super) platform: Platform,
    pub(super) base: Arc<Image>,
    pub(super) builder: Option<Arc<Image>>,
    /// The images that `[[extract]]` names besides the builder, by their names.
    pub(super) others: BTreeMap<String, Arc<Image>>,
    pub(super) site: Site,
    pub(super) app: Option<App>,
    pub(super) copies: Arc<Vec<Copied>>,
    pub(super) tars: Arc<Tars>,
    pub(super) compiler: Arc<Compiler>,
    pub(super) members: Arc<Members>,
    pub(super) progress: Arc<dyn Progress>,
    pub(super) run: Arc<Run>,
}

/// The application, as one platform gets it.
pub enum App {
    Files {
        walk: Walk,
        /// What is started when nobody says.
        start: Option<Vec<String>>,
    },
    Wheel {
        installed: Box<Installed>,
        /// What is started when nobody says, or what could be.
        start: Result<Entrypoint, EntrypointCandidates>,
    },
}

impl App {
    /// What is started when nobody says.
    pub fn start(&self) -> Option<Vec<String>> {
        match self {
            Self::Files { start, .. } => start.clone(),
            Self::Wheel { start, .. } => start.as_ref().ok().map(|start| start.command("")),
        }
    }

    /// What could be started.
    pub fn candidates(&self) -> EntrypointCandidates {
        match self {
            Self::Files { .. } => EntrypointCandidates::default(),
            Self::Wheel { start, .. } => start.as_ref().err().cloned().unwrap_or_default(),
        }
    }
}

/// The decision.
pub struct Extraction {
    /// From what changes least to what changes most; empty ones are left out.
    pub layers: Vec<(LayerId, Arc<Recipe>)>,
    pub process: Process,
    /// The interpreter's version, as exactly as the builder tells.
    pub python: Option<String>,
    /// The distributions of a lock file, with their versions: `numpy 2.3.1`.
    pub distributions: Vec<String>,
    pub taken: Vec<Taken>,
    pub missing: Vec<Missing>,
    pub resolved: Resolved,
    pub reasons: Reasons,
    /// The packages of taken files, with their versions: `zlib1g 1:1.2.13.dfsg-1`.
    pub packages: BTreeMap<RootPath, String>,
    /// Where site-packages are.
    pub purelib: Option<RootPath>,
    /// What a container would see.
    pub image: Tree,
}

impl Extraction {
    /// Without what only questions about the image need.
    pub fn slim(self) -> Self {
        Self { reasons: Reasons::default(), packages: BTreeMap::new(), image: Tree::default(), ..self }
    }
}

impl Inputs {
    /// Pulls and lists what the plan names besides base and builder.
    pub async fn gather(
        run: &Arc<Run>,
        plan: &Arc<Plan>,
        platform: &Platform,
        base: Arc<Image>,
        builder: Option<Arc<Image>>,
        local: &Local,
    ) -> Result<Self, BuildError> {
        let mut others = BTreeMap::new();
        for extract in &plan.extracts {
            if let Some(location) = &extract.from {
                let image = pull::image(run, &extract.from_name, location, platform).await?;
                others.insert(extract.from_name.clone(), image);
            }
        }
        let objects = Objects::new(run.tars.clone(), run.members.clone());
        let facts = Facts::of(plan, platform, &base, builder.as_deref(), &objects)?.map(Arc::new);
        let site = dependencies::gather(run, plan, platform, facts.as_ref(), local.packages.as_ref()).await?;
        let app = match (&local.app, &facts) {
            (None, _) | (Some(application::Local::Wheels(_)), None) => None,
            (Some(application::Local::Files { walk, start }), _) => {
                Some(App::Files { walk: walk.clone(), start: start.clone() })
            }
            (Some(application::Local::Wheels(found)), Some(facts)) => {
                let file = dependencies::own_wheel(found, &facts.target)?;
                let budget = Arc::new(Budget::new(&run.limits, "files"));
                let installed = Box::new(dependencies::install(run, facts, file, budget).await?);
                dependencies::warn_of_oddities(run, [installed.as_ref()]);
                let start = entrypoint::of_installed(
                    &installed.name,
                    &installed.scripts,
                    installed.modules(&facts.interpreter),
                );
                Some(App::Wheel { installed, start })
            }
        };
        Ok(Self {
            plan: plan.clone(),
            platform: platform.clone(),
            base,
            builder,
            others,
            site,
            app,
            copies: local.copies.clone(),
            tars: run.tars.clone(),
            compiler: run.io.compiler.clone(),
            members: run.members.clone(),
            progress: run.io.progress.clone(),
            run: run.clone(),
        })
    }
}

/// Decides.
///
/// # Errors
/// Everything that is wrong at once, as far as it can be known without fixing the
/// rest; the first thing that keeps it from reading.
pub fn extract(inputs: &Inputs) -> Result<Extraction, BuildError> {
    let mut work = Work::new(inputs)?;
    match work.decide() {
        Ok((process, interpreter)) => work.finish(process, interpreter.as_ref()),
        Err(cause) if work.problems.is_empty() => Err(cause),
        Err(cause) => {
            work.wrong(&cause);
            Err(BuildError::wrong(&inputs.platform, &work.problems))
        }
    }
}

/// Names the distribution whose files cannot be where they should.
fn conflict(installed: &Installed, cause: BuildError) -> BuildError {
    match cause {
        BuildError::Recipe { platform, cause } => {
            BuildError::Conflict { platform, distribution: installed.to_string(), cause }
        }
        other => other,
    }
}

/// The image in the making.
pub(super) struct Work<'a> {
    pub(super) inputs: &'a Inputs,
    pub(super) plan: &'a Plan,
    pub(super) architecture: &'static Architecture,
    pub(super) objects: Objects,
    /// What the image will be.
    pub(super) image: Tree,
    /// The builder first, where there is one, then the images of `[[extract]]`.
    pub(super) donors: Vec<Donor>,
    /// What the image's `ld.so.cache` covers, or will.
    pub(super) image_folders: Vec<RootPath>,
    /// The interpreter's process before it loads any module.
    pub(super) process: elf::LoaderState,
    /// Where Python and the scripts of distributions are: the image's `PATH` has these.
    pub(super) programs: Vec<RootPath>,
    /// What the platform's programs are; where the platform does not tell, what the
    /// interpreter is.
    pub(super) abi: Option<Abi>,
    /// What was taken without its libraries, because the configuration says so.
    pub(super) unresolved: BTreeSet<RootPath>,
    pub(super) recipes: BTreeMap<LayerId, Recipe>,
    pub(super) reasons: Reasons,
    pub(super) taken: Vec<Taken>,
    pub(super) missing: Vec<Missing>,
    pub(super) resolved: Resolved,
    pub(super) problems: Vec<Problem>,
    /// The package records of the image.
    pub(super) on_record: Database,
}

impl<'a> Work<'a> {
    fn new(inputs: &'a Inputs) -> Result<Self, BuildError> {
        let unknown = || BuildError::Internal(format!("no architecture is known for {}", inputs.platform));
        let architecture = Architecture::of(&inputs.platform).ok_or_else(unknown)?;
        let mut work = Self {
            inputs,
            plan: &inputs.plan,
            architecture,
            objects: Objects::new(inputs.tars.clone(), inputs.members.clone()),
            image: inputs.base.tree.clone(),
            donors: Vec::new(),
            image_folders: Vec::new(),
            process: elf::LoaderState::default(),
            programs: Vec::new(),
            abi: Some(Abi::of(architecture)),
            unresolved: BTreeSet::new(),
            recipes: BTreeMap::new(),
            reasons: Reasons::default(),
            taken: Vec::new(),
            missing: Vec::new(),
            resolved: Resolved::default(),
            problems: Vec::new(),
            on_record: Database::default(),
        };
        let builder = inputs.builder.iter().map(|image| (crate::config::BUILDER, image));
        let others = inputs.others.iter().map(|(name, image)| (name.as_str(), image));
        for (name, image) in builder.chain(others) {
            let reader = || records::reader(&image.tree, &inputs.tars);
            let own_name =
                inputs.plan.builder_name.as_deref().filter(|_| name == crate::config::BUILDER).unwrap_or(name);
            let folders = records::of_image(own_name, ld_so_conf::folders(&image.tree, &mut reader()))?;
            let owners = records::of_image(own_name, Owners::read(&image.tree, &mut reader()))?;
            let origins = BTreeMap::new();
            work.donors.push(Donor { name: name.to_owned(), image: image.clone(), folders, owners, origins });
        }
        let mut reader = records::reader(&work.image, &inputs.tars);
        work.on_record = records::of_image(&inputs.plan.base_name, Database::read(&work.image, &mut reader))?;
        drop(reader);
        work.image_folders = work.configuration(&[])?.folders;
        Ok(work)
    }

    /// Fills the layers, from the lowest up, and looks at the whole.
    fn decide(&mut self) -> Result<(Process, Option<Interpreter>), BuildError> {
        let inputs = self.inputs;
        self.check_releases()?;
        let interpreter = self.runtime()?;
        self.programs.extend(interpreter.iter().flat_map(|found| [found.scripts.clone(), found.bin.clone()]));
        self.seal(LayerKind::Runtime)?;
        for extract in &inputs.plan.extracts {
            self.extra(extract)?;
        }
        if let Some(interpreter) = &interpreter {
            self.dependencies(interpreter)?;
        }
        self.seal(LayerKind::Libraries)?;
        self.seal(LayerKind::Dependencies)?;
        let process = self.application(interpreter.as_ref())?;
        if let Some(interpreter) = &interpreter
            && let Some(python) = self.compiler(interpreter)?
        {
            self.bytecode(&python, interpreter)?;
        }
        self.seal(LayerKind::Application)?;
        self.verify(interpreter.as_ref(), &process)?;
        if let Some(interpreter) = &interpreter {
            self.warn_of_scratch(interpreter);
        }
        Ok((process, interpreter))
    }

    /// Something that is wrong, and that does not keep the rest from being looked at.
    pub(super) fn wrong(&mut self, cause: &BuildError) {
        self.problems.extend(Problem::of(cause));
    }

    /// The builder, where there is one: it is the first donor.
    pub(super) fn builder(&self) -> Option<DonorId> {
        self.inputs.builder.as_ref().map(|_| 0)
    }

    /// Adds an entry to the layer of a kind that holds the rest. Returns its real path.
    pub(super) fn put(
        &mut self,
        kind: LayerKind,
        path: &RootPath,
        entry: impl Into<Arc<Entry>>,
        because: Because,
    ) -> Result<RootPath, BuildError> {
        self.put_into(&kind.into(), path, entry, because)
    }

    /// Adds an entry to a layer. Returns its real path.
    pub(super) fn put_into(
        &mut self,
        layer: &LayerId,
        path: &RootPath,
        entry: impl Into<Arc<Entry>>,
        because: Because,
    ) -> Result<RootPath, BuildError> {
        let (timestamp, compression) = (self.plan.timestamp, self.plan.compression);
        let recipe = self.recipes.entry(layer.clone()).or_insert_with(|| Recipe::new(timestamp, compression));
        let platform = &self.inputs.platform;
        let real = recipe
            .put(&mut self.image, path, entry)
            .map_err(|cause| BuildError::Recipe { platform: platform.clone(), cause })?;
        self.reasons.note(real.clone(), layer.kind, because);
        for donor in &mut self.donors {
            donor.origins.remove(&real);
        }
        Ok(real)
    }

    /// Adds an entry that a donor has at `from`.
    pub(super) fn put_from(
        &mut self,
        donor: DonorId,
        from: &RootPath,
        kind: LayerKind,
        path: &RootPath,
        because: Because,
    ) -> Result<Option<RootPath>, BuildError> {
        let Some(entry) = self.donors[donor].image.tree.share(from) else { return Ok(None) };
        let real = self.put(kind, path, entry, because)?;
        self.donors[donor].origins.insert(real.clone(), from.clone());
        Ok(Some(real))
    }

    /// A small text of an image; none when it is not there. One that is there and
    /// cannot be read is an error: accounts must be extended, never replaced.
    pub(super) fn text(&self, tree: &Tree, path: &RootPath) -> Result<Option<String>, BuildError> {
        let Some((_, entry)) = tree.follow(path) else { return Ok(None) };
        let Some(content) = entry.content() else { return Ok(None) };
        let bytes = contents::read(content, self.inputs.tars.as_ref(), TEXT_LIMIT);
        let bytes = bytes.map_err(|cause| BuildError::read(path, cause))?;
        String::from_utf8(bytes).map(Some).map_err(|cause| BuildError::read(path, cause))
    }

    /// A path's real path in the image.
    pub(super) fn resolve(&self, path: &RootPath) -> Result<RootPath, BuildError> {
        let platform = &self.inputs.platform;
        self.image.resolve(path).map_err(|cause| BuildError::Loop { platform: platform.clone(), cause })
    }

    /// Warns, once for all platforms and profiles.
    pub(super) fn warn(&self, text: String) {
        self.inputs.run.warn_once(text);
    }

    /// The layers of a kind.
    pub(super) fn layers_of(&self, kind: LayerKind) -> impl Iterator<Item = &Recipe> {
        self.recipes.iter().filter(move |(layer, _)| layer.kind == kind).map(|(_, recipe)| recipe)
    }

    /// Adds site-packages, and the libraries that only these need.
    fn dependencies(&mut self, interpreter: &Interpreter) -> Result<(), BuildError> {
        let inputs = self.inputs;
        let rest = LayerId::from(LayerKind::Dependencies);
        let mut placed = Vec::new();
        match &inputs.site {
            Site::None => return Ok(()),
            Site::Ready(walk) => {
                for (path, entry) in site::place(walk, interpreter, &inputs.tars)? {
                    placed.push(self.put_into(&rest, &path, entry, Because::Dependency)?);
                }
            }
            Site::Installed(all) => {
                for (layer, installed) in dependencies::layers(all, self.plan.split) {
                    for (path, entry) in &installed.entries {
                        let put = self.put_into(&layer, path, entry.clone(), Because::Dependency);
                        placed.push(put.map_err(|cause| conflict(installed, cause))?);
                    }
                }
            }
        }
        if let Some(builder) = self.builder() {
            let objects = self.own_objects(placed)?;
            self.close(LayerKind::Libraries, builder, objects)?;
        }
        Ok(())
    }

    fn finish(self, process: Process, interpreter: Option<&Interpreter>) -> Result<Extraction, BuildError> {
        for broken in self.objects.broken() {
            self.warn(broken);
        }
        if !self.problems.is_empty() {
            return Err(BuildError::wrong(&self.inputs.platform, &self.problems));
        }
        let mut taken = self.taken;
        taken.sort();
        let mut missing = self.missing;
        missing.sort();
        missing.dedup();
        let mut packages = BTreeMap::new();
        for donor in &self.donors {
            let owned = donor.origins.iter().filter_map(|(path, from)| Some((path, donor.owners.of(from)?)));
            packages.extend(owned.map(|(path, owner)| (path.clone(), format!("{} {}", owner.name, owner.version))));
        }
        let python = interpreter.map(|found| found.full_version.clone().unwrap_or_else(|| found.version.clone()));
        let layers = self.recipes.into_iter().filter(|(_, recipe)| !recipe.is_empty());
        let layers = layers.map(|(layer, recipe)| (layer, Arc::new(recipe))).collect();
        let distributions = match &self.inputs.site {
            Site::Installed(all) => all.iter().map(ToString::to_string).collect(),
            Site::None | Site::Ready(_) => Vec::new(),
        };
        Ok(Extraction {
            layers,
            distributions,
            process,
            python,
            taken,
            missing,
            resolved: self.resolved,
            reasons: self.reasons,
            packages,
            purelib: interpreter.map(|found| found.purelib.clone()),
            image: self.image,
        })
    }
}
