//! Hashes of files, as lock files and indexes write them.

use super::Hash;
use crate::oci::Digest;

impl Hash {
    /// Reads `sha256:…`, `sha384:…` or `sha512:…`, digits of either case. None for other
    /// kinds, which are weaker, and for what is no hash.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, digits) = text.split_once(':')?;
        Self::of(kind, digits)
    }

    /// The same, with the kind by itself.
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
