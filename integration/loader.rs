//! Where carboy finds libraries, and what it says of their versions, against what
//! glibc's own loader does in the same root.

#![expect(clippy::unwrap_used, reason = "what cannot be read has failed the test")]

#[path = "loader/graphs.rs"]
mod graphs;
#[path = "support/random.rs"]
mod random;
#[path = "loader/root.rs"]
mod root;
mod support;
#[path = "support/weaken.rs"]
mod weaken;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::sync::Arc;

use carboy::elf::search::{Tokens, physical};
use carboy::elf::{Closure, Edge, ElfError, Loader, LoaderState, MismatchKind, Object, Resolution, versions};
use carboy::oci::Architecture;
use carboy::rootfs::{Content, RootPath, Tree};

use root::{Debian, Files, Root, Told};
use support::image::Unpacked;
use weaken::weaken;

/// Everything that decides where a library is found. `TRIPLET` is the platform's;
/// every program named `p` is asked for.
const TREES: &str = "
rpath/p: program; needs liba.so; rpath $ORIGIN/lib
rpath/lib/liba.so: needs libb.so
rpath/lib/libb.so:

runpath/p: program; needs liba.so; runpath $ORIGIN/lib
runpath/lib/liba.so: needs librunpath_b.so
runpath/lib/librunpath_b.so:

braces/p: program; needs liba.so libb.so libc1.so libd.so; runpath ${ORIGIN}/a:/braces/${LIB}:/braces/$PLATFORM:/braces/${PLATFORM}x
braces/a/liba.so:
braces/lib/TRIPLET/libb.so:
braces/MACHINE/libc1.so:
braces/MACHINEx/libd.so:

