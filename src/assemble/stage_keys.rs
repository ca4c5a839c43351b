//! The keys of a platform's stages: digests of all inputs of each stage.

use super::distributions::ChosenPackages;
use super::local_files::{ChosenApplication, LocalFiles};
use super::platform_build::PlatformBuild;
use super::pull::Images;
use super::python_facts::PythonFacts;
use crate::compose::KeyHasher;
use crate::diagnostic::Code;
use crate::oci::Digest;
use crate::plan::{Dependencies, LockedDependencies};

/// The keys of all stages. Each key covers the one below.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct StageKeys {
    pub base: Digest,
    pub runtime: Digest,
    pub extract: Digest,
    pub dependencies: Digest,
    pub application: Digest,
    /// The key of the checked image.
    pub composition: Digest,
}

/// The inputs of all stages.
#[derive(Clone, Copy)]
pub struct StageInputs<'a> {
    pub images: &'a Images,
    pub python: Option<&'a PythonFacts>,
    pub packages: &'a ChosenPackages,
    pub application: Option<&'a ChosenApplication>,
    pub local: &'a LocalFiles,
}

impl StageKeys {
    /// Hashes the inputs of all stages.
    pub fn of(build: &PlatformBuild, inputs: &StageInputs<'_>) -> Self {
        let plan = &build.plan;
        let (images, stage) = (inputs.images, |kind, below: &Digest| KeyHasher::new(kind).digest(below));
        let base = KeyHasher::new("base")
            .digest(&images.base.key())
            .text(&plan.base_name)
            .text(&build.platform)
            .config(&build.cx.limits)
            .finish();
        let runtime = stage("runtime", &base)
            .config(&images.builder.as_ref().map(|builder| builder.key()))
            .config(&plan.builder_name)
            .config(&plan.runtime)
            .config(&plan.allow_mixed)
            .config(&plan.app.as_ref().map(|app| &app.to)) // bytecode is compiled below it
            .config(&inputs.python.map(|python| (&python.interpreter, &python.target)))
            .number(plan.timestamp)
            .config(&plan.compression)
            .finish();
        let extract = stage("extract", &runtime)
            .config(&plan.extracts)
            .config(&plan.image.env.get("PATH"))
            .each(&images.others, |key, (name, image)| key.text(name).digest(&image.key()))
            .finish();
        let dependencies = inputs.packages.add_to(stage("dependencies", &extract).config(&plan.split)).finish();
        let application = stage("application", &dependencies)
            .config(&(&plan.users, &plan.directories, &plan.image))
            .config(&plan.copies)
            .config(&plan.app);
        let application = inputs.local.add_copies_to(application);
        let application = match inputs.application {
            Some(chosen) => chosen.add_to(application),
            None => application.text("none"),
        };
        let application = application.finish();
        let locked = match &plan.dependencies {
            Dependencies::Locked(locked) => Some(locked),
            Dependencies::None | Dependencies::Ready(_) | Dependencies::Unknown => None,
        };
        let stated = locked.zip(inputs.python).map(|(locked, python)| {
            let LockedDependencies { lock, choice, .. } = locked;
            (lock.file(), choice, lock.stated(&python.environment))
        });
        let composition = stage("composition", &application)
            .config(&(&plan.allow_missing, &plan.allow_missing_requirements, &plan.allow_missing_imports))
            .config(&stated)
            .config(&(&plan.project_python, &plan.builder_name))
            // The project's requirements are not checked then.
            .config(&plan.errors.iter().any(|error| error.code == Code::StaleLockFile))
            .finish();
        Self { base, runtime, extract, dependencies, application, composition }
    }
}

impl StageKeys {
    /// Returns the keys of the stages over the base, from the lowest up.
    pub fn stages(&self) -> [Digest; 4] {
        [self.runtime, self.extract, self.dependencies, self.application]
    }
}
