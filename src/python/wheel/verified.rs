//! A wheel with a RECORD that agrees with its archive. All content that is read is verified.

use std::collections::BTreeMap;
use std::io::{self, Read};

use super::archive::{Archive, Open, RawZipEntry};
use super::error::WheelFault;
use super::name::{WheelName, is_version};
use super::record::{self, Comparison, RecordLine, RecordPath};
use crate::oci::Digest;
use crate::python::distribution::header;
use crate::python::lock::Hash;
use crate::python::normalised;
use crate::python::requirement::is_name;

/// The largest size of metadata (which include a project's whole README) and of scripts, in bytes.
pub const TEXT_LIMIT: u64 = 16 << 20;
/// The largest size of a RECORD, in bytes: 200,000 lines.
const RECORD_LIMIT: u64 = 64 << 20;
/// The largest number of characters of a path in RECORD that are shown.
const SHOWN: usize = 200;

/// A wheel with a RECORD that agrees with its members.
pub struct Wheel<'a, 'o> {
    pub archive: &'a Archive,
    open: &'a mut Open<'o>,
    members: BTreeMap<&'a str, &'a RawZipEntry>,
    record: BTreeMap<String, RecordLine>,
    /// The name of the dist-info directory: `flask-3.1.3.dist-info`.
    pub info: String,
}

impl<'a, 'o> Wheel<'a, 'o> {
    /// Reads the RECORD of a wheel, and compares it with the files of the archive.
    ///
    /// # Errors
    /// Returns an error for an unreadable RECORD, and for files without a line or a hash in it.
    pub fn new(
        archive: &'a Archive,
        open: &'a mut Open<'o>,
        info: String,
        warnings: &mut Vec<String>,
    ) -> Result<Self, WheelFault> {
        let members = archive.members.iter().map(|member| (member.name.as_str(), member)).collect();
        let mut wheel = Self { archive, open, members, record: BTreeMap::new(), info };
        let record = wheel.own("RECORD");
        let raw = *wheel.members.get(record.as_str()).ok_or(WheelFault::Missing(record))?;
        let bytes = wheel.content(raw, RECORD_LIMIT)?;
        let lines = record::read(&text(raw, bytes)?, |path| wheel.listed(path))?;
        wheel.record = lines.lines;
        if let Some((count, first)) = lines.missing {
            warnings.push(wheel.oddity("lists", "which it does not have", count, &first));
        }
        warnings.extend(wheel.compare()?);
        Ok(wheel)
    }

    /// Returns the target of a path in RECORD.
    fn listed(&self, path: &str) -> RecordPath {
        let name = if self.members.contains_key(path) { path.to_owned() } else { record::plain(path) };
        let below = format!("{name}/");
        let is_below = |(member, _): (&&str, _)| member.starts_with(&below);
        if !self.is_installed(&name) || path.ends_with(['/', '\\']) {
            RecordPath::Ignored
        } else if self.members.contains_key(name.as_str()) {
            RecordPath::Member(name)
        } else if self.members.range(below.as_str()..).next().is_some_and(is_below) {
            RecordPath::Ignored
        } else {
            RecordPath::Missing
        }
    }

    /// Returns a warning about files with a wrong line in RECORD.
    fn oddity(&self, verb: &str, which: &str, count: usize, first: &str) -> String {
        let first = shown(first);
        let files = if count == 1 { format!("`{first}`") } else { format!("{count} files, `{first}` first") };
        format!("`{}`: its RECORD {verb} {files}, {which}", self.archive.file.name)
    }

    /// Returns the path of a file in the dist-info directory.
    fn own(&self, name: &str) -> String {
        format!("{}/{name}", self.info)
    }