tokens/p: program; needs liba.so libb.so; runpath /tokens/$LIBX:/tokens/${LIB:/tokens/$LIB-x:/tokens/$ORIGINAL
tokens/$LIBX/liba.so:
tokens/lib/TRIPLETX/liba.so:
tokens/lib/TRIPLET-x/libb.so:
tokens/lib/TRIPLET/liba.so:

deep/p: program; needs liba.so; rpath /deep/one
deep/one/liba.so: needs libb.so; rpath /deep/two
deep/two/libb.so: needs libc1.so
deep/two/libc1.so: needs libd.so libe.so
deep/one/libd.so:
deep/two/libe.so:
deep/one/libe.so:

middle/p: program; needs liba.so; rpath /middle/one
middle/one/liba.so: needs libb.so libc1.so; runpath /middle/two
middle/two/libb.so: needs libc1.so libd.so
middle/one/libc1.so:
middle/one/libd.so:

order/p: program; needs liba.so libb.so; rpath /order/x
order/x/liba.so: needs libc1.so; rpath /order/a
order/x/libb.so: needs libc1.so; rpath /order/b
order/a/libc1.so:
order/b/libc1.so:

slash/p: program; needs /slash/x/liba.so $ORIGIN/y/libb.so ./libc1.so libd.so /slash/z/../y/libe.so
slash/x/liba.so: soname libd.so
slash/y/libb.so: needs $ORIGIN/../x/liba.so
slash/libc1.so:
slash/y/libe.so:
slash/z -> /slash/x

soname/p: program; needs libother.so liba.so; runpath /soname/one:/soname/two
soname/one/libother.so: soname liba.so
soname/two/liba.so:

alias/p: program; needs liba.so libb.so libc1.so; runpath /alias/one
alias/one/liba.so -> real.so
alias/one/libb.so -> real.so
alias/one/real.so: soname libc1.so

linked/p: program; needs liba.so; runpath /linked/one
linked/one/liba.so -> ../real/liba.so.1
linked/real/liba.so.1: needs libb.so libc1.so; runpath $ORIGIN
linked/one/libb.so:
linked/real/libc1.so:

folder/p: program; needs liba.so libb.so; runpath /folder/link/../one
folder/link -> far/away
folder/far/away/x:
folder/far/one/liba.so: needs libd.so; runpath $ORIGIN/../two
folder/one/libb.so:
folder/far/two/libd.so:
folder/two/libd.so:

gone/p: program; needs liba.so; runpath /gone/not/../one
gone/one/liba.so:

filter/p: program; needs libf.so; runpath /filter/lib
filter/lib/libf.so: needs libx.so; filter libg.so; runpath /filter/lib
filter/lib/libg.so: needs liby.so; runpath /filter/lib
filter/lib/libx.so:
filter/lib/liby.so:

filter/missing/p: program; needs libf.so; runpath /filter/missing
filter/missing/libf.so: filter libfilter_gone.so

auxiliary/p: program; needs libf.so libz.so; runpath /auxiliary/lib
auxiliary/lib/libf.so: auxiliary libg.so; needs libx.so; runpath /auxiliary/lib
auxiliary/lib/libg.so: needs libx.so; rpath /auxiliary/late
auxiliary/lib/libx.so:
auxiliary/late/libx.so:
auxiliary/lib/libz.so: auxiliary libauxiliary_gone.so

nodeflib/p: program; needs libnodeflib.so; nodeflib
usr/lib/TRIPLET/libnodeflib.so:

nodeflib/own/p: program; needs libnodeflib_a.so; runpath /nodeflib/own; nodeflib
nodeflib/own/libnodeflib_a.so: needs libnodeflib_b.so
usr/lib/TRIPLET/libnodeflib_b.so:

nodeflib/cached/p: program; needs libnodeflib_c.so libnodeflib_d.so; nodeflib
cache/two/libnodeflib_c.so:
cache/two/libnodeflib_d.so:
usr/lib/below/libnodeflib_d.so:

machine/p: program; needs liba.so libb.so; runpath /machine/one:/machine/two
machine/one/liba.so: other
machine/two/liba.so: needs libc1.so; rpath /machine/one
machine/one/libb.so: other
machine/one/libc1.so: other

broken/p: program; needs libbroken.so; runpath /broken/one
broken/one/libbroken.so: text not an object, but long enough to have the header of an ELF file, if it had one at all
usr/lib/TRIPLET/libbroken.so:

broken/folder/p: program; needs libbroken.so; runpath /broken/folder
broken/folder/libbroken.so/x:

broken/link/p: program; needs libbroken.so; runpath /broken/link
broken/link/libbroken.so -> nowhere

loop/p: program; needs liba.so libb.so; rpath /loop/one:/loop/two
loop/one/liba.so -> liba.so
loop/two/liba.so:
loop/two/libb.so: needs liba.so; rpath /loop/two

broken/program/p: program; needs p2; runpath /broken/program
broken/program/p2: program

empty/p: program; needs libempty.so; rpath :/empty/one::
empty/one/libempty.so: needs libb.so
empty/one/libb.so:

noway/p: program; needs liba.so libb.so; rpath relative:$ORIGIN
noway/libb.so:
noway/relative/liba.so:

hwcaps/p: program; needs libhwcaps.so; runpath /hwcaps/one
hwcaps/one/libhwcaps.so:

trusted/p: program; needs libtrusted_a.so libtrusted_b.so libtrusted_c.so libtrusted_d.so
usr/lib/TRIPLET/libtrusted_a.so:
usr/lib/libtrusted_a.so:
usr/lib/libtrusted_b.so:
lib64/libtrusted_c.so:
usr/local/lib/libtrusted_d.so:

cached/p: program; needs libcached_a.so libcached_b.so libcached_c.so libcached_c.so.1 cached_d.so libcached_e.so libcached_f.so libcached_g.so
cache/two/libcached_a.so:
cache/one/libcached_a.so:
cache/one/libcached_b.so:
usr/lib/TRIPLET/libcached_b.so:
cache/one/libcached_c.so: soname libcached_c.so.1
cache/one/cached_d.so:
cache/one/libcached_e.so -> libcached_e.so.1
cache/one/libcached_e.so.1: soname libcached_e.so.1
cache/one/libcached_f.so: other
cache/two/libcached_f.so:
cache/one/libcached_g.so -> libcached_h.so
cache/one/libcached_h.so: soname libcached_x.so.1

cached/runpath/p: program; needs liba.so libcached_i.so; runpath /cached/runpath
cached/runpath/liba.so: needs libcached_i.so
cache/one/libcached_i.so:

cycle/p: program; needs liba.so; rpath $ORIGIN
cycle/liba.so: needs libb.so liba.so
cycle/libb.so: needs liba.so libc1.so
cycle/libc1.so: needs libb.so

twice/p: program; needs liba.so libb.so; runpath /twice
twice/liba.so: needs libtwice.so
twice/libb.so: needs libtwice.so; runpath /twice/b
twice/b/libtwice.so:

loader/p: program; needs LOADER liba.so; runpath /loader
loader/liba.so: needs LOADER
loader/LOADER:

libc/p: program; needs libc.so.6 libm.so.6
";

/// Modules that the opener opens, a program with `DT_RPATH /dl/main` that has
/// `libpre.so` loaded.
const MODULES: &str = "
dl/pre/libpre.so: needs libprepre.so; soname libpre.so
dl/pre/libprepre.so:
dl/m1.so: needs libpre.so liba.so libprepre.so
dl/main/liba.so: needs libb.so
dl/main/libb.so:
dl/m2.so: needs liba.so; runpath $ORIGIN/two
dl/m3.so: needs liba.so; runpath $ORIGIN/three
dl/three/liba.so: needs libb.so
dl/m4.so: needs libmain.so; rpath $ORIGIN/three
dl/main/libmain.so: needs liba.so
dl/m5.so: needs libalias.so libc.so.6
dl/main/libalias.so -> ../pre/libpre.so
dl/m6.so -> m7/m.so
dl/m7/m.so: needs libc1.so; rpath $ORIGIN/lib
dl/lib/libc1.so:
dl/m8.so: filter libb.so; needs libdl_gone.so
";

fn lines(text: &str, debian: Debian) -> Vec<String> {
    let triplet = debian.triplet();
    let loader = debian.interpreter().rsplit('/').next().unwrap();
    let text = text.replace("TRIPLET", &triplet).replace("LOADER", loader);
    let mut out = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if line.contains("MACHINE") && !line.contains(" program") {
            // what $PLATFORM is depends on the processor, on amd64
            let machine = triplet.split('-').next().unwrap();
            out.extend([machine, "haswell", "xeon_phi"].map(|machine| line.replace("MACHINE", machine)));
        } else {
            out.push(line.to_owned());
        }
    }
    out
}

