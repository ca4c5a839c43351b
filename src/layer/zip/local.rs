//! Local headers, and the descriptors behind data: both must say what the central
//! directory says.
//!
//! Source: PKWARE's APPNOTE, 4.3.7 and 4.3.9, 4.4.4 (bit 3), 4.5.3 (zip64).

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::error::EntryFault;
use super::number::number;

const HEADER: usize = 30;
/// Flags that do not concern how data is read: how hard it was compressed (1, 2).
const FREE: u64 = 0x0006;
const DESCRIPTOR: u64 = 0x0008;
const WIDE: u64 = 0xffff_ffff;

/// The central directory's header of an entry.
pub struct CentralHeader<'a> {
    pub name: &'a [u8],
    /// The offset of the local header.
    pub header: u64,
    pub flags: u16,
    pub method: u16,
    pub crc: u32,
    pub packed: u64,
    pub size: u64,
}

/// The offsets of an entry's data and of its earliest end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EntrySpan {
    pub data: u64,
    /// Behind the data, before any descriptor.
    pub end: u64,
}

/// The reasons for which an entry's data is not found.
pub enum LocalError {
    Read(io::Error),
    Fault(EntryFault),
}

impl From<io::Error> for LocalError {
    fn from(cause: io::Error) -> Self {
        match cause.kind() {
            io::ErrorKind::UnexpectedEof => Self::Fault(EntryFault::Local),
            _ => Self::Read(cause),
        }
    }
}

impl From<EntryFault> for LocalError {
    fn from(fault: EntryFault) -> Self {
        Self::Fault(fault)
    }
}

impl CentralHeader<'_> {
    pub fn is_deflated(&self) -> bool {
        self.method == 8
    }

    /// Reads the local header and compares.
    pub fn place(&self, file: &File) -> Result<EntrySpan, LocalError> {
        let mut header = [0; HEADER];
        file.read_exact_at(&mut header, self.header)?;
        if !header.starts_with(b"PK\x03\x04") {
            return Err(EntryFault::Local.into());
        }
        let [name, extra] = [26, 28].map(|at| usize::try_from(number(&header, at, 2)).unwrap_or_default());
        let mut rest = vec![0; name + extra];
        file.read_exact_at(&mut rest, self.header + HEADER as u64)?;
        let (name, extra) = rest.split_at(name);
        if name != self.name {
            return Err(EntryFault::Differs("name").into());
        }
        let flags = number(&header, 6, 2);
        if (flags ^ u64::from(self.flags)) & !FREE != 0 {
            return Err(EntryFault::Differs("set of flags").into());
        }
        if number(&header, 8, 2) != u64::from(self.method) {
            return Err(EntryFault::Differs("compression method").into());
        }
        // What a descriptor tells later may be left zero here.
        let later = flags & DESCRIPTOR != 0;
        let fits = |here: u64, central: u64| here == central || later && here == 0;
        if !fits(number(&header, 14, 4), u64::from(self.crc)) {
            return Err(EntryFault::Differs("checksum").into());
        }
        let (packed, size) = sizes(number(&header, 18, 4), number(&header, 22, 4), extra);
        if !fits(packed, self.packed) || !fits(size, self.size) {
            return Err(EntryFault::Differs("size").into());
        }
        let data = self.header + (HEADER + rest.len()) as u64;
        Ok(EntrySpan { data, end: data.checked_add(self.packed).ok_or(EntryFault::Overlap)? })
    }

    /// Returns whether what stands between the data and the next header is this member's
    /// descriptor, or nothing where it has none.
    pub fn closes(&self, file: &File, end: u64, next: u64) -> Result<(), LocalError> {
        let between = next.checked_sub(end).ok_or(EntryFault::Overlap)?;
        if u64::from(self.flags) & DESCRIPTOR == 0 {
            return if between == 0 { Ok(()) } else { Err(EntryFault::Gap.into()) };
        }
        let wide = match between {
            12 | 16 => 4,
            20 | 24 => 8,
            _ => return Err(EntryFault::Gap.into()),
        };
        let mut bytes = [0; 24];
        let bytes = &mut bytes[..usize::try_from(between).unwrap_or_default()];
        file.read_exact_at(bytes, end)?;
        let fields = if between == 16 || between == 24 {
            bytes.strip_prefix(b"PK\x07\x08").ok_or(EntryFault::Gap)?
        } else {
            &bytes[..]
        };
        let told = [number(fields, 0, 4), number(fields, 4, wide), number(fields, 4 + wide, wide)];
        let same = told == [u64::from(self.crc), self.packed, self.size];
        if same { Ok(()) } else { Err(EntryFault::Differs("descriptor").into()) }
    }
}

/// Packed and unpacked size, from the zip64 field where the header's are too narrow.
fn sizes(packed: u64, size: u64, mut extra: &[u8]) -> (u64, u64) {
    while extra.len() >= 4 {
        let length = usize::try_from(number(extra, 2, 2)).unwrap_or_default();
        let Some(field) = extra.get(4..4 + length) else { break };
        if number(extra, 0, 2) == 1 {
            let mut wide = field.chunks_exact(8).map(|word| number(word, 0, 8));
            let mut widen = |narrow: u64| if narrow == WIDE { wide.next().unwrap_or(narrow) } else { narrow };
            let size = widen(size);
            return (widen(packed), size);
        }
        extra = &extra[4 + length..];
    }
    (packed, size)
}
