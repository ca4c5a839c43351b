//! Compares the symbol versions that objects need with those of the libraries they load.
//!
//! Source: glibc's `elf/dl-version.c`, `match_symbol`. The loader compares hashes
//! before names; they follow from the names, so names alone are compared here.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::object::Object;
use super::resolution::Edge;
use crate::rootfs::RootPath;

/// A version that a library lacks.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Mismatch {
    /// The object that needs it.
    pub object: RootPath,
    /// The file that is loaded for `soname`.
    pub library: RootPath,
    pub soname: Vec<u8>,
    /// Such as `GLIBC_2.38`.
    pub version: Vec<u8>,
    /// The highest version of the same family that the library has.
    pub newest: Option<Vec<u8>>,
    pub kind: MismatchKind,
}

/// The reaction of the loader.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum MismatchKind {
    /// ``version `X' not found``: the process does not start, the module is not loaded.
    Missing,
    /// ``weak version `X' not found``: a warning.
    Weak,
    /// `no version information available`: the library has no versions at all; a
    /// warning.
    Unversioned,
}

impl MismatchKind {
    /// Returns whether the loader refuses to go on.
    #[must_use]
    pub fn is_fatal(self) -> bool {
        self == Self::Missing
    }
}

/// Compares what objects need with what the libraries have that edges lead to.
/// Sorted, each once. What `object` does not know, and what is missing, is passed over.
#[must_use]
pub fn check(edges: &[Edge], object: impl Fn(&RootPath) -> Option<Arc<Object>>) -> Vec<Mismatch> {
    let mut known: BTreeMap<&RootPath, Option<VersionedObject>> = BTreeMap::new();
    for path in edges.iter().flat_map(|edge| edge.to.iter().chain([&edge.from])) {
        known.entry(path).or_insert_with(|| object(path).map(VersionedObject::new));
    }
    let mut by_name: BTreeMap<&[u8], BTreeSet<&RootPath>> = BTreeMap::new();
    let mut by_edge: BTreeMap<(&RootPath, &[u8]), BTreeSet<&RootPath>> = BTreeMap::new();
    for edge in edges {
        let Some(to) = &edge.to else { continue };
        by_name.entry(&edge.soname).or_default().insert(to);
        by_edge.entry((&edge.from, &edge.soname)).or_default().insert(to);
    }
    let mut out = BTreeSet::new();
    for (path, one) in known.iter().filter_map(|(path, one)| Some((*path, one.as_ref()?))) {
        for need in &one.object.version_needs {
            // The loader looks through all that is loaded: a file need not be among
            // the object's own needs.
            let own = by_edge.get(&(path, need.file.as_slice()));
            let Some(libraries) = own.or_else(|| by_name.get(need.file.as_slice())) else { continue };
            for library in libraries {
                let Some(Some(has)) = known.get(*library) else { continue };
                let kind = match (&has.versions, need.weak) {
                    (None, _) => MismatchKind::Unversioned,
                    (Some(versions), _) if versions.contains(&need.version) => continue,
                    (Some(_), true) => MismatchKind::Weak,
                    (Some(_), false) => MismatchKind::Missing,
                };
                out.insert(Mismatch {
                    object: path.clone(),
                    library: (*library).clone(),
                    soname: need.file.clone(),
                    version: need.version.clone(),
                    newest: has.versions.iter().find_map(|versions| newest(versions, &need.version)),
                    kind,
                });
            }
        }
    }
    out.into_iter().collect()
}

/// An object, with its versions ready to be looked up.
struct VersionedObject {
    object: Arc<Object>,
    versions: Option<BTreeSet<Vec<u8>>>,
}

impl VersionedObject {
    fn new(object: Arc<Object>) -> Self {
        let versions = object.versions.as_ref().map(|versions| versions.iter().cloned().collect());
        Self { object, versions }
    }
}

/// Returns the highest of `versions` that is of the same family as `like`: `GLIBC_2.36` for
/// `GLIBC_2.38`. Numbers count as numbers, `GLIBC_PRIVATE` is in no family.
#[must_use]
pub fn newest<'a>(versions: impl IntoIterator<Item = &'a Vec<u8>>, like: &[u8]) -> Option<Vec<u8>> {
    let (family, _) = family(like)?;
    let same = versions.into_iter().filter_map(|version| {
        let (of, number) = self::family(version)?;
        (of == family).then_some((number, version))
    });
    same.max_by(|a, b| compare(a.0, b.0)).map(|(_, version)| version.clone())
}