/// Compares a program's walk with what the loader says; returns what differs.
fn differences(tree: &Tree, debian: Debian, program: &str, outcome: &Resolution, told: &Told) -> Vec<String> {
    let mut out = Vec::new();
    let real = |path: &str| -> Option<RootPath> {
        let path = path.replace("/haswell", "/x86_64").replace("/xeon_phi", "/x86_64");
        // a folder that is there for the loader, and a name in it
        let (folder, name) = path.rsplit_once('/')?;
        let folder = physical(tree, format!("{folder}/").as_bytes())?;
        Some(tree.follow(&folder.child(name.as_bytes()))?.0)
    };
    if let Some(signal) = &told.died {
        return vec![format!("{program}: the loader dies of signal {signal}")];
    }
    let interpreter = real(debian.interpreter());
    if let Some(why) = &told.stopped {
        let stopped = |edge: &Edge| {
            let name = String::from_utf8_lossy(&edge.soname).into_owned();
            let last = name.rsplit('/').next().unwrap();
            edge.to.is_none() && !edge.optional && why.contains(last)
        };
        if !outcome.edges.iter().any(stopped) {
            out.push(format!("{program}: the loader stops: {why}; carboy finds everything"));
        }
        return out;
    }
    let mut known: BTreeMap<String, BTreeSet<Option<RootPath>>> = BTreeMap::new();
    let mut paths = BTreeSet::new();
    for edge in outcome.edges.iter().filter(|edge| edge.soname != debian.interpreter().as_bytes()) {
        // the loader prints names as it has expanded them
        let folder = edge.from.parent().unwrap_or_default();
        let tokens = Tokens { origin: Some(&folder), architecture: debian.architecture() };
        let name = String::from_utf8(tokens.expand(&edge.soname).unwrap()).unwrap();
        known.entry(name).or_default().insert(edge.to.clone());
        paths.extend(edge.to.clone());
    }
    for (name, path) in &told.names {
        let path = path.as_deref().map(|path| real(path).unwrap_or_else(|| panic!("no {path}")));
        if path.is_some() && path == interpreter {
            continue;
        }
        match known.get(name) {
            Some(found) if found.contains(&path) => {}
            found => out.push(format!("{program}: {name}: the loader has {path:?}, carboy {found:?}")),
        }
    }
    let loaded: BTreeSet<_> =
        told.paths.iter().filter_map(|path| real(path)).filter(|path| Some(path) != interpreter.as_ref()).collect();
    let main = RootPath::new(program).unwrap();
    let main = tree.follow(&main).unwrap().0;
    paths.retain(|path| Some(path) != interpreter.as_ref() && *path != main);
    if paths != loaded.iter().filter(|path| **path != main).cloned().collect() {
        out.push(format!("{program}: the loader loads {loaded:?}, carboy {paths:?}"));
    }
    out
}

