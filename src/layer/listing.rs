//! The listing of a layer's tar: its length, its entries, and the SHA-256 of each file's data. With
//! it the tar's headers are read once, and its files are verified whenever they are read.
//!
//! The encoding is for the cache, which gives back what it was given or nothing. It
//! names no layer: the same tar has the same facts.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::read::{LimitCounter, ReadError};
use crate::oci::Digest;
use crate::rootfs::entry::Extent;
use crate::rootfs::overlay::{Change, LayerEntry};
use crate::rootfs::{Content, Entry, Kind, Limits, Meta, RootPath, Sparse};

/// Raised whenever the same tar gives other facts, or they are encoded otherwise.
pub const FORMAT: u32 = 1;

/// The facts of a layer's tar.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TarListing {
    /// The tar's length in bytes.
    pub size: u64,
    /// In the tar's order.
    pub entries: Vec<LayerEntry>,
}

#[derive(Serialize, Deserialize)]
struct Encoded {
    size: u64,
    entries: Vec<EncodedEntry>,
}

#[derive(Serialize, Deserialize)]
struct EncodedEntry {
    path: Vec<u8>,
    mode: u32,
    uid: u32,
    gid: u32,
    xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    kind: EncodedKind,
}

#[derive(Serialize, Deserialize)]
enum EncodedKind {
    Folder,
    Special,
    Link(Vec<u8>),
    HardLink(Vec<u8>),
    File { offset: u64, size: u64, digest: [u8; 32] },
    Sparse { offset: u64, size: u64, extents: Vec<(u64, u64)>, data: [u8; 32] },
}

impl TarListing {
    /// Returns the facts as bytes; none of what no tar of a layer holds.
    #[must_use]
    pub fn encode(&self) -> Option<Vec<u8>> {
        let entries = self.entries.iter().map(EncodedEntry::of).collect::<Option<_>>()?;
        postcard::to_allocvec(&Encoded { size: self.size, entries }).ok()
    }

    /// Reads what `encode` wrote, of the tar that was unpacked from `blob`. None for
    /// anything else.
    #[must_use]
    pub fn decode(bytes: &[u8], blob: Digest) -> Option<Self> {
        let Encoded { size, entries } = postcard::from_bytes(bytes).ok()?;
        let entries = entries.into_iter().map(|entry| entry.decode(blob)).collect::<Option<_>>()?;
        Some(Self { size, entries })
    }

    /// Holds the entries against limits, which may be others than when the tar was listed.
    ///
    /// # Errors
    /// More of anything than its limit.
    pub fn check(&self, limits: &Limits) -> Result<(), ReadError> {
        let mut tally = LimitCounter::new(self.size, limits)?;
        self.entries.iter().try_for_each(|entry| tally.add(entry))
    }
}

impl EncodedEntry {
    fn of(entry: &LayerEntry) -> Option<Self> {
        let (meta, kind) = match &entry.change {
            Change::Put(put) => (put.meta.clone(), EncodedKind::of(&put.kind)?),
            Change::HardLink { target } => (Meta::default(), EncodedKind::HardLink(target.as_bytes().to_vec())),
        };
        let Meta { mode, uid, gid, xattrs } = meta;
        Some(Self { path: entry.path.as_bytes().to_vec(), mode, uid, gid, xattrs, kind })
    }

    fn decode(self, blob: Digest) -> Option<LayerEntry> {
        let Self { path, mode, uid, gid, xattrs, kind } = self;
        let path = RootPath::new(path).ok()?;
        let kind = match kind {
            EncodedKind::HardLink(target) => {
                let target = RootPath::new(target).ok()?;
                return Some(LayerEntry { path, change: Change::HardLink { target } });
            }
            EncodedKind::Folder => Kind::Folder,
            EncodedKind::Special => Kind::Special,
            EncodedKind::Link(target) => Kind::Link(target),
            EncodedKind::File { offset, size, digest } => {
                Kind::File(Content::Layer { blob, offset, size, digest: Digest::from_bytes(digest) })
            }
            EncodedKind::Sparse { offset, size, extents, data } => {
                let extents = extents.into_iter().map(|(offset, length)| Extent { offset, length }).collect();
                let data = Digest::from_bytes(data);
                Kind::File(Content::Sparse(Arc::new(Sparse { blob, offset, size, extents, data })))
            }
        };
        let entry = Entry { meta: Meta { mode, uid, gid, xattrs }, kind };
        Some(LayerEntry { path, change: Change::Put(Arc::new(entry)) })
    }
}

