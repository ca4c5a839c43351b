//! Lists a layer's tar: every entry, and where its bytes are.

use std::io::{self, Read, Seek};
use std::sync::Arc;

use super::tar_reader::{EntryType, TarEntry, TarError, TarInput, TarReader};
use crate::oci::Digest;
use crate::oci::digest::Hasher;
use crate::printable;
use crate::rootfs::overlay::{Change, LayerEntry};
use crate::rootfs::{Content, Entry, Kind, Limits, Meta, RootPath, Sparse};

/// The reasons for which a layer's tar is refused.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("its entry {path} is invalid")]
    Entry {
        path: String,
        #[source]
        cause: EntryError,
    },
    #[error("cannot read its tar")]
    Io(#[from] io::Error),
    #[error("it unpacks to more than {limit} bytes")]
    Size { limit: u64 },
    #[error("it has more than {limit} entries")]
    Entries { limit: u64 },
    #[error("its names, link targets and attributes have more than {limit} bytes together")]
    Names { limit: u64 },
}

/// The reasons for which an entry is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    #[error(transparent)]
    TarError(#[from] TarError),
    #[error("its {what} is longer than {limit} bytes")]
    TooLong { what: &'static str, limit: u64 },
    #[error("its name leads out of the image")]
    LeadsOut,
    #[error("it is a hardlink out of the image")]
    HardLinkOut,
    #[error("it is a link to nothing")]
    LinkToNothing,
    #[error("it takes the place of the root folder")]
    Root,
    #[error("its owner {0} is out of range")]
    Owner(u64),
    #[error("it says that it has {size} bytes: the layer unpacks to more than {limit} bytes")]
    Size { size: u64, limit: u64 },
}

impl ReadError {
    /// Returns the key of `[limits]` that would have to be raised.
    #[must_use]
    pub fn limit(&self) -> Option<&'static str> {
        match self {
            Self::Size { .. } | Self::Entry { cause: EntryError::Size { .. }, .. } => Some("layer-size"),
            Self::Entries { .. } => Some("layer-entries"),
            Self::Names { .. } => Some("layer-names"),
            Self::Entry { cause: EntryError::TooLong { .. }, .. } => Some("name-length"),
            Self::Entry { .. } | Self::Io(_) => None,
        }
    }
}

/// Lists the entries of the tar unpacked from `blob`, in their order, with the SHA-256 of
/// each file's data.
///
/// # Errors
/// Names that lead outside, are too long, or are no hardlink's target; entries that tar
/// readers disagree on; types that no image needs; more of anything than its limit.
pub fn list(tar: impl Read + Seek, blob: Digest, limits: &Limits) -> Result<Vec<LayerEntry>, ReadError> {
    entries(&mut TarReader::new(tar)?, blob, limits)
}

/// Lists a tar of `length` bytes as [`list`] does, and hashes it in the same pass: what is
/// listed is what was hashed. Returns the digest of the whole with the entries.
///
/// # Errors
/// Errors of `list`; a tar of another length.
pub fn list_hashed(
    tar: impl Read,
    length: u64,
    blob: Digest,
    limits: &Limits,
) -> Result<(Vec<LayerEntry>, Digest), ReadError> {
    let hashing = HashingReader { tar, hasher: Hasher::default(), piece: vec![0; PIECE], left: length };
    let mut archive = TarReader::of(hashing, length);
    let entries = entries(&mut archive, blob, limits)?;
    let mut hashing = archive.into_input();
    hashing.forward(hashing.left)?;
    Ok((entries, hashing.hasher.finish()))
}

/// The number of bytes that are hashed at once.
const PIECE: usize = 128 << 10;

/// A tar that is hashed as it is read. Nothing is passed over.
struct HashingReader<R> {
    tar: R,
    hasher: Hasher,
    piece: Vec<u8>,
    /// Bytes that are not read yet.
    left: u64,
}

