//! Takes every shared library that an image still lacks out of another image.
//!
//! The walk starts from objects in the image and loads each as a process would,
//! looking for each needed name where the image's loader will look, and only when it
//! is not there, where the donor's loader would. The image's own libraries win.
//!
//! Every root is a walk of its own: a program with nothing before it, a module into
//! the process that is given. So what one module brings along hides nothing that
//! another one lacks.
//!
//! Not told apart: hard links count as files of their own, and a folder of the
//! search path that only some users may enter is looked into.

use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use super::files::{Candidate, Known, Located};
use super::locate::Wanted;
use super::process::Running;
use super::search::{Tokens, trusted_folders};
use super::{Abi, NeedKind, Object, Process};
use crate::rootfs::{Content, Entry, Kind, RootPath, Tree};

/// How many paths one run looks at before it takes everything else for missing.
/// A Python application with 300 modules makes some 10,000.
const PROBES: usize = 20_000_000;
/// The most links that are taken for one name.
const LINKS: usize = 40;

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
    /// A program loads it before it runs: nobody can load it earlier.
    pub at_start: bool,
    /// An object of another machine that the loader passes over on its way.
    pub passed: Option<RootPath>,
}

/// Who needs what, and what is loaded for it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Edge {
    /// The real path of the object; the root for what is opened by name.
    pub from: RootPath,
    /// The name as the object has it. For the interpreter of a program, its path.
    pub soname: Vec<u8>,
    /// The real path of what is loaded; none when nobody has it.
    pub to: Option<RootPath>,
    /// The loader goes on without it (`DT_AUXILIARY`).
    pub optional: bool,
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
    /// What the image's `ld.so.cache` will cover, in ldconfig's order: the folders of
    /// its `ld.so.conf`, then `lib` and `usr/lib`. None without a cache.
    pub image_folders: &'a [RootPath],
    /// Debian's multiarch name of the platform.
    pub triplet: &'a str,
    pub loader: &'a L,
    /// What modules are loaded into: its names are never searched for.
    pub process: &'a Process,
}

/// What a walk found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Outcome {
    pub taken: Vec<Taken>,
    /// Sorted, each once. What a library finds through those that load it, it does not
    /// lack for not finding it alone.
    pub missing: Vec<Missing>,
    /// Every need that was looked at, sorted, each once. What a library would get alone
    /// is left out when others load it, and it gets something then.
    pub edges: Vec<Edge>,
    /// The process of the first program among the roots.
    pub process: Process,
}

