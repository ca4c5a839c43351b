//! Tests that the reference names, in columns headed `Test`: `TARGET::FUNCTION`, where the target
//! is a file of `integration/`, or `lib` for unit tests.

use std::fs;
use std::path::{Path, PathBuf};

use carboy::docs::markdown::{Block, parse, plain};

use crate::documents;
use crate::support::root;

/// All tests that are named, each with its document.
fn named() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (document, text) in documents() {
        for block in parse(&text) {
            let Block::Table { rows } = block else { continue };
            let Some(column) = rows[0].iter().position(|cell| plain(cell) == "Test") else { continue };
            for cell in rows.iter().skip(1).map(|row| plain(&row[column])) {
                all.extend(cell.split(", ").map(|name| (document.clone(), name.to_owned())));
            }
        }
    }
    all
}

/// The text of the Rust files below a folder.
fn sources(folder: &Path) -> String {
    let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
    let text = |path: PathBuf| match path.extension() {
        _ if path.is_dir() => sources(&path),
        Some(end) if end == "rs" => fs::read_to_string(path).unwrap(),
        _ => String::new(),
    };
    entries.map(text).collect()
}

fn exists(name: &str) -> bool {
    let Some((target, function)) = name.split_once("::") else { return false };
    let text = if target == "lib" {
        sources(&root().join("src"))
    } else {
        let folder = root().join("integration").join(target);
        sources(&folder) + &fs::read_to_string(folder.with_extension("rs")).unwrap_or_default()
    };
    text.contains(&format!("fn {}(", function.rsplit("::").next().unwrap_or_default()))
}

#[test]
fn tests_that_the_reference_names_exist() {
    let all = named();
    assert!(!all.is_empty());
    let absent: Vec<_> = all.iter().filter(|(_, name)| !exists(name)).collect();
    assert!(absent.is_empty(), "no such tests: {absent:#?}");
    assert!(!exists("servers::no_such_test") && !exists("no_such_target::open") && !exists("open"));
}
