//! Lists a layer's tar: every entry, and where its bytes are.

use std::collections::BTreeMap;
use std::io::{Read, Seek};

use tar::EntryType;

use super::Limits;
use crate::oci::Digest;
use crate::rootfs::overlay::{Change, LayerEntry};
use crate::rootfs::path::PathError;
use crate::rootfs::{Content, Entry, Kind, Meta, RootPath};

/// What is wrong with a layer's tar.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("entry {path}: {cause}")]
    Entry { path: String, cause: String },
    #[error("it is not a sound tar archive: {cause}")]
    Archive { cause: std::io::Error },
    #[error("it has more than {limit} entries")]
    Entries { limit: usize },
}

/// Lists the entries of the tar unpacked from `blob`, in their order.
///
/// # Errors
/// Names that lead outside, are too long, or are no hardlink's target; entry types
/// that no image needs; more entries than the limit.
pub fn list(tar: impl Read + Seek, blob: Digest, limits: &Limits) -> Result<Vec<LayerEntry>, ReadError> {
    let archive = |cause| ReadError::Archive { cause };
    let mut out = Vec::new();
    let mut reader = tar::Archive::new(tar);
    for entry in reader.entries_with_seek().map_err(archive)? {
        let mut entry = entry.map_err(archive)?;
        if entry.header().entry_type() == EntryType::XGlobalHeader {
            continue;
        }
        if out.len() == limits.entries {
            return Err(ReadError::Entries { limit: limits.entries });
        }
        let listed = one(&mut entry, blob, limits).map_err(|cause| ReadError::Entry {
            path: String::from_utf8_lossy(&entry.path_bytes()).chars().take(200).collect(),
            cause,
        })?;
        out.push(listed);
    }
    Ok(out)
}

fn one<R: Read>(entry: &mut tar::Entry<'_, R>, blob: Digest, limits: &Limits) -> Result<LayerEntry, String> {
    let name = entry.path_bytes().into_owned();
    if name.len() > limits.name {
        return Err(format!("its name is longer than {} bytes", limits.name));
    }
    let path = RootPath::new(name).map_err(|PathError(_)| "its name leads out of the image".to_owned())?;
    let meta = meta(entry)?;
    let put = |kind| Ok(LayerEntry { path: path.clone(), change: Change::Put(Entry { meta: meta.clone(), kind }) });
    match entry.header().entry_type() {
        EntryType::Regular | EntryType::Continuous => {
            let content = Content::Layer { blob, offset: entry.raw_file_position(), size: entry.size() };
            put(Kind::File(content))
        }
        EntryType::Directory => put(Kind::Folder),
        EntryType::Symlink => put(Kind::Link(link_name(entry, limits)?)),
        EntryType::Link => {
            let target = link_name(entry, limits)?;
            let target = RootPath::new(target).map_err(|_| "it is a hardlink out of the image".to_owned())?;
            Ok(LayerEntry { path, change: Change::HardLink { target } })
        }
        EntryType::Char | EntryType::Block | EntryType::Fifo => put(Kind::Special),
        other => Err(format!("its type {other:?} is not supported")),
    }
}

fn link_name<R: Read>(entry: &tar::Entry<'_, R>, limits: &Limits) -> Result<Vec<u8>, String> {
    let target = entry.link_name_bytes().ok_or("it is a link to nothing")?.into_owned();
    if target.len() > limits.name {
        Err(format!("its target is longer than {} bytes", limits.name))
    } else {
        Ok(target)
    }
}

fn meta<R: Read>(entry: &mut tar::Entry<'_, R>) -> Result<Meta, String> {
    let number = |cause: std::io::Error| cause.to_string();
    let id = |value: u64| u32::try_from(value).map_err(|_| format!("owner {value} is out of range"));
    let header = entry.header();
    let mut meta = Meta {
        mode: header.mode().map_err(number)? & 0o7777,
        uid: id(header.uid().map_err(number)?)?,
        gid: id(header.gid().map_err(number)?)?,
        xattrs: BTreeMap::new(),
    };
    for record in entry.pax_extensions().map_err(number)?.into_iter().flatten() {
        let record = record.map_err(number)?;
        let value = record.value_bytes();
        match record.key_bytes() {
            b"uid" => meta.uid = id(decimal(value)?)?,
            b"gid" => meta.gid = id(decimal(value)?)?,
            key => {
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    meta.xattrs.insert(name.to_vec(), value.to_vec());
                }
            }
        }
    }
    Ok(meta)
}

fn decimal(value: &[u8]) -> Result<u64, String> {
    std::str::from_utf8(value)
        .ok()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| "a number in its PAX header is none".to_owned())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

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
    fn a_file_is_found_by_its_offset() {
        let blob = Digest::of(b"");
        let tar = archive(EntryType::Regular, "./usr//bin/x", "", b"content");
        let entries = list(tar.clone(), blob, &Limits::default()).unwrap();
        let meta = Meta { mode: 0o755, uid: 3, gid: 4, xattrs: BTreeMap::new() };
        let kind = Kind::File(Content::Layer { blob, offset: 512, size: 7 });
        let path = RootPath::new("usr/bin/x").unwrap();
        assert_eq!(entries, [LayerEntry { path, change: Change::Put(Entry { meta, kind }) }]);
        assert_eq!(&tar.into_inner()[512..519], b"content");
    }

    #[test]
    fn hostile_entries_are_named() {
        let blob = Digest::of(b"");
        for (tar, says) in [
            (archive(EntryType::Regular, "a/../../b", "", b""), "leads out"),
            (archive(EntryType::Link, "a", "../b", b""), "hardlink out"),
            (archive(EntryType::new(b'V'), "a", "", b""), "not supported"),
        ] {
            let error = list(tar, blob, &Limits::default()).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
        let limits = Limits { entries: 0, ..Limits::default() };
        assert!(matches!(
            list(archive(EntryType::Regular, "a", "", b""), blob, &limits),
            Err(ReadError::Entries { .. })
        ));
        let mut cut = archive(EntryType::Regular, "a", "", &[1; 2000]).into_inner();
        cut.truncate(700);
        assert!(list(Cursor::new(cut), blob, &Limits::default()).is_ok_and(|entries| entries.len() == 1));
    }
}
