//! Decompresses a layer's blob into a tar, checking the diff id as it passes. The blob's first bytes
//! tell its compression.
//!
//! The tar's headers are read while it is unpacked: an entry that says that it is too long
//! is refused at once, not after the limit's worth of bytes. So is a zstd frame.

use std::io::{self, BufReader, Cursor, Read, Write};

use zstd::zstd_safe::get_frame_content_size;

use super::budget::{Budget, ImageError};
use super::gzip_members::GzipMembers;
use super::read::{self, ReadError};
use super::tar_reader::{TarInput, TarReader};
use crate::oci::digest::Hasher;
use crate::oci::{Compression, DiffId};
use crate::rootfs::Limits;

/// The header of a skippable frame (RFC 8878, 3.1.2).
const SKIPPABLE_HEADER: u64 = 8;
/// The number of bytes that may follow the end of an archive. Writers fill a record: 10 KiB, or
/// with the largest blocking factors some MiB.
const TAIL: u64 = 16 << 20;
/// The number of bytes that are unpacked at a time.
const STEP: usize = 128 << 10;
/// The longest header of a zstd frame (RFC 8878, 3.1.1: magic number and frame header).
const ZSTD_HEADER: u64 = 18;

/// The reasons for which a blob is not the layer that the image's configuration promises.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    #[error("it unpacks to {got}, but the image's configuration promises {want}")]
    DiffId { want: DiffId, got: DiffId },
    #[error("it unpacks to more than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("its zstd frame says that it has {size} bytes: it unpacks to more than {limit} bytes")]
    Promise { size: u64, limit: u64 },
    #[error("its zstd frame needs a window of more than {limit} bytes")]
    Window { limit: u64 },
    #[error("more than {} MiB follow the end of its archive", TAIL >> 20)]
    Tail,
    #[error(transparent)]
    Image(#[from] ImageError),
    #[error(transparent)]
    Tar(#[from] ReadError),
    #[error("cannot decompress it")]
    Io(#[from] io::Error),
    #[error("cannot write its tar")]
    Write(#[source] io::Error),
}

impl UnpackError {
    /// Returns the key of `[limits]` that would have to be raised.
    #[must_use]
    pub fn limit(&self) -> Option<&'static str> {
        match self {
            Self::TooLarge { .. } | Self::Promise { .. } => Some("layer-size"),
            Self::Window { .. } => Some("zstd-window"),
            Self::Image(cause) => Some(cause.limit()),
            Self::Tar(cause) => cause.limit(),
            Self::DiffId { .. } | Self::Tail | Self::Io(_) | Self::Write(_) => None,
        }
    }
}

/// The bounds of unpacking one layer.
#[derive(Clone, Copy)]
pub struct Bounds<'a> {
    /// The limits of each layer.
    pub limits: &'a Limits,
    /// The bytes that all layers of the image share.
    pub budget: &'a Budget,
}

/// Writes the tar of a layer's blob to `out`.
///
/// The blob is read to its very end unless it goes past a limit, so that a verifying reader
/// below has seen it all.
///
/// # Errors
/// Broken compression; another diff id than `want`; more than the bounds allow;
/// a tar whose entries say that there is more, or that tar readers disagree on.
pub fn unpack(mut blob: impl Read, want: DiffId, bounds: Bounds<'_>, out: &mut impl Write) -> Result<u64, UnpackError> {
    let mut head = Vec::new();
    blob.by_ref().take(Compression::MAGIC as u64).read_to_end(&mut head)?;
    let compression = Compression::of_bytes(&head);
    let mut blob = Cursor::new(head).chain(blob);
    let unpacked = match compression {
        Compression::None => pass(&mut blob, bounds, out),
        Compression::Gzip => pass(GzipMembers::new(BufReader::new(&mut blob)), bounds, out),
        Compression::Zstd => unzstd(&mut blob, bounds, out),
    };
    // Of a broken blob its digest says more than what the decoder stumbles over.
    let gives_up =
        |cause: &UnpackError| cause.limit().is_some() || matches!(cause, UnpackError::Write(_) | UnpackError::Tail);
    if !unpacked.as_ref().is_err_and(gives_up) {
        io::copy(&mut blob, &mut io::sink())?;
    }
    let (got, size) = unpacked?;
    if got == want { Ok(size) } else { Err(UnpackError::DiffId { want, got }) }
}

/// Unpacks zstd, whose first frame may say how much it holds.
fn unzstd(mut blob: impl Read, bounds: Bounds<'_>, out: &mut impl Write) -> Result<(DiffId, u64), UnpackError> {
    let mut head = zstd_head(&mut blob)?;
    while let Some(size) = skippable(&head) {
        // As much of it as is not read yet; what was read beyond it belongs to the next frame.
        let (seen, whole) = (head.len() as u64, SKIPPABLE_HEADER + u64::from(size));
        if seen > whole {
            head.drain(..usize::try_from(whole).unwrap_or(usize::MAX).min(head.len()));
            blob.by_ref().take(ZSTD_HEADER - head.len() as u64).read_to_end(&mut head)?;
        } else {
            io::copy(&mut blob.by_ref().take(whole - seen), &mut io::sink())?;
            head = zstd_head(&mut blob)?;
        }
    }
    let limit = bounds.limits.layer_size;
    match get_frame_content_size(&head) {
        Ok(Some(size)) if size > limit => return Err(UnpackError::Promise { size, limit }),
        _ => {}
    }
    let mut decoder = zstd::stream::read::Decoder::new(Cursor::new(head).chain(blob))?;
    let window = bounds.limits.zstd_window.next_power_of_two();
    decoder.window_log_max(window.ilog2())?;
    pass(decoder, bounds, out).map_err(|cause| too_wide(cause, window))
}

fn zstd_head(blob: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    blob.take(ZSTD_HEADER).read_to_end(&mut head)?;
    Ok(head)
}

/// Returns the size of a skippable frame's data, in bytes, given the frame's beginning (RFC 8878,
/// 3.1.2).
fn skippable(head: &[u8]) -> Option<u32> {
    let number = |at: usize| Some(u32::from_le_bytes(head.get(at..at + 4)?.try_into().ok()?));
    number(0).filter(|magic| magic & 0xffff_fff0 == 0x184d_2a50).and(number(4))
}

/// zstd tells of a window only in words.
fn too_wide(cause: UnpackError, limit: u64) -> UnpackError {
    match cause {
        UnpackError::Io(cause) if cause.to_string().contains("requires too much memory") => {
            UnpackError::Window { limit }
        }
        other => other,
    }
}

/// Passes a tar on to `out`; returns its digest and its length in bytes.
fn pass(tar: impl Read, bounds: Bounds<'_>, out: &mut impl Write) -> Result<(DiffId, u64), UnpackError> {
    let passing = TarTee {
        tar,
        out,
        hasher: Hasher::default(),
        buffer: vec![0; STEP],
        ready: 0..0,
        size: 0,
        limit: bounds.limits.layer_size,
        budget: bounds.budget,
        fault: None,
    };
    let mut archive = TarReader::streamed(passing);
    let watched = read::watch(&mut archive, bounds.limits);
    let mut passing = archive.into_input();
    if let Some(fault) = passing.fault {
        return Err(fault);
    }
    watched?;
    // What is ready and was not walked over comes after the archive's end.
    let mut tail = passing.ready.len() as u64;
    while passing.step()? {
        tail += passing.ready.len() as u64;
        if tail > TAIL {
            return Err(UnpackError::Tail);
        }
    }
    Ok((DiffId(passing.hasher.finish()), passing.size))
}

/// A tar on its way: what is ready to be read has been hashed and written.
struct TarTee<'a, R, W> {
    tar: R,
    out: &'a mut W,
    hasher: Hasher,
    buffer: Vec<u8>,
    /// The range of the buffer that was not read yet.
    ready: std::ops::Range<usize>,
    /// Bytes so far.
    size: u64,
    limit: u64,
    budget: &'a Budget,
    /// The error that stopped a read; the reader of the archive gets an I/O error in its place.
    fault: Option<UnpackError>,
}

