//! The differences between the platforms of an image in their files and missing libraries. Pure.
//!
//! Paths are compared without their architecture.

use std::collections::{BTreeMap, BTreeSet};

use super::arch_neutral::neutral;
use super::extracted_files::{library, name, names};
use super::text::{count, wrapped};
use crate::assemble::report::{PlatformPreview, TakenFile};
use crate::printable::one_line;

/// Returns a paragraph with the differences, or a line that there are none; nothing for a single
/// platform.
#[must_use]
pub fn differences(platforms: &[PlatformPreview], width: usize) -> Option<String> {
    if platforms.len() < 2 {
        return None;
    }
    let facts: Vec<_> = platforms.iter().map(PlatformFacts::of).collect();
    let all: Vec<_> = facts.iter().collect();
    let mut lines = versions(&all, width);
    for (at, one) in facts.iter().enumerate() {
        let others: Vec<_> = facts.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, fact)| fact).collect();
        lines.extend(one.alone(&others, width));
    }
    let names: Vec<_> = facts.iter().map(|fact| fact.platform.as_str()).collect();
    let names = one_line(&names.join(" and "));
    if lines.is_empty() {
        return Some(wrapped(&format!("{names}:"), ["the same packages and libraries".to_owned()], width));
    }
    lines.insert(0, format!("{names} differ:"));
    Some(lines.join("\n"))
}

/// The parts of a platform that are compared.
struct PlatformFacts<'a> {
    platform: String,
    python: Option<&'a str>,
    /// Versions by package.
    packages: BTreeMap<&'a str, &'a str>,
    /// Libraries, with their packages.
    libraries: BTreeMap<String, Option<&'a str>>,
    /// Paths of other files.
    files: BTreeSet<String>,
    missing: BTreeSet<&'a str>,
}

impl<'a> PlatformFacts<'a> {
    fn of(preview: &'a PlatformPreview) -> Self {
        let mut facts = Self {
            platform: preview.platform.to_string(),
            python: preview.python.as_deref(),
            packages: BTreeMap::new(),
            libraries: BTreeMap::new(),
            files: BTreeSet::new(),
            missing: preview.missing.iter().map(|missing| missing.soname.as_str()).collect(),
        };
        for group in &preview.groups {
            let package = group.package.as_deref();
            if let Some((package, version)) = package.and_then(|package| package.rsplit_once(' ')) {
                facts.packages.insert(package, version);
            }
            let path = |file: &TakenFile| neutral(&file.path, &preview.platform);
            let (libraries, others): (Vec<_>, Vec<_>) =
                group.files.iter().map(path).partition(|path| library(path).is_some());
            facts.libraries.extend(names(libraries).into_iter().map(|library| (library, name(package))));
            facts.files.extend(others);
        }
        facts
    }

    /// The parts that no other platform has.
    fn alone(&self, others: &[&Self], width: usize) -> Vec<String> {
        let mut lines = Vec::new();
        let is_new = |package: &str| !others.iter().any(|other| other.packages.contains_key(package));
        let libraries: Vec<_> = self
            .libraries
            .iter()
            .filter(|(library, _)| !others.iter().any(|other| other.libraries.contains_key(*library)))
            .collect();
        let mut items = Vec::new();
        for (package, version) in self.packages.iter().filter(|(package, _)| is_new(package)) {
            let of_package = libraries.iter().filter(|(_, owner)| **owner == Some(*package));
            let libraries: Vec<_> = of_package.map(|(library, _)| library.as_str()).collect();
            let libraries = if libraries.is_empty() { String::new() } else { format!(" ({})", libraries.join(", ")) };
            items.push(format!("{package} {version}{libraries}"));
        }
        let told = |owner: Option<&str>| owner.is_some_and(is_new);
        items.extend(libraries.iter().filter(|(_, owner)| !told(**owner)).map(|(library, _)| (*library).clone()));
        let files = self.files.iter().filter(|path| !others.iter().any(|other| other.files.contains(*path))).count();
        if files > 0 {
            items.push(count(files as u64, "file that is not a library", "files that are not libraries"));
        }
        if !items.is_empty() {
            lines.push(wrapped(&format!("  only on {}:", self.platform), items, width));
        }
        let missing = self.missing.iter().filter(|soname| !others.iter().any(|other| other.missing.contains(*soname)));
        let missing: Vec<_> = missing.map(|soname| (*soname).to_owned()).collect();
        if !missing.is_empty() {
            lines.push(wrapped(&format!("  not available only on {}:", self.platform), missing, width));
        }
        lines
    }
}

/// `zlib1g: 1:1.3-1 (linux/amd64), 1:1.3-1+b1 (linux/arm64)`
fn versions(all: &[&PlatformFacts], width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = |what: &str, versions: Vec<(&str, &str)>| {
        let distinct: BTreeSet<_> = versions.iter().map(|(version, _)| version).collect();
        if distinct.len() > 1 {
            let items = versions.iter().map(|(version, platform)| format!("{version} ({platform})"));
            lines.push(wrapped(&format!("  {what}:"), items, width));
        }
    };
    line("Python", all.iter().filter_map(|fact| Some((fact.python?, fact.platform.as_str()))).collect());
    let packages: BTreeSet<_> = all.iter().flat_map(|fact| fact.packages.keys()).collect();
    for package in packages {
        let of_all = all.iter().filter_map(|fact| Some((*fact.packages.get(package)?, fact.platform.as_str())));
        line(package, of_all.collect());
    }
    lines
}
