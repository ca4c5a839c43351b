//! The folders that the dynamic loader looks in for a library.
//!
//! Source: ld.so(8) and glibc's `elf/dl-load.c`: a name with a slash is a path;
//! else `DT_RPATH` of the object and of those that loaded it (when it has no
//! `DT_RUNPATH`), `DT_RUNPATH`, the cache, the trusted folders. The order is put
//! together in `locate`.
//!
//! Not searched: `glibc-hwcaps` and the older folders named for processors
//! (`haswell`, `tls` …), which count on some machines only: what is only there is
//! not found everywhere. `$PLATFORM` is the machine's plain name, for the same
//! reason (glibc makes it `haswell` on some of Intel's processors).

use crate::oci::Architecture;
use crate::rootfs::{RootPath, Tree};

/// Returns the folders that glibc always trusts, as Debian builds it.
#[must_use]
pub fn trusted_folders(architecture: &Architecture) -> Vec<RootPath> {
    ["lib/", "usr/lib/"]
        .iter()
        .map(|top| format!("{top}{}", architecture.triplet))
        .chain(["lib".to_owned(), "usr/lib".to_owned()])
        .filter_map(|folder| RootPath::new(folder).ok())
        .collect()
}

/// Returns the folder where carboy puts libraries that nothing else decides: trusted, and right
/// with and without a merged `/usr`.
#[must_use]
pub fn library_folder(architecture: &Architecture) -> RootPath {
    RootPath::new(format!("usr/lib/{}", architecture.triplet)).unwrap_or_default()
}

/// Returns whether `DF_1_NODEFLIB` keeps the loader from taking what the cache has in a folder: it
/// compares names, so folders below the trusted ones are meant too.
#[must_use]
pub fn is_default(folder: &RootPath) -> bool {
    let mut parts = folder.parts();
    match parts.next() {
        Some(b"lib") => true,
        Some(b"usr") => parts.next() == Some(b"lib"),
        _ => false,
    }
}

/// Returns whether ldconfig looks at a file of that name (glibc's `elf/dl-is_dso.h`).
#[must_use]
pub fn is_cacheable(name: &[u8]) -> bool {
    let library = name.starts_with(b"lib") || name.starts_with(b"ld-");
    library && name.windows(3).any(|part| part == b".so")
        || name.starts_with(b"ld.so.")
        || name.starts_with(b"ld64.so.")
}

/// The values of `$ORIGIN`, `$LIB` and `$PLATFORM`.
#[derive(Clone, Copy, Debug)]
pub struct Tokens<'a> {
    /// The folder that the object was found in; none when that is not known.
    pub origin: Option<&'a RootPath>,
    pub architecture: &'static Architecture,
}

impl Tokens<'_> {
    /// Expands an entry of a search path, or a name. None for entries that name a
    /// token whose value is not known.
    ///
    /// A token is the longest run of letters, digits and `_` after the `$`: `$LIBX`
    /// is not `$LIB`. What is no token stays as it is.
    #[must_use]
    pub fn expand(&self, entry: &[u8]) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(entry.len());
        let mut rest = entry;
        while let Some(at) = rest.iter().position(|&b| b == b'$') {
            out.extend_from_slice(&rest[..at]);
            rest = &rest[at + 1..];
            match token(rest) {
                Some(("ORIGIN", length)) => {
                    out.push(b'/');
                    out.extend_from_slice(self.origin?.as_bytes());
                    rest = &rest[length..];
                }
                Some(("LIB", length)) => {
                    // Debian's patch; elsewhere this is `lib64`.
                    out.extend_from_slice(b"lib/");
                    out.extend_from_slice(self.architecture.triplet.as_bytes());
                    rest = &rest[length..];
                }
                Some((_, length)) => {
                    out.extend_from_slice(self.architecture.dl_platform?.as_bytes());
                    rest = &rest[length..];
                }
                None => out.push(b'$'),
            }
        }
        out.extend_from_slice(rest);
        Some(out)
    }

    /// Returns the real folder of an entry of a search path. None for entries that are relative:
    /// they start at the working directory of the process, which is not known when an image is
    /// built.
    #[must_use]
    pub fn folder(&self, entry: &[u8], tree: &Tree) -> Option<RootPath> {
        physical(tree, &self.expand(entry)?)
    }
}

