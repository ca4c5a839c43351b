//! Takes every shared library that an image still lacks out of another image.
//!
//! The walk starts from objects in the image, looks for each needed name where the
//! image's loader will look, and only when it is not there, where the donor's
//! loader would. What is taken is walked in turn. The image's own libraries win.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::Object;
use super::search::{expand, inherited_folders, library_folder, own_folders, trusted_folders};
use crate::rootfs::{Content, Entry, Kind, RootPath, Tree};

/// Reads ELF files of trees; none for content that is no dynamic object.
pub trait Loader {
    /// Whatever keeps it from reading.
    type Error;

    /// The object that a file's content is.
    ///
    /// # Errors
    /// Content that cannot be read; broken ELF files.
    fn object(&self, path: &RootPath, content: &Content) -> Result<Option<Arc<Object>>, Self::Error>;
}

/// A library taken, and the first object that asked for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    pub soname: Vec<u8>,
    /// Where it goes: the name that was searched for, and what that links to.
    pub files: Vec<TakenFrom>,
    pub needed_by: RootPath,
}

/// One file or link of a library taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TakenFrom {
    /// In the image.
    pub path: RootPath,
    /// In the donor, links resolved.
    pub donor: RootPath,
    pub entry: Entry,
}

/// A library that neither the image nor the donor has.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Missing {
    pub soname: Vec<u8>,
    pub needed_by: RootPath,
}

/// A walk over an image as it grows.
pub struct Closure<'a, L> {
    /// What the image will be; libraries taken are added.
    pub image: &'a mut Tree,
    /// Where each object in the image came from in the donor, when it did.
    pub origins: &'a mut BTreeMap<RootPath, RootPath>,
    pub donor: Option<&'a Tree>,
    /// Where the donor's loader looks by its `ld.so.conf`, before the trusted folders.
    pub donor_folders: &'a [RootPath],
    /// Debian's multiarch name of the platform.
    pub triplet: &'a str,
    pub loader: &'a L,
    /// Names that are in the process before modules are loaded (the interpreter's
    /// own libraries): the loader matches them by soname before it looks anywhere.
    pub loaded: &'a BTreeSet<Vec<u8>>,
}

/// What a walk found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    pub taken: Vec<Taken>,
    pub missing: Vec<Missing>,
    /// Every soname that was found on the way, taken or not.
    pub sonames: BTreeSet<Vec<u8>>,
    /// The names of dynamic loaders, which a process has before anything else.
    loaders: BTreeSet<Vec<u8>>,
}

struct Item {
    path: RootPath,
    /// Whether it runs in a process of its own, where nothing is loaded before.
    own_process: bool,
    inherited: Vec<RootPath>,
    donor_inherited: Vec<RootPath>,
}

