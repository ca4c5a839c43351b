//! An ELF file as the dynamic loader opens it: its headers, and its dynamic section.

use object::elf::{DT_NULL, PT_DYNAMIC};
use object::read::elf::{Dyn, FileHeader, ProgramHeader as _};
use object::{Endianness, ReadRef};

use super::error::ElfError;
use super::segments::Memory;

/// A file of one class.
pub(super) struct File<'data, H, R> {
    pub header: &'data H,
    pub endian: Endianness,
    data: R,
}

impl<'data, H, R> File<'data, H, R>
where
    H: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    pub fn open(data: R) -> Result<Self, ElfError> {
        let error = |cause: object::read::Error| ElfError(cause.to_string());
        let header = H::parse(data).map_err(error)?;
        Ok(Self { header, endian: header.endian().map_err(error)?, data })
    }

    /// Like the loader: at most 65,535 headers, of the one size that there is.
    pub fn program_headers(&self) -> Result<&'data [H::ProgramHeader], ElfError> {
        let count = usize::from(self.header.e_phnum(self.endian));
        if count > 0 && usize::from(self.header.e_phentsize(self.endian)) != size_of::<H::ProgramHeader>() {
            return Err(ElfError::new("its program headers have no known size"));
        }
        let headers = self.data.read_slice_at(self.header.e_phoff(self.endian).into(), count);
        headers.map_err(|()| ElfError::new("its program headers lie outside of the file"))
    }

    /// None for a static file.
    pub fn dynamic(&self, headers: &[H::ProgramHeader]) -> Result<Option<Dynamic<R>>, ElfError> {
        let Some(section) = headers.iter().rev().find(|header| header.p_type(self.endian) == PT_DYNAMIC) else {
            return Ok(None);
        };
        let memory = Memory::new::<H>(self.data, headers, self.endian)?;
        let tags = tags::<H>(memory.table(section.p_vaddr(self.endian).into())?, self.endian);
        Ok(Some(Dynamic { memory, tags }))
    }
}

/// A dynamic section.
pub(super) struct Dynamic<R> {
    pub memory: Memory<R>,
    /// Tags and values, in order.
    pub tags: Vec<(i64, u64)>,
}

impl<R> Dynamic<R> {
    /// Returns the value that counts where a tag has several.
    pub fn last(&self, wanted: i64) -> Option<u64> {
        self.tags.iter().rev().find(|(tag, _)| *tag == wanted).map(|(_, value)| *value)
    }
}

/// Returns the entries of a dynamic section up to its end.
fn tags<H: FileHeader<Endian = Endianness>>(table: &[u8], endian: Endianness) -> Vec<(i64, u64)> {
    let count = table.len() / size_of::<H::Dyn>();
    let entries = object::pod::slice_from_bytes::<H::Dyn>(table, count).map(|(entries, _)| entries);
    let entries = entries.unwrap_or_default().iter();
    entries
        .map(|entry| (entry.d_tag(endian).0, entry.d_val(endian).into()))
        .take_while(|(tag, _)| *tag != DT_NULL.0)
        .collect()
}
