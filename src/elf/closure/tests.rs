use std::collections::BTreeMap;
use std::sync::Arc;

use crate::elf::{Abi, Closure, Edge, ElfError, Loader, LoaderState, MissingLibrary, Need, NeedKind, Object};
use crate::oci::Architecture;
use crate::rootfs::{Content, Entry, RootPath, Tree};

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
    let (image, donor) = (tree(image), tree(donor));
    let mut origins = BTreeMap::new();
    for root in roots {
        if donor.get(&path(root)).is_some() {
            origins.insert(path(root), path(root));
        }
    }
    let folders: Vec<_> = donor_folders.iter().map(|folder| path(folder)).collect();
    let outcome = Closure {
        image: &image,
        origins: &origins,
        donor: Some(&donor),
        donor_folders: &folders,
        architecture: Architecture::named("amd64").unwrap(),
        loader: &Texts,
        image_folders: &[path("cached")],
        process: &LoaderState {
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
    let (taken, _) = close_in(&["p: needs libpy.so ld.so;interp /lib/ld.so"], &donor, &["opt"], &["p"], &["libpy.so"]);
    assert_eq!(taken, format!("/lib/ld.so /{TRUSTED}/libpy.so"));
}

/// `from soname to` of every edge, in order.
fn edges(image: &[&str], donor: &[&str], roots: &[&str], process: &LoaderState) -> Vec<String> {
    let donor = tree(donor);
    let closure = Closure {
        image: &tree(image),
        origins: &BTreeMap::new(),
        donor: Some(&donor),
        donor_folders: &[path("opt")],
        image_folders: &[path("cached")],
        architecture: Architecture::named("amd64").unwrap(),
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
        edges(&image, &["opt/libc.so: x"], &["p"], &LoaderState::default()),
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
    let process = LoaderState { program: Some(path("py")), names };
    let roots = ["m.so", "l/liba.so"];
    assert_eq!(edges(&image, &[], &roots, &process), ["/m.so liba.so /l/liba.so", "/m.so libb.so /w/libb.so"]);
}

#[test]
fn what_a_module_brings_along_is_not_there_for_another() {
    let image = ["a.so: needs libx.so; runpath /w", "w/libx.so: x", "b.so: needs libx.so"];
    let got = edges(&image, &[], &["a.so", "b.so"], &LoaderState::default());
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
    let loaded = edges(&image, &[], &["a.so", "w/libx.so"], &LoaderState::default());
    assert_eq!(loaded, ["/a.so libx.so /w/libx.so", "/w/libx.so liby.so /w/liby.so"]);
    let alone = edges(&image, &[], &["w/libx.so"], &LoaderState::default());
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
        image: &tree(&image),
        origins: &BTreeMap::new(),
        donor: None,
        donor_folders: &[],
        image_folders: &[],
        architecture: Architecture::named("amd64").unwrap(),
        loader: &Texts,
        process: &LoaderState::default(),
    }
    .run(["m.so", "lib/libb.so", "p", "q"].map(path))
    .unwrap();
    let line = |one: &MissingLibrary| {
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
