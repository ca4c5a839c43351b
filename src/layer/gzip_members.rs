//! Decompresses gzip of several members, and what may stand around them.
//!
//! Source: RFC 1952, 2.2. `pigz`, `bgzip` and eStargz write a member for each part. Zeros after the
//! last member are padding, which gzip(1) ignores; tapes and block devices leave them.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;

/// A reader of the decompressed bytes.
pub struct GzipMembers<R> {
    /// None at the end.
    member: Option<GzDecoder<R>>,
}

impl<R: BufRead> GzipMembers<R> {
    /// Begins before the first member.
    pub fn new(blob: R) -> Self {
        Self { member: Some(GzDecoder::new(blob)) }
    }
}

impl<R: BufRead> Read for GzipMembers<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while let Some(member) = &mut self.member {
            let count = member.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            self.member = self.member.take().map(|ended| next(ended.into_inner())).transpose()?.flatten();
        }
        Ok(0)
    }
}

/// Goes on to the next member; none at the end.
fn next<R: BufRead>(mut blob: R) -> io::Result<Option<GzDecoder<R>>> {
    loop {
        let ready = blob.fill_buf()?;
        let (zeros, length) = (ready.iter().take_while(|byte| **byte == 0).count(), ready.len());
        blob.consume(zeros);
        match length {
            0 => return Ok(None),
            _ if zeros < length => return Ok(Some(GzDecoder::new(blob))),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Write as _};

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(text).unwrap();
        gzip.finish().unwrap()
    }

    fn read(blob: &[u8], capacity: usize) -> io::Result<Vec<u8>> {
        let mut out = Vec::new();
        GzipMembers::new(BufReader::with_capacity(capacity, blob)).read_to_end(&mut out).map(|_| out)
    }

    #[test]
    fn members_follow_each_other_and_zeros_follow_them() {
        let zeros = vec![0; 1000];
        for capacity in [1, 7, 8192] {
            for (parts, text) in [
                (vec![gzip(b"carboy")], &b"carboy"[..]),
                (vec![gzip(b"car"), gzip(b""), gzip(b"boy")], b"carboy"),
                (vec![gzip(b"carboy"), zeros.clone()], b"carboy"),
                (vec![gzip(b"car"), zeros.clone(), gzip(b"boy"), zeros.clone()], b"carboy"),
                (vec![gzip(b"")], b""),
            ] {
                assert_eq!(read(&parts.concat(), capacity).unwrap(), text);
            }
        }
    }

    #[test]
    fn other_bytes_after_a_member_are_an_error() {
        for (parts, kind) in [
            (vec![gzip(b"carboy"), b"junk after it".to_vec()], io::ErrorKind::InvalidInput),
            (vec![gzip(b"carboy"), vec![0, 0, 7]], io::ErrorKind::UnexpectedEof),
            (vec![gzip(b"carboy")[..20].to_vec()], io::ErrorKind::UnexpectedEof),
            (vec![], io::ErrorKind::UnexpectedEof),
        ] {
            assert_eq!(read(&parts.concat(), 8192).unwrap_err().kind(), kind, "{parts:?}");
        }
    }
}