/// Returns a version's name before its number, and the number: `GLIBCXX_` and `3.4.30`.
fn family(version: &[u8]) -> Option<(&[u8], &[u8])> {
    let of_number = |b: u8| b.is_ascii_digit() || b == b'.' || b == b'_';
    let tail = version.iter().rposition(|&b| !of_number(b)).map_or(0, |at| at + 1);
    let digits = version[tail..].iter().position(u8::is_ascii_digit)?;
    let (name, number) = version.split_at(tail + digits);
    (!name.is_empty()).then_some((name, number))
}

fn compare(a: &[u8], b: &[u8]) -> Ordering {
    fn parts(number: &[u8]) -> impl Iterator<Item = &[u8]> {
        let parts = number.split(|b| !b.is_ascii_digit()).filter(|part| !part.is_empty());
        parts.map(|part| &part[part.iter().position(|&b| b != b'0').unwrap_or(part.len())..])
    }
    parts(a).map(|part| (part.len(), part)).cmp(parts(b).map(|part| (part.len(), part)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::VersionNeed;

    fn bytes(names: &[&str]) -> Vec<Vec<u8>> {
        names.iter().map(|name| name.as_bytes().to_vec()).collect()
    }

    #[test]
    fn the_newest_of_a_family_is_found_by_numbers() {
        let all = [
            "libc.so.6",
            "GLIBC_2.9",
            "GLIBC_2.36",
            "GLIBC_2.2.5",
            "GLIBC_PRIVATE",
            "CXXABI_1.3.13",
            "CXXABI_TM_1",
            "OPENSSL_1_1_0",
            "OPENSSL_1_0_2",
            "GLIBC_2.036",
        ];
        for (like, want) in [
            ("GLIBC_2.38", Some("GLIBC_2.036")),
            ("CXXABI_1.3.15", Some("CXXABI_1.3.13")),
            ("CXXABI_TM_2", Some("CXXABI_TM_1")),
            ("OPENSSL_1_1_1", Some("OPENSSL_1_1_0")),
            ("GLIBC_PRIVATE", None),
            ("GLIBCXX_3.4", None),
            ("2.38", None),
            ("", None),
        ] {
            let got = newest(&bytes(&all), like.as_bytes());
            assert_eq!(got, want.map(|want| want.as_bytes().to_vec()), "{like}");
        }
    }

    #[test]
    fn each_version_is_looked_up_in_the_library_that_is_loaded() {
        let path = |name: &str| RootPath::new(name).unwrap();
        let need =
            |version: &str, weak| VersionNeed { file: b"l".to_vec(), version: version.as_bytes().to_vec(), weak };
        let program = Object {
            version_needs: vec![need("V_1", false), need("V_3", false), need("V_4", true), need("V_3", false)],
            ..Object::default()
        };
        let objects = BTreeMap::from([
            (path("p"), Arc::new(program.clone())),
            (path("q"), Arc::new(program)),
            (path("old/l"), Arc::new(Object { versions: Some(bytes(&["l", "V_1", "V_2"])), ..Object::default() })),
            (path("new/l"), Arc::new(Object { versions: Some(bytes(&["V_1", "V_3", "V_4"])), ..Object::default() })),
            (path("bare/l"), Arc::new(Object::default())),
        ]);
        let edge = |from: &str, to: Option<&str>| Edge {
            from: path(from),
            soname: b"l".to_vec(),
            to: to.map(path),
            optional: false,
        };
        let told = |edges: &[Edge]| {
            let found = check(edges, |path| objects.get(path).cloned());
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let line = |one: &Mismatch| {
                let newest = one.newest.as_deref().map(text).unwrap_or_default();
                format!("{} {} {} {newest} {:?}", one.object, one.library, text(&one.version), one.kind)
            };
            found.iter().map(line).collect::<Vec<_>>()
        };
        assert_eq!(
            told(&[edge("p", Some("old/l")), edge("q", Some("new/l"))]),
            ["/p /old/l V_3 V_2 Missing", "/p /old/l V_4 V_2 Weak"]
        );
        let bare = told(&[edge("p", Some("bare/l"))]);
        assert_eq!(bare, ["/p /bare/l V_1  Unversioned", "/p /bare/l V_3  Unversioned", "/p /bare/l V_4  Unversioned"]);
        assert_eq!(told(&[edge("p", None)]), [""; 0]);
        // not among its own needs, but loaded by another
        let loaded = Edge { soname: b"p".to_vec(), ..edge("x", Some("p")) };
        assert_eq!(told(&[edge("q", Some("old/l")), loaded]).len(), 4);
    }
}
