//! The reasons for which a zip archive is refused.

use crate::hint::Hint;

/// The most characters of a hostile name that are shown.
const SHOWN: usize = 200;

/// A wheel that is no zip archive, or one that no wheel should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ZipError {
    #[error("`{wheel}` is not a valid wheel")]
    Archive {
        wheel: String,
        #[source]
        fault: ArchiveFault,
    },
    #[error("`{wheel}` is not a valid wheel: `{member}` {fault}")]
    Entry { wheel: String, member: String, fault: EntryFault },
}

/// The reasons for which an archive is refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveFault {
    #[error("it cannot be read: {0}")]
    Read(String),
    #[error("it is not a zip archive, or its end is missing")]
    NoEnd,
    #[error("it has several ends of a zip archive, so that readers differ over its files")]
    Ends,
    #[error("it has data before its first file")]
    Before,
    #[error("it has data after its end")]
    After,
    #[error("its central directory is not where its end says")]
    DirectoryLocation,
    #[error("it is one part of several")]
    Parts,
    #[error("its central directory cannot be read: {0}")]
    Broken(String),
    #[error("two of its files have one name")]
    Twice,
    #[error("it has {0} members, more than any wheel")]
    Many(u64),
    #[error("its central directory has {0} bytes, more than any wheel's")]
    Large(u64),
    #[error("its files have {size} bytes unpacked, more than carboy takes of {packed} bytes")]
    Bomb { size: u64, packed: u64 },
}

/// The reasons for which an entry is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryFault {
    #[error("has a name that is not UTF-8, or not marked so")]
    Encoding,
    #[error("has a name that is no plain relative path")]
    Name,
    #[error("has a name that is too long")]
    Long,
    #[error("is listed twice")]
    Twice,
    #[error("is below `{0}`, which is a file")]
    Below(String),
    #[error("is a link, a device or a pipe, which no wheel may have")]
    Special,
    #[error("is a folder with content")]
    Folder,
    #[error("is encrypted")]
    Encrypted,
    #[error("is compressed in another way than wheels are, which are stored or deflated")]
    Method,
    #[error("has another {0} in its local header than in the central directory")]
    Differs(&'static str),
    #[error("has no local header where the central directory says")]
    Local,
    #[error("shares its bytes with another file")]
    Overlap,
    #[error("is followed by bytes that belong to no file")]
    Gap,
    #[error("says that it is stored, with two different sizes")]
    Stored,
    #[error("says that it has {0} bytes, more than its packed size can hold")]
    Bomb(u64),
}

impl ZipError {
    pub(super) fn archive(wheel: &str, fault: ArchiveFault) -> Self {
        Self::Archive { wheel: wheel.to_owned(), fault }
    }

    pub(super) fn member(wheel: &str, name: &[u8], fault: EntryFault) -> Self {
        let name = String::from_utf8_lossy(name);
        let mut member: String = name.chars().take(SHOWN).collect();
        if member.len() < name.len() {
            member.push('…');
        }
        Self::Entry { wheel: wheel.to_owned(), member, fault }
    }

    pub(super) fn read(wheel: &str, cause: &std::io::Error) -> Self {
        Self::archive(wheel, ArchiveFault::Read(cause.to_string()))
    }
}

impl Hint for ZipError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Archive { fault: ArchiveFault::NoEnd | ArchiveFault::Read(_), .. } => {
                Some("download it again, or build it again".to_owned())
            }
            Self::Archive { .. } | Self::Entry { .. } => {
                Some("no build tool makes such a wheel; ask where it comes from, or build it again".to_owned())
            }
        }
    }
}
