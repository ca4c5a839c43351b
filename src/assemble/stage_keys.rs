//! The keys of a platform's stages: digests of everything that each stage is made from.

use std::os::unix::ffi::OsStrExt as _;

use super::distributions::ChosenPackages;
use super::local_files::{ChosenApplication, LocalFiles};
use super::platform_build::PlatformBuild;
use super::pull::Images;
use super::python_facts::PythonFacts;
use crate::compose::KeyHasher;
use crate::oci::Digest;
use crate::python::wheel::Installed;
use crate::rootfs::{Content, Entry, Kind, LocalFile, LocalKind, Walk};

/// The keys of all stages, each of which covers the one below.
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
        let composition = stage("composition", &application).config(&plan.allow_missing).finish();
        Self { base, runtime, extract, dependencies, application, composition }
    }
}

impl StageKeys {
    /// The keys of the stages over the base, from the lowest up.
    pub fn stages(&self) -> [Digest; 4] {
        [self.runtime, self.extract, self.dependencies, self.application]
    }
}

/// Adds the entries of a walk to a key: paths, contents, modes, and where files are.
pub fn add_walk(key: KeyHasher, walk: &Walk) -> KeyHasher {
    key.each(&walk.entries, |key, entry| {
        let key = key.bytes(&entry.path);
        match &entry.kind {
            LocalKind::Folder => key.text("directory"),
            LocalKind::Link(target) => key.text("link").bytes(target),
            LocalKind::File(file) => add_local_file(key.text("file"), file),
        }
    })
}

/// Adds a local file to a key: content, mode, and where it is.
pub fn add_local_file(key: KeyHasher, file: &LocalFile) -> KeyHasher {
    let key = key.bytes(file.path.as_os_str().as_bytes()).digest(&file.digest);
    key.number(file.size).number(u64::from(file.executable))
}

/// Adds a project that is installed from its directory to a key.
pub fn add_installed(key: KeyHasher, installed: &Installed) -> KeyHasher {
    let key = key.text("project").text(&installed.name).text(&installed.version).config(&installed.warnings);
    let entries: Vec<_> = installed.entries.iter().collect();
    key.each(&entries, |key, (path, entry)| add_entry(key.bytes(path.as_bytes()), entry))
}

fn add_entry(key: KeyHasher, Entry { meta, kind }: &Entry) -> KeyHasher {
    let key = key.config(meta);
    match kind {
        Kind::File(Content::Local(file)) => add_local_file(key.text("file"), file),
        Kind::File(content) => key.text("content").config(&content.digest()).number(content.size()),
        Kind::Link(target) => key.text("link").bytes(target),
        Kind::Folder => key.text("directory"),
        Kind::Special => key.text("special"),
    }
}
