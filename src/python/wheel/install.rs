//! From a wheel's members to entries of an image.
//!
//! Source: PyPA, "Binary distribution format" (Wheel-Version 1.0), "Recording installed
//! projects", "Entry points specification". Where they leave a choice, as pip and uv
//! have it: `integration/differential.rs` compares, and tells the differences.
//!
//! Content stays in the archive, under the hash that RECORD has for it: whoever writes
//! it into a layer compares. Only what is read here is compared here.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry::{Occupied, Vacant};
use std::io::{self, Read};
use std::sync::Arc;

use pep440_rs::Version;

use super::entry_points::{self, Function};
use super::error::{WheelError, WheelFault};
use super::hashes::{self, Comparison, Told};
use super::places::{Place, Places};
use super::{Archive, RawMember, WheelName};
use crate::oci::Digest;
use crate::python::distribution::header;
use crate::python::lock::Hash;
use crate::python::{Interpreter, normalised, record};
use crate::rootfs::path::nested;
use crate::rootfs::{Content, Entry, Kind, Meta, RootPath};

/// The most bytes of metadata (which hold a project's whole README) and of scripts.
const TEXT_LIMIT: u64 = 16 << 20;
/// The most bytes of a RECORD: 200,000 lines.
const RECORD_LIMIT: u64 = 64 << 20;
/// The most bytes that follow `#!` (execve(2), since Linux 5.1).
const SHEBANG: usize = 255;

/// How scripts begin that any Python shall run (`#!pythonw` too).
const PYTHON: &[u8] = b"#!python";

/// Opens a member's content, which is compared with the archive's own checksum.
pub type Open<'a> = dyn FnMut(&RawMember) -> io::Result<Box<dyn Read>> + 'a;

/// A wheel as it is installed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Installed {
    /// As METADATA has it.
    pub name: String,
    pub version: String,
    /// Its files, in the image. No folders.
    pub entries: BTreeMap<RootPath, Entry>,
    /// Their size in bytes.
    pub size: u64,
    /// `Root-Is-Purelib`.
    pub purelib: bool,
    /// How many compiled files, of unknown origin, were left out.
    pub left_out: u64,
    /// What is odd, in sentences.
    pub warnings: Vec<String>,
}

/// Installs a wheel: entries of an image that has `interpreter`.
///
/// # Errors
/// A wheel that is not as the standard says: see [`WheelFault`].
pub fn install(archive: &Archive, interpreter: &Interpreter, open: &mut Open) -> Result<Installed, WheelError> {
    let wheel = || archive.name.clone();
    install_checked(archive, interpreter, open).map_err(|fault| WheelError { wheel: wheel(), fault })
}

fn install_checked(archive: &Archive, interpreter: &Interpreter, open: &mut Open) -> Result<Installed, WheelFault> {
    let file = WheelName::parse(&archive.name).ok_or(WheelFault::FileName)?;
    let stem = stem(archive, &file)?;
    let mut wheel = Wheel::new(archive, open, format!("{stem}.dist-info"))?;
    let mut warnings = Vec::new();
    let purelib = wheel.purelib(&mut warnings)?;
    let (name, version) = wheel.identity(&file)?;
    let scripts = match wheel.text("entry_points.txt") {
        Ok(text) => entry_points::scripts(&text)?,
        Err(WheelFault::Missing(_)) => BTreeMap::new(),
        Err(fault) => return Err(fault),
    };
    let places = Places::new(interpreter, purelib, stem, &name);
    let mut placing = Placing { places, interpreter, scripts: &scripts, entries: BTreeMap::new(), left_out: 0 };
    for member in &archive.members {
        placing.put(&mut wheel, member)?;
    }
    placing.launchers()?;
    let info = placing.places.site.child(wheel.info.as_bytes());
    placing.add(info.child(b"INSTALLER"), Entry::bytes(0o644, *b"carboy\n"), Digest::of(b"carboy\n"))?;
    placing.check()?;
    let record = placing.record(&info.child(b"RECORD"));
    let left_out = placing.left_out;
    let mut entries: BTreeMap<_, _> = placing.entries.into_iter().map(|(path, (entry, _))| (path, entry)).collect();
    entries.insert(info.child(b"RECORD"), Entry::bytes(0o644, record.into_bytes()));
    let size = entries.values().filter_map(Entry::content).map(Content::size).sum();
    Ok(Installed { name, version, entries, size, purelib, left_out, warnings })
}

