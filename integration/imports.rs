//! Holds the rules of who imports whom (see the library's documentation).

#![expect(clippy::unwrap_used, reason = "a test that cannot read the source has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Pure modules: each may import itself and those before it.
const PURE: [&str; 15] = [
    "printable",
    "hint",
    "oci",
    "diagnostic",
    "rootfs",
    "elf",
    "glibc",
    "package_db",
    "debian",
    "python",
    "config",
    "plan",
    "image",
    "compose",
    "docs",
];
/// What the others may import beside the pure ones and themselves.
const OTHERS: [(&str, &[&str]); 15] = [
    ("layer", &[]),
    ("progress", &[]),
    ("once_map", &[]),
    ("cpu_pool", &[]),
    ("operation_error", &[]),
    ("repository", &["progress", "operation_error"]),
    ("http", &["progress", "operation_error", "repository"]),
    ("store", &["progress", "operation_error", "repository"]),
    ("source", &["operation_error", "store"]),
    ("bytecode", &["operation_error", "store"]),
    ("registry", &["progress", "operation_error", "repository", "http"]),
    ("wheels", &["progress", "once_map", "cpu_pool", "operation_error", "http", "store", "source"]),
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
            "assemble",
            "ui",
        ],
    ),
];
/// What pure modules must not mention: files, network, clock, environment.
const IMPURE: [&str; 7] = ["std::fs", "fs_err", "std::net", "std::env", "SystemTime", "Instant::now", "tokio::"];
/// What only `cli` may mention.
const FOR_CLI: [&str; 5] = ["std::env::var", "env::current_dir", "std::env::args", "Timestamp::now", "SystemTime::now"];

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every file of a module with its text, comments and tests left out.
fn files(module: &str) -> Vec<(PathBuf, String)> {
    let mut open = vec![source().join(module), source().join(format!("{module}.rs"))];
    let mut out = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.exists()
            && path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("tests.rs")
        {
            let text = fs::read_to_string(&path).unwrap();
            // Tests come last, in a module.
            let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            let code = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>();
            out.push((path, code.join("\n")));
        }
    }
    assert!(!out.is_empty(), "no module {module}");
    out
}

/// The modules of this crate that code names: `crate::NAME`.
fn imported(code: &str) -> BTreeSet<String> {
    let name =
        |rest: &str| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default().to_owned();
    assert!(!code.contains("crate::{"), "a list of modules, which this test does not read");
    code.split("crate::").skip(1).map(name).filter(|name| !name.is_empty()).collect()
}

#[test]
fn every_module_is_known() {
    let text = fs::read_to_string(source().join("lib.rs")).unwrap();
    let declared: BTreeSet<_> =
        text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).map(str::to_owned).collect();
    let known = PURE.iter().copied().chain(OTHERS.iter().map(|(name, _)| *name)).map(str::to_owned).collect();
    assert_eq!(declared, known);
}

#[test]
fn imports_go_one_way() {
    let pure = PURE.iter().enumerate().map(|(at, module)| (*module, PURE[..at].to_vec()));
    let others = OTHERS.iter().map(|(module, more)| (*module, [&PURE[..], more].concat()));
    for (module, allowed) in pure.chain(others) {
        for (path, code) in files(module) {
            for name in imported(&code) {
                let fine = name == module || allowed.contains(&name.as_str());
                assert!(fine, "{} imports `{name}`, which `{module}` must not", path.display());
            }
        }
    }
}

#[test]
fn pure_modules_touch_nothing_outside() {
    for module in PURE {
        for (path, code) in files(module) {
            for word in IMPURE {
                assert!(!code.contains(word), "{} mentions {word}", path.display());
            }
        }
    }
}

#[test]
fn only_cli_reads_environment_directory_and_clock() {
    for (module, _) in OTHERS.iter().filter(|(module, _)| *module != "cli") {
        for (path, code) in files(module) {
            for word in FOR_CLI {
                assert!(!code.contains(word), "{} mentions {word}", path.display());
            }
        }
    }
}