/// Every tree, in a root with or without a cache.
fn trees(debian: Debian, cached: bool) {
    let mut root = Root::new(debian);
    let mut lines = lines(TREES, debian);
    // ldconfig of arm64 lists libraries of amd64 too; carboy's cache does not.
    if cached && debian.platform == "linux/arm64" {
        lines.retain(|line| !line.starts_with("cache/one/libcached_f.so"));
    }
    for line in &lines {
        root.make(line);
    }
    let other = debian.triplet();
    for level in ["x86-64-v2", "x86-64-v3", "x86-64-v4"] {
        root.make(&format!("usr/lib/{other}/glibc-hwcaps/{level}/libonly_hwcaps.so:"));
    }
    if cached {
        root.cache(&["cache/one", "usr/lib/below", "cache/two"]);
    }
    let programs: Vec<_> = lines
        .iter()
        .filter_map(|line| line.split_once(": program"))
        .map(|(name, _)| format!("/{name}"))
        .filter(|name| name.ends_with("/p"))
        .collect();
    let told = root.ask(&programs);
    let tree = root.tree();
    let mut out = Vec::new();
    for program in &programs {
        let outcome = root.walk(&tree, &LoaderState::default(), program);
        out.extend(differences(&tree, debian, program, &outcome, &told[program]));
    }
    assert_eq!(out, [""; 0], "{debian:?}");
}

const AMD64: [Debian; 2] =
    [Debian { suite: "trixie", platform: "linux/amd64" }, Debian { suite: "bookworm", platform: "linux/amd64" }];
const ARM64: [Debian; 2] =
    [Debian { suite: "trixie", platform: "linux/arm64" }, Debian { suite: "bookworm", platform: "linux/arm64" }];

#[test]
fn libraries_are_found_where_the_loader_finds_them() {
    trees(AMD64[0], true);
    trees(AMD64[1], false);
}

#[test]
fn libraries_are_found_where_the_loader_of_arm64_finds_them() {
    trees(ARM64[0], false);
    trees(ARM64[1], true);
}

fn modules(debian: Debian) {
    let root = Root::new(debian);
    for line in lines(MODULES, debian) {
        root.make(&line);
    }
    let link = root.file("dl/pre/libpre.so");
    let opener = format!("{}/integration/loader/opener.c", env!("CARGO_MANIFEST_DIR"));
    let gcc = format!("{}-gcc", debian.triplet());
    let to = root.file("dl/opener");
    let args = ["-o", to.to_str().unwrap(), &opener, "-Wl,--no-as-needed", link.to_str().unwrap()];
    let more = [
        "-Wl,--disable-new-dtags",
        "-Wl,-rpath,/dl/main:/dl/pre",
        "-Wl,--allow-shlib-undefined",
        "-Wl,-rpath-link",
        "-Wl,/nonexistent",
    ];
    support::run(&gcc, args.into_iter().chain(more));
    let modules: Vec<_> = [1, 2, 3, 4, 5, 6, 8].iter().map(|at| format!("/dl/m{at}.so")).collect();
    let asked: Vec<_> = modules.iter().map(|module| format!("/dl/opener+{module}")).collect();
    let told = root.ask(&asked);
    let tree = root.tree();
    let before = root.walk(&tree, &LoaderState::default(), "dl/opener");
    assert_eq!(before.missing, []);
    let loaded: BTreeSet<_> = before.process.names.values().cloned().collect();
    for (module, asked) in modules.iter().zip(&asked) {
        let outcome = root.walk(&tree, &before.process, module);
        let told = &told[asked];
        assert_eq!(told.stopped.is_some(), !outcome.missing.is_empty(), "{module}: {told:?} {:?}", outcome.missing);
        if told.stopped.is_some() {
            continue;
        }
        let real = |path: &String| tree.follow(&RootPath::new(path).unwrap()).map(|(real, _)| real);
        let want: BTreeSet<_> = told.paths.iter().filter_map(real).collect();
        let got = outcome.edges.iter().filter_map(|edge| edge.to.clone()).chain(loaded.iter().cloned());
        let got: BTreeSet<_> =
            got.chain(real(module)).filter(|path| Some(path) != before.process.program.as_ref()).collect();
        assert_eq!(got, want, "{module}");
    }
}

