//! The stored form of a stage's changes: compact and versioned. The cache adds a digest of its
//! own.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::reasons::Because;
use super::source_image::SourceImageId;
use super::stage::{Changes, Facts};
use crate::elf;
use crate::image::{LayerId, LayerKind};
use crate::layer::recipe::Recipe;
use crate::oci::{CompressionLevel, Digest};
use crate::rootfs::entry::Extent;
use crate::rootfs::{ArchiveFile, Content, Entry, Kind, LocalFile, Meta, RootPath, Sparse, ZipEntry};

/// Raised whenever the stored form changes.
pub(super) const FORMAT: u32 = 3;

#[derive(Serialize, Deserialize)]
struct StoredChanges {
    format: u32,
    /// The wheels that files come from, each once.
    archives: Vec<StoredArchive>,
    layers: Vec<StoredLayer>,
    reasons: Vec<(RootPath, LayerKind, Because)>,
    needs: Vec<(RootPath, RootPath)>,
    origins: Vec<(RootPath, Option<(SourceImageId, RootPath)>)>,
    process: Option<elf::LoaderState>,
    programs: Vec<RootPath>,
    without_libraries: BTreeSet<RootPath>,
    facts: Facts,
}

#[derive(Serialize, Deserialize)]
struct StoredArchive {
    name: String,
    path: Vec<u8>,
    digest: Digest,
}

#[derive(Serialize, Deserialize)]
struct StoredLayer {
    id: LayerId,
    timestamp: u64,
    compression: CompressionLevel,
    entries: Vec<StoredEntry>,
}

#[derive(Serialize, Deserialize)]
struct StoredEntry {
    path: RootPath,
    mode: u32,
    uid: u32,
    gid: u32,
    xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    kind: StoredKind,
}

#[derive(Serialize, Deserialize)]
enum StoredKind {
    Folder,
    Special,
    Link(Vec<u8>),
    Layer {
        blob: Digest,
        offset: u64,
        size: u64,
        digest: Digest,
    },
    Sparse {
        blob: Digest,
        offset: u64,
        size: u64,
        extents: Vec<(u64, u64)>,
        data: Digest,
    },
    Bytes(Vec<u8>),
    Local {
        path: Vec<u8>,
        size: u64,
        executable: bool,
        digest: Digest,
        magic: [u8; 4],
    },
    /// An entry of a wheel. `archive` is the wheel's index in the table of archives.
    ZipEntry {
        archive: usize,
        offset: u64,
        packed: u64,
        size: u64,
        deflated: bool,
        digest: Digest,
    },
}

impl Changes {
    /// Encodes the changes. None for changes that no stage makes.
    #[must_use]
    pub fn encode(&self) -> Option<Vec<u8>> {
        let mut archives = Archives::default();
        let layer = |(id, recipe): (&LayerId, &Arc<Recipe>)| StoredLayer {
            id: id.clone(),
            timestamp: recipe.timestamp(),
            compression: recipe.compression(),
            entries: recipe.entries().map(|(path, entry)| archives.entry(path, entry)).collect(),
        };
        let layers = self.layers.iter().map(layer).collect();
        let reasons = self.reasons.iter().map(|(path, (layer, because))| (path.clone(), *layer, because.clone()));
        let stored = StoredChanges {
            format: FORMAT,
            archives: archives.list,
            layers,
            reasons: reasons.collect(),
            needs: self.needs.clone(),
            origins: self.origins.iter().map(|(path, origin)| (path.clone(), origin.clone())).collect(),
            process: self.process.clone(),
            programs: self.programs.clone(),
            without_libraries: self.without_libraries.clone(),
            facts: self.facts.clone(),
        };
        postcard::to_allocvec(&stored).ok()
    }