/// `flask-3.1.3` of the one `flask-3.1.3.dist-info`, which is the file name's.
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

fn is_version(text: &str, want: &Version) -> bool {
    text.parse::<Version>().is_ok_and(|version| version == *want)
}

/// A wheel whose RECORD agrees with its members.
struct Wheel<'a, 'o> {
    archive: &'a Archive,
    open: &'a mut Open<'o>,
    members: BTreeMap<&'a str, &'a RawMember>,
    told: BTreeMap<String, Told>,
    /// `flask-3.1.3.dist-info`.
    info: String,
}

impl<'a, 'o> Wheel<'a, 'o> {
    fn new(archive: &'a Archive, open: &'a mut Open<'o>, info: String) -> Result<Self, WheelFault> {
        let members = archive.members.iter().map(|member| (member.name.as_str(), member)).collect();
        let mut wheel = Self { archive, open, members, told: BTreeMap::new(), info };
        let record = wheel.own("RECORD");
        let raw = *wheel.members.get(record.as_str()).ok_or(WheelFault::Missing(record))?;
        let bytes = wheel.content(raw, RECORD_LIMIT)?;
        wheel.told = hashes::read(&text(raw, bytes)?)?;
        wheel.compare()?;
        Ok(wheel)
    }

    /// The name of a file in the dist-info folder.
    fn own(&self, name: &str) -> String {
        format!("{}/{name}", self.info)
    }

    /// RECORD itself and its signatures, which nothing vouches for.
    fn is_record(&self, name: &str) -> bool {
        name.strip_prefix(self.info.as_str())
            .is_some_and(|rest| matches!(rest, "/RECORD" | "/RECORD.jws" | "/RECORD.p7s"))
    }

    fn compare(&self) -> Result<(), WheelFault> {
        for (name, told) in &self.told {
            let member = self.members.get(name.as_str()).ok_or_else(|| WheelFault::Lacking(name.clone()))?;
            if let Some(record) = told.size.filter(|size| *size != member.size && !self.is_record(name)) {
                return Err(WheelFault::Size { member: name.clone(), record, size: member.size });
            }
            if told.hash.is_none() && !self.is_record(name) {
                return Err(WheelFault::Unhashed(name.clone()));
            }
        }
        let mut names = self.members.keys().filter(|name| !self.is_record(name));
        let unlisted = names.find(|name| !self.told.contains_key(**name));
        unlisted.map_or(Ok(()), |name| Err(WheelFault::Unlisted((*name).to_owned())))
    }

    fn reader(&mut self, member: &RawMember) -> Result<Box<dyn Read>, WheelFault> {
        (self.open)(member).map_err(|cause| unreadable(member, &cause))
    }

    fn content(&mut self, member: &RawMember, limit: u64) -> Result<Vec<u8>, WheelFault> {
        if member.size > limit {
            return Err(WheelFault::Long { member: member.name.clone(), limit });
        }
        let mut out = Vec::new();
        let read = self.reader(member)?.take(limit + 1).read_to_end(&mut out);
        read.map_err(|cause| unreadable(member, &cause))?;
        Ok(out)
    }

    /// Content that is what RECORD says.
    fn verified(&mut self, member: &RawMember, limit: u64) -> Result<Vec<u8>, WheelFault> {
        let bytes = self.content(member, limit)?;
        let mut comparison = Comparison::new(self.hash(member)?);
        comparison.update(&bytes);
        comparison.finish().ok_or_else(|| WheelFault::Record(member.name.clone()))?;
        Ok(bytes)
    }

    fn hash(&self, member: &RawMember) -> Result<&Hash, WheelFault> {
        let told = self.told.get(&member.name).and_then(|told| told.hash.as_ref());
        told.ok_or_else(|| WheelFault::Unhashed(member.name.clone()))
    }