#[test]
fn modules_find_libraries_as_in_an_interpreters_process() {
    modules(AMD64[0]);
    modules(AMD64[1]);
}

/// A program and modules whose libraries have other versions than they were linked
/// against.
fn version_errors(debian: Debian) {
    let root = Root::new(debian);
    let source = "int f1(void) { return 1; } int f2(void) { return 2; } int f10(void) { return 3; }";
    let script = |name: &str, text: &str| {
        let path = root.scratch().join(name);
        fs::write(&path, text).unwrap();
        format!("-Wl,--version-script,{}", path.display())
    };
    let full = script("full", "V_1 { global: f1; local: *; }; V_2 { global: f2; } V_1; V_10 { global: f10; } V_2;");
    let old = script("old", "V_1 { global: f1; local: *; }; V_2 { global: f2; } V_1;");
    let linked = root.scratch().join("libv.so");
    root.compile(linked.to_str().unwrap(), source, &["-shared", "-Wl,-soname,libv.so", &full]);
    let users = [
        ("strong", "int f1(void), f10(void); int g(void) { return f1() + f10(); }"),
        ("weak", "int f1(void); __attribute__((weak)) int f10(void); int g(void) { return f1() + (f10 ? f10() : 0); }"),
        ("both", "int f2(void); __attribute__((weak)) int f10(void); int g(void) { return f2() + (f10 ? f10() : 0); }"),
    ];
    let libraries = [("full", vec![full.as_str()]), ("old", vec![old.as_str()]), ("bare", vec![])];
    let mut programs = Vec::new();
    for (has, args) in &libraries {
        let args = [&["-shared", "-Wl,-soname,libv.so"][..], args].concat();
        root.compile(&format!("{has}/libv.so"), source, &args);
        for (user, source) in users {
            let interpreter = format!("-Wl,--dynamic-linker,{}", debian.interpreter());
            let linked = linked.to_str().unwrap();
            root.compile(
                &format!("{has}/{user}"),
                source,
                &["-pie", "-Wl,-e,g", &interpreter, "-Wl,-rpath,$ORIGIN", "-Wl,--no-as-needed", linked],
            );
            if user != "strong" {
                weaken(&root.path().join(has).join(user), "V_10");
            }
            programs.push(format!("/{has}/{user}"));
        }
    }
    let told = root.ask(&programs);
    let tree = root.tree();
    let mut kinds = BTreeSet::new();
    for program in &programs {
        let outcome = root.walk(&tree, &LoaderState::default(), program);
        let found =
            versions::check(&outcome.edges, |path| Files.object(path, tree.get(path)?.content()?).ok().flatten());
        let says = |one: &carboy::elf::Mismatch| {
            kinds.insert(one.kind);
            let version = String::from_utf8_lossy(&one.version).into_owned();
            let says = match one.kind {
                MismatchKind::Missing => format!("version `{version}' not found"),
                MismatchKind::Weak => format!("weak version `{version}' not found"),
                MismatchKind::Unversioned => "no version information available".to_owned(),
            };
            format!("{program}: {}: {says} (required by {})", one.library, one.object)
        };
        let got: BTreeSet<_> = found.iter().map(says).collect();
        assert_eq!(got, told[program].others, "{program}");
    }
    assert_eq!(kinds.len(), 3, "{kinds:?}");
}

#[test]
fn versions_are_missed_where_the_loader_misses_them() {
    version_errors(AMD64[0]);
    version_errors(AMD64[1]);
    version_errors(ARM64[1]);
}

fn unpacked(image: &str) -> Tree {
    let layout = support::layout(image);
    root::tree(&Unpacked::new(&format!("oci:{}", layout.display()), "linux/amd64").root())
}

