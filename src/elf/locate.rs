//! Finds a name where the image's loader will look, else where the donor's would.
//!
//! Source: glibc's `elf/dl-load.c`, `_dl_map_new_object`; for what the cache has,
//! `elf/ldconfig.c`, `search_dir`.

use std::rc::Rc;

use super::abi::Abi;
use super::candidate::{Candidate, Fit, LocatedObject, SearchFolder, fit, open};
use super::library_request::LibraryRequest;
use super::loaded_objects::LoadedObjects;
use super::loader::Loader;
use super::object::Object;
use super::search::{Tokens, is_cacheable, is_default, library_folder, physical};
use super::walker::Walker;
use crate::rootfs::{RootPath, Tree};

type Result<T, L> = std::result::Result<T, <L as Loader>::Error>;

impl<L: Loader> Walker<'_, '_, L> {
    /// Returns the object in the image that a member of a process gets for a name, after taking it
    /// there if need be.
    pub fn locate(
        &mut self,
        raw: &[u8],
        name: &[u8],
        loaded: &LoadedObjects,
        member: usize,
    ) -> Result<Option<Rc<LocatedObject>>, L> {
        self.passed = None;
        let asker = &loaded.members[member].at;
        let program = self.program.clone();
        let wanted = LibraryRequest { raw, name, asker: Some(asker), abi: asker.object.abi };
        if name.contains(&b'/') {
            return self.locate_path(&wanted);
        }
        // The chain of those that had it loaded is gone along for each name.
        let Some(left) = self.probes.checked_sub(loaded.members[member].depth) else { return Ok(None) };
        self.probes = left;
        let own = loaded.own_paths(member, program.as_ref());
        self.locate_name(&wanted, &own)
    }

    /// Finds a name without a slash along the search paths of the object that asks.
    pub fn locate_name(
        &mut self,
        wanted: &LibraryRequest<'_>,
        own: &[&[SearchFolder]],
    ) -> Result<Option<Rc<LocatedObject>>, L> {
        if matches!(wanted.name, b"" | b"." | b"..") {
            return Ok(None);
        }
        // No image comes near: what does is made to waste time.
        let count: usize = own.iter().map(|path| path.len()).sum();
        let Some(left) = self.probes.checked_sub(count + 16) else { return Ok(None) };
        self.probes = left;
        for path in own {
            match self.along(path.iter().filter_map(|place| place.image.as_ref()), wanted)? {
                Fit::Pass | Fit::Leave => {}
                Fit::Stop => return Ok(None),
                Fit::Take(found) => return Ok(Some(found)),
            }
        }
        match self.cached(wanted)? {
            Fit::Pass | Fit::Leave => {}
            Fit::Stop => return Ok(None),
            Fit::Take(found) => return Ok(Some(found)),
        }
        if !wanted.asks_for_no_default() {
            let trusted = self.trusted.clone();
            match self.along(trusted.iter(), wanted)? {
                Fit::Pass | Fit::Leave => {}
                Fit::Stop => return Ok(None),
                Fit::Take(found) => return Ok(Some(found)),
            }
        }
        self.ask_donor(wanted, own)
    }