impl<L: Loader> Closure<'_, L> {
    /// Walks from objects of the image.
    ///
    /// # Errors
    /// What the loader cannot read.
    pub fn run(&mut self, roots: impl IntoIterator<Item = RootPath>) -> Result<Outcome, L::Error> {
        let mut outcome = Outcome::default();
        let mut queue = VecDeque::new();
        for path in roots {
            let own_process = self.is_program(&path)?;
            let item = Item { path, own_process, inherited: Vec::new(), donor_inherited: Vec::new() };
            // Programs first: what they share with modules must hold without a host.
            if own_process { queue.push_front(item) } else { queue.push_back(item) }
        }
        let mut seen: BTreeSet<RootPath> = queue.iter().map(|item| item.path.clone()).collect();
        while let Some(item) = queue.pop_front() {
            for next in self.visit(&item, &mut outcome)? {
                if seen.insert(next.path.clone()) {
                    queue.push_back(next);
                }
            }
        }
        outcome.missing.sort();
        outcome.missing.dedup();
        Ok(outcome)
    }

    /// Takes a library that no object names, for programs that open it by name.
    /// False when nobody has it.
    ///
    /// # Errors
    /// What the loader cannot read.
    pub fn take_by_name(
        &mut self,
        soname: &[u8],
        abi: super::dynamic::Abi,
        outcome: &mut Outcome,
    ) -> Result<bool, L::Error> {
        let object =
            Object { abi, soname: None, needed: Vec::new(), rpath: Vec::new(), runpath: None, interpreter: None };
        let asker =
            Item { path: RootPath::root(), own_process: false, inherited: Vec::new(), donor_inherited: Vec::new() };
        let Some(path) = self.locate(soname, &asker, &object, outcome)? else { return Ok(false) };
        let found = self.run([path])?;
        outcome.taken.extend(found.taken);
        outcome.missing.extend(found.missing);
        outcome.sonames.extend(found.sonames);
        Ok(true)
    }

    /// Looks at one object; returns the objects it loads.
    fn visit(&mut self, item: &Item, outcome: &mut Outcome) -> Result<Vec<Item>, L::Error> {
        let Some((real, content)) = file(self.image, &item.path) else { return Ok(Vec::new()) };
        let Some(object) = self.loader.object(&real, &content)? else { return Ok(Vec::new()) };
        let folder = real.parent().unwrap_or_default();
        let donor_folder = self.origins.get(&real).and_then(RootPath::parent);
        let inherited = inherited_folders(&object, &folder, &item.inherited, self.triplet);
        let donor_inherited = donor_folder
            .map(|folder| inherited_folders(&object, &folder, &item.donor_inherited, self.triplet))
            .unwrap_or_default();
        let mut next = Vec::new();
        let interpreter = object.interpreter.as_ref();
        if let Some(loader) = interpreter.and_then(|path| path.rsplit(|&b| b == b'/').next()) {
            outcome.loaders.insert(loader.to_vec());
            outcome.sonames.insert(loader.to_vec());
        }
        for name in object.needed.iter().chain(interpreter) {
            if outcome.loaders.contains(name) || !item.own_process && self.loaded.contains(name) {
                continue;
            }
            outcome.sonames.insert(name.clone());
            match self.locate(name, item, &object, outcome)? {
                Some(path) => next.push(Item {
                    path,
                    own_process: item.own_process,
                    inherited: inherited.clone(),
                    donor_inherited: donor_inherited.clone(),
                }),
                None => outcome.missing.push(Missing { soname: name.clone(), needed_by: real.clone() }),
            }
        }
        Ok(next)
    }

    /// Where in the image the loader finds `name` for `object`, after taking it
    /// there if need be.
    fn locate(
        &mut self,
        name: &[u8],
        item: &Item,
        object: &Object,
        outcome: &mut Outcome,
    ) -> Result<Option<RootPath>, L::Error> {
        let (real, _) = file(self.image, &item.path).unwrap_or_else(|| (item.path.clone(), Content::Bytes([].into())));
        let origin = real.parent().unwrap_or_default();
        if name.contains(&b'/') {
            return self.locate_path(name, &real, &origin, object, outcome);
        }
        let own = own_folders(object, &origin, &item.inherited, self.triplet);
        let trusted = trusted_folders(self.triplet);
        for folder in own.iter().chain(&trusted) {
            let path = folder.child(name);
            if self.fits(self.image, &path, object)? {
                return Ok(Some(path));
            }
        }
        let Some(donor) = self.donor else { return Ok(None) };
        // Where the object itself came from decides what $ORIGIN was over there.
        let donor_origin = self.origins.get(&real).and_then(RootPath::parent);
        let donor_own = donor_origin
            .map(|origin| own_folders(object, &origin, &item.donor_inherited, self.triplet))
            .unwrap_or_default();
        for (at, folder) in donor_own.iter().enumerate() {
            let path = folder.child(name);
            if self.fits(donor, &path, object)? {
                let to = own.get(at).unwrap_or(folder).clone();
                return Ok(Some(self.take(&path, &to, &real, outcome)));
            }
        }
        for folder in self.donor_folders.iter().chain(&trusted) {
            let path = folder.child(name);
            if self.fits(donor, &path, object)? {
                return Ok(Some(self.take(&path, &library_folder(self.triplet), &real, outcome)));
            }
        }
        Ok(None)
    }

    /// A needed name with a slash, or the loader itself: that very path.
    fn locate_path(
        &mut self,
        name: &[u8],
        real: &RootPath,
        origin: &RootPath,
        object: &Object,
        outcome: &mut Outcome,
    ) -> Result<Option<RootPath>, L::Error> {
        let Some(path) = expand(name, origin, self.triplet) else { return Ok(None) };
        if self.fits(self.image, &path, object)? {
            return Ok(Some(path));
        }
        let Some(donor) = self.donor else { return Ok(None) };
        if !self.fits(donor, &path, object)? {
            return Ok(None);
        }
        let folder = path.parent().unwrap_or_default();
        Ok(Some(self.take(&path, &folder, real, outcome)))
    }

    /// Whether an object starts a process: it names the loader that does it.
    fn is_program(&self, path: &RootPath) -> Result<bool, L::Error> {
        let Some((real, content)) = file(self.image, path) else { return Ok(false) };
        Ok(self.loader.object(&real, &content)?.is_some_and(|object| object.interpreter.is_some()))
    }

    /// Whether a tree has an object of the right machine at a path.
    fn fits(&self, tree: &Tree, path: &RootPath, object: &Object) -> Result<bool, L::Error> {
        let Some((real, content)) = file(tree, path) else { return Ok(false) };
        Ok(self.loader.object(&real, &content)?.is_some_and(|found| found.abi == object.abi))
    }

    /// Adds a donor's library to the image: links within its folder stay links, a
    /// link that leaves it becomes the file.
    fn take(&mut self, found: &RootPath, to: &RootPath, needed_by: &RootPath, outcome: &mut Outcome) -> RootPath {
        let mut files = Vec::new();
        let name = found.name().unwrap_or_default().to_vec();
        if let Some(donor) = self.donor {
            let mut at = donor.resolve_parent(found).unwrap_or_else(|_| found.clone());
            let folder = at.parent();
            let mut to_name = name.clone();
            loop {
                let path = to.child(&to_name);
                match donor.get(&at) {
                    Some(entry @ Entry { kind: Kind::Link(target), .. }) => {
                        let sibling = !target.contains(&b'/');
                        if sibling && files.len() < 40 {
                            files.push(TakenFrom { path, donor: at.clone(), entry: entry.clone() });
                            to_name.clone_from(target);
                            at = folder.clone().unwrap_or_default().child(target);
                            continue;
                        }
                        if let Some((real, entry)) = donor.follow(&at) {
                            files.push(TakenFrom { path, donor: real, entry: entry.clone() });
                        }
                    }
                    Some(entry) => files.push(TakenFrom { path, donor: at.clone(), entry: entry.clone() }),
                    None => {}
                }
                break;
            }
        }
        for file in &files {
            let real = self.image.resolve_parent(&file.path).unwrap_or_else(|_| file.path.clone());
            self.image.insert(real.clone(), file.entry.clone());
            self.origins.insert(real, file.donor.clone());
        }
        outcome.taken.push(Taken { soname: name.clone(), files, needed_by: needed_by.clone() });
        to.child(&name)
    }
}

