//! Hashes of files in the notation of lock files and indexes.

use std::collections::BTreeSet;

use super::error::LockError;
use crate::oci::Digest;

/// Known algorithms that are too weak, or that carboy does not verify.
const WEAK: [&str; 6] = ["md5", "sha1", "sha224", "blake2b", "blake2s", "blake2b_256"];

/// A hash of a whole file. Weaker algorithms are ignored.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Hash {
    Sha256(Digest),
    Sha384(Box<[u8; 48]>),
    Sha512(Box<[u8; 64]>),
}

impl Hash {
    /// Parses `sha256:…`, `sha384:…` or `sha512:…`, digits of either case. Returns `None` for weaker
    /// algorithms and for text that is not a hash.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, digits) = text.split_once(':')?;
        Self::of(kind, digits)
    }

    /// Parses the digits of a hash of the algorithm `kind`.
    #[must_use]
    pub fn of(kind: &str, digits: &str) -> Option<Self> {
        let digits = digits.to_ascii_lowercase();
        match kind.to_ascii_lowercase().as_str() {
            "sha256" => format!("sha256:{digits}").parse::<Digest>().ok().map(Self::Sha256),
            "sha384" => bytes(&digits).map(Self::Sha384),
            "sha512" => bytes(&digits).map(Self::Sha512),
            _ => None,
        }
    }
}

/// Parses hexadecimal digits.
fn bytes<const SIZE: usize>(digits: &str) -> Option<Box<[u8; SIZE]>> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    if digits.len() != 2 * SIZE {
        return None;
    }
    let mut out = Box::new([0; SIZE]);
    for (byte, pair) in out.iter_mut().zip(digits.as_bytes().chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(out)
}

/// Parses hashes, without those of known weak algorithms.
///
/// # Errors
/// Returns an error for text that is not a hash.
pub(super) fn hashes<'a>(at: &str, texts: impl IntoIterator<Item = &'a str>) -> Result<Vec<Hash>, LockError> {
    let mut out = BTreeSet::new();
    for text in texts {
        let kind = text.split_once(':').map(|(kind, _)| kind.to_ascii_lowercase());
        match Hash::parse(text) {
            Some(hash) => drop(out.insert(hash)),
            None if kind.as_ref().is_some_and(|kind| WEAK.contains(&kind.as_str())) => {}
            None => {
                let short: String = text.chars().take(150).collect();
                return Err(LockError::new(at, format!("`{short}` is not a sha256, sha384 or sha512 hash")));
            }
        }
    }
    Ok(out.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strong_hashes_are_read_and_others_are_none() {
        let hash = Hash::parse(&format!("sha256:{}", "aB".repeat(32)));
        assert_eq!(hash, Some(Hash::Sha256(format!("sha256:{}", "ab".repeat(32)).parse().unwrap())));
        assert_eq!(Hash::parse(&format!("sha512:{}", "0f".repeat(64))), Some(Hash::Sha512(Box::new([15; 64]))));
        assert_eq!(Hash::parse(&format!("SHA384:{}", "ff".repeat(48))), Some(Hash::Sha384(Box::new([255; 48]))));
        for bad in
            ["", "sha256", "sha256:ab", "md5:d41d8cd98f00b204e9800998ecf8427e", &format!("sha384:{}", "+f".repeat(48))]
        {
            assert_eq!(Hash::parse(bad), None, "{bad}");
        }
    }
}
