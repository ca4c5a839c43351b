//! Image archives, recognised by their content as it is read: `docker save`, `podman save`,
//! skopeo's `oci-archive:` and `docker-archive:`, plain or compressed.
//!
//! Sources: POSIX `pax` ("ustar Interchange Format") and GNU tar's base-256 numbers for the
//! headers; image-spec `image-layout.md` and docker's `manifest.json` (moby `image/spec/spec.md`)
//! for the content. Only headers and the two small files are read. A compressed archive is unpacked
//! beyond its first header only when that is an image's. xz and bzip2 are not unpacked.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;
use serde_json::Value;
use zstd::stream::write::Decoder as ZstdDecoder;

use super::foreign_folders::is_layout_marker;
use crate::oci::digest::is_hex;

const BLOCK: usize = 512;
/// The offset of a member's type in its header.
const TYPE: usize = 156;
/// The number of members after which an archive is no image: images have few hundred layers at
/// most.
const MOST_MEMBERS: u32 = 16_384;
/// The largest member that is read, in bytes.
const MOST_READ: u64 = 1 << 20;
/// The size, present or promised, at which a compressed archive that begins like an image's counts
/// as one, in bytes.
const MOST_UNPACKED: u64 = 4 << 30;
/// The largest window of a zstd stream, as a power of two: 8 MiB (RFC 8878, 3.1.1.1.2).
const ZSTD_WINDOW: u32 = 23;

/// Detects an image archive in bytes as they are read.
#[derive(Default)]
pub(super) enum ArchiveDetector {
    #[default]
    Begin,
    Plain(TarScanner),
    Gzip(Box<MultiGzDecoder<TarScanner>>),
    Zstd(Box<ZstdDecoder<'static, TarScanner>>),
    /// The final decision.
    Done(bool),
}

impl ArchiveDetector {
    /// Examines the next bytes.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        if matches!(self, Self::Begin) {
            *self = Self::begin(bytes);
        }
        let ended = match self {
            Self::Plain(tar) => tar.write_all(bytes).is_err(),
            Self::Gzip(decoder) => decoder.write_all(bytes).is_err(),
            Self::Zstd(decoder) => decoder.write_all(bytes).is_err(),
            Self::Begin | Self::Done(_) => false,
        };
        if ended {
            *self = Self::Done(self.verdict());
        }
    }

    /// Returns whether it is an image archive.
    pub(super) fn finish(mut self) -> bool {
        // The rest in a decoder is written; a broken stream is not an image.
        let _ = match &mut self {
            Self::Gzip(decoder) => decoder.try_finish(),
            Self::Zstd(decoder) => decoder.flush(),
            Self::Begin | Self::Plain(_) | Self::Done(_) => Ok(()),
        };
        self.verdict()
    }

    fn begin(bytes: &[u8]) -> Self {
        if bytes.starts_with(&[0x1f, 0x8b]) {
            return Self::Gzip(Box::new(MultiGzDecoder::new(TarScanner::new(true))));
        }
        if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
            let decoder = ZstdDecoder::new(TarScanner::new(true));
            let bounded = decoder.and_then(|mut decoder| decoder.window_log_max(ZSTD_WINDOW).map(|()| decoder));
            return bounded.map_or(Self::Done(false), |decoder| Self::Zstd(Box::new(decoder)));
        }
        Self::Plain(TarScanner::new(false))
    }

    fn verdict(&self) -> bool {
        let tar = match self {
            Self::Plain(tar) => tar,
            Self::Gzip(decoder) => decoder.get_ref(),
            Self::Zstd(decoder) => decoder.get_ref(),
            Self::Begin => return false,
            Self::Done(verdict) => return *verdict,
        };
        tar.verdict == Some(true)
    }
}

/// Parses a tar's headers.
pub(super) struct TarScanner {
    next: Next,
    members: u32,
    /// True once a member was a file.
    began: bool,
    unpacked: u64,
    compressed: bool,
    verdict: Option<bool>,
}

/// The next part of a tar.
enum Next {
    /// A header, and its bytes so far.
    Header(Vec<u8>),
    /// A number of bytes to skip.
    Skip(u64),
    /// A member that is read: its bytes so far, and its size.
    Member(MarkerFile, Vec<u8>, u64),
}

/// A member that shows the kind of an archive.
#[derive(Clone, Copy)]
enum MarkerFile {
    Layout,
    Manifest,
}

impl TarScanner {
    fn new(compressed: bool) -> Self {
        Self { next: Next::Header(vec![]), members: 0, began: false, unpacked: 0, compressed, verdict: None }
    }