/// The file that a path leads to, and its real path.
fn file(tree: &Tree, path: &RootPath) -> Option<(RootPath, Content)> {
    let (real, entry) = tree.follow(path)?;
    Some((real, entry.content()?.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::ElfError;
    use crate::elf::dynamic::Abi;

    /// Objects described by their own text: `needs a b; runpath x:y; rpath z`, and
    /// `arm` for another machine.
    struct Texts;

    impl Loader for Texts {
        type Error = ElfError;

        fn object(&self, _: &RootPath, content: &Content) -> Result<Option<Arc<Object>>, ElfError> {
            let Content::Bytes(bytes) = content else { return Ok(None) };
            let text = std::str::from_utf8(bytes).unwrap();
            let part = |key: &str| text.split(';').find_map(|part| part.trim().strip_prefix(key)).map(str::trim);
            let list = |key, separator| {
                let words = part(key).map(|rest| rest.split(separator).map(|word: &str| word.as_bytes().to_vec()));
                words.map(Iterator::collect::<Vec<_>>)
            };
            let machine = if text.contains("arm") { 183 } else { 62 };
            Ok(Some(Arc::new(Object {
                abi: Abi { machine, is_64: true, little_endian: true },
                soname: None,
                needed: list("needs", ' ').unwrap_or_default(),
                rpath: list("rpath", ':').unwrap_or_default(),
                runpath: list("runpath", ':'),
                interpreter: part("interp").map(|path| path.as_bytes().to_vec()),
            })))
        }
    }

    fn path(name: &str) -> RootPath {
        RootPath::new(name).unwrap()
    }

    fn tree(lines: &[&str]) -> Tree {
        let line = |line: &&str| {
            if let Some((name, target)) = line.split_once(" -> ") {
                return (path(name), Entry::link(target));
            }
            let (name, text) = line.split_once(": ").unwrap();
            (path(name), Entry::bytes(0o755, text.as_bytes()))
        };
        lines.iter().map(line).collect()
    }

    /// Roots that exist in the donor come from there.
    fn close(image: &[&str], donor: &[&str], donor_folders: &[&str], roots: &[&str]) -> (String, String) {
        close_in(image, donor, donor_folders, roots, &[])
    }

    fn close_in(
        image: &[&str],
        donor: &[&str],
        donor_folders: &[&str],
        roots: &[&str],
        loaded: &[&str],
    ) -> (String, String) {
        let (mut image, donor) = (tree(image), tree(donor));
        let mut origins = BTreeMap::new();
        for root in roots {
            if donor.get(&path(root)).is_some() {
                origins.insert(path(root), path(root));
            }
        }
        let folders: Vec<_> = donor_folders.iter().map(|folder| path(folder)).collect();
        let outcome = Closure {
            image: &mut image,
            origins: &mut origins,
            donor: Some(&donor),
            donor_folders: &folders,
            triplet: "x86_64-linux-gnu",
            loader: &Texts,
            loaded: &loaded.iter().map(|name| name.as_bytes().to_vec()).collect(),
        }
        .run(roots.iter().map(|root| path(root)))
        .unwrap();
        let taken = outcome.taken.iter().flat_map(|taken| &taken.files).map(|file| file.path.to_string());
        let missing = outcome.missing.iter().map(|missing| String::from_utf8_lossy(&missing.soname).into_owned());
        (taken.collect::<Vec<_>>().join(" "), missing.collect::<Vec<_>>().join(" "))
    }

    const TRUSTED: &str = "usr/lib/x86_64-linux-gnu";

    #[test]
    fn what_the_base_lacks_is_taken_with_its_own_needs_and_links() {
        let base = ["usr/bin/p: needs liba.so libc.so", "usr/lib/libc.so: x"];
        let donor =
            ["usr/lib/liba.so -> liba.so.1", "usr/lib/liba.so.1: needs libb.so", "lib/libb.so: x", "lib/libc.so: x"];
        let (taken, missing) = close(&base, &donor, &[], &["usr/bin/p"]);
        assert_eq!(taken, format!("/{TRUSTED}/liba.so /{TRUSTED}/liba.so.1 /{TRUSTED}/libb.so"));
        assert_eq!(missing, "");
    }

    #[test]
    fn another_machines_library_is_passed_over() {
        let (taken, missing) = close(&["p: needs liba.so", "lib/liba.so: arm"], &["lib/liba.so: arm"], &[], &["p"]);
        assert_eq!((taken.as_str(), missing.as_str()), ("", "liba.so"));
    }

    #[test]
    fn a_library_found_by_runpath_stays_where_it_was() {
        let program = "usr/local/bin/p: needs liba.so; runpath $ORIGIN/../lib";
        let (taken, _) = close(&[program], &[program, "usr/local/lib/liba.so: x"], &[], &["usr/local/bin/p"]);
        assert_eq!(taken, "/usr/local/lib/liba.so");
    }

    #[test]
    fn a_folder_of_ld_so_conf_is_for_finding_only() {
        let (taken, _) = close(&["p: needs liba.so"], &["opt/x/liba.so: x"], &["opt/x"], &["p"]);
        assert_eq!(taken, format!("/{TRUSTED}/liba.so"));
    }

    #[test]
    fn rpath_is_inherited_and_runpath_is_not() {
        let libraries = ["w/libb.so: needs libc.so", "w/libc.so: x"];
        for (kind, missing) in [("rpath", ""), ("runpath", "libc.so")] {
            let program = format!("p: needs libb.so; {kind} /w");
            let (_, got) = close(&[&program, libraries[0], libraries[1]], &[], &[], &["p"]);
            assert_eq!(got, missing, "{kind}");
        }
    }

    #[test]
    fn what_the_process_has_loaded_is_taken_for_programs_only() {
        let donor = ["opt/libpy.so: x", "lib/ld.so: x"];
        let module = close_in(&["m.so: needs libpy.so"], &donor, &["opt"], &["m.so"], &["libpy.so"]);
        assert_eq!(module, (String::new(), String::new()));
        let (taken, _) =
            close_in(&["p: needs libpy.so ld.so;interp /lib/ld.so"], &donor, &["opt"], &["p"], &["libpy.so"]);
        assert_eq!(taken, format!("/{TRUSTED}/libpy.so /lib/ld.so"));
    }

    #[test]
    fn cycles_end_and_links_that_leave_become_files() {
        let donor = ["lib/liba.so -> /opt/a", "opt/a: needs liba.so libb.so", "lib/libb.so: needs liba.so"];
        let (taken, missing) = close(&["p: needs liba.so"], &donor, &[], &["p"]);
        assert_eq!(taken, format!("/{TRUSTED}/liba.so /{TRUSTED}/libb.so"));
        assert_eq!(missing, "");
    }
}
