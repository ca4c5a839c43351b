//! Extended headers: records of `LENGTH KEY=VALUE\n`.
//!
//! Source: POSIX `pax`, "pax Extended Header". The length counts the whole record, so
//! a value may hold newlines, and what looks like a record in it is none.

use std::collections::{BTreeMap, BTreeSet};

use super::error::TarError;

/// The records of an entry's extended headers.
#[derive(Default, Clone, PartialEq, Eq, Debug)]
pub struct Pax {
    pub path: Option<Vec<u8>>,
    pub link: Option<Vec<u8>>,
    pub size: Option<u64>,
    pub uid: Option<u64>,
    pub gid: Option<u64>,
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    pub sparse: SparseKeys,
}

/// The records that GNU tar writes of sparse files, in its three PAX formats.
#[derive(Default, Clone, PartialEq, Eq, Debug)]
pub struct SparseKeys {
    pub version: (Option<u64>, Option<u64>),
    pub name: Option<Vec<u8>>,
    /// 0.0 and 0.1: the file's length.
    pub size: Option<u64>,
    /// 1.0: the file's length.
    pub real_size: Option<u64>,
    /// 0.0 and 0.1: how many stretches there are.
    pub blocks: Option<u64>,
    /// 0.1: offsets and lengths by turns.
    pub map: Option<Vec<u64>>,
    /// 0.0: the same, one a record.
    pub pairs: Vec<u64>,
}

impl Pax {
    /// Reads the content of an entry's extended header.
    pub fn parse(bytes: &[u8]) -> Result<Self, TarError> {
        Self::read(bytes, |_| true)
    }

    /// Reads the content of a global header, which may say each thing once.
    pub fn global(bytes: &[u8]) -> Result<Self, TarError> {
        let mut keys = BTreeSet::new();
        Self::read(bytes, |key| keys.insert(key.to_vec()))
    }

    fn read(mut bytes: &[u8], mut is_fine: impl FnMut(&[u8]) -> bool) -> Result<Self, TarError> {
        let mut out = Self::default();
        // GNU tar and tarfile stop at a NUL where a record would begin.
        while bytes.first().is_some_and(|&byte| byte != 0) {
            let (key, value, rest) = record(bytes).ok_or(TarError::Broken("its extended header is malformed"))?;
            if !is_fine(key) {
                return Err(TarError::Ambiguous("a global header says a thing twice"));
            }
            out.put(key, value)?;
            bytes = rest;
        }
        Ok(out)
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), TarError> {
        let sparse = &mut self.sparse;
        match key {
            b"path" => self.path = Some(name(value)?),
            b"linkpath" => self.link = Some(name(value)?),
            b"size" => self.size = Some(decimal(value)?),
            b"uid" => self.uid = Some(id(value)?),
            b"gid" => self.gid = Some(id(value)?),
            b"GNU.sparse.major" => sparse.version.0 = Some(decimal(value)?),
            b"GNU.sparse.minor" => sparse.version.1 = Some(decimal(value)?),
            b"GNU.sparse.name" => sparse.name = Some(name(value)?),
            b"GNU.sparse.size" => sparse.size = Some(decimal(value)?),
            b"GNU.sparse.realsize" => sparse.real_size = Some(decimal(value)?),
            b"GNU.sparse.numblocks" => sparse.blocks = Some(decimal(value)?),
            b"GNU.sparse.map" => {
                sparse.map = Some(value.split(|&byte| byte == b',').map(decimal).collect::<Result<_, _>>()?);
            }
            b"GNU.sparse.offset" | b"GNU.sparse.numbytes" => {
                let length = key.ends_with(b"numbytes");
                if (sparse.pairs.len() % 2 == 1) != length {
                    return Err(TarError::Broken("the map of its holes is malformed"));
                }
                sparse.pairs.push(decimal(value)?);
            }
            _ if key.contains(&0) => return Err(TarError::Ambiguous("its extended header has a key with a NUL byte")),
            _ => {
                if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
                    self.xattrs.insert(name.to_vec(), value.to_vec());
                }
            }
        }
        Ok(())
    }

    /// Lays this over what holds for all entries.
    pub fn over(&self, globals: &Self) -> Self {
        let mut xattrs = globals.xattrs.clone();
        xattrs.extend(self.xattrs.clone());
        Self {
            path: self.path.clone().or_else(|| globals.path.clone()),
            link: self.link.clone().or_else(|| globals.link.clone()),
            size: self.size,
            uid: self.uid.or(globals.uid),
            gid: self.gid.or(globals.gid),
            xattrs,
            sparse: self.sparse.clone(),
        }
    }
}

/// Reads the first record: key, value, and what follows it.
fn record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = bytes.iter().take(20).position(|&byte| byte == b' ')?;
    let length = usize::try_from(decimal(&bytes[..blank]).ok()?).ok()?;
    let body = bytes.get(blank + 1..length)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|&byte| byte == b'=').filter(|&at| at > 0)?;
    Some((&body[..equals], &body[equals + 1..], &bytes[length..]))
}

/// Reads a name. An empty one means three things to three readers, one with a NUL two.
fn name(value: &[u8]) -> Result<Vec<u8>, TarError> {
    if value.is_empty() || value.contains(&0) {
        return Err(TarError::Ambiguous("its extended header has an empty name, or one with a NUL byte"));
    }
    Ok(value.to_vec())
}

/// Reads the number of a user or group; GNU tar fails at one that Linux cannot have, even where
/// another takes its place.
fn id(value: &[u8]) -> Result<u64, TarError> {
    let number = decimal(value)?;
    if number > u64::from(u32::MAX) {
        Err(TarError::Broken("it has an owner's number that is out of range"))
    } else {
        Ok(number)
    }
}

/// Decimal digits and nothing else.
pub fn decimal(text: &[u8]) -> Result<u64, TarError> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let number = digits.then(|| std::str::from_utf8(text).ok()?.parse().ok()).flatten();
    // off_t's range, which GNU tar and Go keep to
    number
        .filter(|number| i64::try_from(*number).is_ok())
        .ok_or(TarError::Broken("a number in its extended header is none, or out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_records_length_counts_not_its_newlines() {
        let pax = Pax::parse(b"33 SCHILY.xattr.user.a=\n9 size=9\n9 size=7\n").unwrap();
        assert_eq!(pax.xattrs.get(&b"user.a"[..]).map(Vec::as_slice), Some(&b"\n9 size=9"[..]));
        assert_eq!(pax.size, Some(7));
        assert_eq!(Pax::parse(b"9 uid=12\n\0\0junk").unwrap().uid, Some(12));
        assert_eq!(Pax::parse(b"009 uid=1\n"), Pax::parse(b"x"));
        assert_eq!(Pax::parse(b"8 uid=1\n8 uid=2\n").unwrap().uid, Some(2));
        assert!(Pax::global(b"8 uid=1\n8 uid=2\n").is_err());
    }

    #[test]
    fn what_readers_take_in_different_ways_is_refused() {
        for bad in [
            &b"junk"[..],
            b"30 path=foo\n",
            b"9 uid=12X",
            b"7 path=\n",
            b"11 path=a\0b\n",
            b"6 uid=\n",
            b"8 uid=+5\n",
            b"8 uid= 5\n",
            b"18 uid=4294967296\n",
            b"9 uid=-12\n",
            b"0 uid=1\n",
            b"5 =12\n",
            b"99999999999999999999 uid=1\n",
            b"28 size=99999999999999999999\n",
            b"23 GNU.sparse.numbytes=1\n",
        ] {
            assert!(Pax::parse(bad).is_err(), "{}", bad.escape_ascii());
        }
    }
}
