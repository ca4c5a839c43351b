//! Walks from objects of the image to all that a process loads with them.

use std::rc::Rc;

use super::abi::Abi;
use super::candidate::{Candidate, LocatedObject};
use super::closure::Closure;
use super::library_request::LibraryRequest;
use super::loaded_objects::LoadedObjects;
use super::loader::Loader;
use super::object::NeedKind;
use super::resolution::{Edge, Resolution};
use super::search::Tokens;
use super::walker::Walker;
use crate::rootfs::RootPath;

impl<L: Loader> Closure<'_, L> {
    /// Walks from objects of the image.
    ///
    /// # Errors
    /// Errors of the loader.
    pub fn run(&self, roots: impl IntoIterator<Item = RootPath>) -> Result<Resolution, L::Error> {
        let mut walker = Walker::new(self)?;
        walker.walk_all(roots)?;
        Ok(walker.finish())
    }

    /// Takes a library that no object names, for programs that open it by name.
    /// Returns false if neither image nor donor has it.
    ///
    /// # Errors
    /// Errors of the loader.
    pub fn take_by_name(&self, soname: &[u8], abi: Abi, outcome: &mut Resolution) -> Result<bool, L::Error> {
        let from = RootPath::root();
        let mut edge =
            Edge { from, soname: soname.to_vec(), to: self.process.names.get(soname).cloned(), optional: false };
        let mut more = Resolution::default();
        if edge.to.is_none() {
            let mut walker = Walker::new(self)?;
            let wanted = LibraryRequest { raw: soname, name: soname, asker: None, abi };
            let found = if soname.contains(&b'/') {
                walker.locate_path(&wanted)?
            } else {
                let program = walker.program.clone();
                let own = program.iter().map(|program| program.rpath.as_slice()).collect::<Vec<_>>();
                walker.locate_name(&wanted, &own)?
            };
            if let Some(found) = found {
                edge.to = Some(found.real.clone());
                walker.walk_all([found.path.clone()])?;
            }
            more = walker.finish();
        }
        let found = edge.to.is_some();
        outcome.taken.extend(more.taken);
        outcome.missing.extend(more.missing);
        outcome.edges.extend(more.edges.into_iter().chain([edge]));
        outcome.missing.sort();
        outcome.missing.dedup();
        outcome.edges.sort();
        outcome.edges.dedup();
        Ok(found)
    }
}

impl<L: Loader> Walker<'_, '_, L> {
    /// Programs first: what they share with modules must hold without a host.
    fn walk_all(&mut self, roots: impl IntoIterator<Item = RootPath>) -> Result<(), L::Error> {
        let mut modules = Vec::new();
        for path in roots {
            let Candidate::Object(mut root) = self.candidate(&path)? else { continue };
            if root.object.interpreter.is_none() {
                modules.push(path);
                continue;
            }
            // The kernel names a program by its real path.
            if let Candidate::Object(real) = self.candidate(&root.real.clone())? {
                root = real;
            }
            let objects = self.walk(&root, true)?;
            if self.process.program.is_none() {
                self.process = objects.into_process();
            }
        }
        for path in modules {
            let Candidate::Object(root) = self.candidate(&path)? else { continue };
            if !self.loaded.contains(&root.real) {
                self.walk(&root, false)?;
            }
        }
        Ok(())
    }

    /// Loads an object with all that it needs.
    fn walk(&mut self, root: &Rc<LocatedObject>, own_process: bool) -> Result<LoadedObjects, L::Error> {
        let mut objects = LoadedObjects::new(root.clone());
        self.starting = own_process && root.object.is_program();
        if own_process && let Some(path) = &root.object.interpreter {
            let wanted = LibraryRequest { raw: path, name: path, asker: Some(root), abi: root.object.abi };
            let loader = self.locate_path(&wanted)?;
            self.note(root, path, loader.as_ref().map(|found| &found.real), NeedKind::Needed, true);
            if let Some(loader) = loader {
                let name = path.rsplit(|&b| b == b'/').next().unwrap_or_default();
                objects.add(Some(path), loader.clone(), Some(0));
                objects.add(Some(name), loader, Some(0));
            }
        }
        let mut from = 0;
        while let Some((at, member)) = objects.next(from) {
            self.visit(&mut objects, member, own_process)?;
            from = at;
        }
        Ok(objects)
    }

    /// Loads what one object needs.
    fn visit(&mut self, objects: &mut LoadedObjects, member: usize, own_process: bool) -> Result<(), L::Error> {
        let asker = objects.members[member].at.clone();
        let folder = asker.folder();
        let tokens = Tokens { origin: Some(&folder), architecture: self.closure.architecture };
        let process = self.closure.process;
        for need in &asker.object.needs {
            let alone = member == 0;
            let Some(name) = tokens.expand(&need.name) else { continue };
            if name.is_empty() {
                continue; // the program itself has no name
            }
            if objects.named(&name).is_none() {
                if let Some(path) = process.names.get(&name).filter(|_| !own_process) {
                    self.note(&asker, &need.name, Some(path), need.kind, alone);
                    continue;
                }
                let found = self.locate(&need.name, &name, objects, member)?;
                let real = found.as_ref().map(|found| found.real.clone());
                let Some(found) = found.filter(|found| own_process || !self.loaded.contains(&found.real)) else {
                    self.note(&asker, &need.name, real.as_ref(), need.kind, alone);
                    continue;
                };
                objects.add(Some(&name), found, Some(member));
            }
            let Some(to) = objects.named(&name) else { continue };
            match need.kind {
                NeedKind::Needed => objects.list(to),
                NeedKind::Filter | NeedKind::Auxiliary => {
                    // No image comes near: what does is made to waste time.
                    let Some(left) = self.probes.checked_sub(objects.members.len()) else { continue };
                    self.probes = left;
                    objects.list_filtee(to, member);
                }
            }
            let to = objects.members[to].at.real.clone();
            self.note(&asker, &need.name, Some(&to), need.kind, alone);
        }
        Ok(())
    }
}
