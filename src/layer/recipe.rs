//! The recipe of a layer: its inputs, and the key that names them.
//!
//! A layer is a pure function of its recipe: equal keys, equal bytes. The key
//! changes with [`FORMAT`], so that a newer carboy never takes an older one's layer
//! for its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::oci::digest::Hasher;
use crate::oci::{CompressionLevel, Digest};
use crate::rootfs::overlay::has_whiteout;
use crate::rootfs::resolve::LoopError;
use crate::rootfs::{Content, Entry, Kind, RootPath, Tree};

/// Raised whenever the bytes of a layer change for the same recipe (the writer, the
/// compressors' versions, which are zstd 1.5.7 and zlib-rs 0.6, or their parameters), or
/// the key counts otherwise.
const FORMAT: u32 = 3;

/// A layer's entries, with every parent folder, sorted by path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipe {
    entries: BTreeMap<RootPath, Arc<Entry>>,
    /// Seconds since 1970 that every entry carries.
    timestamp: u64,
    compression: CompressionLevel,
}

/// The reasons for which an entry cannot go into a layer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecipeError {
    #[error("`{0}` has a name that layers keep for whiteouts")]
    Whiteout(RootPath),
    #[error("`{0}` is a device, a pipe or a socket, which no layer should carry")]
    Special(RootPath),
    #[error("`{0}` cannot be written: it is a folder in the layers below")]
    Folder(RootPath),
    #[error("`{path}` cannot be written: `{blocker}` is a file in the layers below")]
    Blocked { path: RootPath, blocker: RootPath },
    #[error(transparent)]
    Loop(#[from] LoopError),
}

impl Recipe {
    /// Makes an empty layer.
    #[must_use]
    pub fn new(timestamp: u64, compression: CompressionLevel) -> Self {
        Self { entries: BTreeMap::new(), timestamp, compression }
    }

    /// Adds an entry at the place that `path` resolves to over the layers below
    /// (and what was added here before), with its parents as they are there.
    ///
    /// A name below a link would replace the link in some runtimes, so every
    /// destination is resolved (containers/podman, jib#1576). Returns the real path.
    ///
    /// # Errors
    /// Whiteout names; devices; parents that are files; loops of links.
    pub fn put(
        &mut self,
        image: &mut Tree,
        path: &RootPath,
        entry: impl Into<Arc<Entry>>,
    ) -> Result<RootPath, RecipeError> {
        let entry = entry.into();
        if entry.kind == Kind::Special {
            return Err(RecipeError::Special(path.clone()));
        }
        let mut real = image.resolve_parent(path)?;
        if entry.is_folder() && image.get(&real).is_some() {
            real = image.resolve(&real)?; // a folder over a link to a folder means that folder
        }
        if real.is_root() {
            return Ok(real);
        }
        if has_whiteout(&real) {
            return Err(RecipeError::Whiteout(real));
        }
        if !entry.is_folder() && image.is_folder(&real) {
            return Err(RecipeError::Folder(real));
        }
        for parent in real.ancestors() {
            match image.get(&parent) {
                None => image.insert(parent.clone(), Entry::folder(0o755)),
                Some(below) if !below.is_folder() => {
                    return Err(RecipeError::Blocked { path: real, blocker: parent });
                }
                Some(_) => {}
            }
            if let Some(folder) = image.share(&parent) {
                self.entries.entry(parent).or_insert(folder);
            }
        }
        image.insert(real.clone(), entry.clone());
        self.entries.insert(real.clone(), entry);
        Ok(real)
    }

    /// Returns the entries, sorted by path.
    pub fn entries(&self) -> impl Iterator<Item = (&RootPath, &Entry)> {
        self.entries.iter().map(|(path, entry)| (path, entry.as_ref()))
    }

    /// Returns the entries, to be shared with a tree.
    pub fn shared(&self) -> impl Iterator<Item = (&RootPath, &Arc<Entry>)> {
        self.entries.iter()
    }

    /// Returns a recipe that was stored.
    #[must_use]
    pub fn restore(entries: BTreeMap<RootPath, Arc<Entry>>, timestamp: u64, compression: CompressionLevel) -> Self {
        Self { entries, timestamp, compression }
    }

    /// Returns whether nothing was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Files, links not counted.
    #[must_use]
    pub fn files(&self) -> u64 {
        self.entries.values().filter(|entry| entry.content().is_some()).count() as u64
    }

    /// Returns the size of all files, in bytes: what packing it will have to read.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.entries.values().filter_map(|entry| entry.content()).map(Content::size).sum()
    }

    /// Returns the time that every entry carries, in seconds since 1970.
    #[must_use]
    pub fn timestamp(&self) -> u64 {
        self.timestamp
    }

    /// Returns the compression of the layer.
    #[must_use]
    pub fn compression(&self) -> CompressionLevel {
        self.compression
    }

    /// Returns the digest of all inputs. Files count by content, not by where they are, so that
    /// every machine computes the same key.
    #[must_use]
    pub fn key(&self) -> Digest {
        let mut key = Key(Hasher::default());
        key.number(u64::from(FORMAT));
        key.number(self.timestamp);
        let (kind, level) = match self.compression {
            CompressionLevel::Zstd { level } => (0, u64::from(level.unsigned_abs())),
            CompressionLevel::Gzip { level } => (1, u64::from(level)),
        };
        key.number(kind);
        key.number(level);
        for (path, entry) in &self.entries {
            key.bytes(path.as_bytes());
            key.entry(entry);
        }
        key.0.finish()
    }
}

