//! Adds local files, projects and wheels to the keys of stages.

use std::os::unix::ffi::OsStrExt as _;

use crate::compose::KeyHasher;
use crate::python::wheel::Installed;
use crate::rootfs::{Content, Entry, Kind, LocalFile, LocalKind, Walk};
use crate::wheels::WheelFile;

/// Adds the entries of a walk to a key: paths, contents, modes, and the files' local paths.
pub fn add_walk(key: KeyHasher, walk: &Walk) -> KeyHasher {
    key.each(&walk.entries, |key, entry| {
        let key = key.bytes(&entry.path);
        match &entry.kind {
            LocalKind::Folder => key.text("directory"),
            LocalKind::Link(target) => key.text("link").bytes(target),
            LocalKind::File(file) => add_local_file(key.text("file"), file),
        }
    })
}

/// Adds a local file to a key: content, mode, and local path.
pub fn add_local_file(key: KeyHasher, file: &LocalFile) -> KeyHasher {
    let key = key.bytes(file.path.as_os_str().as_bytes()).digest(&file.digest);
    key.number(file.size).number(u64::from(file.executable))
}

/// Adds a project that is installed from its directory to a key.
pub fn add_installed(key: KeyHasher, installed: &Installed) -> KeyHasher {
    let key = key.text("project").text(&installed.name).text(&installed.version).config(&installed.warnings);
    let entries: Vec<_> = installed.entries.iter().collect();
    key.each(&entries, |key, (path, entry)| add_entry(key.bytes(path.as_bytes()), entry))
}

fn add_entry(key: KeyHasher, Entry { meta, kind }: &Entry) -> KeyHasher {
    let key = key.config(meta);
    match kind {
        Kind::File(Content::Local(file)) => add_local_file(key.text("file"), file),
        Kind::File(content) => key.text("content").config(&content.digest()).number(content.size()),
        Kind::Link(target) => key.text("link").bytes(target),
        Kind::Folder => key.text("directory"),
        Kind::Special => key.text("special"),
    }
}

/// Adds a wheel to a key: its content, its name, and its path, because stages refer to the path.
pub fn add_wheel(key: KeyHasher, file: &WheelFile) -> KeyHasher {
    key.text("wheel").digest(&file.digest).text(&file.name).text(file.path.display())
}
