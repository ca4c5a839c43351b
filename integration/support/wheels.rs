//! Wheels made byte by byte, so that every lie can be told.

#![allow(dead_code, reason = "every test target takes what it needs")]

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carboy::oci::Digest;
use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};
use std::io::Write as _;

/// A member, and what its headers say.
#[derive(Clone)]
pub struct Member {
    pub name: Vec<u8>,
    /// What the local header says instead.
    pub local_name: Option<Vec<u8>>,
    pub data: Vec<u8>,
    pub method: u16,
    pub local_method: Option<u16>,
    pub mode: u32,
    pub flags: u16,
    pub crc: u32,
    pub size: u64,
    pub local_size: Option<u32>,
    /// Where the central directory says that the local header is, instead.
    pub header: Option<u32>,
    /// A descriptor behind the data, with these sizes.
    pub descriptor: Option<(u32, u32)>,
    /// In the central directory, not before it.
    pub unwritten: bool,
    /// Before the central directory, not in it.
    pub unlisted: bool,
    /// Sizes in 64 bits.
    pub zip64: bool,
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

pub fn deflated(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(9));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

impl Member {
    pub fn stored(name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        let content = content.as_ref();
        Self {
            name: name.as_ref().to_vec(),
            local_name: None,
            data: content.to_vec(),
            method: 0,
            local_method: None,
            mode: 0o100_644,
            flags: 0,
            crc: crc(content),
            size: content.len() as u64,
            local_size: None,
            header: None,
            descriptor: None,
            unwritten: false,
            unlisted: false,
            zip64: false,
        }
    }

    pub fn new(name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        let data = deflated(content.as_ref());
        Self { data, method: 8, ..Self::stored(name, content) }
    }

    fn header(&self, local: bool) -> Vec<u8> {
        let narrow = |size: u64| if self.zip64 { u32::MAX } else { u32::try_from(size).unwrap() };
        let (name, method) = if local {
            (self.local_name.as_ref().unwrap_or(&self.name), self.local_method.unwrap_or(self.method))
        } else {
            (&self.name, self.method)
        };
        let mut size = narrow(self.size);
        let mut packed = narrow(self.data.len() as u64);
        let mut crc = self.crc;
        if local && let Some(other) = self.local_size {
            size = other;
        }
        if local && self.descriptor.is_some() {
            (size, packed, crc) = (0, 0, 0);
        }
        let mut out = Vec::new();
        out.extend(20_u16.to_le_bytes());
        out.extend(self.flags.to_le_bytes());
        out.extend(method.to_le_bytes());
        out.extend([0; 4]);
        for number in [crc, packed, size] {
            out.extend(number.to_le_bytes());
        }
        out.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
        out.extend(u16::try_from(self.extra().len()).unwrap().to_le_bytes());
        out
    }