    /// Consumes some of the bytes, and returns their number.
    fn step(&mut self, bytes: &[u8]) -> usize {
        match &mut self.next {
            Next::Header(header) => {
                let count = bytes.len().min(BLOCK - header.len());
                header.extend_from_slice(&bytes[..count]);
                if header.len() == BLOCK {
                    let header = std::mem::take(header);
                    self.header(&header);
                }
                count
            }
            Next::Skip(left) => {
                let count = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                *left -= count as u64;
                if *left == 0 {
                    self.next = Next::Header(vec![]);
                }
                count
            }
            Next::Member(small, text, size) => {
                let left = usize::try_from(*size).unwrap_or(usize::MAX).saturating_sub(text.len());
                let count = bytes.len().min(left);
                text.extend_from_slice(&bytes[..count]);
                if text.len() as u64 == *size {
                    let is_image = match small {
                        MarkerFile::Layout => is_layout_marker(text),
                        MarkerFile::Manifest => is_manifest(text),
                    };
                    self.verdict = is_image.then_some(true);
                    self.next = skip(padding(*size));
                }
                count
            }
        }
    }

    fn header(&mut self, header: &[u8]) {
        let Some((name, size)) = member(header) else {
            self.verdict = Some(false);
            return;
        };
        // Headers about the archive or the next member, and directories, show nothing.
        let tells = !name.is_empty() && !b"gxLK5".contains(&header[TYPE]);
        let inner = below_folder(name);
        let is_others = tells && self.compressed && !is_images_first(name) && !inner.is_some_and(is_images_first);
        if !self.began && is_others || self.members == MOST_MEMBERS {
            self.verdict = Some(false);
        } else if self.compressed && self.unpacked.saturating_add(size) > MOST_UNPACKED {
            self.verdict = Some(true);
        }
        self.members += 1;
        self.began |= tells;
        let small = match inner.unwrap_or(name) {
            b"oci-layout" => Some(MarkerFile::Layout),
            b"manifest.json" => Some(MarkerFile::Manifest),
            _ => None,
        };
        self.next = match small.filter(|_| size > 0 && size <= MOST_READ) {
            Some(small) => Next::Member(small, vec![], size),
            None => skip(size.saturating_add(padding(size))),
        };
    }
}