impl<R: Read> TarInput for HashingReader<R> {
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        self.tar.read_exact(buffer)?;
        self.hasher.update(buffer);
        self.left = self.left.saturating_sub(buffer.len() as u64);
        Ok(())
    }

    fn forward(&mut self, mut bytes: u64) -> io::Result<()> {
        while bytes > 0 {
            let length = usize::try_from(bytes).unwrap_or(PIECE).min(PIECE);
            let mut piece = std::mem::take(&mut self.piece);
            let filled = self.fill(&mut piece[..length]);
            self.piece = piece;
            filled?;
            bytes -= length as u64;
        }
        Ok(())
    }
}

fn entries<I: TarInput>(
    archive: &mut TarReader<I>,
    blob: Digest,
    limits: &Limits,
) -> Result<Vec<LayerEntry>, ReadError> {
    let mut tally = LimitCounter::new(archive.length(), limits)?;
    let mut out = Vec::new();
    loop {
        let record = archive.entry().map_err(|cause| at(archive.name(), cause.into()))?;
        let Some(record) = record else { return Ok(out) };
        tally.record(&record)?;
        let digest = match (record.kind, &record.extents) {
            (EntryType::File, None) => archive.digest(record.offset, record.size),
            (EntryType::File, Some(extents)) => {
                archive.digest(record.offset, extents.iter().map(|extent| extent.length).sum())
            }
            _ => Ok(Digest::of(b"")),
        };
        let digest = digest.map_err(|cause| at(archive.name(), cause.into()))?;
        out.push(one(record, blob, digest, limits).map_err(|cause| at(archive.name(), cause))?);
    }
}

/// Counts of a layer's entries and bytes, compared with the limits.
pub(super) struct LimitCounter<'a> {
    limits: &'a Limits,
    entries: u64,
    names: u64,
    expanded: u64,
}

impl<'a> LimitCounter<'a> {
    /// Nothing yet of a tar of so many bytes.
    pub(super) fn new(tar: u64, limits: &'a Limits) -> Result<Self, ReadError> {
        if tar > limits.layer_size {
            return Err(ReadError::Size { limit: limits.layer_size });
        }
        Ok(Self { limits, entries: 0, names: 0, expanded: 0 })
    }

    /// Counts an entry of an archive.
    fn record(&mut self, record: &TarEntry) -> Result<(), ReadError> {
        self.count(weight(record), record.extents.as_ref().map(|_| record.size))
    }

    /// Counts an entry: the bytes that it keeps in memory, and a sparse file's length.
    fn count(&mut self, weight: u64, sparse: Option<u64>) -> Result<(), ReadError> {
        let limits = self.limits;
        if self.entries == limits.layer_entries {
            return Err(ReadError::Entries { limit: limits.layer_entries });
        }
        self.entries += 1;
        self.names = self.names.saturating_add(weight);
        if self.names > limits.layer_names {
            return Err(ReadError::Names { limit: limits.layer_names });
        }
        self.expanded = self.expanded.saturating_add(sparse.unwrap_or(0));
        if self.expanded > limits.layer_size {
            return Err(ReadError::Size { limit: limits.layer_size });
        }
        Ok(())
    }

    /// Counts an entry that was listed before.
    pub(super) fn add(&mut self, entry: &LayerEntry) -> Result<(), ReadError> {
        let (link, xattrs, sparse): (&[u8], _, _) = match &entry.change {
            Change::HardLink { target } => (target.as_bytes(), None, None),
            Change::Put(put) => match &put.kind {
                Kind::Link(target) => (target, Some(&put.meta.xattrs), None),
                Kind::File(Content::Sparse(sparse)) => (b"", Some(&put.meta.xattrs), Some(sparse)),
                _ => (b"", Some(&put.meta.xattrs), None),
            },
        };
        let limit = self.limits.name_length;
        for (bytes, what) in [(entry.path.as_bytes(), "name"), (link, "target")] {
            if bytes.len() as u64 > limit {
                return Err(at(entry.path.as_bytes(), EntryError::TooLong { what, limit }));
            }
        }
        let xattrs = xattrs.into_iter().flatten().map(|(name, value)| name.len() + value.len() + 64);
        let extents = sparse.map_or(0, |sparse| 16 * sparse.extents.len());
        let weight = entry.path.as_bytes().len() + link.len() + xattrs.sum::<usize>() + extents;
        self.count(weight as u64, sparse.map(|sparse| sparse.size))
    }
}

