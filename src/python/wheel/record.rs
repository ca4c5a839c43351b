//! The `RECORD` of a wheel.
//!
//! Source: PyPA, "Binary distribution format", "Signed wheel files" and "The .dist-info directory":
//! every file except RECORD and its signatures has a hash, SHA-256 or better. Installers do not
//! enforce this, so unambiguous variants are also supported: `/a.py`, `./a.py` and `a\b.py`
//! (selenium 4.1.0), hexadecimal digests (furo 2022.6.21), base64 with padding or with `+` and `/`
//! (pantsbuild.pants.testutil 2.14.0).

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

/// Base64 without padding as the standard defines it. Some tools add padding, so it is optional.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The largest number of characters of an invalid hash that are shown.
const SHOWN: usize = 100;
/// The largest number of lines: more than the files that a wheel may have.
const LINES: usize = 1_000_000;

/// A line without its path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RecordLine {
    pub hash: Option<Hash>,
    pub size: Option<u64>,
}

/// The target of a line's path.
pub enum RecordPath {
    /// An installed file, by its name in the archive.
    Member(String),
    /// A directory, or a file that is not installed. The line is ignored.
    Ignored,
    /// A file that the wheel does not have.
    Missing,
}

/// A parsed RECORD.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RecordLines {
    /// The lines by the names of installed files.
    pub lines: BTreeMap<String, RecordLine>,
    /// The number of lines about files that the wheel does not have, and the first such path.
    pub missing: Option<(usize, String)>,
}

/// Parses a RECORD. It keeps at most one line for each file, also of hostile input.
///
/// # Errors
/// Returns an error for more than [`LINES`] lines; for lines that are not CSV or have more than
/// three fields; for sizes that are not numbers; and for hashes of an installed file that are
/// unknown or differ between lines.
pub fn read(text: &str, listed: impl Fn(&str) -> RecordPath) -> Result<RecordLines, WheelFault> {
    let mut out = RecordLines::default();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (at, line) in text.lines().enumerate() {
        let bad = || WheelFault::RecordLine(at + 1);
        if at >= LINES {
            return Err(WheelFault::RecordLines(LINES));
        }
        if line.trim().is_empty() {
            continue;
        }
        let [path, hash, size] = fields(line).ok_or_else(bad)?;
        let member = match listed(&path) {
            RecordPath::Member(member) => member,
            RecordPath::Ignored => continue,
            RecordPath::Missing => {
                out.missing.get_or_insert((0, path)).0 += 1;
                continue;
            }
        };
        let size = if size.is_empty() { None } else { Some(size.parse().map_err(|_| bad())?) };
        let parsed = RecordLine { hash: hash_of(&member, &hash)?, size };
        match out.lines.get_mut(&member) {
            None => drop(out.lines.insert(member, parsed)),
            Some(known) if known.hash.is_none() => *known = parsed,
            Some(known) if parsed.hash.is_none() || known.hash == parsed.hash => {}
            Some(_) => return Err(WheelFault::RecordTwice(member)),
        }
    }
    Ok(out)
}

/// Splits a line into path, hash and size. Empty fields at its end may be missing, or too many.
fn fields(line: &str) -> Option<[String; 3]> {
    let mut fields = record::fields(line)?;
    fields.iter_mut().skip(1).for_each(|field| *field = field.trim().to_owned());
    if fields.iter().skip(3).any(|field| !field.is_empty()) {
        return None;
    }
    fields.resize(3, String::new());
    fields.try_into().ok()
}

/// Normalises a path to the notation of archives: `/a.py`, `./a.py` and `.\a.py` are `a.py`.
pub fn plain(path: &str) -> String {
    let parts = path.trim().split(['/', '\\']).filter(|part| !part.is_empty() && *part != ".");
    parts.collect::<Vec<_>>().join("/")
}