impl EncodedKind {
    fn of(kind: &Kind) -> Option<Self> {
        Some(match kind {
            Kind::Folder => Self::Folder,
            Kind::Special => Self::Special,
            Kind::Link(target) => Self::Link(target.clone()),
            Kind::File(Content::Layer { offset, size, digest, .. }) => {
                Self::File { offset: *offset, size: *size, digest: *digest.as_bytes() }
            }
            Kind::File(Content::Sparse(sparse)) => Self::Sparse {
                offset: sparse.offset,
                size: sparse.size,
                extents: sparse.extents.iter().map(|extent| (extent.offset, extent.length)).collect(),
                data: *sparse.data.as_bytes(),
            },
            Kind::File(Content::Bytes(_) | Content::Local(_) | Content::ZipEntry(_)) => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, change: Change) -> LayerEntry {
        LayerEntry { path: RootPath::new(path).unwrap(), change }
    }

    fn facts() -> TarListing {
        let blob = Digest::of(b"blob");
        let put = |kind| {
            let xattrs = BTreeMap::from([(b"user.x".to_vec(), b"\0\xff".to_vec())]);
            let meta = Meta { mode: 0o4755, uid: 7, gid: u32::MAX, xattrs };
            Change::Put(Arc::new(Entry { meta, kind }))
        };
        let file = Content::Layer { blob, offset: 512, size: 7, digest: Digest::of(b"content") };
        let extents = vec![Extent { offset: 5, length: 2 }];
        let sparse = Sparse { blob, offset: 1536, size: 1 << 40, extents, data: Digest::of(b"ab") };
        let entries = vec![
            entry("usr", put(Kind::Folder)),
            entry("usr/\u{e9}", put(Kind::File(file))),
            entry("sparse", put(Kind::File(Content::Sparse(Arc::new(sparse))))),
            entry("dev", put(Kind::Special)),
            entry("link", put(Kind::Link(b"../x".to_vec()))),
            entry("hard", Change::HardLink { target: RootPath::new("usr/x").unwrap() }),
        ];
        TarListing { size: 4096, entries }
    }

    #[test]
    fn what_is_encoded_is_decoded_and_what_is_cut_is_not() {
        let (facts, blob) = (facts(), Digest::of(b"blob"));
        let bytes = facts.encode().unwrap();
        assert_eq!(TarListing::decode(&bytes, blob), Some(facts));
        for end in 0..bytes.len() {
            assert_eq!(TarListing::decode(&bytes[..end], blob), None, "{end}");
        }
        assert_eq!(TarListing::decode(&[0xff; 100], blob), None);
        let made = TarListing { size: 0, entries: vec![entry("x", Change::Put(Arc::new(Entry::bytes(0o644, *b"x"))))] };
        assert_eq!(made.encode(), None);
    }

    #[test]
    fn limits_hold_for_facts_that_were_kept() {
        let (facts, full) = (facts(), Limits { layer_size: 1 << 41, ..Limits::default() });
        assert!(facts.check(&full).is_ok());
        for (limits, key) in [
            (Limits::default(), "layer-size"),
            (Limits { layer_entries: 3, ..full }, "layer-entries"),
            (Limits { layer_names: 30, ..full }, "layer-names"),
            (Limits { name_length: 4, ..full }, "name-length"),
        ] {
            assert_eq!(facts.check(&limits).unwrap_err().limit(), Some(key), "{key}");
        }
    }
}
