//! The conversion of a wheel's members to entries of an image.
//!
//! Source: PyPA, "Binary distribution format" (Wheel-Version 1.0), "Recording installed projects",
//! "Entry points specification". Where these leave a choice, carboy follows pip and uv:
//! `integration/differential.rs` compares, and lists the differences.
//!
//! Content stays in the archive, with its hash from RECORD. The writer of the layer verifies it.
//! Only content that is read here is verified here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use super::archive::{Archive, Open};
use super::entry_points;
use super::error::{InvalidWheel, WheelFault};
use super::install_scheme::InstallScheme;
use super::installer::Installer;
use super::name::{WheelName, is_version};
use super::verified::Wheel;
use crate::oci::Digest;
use crate::python::{Interpreter, normalised};
use crate::rootfs::{Content, Entry, RootPath};

/// An installed wheel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Installed {
    /// The name as METADATA has it.
    pub name: String,
    pub version: String,
    /// The files in the image, without directories.
    pub entries: BTreeMap<RootPath, Arc<Entry>>,
    /// The size of the files in bytes.
    pub size: u64,
    /// `Root-Is-Purelib`.
    pub purelib: bool,
    /// The number of compiled files that were left out. Their origin is unknown.
    pub left_out: u64,
    /// The names of the console scripts.
    pub scripts: Vec<String>,
    /// Warnings, in sentences.
    pub warnings: Vec<String>,
    /// The private keys among its files, by their names in the wheel.
    pub private_keys: Vec<String>,
}

impl Installed {
    /// Returns the files below site-packages with names that are UTF-8.
    pub fn modules<'a>(&'a self, interpreter: &Interpreter) -> impl Iterator<Item = &'a str> + Clone {
        let Interpreter { purelib, platlib, .. } = interpreter.clone();
        let prefixes = [purelib, platlib].map(|folder| [folder.as_bytes(), b"/"].concat());
        let below = move |path: &'a RootPath| {
            let rest = prefixes.iter().find_map(|prefix| path.as_bytes().strip_prefix(prefix.as_slice()))?;
            std::str::from_utf8(rest).ok()
        };
        self.entries.keys().filter_map(below)
    }
}

impl fmt::Display for Installed {
    /// Writes name and version: `numpy 2.3.1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.version)
    }
}

/// Installs a wheel as entries of an image with `interpreter`.
///
/// # Errors
/// Returns a fault for a wheel that violates the standard: see [`WheelFault`].
pub fn install(archive: &Archive, interpreter: &Interpreter, open: &mut Open) -> Result<Installed, InvalidWheel> {
    let wheel = || archive.file.name.clone();
    install_checked(archive, interpreter, open).map_err(|fault| InvalidWheel { wheel: wheel(), fault })
}

fn install_checked(archive: &Archive, interpreter: &Interpreter, open: &mut Open) -> Result<Installed, WheelFault> {
    let file = WheelName::parse(&archive.file.name).ok_or(WheelFault::FileName)?;
    let stem = stem(archive, &file)?;
    let mut warnings = Vec::new();
    let mut wheel = Wheel::new(archive, open, format!("{stem}.dist-info"), &mut warnings)?;
    let purelib = wheel.purelib(&mut warnings)?;
    let (name, version) = wheel.identity(&file)?;
    let scripts = match wheel.text("entry_points.txt") {
        Ok(text) => entry_points::scripts(&text)?,
        Err(WheelFault::Missing(_)) => BTreeMap::new(),
        Err(fault) => return Err(fault),
    };
    let scheme = InstallScheme::new(interpreter, purelib, stem, &name);
    let mut installer = Installer { scheme, interpreter, scripts: &scripts, entries: BTreeMap::new(), left_out: 0 };
    for member in &archive.members {
        installer.put(&mut wheel, member)?;
    }
    installer.launchers()?;
    let info = installer.scheme.site.child(wheel.info.as_bytes());
    installer.add(info.child(b"INSTALLER"), Entry::bytes(0o644, *b"carboy\n"), Digest::of(b"carboy\n"))?;
    installer.check()?;
    let record = installer.record(&info.child(b"RECORD"));
    let left_out = installer.left_out;
    let console = scripts.iter().filter(|(_, function)| function.console).map(|(name, _)| name.clone()).collect();
    warnings.extend(sourceless(archive));
    let shared = |(path, (entry, _))| (path, Arc::new(entry));
    let mut entries: BTreeMap<_, _> = installer.entries.into_iter().map(shared).collect();
    entries.insert(info.child(b"RECORD"), Entry::bytes(0o644, record.into_bytes()).into());
    let size = entries.values().filter_map(|entry| entry.content()).map(Content::size).sum();
    Ok(Installed {
        name,
        version,
        entries,
        size,
        purelib,
        left_out,
        scripts: console,
        warnings,
        private_keys: Vec::new(),
    })
}

/// Returns a warning about modules that exist only as compiled files, which are left out. A file in
/// a `__pycache__` is not a module without its source (PEP 3147).
fn sourceless(archive: &Archive) -> Option<String> {
    let names: BTreeSet<_> = archive.members.iter().map(|member| member.name.as_str()).collect();
    let lost = |name: &&&str| {
        let stem = name.strip_suffix(".pyc").filter(|stem| !stem.contains("__pycache__/"));
        stem.is_some_and(|stem| !names.contains(format!("{stem}.py").as_str()))
    };
    let lost: Vec<_> = names.iter().filter(lost).collect();
    let (first, count) = (lost.first()?, lost.len());
    let (modules, are) = if count == 1 { ("module", "is") } else { ("modules", "are") };
    Some(format!(
        "`{}` has {count} {modules} without source, which {are} left out: {first}{}",
        archive.file.name,
        if count > 1 { ", …" } else { "" }
    ))
}

/// Returns the stem `flask-3.1.3` of the only directory `flask-3.1.3.dist-info`, which must match
/// the file name.
fn stem<'a>(archive: &'a Archive, file: &WheelName) -> Result<&'a str, WheelFault> {
    let tops = archive.members.iter().filter_map(|member| Some(member.name.split_once('/')?.0));
    let mut stems: Vec<_> = tops.filter_map(|top| top.strip_suffix(".dist-info")).collect();
    stems.sort_unstable();
    stems.dedup();
    let folders = || stems.iter().map(|stem| format!("{stem}.dist-info"));
    let [stem] = stems.as_slice() else {
        return Err(if stems.is_empty() { WheelFault::NoDistInfo } else { WheelFault::DistInfos(folders().collect()) });
    };
    let is_same = stem.rsplit_once('-').is_some_and(|(name, version)| {
        normalised(name) == normalised(&file.distribution) && is_version(&version.replace('_', "-"), &file.version)
    });
    let other = || WheelFault::OtherFolder {
        folder: format!("{stem}.dist-info"),
        wanted: format!("{} {}", file.distribution, file.version),
    };
    if is_same { Ok(stem) } else { Err(other()) }
}
