//! The files of an image layer.

use std::collections::BTreeMap;

use tar::{EntryType, Header};

/// Every time in the made-up images.
const TIME: u64 = 1_700_000_000;

#[derive(Clone)]
enum Kind {
    File(Vec<u8>),
    Folder,
    Link(String),
    HardLink(String),
}

#[derive(Clone)]
struct Entry {
    kind: Kind,
    mode: u32,
    owner: u64,
    /// PAX records, such as extended attributes.
    attributes: Vec<(String, Vec<u8>)>,
}

/// Files, folders and links by their paths, which do not begin with a slash.
#[derive(Clone, Default)]
pub struct Files(BTreeMap<String, Entry>);

impl Files {
    fn put(mut self, path: &str, mode: u32, kind: Kind) -> Self {
        let before = self.0.insert(path.to_owned(), Entry { kind, mode, owner: 0, attributes: Vec::new() });
        assert!(before.is_none(), "{path} twice");
        self
    }

    /// A file with mode 0644.
    pub fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.put(path, 0o644, Kind::File(content.as_ref().to_vec()))
    }

    /// A file with mode 0755.
    pub fn program(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.put(path, 0o755, Kind::File(content.as_ref().to_vec()))
    }

    pub fn folder(self, path: &str, mode: u32) -> Self {
        self.put(path, mode, Kind::Folder)
    }

    pub fn link(self, path: &str, target: &str) -> Self {
        self.put(path, 0o777, Kind::Link(target.to_owned()))
    }

    pub fn hard_link(self, path: &str, target: &str) -> Self {
        self.put(path, 0o755, Kind::HardLink(target.to_owned()))
    }

    /// Gives an entry a mode and an owner, both user and group.
    pub fn owned(mut self, path: &str, mode: u32, owner: u64) -> Self {
        let entry = self.0.get_mut(path).unwrap();
        (entry.mode, entry.owner) = (mode, owner);
        self
    }

    /// Gives an entry an extended attribute.
    pub fn attribute(mut self, path: &str, name: &str, value: &[u8]) -> Self {
        self.0.get_mut(path).unwrap().attributes.push((format!("SCHILY.xattr.{name}"), value.to_vec()));
        self
    }

    /// Adds the entries of others.
    pub fn and(mut self, others: Self) -> Self {
        for (path, entry) in others.0 {
            let is_folder = matches!(entry.kind, Kind::Folder);
            let before = self.0.insert(path.clone(), entry);
            assert!(before.is_none() || is_folder, "{path} twice");
        }
        self
    }

    /// The paths of all entries.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The regular files with their content.
    pub fn contents(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().filter_map(|(path, entry)| match &entry.kind {
            Kind::File(content) => Some((path.as_str(), content.as_slice())),
            _ => None,
        })
    }

    /// The layer: entries sorted, after their folders, which have mode 0755 unless they
    /// are entries themselves.
    pub fn tar(&self) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        let folder = || Entry { kind: Kind::Folder, mode: 0o755, owner: 0, attributes: Vec::new() };
        let mut all: BTreeMap<&str, Entry> = BTreeMap::new();
        for path in self.0.keys() {
            all.extend(path.match_indices('/').map(|(at, _)| (&path[..at], folder())));
        }
        all.extend(self.0.iter().map(|(path, entry)| (path.as_str(), entry.clone())));
        // Hard links come after the files that they name.
        let (links, others): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|(_, entry)| matches!(entry.kind, Kind::HardLink(_)));
        for (path, entry) in others.into_iter().chain(links) {
            let attributes = entry.attributes.iter().map(|(name, value)| (name.as_str(), value.as_slice()));
            tar.append_pax_extensions(attributes).unwrap();
            entry.append(&mut tar, path);
        }
        tar.into_inner().unwrap()
    }
}

impl Entry {
    fn append(&self, tar: &mut tar::Builder<Vec<u8>>, path: &str) {
        let mut header = Header::new_gnu();
        header.set_mode(self.mode);
        header.set_uid(self.owner);
        header.set_gid(self.owner);
        header.set_mtime(TIME);
        header.set_size(0);
        match &self.kind {
            Kind::File(content) => {
                header.set_size(content.len() as u64);
                tar.append_data(&mut header, path, content.as_slice()).unwrap();
            }
            Kind::Folder => {
                header.set_entry_type(EntryType::Directory);
                tar.append_data(&mut header, format!("{path}/"), &[][..]).unwrap();
            }
            Kind::Link(target) => {
                header.set_entry_type(EntryType::Symlink);
                tar.append_link(&mut header, path, target).unwrap();
            }
            Kind::HardLink(target) => {
                header.set_entry_type(EntryType::Link);
                tar.append_link(&mut header, path, target).unwrap();
            }
        }
    }
}
