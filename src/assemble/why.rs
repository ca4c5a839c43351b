//! `carboy why`: the reasons for files of a planned or of a finished image.

mod chain;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use chain::{Naming, chain};

use super::compose_image::ComposedImage;
use super::compose_images::compose_images;
use super::context::{Context, Io};
use super::error::BuildError;
use super::publish::missing;
use super::pull::{self, Image};
use super::report::{LeftOut, LeftOutPath, PlatformWhy, StaysBehind, Why};
use crate::compose::{self, Changes, Contents as _, Reasons};
use crate::debian::Dpkg;
use crate::image::LayerKind;
use crate::oci::{Digest, Location, Platform};
use crate::package_db::{FileOwners, PackageDatabase as _};
use crate::plan::{Plan, join};
use crate::python::{Distributions, Interpreter};
use crate::rootfs::{Entry, Limits, RootPath, Tree};

/// The most bytes of one layer's reasons that are read.
const REASONS_LIMIT: u64 = 64 << 20;
/// The rule that `include` does not beat.
const OUTPUTS: &str = "carboy's cache and target";

/// Explains why a file would be in the image, on each platform of each plan. `name` is a path or
/// the end of one.
///
/// # Errors
/// Errors that would stop the build; a name that matches no file and no missing library.
pub async fn why(plans: Vec<Plan>, io: Io, name: &str) -> Result<Vec<Why>, BuildError> {
    Context::over(plans, io, |cx, plans| async move { why_in(&cx, plans, name).await }).await
}

async fn why_in(cx: &Arc<Context>, plans: Vec<Arc<Plan>>, name: &str) -> Result<Vec<Why>, BuildError> {
    let mut out = Vec::new();
    let mut first = None;
    for plan in plans {
        let (composed, left_out) = compose_images(cx, &plan, &Arc::default()).await?;
        let mut platforms = Vec::new();
        for image in &composed {
            let tree = tree_of(cx, image).await?;
            platforms.push(would_be(cx, image, &tree, name)?);
            first.get_or_insert(tree);
        }
        let left_out = left_out_named(&left_out, &plan, name);
        out.push(Why { profile: plan.profile.clone(), left_out, platforms });
    }
    if out.iter().all(is_empty) { Err(not_there(first.as_ref(), name)) } else { Ok(out) }
}

/// Returns the tree that a container of a composed image would see.
async fn tree_of(cx: &Arc<Context>, image: &ComposedImage) -> Result<Tree, BuildError> {
    let mut tree = Tree::clone(&image.base.files(cx).await?.tree);
    for (path, entry) in image.changes()?.iter().flat_map(Changes::entries) {
        tree.insert(path.clone(), entry.clone());
    }
    Ok(tree)
}

fn would_be(cx: &Context, image: &ComposedImage, tree: &Tree, name: &str) -> Result<PlatformWhy, BuildError> {
    let interpreter = image.python.as_ref().map(|python| &python.interpreter);
    let purelib = interpreter.map(|interpreter| &interpreter.purelib);
    let owners = Owned::of(cx, tree, purelib)?;
    let naming = Naming { owner: &|path| owners.name(path), purelib };
    let reasons = Changes::reasons_of(image.changes()?);
    let last = name.rsplit('/').next();
    let missing = missing(&image.summary).into_iter();
    Ok(PlatformWhy {
        platform: image.build.platform.clone(),
        files: named(tree, name).iter().map(|path| chain(&reasons, path, &naming, |_| None)).collect(),
        missing: missing.filter(|missing| last == Some(&missing.soname)).collect(),
    })
}

/// The packages and distributions that own files of an image, by its own records.
struct Owned<'a> {
    tree: &'a Tree,
    packages: FileOwners,
    distributions: Distributions,
}

impl<'a> Owned<'a> {
    fn of(cx: &Context, tree: &'a Tree, purelib: Option<&RootPath>) -> Result<Self, BuildError> {
        let contents = cx.tars.as_ref();
        let packages = Dpkg::owners(tree, &mut compose::reader(tree, contents))?;
        let distributions =
            compose::distributions(tree, purelib.map(std::slice::from_ref).unwrap_or_default(), contents);
        Ok(Self { tree, packages, distributions })
    }

