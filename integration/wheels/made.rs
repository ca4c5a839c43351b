//! Wheels made byte by byte, so that every lie can be told.

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

/// The RECORD of files.
pub fn record(files: &[(String, Vec<u8>)]) -> String {
    let name =
        |name: &str| if name.contains('"') { format!("\"{}\"", name.replace('"', "\"\"")) } else { name.to_owned() };
    let lines = files.iter().map(|(path, content)| format!("{},{},{}\n", name(path), hash(content), content.len()));
    lines.collect::<String>() + &format!("{INFO}/RECORD,,\n")
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