    /// Searches the directories of one search path in the image.
    fn along<'a>(
        &mut self,
        folders: impl Iterator<Item = &'a RootPath>,
        wanted: &LibraryRequest<'_>,
    ) -> Result<Fit<Rc<LocatedObject>>, L> {
        for folder in folders {
            match self.at(&folder.child(wanted.name), wanted.abi)? {
                Fit::Pass => {}
                other => return Ok(other),
            }
        }
        Ok(Fit::Pass)
    }

    /// Opens a path of the image for a process.
    fn at(&mut self, path: &RootPath, abi: Abi) -> Result<Fit<Rc<LocatedObject>>, L> {
        let candidate = self.candidate(path)?;
        if let Candidate::Object(found) = &candidate
            && found.object.abi != abi
        {
            self.passed = self.passed.take().or_else(|| Some(found.real.clone()));
        }
        Ok(fit(candidate, |found| &found.object, abi))
    }

    /// Looks a name up in the image's cache: ldconfig lists files by their soname.
    fn cached(&mut self, wanted: &LibraryRequest<'_>) -> Result<Fit<Rc<LocatedObject>>, L> {
        let name = wanted.name;
        if !is_cacheable(name) {
            return Ok(Fit::Pass);
        }
        for folder in self.closure.image_folders {
            let Candidate::Object(found) = self.candidate(&folder.child(name))? else { continue };
            let listed = match &found.object.soname {
                None => true,
                Some(soname) if soname == name => true,
                // The name without a version that a linker would take.
                Some(soname) => found.path != found.real && name.ends_with(b".so") && soname.starts_with(name),
            };
            if found.object.abi != wanted.abi {
                self.passed = self.passed.take().or_else(|| Some(found.real.clone()));
                continue;
            }
            if !listed {
                continue;
            }
            // Only the first that the cache has is looked at.
            if wanted.asks_for_no_default() && is_default(folder) {
                return Ok(Fit::Pass);
            }
            return Ok(fit(Candidate::Object(found), |found| &found.object, wanted.abi));
        }
        Ok(Fit::Pass)
    }

    /// Takes a library out of the donor, from where its loader would have it.
    fn ask_donor(
        &mut self,
        wanted: &LibraryRequest<'_>,
        own: &[&[SearchFolder]],
    ) -> Result<Option<Rc<LocatedObject>>, L> {
        let Some(donor) = self.closure.donor else { return Ok(None) };
        for place in own.iter().copied().flatten() {
            let (Some(to), Some(folder)) = (&place.image, &place.donor) else { continue };
            let found = folder.child(wanted.name);
            match self.in_donor(donor, &found, wanted.abi)? {
                Fit::Pass | Fit::Leave => {}
                Fit::Stop => return Ok(None),
                Fit::Take(_) => return self.take(&found, to, wanted),
            }
        }
        let (architecture, no_default) = (self.closure.architecture, wanted.asks_for_no_default());
        let trusted = self.trusted.clone();
        for folder in self.closure.donor_folders.iter().chain(&trusted) {
            if no_default && is_default(folder) {
                continue;
            }
            let found = folder.child(wanted.name);
            match self.in_donor(donor, &found, wanted.abi)? {
                Fit::Pass | Fit::Leave => {}
                Fit::Stop => return Ok(None),
                Fit::Take(_) if !no_default => return self.take(&found, &library_folder(architecture), wanted),
                Fit::Take(object) => {
                    // Only the cache can lead there.
                    let listed = object.soname.as_ref().is_none_or(|soname| soname == wanted.name);
                    let folders = &mut self.closure.image_folders.iter();
                    let to = folders.find(|folder| listed && is_cacheable(wanted.name) && !is_default(folder));
                    return to.map_or(Ok(None), |to| self.take(&found, to, wanted));
                }
            }
        }
        Ok(None)
    }

    fn in_donor(&self, donor: &Tree, path: &RootPath, abi: Abi) -> Result<Fit<std::sync::Arc<Object>>, L> {
        let candidate = match open(donor, self.closure.loader, path)? {
            Candidate::Absent => Candidate::Absent,
            Candidate::Loop => Candidate::Loop,
            Candidate::Broken => Candidate::Broken,
            Candidate::Object((_, _, object)) => Candidate::Object(object),
        };
        Ok(fit(candidate, |object| object, abi))
    }

    /// Finds a name with a slash, or the loader itself: exactly that path.
    pub fn locate_path(&mut self, wanted: &LibraryRequest<'_>) -> Result<Option<Rc<LocatedObject>>, L> {
        self.passed = None;
        let Some((folder, file)) = split(&self.image, wanted.name) else { return Ok(None) };
        match self.at(&folder.child(&file), wanted.abi)? {
            Fit::Pass | Fit::Leave => {}
            Fit::Stop => return Ok(None),
            Fit::Take(found) => return Ok(Some(found)),
        }
        let Some(donor) = self.closure.donor else { return Ok(None) };
        let origins = &self.origins;
        let origin = wanted.asker.and_then(|asker| origins.get(&asker.path).or_else(|| origins.get(&asker.real)));
        let origin = origin.and_then(RootPath::parent);
        let tokens = Tokens { origin: origin.as_ref(), architecture: self.closure.architecture };
        let Some(there) = tokens.expand(wanted.raw).and_then(|path| split(donor, &path)) else { return Ok(None) };
        let found = there.0.child(&there.1);
        match self.in_donor(donor, &found, wanted.abi)? {
            Fit::Pass | Fit::Leave | Fit::Stop => Ok(None),
            Fit::Take(_) => self.take(&found, &folder, wanted),
        }
    }
}

/// Returns the real folder and the name of an absolute path.
fn split(tree: &Tree, path: &[u8]) -> Option<(RootPath, Vec<u8>)> {
    let slash = path.iter().rposition(|&b| b == b'/')?;
    let (folder, name) = (&path[..=slash], &path[slash + 1..]);
    let folder = physical(tree, folder)?;
    (!matches!(name, b"" | b"." | b"..")).then(|| (folder, name.to_vec()))
}