impl<L: Loader> Closure<'_, L> {
    /// Walks from objects of the image.
    ///
    /// # Errors
    /// What the loader cannot read.
    pub fn run(&mut self, roots: impl IntoIterator<Item = RootPath>) -> Result<Outcome, L::Error> {
        let mut walker = Walker::new(self)?;
        walker.walk_all(roots)?;
        Ok(walker.finish())
    }

    /// Takes a library that no object names, for programs that open it by name.
    /// False when nobody has it.
    ///
    /// # Errors
    /// What the loader cannot read.
    pub fn take_by_name(&mut self, soname: &[u8], abi: Abi, outcome: &mut Outcome) -> Result<bool, L::Error> {
        let from = RootPath::root();
        let mut edge =
            Edge { from, soname: soname.to_vec(), to: self.process.names.get(soname).cloned(), optional: false };
        let mut more = Outcome::default();
        if edge.to.is_none() {
            let mut walker = Walker::new(self)?;
            let wanted = Wanted { raw: soname, name: soname, asker: None, abi };
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

/// A closure at work.
pub(super) struct Walker<'w, 'c, L> {
    pub closure: &'w mut Closure<'c, L>,
    pub trusted: Vec<RootPath>,
    /// The program of the process that modules are loaded into.
    pub program: Option<Rc<Located>>,
    /// How many paths may still be looked at.
    pub probes: usize,
    /// What the last search passed over for its machine.
    pub passed: Option<RootPath>,
    known: Known,
    /// What the process has loaded, by its real path.
    loaded: HashSet<RootPath>,
    taken: Vec<Taken>,
    /// Whether the object was itself the root of the walk, each time.
    edges: BTreeMap<Edge, bool>,
    /// By who needs it, and what.
    missing: BTreeMap<(RootPath, Vec<u8>), Lack>,
    /// Whether what is walked is a program on its start.
    starting: bool,
    process: Process,
}

impl<'w, 'c, L: Loader> Walker<'w, 'c, L> {
    fn new(closure: &'w mut Closure<'c, L>) -> Result<Self, L::Error> {
        let process = closure.process;
        let mut walker = Self {
            trusted: trusted_folders(closure.triplet),
            program: None,
            probes: PROBES,
            passed: None,
            known: Known::default(),
            loaded: process.names.values().chain(&process.program).cloned().collect(),
            taken: Vec::new(),
            edges: BTreeMap::new(),
            missing: BTreeMap::new(),
            starting: false,
            process: Process::default(),
            closure,
        };
        if let Some(program) = &process.program
            && let Candidate::Object(program) = walker.candidate(program)?
        {
            walker.program = Some(program);
        }
        Ok(walker)
    }

    fn finish(self) -> Outcome {
        let Self { edges, missing, taken, process, .. } = self;
        // A library that is among the roots may find by its loaders' DT_RPATH what it
        // does not find alone, or other libraries than alone.
        let loaded = edges.iter().filter(|(edge, alone)| !**alone && edge.to.is_some());
        let loaded: HashSet<_> = loaded.map(|(edge, _)| (edge.from.clone(), edge.soname.clone())).collect();
        let mut missing: Vec<_> = missing
            .into_iter()
            .filter(|(need, lack)| !(lack.alone && loaded.contains(need)))
            .map(|((needed_by, soname), Lack { at_start, passed, .. })| Missing { soname, needed_by, at_start, passed })
            .collect();
        missing.sort();
        let edges = edges.into_iter().filter(|(edge, alone)| {
            !(*alone && !loaded.is_empty() && loaded.contains(&(edge.from.clone(), edge.soname.clone())))
        });
        Outcome { taken, missing, edges: edges.map(|(edge, _)| edge).collect(), process }
    }

    /// What the image has at a path.
    pub fn candidate(&mut self, path: &RootPath) -> Result<Candidate<Rc<Located>>, L::Error> {
        let closure = &*self.closure;
        let trees = (&*closure.image, closure.donor);
        self.known.candidate(trees, closure.origins, (closure.loader, closure.triplet), path)
    }

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
            let running = self.walk(&root, true)?;
            if self.process.program.is_none() {
                self.process = running.into_process();
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
    fn walk(&mut self, root: &Rc<Located>, own_process: bool) -> Result<Running, L::Error> {
        let mut running = Running::new(root.clone());
        self.starting = own_process && root.object.is_program();
        if own_process && let Some(path) = &root.object.interpreter {
            let wanted = Wanted { raw: path, name: path, asker: Some(root), abi: root.object.abi };
            let loader = self.locate_path(&wanted)?;
            self.note(root, path, loader.as_ref().map(|found| &found.real), NeedKind::Needed, true);
            if let Some(loader) = loader {
                let name = path.rsplit(|&b| b == b'/').next().unwrap_or_default();
                running.add(Some(path), loader.clone(), Some(0));
                running.add(Some(name), loader, Some(0));
            }
        }
        let mut from = 0;
        while let Some((at, member)) = running.next(from) {
            self.visit(&mut running, member, own_process)?;
            from = at;
        }
        Ok(running)
    }

    /// Loads what one object needs.
    fn visit(&mut self, running: &mut Running, member: usize, own_process: bool) -> Result<(), L::Error> {
        let asker = running.members[member].at.clone();
        let folder = asker.folder();
        let tokens = Tokens { origin: Some(&folder), triplet: self.closure.triplet };
        let process = self.closure.process;
        for need in &asker.object.needs {
            let alone = member == 0;
            let Some(name) = tokens.expand(&need.name) else { continue };
            if name.is_empty() {
                continue; // the program itself has no name
            }
            if running.named(&name).is_none() {
                if let Some(path) = process.names.get(&name).filter(|_| !own_process) {
                    self.note(&asker, &need.name, Some(path), need.kind, alone);
                    continue;
                }
                let found = self.locate(&need.name, &name, running, member)?;
                let real = found.as_ref().map(|found| found.real.clone());
                let Some(found) = found.filter(|found| own_process || !self.loaded.contains(&found.real)) else {
                    self.note(&asker, &need.name, real.as_ref(), need.kind, alone);
                    continue;
                };
                running.add(Some(&name), found, Some(member));
            }
            let Some(to) = running.named(&name) else { continue };
            match need.kind {
                NeedKind::Needed => running.list(to),
                NeedKind::Filter | NeedKind::Auxiliary => {
                    // No image comes near: what does is made to waste time.
                    let Some(left) = self.probes.checked_sub(running.members.len()) else { continue };
                    self.probes = left;
                    running.list_filtee(to, member);
                }
            }
            let to = running.members[to].at.real.clone();
            self.note(&asker, &need.name, Some(&to), need.kind, alone);
        }
        Ok(())
    }

    fn note(&mut self, from: &Located, soname: &[u8], to: Option<&RootPath>, kind: NeedKind, alone: bool) {
        let optional = kind == NeedKind::Auxiliary;
        if to.is_none() && !optional {
            let lack = self.missing.entry((from.real.clone(), soname.to_vec())).or_default();
            lack.alone &= alone;
            lack.at_start |= self.starting;
            lack.passed = lack.passed.take().or(self.passed.take());
        }
        let edge = Edge { from: from.real.clone(), soname: soname.to_vec(), to: to.cloned(), optional };
        *self.edges.entry(edge).or_insert(true) &= alone;
    }

    /// Adds a donor's library to the image: links within its folder stay links, a
    /// link that leaves it becomes the file.
    pub fn take(
        &mut self,
        found: &RootPath,
        to: &RootPath,
        wanted: &Wanted<'_>,
    ) -> Result<Option<Rc<Located>>, L::Error> {
        let Some(donor) = self.closure.donor else { return Ok(None) };
        let name = found.name().unwrap_or_default().to_vec();
        let files = chain(donor, found, to);
        for file in &files {
            let real = self.closure.image.resolve_parent(&file.path).unwrap_or_else(|_| file.path.clone());
            self.closure.image.insert(real.clone(), file.entry.clone());
            self.closure.origins.insert(real, file.donor.clone());
        }
        self.known.forget();
        let needed_by = wanted.asker.map(|asker| asker.real.clone()).unwrap_or_default();
        let path = to.child(&name);
        self.taken.push(Taken { soname: name, files, needed_by });
        Ok(match self.candidate(&path)? {
            Candidate::Object(found) => Some(found),
            Candidate::Absent | Candidate::Loop | Candidate::Broken => None,
        })
    }
}

/// How something was missed.
struct Lack {
    /// The object was itself the root of the walk, each time.
    alone: bool,
    at_start: bool,
    passed: Option<RootPath>,
}

impl Default for Lack {
    fn default() -> Self {
        Self { alone: true, at_start: false, passed: None }
    }
}

/// The links and the file that a name of the donor leads to, each with its new place.
fn chain(donor: &Tree, found: &RootPath, to: &RootPath) -> Vec<TakenFrom> {
    let mut files: Vec<TakenFrom> = Vec::new();
    let mut at = donor.resolve_parent(found).unwrap_or_else(|_| found.clone());
    let folder = at.parent().unwrap_or_default();
    while let (Some(entry), Some(name)) = (donor.get(&at), at.name()) {
        let path = to.child(name);
        if let Kind::Link(target) = &entry.kind {
            let sibling = !target.contains(&b'/') && !matches!(target.as_slice(), b"" | b"." | b"..");
            if sibling && files.len() < LINKS {
                files.push(TakenFrom { path, donor: at.clone(), entry: entry.clone() });
                at = folder.child(target);
                continue;
            }
            if let Some((real, entry)) = donor.follow(&at) {
                files.push(TakenFrom { path, donor: real, entry: entry.clone() });
            }
        } else {
            files.push(TakenFrom { path, donor: at.clone(), entry: entry.clone() });
        }
        break;
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::ElfError;
    use crate::elf::Need;

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
            let needs = |key, kind| {
                let names = list(key, ' ').unwrap_or_default().into_iter();
                names.map(move |name| Need { name, kind })
            };
            if text == "no object" {
                return Ok(None);
            }
            Ok(Some(Arc::new(Object {
                abi: Abi { machine, is_64: true, little_endian: true },
                soname: part("soname").map(|name| name.as_bytes().to_vec()),
                needs: needs("needs", NeedKind::Needed)
                    .chain(needs("filters", NeedKind::Filter))
                    .chain(needs("perhaps", NeedKind::Auxiliary))
                    .collect(),
                rpath: list("rpath", ':').unwrap_or_default(),
                runpath: list("runpath", ':'),
                interpreter: part("interp").map(|path| path.as_bytes().to_vec()),
                no_default_folders: part("nodeflib").is_some(),
                ..Object::default()
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
            image_folders: &[path("cached")],
            process: &Process {
                program: None,
                names: loaded.iter().map(|name| (name.as_bytes().to_vec(), path("loaded"))).collect(),
            },
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
        assert_eq!(taken, format!("/lib/ld.so /{TRUSTED}/libpy.so"));
    }

    /// `from soname to` of every edge, in order.
    fn edges(image: &[&str], donor: &[&str], roots: &[&str], process: &Process) -> Vec<String> {
        let donor = tree(donor);
        let closure = Closure {
            image: &mut tree(image),
            origins: &mut BTreeMap::new(),
            donor: Some(&donor),
            donor_folders: &[path("opt")],
            image_folders: &[path("cached")],
            triplet: "x86_64-linux-gnu",
            loader: &Texts,
            process,
        }
        .run(roots.iter().map(|root| path(root)));
        let line = |edge: &Edge| {
            let to = edge.to.as_ref().map_or("-".to_owned(), ToString::to_string);
            let optional = if edge.optional { " optional" } else { "" };
            format!("{} {} {to}{optional}", edge.from, String::from_utf8_lossy(&edge.soname))
        };
        closure.unwrap().edges.iter().map(line).collect()
    }

    #[test]
    fn edges_tell_who_gets_what() {
        let image = [
            "p: needs liba.so libb.so libno.so; perhaps libgone.so; interp /lib/ld.so",
            "lib/ld.so: soname ld.so",
            "cached/liba.so: needs ld.so",
            "lib/liba.so: x",
            "lib/libb.so -> /far/b",
            "far/b: needs liba.so",
        ];
        assert_eq!(
            edges(&image, &["opt/libc.so: x"], &["p"], &Process::default()),
            [
                "/cached/liba.so ld.so /lib/ld.so",
                "/far/b liba.so /cached/liba.so",
                "/p /lib/ld.so /lib/ld.so",
                "/p liba.so /cached/liba.so",
                "/p libb.so /far/b",
                "/p libgone.so - optional",
                "/p libno.so -"
            ]
        );
    }

    #[test]
    fn modules_see_the_process_and_its_programs_rpath() {
        let image = ["py: rpath /w", "w/libb.so: x", "m.so: needs liba.so libb.so", "l/liba.so: x"];
        let names = BTreeMap::from([(b"liba.so".to_vec(), path("l/liba.so"))]);
        let process = Process { program: Some(path("py")), names };
        let roots = ["m.so", "l/liba.so"];
        assert_eq!(edges(&image, &[], &roots, &process), ["/m.so liba.so /l/liba.so", "/m.so libb.so /w/libb.so"]);
    }

    #[test]
    fn what_a_module_brings_along_is_not_there_for_another() {
        let image = ["a.so: needs libx.so; runpath /w", "w/libx.so: x", "b.so: needs libx.so"];
        let got = edges(&image, &[], &["a.so", "b.so"], &Process::default());
        assert_eq!(got, ["/a.so libx.so /w/libx.so", "/b.so libx.so -"]);
    }

    #[test]
    fn a_library_among_the_roots_may_be_found_through_its_loaders() {
        let image = ["a.so: needs libx.so; rpath /w", "w/libx.so: needs liby.so", "w/liby.so: y"];
        assert_eq!(close(&image, &[], &[], &["w/libx.so", "a.so"]).1, "");
        assert_eq!(close(&image, &[], &[], &["w/libx.so"]).1, "liby.so");
    }

    #[test]
    fn what_a_library_would_get_alone_counts_when_nobody_loads_it() {
        let image = ["a.so: needs libx.so; rpath /w", "w/libx.so: needs liby.so", "w/liby.so: y", "lib/liby.so: y"];
        let loaded = edges(&image, &[], &["a.so", "w/libx.so"], &Process::default());
        assert_eq!(loaded, ["/a.so libx.so /w/libx.so", "/w/libx.so liby.so /w/liby.so"]);
        let alone = edges(&image, &[], &["w/libx.so"], &Process::default());
        assert_eq!(alone, ["/w/libx.so liby.so /lib/liby.so"]);
    }

    #[test]
    fn what_is_missing_tells_of_starts_and_of_other_machines() {
        let image = [
            "p: needs libno.so libfar.so libb.so; interp /lib/ld.so",
            "q: needs libno.so; interp /lib/ld.so; soname q",
            "lib/ld.so: x",
            "lib/libfar.so: arm",
            "usr/lib/libfar.so: arm",
            "lib/libb.so: needs libc.so",
            "m.so: needs libno.so",
        ];
        let outcome = Closure {
            image: &mut tree(&image),
            origins: &mut BTreeMap::new(),
            donor: None,
            donor_folders: &[],
            image_folders: &[],
            triplet: "x86_64-linux-gnu",
            loader: &Texts,
            process: &Process::default(),
        }
        .run(["m.so", "lib/libb.so", "p", "q"].map(path))
        .unwrap();
        let line = |one: &Missing| {
            let start = if one.at_start { " at start" } else { "" };
            let passed = one.passed.as_ref().map(|path| format!(" past {path}")).unwrap_or_default();
            format!("{} {}{start}{passed}", one.needed_by, String::from_utf8_lossy(&one.soname))
        };
        assert_eq!(
            outcome.missing.iter().map(line).collect::<Vec<_>>(),
            [
                "/lib/libb.so libc.so at start",
                "/p libfar.so at start past /lib/libfar.so",
                "/m.so libno.so",
                "/p libno.so at start",
                "/q libno.so"
            ]
        );
    }

    #[test]
    fn what_cannot_be_loaded_ends_the_search() {
        let image = ["p: needs liba.so; runpath /w", "w/liba.so: no object", "lib/liba.so: x"];
        assert_eq!(close(&image, &["lib/liba.so: x"], &[], &["p"]).1, "liba.so");
    }

    #[test]
    fn without_default_folders_only_the_cache_can_lead_to_what_is_taken() {
        let program = "p: needs liba.so libb.so;nodeflib";
        let donor = ["opt/liba.so: x", "lib/libb.so: x"];
        let (taken, missing) = close(&[program], &donor, &["opt"], &["p"]);
        assert_eq!((taken.as_str(), missing.as_str()), ("/cached/liba.so", "libb.so"));
    }

    #[test]
    fn cycles_end_and_links_that_leave_become_files() {
        let donor = ["lib/liba.so -> /opt/a", "opt/a: needs liba.so libb.so", "lib/libb.so: needs liba.so"];
        let (taken, missing) = close(&["p: needs liba.so"], &donor, &[], &["p"]);
        assert_eq!(taken, format!("/{TRUSTED}/liba.so /{TRUSTED}/libb.so"));
        assert_eq!(missing, "");
    }
}
