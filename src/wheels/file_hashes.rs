//! Compares the hashes of a file with the lock file's.

use std::fmt;
use std::io::{self, Read};

use sha2::{Digest as _, Sha384, Sha512};

use crate::oci::Digest;
use crate::oci::digest::Hasher;
use crate::python::lock::{Hash, LockedFile};

/// Computes the hashes of a file's bytes: SHA-256 always, other kinds if one of the expected hashes
/// needs them.
pub struct FileHasher {
    sha256: Hasher,
    sha384: Option<Sha384>,
    sha512: Option<Sha512>,
}

/// The hashes of a whole file.
pub struct FileHashes {
    pub sha256: Digest,
    sha384: Option<[u8; 48]>,
    sha512: Option<[u8; 64]>,
}

impl FileHasher {
    /// Starts without bytes.
    pub fn new(wanted: &[Hash]) -> Self {
        Self {
            sha256: Hasher::default(),
            sha384: wanted.iter().any(|hash| matches!(hash, Hash::Sha384(_))).then(Sha384::new),
            sha512: wanted.iter().any(|hash| matches!(hash, Hash::Sha512(_))).then(Sha512::new),
        }
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        if let Some(hasher) = &mut self.sha384 {
            hasher.update(bytes);
        }
        if let Some(hasher) = &mut self.sha512 {
            hasher.update(bytes);
        }
    }

    /// Returns the hashes of all bytes.
    pub fn finish(self) -> FileHashes {
        FileHashes {
            sha256: self.sha256.finish(),
            sha384: self.sha384.map(|hasher| hasher.finalize().into()),
            sha512: self.sha512.map(|hasher| hasher.finalize().into()),
        }
    }

    /// Returns the hashes of a reader's bytes.
    ///
    /// # Errors
    /// The reader fails.
    pub fn of(mut reader: impl Read, wanted: &[Hash]) -> io::Result<FileHashes> {
        let mut hashes = Self::new(wanted);
        let mut piece = vec![0; 256 << 10];
        loop {
            match reader.read(&mut piece)? {
                0 => return Ok(hashes.finish()),
                count => hashes.update(&piece[..count]),
            }
        }
    }
}

impl FileHashes {
    /// Returns whether one of the expected hashes matches: all kinds are strong, so one is enough.
    /// Without expected hashes every file matches.
    pub fn is_one_of(&self, wanted: &[Hash]) -> bool {
        wanted.is_empty()
            || wanted.iter().any(|hash| match hash {
                Hash::Sha256(digest) => *digest == self.sha256,
                Hash::Sha384(bytes) => self.sha384.as_ref() == Some(&**bytes),
                Hash::Sha512(bytes) => self.sha512.as_ref() == Some(&**bytes),
            })
    }
}

/// A hash in the form of lock files: `sha512:…`.
pub struct DisplayHash<'a>(pub &'a Hash);

impl fmt::Display for DisplayHash<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, bytes): (_, &[u8]) = match self.0 {
            Hash::Sha256(digest) => return digest.fmt(f),
            Hash::Sha384(bytes) => ("sha384", &bytes[..]),
            Hash::Sha512(bytes) => ("sha512", &bytes[..]),
        };
        write!(f, "{kind}:")?;
        bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Returns whether two lists of hashes can be of one file: they share a hash, or have no kind in
/// common.
pub fn agree(one: &[Hash], other: &[Hash]) -> bool {
    let kind = std::mem::discriminant::<Hash>;
    let comparable = one.iter().any(|hash| other.iter().any(|other| kind(hash) == kind(other)));
    !comparable || one.iter().any(|hash| other.contains(hash))
}

/// Returns the identity of a file: its hashes, or its URL.
pub fn known_by(file: &LockedFile) -> String {
    if file.hashes.is_empty() {
        return format!("{} {}", file.name, file.url.as_deref().unwrap_or_default());
    }
    file.hashes.iter().fold(file.name.clone(), |known, hash| format!("{known} {}", DisplayHash(hash)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_strong_hash_is_enough_and_none_means_any_file() {
        let sha256 = |text: &str| Hash::Sha256(Digest::of(text.as_bytes()));
        let sha512 = |text: &str| Hash::Sha512(Box::new(Sha512::digest(text.as_bytes()).into()));
        let sha384 = |text: &str| Hash::Sha384(Box::new(Sha384::digest(text.as_bytes()).into()));
        for (wanted, fits) in [
            (vec![], true),
            (vec![sha256("a")], true),
            (vec![sha256("b"), sha512("a")], true),
            (vec![sha384("a")], true),
            (vec![sha384("b"), sha512("b"), sha256("b")], false),
        ] {
            let hashed = FileHasher::of(&b"a"[..], &wanted).unwrap();
            assert_eq!(hashed.is_one_of(&wanted), fits, "{wanted:?}");
        }
        assert!(agree(&[sha256("a")], &[sha512("b")]) && agree(&[sha256("a"), sha256("b")], &[sha256("b")]));
        assert!(!agree(&[sha256("a"), sha512("a")], &[sha256("b")]));
        assert_eq!(DisplayHash(&sha512("")).to_string()[..20], *"sha512:cf83e1357eefb");
    }
}