/// Walks a tar that is still being unpacked, as far as its headers make sense and its bytes
/// come. What the reader of the whole tar would refuse is refused here as soon as it is
/// known, before the entry's data has come.
///
/// # Errors
/// An entry that says that it is longer than a layer may be; headers that tar readers
/// disagree on; more entries, names or bytes in files with holes than a layer may have.
pub(super) fn watch<I: TarInput>(archive: &mut TarReader<I>, limits: &Limits) -> Result<(), ReadError> {
    let mut tally = LimitCounter::new(0, limits)?;
    loop {
        let record = match archive.entry() {
            Ok(Some(record)) => record,
            // The reader of the whole tar knows better why it ends here.
            Ok(None) | Err(TarError::Io(_)) => return Ok(()),
            Err(fault) => return Err(at(archive.name(), fault.into())),
        };
        let limit = limits.layer_size;
        if archive.end() > limit || record.size > limit {
            return Err(at(archive.name(), EntryError::Size { size: record.size, limit }));
        }
        tally.record(&record)?;
    }
}

fn at(name: &[u8], cause: EntryError) -> ReadError {
    ReadError::Entry { path: format!("`{}`", printable::bytes(&name[..name.len().min(200)])), cause }
}

/// Returns the bytes that an entry keeps in memory beside its fields.
fn weight(record: &TarEntry) -> u64 {
    let xattrs = record.xattrs.iter().map(|(name, value)| name.len() + value.len() + 64);
    let extents = record.extents.as_ref().map_or(0, |extents| 16 * extents.len());
    (record.name.len() + record.link.len() + xattrs.sum::<usize>() + extents) as u64
}

