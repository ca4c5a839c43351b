//! The tars of pulled layers. Each is opened once, and its files are verified when they are read.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::compose::Contents;
use crate::layer::{TarFiles, contents};
use crate::oci::{DiffId, Digest};
use crate::rootfs::{Content, ReadSeek};
use crate::store::{Cache, CacheKind};

/// The tars that a run opens.
pub struct LayerTars {
    cache: Arc<Cache>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// The cache's key of each blob's tar.
    keys: HashMap<Digest, Digest>,
    open: HashMap<Digest, Arc<File>>,
    /// Verified files, by blob and offset.
    verified: HashSet<(Digest, u64)>,
    /// Blobs with damaged tars.
    damaged: HashSet<Digest>,
}

impl LayerTars {
    pub fn new(cache: Arc<Cache>) -> Self {
        Self { cache, known: Mutex::default() }
    }

    /// Returns the cache's key of the tar that a blob unpacks to. The diff id is part of the key, so
    /// that an image with another diff id in its configuration never gets this tar.
    pub fn key(&self, blob: &Digest, diff_id: DiffId) -> Digest {
        let key = Digest::of(format!("{blob} {diff_id}").as_bytes());
        self.with(|known| known.keys.insert(*blob, key));
        key
    }

    /// Returns whether any tar turned out to be damaged after its listing was used.
    pub fn any_damaged(&self) -> bool {
        self.with(|known| !known.damaged.is_empty())
    }

    fn with<T>(&self, work: impl FnOnce(&mut Known) -> T) -> T {
        work(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Contents for LayerTars {
    fn open(&self, content: &Content) -> io::Result<Box<dyn ReadSeek>> {
        contents::open(content, self)
    }

    fn magic(&self, content: &Content) -> io::Result<[u8; 4]> {
        contents::magic(content, self)
    }
}

impl TarFiles for LayerTars {
    fn tar(&self, blob: &Digest) -> io::Result<Arc<File>> {
        let lost = || io::Error::other(format!("the cache no longer has layer {}", blob.short()));
        self.with(|known| {
            if let Some(file) = known.open.get(blob) {
                return Ok(file.clone());
            }
            let key = known.keys.get(blob).ok_or_else(lost)?;
            let file = self.cache.open(CacheKind::Tar, key).map_err(io::Error::other)?;
            // Another process may have dropped a damaged tar: it is pulled again.
            let file = file.ok_or_else(|| {
                known.damaged.insert(*blob);
                lost()
            })?;
            let file = Arc::new(file);
            known.open.insert(*blob, file.clone());
            Ok(file)
        })
    }

    fn is_verified(&self, blob: &Digest, offset: u64) -> bool {
        self.with(|known| known.verified.contains(&(*blob, offset)))
    }

    fn set_verified(&self, blob: &Digest, offset: u64) {
        self.with(|known| known.verified.insert((*blob, offset)));
    }

    fn damaged(&self, blob: &Digest) -> io::Error {
        let (new, key) = self.with(|known| (known.damaged.insert(*blob), known.keys.get(blob).copied()));
        if let Some(key) = key.filter(|_| new) {
            self.cache.damaged(CacheKind::Tar, &key, &format!("the tar of layer {}", blob.short()));
        }
        io::Error::new(io::ErrorKind::InvalidData, format!("the cached tar of layer {} is damaged", blob.short()))
    }
}
