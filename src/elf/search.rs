//! The order in which the dynamic loader looks for a library.
//!
//! Source: ld.so(8) and glibc's `elf/dl-load.c`: a name with a slash is a path;
//! else `DT_RPATH` of the object and of those that loaded it (when it has no
//! `DT_RUNPATH`), `DT_RUNPATH`, the cache, the trusted folders.

use super::Object;
use crate::rootfs::RootPath;

/// The folders that glibc trusts without being told, as Debian builds it.
#[must_use]
pub fn trusted_folders(triplet: &str) -> Vec<RootPath> {
    ["lib/", "usr/lib/"]
        .iter()
        .map(|top| format!("{top}{triplet}"))
        .chain(["lib".to_owned(), "usr/lib".to_owned()])
        .filter_map(|folder| RootPath::new(folder).ok())
        .collect()
}

/// The folder where carboy puts libraries that nothing else decides: trusted, and
/// right with and without a merged `/usr`.
#[must_use]
pub fn library_folder(triplet: &str) -> RootPath {
    RootPath::new(format!("usr/lib/{triplet}")).unwrap_or_default()
}

/// Expands `$ORIGIN`, `$LIB` and `$PLATFORM`, bare and in braces, in one entry of a
/// search path. None for entries that are relative, or leave the root.
///
/// `origin` is the folder of the object itself, its links resolved.
#[must_use]
pub fn expand(entry: &[u8], origin: &RootPath, triplet: &str) -> Option<RootPath> {
    let text = std::str::from_utf8(entry).ok()?;
    let machine = triplet.split('-').next().unwrap_or_default();
    let origin_text = format!("/{}", std::str::from_utf8(origin.as_bytes()).ok()?);
    let mut out = text.to_owned();
    for (name, value) in [("ORIGIN", origin_text.as_str()), ("LIB", &format!("lib/{triplet}")), ("PLATFORM", machine)] {
        out = out.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value);
    }
    if !out.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in out.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    RootPath::new(parts.join("/")).ok()
}

/// The folders of an object's own search path, in order: `DT_RUNPATH` alone when
/// there is one, else its `DT_RPATH` and what it inherits.
#[must_use]
pub fn own_folders(object: &Object, origin: &RootPath, inherited: &[RootPath], triplet: &str) -> Vec<RootPath> {
    let expand_all = |entries: &[Vec<u8>]| -> Vec<RootPath> {
        entries.iter().filter_map(|entry| expand(entry, origin, triplet)).collect()
    };
    match &object.runpath {
        Some(runpath) => expand_all(runpath),
        None => expand_all(&object.rpath).into_iter().chain(inherited.iter().cloned()).collect(),
    }
}

/// What objects loaded by this one inherit: its `DT_RPATH` and what it inherits
/// itself; a `DT_RUNPATH` is never inherited, and switches its own `DT_RPATH` off.
#[must_use]
pub fn inherited_folders(object: &Object, origin: &RootPath, inherited: &[RootPath], triplet: &str) -> Vec<RootPath> {
    let own = if object.runpath.is_some() { &[][..] } else { &object.rpath[..] };
    own.iter().filter_map(|entry| expand(entry, origin, triplet)).chain(inherited.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_expand_in_both_spellings() {
        let origin = RootPath::new("usr/local/bin").unwrap();
        for (entry, path) in [
            ("$ORIGIN/../lib", Some("/usr/local/lib")),
            ("${ORIGIN}", Some("/usr/local/bin")),
            ("/opt/$LIB", Some("/opt/lib/x86_64-linux-gnu")),
            ("/opt/${PLATFORM}/x", Some("/opt/x86_64/x")),
            ("$ORIGIN/../../../../..", Some("/")),
            ("lib", None),
        ] {
            let got = expand(entry.as_bytes(), &origin, "x86_64-linux-gnu").map(|path| path.to_string());
            assert_eq!(got.as_deref(), path, "{entry}");
        }
    }
}
