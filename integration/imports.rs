//! Checks the rules of which module may import which (see the library's documentation):
//! the table of folders, and no circles between files. Re-exports are followed.

#![expect(clippy::unwrap_used, reason = "a test that cannot read the source has failed")]

#[path = "imports/graph.rs"]
mod graph;
#[path = "imports/module.rs"]
mod module;
#[path = "imports/tests.rs"]
mod tests;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use graph::{Graph, name};

/// Pure modules: each may import itself and the modules before it.
const PURE: [&str; 17] = [
    "printable",
    "hint",
    "oci",
    "network",
    "diagnostic",
    "rootfs",
    "elf",
    "glibc",
    "package_db",
    "debian",
    "python",
    "layer::recipe",
    "config",
    "plan",
    "image",
    "compose",
    "docs",
];
/// The other modules, each with the modules that it may import beside pure ones and itself.
const OTHERS: [(&str, &[&str]); 16] = [
    ("layer", &[]),
    ("progress", &[]),
    ("once_map", &[]),
    ("cpu_pool", &[]),
    ("operation_error", &[]),
    ("repository", &["progress", "operation_error"]),
    ("http", &["progress", "operation_error", "repository"]),
    ("store", &["layer", "progress", "operation_error", "repository"]),
    ("source", &["operation_error", "store"]),
    ("bytecode", &["operation_error", "store"]),
    ("registry", &["progress", "operation_error", "repository", "http"]),
    ("wheels", &["progress", "once_map", "cpu_pool", "operation_error", "http", "store", "source"]),
    ("engine", &["progress", "operation_error", "repository", "store"]),
    (
        "assemble",
        &[
            "layer",
            "progress",
            "once_map",
            "cpu_pool",
            "operation_error",
            "repository",
            "store",
            "source",
            "bytecode",
            "wheels",
        ],
    ),
    ("ui", &["progress", "assemble"]),
    (
        "cli",
        &[
            "progress",
            "cpu_pool",
            "operation_error",
            "repository",
            "store",
            "source",
            "bytecode",
            "registry",
            "wheels",
            "engine",
            "assemble",
            "ui",
        ],
    ),
];
/// Files, network, clock and environment: paths that pure modules must not mention.
const IMPURE: [&str; 8] = [
    "std::fs",
    "fs_err",
    "std::net",
    "std::env",
    "std::process",
    "std::time::SystemTime",
    "std::time::Instant::now",
    "tokio",
];
/// Paths that only `cli` may mention.
const FOR_CLI: [&str; 6] = [
    "std::env::var",
    "std::env::current_dir",
    "std::env::args",
    "std::time::SystemTime::now",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
];

/// The modules of this crate.
static GRAPH: LazyLock<Graph> = LazyLock::new(|| Graph::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")));

/// Returns the entry of the table that a module belongs to.
fn entry(module: &str) -> &'static str {
    let entries = PURE.into_iter().chain(OTHERS.iter().map(|(entry, _)| *entry));
    let holds = |entry: &&str| module == *entry || module.starts_with(&format!("{entry}::"));
    entries.filter(holds).max_by_key(|entry| entry.len()).unwrap_or_else(|| panic!("no rule for `{module}`"))
}

/// Checks that no module of the entries mentions one of the paths.
fn assert_not_mentioned(paths: &[&str], entries: impl Fn(&str) -> bool) {
    let modules = GRAPH.modules.keys().filter(|module| module.len() > 1);
    for module in modules.filter(|module| entries(entry(&name(module)))) {
        for mentioned in GRAPH.mentioned(module) {
            let mentioned = mentioned.join("::");
            let is_refused = paths.iter().any(|path| mentioned.starts_with(path));
            assert!(!is_refused, "`{}` mentions {mentioned}", name(module));
        }
    }
}

#[test]
fn every_module_has_a_rule() {
    let declared: BTreeSet<_> = GRAPH.modules[&["crate".to_owned()][..]].children.iter().cloned().collect();
    let entries = PURE.into_iter().chain(OTHERS.iter().map(|(entry, _)| *entry));
    let folders = entries.map(|entry| entry.split("::").next().unwrap_or_default().to_owned()).collect();
    assert_eq!(declared, folders);
}

#[test]
fn imports_go_one_way() {
    for module in GRAPH.modules.keys().filter(|module| module.len() > 1) {
        let own = entry(&name(module));
        let allowed = match PURE.iter().position(|pure| *pure == own) {
            Some(at) => PURE[..at].to_vec(),
            None => [&PURE[..], OTHERS.iter().find(|(other, _)| *other == own).unwrap().1].concat(),
        };
        for imported in GRAPH.imports(module) {
            let other = entry(&name(&imported));
            let is_allowed = other == own || allowed.contains(&other);
            assert!(is_allowed, "`{}` imports `{}`, which `{own}` must not", name(module), name(&imported));
        }
    }
}

#[test]
fn no_import_circles_between_files() {
    let circles = GRAPH.circles();
    assert!(circles.is_empty(), "{} import circles:\n\n{}", circles.len(), circles.join("\n\n"));
}

#[test]
fn pure_modules_touch_nothing_outside() {
    assert_not_mentioned(&IMPURE, |entry| PURE.contains(&entry));
}

#[test]
fn only_cli_reads_environment_directory_and_clock() {
    assert_not_mentioned(&FOR_CLI, |entry| entry != "cli");
}