/// Feeds values into a hash so that no two sequences of them look the same.
struct Key(Hasher);

impl Key {
    fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.update(bytes);
    }

    fn entry(&mut self, Entry { meta, kind }: &Entry) {
        for number in [meta.mode, meta.uid, meta.gid] {
            self.number(u64::from(number));
        }
        self.number(meta.xattrs.len() as u64);
        for (name, value) in &meta.xattrs {
            self.bytes(name);
            self.bytes(value);
        }
        match kind {
            Kind::Folder => self.bytes(b"folder"),
            Kind::Special => self.bytes(b"special"),
            Kind::Link(target) => {
                self.bytes(b"link");
                self.bytes(target);
            }
            Kind::File(Content::Sparse(sparse)) => {
                self.bytes(b"sparse");
                self.bytes(sparse.data.as_bytes());
                self.number(sparse.size);
                self.number(sparse.extents.len() as u64);
                for extent in &sparse.extents {
                    self.number(extent.offset);
                    self.number(extent.length);
                }
            }
            Kind::File(Content::ZipEntry(member)) => {
                // What RECORD says of it, only another reading of the same wheel may believe.
                self.bytes(b"member");
                self.bytes(member.archive.digest.as_bytes());
                self.bytes(member.digest.as_bytes());
                self.number(member.size);
            }
            Kind::File(content @ (Content::Bytes(_) | Content::Local(_) | Content::Layer { .. })) => {
                self.bytes(b"content");
                self.bytes(content.digest().map_or_else(String::new, |digest| digest.to_string()).as_bytes());
                self.number(content.size());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rootfs::Meta;

    fn path(name: &str) -> RootPath {
        RootPath::new(name).unwrap()
    }

    #[test]
    fn destinations_resolve_and_parents_keep_what_they_were() {
        let tmp = Entry { meta: Meta { uid: 7, ..Meta::root(0o1777) }, kind: Kind::Folder };
        let mut image: Tree = [
            (path("usr/lib"), Entry::folder(0o750)),
            (path("lib"), Entry::link("usr/lib")),
            (path("tmp"), tmp.clone()),
        ]
        .into_iter()
        .collect();
        let mut recipe = Recipe::new(0, CompressionLevel::default());
        recipe.put(&mut image, &path("lib/x/y"), Entry::bytes(0o644, *b"")).unwrap();
        recipe.put(&mut image, &path("tmp/z"), Entry::link("y")).unwrap();
        let entries: Vec<_> = recipe.entries().map(|(path, entry)| format!("{path} {:o}", entry.meta.mode)).collect();
        assert_eq!(
            entries,
            ["/tmp 1777", "/tmp/z 777", "/usr 755", "/usr/lib 750", "/usr/lib/x 755", "/usr/lib/x/y 644"]
        );
        assert!(image.get(&path("usr/lib/x/y")).is_some());
    }

    #[test]
    fn what_cannot_be_written_is_refused() {
        let mut image: Tree = [(path("etc"), Entry::bytes(0o644, *b""))].into_iter().collect();
        let mut recipe = Recipe::new(0, CompressionLevel::default());
        let file = || Entry::bytes(0o644, *b"");
        assert!(matches!(recipe.put(&mut image, &path("etc/x"), file()), Err(RecipeError::Blocked { .. })));
        image.insert(path("srv"), Entry::folder(0o755));
        assert!(matches!(recipe.put(&mut image, &path("srv"), file()), Err(RecipeError::Folder(_))));
        for name in ["a/.wh.x", "a/.wh.x/y", ".wh..wh..opq/x"] {
            assert!(matches!(recipe.put(&mut image, &path(name), file()), Err(RecipeError::Whiteout(_))), "{name}");
        }
    }

    #[test]
    fn the_key_is_the_inputs() {
        let recipe = |timestamp, mode, bytes: &'static [u8]| {
            let mut recipe = Recipe::new(timestamp, CompressionLevel::default());
            recipe.put(&mut Tree::default(), &path("a"), Entry::bytes(mode, bytes)).unwrap();
            recipe.key()
        };
        assert_eq!(recipe(0, 0o644, b"x"), recipe(0, 0o644, b"x"));
        let keys = std::collections::BTreeSet::from([
            recipe(0, 0o644, b"x"),
            recipe(1, 0o644, b"x"),
            recipe(0, 0o755, b"x"),
            recipe(0, 0o644, b"y"),
        ]);
        assert_eq!(keys.len(), 4);
    }
}