/// The closure of pandas and of the whole standard library, over a base: what is
/// missing, and the versions that are.
fn pandas_over(base: &str, builder: &Tree) -> (Resolution, BTreeSet<String>) {
    let mut image = unpacked(base);
    let site = root::tree(&support::test_cache("site/pandas/3.13-amd64"));
    let mut origins = BTreeMap::new();
    let mut roots = Vec::new();
    let python = RootPath::new("usr/local").unwrap();
    for (path, entry) in builder.below(&python) {
        image.insert(path.clone(), entry.clone());
        origins.insert(path.clone(), path.clone());
    }
    let packages = RootPath::new("usr/local/lib/python3.13/site-packages").unwrap();
    for (path, entry) in site.iter() {
        image.insert(packages.join(path), entry.clone());
    }
    let modules = image.below(&python).filter(|(path, _)| path.to_string().contains(".so"));
    roots.extend(modules.map(|(path, _)| path.clone()));
    let files = Remembered::default();
    let mut process = LoaderState::default();
    let mut all = Resolution::default();
    for roots in [vec![RootPath::new("usr/local/bin/python3.13").unwrap()], roots] {
        let outcome = Closure {
            image: &image,
            origins: &origins,
            donor: Some(builder),
            donor_folders: &[],
            image_folders: &[],
            architecture: Architecture::named("amd64").unwrap(),
            loader: &files,
            process: &process,
        }
        .run(roots)
        .unwrap();
        if process.program.is_none() {
            process = outcome.process;
        }
        for file in outcome.taken.iter().flat_map(|taken| &taken.files) {
            let real = image.resolve_parent(&file.path).unwrap();
            image.insert(real.clone(), file.entry.clone());
            origins.insert(real, file.donor.clone());
        }
        all.missing.extend(outcome.missing);
        all.edges.extend(outcome.edges);
        all.taken.extend(outcome.taken);
    }
    let found = versions::check(&all.edges, |path| files.object(path, image.get(path)?.content()?).ok().flatten());
    // Each file is read once, and asked for a few times at most.
    let (read, asked) = (files.objects.borrow().len(), files.asked.get());
    assert!(asked < 10 * read, "{asked} questions about {read} files");
    let line = |one: &carboy::elf::Mismatch| {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let newest = one.newest.as_deref().map(text).unwrap_or_default();
        format!("{} {} {newest} {:?}", text(&one.soname), text(&one.version), one.kind)
    };
    let mismatches = found.iter().map(line).collect();
    (all, mismatches)
}

/// Reads every file once, and counts how often it is asked.
#[derive(Default)]
struct Remembered {
    objects: RefCell<HashMap<RootPath, Option<Arc<Object>>>>,
    asked: Cell<usize>,
}

impl Loader for Remembered {
    type Error = ElfError;

    fn object(&self, path: &RootPath, content: &Content) -> Result<Option<Arc<Object>>, ElfError> {
        self.asked.update(|asked| asked + 1);
        if let Some(known) = self.objects.borrow().get(path) {
            return Ok(known.clone());
        }
        let object = Files.object(path, content)?;
        self.objects.borrow_mut().insert(path.clone(), object.clone());
        Ok(object)
    }
}

#[test]
fn a_real_application_is_whole_over_its_release_and_not_over_the_one_before() {
    let builder = unpacked(support::DEBIAN_13.builder);
    let (outcome, mismatches) = pandas_over(support::DEBIAN_13.base, &builder);
    let missing: BTreeSet<_> =
        outcome.missing.iter().map(|one| String::from_utf8_lossy(&one.soname).into_owned()).collect();
    assert_eq!(missing.iter().map(String::as_str).collect::<Vec<_>>(), ["libtcl8.6.so", "libtk8.6.so"]);
    assert_eq!(mismatches, BTreeSet::new());
    assert!(outcome.taken.len() > 8, "{:?}", outcome.taken);
    let (_, mismatches) = pandas_over(support::DEBIAN_12.base, &builder);
    assert!(mismatches.contains("libc.so.6 GLIBC_2.38 GLIBC_2.36 Missing"), "{mismatches:?}");
}

#[test]
fn random_graphs_load_as_the_loader_loads_them() {
    graphs::compare(AMD64[0], 40);
}

#[test]
#[ignore = "long"]
fn many_random_graphs_load_as_the_loader_loads_them() {
    graphs::compare(AMD64[0], 200);
    graphs::compare(ARM64[1], 30);
}
