//! The dependencies stage: site-packages, and the shared libraries that only site-packages need.

use std::collections::BTreeMap;

use super::compose_stage::compose_stage;
use super::contents::Result;
use super::context::Context;
use super::draft::Draft;
use super::reasons::Because;
use super::site_packages;
use super::stage::{InstalledDistribution, Stage, StageResult};
use crate::diagnostic::{Code, Diagnostic, some_of};
use crate::image::{LayerId, LayerKind, Part};
use crate::oci::Digest;
use crate::plan::LayerSplit;
use crate::python::wheel::Installed;
use crate::rootfs::{Content, Entry, RootPath, Walk};

/// The most duplicate files that a warning names.
const LISTED: usize = 4;

/// The content of site-packages.
pub enum SitePackages {
    None,
    /// A directory as an installer left it.
    Directory(Walk),
    Distributions(Vec<Installed>),
}

/// Adds site-packages. Libraries that only dependencies need have a layer of their own.
///
/// # Errors
/// Files that cannot be read or put in place.
pub fn dependencies(cx: &Context, below: &Stage, key: Digest, site: &SitePackages) -> StageResult {
    compose_stage(cx, below, key, |draft| {
        let placed = match (site, &cx.interpreter) {
            (SitePackages::Directory(walk), Some(interpreter)) => {
                let rest = LayerId::from(LayerKind::Dependencies);
                let entries = site_packages::place(walk, interpreter, cx.contents.as_ref())?;
                let put = |(path, entry)| draft.put_into(&rest, &path, entry, Because::Dependency);
                entries.into_iter().map(put).collect::<Result<Vec<_>>>()?
            }
            (SitePackages::Distributions(all), Some(_)) => draft.add_distributions(all)?,
            _ => Vec::new(),
        };
        draft.take_needed_by_files(LayerKind::Libraries, &placed)
    })
}

/// Returns a warning about private keys: everyone who can pull the image can read them.
#[must_use]
pub fn private_key_warning(origin: &str, keys: &[String]) -> Option<Diagnostic> {
    let noun = if keys.len() == 1 { "a private key" } else { "private keys" };
    let message = format!("{origin} adds {noun} to the image: {}", some_of(keys, LISTED));
    (!keys.is_empty()).then(|| Diagnostic::warning(Code::PrivateKey, message))
}

impl Draft<'_> {
    fn add_distributions(&mut self, all: &[Installed]) -> Result<Vec<RootPath>> {
        for warning in all.iter().flat_map(|installed| &installed.warnings) {
            self.warn(Code::WheelOddity, warning);
        }
        let layers = layers(all, self.cx.plan.split);
        let private_keys = all.iter().filter_map(|one| private_key_warning(&one.to_string(), &one.private_keys));
        self.changes.facts.diagnostics.extend(private_keys);
        self.changes.facts.diagnostics.extend(duplicates(&layers));
        let mut placed = Vec::new();
        for (layer, installed) in layers {
            let mut files = Vec::new();
            for (path, entry) in &installed.entries {
                let put = self.put_into(&layer, path, entry.clone(), Because::Dependency);
                files.push(put.map_err(|error| conflict(installed, error))?);
            }
            placed.extend(files.iter().cloned());
            self.changes.facts.distributions.push(InstalledDistribution {
                name: installed.name.clone(),
                version: installed.version.clone(),
                wheel: installed.entries.values().find_map(|entry| wheel(entry)),
                files,
            });
        }
        Ok(placed)
    }
}

/// Returns the digest of the wheel that a file comes from.
fn wheel(entry: &Entry) -> Option<Digest> {
    match entry.content()? {
        Content::ZipEntry(member) => Some(member.archive.digest),
        _ => None,
    }
}

/// Adds the distribution's name to the error of a file that cannot be put in place.
fn conflict(installed: &Installed, error: Box<Diagnostic>) -> Box<Diagnostic> {
    let hint = "another distribution has a file where this one has a directory, or the reverse: leave one of them out";
    let hint = if error.code == Code::PathConflict { Some(hint.to_owned()) } else { error.hint.clone() };
    let causes = std::iter::once(error.message.clone()).chain(error.causes.clone()).collect();
    let message = format!("cannot install {installed}");
    Box::new(Diagnostic { message, hint, causes, ..*error }.distribution(installed.to_string()))
}

/// Assigns a layer to each distribution, in the image's order: large distributions by name, then
/// the others.
fn layers(all: &[Installed], split: LayerSplit) -> Vec<(LayerId, &Installed)> {
    let mut large: Vec<_> = all.iter().filter(|installed| installed.size >= split.size).collect();
    large.sort_by_key(|installed| (std::cmp::Reverse(installed.size), &installed.name));
    large.truncate(split.max);
    let layer = |installed: &Installed| {
        let alone = large.iter().any(|other| other.name == installed.name);
        let part = if alone { Part::Distribution(installed.to_string()) } else { Part::Rest };
        LayerId { kind: LayerKind::Dependencies, part }
    };
    let mut out: Vec<_> = all.iter().map(|installed| (layer(installed), installed)).collect();
    out.sort_by(|one, other| (&one.0, &one.1.name).cmp(&(&other.0, &other.1.name)));
    out
}

/// Warns about files that several distributions have: the last distribution in the image's order
/// wins.
fn duplicates(layers: &[(LayerId, &Installed)]) -> Vec<Diagnostic> {
    let mut files: Vec<(&RootPath, &Installed, &Entry)> = Vec::new();
    for (_, installed) in layers {
        files.extend(installed.entries.iter().map(|(path, entry)| (path, *installed, entry.as_ref())));
    }
    files.sort_by_key(|(path, ..)| *path); // the winner of a path stays last
    let mut found: BTreeMap<(Vec<String>, bool), Vec<String>> = BTreeMap::new();
    for owners in files.chunk_by(|one, other| one.0 == other.0).filter(|owners| owners.len() > 1) {
        let alike = owners.iter().all(|(.., entry)| same_content(entry, owners[0].2));
        let names = owners.iter().map(|(_, installed, _)| installed.to_string()).collect();
        found.entry((names, alike)).or_default().push(owners[0].0.to_string());
    }
    let warning = |((names, alike), paths): ((Vec<String>, bool), Vec<String>)| {
        let (count, paths) = (paths.len(), some_of(&paths, LISTED));
        let files = if count == 1 { "file" } else { "files" };
        let end = match names.last() {
            Some(last) if !alike => format!("carboy uses the content of {last}"),
            _ => "with the same content".to_owned(),
        };
        let message = format!("{} have {count} {files} in common, {end}: {paths}", names.join(" and "));
        Diagnostic::warning(Code::DuplicateFile, message)
    };
    found.into_iter().map(warning).collect()
}

fn same_content(one: &Entry, other: &Entry) -> bool {
    let digest = |entry: &Entry| entry.content().and_then(Content::digest);
    digest(one).is_some() && digest(one) == digest(other)
}
