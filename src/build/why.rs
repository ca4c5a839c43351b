//! Why a file is in an image: one that would be built, or one that was.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;

use super::error::BuildError;
use super::pull::{self, Image};
use super::reasons::{self, Because, Naming, Reasons};
use super::report::Chain;
use super::run::{Io, Run};
use super::{Decided, application, decide};
use crate::layer::contents;
use crate::oci::{Digest, Location, Platform};
use crate::plan::Plan;
use crate::progress::LayerKind;
use crate::rootfs::{Content, Entry, RootPath, Tree};

/// The most bytes of one layer's reasons that are read.
const REASONS_LIMIT: u64 = 64 << 20;

/// Why a file would be in the image, on each platform that has it. `name` is a path,
/// or the last name of one.
///
/// # Errors
/// What would stop the build; a file that no platform has.
pub async fn why(plan: Plan, io: Io, name: &str) -> Result<Vec<(Platform, Chain)>, BuildError> {
    let run = Arc::new(Run::new(io));
    let plan = Arc::new(plan);
    let app = application::walk(&run, &plan).await?;
    let decided = plan.platforms.iter().map(|platform| decide(&run, &plan, None, platform, app.as_ref()));
    let decided = BuildError::all(join_all(decided).await)?;
    let mut out = Vec::new();
    for Decided { platform, extraction, .. } in &decided {
        let naming =
            Naming { owner: &|path| extraction.owners.get(path).cloned(), purelib: extraction.purelib.as_ref() };
        for path in named(&extraction.image, name) {
            out.push((platform.clone(), extraction.reasons.told(&path, &naming)));
        }
    }
    if out.is_empty() { Err(not_there(decided.iter().map(|decided| &decided.extraction.image), name)) } else { Ok(out) }
}

/// The files that a path, or the last name of one, means.
fn named(tree: &Tree, name: &str) -> Vec<RootPath> {
    if name.contains('/') {
        let path = RootPath::new(name).ok();
        let real = path.and_then(|path| tree.resolve_parent(&path).ok());
        return real.filter(|path| tree.get(path).is_some()).into_iter().collect();
    }
    let is_file = |entry: &Entry| !entry.is_folder();
    let found = tree.iter().filter(|(path, entry)| path.name() == Some(name.as_bytes()) && is_file(entry));
    found.map(|(path, _)| path.clone()).collect()
}

fn not_there<'a>(mut trees: impl Iterator<Item = &'a Tree>, name: &str) -> BuildError {
    let nearest = trees.next().and_then(|tree| {
        let slash = name.contains('/');
        let wanted = if slash { format!("/{}", name.trim_matches('/')) } else { name.to_owned() };
        let last = wanted.rsplit('/').next().unwrap_or_default().to_owned();
        let names = tree.iter().filter(|(_, entry)| !entry.is_folder()).map(|(path, _)| path.to_string());
        let names: Vec<_> = if slash {
            names.collect()
        } else {
            names.filter_map(|path| path.rsplit('/').next().map(str::to_owned)).collect()
        };
        let same = names.iter().find(|path| path.rsplit('/').next() == Some(&last)).cloned();
        same.or_else(|| crate::hint::nearest(&wanted, names.iter().map(String::as_str)).map(str::to_owned))
    });
    BuildError::NoFile { name: name.to_owned(), nearest }
}

/// Why a file is in an image that carboy built, on each of `platforms` that it has.
///
/// # Errors
/// An image that cannot be pulled or was not built by carboy; a file that it lacks.
pub async fn why_image(
    location: &Location,
    image_name: &str,
    platforms: &[Platform],
    io: Io,
    name: &str,
) -> Result<Vec<(Platform, Chain)>, BuildError> {
    let run = Arc::new(Run::new(io));
    let mut images = Vec::new();
    let mut lacking = None;
    for platform in platforms {
        match pull::image(&run, image_name, location, platform).await {
            Ok(image) => images.push((platform.clone(), image)),
            Err(error @ BuildError::Platform { .. }) => lacking = Some(error),
            Err(error) => return Err(error),
        }
    }
    if let Some(error) = lacking.filter(|_| images.is_empty()) {
        return Err(error);
    }
    let mut out = Vec::new();
    for (platform, image) in &images {
        let known = Known::of(&run, image_name, image)?;
        for path in named(&image.tree, name) {
            let reasons = known.reasons_of(&image.tree, &path);
            let naming = Naming { owner: &|path| known.owners.get(path).cloned(), purelib: None };
            out.push((platform.clone(), reasons.told(&path, &naming)));
        }
    }
    if out.is_empty() { Err(not_there(images.iter().map(|(_, image)| &image.tree), name)) } else { Ok(out) }
}

/// What an image tells of itself.
struct Known {
    reasons: Reasons,
    /// Carboy's layers, by blob.
    kinds: BTreeMap<Digest, LayerKind>,
    owners: BTreeMap<RootPath, String>,
}

impl Known {
    fn of(run: &Run, name: &str, image: &Image) -> Result<Self, BuildError> {
        let created_by = image.config.created_by();
        let kinds: BTreeMap<_, _> = created_by
            .iter()
            .zip(&image.layers)
            .filter_map(|(text, layer)| Some((layer.descriptor.digest, LayerKind::of_history(text.as_ref()?)?)))
            .collect();
        if kinds.is_empty() {
            return Err(BuildError::NotOurs(name.to_owned()));
        }
        let mut reasons = Reasons::default();
        for kind in LayerKind::ALL {
            let path = reasons::file(kind);
            let Some((_, entry)) = image.tree.follow(&path) else { continue };
            let Some(content) = entry.content() else { continue };
            let error = |cause: &str| BuildError::Read { path: path.to_string(), cause: cause.to_owned() };
            let text = contents::read(content, run.tars.as_ref(), REASONS_LIMIT);
            let text = text.map_err(|cause| error(&cause.to_string()))?;
            if !reasons.read(kind, &text) {
                return Err(error("it was written by another version of carboy"));
            }
        }
        Ok(Self { reasons, kinds, owners: BTreeMap::new() })
    }

    /// The reasons, with that of the chain's last file where only its layer tells it.
    fn reasons_of(&self, tree: &Tree, path: &RootPath) -> Reasons {
        let mut reasons = self.reasons.clone();
        let last = reasons.chain(path).pop().unwrap_or_else(|| path.clone());
        if reasons.get(&last).is_some() {
            return reasons;
        }
        let file = tree.follow(&last).map(|(_, entry)| entry);
        let kind = file.and_then(Entry::content).and_then(|content| match content {
            Content::Layer { blob, .. } => self.kinds.get(blob).copied(),
            Content::Bytes(_) | Content::Local(_) => None,
        });
        if let Some(kind) = kind {
            reasons.note(last, kind, because(kind));
        }
        reasons
    }
}

/// What brought in the files of a layer that keeps no reason for them.
fn because(kind: LayerKind) -> Because {
    match kind {
        LayerKind::Runtime | LayerKind::Libraries => Because::Python,
        LayerKind::Dependencies => Because::Dependency,
        LayerKind::Application => Because::Application,
    }
}