    /// Returns the owner of a file: `numpy 2.3.1` or `zlib1g 1:1.2.13.dfsg-1`. The owner of a link
    /// is the owner of its target: dpkg's lists of checksums have no links.
    fn name(&self, path: &RootPath) -> Option<String> {
        if let Some(distribution) = self.distributions.owner(path) {
            return Some(distribution.to_string());
        }
        let real = || self.packages.of(&self.tree.resolve(path).ok()?);
        self.packages.of(path).or_else(real).map(|package| format!("{} {}", package.name, package.version))
    }
}

/// Returns the left-out files that match a path or the end of one, in the project or in the image,
/// and the left-out directories that hold it.
fn left_out_named(left_out: &LeftOut, plan: &Plan, name: &str) -> Vec<StaysBehind> {
    let (name, app) = (name.trim_end_matches('/'), plan.app.as_ref());
    let local = app.and_then(|app| {
        let below = name.strip_prefix(app.to.to_string().trim_end_matches('/'))?.strip_prefix('/')?;
        Some(join(&app.source, Path::new(below)).display().to_string())
    });
    let name = local.as_deref().unwrap_or(name);
    let end = format!("/{name}");
    let is_named = |one: &&LeftOutPath| {
        let path = one.path.trim_end_matches('/');
        path == name
            || local.is_none() && path.ends_with(&end)
            || one.path.ends_with('/') && name.starts_with(&one.path)
    };
    let is_copied = |one: &LeftOutPath| plan.copies.iter().any(|copy| Path::new(&one.path).starts_with(&copy.from));
    let told = |one: &LeftOutPath| StaysBehind {
        path: one.path.clone(),
        rule: one.rule.clone(),
        include: app.filter(|_| !is_copied(one)).and_then(|app| include(&app.source, one)),
    };
    left_out.paths.iter().filter(is_named).map(told).collect()
}

/// Returns the glob of `include` that brings a left-out path of the application in.
fn include(source: &Path, one: &LeftOutPath) -> Option<String> {
    let is_top = source == Path::new(".") || source.as_os_str().is_empty();
    let path = if is_top { Path::new(&one.path) } else { Path::new(&one.path).strip_prefix(source).ok()? };
    let path = path.to_str()?.trim_end_matches('/');
    let is_glob = path.contains(['*', '?', '[', '{', '\\']);
    let everything = if one.path.ends_with('/') { "/**" } else { "" };
    (!is_glob && one.rule != OUTPUTS).then(|| format!("{path}{everything}"))
}

fn is_empty(why: &Why) -> bool {
    why.left_out.is_empty()
        && why.platforms.iter().all(|platform| platform.files.is_empty() && platform.missing.is_empty())
}

/// Returns the files that match a path or the end of one: `libz.so.1`, `numpy/__init__.py`. Leaves
/// out directories: they are in the image for their files.
fn named(tree: &Tree, name: &str) -> Vec<RootPath> {
    let is_file = |entry: &Entry| !entry.is_folder();
    if name.contains('/') {
        let path = RootPath::new(name).ok();
        let real = path.and_then(|path| tree.resolve_parent(&path).ok());
        if let Some(path) = real.filter(|path| tree.get(path).is_some_and(is_file)) {
            return vec![path];
        }
    }
    let end = format!("/{name}");
    let found = tree.iter().filter(|(path, entry)| path.as_bytes().ends_with(end.as_bytes()) && is_file(entry));
    found.map(|(path, _)| path.clone()).collect()
}

/// Makes the error for a name that matches no file, with the nearest file: one in the directory of
/// that name, one with the same last name, or one with a similar name.
fn not_there(tree: Option<&Tree>, name: &str) -> BuildError {
    let nearest = tree.and_then(|tree| {
        let is_path = name.contains('/');
        let wanted = if is_path { format!("/{}", name.trim_matches('/')) } else { name.to_owned() };
        let files = || tree.iter().filter(|(_, entry)| !entry.is_folder()).map(|(path, _)| path.to_string());
        let within = format!("{wanted}/");
        let inside = || files().find(|path| is_path && path.starts_with(&within));
        let same = || {
            let shared =
                |path: &str| path.rsplit('/').zip(wanted.rsplit('/')).take_while(|(one, two)| one == two).count();
            let named: Vec<_> = files().filter(|path| is_path && shared(path) > 0).collect();
            let alone = named.len() == 1;
            named.into_iter().max_by_key(|path| shared(path)).filter(|path| alone || shared(path) > 1)
        };
        let alike = || {
            let shown = |path: String| if is_path { path } else { path.rsplit('/').next().unwrap_or(&path).to_owned() };
            // Suggests other versions of a library, not other libraries.
            let stem = |name: &str| name.split_once(".so").map_or(name, |(stem, _)| stem).to_owned();
            let meant = stem(&wanted);
            let most = if meant.len() > 4 { 2 } else { 1 };
            let near = |name: &String| strsim::damerau_levenshtein(&meant, &stem(name)) <= most;
            files().map(shown).filter(near).min_by_key(|name| strsim::damerau_levenshtein(&wanted, name))
        };
        inside().or_else(same).or_else(alike)
    });
    BuildError::NoFile { name: name.to_owned(), nearest }
}