    /// The SHA-256 of a member's content: what RECORD says, or where that has a stronger
    /// hash, by reading the member once.
    fn digest(&mut self, member: &RawMember) -> Result<Digest, WheelFault> {
        let hash = self.hash(member)?.clone();
        if let Hash::Sha256(digest) = hash {
            return Ok(digest);
        }
        let mut comparison = Comparison::new(&hash);
        let mut reader = self.reader(member)?;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let count = reader.read(&mut buffer).map_err(|cause| unreadable(member, &cause))?;
            if count == 0 {
                return comparison.finish().ok_or_else(|| WheelFault::Record(member.name.clone()));
            }
            comparison.update(&buffer[..count]);
        }
    }

    /// A text in the dist-info folder.
    fn text(&mut self, name: &str) -> Result<String, WheelFault> {
        let name = self.own(name);
        let member = *self.members.get(name.as_str()).ok_or(WheelFault::Missing(name))?;
        let bytes = self.verified(member, TEXT_LIMIT)?;
        text(member, bytes)
    }

    /// What WHEEL says of where the files go.
    fn purelib(&mut self, warnings: &mut Vec<String>) -> Result<bool, WheelFault> {
        let text = self.text("WHEEL")?;
        let field =
            |field| header(&text, field).ok_or_else(|| WheelFault::NoField { member: self.own("WHEEL"), field });
        let version = field("Wheel-Version")?;
        let number = |text: &str| text.parse::<u32>().ok();
        let parts = version.split_once('.').and_then(|(major, minor)| number(major).zip(number(minor)));
        match parts {
            Some((1, 0)) => {}
            Some((1, _)) => warnings.push(format!("it is a wheel of version {version}, newer than carboy")),
            _ => return Err(WheelFault::WheelVersion(version.chars().take(50).collect())),
        }
        Ok(field("Root-Is-Purelib")?.eq_ignore_ascii_case("true"))
    }

    /// Name and version, which must be the file name's.
    fn identity(&mut self, file: &WheelName) -> Result<(String, String), WheelFault> {
        let text = self.text("METADATA")?;
        let member = self.own("METADATA");
        let field = |field| header(&text, field).ok_or_else(|| WheelFault::NoField { member: member.clone(), field });
        let (name, version) = (field("Name")?, field("Version")?);
        let other = |field, found: &str, wanted: String| WheelFault::OtherField {
            member: member.clone(),
            field,
            found: found.chars().take(200).collect(),
            wanted,
        };
        let plain = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
        if normalised(name) != normalised(&file.distribution) || !plain(name) {
            return Err(other("Name", name, file.distribution.clone()));
        }
        if !is_version(version, &file.version) {
            return Err(other("Version", version, file.version.to_string()));
        }
        Ok((name.to_owned(), version.to_owned()))
    }
}

fn text(member: &RawMember, bytes: Vec<u8>) -> Result<String, WheelFault> {
    String::from_utf8(bytes).map_err(|_| WheelFault::Text(member.name.clone()))
}

fn unreadable(member: &RawMember, cause: &io::Error) -> WheelFault {
    WheelFault::Read { member: member.name.clone(), cause: cause.to_string() }
}

/// Files on the way to their places.
struct Placing<'a> {
    places: Places<'a>,
    interpreter: &'a Interpreter,
    scripts: &'a BTreeMap<String, Function>,
    /// With the SHA-256 of their content, for RECORD.
    entries: BTreeMap<RootPath, (Entry, Digest)>,
    left_out: u64,
}

