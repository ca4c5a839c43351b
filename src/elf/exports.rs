//! Looks an exported symbol up in the hash tables of an object, as the loader does.
//!
//! Source: gABI chapter 5, "Hash Table"; glibc's `elf/dl-lookup.c` (`do_lookup_x`) for
//! `DT_GNU_HASH`. Versions of symbols do not matter here.

use object::elf::{
    DT_GNU_HASH, DT_HASH, DT_STRSZ, DT_STRTAB, DT_SYMTAB, FileHeader32, FileHeader64, SHN_UNDEF, gnu_hash, hash,
};
use object::read::elf::{FileHeader, Sym as _};
use object::{Endianness, ReadRef};

use super::error::ElfError;
use super::file::File;
use super::segments::{Memory, record};

/// The most symbols that are looked at: of one hash there are hardly two.
const STEPS: u32 = 1000;

/// Returns whether the loader finds a symbol of that name in the file.
///
/// # Errors
/// Offsets and sizes that lie.
pub fn exports<'data, R: ReadRef<'data>>(data: R, name: &[u8]) -> Result<bool, ElfError> {
    let ident = data.read_bytes_at(0, 16).unwrap_or_default();
    match ident.get(4) {
        Some(1) => exports_as::<FileHeader32<Endianness>, R>(data, name),
        Some(2) => exports_as::<FileHeader64<Endianness>, R>(data, name),
        _ => Err(ElfError::new("unknown class")),
    }
}

fn exports_as<'data, H, R>(data: R, name: &[u8]) -> Result<bool, ElfError>
where
    H: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let file = File::<H, R>::open(data)?;
    let Some(dynamic) = file.dynamic(file.program_headers()?)? else { return Ok(false) };
    let tags = [DT_SYMTAB, DT_STRTAB, DT_STRSZ, DT_GNU_HASH, DT_HASH].map(|tag| dynamic.last(tag.0));
    let [Some(symbols), Some(strings), size, by_gnu_hash, by_hash] = tags else { return Ok(false) };
    let size = size.unwrap_or(u64::MAX);
    let mut table = Table { memory: dynamic.memory, endian: file.endian, symbols, strings, size };
    if let Some(address) = by_gnu_hash {
        table.by_gnu_hash::<H>(address, name)
    } else if let Some(address) = by_hash {
        table.by_hash::<H>(address, name)
    } else {
        Ok(false)
    }
}

struct Table<R> {
    memory: Memory<R>,
    endian: Endianness,
    symbols: u64,
    strings: u64,
    size: u64,
}

impl<'data, R: ReadRef<'data>> Table<R> {
    fn by_gnu_hash<H: FileHeader<Endian = Endianness>>(&mut self, at: u64, name: &[u8]) -> Result<bool, ElfError> {
        let (buckets, first, bloom) = (self.word(at, 0)?, self.word(at, 1)?, self.word(at, 2)?);
        let wanted = gnu_hash(name);
        // After four words come the filter, whose words are addresses, buckets, and chains.
        let address_words = if size_of::<H::Sym>() == 24 { 2 } else { 1 };
        let from = 4 + u64::from(bloom) * address_words;
        let Some(bucket) = wanted.checked_rem(buckets) else { return Ok(false) };
        let mut symbol = self.word(at, from + u64::from(bucket))?;
        for _ in 0..STEPS {
            let Some(chain) = symbol.checked_sub(first) else { return Ok(false) };
            let found = self.word(at, from + u64::from(buckets) + u64::from(chain))?;
            if found | 1 == wanted | 1 && self.is::<H>(symbol, name)? {
                return Ok(true);
            }
            if found & 1 == 1 {
                return Ok(false);
            }
            symbol = symbol.saturating_add(1);
        }
        Ok(false)
    }

    fn by_hash<H: FileHeader<Endian = Endianness>>(&mut self, at: u64, name: &[u8]) -> Result<bool, ElfError> {
        let buckets = self.word(at, 0)?;
        let Some(bucket) = hash(name).checked_rem(buckets) else { return Ok(false) };
        let mut symbol = self.word(at, 2 + u64::from(bucket))?;
        for _ in 0..STEPS {
            if symbol == 0 {
                return Ok(false);
            }
            if self.is::<H>(symbol, name)? {
                return Ok(true);
            }
            symbol = self.word(at, 2 + u64::from(buckets) + u64::from(symbol))?;
        }
        Ok(false)
    }

    /// Returns whether a symbol is defined and has that name.
    fn is<H: FileHeader<Endian = Endianness>>(&mut self, symbol: u32, name: &[u8]) -> Result<bool, ElfError> {
        let size = size_of::<H::Sym>() as u64;
        let address = self.symbols.saturating_add(u64::from(symbol) * size);
        let symbol = record::<H::Sym>(self.memory.bytes(address, size)?, 0)?;
        let at = symbol.st_name(self.endian).into();
        let text = self.memory.string(self.strings, self.size, at)?;
        Ok(symbol.st_shndx(self.endian) != SHN_UNDEF && text == name)
    }

    fn word(&self, table: u64, at: u64) -> Result<u32, ElfError> {
        let bytes = self.memory.bytes(table.saturating_add(at * 4), 4)?;
        let bytes = <[u8; 4]>::try_from(bytes).map_err(|_| ElfError::new("a hash table is cut off"))?;
        Ok(if self.endian == Endianness::Little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rubbish_is_an_error() {
        for bytes in [&b""[..], b"\x7fELF", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0", &[0xff; 4096]] {
            assert!(exports(bytes, b"x").is_err());
        }
    }
}
