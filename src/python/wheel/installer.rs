//! The installation of a wheel's files, and their RECORD.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry::{Occupied, Vacant};
use std::io::Read;
use std::sync::Arc;

use super::RawZipEntry;
use super::entry_points::Function;
use super::error::WheelFault;
use super::install_scheme::{Destination, InstallScheme};
use super::verified::{TEXT_LIMIT, Wheel, is_compiled, unreadable};
use crate::oci::Digest;
use crate::python::{Interpreter, record};
use crate::rootfs::path::nested;
use crate::rootfs::{Content, Entry, Kind, Meta, RootPath};

/// The largest number of bytes after `#!` (execve(2), since Linux 5.1).
const SHEBANG: usize = 255;
/// The start of scripts for any Python (also `#!pythonw`).
const PYTHON: &[u8] = b"#!python";

/// The files of a wheel during installation.
pub struct Installer<'a> {
    pub scheme: InstallScheme<'a>,
    pub interpreter: &'a Interpreter,
    pub scripts: &'a BTreeMap<String, Function>,
    /// The entries with the SHA-256 of their content, for RECORD.
    pub entries: BTreeMap<RootPath, (Entry, Digest)>,
    pub left_out: u64,
}

impl Installer<'_> {
    pub fn put(&mut self, wheel: &mut Wheel, member: &RawZipEntry) -> Result<(), WheelFault> {
        if is_compiled(&member.name) {
            self.left_out += 1;
            return Ok(());
        }
        if wheel.is_installers(&member.name) {
            return Ok(());
        }
        let (path, script) = match self.scheme.of(&member.name)? {
            Destination::File(path) => (path, false),
            // A launcher of that name takes precedence, as in pip.
            Destination::Script(path) if self.launches(&path) => return Ok(()),
            Destination::Script(path) => (path, true),
        };
        if self.scheme.is_info(&path) && wheel.of_info(&member.name).is_none() {
            return Err(WheelFault::Info(member.name.clone()));
        }
        if script && let Some((text, digest)) = self.script(wheel, member)? {
            return self.add(path, Entry::bytes(0o755, text), digest);
        }
        let digest = wheel.digest(member)?;
        let mode = if script || member.executable { 0o755 } else { 0o644 };
        let content = Content::ZipEntry(Arc::new(wheel.archive.member(member, digest)));
        self.add(path, Entry { meta: Meta::root(mode), kind: Kind::File(content) }, digest)
    }

    /// Returns whether a launcher gets this path.
    fn launches(&self, path: &RootPath) -> bool {
        let name = path.strip(&self.interpreter.scripts).unwrap_or_default();
        std::str::from_utf8(name.as_bytes()).is_ok_and(|name| self.scripts.contains_key(name))
    }

    /// Returns a script for the interpreter of the image; `None` if the script names another
    /// interpreter.
    fn script(&self, wheel: &mut Wheel, member: &RawZipEntry) -> Result<Option<(Vec<u8>, Digest)>, WheelFault> {
        let mut head = Vec::new();
        let read = wheel.reader(member)?.take(PYTHON.len() as u64).read_to_end(&mut head);
        read.map_err(|cause| unreadable(member, &cause))?;
        if head != PYTHON {
            return Ok(None);
        }
        let text = wheel.verified(member, TEXT_LIMIT)?;
        let end = text.iter().position(|&b| b == b'\n').unwrap_or(text.len());
        let (line, body) = text.split_at(end);
        // `#!python3 -E`: the interpreter becomes the image's, its arguments stay.
        let words = line.trim_ascii_end();
        let arguments = words.iter().position(u8::is_ascii_whitespace).map_or(&b""[..], |at| &words[at..]);
        let shebang = [self.shebang(&member.name, arguments.len())?.as_bytes(), arguments].concat();
        let text = [&shebang, body].concat();
        let digest = Digest::of(&text);
        Ok(Some((text, digest)))
    }

    /// Returns the first line of a script, if the kernel can read it with `more` bytes after it.
    fn shebang(&self, script: &str, more: usize) -> Result<String, WheelFault> {
        let shebang = self.interpreter.shebang();
        let path = &self.interpreter.executable;
        if path.as_bytes().iter().any(u8::is_ascii_whitespace) || shebang.len() + more > SHEBANG + 2 {
            return Err(WheelFault::Shebang { script: script.to_owned(), interpreter: path.clone() });
        }
        Ok(shebang)
    }

    pub fn launchers(&mut self) -> Result<(), WheelFault> {
        for (name, function) in self.scripts {
            let text = function.launcher(&self.shebang(name, 0)?).into_bytes();
            let digest = Digest::of(&text);
            self.add(self.interpreter.scripts.child(name.as_bytes()), Entry::bytes(0o755, text), digest)?;
        }
        Ok(())
    }

    pub fn add(&mut self, path: RootPath, entry: Entry, digest: Digest) -> Result<(), WheelFault> {
        if self.scheme.is_pythons(&path) {
            return Err(WheelFault::Python(path));
        }
        match self.entries.entry(path) {
            Vacant(vacant) => drop(vacant.insert((entry, digest))),
            Occupied(occupied) => return Err(WheelFault::Twice(occupied.key().clone())),
        }
        Ok(())
    }

    /// Checks that no file is below a file.
    pub fn check(&self) -> Result<(), WheelFault> {
        let mut paths: Vec<_> = self.entries.keys().map(RootPath::as_bytes).collect();
        let path = |bytes: &[u8]| self.entries.get_key_value(bytes).map(|(path, _)| path.clone()).unwrap_or_default();
        match nested(&mut paths, |_| false) {
            Some((above, below)) => Err(WheelFault::Below { above: path(above), below: path(below) }),
            None => Ok(()),
        }
    }

    /// Returns the RECORD for a path: sorted, relative to the site directory.
    pub fn record(&self, own: &RootPath) -> String {
        let files =
            self.entries.iter().filter_map(|(path, (entry, digest))| Some((path, *digest, entry.content()?.size())));
        record::written(self.scheme.site, own, files)
    }
}