impl<R: Read, W: Write> TarTee<'_, R, W> {
    /// Passes the next bytes on; `false` at the end.
    fn step(&mut self) -> Result<bool, UnpackError> {
        let count = self.tar.read(&mut self.buffer)?;
        self.ready = 0..count;
        self.size += count as u64;
        if self.size > self.limit {
            return Err(UnpackError::TooLarge { limit: self.limit });
        }
        self.budget.take_bytes(count as u64)?;
        self.hasher.update(&self.buffer[..count]);
        self.out.write_all(&self.buffer[..count]).map_err(UnpackError::Write)?;
        Ok(count > 0)
    }

    /// Returns the number of `wanted` bytes that are ready, one at least.
    fn some(&mut self, wanted: usize) -> io::Result<usize> {
        if self.ready.is_empty() {
            match self.step() {
                Ok(true) => {}
                Ok(false) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Err(fault) => {
                    self.fault = Some(fault);
                    return Err(io::ErrorKind::Other.into());
                }
            }
        }
        Ok(self.ready.len().min(wanted))
    }
}

impl<R: Read, W: Write> TarInput for TarTee<'_, R, W> {
    fn fill(&mut self, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            let count = self.some(buffer.len())?;
            let (start, rest) = buffer.split_at_mut(count);
            start.copy_from_slice(&self.buffer[self.ready.start..][..count]);
            self.ready.start += count;
            buffer = rest;
        }
        Ok(())
    }

    fn forward(&mut self, mut bytes: u64) -> io::Result<()> {
        while bytes > 0 {
            let count = self.some(usize::try_from(bytes).unwrap_or(usize::MAX))?;
            self.ready.start += count;
            bytes -= count as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::diagnostic::chain;
    use crate::oci::Digest;

    /// Returns a tar of one file of zeros, whose header says `size`; not all of them need be there.
    fn tar(size: u64, there: usize) -> Vec<u8> {
        let mut header = tar::Header::new_gnu();
        header.set_path("opt/x").unwrap();
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(size); // in base 256 from 8 GiB on
        header.set_cksum();
        [header.as_bytes(), &vec![0; there][..]].concat()
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    }

    fn unpacked(blob: &[u8], want: DiffId, limits: &Limits) -> Result<Vec<u8>, UnpackError> {
        let mut out = Vec::new();
        let size = unpack(blob, want, Bounds { limits, budget: &Budget::new(limits, "layers") }, &mut out)?;
        assert_eq!(size, out.len() as u64);
        Ok(out)
    }

    #[test]
    fn every_packing_gives_the_same_tar_and_a_wrong_diff_id_is_refused() {
        let tar = tar(300_000, 301_568);
        let size = tar.len() as u64;
        let zstd = zstd::encode_all(&tar[..], 1).unwrap();
        let want = DiffId(Digest::of(&tar));
        for blob in [tar.clone(), gzip(&tar), zstd] {
            let enough = Limits { layer_size: size, image_size: size, ..Limits::default() };
            assert!(unpacked(&blob, want, &enough).unwrap() == tar);
            let other = unpacked(&blob, DiffId(Digest::of(b"")), &enough);
            assert!(matches!(other, Err(UnpackError::DiffId { .. })), "{other:?}");
            let large = unpacked(&blob, want, &Limits { layer_size: size - 1, ..enough });
            assert!(matches!(large, Err(UnpackError::TooLarge { .. })), "{large:?}");
            let large = unpacked(&blob, want, &Limits { image_size: size - 1, ..enough });
            assert_eq!(large.unwrap_err().limit(), Some("image-size"));
        }
    }

    /// Fails the test when more than the first bytes are asked for.
    struct Short<'a>(&'a [u8]);

    impl Read for Short<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            assert!(!self.0.is_empty(), "more was read than the header");
            self.0.read(buffer)
        }
    }

    #[test]
    fn what_follows_the_end_of_an_archive_is_bounded() {
        let short = [tar(0, 0), vec![0; 16 << 20]].concat();
        let long = [short.clone(), vec![0; 2 * STEP]].concat();
        for blob in [long.clone(), gzip(&long)] {
            let error = unpacked(&blob, DiffId(Digest::of(&long)), &Limits::default()).unwrap_err();
            assert!(matches!(error, UnpackError::Tail), "{error}");
        }
        assert!(unpacked(&gzip(&short), DiffId(Digest::of(&short)), &Limits::default()).is_ok());
    }

    #[test]
    fn skippable_frames_do_not_hide_what_the_next_one_promises() {
        let frame =
            |size: u32| [&0x184d_2a53_u32.to_le_bytes()[..], &size.to_le_bytes(), &vec![7; size as usize]].concat();
        let tar = tar(100, 512);
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
        encoder.set_pledged_src_size(Some(tar.len() as u64)).unwrap();
        encoder.include_contentsize(true).unwrap();
        encoder.write_all(&tar).unwrap();
        let blob = encoder.finish().unwrap();
        let small = Limits { layer_size: 700, ..Limits::default() };
        for sizes in [&[0][..], &[1], &[9, 10, 11], &[0, 0, 3, 200_000], &[18, 0]] {
            let before: Vec<u8> = sizes.iter().flat_map(|size| frame(*size)).collect();
            let blob = [before, blob.clone()].concat();
            let want = DiffId(Digest::of(&tar));
            assert!(unpacked(&blob, want, &Limits::default()).unwrap() == tar, "{sizes:?}");
            let error = unpacked(&blob, want, &small).unwrap_err();
            assert!(matches!(error, UnpackError::Promise { size: 1024, .. }), "{sizes:?}: {error}");
        }
        for cut in [3, 7, 8, 12] {
            assert!(unpacked(&frame(10)[..cut], DiffId(Digest::of(b"")), &small).is_err(), "{cut}");
        }
    }

    #[test]
    fn an_entry_that_says_that_it_is_too_long_is_refused_before_it_comes() {
        let limits = Limits { layer_size: 1 << 20, ..Limits::default() };
        let refused = |blob: &[u8]| {
            let budget = Budget::new(&limits, "layers");
            let bounds = Bounds { limits: &limits, budget: &budget };
            unpack(Short(blob), DiffId(Digest::of(b"")), bounds, &mut io::sink()).unwrap_err()
        };
        for size in [(1 << 20) - 511, 64 << 30, u64::MAX >> 1] {
            let error = refused(&tar(size, 0));
            assert_eq!(error.limit(), Some("layer-size"), "{error}");
            let text = format!(
                "its entry `opt/x` is invalid: it says that it has {size} bytes: the layer unpacks to more than 1048576 bytes"
            );
            assert_eq!(chain(&error), text);
        }
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
        encoder.set_pledged_src_size(Some(2 << 20)).unwrap();
        encoder.include_contentsize(true).unwrap();
        encoder.write_all(&vec![0; 2 << 20]).unwrap();
        let blob = encoder.finish().unwrap();
        let error = refused(&blob[..18]);
        let text = "its zstd frame says that it has 2097152 bytes: it unpacks to more than 1048576 bytes";
        assert_eq!((error.to_string().as_str(), error.limit()), (text, Some("layer-size")));
    }

    #[test]
    fn a_header_that_no_reader_takes_ends_the_unpacking() {
        // 1 GiB of sevens, of which no more than one step is unpacked
        let blob = zstd::encode_all(&vec![7; 1 << 20][..], 1).unwrap().repeat(1 << 10);
        let mut out = Vec::new();
        let limits = Limits::default();
        let want = DiffId(Digest::of(b""));
        let bounds = Bounds { limits: &limits, budget: &Budget::new(&limits, "layers") };
        let error = unpack(&blob[..], want, bounds, &mut out).unwrap_err();
        assert!(chain(&error).ends_with("a number in its header is none"), "{error}");
        assert!(out.len() <= STEP, "{}", out.len());
    }
}
