//! What a wheel's `RECORD` says of its files.
//!
//! Source: PyPA, "Binary distribution format", "Signed wheel files" and "The .dist-info
//! directory": every file but RECORD and its signatures has a hash, SHA-256 or better.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use sha2::{Digest as _, Sha384, Sha512};

use super::error::WheelFault;
use crate::oci::Digest;
use crate::oci::digest::Hasher;
use crate::python::lock::Hash;
use crate::python::record;

/// As the standard says, without padding; some tools pad.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The most characters of a bad hash that are shown.
const SHOWN: usize = 100;

/// A line, but for its path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// None for RECORD itself.
    pub hash: Option<Hash>,
    pub size: Option<u64>,
}

/// The lines by path. A file that the wheel has not is the end: of hostile lines, none
/// more are kept than there are files.
pub fn read(text: &str, has: impl Fn(&str) -> bool) -> Result<BTreeMap<String, Told>, WheelFault> {
    let mut out = BTreeMap::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        let bad = || WheelFault::RecordLine(at + 1);
        let fields: [String; 3] = record::fields(line).and_then(|fields| fields.try_into().ok()).ok_or_else(bad)?;
        let [path, hash, size] = fields;
        let size = if size.is_empty() { None } else { Some(size.parse().map_err(|_| bad())?) };
        if !has(&path) {
            return Err(WheelFault::Lacking(path));
        }
        let told = Told { hash: hash_of(&path, &hash)?, size };
        match out.get(&path) {
            Some(known) if *known != told => return Err(WheelFault::RecordTwice(path)),
            _ => out.insert(path, told),
        };
    }
    Ok(out)
}

fn hash_of(path: &str, text: &str) -> Result<Option<Hash>, WheelFault> {
    if text.is_empty() {
        return Ok(None);
    }
    let parse = || {
        let (algorithm, value) = text.split_once('=')?;
        let value = BASE64.decode(value).ok()?;
        Some(match algorithm {
            "sha256" => Hash::Sha256(Digest::from_bytes(value.try_into().ok()?)),
            "sha384" => Hash::Sha384(value.try_into().ok()?),
            "sha512" => Hash::Sha512(value.try_into().ok()?),
            _ => return None,
        })
    };
    let bad = || WheelFault::Hash { member: path.to_owned(), hash: text.chars().take(SHOWN).collect() };
    parse().map(Some).ok_or_else(bad)
}

/// Computes the SHA-256 of content, and the hash that is to be compared.
pub struct Comparison<'a> {
    want: &'a Hash,
    sha256: Hasher,
    other: Other,
}

enum Other {
    None,
    Sha384(Sha384),
    Sha512(Sha512),
}

impl<'a> Comparison<'a> {
    pub fn new(want: &'a Hash) -> Self {
        let other = match want {
            Hash::Sha256(_) => Other::None,
            Hash::Sha384(_) => Other::Sha384(Sha384::new()),
            Hash::Sha512(_) => Other::Sha512(Sha512::new()),
        };
        Self { want, sha256: Hasher::default(), other }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        match &mut self.other {
            Other::None => {}
            Other::Sha384(hasher) => hasher.update(bytes),
            Other::Sha512(hasher) => hasher.update(bytes),
        }
    }

    /// The SHA-256 of all bytes taken in, when they are what was wanted.
    pub fn finish(self) -> Option<Digest> {
        let digest = self.sha256.finish();
        let same = match (self.want, self.other) {
            (Hash::Sha256(want), _) => *want == digest,
            (Hash::Sha384(want), Other::Sha384(hasher)) => want.as_slice() == hasher.finalize().as_slice(),
            (Hash::Sha512(want), Other::Sha512(hasher)) => want.as_slice() == hasher.finalize().as_slice(),
            _ => false,
        };
        same.then_some(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_and_odd_ones_refused() {
        let empty = "sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
        let record =
            read(&format!("a.py,{empty},0\r\na.py,{empty},0\n\"b,c\",{empty}=,\nx/RECORD,,\n\n"), |_| true).unwrap();
        let told = Told { hash: Some(Hash::Sha256(Digest::of(b""))), size: Some(0) };
        assert_eq!(record["a.py"], told);
        assert_eq!(record["b,c"], Told { size: None, ..told });
        assert_eq!(record["x/RECORD"], Told { hash: None, size: None });
        for (text, fault) in [
            ("a", WheelFault::RecordLine(1)),
            ("\na,,,", WheelFault::RecordLine(2)),
            ("\"a,,", WheelFault::RecordLine(1)),
            ("a,,-1", WheelFault::RecordLine(1)),
            ("a,,1\na,,2", WheelFault::RecordTwice("a".to_owned())),
            ("a,,1\nz,,\nb", WheelFault::Lacking("z".to_owned())),
            ("a,md5=x,1", WheelFault::Hash { member: "a".to_owned(), hash: "md5=x".to_owned() }),
            ("a,sha256=AAAA,1", WheelFault::Hash { member: "a".to_owned(), hash: "sha256=AAAA".to_owned() }),
        ] {
            assert_eq!(read(text, |path| path != "z"), Err(fault), "{text}");
        }
    }

    #[test]
    fn stronger_hashes_are_compared_and_give_the_sha256() {
        let (long, longer) = (Sha384::digest(b"x"), Sha512::digest(b"x"));
        let of = |bytes: &[u8]| bytes.to_vec();
        let hashes = [
            Hash::Sha256(Digest::of(b"x")),
            Hash::Sha384(of(&long).try_into().unwrap()),
            Hash::Sha512(of(&longer).try_into().unwrap()),
        ];
        for hash in &hashes {
            for (bytes, want) in [(b"x", Some(Digest::of(b"x"))), (b"y", None)] {
                let mut comparison = Comparison::new(hash);
                comparison.update(bytes);
                assert_eq!(comparison.finish(), want);
            }
        }
    }
}