    /// Decodes the bytes of `encode`; none for anything else.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let stored: StoredChanges = postcard::from_bytes(bytes).ok()?;
        if stored.format != FORMAT {
            return None;
        }
        let archives: Vec<_> = stored.archives.into_iter().map(|archive| Arc::new(archive.restore())).collect();
        let layer = |layer: StoredLayer| {
            let entries = layer.entries.into_iter().map(|entry| entry.restore(&archives)).collect::<Option<_>>()?;
            Some((layer.id, Arc::new(Recipe::restore(entries, layer.timestamp, layer.compression))))
        };
        Some(Self {
            layers: stored.layers.into_iter().map(layer).collect::<Option<_>>()?,
            reasons: stored.reasons.into_iter().map(|(path, layer, because)| (path, (layer, because))).collect(),
            needs: stored.needs,
            origins: stored.origins.into_iter().collect(),
            process: stored.process,
            programs: stored.programs,
            without_libraries: stored.without_libraries,
            facts: stored.facts,
        })
    }
}

/// The table of wheels while it is built.
#[derive(Default)]
struct Archives {
    list: Vec<StoredArchive>,
    known: HashMap<Arc<ArchiveFile>, usize>,
}

impl Archives {
    fn index(&mut self, file: &Arc<ArchiveFile>) -> usize {
        if let Some(index) = self.known.get(file) {
            return *index;
        }
        let path = file.path.as_os_str().as_bytes().to_vec();
        self.list.push(StoredArchive { name: file.name.clone(), path, digest: file.digest });
        self.known.insert(file.clone(), self.list.len() - 1);
        self.list.len() - 1
    }

    fn entry(&mut self, path: &RootPath, entry: &Entry) -> StoredEntry {
        let Meta { mode, uid, gid, xattrs } = entry.meta.clone();
        StoredEntry { path: path.clone(), mode, uid, gid, xattrs, kind: self.kind(&entry.kind) }
    }

    fn kind(&mut self, kind: &Kind) -> StoredKind {
        match kind {
            Kind::Folder => StoredKind::Folder,
            Kind::Special => StoredKind::Special,
            Kind::Link(target) => StoredKind::Link(target.clone()),
            Kind::File(Content::Bytes(bytes)) => StoredKind::Bytes(bytes.to_vec()),
            Kind::File(Content::Layer { blob, offset, size, digest }) => {
                StoredKind::Layer { blob: *blob, offset: *offset, size: *size, digest: *digest }
            }
            Kind::File(Content::Sparse(sparse)) => StoredKind::Sparse {
                blob: sparse.blob,
                offset: sparse.offset,
                size: sparse.size,
                extents: sparse.extents.iter().map(|extent| (extent.offset, extent.length)).collect(),
                data: sparse.data,
            },
            Kind::File(Content::Local(file)) => StoredKind::Local {
                path: file.path.as_os_str().as_bytes().to_vec(),
                size: file.size,
                executable: file.executable,
                digest: file.digest,
                magic: file.magic,
            },
            Kind::File(Content::ZipEntry(entry)) => StoredKind::ZipEntry {
                archive: self.index(&entry.archive),
                offset: entry.offset,
                packed: entry.packed,
                size: entry.size,
                deflated: entry.deflated,
                digest: entry.digest,
            },
        }
    }
}

impl StoredArchive {
    fn restore(self) -> ArchiveFile {
        ArchiveFile { name: self.name, path: os_path(self.path), digest: self.digest }
    }
}

impl StoredEntry {
    fn restore(self, archives: &[Arc<ArchiveFile>]) -> Option<(RootPath, Arc<Entry>)> {
        let Self { path, mode, uid, gid, xattrs, kind } = self;
        let entry = Entry { meta: Meta { mode, uid, gid, xattrs }, kind: kind.restore(archives)? };
        Some((path, Arc::new(entry)))
    }
}

