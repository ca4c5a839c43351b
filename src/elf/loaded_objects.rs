//! A process as the dynamic loader fills it with objects.
//!
//! Source: glibc's `elf/dl-deps.c` (breadth first; filtees stand before the object
//! that they filter) and `elf/dl-load.c`, `_dl_lookup_map`: a name that an object
//! was asked for by, or that is its `DT_SONAME`, is never searched for again.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::candidate::{LocatedObject, SearchFolder};
use crate::rootfs::RootPath;

/// A process that modules are loaded into, such as the interpreter's.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct LoaderState {
    /// The executable: its `DT_RPATH` counts for every module without `DT_RUNPATH`.
    pub program: Option<RootPath>,
    /// The real paths of the loaded objects by each of their names.
    pub names: BTreeMap<Vec<u8>, RootPath>,
}

/// An object in a process.
pub(super) struct LoadedObject {
    pub at: Rc<LocatedObject>,
    /// The object that asked for it first.
    loader: Option<usize>,
    /// The number of objects between it and the first object.
    pub depth: usize,
    listed: bool,
}

/// A process in the making.
pub(super) struct LoadedObjects {
    pub members: Vec<LoadedObject>,
    names: HashMap<Vec<u8>, usize>,
    reals: HashMap<RootPath, usize>,
    /// The objects whose needs are, or are to be, looked at, in order.
    list: Vec<usize>,
    done: Vec<bool>,
}

impl LoadedObjects {
    /// Returns a process, or a module and what comes with it.
    pub fn new(main: Rc<LocatedObject>) -> Self {
        let mut loaded = Self {
            members: Vec::new(),
            names: HashMap::new(),
            reals: HashMap::new(),
            list: Vec::new(),
            done: Vec::new(),
        };
        let main = loaded.add(None, main, None);
        loaded.list(main);
        loaded
    }

    /// Returns the object that a name is known to mean.
    pub fn named(&self, name: &[u8]) -> Option<usize> {
        self.names.get(name).copied()
    }

    /// Adds an object that was found for a name; the same file is the same object.
    pub fn add(&mut self, name: Option<&[u8]>, at: Rc<LocatedObject>, loader: Option<usize>) -> usize {
        let known = self.reals.get(&at.real).copied();
        let index = known.unwrap_or_else(|| {
            let index = self.members.len();
            self.reals.insert(at.real.clone(), index);
            let depth = loader.map_or(0, |loader| self.members[loader].depth + 1);
            self.members.push(LoadedObject { at, loader, depth, listed: false });
            self.done.push(false);
            index
        });
        let soname = self.members[index].at.object.soname.clone();
        for name in name.map(<[u8]>::to_vec).into_iter().chain(soname) {
            self.names.entry(name).or_insert(index);
        }
        index
    }

    /// Returns the next object whose needs are to be looked at, from a place of the list on.
    pub fn next(&mut self, from: usize) -> Option<(usize, usize)> {
        let at = (from..self.list.len()).find(|at| !self.done[self.list[*at]])?;
        let member = self.list[at];
        self.done[member] = true;
        Some((at, member))
    }

    /// Lists an object that another one needs.
    pub fn list(&mut self, member: usize) {
        if !std::mem::replace(&mut self.members[member].listed, true) {
            self.list.push(member);
        }
    }

    /// Lists an object before the one that it filters, which is at `at` or behind.
    pub fn list_filtee(&mut self, member: usize, filter: usize) {
        let place = |list: &[usize], wanted| list.iter().position(|one| *one == wanted);
        let Some(at) = place(&self.list, filter) else { return };
        match place(&self.list, member) {
            Some(before) if before <= at => return,
            Some(behind) => _ = self.list.remove(behind),
            None => {}
        }
        self.list.insert(at, member);
        self.members[member].listed = true;
    }

    /// Returns the search paths of an object: `DT_RPATH` of its own and of those that had it
    /// loaded, and of the program; its `DT_RUNPATH` alone when it has one.
    pub fn own_paths<'a>(&'a self, member: usize, program: Option<&'a Rc<LocatedObject>>) -> Vec<&'a [SearchFolder]> {
        let asker = &self.members[member].at;
        if asker.object.runpath.is_some() {
            return vec![&asker.runpath];
        }
        let chain = std::iter::successors(Some(member), |member| self.members[*member].loader);
        let chain = chain.map(|member| &self.members[member].at).chain(program);
        chain.map(|at| at.rpath.as_slice()).filter(|path| !path.is_empty()).collect()
    }

    /// Returns the process of a program, for modules that are loaded into it.
    pub fn into_process(self) -> LoaderState {
        let program = self.members.first().map(|main| main.at.real.clone());
        let names = self.names.into_iter().map(|(name, member)| (name, self.members[member].at.real.clone()));
        LoaderState { program, names: names.collect() }
    }
}