fn one(record: TarEntry, blob: Digest, digest: Digest, limits: &Limits) -> Result<LayerEntry, EntryError> {
    let bounded = |bytes: &[u8], what| {
        let limit = limits.name_length;
        if bytes.len() as u64 > limit { Err(EntryError::TooLong { what, limit }) } else { Ok(()) }
    };
    bounded(&record.name, "name")?;
    bounded(&record.link, "target")?;
    let path = RootPath::new(&record.name).map_err(|_| EntryError::LeadsOut)?;
    // GNU tar takes an empty name for the root.
    if path.is_root() && (record.kind != EntryType::Folder || record.name.is_empty()) {
        return Err(EntryError::Root);
    }
    let id = |value| u32::try_from(value).map_err(|_| EntryError::Owner(value));
    let meta = Meta {
        mode: u32::try_from(record.mode & 0o7777).unwrap_or_default(),
        uid: id(record.uid)?,
        gid: id(record.gid)?,
        xattrs: record.xattrs,
    };
    let TarEntry { offset, size, link, .. } = record;
    let kind = match record.kind {
        EntryType::Folder => Kind::Folder,
        EntryType::Special => Kind::Special,
        EntryType::Link | EntryType::HardLink if link.is_empty() => return Err(EntryError::LinkToNothing),
        EntryType::Link => Kind::Link(link),
        EntryType::HardLink => {
            let target = RootPath::new(link).map_err(|_| EntryError::HardLinkOut)?;
            return Ok(LayerEntry { path, change: Change::HardLink { target } });
        }
        EntryType::File => Kind::File(match record.extents {
            None => Content::Layer { blob, offset, size, digest },
            Some(extents) => Content::Sparse(Arc::new(Sparse { blob, offset, size, extents, data: digest })),
        }),
    };
    Ok(LayerEntry { path, change: Change::Put(Arc::new(Entry { meta, kind })) })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Cursor;

    use tar::EntryType;

    use super::*;
    use crate::diagnostic::chain;

    fn archive(kind: EntryType, name: &str, link: &str, data: &[u8]) -> Cursor<Vec<u8>> {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
        header.set_size(data.len() as u64);
        header.set_mode(0o100_755);
        header.set_uid(3);
        header.set_gid(4);
        header.set_cksum();
        let mut builder = tar::Builder::new(Vec::new());
        builder.append(&header, data).unwrap();
        Cursor::new(builder.into_inner().unwrap())
    }

    #[test]
    fn what_is_listed_is_what_was_hashed() {
        let blob = Digest::of(b"");
        for data in [vec![], vec![7; 3], vec![8; 300_000]] {
            let tar = archive(EntryType::Regular, "a", "", &data).into_inner();
            let length = tar.len() as u64;
            let (entries, digest) = list_hashed(&tar[..], length, blob, &Limits::default()).unwrap();
            assert_eq!(digest, Digest::of(&tar));
            assert_eq!(entries, list(Cursor::new(&tar), blob, &Limits::default()).unwrap());
            assert!(list_hashed(&tar[..tar.len() - 1], length, blob, &Limits::default()).is_err());
        }
    }

    #[test]
    fn a_file_is_found_by_its_offset() {
        let blob = Digest::of(b"");
        let tar = archive(EntryType::Regular, "./usr//bin/x", "", b"content");
        let entries = list(tar.clone(), blob, &Limits::default()).unwrap();
        let meta = Meta { mode: 0o755, uid: 3, gid: 4, xattrs: BTreeMap::new() };
        let kind = Kind::File(Content::Layer { blob, offset: 512, size: 7, digest: Digest::of(b"content") });
        let path = RootPath::new("usr/bin/x").unwrap();
        assert_eq!(entries, [LayerEntry { path, change: Change::Put(Arc::new(Entry { meta, kind })) }]);
        assert_eq!(&tar.into_inner()[512..519], b"content");
    }

    #[test]
    fn hostile_entries_are_named() {
        let blob = Digest::of(b"");
        for (tar, says) in [
            (archive(EntryType::Regular, "a/../../b", "", b""), "leads out"),
            (archive(EntryType::Link, "a", "../b", b""), "hardlink out"),
            (archive(EntryType::new(b'V'), "a", "", b""), "its type is none"),
        ] {
            let error = chain(&list(tar, blob, &Limits::default()).unwrap_err());
            assert!(error.contains(says), "{error}");
        }
        for length in [100, 511, 513, 700, 2559] {
            let mut cut = archive(EntryType::Regular, "a", "", &[1; 2000]).into_inner();
            cut.truncate(length);
            let error = chain(&list(Cursor::new(cut), blob, &Limits::default()).unwrap_err());
            assert!(error.ends_with("the archive ends in the middle of it"), "{error}");
        }
    }

    #[test]
    fn a_limit_that_is_hit_is_named() {
        let full = Limits::default();
        for (limits, key) in [
            (Limits { layer_entries: 0, ..full }, "layer-entries"),
            (Limits { layer_names: 3, ..full }, "layer-names"),
            (Limits { name_length: 3, ..full }, "name-length"),
            (Limits { layer_size: 511, ..full }, "layer-size"),
        ] {
            let error = list(archive(EntryType::Link, "name", "target", b""), Digest::of(b""), &limits).unwrap_err();
            assert_eq!(error.limit(), Some(key), "{error}");
        }
    }

    #[test]
    fn names_are_shown_on_one_line() {
        let error = at(b"a\n\xffb\xc3\xa9", EntryError::LeadsOut);
        assert_eq!(chain(&error), "its entry `a\\n\\xffb\u{e9}` is invalid: its name leads out of the image");
    }
}