impl StoredKind {
    fn restore(self, archives: &[Arc<ArchiveFile>]) -> Option<Kind> {
        Some(Kind::File(match self {
            Self::Folder => return Some(Kind::Folder),
            Self::Special => return Some(Kind::Special),
            Self::Link(target) => return Some(Kind::Link(target)),
            Self::Bytes(bytes) => Content::Bytes(bytes.into()),
            Self::Layer { blob, offset, size, digest } => Content::Layer { blob, offset, size, digest },
            Self::Sparse { blob, offset, size, extents, data } => {
                let extents = extents.into_iter().map(|(offset, length)| Extent { offset, length }).collect();
                Content::Sparse(Arc::new(Sparse { blob, offset, size, extents, data }))
            }
            Self::Local { path, size, executable, digest, magic } => {
                Content::Local(Arc::new(LocalFile { path: os_path(path), size, executable, digest, magic }))
            }
            Self::ZipEntry { archive, offset, packed, size, deflated, digest } => {
                let archive = archives.get(archive)?.clone();
                Content::ZipEntry(Arc::new(ZipEntry { archive, offset, packed, size, deflated, digest }))
            }
        }))
    }
}

fn os_path(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> RootPath {
        RootPath::new(name).unwrap()
    }

    fn entries() -> BTreeMap<RootPath, Arc<Entry>> {
        let digest = Digest::of(b"x");
        let archive = Arc::new(ArchiveFile { name: "a.whl".to_owned(), path: PathBuf::from("/w/a"), digest });
        let zip = |offset| {
            let archive = archive.clone();
            Content::ZipEntry(Arc::new(ZipEntry { archive, offset, packed: 1, size: 2, deflated: true, digest }))
        };
        let sparse =
            Sparse { blob: digest, offset: 1, size: 9, extents: vec![Extent { offset: 2, length: 3 }], data: digest };
        let local = LocalFile { path: PathBuf::from("/p/x"), size: 1, executable: true, digest, magic: *b"abcd" };
        let contents = [
            zip(1),
            zip(7),
            Content::Bytes(Arc::from(&b"text"[..])),
            Content::Layer { blob: digest, offset: 5, size: 6, digest },
            Content::Sparse(Arc::new(sparse)),
            Content::Local(Arc::new(local)),
        ];
        let xattrs = BTreeMap::from([(b"user.x".to_vec(), b"y".to_vec())]);
        let files = contents.into_iter().enumerate().map(|(at, content)| {
            let meta = Meta { mode: 0o640, uid: 1, gid: 2, xattrs: xattrs.clone() };
            (path(&format!("f{at}")), Arc::new(Entry { meta, kind: Kind::File(content) }))
        });
        files.chain([(path("d"), Arc::new(Entry::folder(0o700))), (path("l"), Arc::new(Entry::link("d")))]).collect()
    }

    #[test]
    fn changes_come_back_as_they_were_and_anything_else_is_none() {
        let recipe = Recipe::restore(entries(), 7, CompressionLevel::default());
        let facts = Facts {
            diagnostics: vec![crate::diagnostic::Diagnostic::warning(crate::diagnostic::Code::NoWheel, "w")],
            ..Facts::default()
        };
        let changes = Changes {
            layers: [(LayerKind::Runtime.into(), Arc::new(recipe))].into(),
            reasons: [(path("f0"), (LayerKind::Runtime, Because::NeededBy(vec![path("f1")])))].into(),
            needs: vec![(path("f0"), path("l"))],
            origins: [(path("f0"), Some((0, path("g")))), (path("f1"), None)].into(),
            programs: vec![path("usr/bin")],
            facts,
            ..Changes::default()
        };
        let bytes = changes.encode().unwrap();
        assert_eq!(Changes::decode(&bytes), Some(changes));
        for end in 0..bytes.len() {
            assert_eq!(Changes::decode(&bytes[..end]), None, "cut off at {end}");
        }
        let mut newer = bytes.clone();
        newer[0] += 1;
        assert_eq!(Changes::decode(&newer), None);
    }
}
