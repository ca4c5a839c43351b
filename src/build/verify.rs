//! The finished image, looked at as its own loader and interpreter will: symbol
//! versions, machines, modules for another Python, wheels for another glibc.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use super::abi::{self, AbiInputs};
use super::error::BuildError;
use super::extract::Work;
use super::lacking::{self, Whole};
use super::problems::Problem;
use super::site;
use crate::debian::releases::release_that_defines;
use crate::diagnostic::{Code, some_of};
use crate::elf::{Abi, Edge, Loader as _, Mismatch, MismatchKind, Object, versions};
use crate::glibc::symbol_version;
use crate::hint::Hint as _;
use crate::image::Process;
use crate::python::{Distributions, Interpreter};
use crate::rootfs::{Entry, RootPath};

/// How many objects that lack a version are named.
const LISTED: usize = 8;

impl Work<'_> {
    /// Checks the image as a whole. What is wrong joins the other problems.
    pub(super) fn verify(&mut self, interpreter: Option<&Interpreter>, process: &Process) -> Result<(), BuildError> {
        let started = Instant::now();
        let objects = self.all_objects()?;
        let Some(abi) = self.abi.or_else(|| objects.values().next().copied()) else { return Ok(()) };
        let own = objects.iter().filter(|(_, of)| **of == abi).map(|(path, _)| path.clone());
        let roots: Vec<_> = own.collect();
        self.resolved.objects = roots.len();
        let outcome = self.in_image(|closure| closure.run(roots.iter().cloned()))?;
        self.versions(&outcome.edges)?;
        let entrypoint = self.started(process);
        let (library_path, entrypoint) = (lacking::library_path(process), entrypoint.as_ref());
        let whole = Whole { objects: &roots, outcome: &outcome, entrypoint, library_path, abi };
        let mut reachable = self.lacking(&whole)?;
        self.lacking_by_name(&whole)?;
        self.resolved.elapsed += started.elapsed();
        if let Some(path) = entrypoint {
            reachable.insert(path.clone());
        }
        let purelib = interpreter.map(|interpreter| &interpreter.purelib);
        let distributions = site::distributions(&self.image, purelib, &self.inputs.tars);
        self.fitness(abi, interpreter, &objects, reachable, &outcome.edges, &distributions)?;
        self.check_start(interpreter, process, &outcome.edges)?;
        self.warn_of_scripts()
    }

    /// Programs and libraries of the image, static ones too, by real path.
    fn all_objects(&self) -> Result<BTreeMap<RootPath, Abi>, BuildError> {
        let files = self.image.iter().filter(|(_, entry)| entry.content().is_some());
        let mut out = BTreeMap::new();
        for path in self.elf_files(files.map(|(path, _)| path.clone()).collect())? {
            let Some(content) = self.image.get(&path).and_then(Entry::content) else { continue };
            if let Some(abi) = self.objects.abi(content).map_err(|cause| BuildError::read(&path, cause))? {
                out.insert(path, abi);
            }
        }
        Ok(out)
    }

    /// The file that the image starts, where it is carboy that says so.
    fn started(&self, process: &Process) -> Option<RootPath> {
        let program = process.entrypoint.as_ref()?.first()?;
        self.image.resolve(&RootPath::new(program).ok()?).ok()
    }

    pub(super) fn object_at(&self, path: &RootPath) -> Option<Arc<Object>> {
        let content = self.image.get(path)?.content()?;
        self.objects.object(path, content).ok().flatten()
    }

    /// Versions that libraries lack: strong ones are problems, the others warnings.
    fn versions(&mut self, edges: &[Edge]) -> Result<(), BuildError> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let found = versions::check(edges, |path| self.object_at(path));
        let mut groups: BTreeMap<(RootPath, MismatchKind, Vec<u8>), Vec<Mismatch>> = BTreeMap::new();
        for one in found {
            let version = if one.kind == MismatchKind::Unversioned { Vec::new() } else { one.version.clone() };
            groups.entry((one.library.clone(), one.kind, version)).or_default().push(one);
        }
        for ((library, kind, version), group) in groups {
            let mut objects: Vec<_> = group.iter().map(|one| one.object.to_string()).collect();
            objects.dedup();
            let objects = some_of(&objects, LISTED);
            let newest = group[0].newest.as_deref().map(|newest| format!("{} at most", text(newest)));
            let version = text(&version);
            match kind {
                MismatchKind::Missing => {
                    let hint = self.base_that_would_do(&group)?;
                    let has = newest.unwrap_or_else(|| "no such version".to_owned());
                    let text = format!(
                        "{version} of {} is needed by {objects}, and {library} has {has}",
                        text(&group[0].soname)
                    );
                    self.problems.push(Problem::told(Code::SymbolVersion, text, hint));
                }
                MismatchKind::Weak => self.warn(format!("{library} lacks {version}, which {objects} can do without")),
                MismatchKind::Unversioned => {
                    self.warn(format!("{library} tells no symbol versions, which {objects} asks for"));
                }
            }
        }
        Ok(())
    }

    fn base_that_would_do(&self, group: &[Mismatch]) -> Result<Option<String>, BuildError> {
        let Some(builder) = &self.inputs.builder else { return Ok(None) };
        let from_builder = |one: &Mismatch| self.donors.first().is_some_and(|d| d.origins.contains_key(&one.object));
        let release = match self.release(&builder.tree)? {
            Some(release) if group.iter().any(from_builder) && release.id == "debian" => release.version.parse().ok(),
            _ => group.iter().map(|one| release_that_defines(&one.version)).max().flatten(),
        };
        Ok(release.map(|release: u32| {
            let tag = self.plan.base_name.rsplit_once(':').map(|(_, tag)| tag).filter(|tag| !tag.contains('/'));
            let tag = tag.filter(|_| self.plan.base_name.contains("distroless")).unwrap_or("nonroot");
            format!("a base of Debian {release} has it: base = \"gcr.io/distroless/cc-debian{release}:{tag}\"")
        }))
    }

    /// Machines, modules' Pythons, wheels' tags.
    fn fitness(
        &mut self,
        platform: Abi,
        interpreter: Option<&Interpreter>,
        objects: &BTreeMap<RootPath, Abi>,
        mut reachable: BTreeSet<RootPath>,
        edges: &[Edge],
        distributions: &Distributions,
    ) -> Result<(), BuildError> {
        let mut imported: Vec<_> = interpreter.iter().map(|interpreter| interpreter.purelib.clone()).collect();
        imported.extend(self.plan.app.iter().map(|app| app.to.clone()));
        if let Some(interpreter) = interpreter {
            reachable.extend(self.foreign_modules(interpreter, &imported, objects, platform)?);
        }
        // The base's own objects are not judged.
        let concerned = |path: &RootPath| {
            self.reasons.get(path).is_some()
                || reachable.contains(path)
                || imported.iter().any(|folder| path.strip(folder).is_some())
        };
        let judged = objects.iter().filter(|(path, _)| concerned(path)).map(|(path, abi)| (path.clone(), *abi));
        let glibc = edges.iter().filter(|edge| edge.soname == b"libc.so.6").find_map(|edge| {
            let libc = self.object_at(edge.to.as_ref()?)?;
            libc.versions.iter().flatten().filter_map(|version| symbol_version(version)).max()
        });
        let report = abi::check(&AbiInputs {
            tree: &self.image,
            platform,
            interpreter,
            glibc,
            imported: &imported,
            objects: &judged.collect(),
            reachable: &reachable,
            distributions,
        });
        for note in &report.notes {
            self.warn(note.to_string());
        }
        self.problems
            .extend(report.errors.iter().map(|fault| Problem::told(fault.code(), fault.to_string(), fault.hint())));
        Ok(())
    }
}
