//! Decompresses a layer's blob into a tar, checking the diff id as it passes.

use std::io::{self, Read, Write};

use crate::oci::digest::Hasher;
use crate::oci::{DiffId, Packing};
use crate::rootfs::Limits;

/// Why a blob is not the layer that the image's configuration promises.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    #[error("it unpacks to {got}, but the image's configuration promises {want}")]
    DiffId { want: DiffId, got: DiffId },
    #[error("it unpacks to more than {limit} bytes")]
    TooLarge { limit: u64 },
    #[error("its zstd frame needs a window of more than {limit} bytes")]
    Window { limit: u64 },
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Write(io::Error),
}

impl UnpackError {
    /// The key of `[limits]` that would have to be raised.
    #[must_use]
    pub fn limit(&self) -> Option<&'static str> {
        match self {
            Self::TooLarge { .. } => Some("layer-size"),
            Self::Window { .. } => Some("zstd-window"),
            Self::DiffId { .. } | Self::Io(_) | Self::Write(_) => None,
        }
    }
}

/// Writes the tar of a layer's blob to `out`.
///
/// The blob is read to its very end, so that a verifying reader below has seen it all.
///
/// # Errors
/// Broken compression; another diff id than `want`; more than `limits` allow.
pub fn unpack(
    mut blob: impl Read,
    packing: Packing,
    want: DiffId,
    limits: &Limits,
    out: &mut impl Write,
) -> Result<u64, UnpackError> {
    let limit = limits.layer_size;
    let unpacked = match packing {
        Packing::Tar => copy(&mut blob, limit, out),
        Packing::Gzip => copy(&mut flate2::read::MultiGzDecoder::new(&mut blob), limit, out),
        Packing::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::new(&mut blob)?;
            let window = limits.zstd_window.next_power_of_two();
            decoder.window_log_max(window.ilog2())?;
            copy(&mut decoder, limit, out).map_err(|cause| too_wide(cause, window))
        }
    };
    // Of a broken blob its digest says more than what the decoder stumbles over.
    if matches!(unpacked, Ok(_) | Err(UnpackError::Io(_))) {
        io::copy(&mut blob, &mut io::sink())?;
    }
    let (got, size) = unpacked?;
    if got == want { Ok(size) } else { Err(UnpackError::DiffId { want, got }) }
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

fn copy(tar: &mut impl Read, limit: u64, out: &mut impl Write) -> Result<(DiffId, u64), UnpackError> {
    let mut hasher = Hasher::default();
    let mut buffer = vec![0; 128 << 10];
    let mut size = 0;
    loop {
        let count = tar.read(&mut buffer)?;
        if count == 0 {
            return Ok((DiffId(hasher.finish()), size));
        }
        size += count as u64;
        if size > limit {
            return Err(UnpackError::TooLarge { limit });
        }
        hasher.update(&buffer[..count]);
        out.write_all(&buffer[..count]).map_err(UnpackError::Write)?;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::oci::Digest;

    #[test]
    fn every_packing_gives_the_same_tar_and_a_wrong_diff_id_is_refused() {
        let tar = vec![7; 300_000];
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&tar).unwrap();
        let zstd = zstd::encode_all(&tar[..], 1).unwrap();
        let want = DiffId(Digest::of(&tar));
        for (packing, blob) in
            [(Packing::Tar, tar.clone()), (Packing::Gzip, gzip.finish().unwrap()), (Packing::Zstd, zstd)]
        {
            let mut out = Vec::new();
            let limits = |layer_size| Limits { layer_size, ..Limits::default() };
            let enough = limits(300_000);
            assert_eq!(unpack(&blob[..], packing, want, &enough, &mut out).unwrap(), 300_000);
            assert!(out == tar);
            let other = DiffId(Digest::of(b""));
            assert!(matches!(unpack(&blob[..], packing, other, &enough, &mut out), Err(UnpackError::DiffId { .. })));
            assert!(matches!(
                unpack(&blob[..], packing, want, &limits(299_999), &mut out),
                Err(UnpackError::TooLarge { .. })
            ));
        }
    }
}