impl Write for TarScanner {
    /// Returns an error, which stops the decoder, once the kind of the archive is known.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while !rest.is_empty() && self.verdict.is_none() {
            let count = self.step(rest);
            rest = &rest[count..];
        }
        self.unpacked = self.unpacked.saturating_add(bytes.len() as u64);
        if self.compressed && self.unpacked > MOST_UNPACKED && self.verdict.is_none() {
            self.verdict = Some(true);
        }
        if self.verdict.is_some() { Err(io::ErrorKind::Other.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn skip(bytes: u64) -> Next {
    if bytes == 0 { Next::Header(vec![]) } else { Next::Skip(bytes) }
}

/// Returns the number of bytes that fill a member's last block.
fn padding(size: u64) -> u64 {
    size.next_multiple_of(BLOCK as u64).saturating_sub(size)
}

/// Reads name and size of a header's member; none if it is not a header.
fn member(header: &[u8]) -> Option<(&[u8], u64)> {
    let checksum = octal(&header[148..156])?;
    let sum: u64 =
        header.iter().enumerate().map(|(at, &b)| u64::from(if (148..156).contains(&at) { b' ' } else { b })).sum();
    if sum != checksum {
        return None;
    }
    let name = header[..100].split(|&b| b == 0).next().unwrap_or_default();
    let size = &header[124..136];
    let size = if size[0] & 0x80 == 0 { octal(size)? } else { u64::from_be_bytes(size[4..].try_into().ok()?) };
    Some((name.strip_prefix(b"./").unwrap_or(name), size))
}

/// Parses a number in octal digits, with blanks around it; an empty one is zero.
fn octal(field: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_matches(['\0', ' ']);
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
}

/// Removes the one directory that a name is in, if it is in just one: a layout that is packed with
/// its directory has such names.
fn below_folder(name: &[u8]) -> Option<&[u8]> {
    let slash = name.iter().position(|&byte| byte == b'/')?;
    Some(&name[slash + 1..]).filter(|rest| !rest.is_empty())
}

/// Returns whether an image's archive may begin with a member of this name.
fn is_images_first(name: &[u8]) -> bool {
    let first = name.split(|&byte| byte == b'/').next().unwrap_or_default();
    let stem = [b".tar".as_slice(), b".json"].iter().find_map(|end| first.strip_suffix(*end)).unwrap_or(first);
    let known: [&[u8]; 5] = [b"blobs", b"oci-layout", b"index.json", b"manifest.json", b"repositories"];
    known.contains(&first) || is_hex(stem)
}

/// Returns whether text is the `manifest.json` of a docker archive.
fn is_manifest(text: &[u8]) -> bool {
    let Ok(Value::Array(images)) = serde_json::from_slice(text) else { return false };
    !images.is_empty() && images.iter().all(|image| image["Config"].is_string() && image["Layers"].is_array())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::Compression;
    use flate2::read::GzEncoder;

    use super::*;

    type Members<'a> = Vec<(&'a str, &'a [u8])>;

    fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut tar = tar::Builder::new(vec![]);
        for (name, content) in members {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            tar.append_data(&mut header, name, *content).unwrap();
        }
        tar.into_inner().unwrap()
    }

    fn is_image(bytes: &[u8], chunk: usize) -> bool {
        let mut watch = ArchiveDetector::default();
        bytes.chunks(chunk).for_each(|bytes| watch.take(bytes));
        watch.finish()
    }

    #[test]
    fn image_archives_are_told_from_others() {
        let layer = vec![7; 70_000];
        let blob = format!("blobs/sha256/{}", "a".repeat(64));
        let old = format!("{}.tar", "b".repeat(64));
        let layout: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
        let manifest: &[u8] = br#"[{"Config":"c.json","RepoTags":null,"Layers":["l.tar"]}]"#;
        let cases: [(&str, Members, bool); 8] = [
            ("oci-archive", vec![(&blob, &layer), ("index.json", b"{}"), ("oci-layout", layout)], true),
            ("docker-archive", vec![(&old, &layer), ("manifest.json", manifest)], true),
            ("with dots", vec![("./blobs/x", b"x"), ("./oci-layout", layout)], true),
            ("an extension", vec![("manifest.json", br#"{"manifest_version":3}"#), ("a.js", b"")], false),
            ("text of that name", vec![("oci-layout", b"how layouts are made")], false),
            ("with a folder", vec![("out/blobs/x", b"x"), ("out/oci-layout", layout)], true),
            ("files", vec![("a/b/oci-layout", layout), ("b", &layer)], false),
            ("nothing", vec![], false),
        ];
        for (case, members, want) in cases {
            let tar = tar(&members);
            let mut gzip = vec![];
            GzEncoder::new(tar.as_slice(), Compression::fast()).read_to_end(&mut gzip).unwrap();
            let zstd = zstd::encode_all(tar.as_slice(), 1).unwrap();
            for (form, bytes) in [("plain", &tar), ("gzip", &gzip), ("zstd", &zstd)] {
                for chunk in [1000, 131_072] {
                    assert_eq!(is_image(bytes, chunk), want, "{case}, {form}, {chunk}");
                }
            }
            assert!(!is_image(&tar[..tar.len().min(600)], 1000), "{case}: a part");
        }
    }

    #[test]
    fn headers_that_are_no_file_do_not_come_first() {
        let layout: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;
        for (name, kind) in [("./", b'5'), ("pax_global_header", b'g'), ("out/", b'5'), ("././@LongLink", b'L')] {
            let mut tar = tar::Builder::new(vec![]);
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(tar::EntryType::new(kind));
            header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(0);
            header.set_cksum();
            tar.append(&header, &b""[..]).unwrap();
            let mut header = tar::Header::new_gnu();
            header.set_size(layout.len() as u64);
            tar.append_data(&mut header, "out/oci-layout", layout).unwrap();
            let tar = tar.into_inner().unwrap();
            assert!(is_image(&zstd::encode_all(tar.as_slice(), 1).unwrap(), 4096), "{name}");
        }
    }

    #[test]
    fn what_is_no_tar_is_given_up_at_once() {
        for bytes in [vec![b'x'; 5000], vec![0; 5000], [&[0x1f, 0x8b][..], &[9; 5000]].concat()] {
            let mut watch = ArchiveDetector::default();
            watch.take(&bytes);
            assert!(matches!(watch, ArchiveDetector::Done(false)));
        }
        // a compressed archive of something else is not unpacked
        let others = tar(&[("data/a.csv", &vec![1; 1 << 20]), ("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)]);
        assert!(is_image(&others, 4096));
        let mut watch = ArchiveDetector::default();
        watch.take(&zstd::encode_all(others.as_slice(), 1).unwrap());
        assert!(matches!(watch, ArchiveDetector::Done(false)));
        // nor is one that promises more than anybody unpacks
        let mut header = tar::Header::new_gnu();
        header.set_path("blobs/sha256/x").unwrap();
        header.set_size(1 << 36);
        header.set_cksum();
        let mut watch = ArchiveDetector::default();
        watch.take(&zstd::encode_all(&header.as_bytes()[..], 1).unwrap());
        assert!(watch.finish());
    }
}
