//! `/etc/ld.so.cache`: where the dynamic loader finds libraries by bare name.
//!
//! Source: glibc's `elf/cache.c` and `sysdeps/generic/dl-cache.h`, format
//! `glibc-ld.so.cache1.1`. The bytes are those of ldconfig in glibc 2.36 (bookworm)
//! and 2.41 (trixie) for amd64 and arm64, but for the extension that says which ldconfig
//! wrote it: no ldconfig did. Other architectures differ in the flags and the byte order
//! (from the source, not tried). glibc 2.31 (bullseye) writes an older table before this one by
//! default and reads this one alone too (from its source, not tried).

mod order;
mod scan;
mod strings;

use crate::oci::Architecture;
use crate::rootfs::RootPath;
pub use order::compare;
pub use scan::libraries;
use strings::Strings;

const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
const HEADER: usize = 48;
const ENTRY: usize = 24;
/// `cache_file_new_flags_endian_little`, and `_big`.
const LITTLE_ENDIAN: u8 = 2;
const BIG_ENDIAN: u8 = 3;
const EXTENSION_MAGIC: u32 = (-358_342_284_i32).cast_unsigned();
/// `cache_extension_tag_glibc_hwcaps`.
const HWCAPS_TAG: u32 = 1;
/// `DL_CACHE_HWCAP_EXTENSION`: the low half is an index into the hwcaps extension.
const HWCAPS_ENTRY: u64 = 1 << 62;

/// A library as the cache lists it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Library {
    /// The name of the entry: the library's soname, or the name of a link to it.
    pub name: Vec<u8>,
    /// The path of the library, below the directory as the configuration names it.
    pub path: RootPath,
    /// The subfolder of `glibc-hwcaps` that it is in, such as `x86-64-v3`.
    pub hwcaps: Option<Vec<u8>>,
}

/// Returns the file's bytes; `libraries` are in the order in which folders are searched. None when
/// offsets no longer fit the format's 32 bits.
#[must_use]
pub fn cache(libraries: &[Library], architecture: &Architecture) -> Option<Vec<u8>> {
    let mut sorted: Vec<_> = libraries.iter().collect();
    sorted.sort_by(|a, b| compare(&b.name, &a.name, architecture).then_with(|| capable_first(a, b)));
    let mut hwcaps: Vec<&[u8]> = sorted.iter().filter_map(|library| library.hwcaps.as_deref()).collect();
    hwcaps.sort_unstable();
    hwcaps.dedup();
    let start = HEADER + ENTRY * sorted.len();
    let paths: Vec<Vec<u8>> = sorted.iter().map(|library| [b"/", library.path.as_bytes()].concat()).collect();
    let names = sorted.iter().map(|library| library.name.as_slice());
    let strings = Strings::new(paths.iter().map(Vec::as_slice).chain(names).chain(hwcaps.iter().copied()));
    let end = start + strings.bytes().len();
    let extension = if hwcaps.is_empty() { 0 } else { end.next_multiple_of(4) };
    // every number below is less than this one
    u32::try_from(end.max(extension) + 24 + 4 * hwcaps.len()).ok()?;
    let at = |string: &[u8]| number(start + strings.offset(string));

    let mut out = Output { bytes: Vec::with_capacity(end), little_endian: architecture.little_endian };
    out.bytes.extend_from_slice(MAGIC);
    out.words(&[number(sorted.len()), number(strings.bytes().len())]);
    out.bytes.extend([if out.little_endian { LITTLE_ENDIAN } else { BIG_ENDIAN }, 0, 0, 0]);
    out.words(&[number(extension), 0, 0, 0]);
    for (library, path) in sorted.iter().zip(&paths) {
        out.words(&[architecture.cache_flags, at(&library.name), at(path), 0]);
        let index = library.hwcaps.as_deref().and_then(|name| hwcaps.binary_search(&name).ok());
        // ISA levels that a library's notes demand would stand in bits 32 to 41: the
        // loader checks those notes again when it maps the library.
        out.double(index.map_or(0, |index| HWCAPS_ENTRY | index as u64));
    }
    out.bytes.extend_from_slice(strings.bytes());
    if !hwcaps.is_empty() {
        out.bytes.resize(extension, 0);
        let list = number(extension + 24);
        out.words(&[EXTENSION_MAGIC, 1, HWCAPS_TAG, 0, list, number(4 * hwcaps.len())]);
        out.words(&hwcaps.iter().map(|name| at(name)).collect::<Vec<_>>());
    }
    Some(out.bytes)
}

/// Of one name, those in folders of `glibc-hwcaps` come first, by that folder's
/// name; the rest as found, since the loader takes the first.
fn capable_first(a: &Library, b: &Library) -> std::cmp::Ordering {
    let key = |library: &Library| (library.hwcaps.is_none(), library.hwcaps.clone());
    key(a).cmp(&key(b))
}

/// Returns a number that the check above has found to fit.
fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// The bytes so far; numbers are in the architecture's byte order.
struct Output {
    bytes: Vec<u8>,
    little_endian: bool,
}

impl Output {
    fn words(&mut self, words: &[u32]) {
        let little = self.little_endian;
        self.bytes.extend(words.iter().flat_map(|word| if little { word.to_le_bytes() } else { word.to_be_bytes() }));
    }

    fn double(&mut self, word: u64) {
        self.bytes.extend(if self.little_endian { word.to_le_bytes() } else { word.to_be_bytes() });
    }
}

#[cfg(test)]
mod tests;