impl Placing<'_> {
    fn put(&mut self, wheel: &mut Wheel, member: &RawMember) -> Result<(), WheelFault> {
        if is_compiled(&member.name) {
            self.left_out += 1;
            return Ok(());
        }
        if is_installers(&member.name, wheel) {
            return Ok(());
        }
        let (path, script) = match self.places.of(&member.name)? {
            Place::File(path) => (path, false),
            // A launcher of that name goes before it, as in pip.
            Place::Script(path) if self.launches(&path) => return Ok(()),
            Place::Script(path) => (path, true),
        };
        if script && let Some((text, digest)) = self.script(wheel, member)? {
            return self.add(path, Entry::bytes(0o755, text), digest);
        }
        let digest = wheel.digest(member)?;
        let mode = if script || member.executable { 0o755 } else { 0o644 };
        let content = Content::Member(Arc::new(wheel.archive.member(member, digest)));
        self.add(path, Entry { meta: Meta::root(mode), kind: Kind::File(content) }, digest)
    }

    /// Whether there will be a launcher at a path.
    fn launches(&self, path: &RootPath) -> bool {
        let name = path.strip(&self.interpreter.scripts).unwrap_or_default();
        std::str::from_utf8(name.as_bytes()).is_ok_and(|name| self.scripts.contains_key(name))
    }

    /// A script that is to be run by the image's interpreter; none when it is another.
    fn script(&self, wheel: &mut Wheel, member: &RawMember) -> Result<Option<(Vec<u8>, Digest)>, WheelFault> {
        let mut head = Vec::new();
        let read = wheel.reader(member)?.take(PYTHON.len() as u64).read_to_end(&mut head);
        read.map_err(|cause| unreadable(member, &cause))?;
        if head != PYTHON {
            return Ok(None);
        }
        let text = wheel.verified(member, TEXT_LIMIT)?;
        let end = text.iter().position(|&b| b == b'\n').unwrap_or(text.len());
        let (line, body) = text.split_at(end);
        // `#!python3 -E`: what runs it is the image's, what it is told stays
        let words = line.trim_ascii_end();
        let told = words.iter().position(u8::is_ascii_whitespace).map_or(&b""[..], |at| &words[at..]);
        let shebang = [self.shebang(&member.name, told.len())?.as_bytes(), told].concat();
        let text = [&shebang, body].concat();
        let digest = Digest::of(&text);
        Ok(Some((text, digest)))
    }

    /// The first line of a script, when the kernel can read it with `more` bytes behind.
    fn shebang(&self, script: &str, more: usize) -> Result<String, WheelFault> {
        let shebang = self.interpreter.shebang();
        let path = &self.interpreter.executable;
        if path.as_bytes().iter().any(u8::is_ascii_whitespace) || shebang.len() + more > SHEBANG + 2 {
            return Err(WheelFault::Shebang { script: script.to_owned(), interpreter: path.clone() });
        }
        Ok(shebang)
    }

    fn launchers(&mut self) -> Result<(), WheelFault> {
        for (name, function) in self.scripts {
            let text = function.launcher(&self.shebang(name, 0)?).into_bytes();
            let digest = Digest::of(&text);
            self.add(self.interpreter.scripts.child(name.as_bytes()), Entry::bytes(0o755, text), digest)?;
        }
        Ok(())
    }

    fn add(&mut self, path: RootPath, entry: Entry, digest: Digest) -> Result<(), WheelFault> {
        if self.places.is_pythons(&path) {
            return Err(WheelFault::Python(path));
        }
        match self.entries.entry(path) {
            Vacant(vacant) => drop(vacant.insert((entry, digest))),
            Occupied(occupied) => return Err(WheelFault::Twice(occupied.key().clone())),
        }
        Ok(())
    }

    /// No file is below a file.
    fn check(&self) -> Result<(), WheelFault> {
        let mut paths: Vec<_> = self.entries.keys().map(RootPath::as_bytes).collect();
        let path = |bytes: &[u8]| self.entries.get_key_value(bytes).map(|(path, _)| path.clone()).unwrap_or_default();
        match nested(&mut paths, |_, _| true) {
            Some((above, below)) => Err(WheelFault::Below { above: path(above), below: path(below) }),
            None => Ok(()),
        }
    }

    /// The RECORD that will be at a path: sorted, relative to the site folder.
    fn record(&self, own: &RootPath) -> String {
        let site = self.places.site;
        let files = self.entries.iter().filter_map(|(path, (entry, digest))| Some((path, entry.content()?, digest)));
        let lines = files.map(|(path, content, digest)| {
            let path = record::relative(site, path);
            (record::line_of(&path, digest, content.size()), path)
        });
        let own = record::relative(site, own);
        let own = (format!("{},,", record::quoted(&own)), own);
        let mut lines: Vec<_> = lines.chain([own]).collect();
        lines.sort_by(|(_, a), (_, b)| a.cmp(b));
        lines.into_iter().map(|(line, _)| line + "\n").collect()
    }
}

/// Compiled files, of an origin that nobody knows.
fn is_compiled(name: &str) -> bool {
    name.split('/').any(|part| part == "__pycache__") || name.ends_with(".pyc") || name.ends_with(".pyo")
}

/// What an installer writes itself, or what is not true any more: RECORD is rewritten.
fn is_installers(name: &str, wheel: &Wheel) -> bool {
    let own = name.strip_prefix(wheel.info.as_str()).and_then(|rest| rest.strip_prefix('/'));
    let known = ["RECORD", "RECORD.jws", "RECORD.p7s", "INSTALLER", "REQUESTED", "direct_url.json"];
    own.is_some_and(|own| known.contains(&own))
}