/// Parses a hash. Its length distinguishes hexadecimal digits from base64.
fn hash_of(path: &str, text: &str) -> Result<Option<Hash>, WheelFault> {
    if text.is_empty() {
        return Ok(None);
    }
    let parse = || {
        let (algorithm, value) = text.split_once(['=', ':'])?;
        if let Some(hash) = Hash::of(algorithm, value) {
            return Some(hash);
        }
        let value = BASE64.decode(value.replace('+', "-").replace('/', "_")).ok()?;
        Some(match algorithm.to_ascii_lowercase().as_str() {
            "sha256" => Hash::Sha256(Digest::from_bytes(value.try_into().ok()?)),
            "sha384" => Hash::Sha384(value.try_into().ok()?),
            "sha512" => Hash::Sha512(value.try_into().ok()?),
            _ => return None,
        })
    };
    let bad = || WheelFault::Hash { member: path.to_owned(), hash: text.chars().take(SHOWN).collect() };
    parse().map(Some).ok_or_else(bad)
}

/// A reader of content that computes its SHA-256, and the hash to compare.
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

    /// Returns the SHA-256 of all bytes, if they have the expected hash.
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

    const EMPTY: &str = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";
    const FILES: [&str; 3] = ["a.py", "b/c.py", "d,e"];

    fn lines(text: &str) -> Result<RecordLines, WheelFault> {
        read(text, |path| match plain(path).as_str() {
            name if FILES.contains(&name) => RecordPath::Member(name.to_owned()),
            "b" | "x.pyc" => RecordPath::Ignored,
            _ => RecordPath::Missing,
        })
    }

    #[test]
    fn one_hash_has_many_spellings() {
        let hex = Digest::of(b"").hex();
        let standard = EMPTY.replace('-', "+").replace('_', "/");
        let parsed = RecordLine { hash: Some(Hash::Sha256(Digest::of(b""))), size: Some(0) };
        for line in [
            format!("a.py,sha256={EMPTY},0"),
            format!("/a.py,sha256={EMPTY}=,0\r\n"),
            format!("\u{feff}.//a.py,SHA256={standard},0,"),
            format!("\\a.py,sha256={standard}=, 0 \n\n \n"),
            format!("\"a.py\", sha256={hex} ,0"),
            format!("./a.py,sha256:{},0", hex.to_ascii_uppercase()),
            format!("a.py,,0\na.py,sha256={EMPTY},0\n/a.py,,\na.py"),
        ] {
            assert_eq!(lines(&line).unwrap().lines, BTreeMap::from([("a.py".to_owned(), parsed.clone())]), "{line}");
        }
        let lines = lines(&format!("b\\c.py,sha256={EMPTY},\n\"d,e\",,\nb/,,\nx.pyc,md5=?,?")).unwrap();
        assert_eq!(lines.lines["b/c.py"], RecordLine { size: None, ..parsed });
        assert_eq!(lines.lines["d,e"], RecordLine { hash: None, size: None });
        assert_eq!((lines.lines.len(), lines.missing), (2, None));
    }

    #[test]
    fn lines_about_nothing_are_counted_and_bad_ones_refused() {
        let found = lines("/x/z.py,?,?\n../a.py,,\nb/../../y,sha256=,1").unwrap();
        assert_eq!((found.lines.len(), found.missing), (0, Some((3, "/x/z.py".to_owned()))));
        let other = Digest::of(b"x").hex();
        for (text, fault) in [
            ("\na.py,,,x".to_owned(), WheelFault::RecordLine(2)),
            ("\"a.py,,".to_owned(), WheelFault::RecordLine(1)),
            ("a.py,,-1".to_owned(), WheelFault::RecordLine(1)),
            (format!("a.py,sha256={EMPTY},\n./a.py,sha256={other},"), WheelFault::RecordTwice("a.py".to_owned())),
        ] {
            assert_eq!(lines(&text), Err(fault), "{text}");
        }
        assert_eq!(lines(&"\n".repeat(LINES + 1)), Err(WheelFault::RecordLines(LINES)));
        for hash in ["md5=d41d8cd98f00b204e9800998ecf8427e", "sha256=AAAA", "sha512=", "sha384", EMPTY, &other] {
            let fault = WheelFault::Hash { member: "a.py".to_owned(), hash: hash.to_owned() };
            assert_eq!(lines(&format!("a.py,{hash},1")), Err(fault));
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