    /// Returns the name of a member relative to the dist-info directory, if it is there.
    pub fn of_info<'n>(&self, member: &'n str) -> Option<&'n str> {
        member.strip_prefix(self.info.as_str())?.strip_prefix('/')
    }

    /// Returns whether an image gets a file: not compiled files, and not files that an installer
    /// writes itself. RECORD may be wrong about these.
    fn is_installed(&self, name: &str) -> bool {
        !is_compiled(name) && !self.is_installers(name)
    }

    /// Returns whether an installer writes the file itself, or whether it is no longer true: RECORD
    /// is rewritten.
    pub fn is_installers(&self, name: &str) -> bool {
        let known = ["RECORD", "RECORD.jws", "RECORD.p7s", "INSTALLER", "REQUESTED", "direct_url.json"];
        self.of_info(name).is_some_and(|own| known.contains(&own))
    }

    /// Compares RECORD with the installed files. Content with the right hash is right: a wrong size
    /// is only a warning.
    fn compare(&self) -> Result<Option<String>, WheelFault> {
        let mut wrong: Option<(usize, &str)> = None;
        for (name, member) in self.members.iter().filter(|(name, _)| self.is_installed(name)) {
            let line = self.record.get(*name).ok_or_else(|| WheelFault::Unlisted((*name).to_owned()))?;
            if line.hash.is_none() {
                return Err(WheelFault::Unhashed((*name).to_owned()));
            }
            if line.size.is_some_and(|size| size != member.size) {
                wrong.get_or_insert((0, name)).0 += 1;
            }
        }
        Ok(wrong.map(|(count, first)| self.oddity("has a wrong size of", "but the right hash", count, first)))
    }

    pub fn reader(&mut self, member: &RawZipEntry) -> Result<Box<dyn Read>, WheelFault> {
        (self.open)(member).map_err(|cause| unreadable(member, &cause))
    }

    fn content(&mut self, member: &RawZipEntry, limit: u64) -> Result<Vec<u8>, WheelFault> {
        if member.size > limit {
            return Err(WheelFault::Long { member: member.name.clone(), limit });
        }
        let mut out = Vec::new();
        let read = self.reader(member)?.take(limit + 1).read_to_end(&mut out);
        read.map_err(|cause| unreadable(member, &cause))?;
        Ok(out)
    }

    /// Returns the content of a member that has the hash in RECORD.
    pub fn verified(&mut self, member: &RawZipEntry, limit: u64) -> Result<Vec<u8>, WheelFault> {
        let bytes = self.content(member, limit)?;
        let mut comparison = Comparison::new(self.hash(member)?);
        comparison.update(&bytes);
        comparison.finish().ok_or_else(|| WheelFault::Record(member.name.clone()))?;
        Ok(bytes)
    }

    fn hash(&self, member: &RawZipEntry) -> Result<&Hash, WheelFault> {
        let line = self.record.get(&member.name).and_then(|line| line.hash.as_ref());
        line.ok_or_else(|| WheelFault::Unhashed(member.name.clone()))
    }

    /// Returns the SHA-256 of a member's content: the hash in RECORD. If RECORD has a stronger
    /// hash, reads the member once.
    pub fn digest(&mut self, member: &RawZipEntry) -> Result<Digest, WheelFault> {
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

    /// Returns a text file in the dist-info directory.
    pub fn text(&mut self, name: &str) -> Result<String, WheelFault> {
        let name = self.own(name);
        let member = *self.members.get(name.as_str()).ok_or(WheelFault::Missing(name))?;
        let bytes = self.verified(member, TEXT_LIMIT)?;
        text(member, bytes)
    }

    /// Returns `Root-Is-Purelib` of WHEEL.
    pub fn purelib(&mut self, warnings: &mut Vec<String>) -> Result<bool, WheelFault> {
        let text = self.text("WHEEL")?;
        let field =
            |field| header(&text, field).ok_or_else(|| WheelFault::NoField { member: self.own("WHEEL"), field });
        let version = field("Wheel-Version")?;
        let number = |text: &str| text.parse::<u32>().ok();
        let parts = version.split_once('.').and_then(|(major, minor)| number(major).zip(number(minor)));
        match parts {
            Some((1, 0)) => {}
            Some((1, _)) => {
                warnings
                    .push(format!("`{}` is a wheel of version {version}, newer than carboy", self.archive.file.name));
            }
            _ => return Err(WheelFault::WheelVersion(version.chars().take(50).collect())),
        }
        Ok(field("Root-Is-Purelib")?.eq_ignore_ascii_case("true"))
    }

    /// Returns name and version, which must match the file name.
    pub fn identity(&mut self, file: &WheelName) -> Result<(String, String), WheelFault> {
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
        if normalised(name) != normalised(&file.distribution) || !is_name(name) {
            return Err(other("Name", name, file.distribution.clone()));
        }
        if !is_version(version, &file.version) {
            return Err(other("Version", version, file.version.to_string()));
        }
        Ok((name.to_owned(), version.to_owned()))
    }
}

fn text(member: &RawZipEntry, bytes: Vec<u8>) -> Result<String, WheelFault> {
    String::from_utf8(bytes).map_err(|_| WheelFault::Text(member.name.clone()))
}

pub fn unreadable(member: &RawZipEntry, cause: &io::Error) -> WheelFault {
    WheelFault::Read { member: member.name.clone(), cause: cause.to_string() }
}

/// Returns whether a file is compiled. The origin of such files is unknown.
pub fn is_compiled(name: &str) -> bool {
    name.split('/').any(|part| part == "__pycache__") || matches!(name.rsplit_once('.'), Some((_, "pyc" | "pyo")))
}

/// Formats a path in RECORD for a message.
fn shown(path: &str) -> String {
    let one = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    path.chars().take(SHOWN).map(one).collect()
}
