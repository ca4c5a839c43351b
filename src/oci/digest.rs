//! SHA-256 digests of content, and the check of a stream against one.
//!
//! Source: image-spec `descriptor.md`, "Digests". Only `sha256` is accepted:
//! it is the one algorithm that every registry must support.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// SHA-256 of bytes as they travel: a blob, a manifest, a config.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// SHA-256 of an *uncompressed* layer tar; never an address in a registry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DiffId(pub Digest);

/// A text that is no `sha256:` digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a sha256 digest")]
pub struct DigestError(pub String);

impl Digest {
    /// Returns the digest of bytes at hand.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Returns a digest that was computed elsewhere.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// 64 lower-case hexadecimal digits, without the algorithm.
    #[must_use]
    pub fn hex(&self) -> String {
        use fmt::Write as _;
        self.0.iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Returns the first twelve hexadecimal digits, enough for a person.
    #[must_use]
    pub fn short(&self) -> String {
        self.hex()[..12].to_owned()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{}", self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for DiffId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// Returns whether bytes are the 64 lower-case hexadecimal digits of a SHA-256, as in the names of
/// blobs and cache entries.
#[must_use]
pub fn is_hex(bytes: &[u8]) -> bool {
    bytes.len() == 64 && bytes.iter().all(|digit| nibble(*digit).is_some())
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let error = || DigestError(text.chars().take(100).collect());
        let hex = text.strip_prefix("sha256:").ok_or_else(error)?.as_bytes();
        if hex.len() != 64 {
            return Err(error());
        }
        let mut out = [0; 32];
        for (byte, pair) in out.iter_mut().zip(hex.chunks_exact(2)) {
            *byte = nibble(pair[0]).zip(nibble(pair[1])).map(|(high, low)| high << 4 | low).ok_or_else(error)?;
        }
        Ok(Self(out))
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl Serialize for Digest {
    /// Writes a text in formats for people, 32 bytes in other formats.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() { serializer.collect_str(self) } else { self.0.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
        } else {
            <[u8; 32]>::deserialize(deserializer).map(Self)
        }
    }
}

/// A SHA-256 in the making.
#[derive(Clone, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Takes more bytes in.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Returns the digest of all bytes taken in.
    #[must_use]
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

/// The reasons for which received bytes are not the promised content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// More bytes than the descriptor says.
    #[error("{want} is longer than the {size} bytes promised")]
    TooLong { want: Digest, size: u64 },
    /// Fewer bytes than the descriptor says.
    #[error("{want} ended after {got} of {size} bytes")]
    Truncated { want: Digest, got: u64, size: u64 },
    /// The right length, other bytes.
    #[error("content of {want} does not match: it hashes to {got}")]
    Mismatch { want: Digest, got: Digest },
}

/// Checks a stream of bytes against a digest and a size, as they pass.
pub struct Verifier {
    want: Digest,
    size: u64,
    seen: u64,
    hasher: Hasher,
}

impl Verifier {
    /// Expects `size` bytes that hash to `want`.
    #[must_use]
    pub fn new(want: Digest, size: u64) -> Self {
        Self { want, size, seen: 0, hasher: Hasher::default() }
    }

    /// Bytes seen so far: where a broken transfer goes on.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Takes more bytes in.
    ///
    /// # Errors
    /// `TooLong` as soon as one byte exceeds the promised size.
    pub fn update(&mut self, bytes: &[u8]) -> Result<(), VerifyError> {
        self.seen += bytes.len() as u64;
        if self.seen > self.size {
            return Err(VerifyError::TooLong { want: self.want, size: self.size });
        }
        self.hasher.update(bytes);
        Ok(())
    }

    /// Checks the whole.
    ///
    /// # Errors
    /// `Truncated` or `Mismatch`.
    pub fn finish(&self) -> Result<(), VerifyError> {
        if self.seen < self.size {
            return Err(VerifyError::Truncated { want: self.want, got: self.seen, size: self.size });
        }
        let got = self.hasher.clone().finish();
        if got == self.want { Ok(()) } else { Err(VerifyError::Mismatch { want: self.want, got }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn text_form_round_trips_and_refuses_the_rest() {
        assert_eq!(Digest::of(b"").to_string(), EMPTY);
        assert_eq!(EMPTY.parse(), Ok(Digest::of(b"")));
        for bad in ["", "sha256:", "sha512:00", &EMPTY.to_uppercase(), &EMPTY[..70], &format!("{EMPTY}0")] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_stream_is_refused_when_it_is_short_long_or_other() {
        let want = Digest::of(b"carboy");
        let check = |chunks: &[&[u8]]| {
            let mut verifier = Verifier::new(want, 6);
            chunks.iter().try_for_each(|chunk| verifier.update(chunk)).and_then(|()| verifier.finish())
        };
        assert_eq!(check(&[b"car", b"boy"]), Ok(()));
        assert_eq!(check(&[b"car"]), Err(VerifyError::Truncated { want, got: 3, size: 6 }));
        assert_eq!(check(&[b"carboys"]), Err(VerifyError::TooLong { want, size: 6 }));
        assert_eq!(check(&[b"carbob"]), Err(VerifyError::Mismatch { want, got: Digest::of(b"carbob") }));
    }
}