/// Returns the token that a text after a `$` begins with, and its length with braces.
fn token(text: &[u8]) -> Option<(&'static str, usize)> {
    let (name, braces) = text.strip_prefix(b"{").map_or((text, false), |name| (name, true));
    let length = name.iter().position(|b| !b.is_ascii_alphanumeric() && *b != b'_').unwrap_or(name.len());
    if braces && name.get(length) != Some(&b'}') {
        return None;
    }
    let known = ["ORIGIN", "LIB", "PLATFORM"].into_iter().find(|known| known.as_bytes() == &name[..length])?;
    Some((known, if braces { length + 2 } else { length }))
}

/// Returns the real path that an absolute one leads to, as the kernel goes it: `..` goes up from
/// where links have led to, and only from a folder that is there.
#[must_use]
pub fn physical(tree: &Tree, path: &[u8]) -> Option<RootPath> {
    if path.first() != Some(&b'/') {
        return None;
    }
    let mut here = RootPath::root();
    let mut ahead: Vec<&[u8]> = Vec::new();
    for part in path.split(|&b| b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => {
                here = follow(tree, &here, &mut ahead)?;
                if !tree.is_folder(&here) {
                    return None;
                }
                here = here.parent().unwrap_or_default();
            }
            part => ahead.push(part),
        }
    }
    follow(tree, &here, &mut ahead)
}

/// Goes down by names, and empties them.
fn follow(tree: &Tree, from: &RootPath, names: &mut Vec<&[u8]>) -> Option<RootPath> {
    if names.is_empty() {
        return Some(from.clone());
    }
    let path = RootPath::new(names.join(&b'/')).ok()?;
    names.clear();
    tree.resolve(&from.join(&path)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rootfs::Entry;

    fn path(name: &str) -> RootPath {
        RootPath::new(name).unwrap()
    }

    #[test]
    fn tokens_expand_in_both_spellings_and_end_where_names_end() {
        let origin = path("usr/local/bin");
        let architecture = Architecture::named("amd64").unwrap();
        let tokens = Tokens { origin: Some(&origin), architecture };
        for (entry, want) in [
            ("$ORIGIN/../lib", "/usr/local/bin/../lib"),
            ("${ORIGIN}", "/usr/local/bin"),
            ("/opt/$LIB", "/opt/lib/x86_64-linux-gnu"),
            ("/opt/${PLATFORM}/x", "/opt/x86_64/x"),
            ("/opt/$LIBX/$LIB_/$LIB-x", "/opt/$LIBX/$LIB_/lib/x86_64-linux-gnu-x"),
            ("/${LIB/${LIBX}/$OTHER/$", "/${LIB/${LIBX}/$OTHER/$"),
            ("$ORIGIN$LIB", "/usr/local/binlib/x86_64-linux-gnu"),
            ("/$$LIB", "/$lib/x86_64-linux-gnu"),
            ("lib", "lib"),
        ] {
            let got = tokens.expand(entry.as_bytes()).map(|path| String::from_utf8(path).unwrap());
            assert_eq!(got.as_deref(), Some(want), "{entry}");
        }
        let nowhere = Tokens { origin: None, ..tokens };
        assert_eq!(nowhere.expand(b"/x/$ORIGIN"), None);
        assert_eq!(nowhere.expand(b"/x/\xff"), Some(b"/x/\xff".to_vec()));
    }

    #[test]
    fn folders_are_where_the_kernel_gets_to() {
        let tree: Tree = [
            (path("usr/local/bin/p"), Entry::bytes(0o755, *b"")),
            (path("usr/local/lib"), Entry::link("/opt/py/lib")),
            (path("opt/py/lib/x"), Entry::bytes(0o755, *b"")),
        ]
        .into_iter()
        .collect();
        for (from, want) in [
            ("/usr/local/bin/../lib", Some("opt/py/lib")),
            ("/usr/local/lib/../include", Some("opt/py/include")),
            ("/usr/local/bin/../../../../..", Some("/")),
            ("//usr/./local//bin/", Some("usr/local/bin")),
            ("/not/there", Some("not/there")),
            ("/not/../usr", None),
            ("/usr/local/bin/p/../lib", None),
            ("lib", None),
            ("", None),
        ] {
            assert_eq!(physical(&tree, from.as_bytes()), want.map(path), "{from}");
        }
    }

    #[test]
    fn names_that_ldconfig_knows() {
        for (name, want) in
            [("libx.so", true), ("libx.so.1", true), ("ld-linux.so.2", true), ("x.so", false), ("libx.a", false)]
        {
            assert_eq!(is_cacheable(name.as_bytes()), want, "{name}");
        }
        for (folder, want) in [("lib", true), ("usr/lib/x", true), ("usr/local/lib", false), ("lib64", false)] {
            assert_eq!(is_default(&path(folder)), want, "{folder}");
        }
    }
}