    fn extra(&self) -> Vec<u8> {
        if !self.zip64 {
            return Vec::new();
        }
        let sizes = [self.size.to_le_bytes(), (self.data.len() as u64).to_le_bytes()].concat();
        [&[1, 0, 16, 0], sizes.as_slice()].concat()
    }
}

/// Members as an archive; the members' headers as they say.
pub fn zip(members: &[Member]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut central = Vec::new();
    let mut listed = 0_u16;
    for member in members {
        let at = u32::try_from(out.len()).unwrap();
        if !member.unwritten {
            out.extend(b"PK\x03\x04");
            out.extend(member.header(true));
            out.extend(member.local_name.as_ref().unwrap_or(&member.name));
            out.extend(member.extra());
            out.extend(&member.data);
        }
        if let Some((packed, size)) = member.descriptor {
            out.extend(b"PK\x07\x08");
            for number in [member.crc, packed, size] {
                out.extend(number.to_le_bytes());
            }
        }
        if !member.unlisted {
            listed += 1;
            central.extend(b"PK\x01\x02\x14\x03");
            central.extend(member.header(false));
            central.extend([0; 6]);
            central.extend((member.mode << 16).to_le_bytes());
            central.extend(member.header.unwrap_or(at).to_le_bytes());
            central.extend(&member.name);
            central.extend(member.extra());
        }
    }
    let start = u32::try_from(out.len()).unwrap();
    out.extend(&central);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(listed.to_le_bytes());
    out.extend(listed.to_le_bytes());
    out.extend(u32::try_from(central.len()).unwrap().to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}

pub fn hash(content: &[u8]) -> String {
    format!("sha256={}", URL_SAFE_NO_PAD.encode(Digest::of(content).as_bytes()))
}

pub const INFO: &str = "x-1.0.dist-info";
pub const WHEEL: &str = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
pub const METADATA: &str = "Metadata-Version: 2.1\nName: x\nVersion: 1.0\n";

/// Files of `x` 1.0, with WHEEL and METADATA unless they are given. No RECORD.
pub fn files(more: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
    let mut out: Vec<_> = more.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect();
    for (name, text) in [("WHEEL", WHEEL), ("METADATA", METADATA)] {
        let name = format!("{INFO}/{name}");
        if !out.iter().any(|(known, _)| *known == name) {
            out.push((name, text.into()));
        }
    }
    out
}

/// The RECORD of files of `x` 1.0.
pub fn record(files: &[(String, Vec<u8>)]) -> String {
    record_in(INFO, files)
}

fn record_in(info: &str, files: &[(String, Vec<u8>)]) -> String {
    let name =
        |name: &str| if name.contains('"') { format!("\"{}\"", name.replace('"', "\"\"")) } else { name.to_owned() };
    let lines = files.iter().map(|(path, content)| format!("{},{},{}\n", name(path), hash(content), content.len()));
    lines.collect::<String>() + &format!("{info}/RECORD,,\n")
}

/// Members of files, with their RECORD.
pub fn members(files: &[(String, Vec<u8>)]) -> Vec<Member> {
    let record = (format!("{INFO}/RECORD"), record(files).into_bytes());
    files.iter().chain([&record]).map(|(name, content)| Member::new(name, content)).collect()
}

/// A whole wheel.
pub fn wheel(more: &[(&str, &str)]) -> Vec<u8> {
    zip(&members(&files(more)))
}

/// An honest wheel of any name, until one changes its members.
pub struct Wheel {
    name: String,
    version: String,
    tag: String,
    files: Vec<(String, Vec<u8>)>,
    requires: String,
}

impl Wheel {
    /// Of pure Python, without modules.
    pub fn new(name: &str, version: &str) -> Self {
        let (name, version) = (name.to_owned(), version.to_owned());
        Self { name, version, tag: "py3-none-any".to_owned(), files: Vec::new(), requires: String::new() }
    }

    /// With one module of the wheel's name, which says its version.
    pub fn simple(name: &str, version: &str) -> Self {
        Self::new(name, version).file(&format!("{name}.py"), format!("VERSION = '{version}'\n"))
    }

    pub fn tag(mut self, tag: &str) -> Self {
        tag.clone_into(&mut self.tag);
        self
    }

    pub fn file(mut self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.files.push((path.to_owned(), content.as_ref().to_vec()));
        self
    }

    /// One more `Requires-Dist` of METADATA.
    pub fn requires(mut self, requirement: &str) -> Self {
        self.requires.extend(["Requires-Dist: ", requirement, "\n"]);
        self
    }

    /// `entry_points.txt`.
    pub fn entry_points(self, text: &str) -> Self {
        let path = format!("{}/entry_points.txt", self.info());
        self.file(&path, text)
    }

    /// So many bytes that do not compress, in a file of data.
    pub fn large(self, bytes: usize) -> Self {
        let path = format!("{}_data.bin", self.name);
        let noise = |at: usize| (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes()[0];
        self.file(&path, (0..bytes).map(noise).collect::<Vec<_>>())
    }

    pub fn file_name(&self) -> String {
        format!("{}-{}-{}.whl", self.name, self.version, self.tag)
    }

    fn info(&self) -> String {
        format!("{}-{}.dist-info", self.name, self.version)
    }

    /// Its members with their RECORD, to be changed.
    pub fn members(&self) -> Vec<Member> {
        let info = self.info();
        let mut files = self.files.clone();
        let pure = self.tag.ends_with("-any");
        let wheel = format!("Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: {pure}\nTag: {}\n", self.tag);
        let Self { name, version, requires, .. } = self;
        let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}");
        files.push((format!("{info}/WHEEL"), wheel.into_bytes()));
        files.push((format!("{info}/METADATA"), metadata.into_bytes()));
        let record = record_in(&info, &files);
        files.push((format!("{info}/RECORD"), record.into_bytes()));
        files.iter().map(|(name, content)| Member::new(name, content)).collect()
    }

    pub fn bytes(&self) -> Vec<u8> {
        zip(&self.members())
    }

    /// `sha256:…` of the whole.
    pub fn sha256(&self) -> String {
        Digest::of(&self.bytes()).to_string()
    }

    /// Writes it into a folder.
    pub fn write(&self, folder: &Path) -> PathBuf {
        std::fs::create_dir_all(folder).unwrap();
        let path = folder.join(self.file_name());
        std::fs::write(&path, self.bytes()).unwrap();
        path
    }

    /// Its line in a requirements file.
    pub fn pin(&self) -> String {
        format!("{}=={} --hash={}\n", self.name, self.version, self.sha256())
    }

    /// Its table in a `uv.lock`, as if it came from an index.
    pub fn locked(&self) -> String {
        let (name, version, file, hash) = (&self.name, &self.version, self.file_name(), self.sha256());
        format!(
            "[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n\
             source = {{ registry = \"https://index.invalid/simple\" }}\n\
             wheels = [{{ url = \"https://index.invalid/{file}\", hash = \"{hash}\", size = {} }}]\n\n",
            self.bytes().len()
        )
    }
}
