//! `/etc/ld.so.cache`: where the dynamic loader finds libraries by bare name.
//!
//! Source: glibc's `elf/cache.c` and `sysdeps/generic/dl-cache.h`, format
//! `glibc-ld.so.cache1.1`. The bytes are those of ldconfig in glibc 2.36 (bookworm)
//! and 2.41 (trixie), but for the extension that says which ldconfig wrote it: no
//! ldconfig did. glibc 2.31 (bullseye) writes an older table before this one by
//! default and reads this one alone too (from its source, not tried).

mod order;
mod scan;
mod strings;

use crate::elf::dynamic::Abi;
use crate::rootfs::RootPath;
pub use order::compare;
pub use scan::libraries;
use strings::Strings;

const MAGIC: &[u8] = b"glibc-ld.so.cache1.1";
const HEADER: usize = 48;
const ENTRY: usize = 24;
/// `cache_file_new_flags_endian_little`.
const LITTLE_ENDIAN: u32 = 2;
const EXTENSION_MAGIC: u32 = (-358_342_284_i32).cast_unsigned();
/// `cache_extension_tag_glibc_hwcaps`.
const HWCAPS_TAG: u32 = 1;
/// `DL_CACHE_HWCAP_EXTENSION`: the low half is an index into the hwcaps extension.
const HWCAPS_ENTRY: u64 = 1 << 62;

/// A library as the cache lists it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Library {
    /// What is asked for: its soname, or the name of a link to it.
    pub name: Vec<u8>,
    /// Where it is, below the folder as the configuration names it.
    pub path: RootPath,
    /// The subfolder of `glibc-hwcaps` that it is in, such as `x86-64-v3`.
    pub hwcaps: Option<Vec<u8>>,
}

/// An architecture, as the cache knows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Machine {
    triplet: &'static str,
    abi: Abi,
    /// `FLAG_ELF_LIBC6` and the architecture's own.
    flags: u32,
    /// Whether its C compiler's `char` is signed: names are compared as `char`s.
    signed: bool,
}

impl Machine {
    /// The architecture of a multiarch name; none for one that is not known.
    #[must_use]
    pub fn of(triplet: &str) -> Option<Self> {
        let abi = Abi::of(triplet)?;
        match triplet {
            "x86_64-linux-gnu" => Some(Self { triplet: "x86_64-linux-gnu", abi, flags: 0x303, signed: true }),
            "aarch64-linux-gnu" => Some(Self { triplet: "aarch64-linux-gnu", abi, flags: 0xa03, signed: false }),
            _ => None,
        }
    }
}

/// The file's bytes; `libraries` are in the order in which folders are searched.
/// None when offsets no longer fit the format's 32 bits.
#[must_use]
pub fn cache(libraries: &[Library], machine: Machine) -> Option<Vec<u8>> {
    let mut sorted: Vec<_> = libraries.iter().collect();
    sorted.sort_by(|a, b| compare(&b.name, &a.name, machine).then_with(|| capable_first(a, b)));
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

    let mut out = Vec::with_capacity(end);
    out.extend_from_slice(MAGIC);
    words(&mut out, &[number(sorted.len()), number(strings.bytes().len()), LITTLE_ENDIAN, number(extension), 0, 0, 0]);
    for (library, path) in sorted.iter().zip(&paths) {
        words(&mut out, &[machine.flags, at(&library.name), at(path), 0]);
        let index = library.hwcaps.as_deref().and_then(|name| hwcaps.binary_search(&name).ok());
        // ISA levels that a library's notes demand would stand in bits 32 to 41: the
        // loader checks those notes again when it maps the library.
        let hwcap = index.map_or(0, |index| HWCAPS_ENTRY | index as u64);
        out.extend_from_slice(&hwcap.to_le_bytes());
    }
    out.extend_from_slice(strings.bytes());
    if !hwcaps.is_empty() {
        out.resize(extension, 0);
        let list = number(extension + 24);
        words(&mut out, &[EXTENSION_MAGIC, 1, HWCAPS_TAG, 0, list, number(4 * hwcaps.len())]);
        words(&mut out, &hwcaps.iter().map(|name| at(name)).collect::<Vec<_>>());
    }
    Some(out)
}

/// Of one name, those in folders of `glibc-hwcaps` come first, by that folder's
/// name; the rest as found, since the loader takes the first.
fn capable_first(a: &Library, b: &Library) -> std::cmp::Ordering {
    let key = |library: &Library| (library.hwcaps.is_none(), library.hwcaps.clone());
    key(a).cmp(&key(b))
}

/// A number that the check above has found to fit.
fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

fn words(out: &mut Vec<u8>, words: &[u32]) {
    out.extend(words.iter().flat_map(|word| word.to_le_bytes()));
}

#[cfg(test)]
mod tests;