/// A finished image and its name.
#[derive(Clone, Copy)]
pub struct NamedImage<'a> {
    pub name: &'a str,
    pub location: &'a Location,
    /// The platforms to explain. Those that the image does not have are skipped.
    pub platforms: &'a [Platform],
}

/// Explains why a file is in an image that carboy built, on each platform.
///
/// # Errors
/// An image that cannot be pulled or was not built by carboy; a file that it lacks.
pub async fn why_image(image: NamedImage<'_>, limits: Limits, io: Io, name: &str) -> Result<Why, BuildError> {
    Context::recovering(io, limits, |cx| async move { why_image_in(&cx, image, name).await }).await
}

async fn why_image_in(cx: &Arc<Context>, named_image: NamedImage<'_>, name: &str) -> Result<Why, BuildError> {
    let mut images = Vec::new();
    let mut no_platform = None;
    for platform in named_image.platforms {
        match pull::image(cx, named_image.name, named_image.location, platform).await {
            Ok(image) => images.push((platform.clone(), image)),
            Err(error @ BuildError::Platform { .. }) => no_platform = Some(error),
            Err(error) => return Err(error),
        }
    }
    if let Some(error) = no_platform.filter(|_| images.is_empty()) {
        return Err(error);
    }
    let mut out = Vec::new();
    let mut first = None;
    for (platform, image) in &images {
        let tree = image.files(cx).await?.tree;
        let described = Described::of(cx, image, &tree)?;
        let owners = Owned::of(cx, &tree, described.purelib.as_ref())?;
        let naming = Naming { owner: &|path| owners.name(path), purelib: described.purelib.as_ref() };
        let layer_of = |path: &RootPath| described.layer_of(&tree, path);
        let files = named(&tree, name).iter().map(|path| chain(&described.reasons, path, &naming, layer_of)).collect();
        out.push(PlatformWhy { platform: platform.clone(), files, missing: Vec::new() });
        first.get_or_insert(tree);
    }
    let why = Why { profile: None, left_out: Vec::new(), platforms: out };
    if is_empty(&why) { Err(not_there(first.as_deref(), name)) } else { Ok(why) }
}

/// The facts that a finished image records about itself.
struct Described {
    reasons: Reasons,
    /// Carboy's layers, by blob.
    kinds: BTreeMap<Digest, LayerKind>,
    /// The site-packages directory, in an image with Python.
    purelib: Option<RootPath>,
}

impl Described {
    fn of(cx: &Context, image: &Image, tree: &Tree) -> Result<Self, BuildError> {
        let created_by = image.config.created_by();
        let kinds: BTreeMap<_, _> = created_by
            .iter()
            .zip(&image.layers)
            .filter_map(|(text, layer)| Some((layer.digest, LayerKind::of_history(text.as_ref()?)?)))
            .collect();
        if kinds.is_empty() {
            return Err(BuildError::NotOurs(image.name.clone()));
        }
        let mut reasons = Reasons::default();
        for kind in LayerKind::ALL {
            let path = compose::reason_file(kind);
            let Some((_, entry)) = tree.follow(&path) else { continue };
            let Some(content) = entry.content() else { continue };
            let text = cx.tars.read(content, REASONS_LIMIT);
            let text = text.map_err(|cause| BuildError::read(&path, cause))?;
            if !reasons.read(kind, &text) {
                return Err(BuildError::read(&path, "it was written by another version of carboy"));
            }
        }
        let interpreter = Interpreter::find(tree, &image.config.env(), None).ok();
        let purelib = interpreter.map(|found| found.purelib);
        Ok(Self { reasons, kinds, purelib })
    }

    /// Returns carboy's layer that a file is in; none for the base's layers.
    fn layer_of(&self, tree: &Tree, path: &RootPath) -> Option<LayerKind> {
        let (_, entry) = tree.follow(path)?;
        self.kinds.get(entry.content()?.blob()?).copied()
    }
}
