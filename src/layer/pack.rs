//! Writes a recipe as a compressed tar, hashing it before and after compression.
//!
//! One pass: tar → SHA-256 (diff id) → compressor → SHA-256 (digest) → file. The
//! same recipe gives the same bytes, whatever the number of threads: zstd runs with
//! one worker always, since its output differs between none and some (measured).

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};

use zstd::zstd_safe::{CCtx, CParameter, ResetDirective};

use super::Recipe;
use super::contents::{Slice, SparseReader, TarFiles};
use super::zip_entry::EntryReader;
use crate::oci::digest::Hasher;
use crate::oci::{CompressionLevel, Descriptor, DiffId, Digest};
use crate::rootfs::{Content, Entry, Kind, LocalFile, RootPath, Sparse, ZipEntry};

/// How much zstd's worker gets at once, in bytes, and how much of what came before it may
/// refer to: 8 is half the window. Measured at level 3 with numpy and pandas, 98 MB: 14 MB
/// of memory and 24.12 MB of output, where zstd's own choice takes 41 MB for 24.14 MB.
const JOB: u32 = 2 << 20;
const OVERLAP: u32 = 8;

/// How much of a wheel's member is inflated at once.
const STEP: usize = 64 << 10;

/// A layer that was written.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize, serde::Deserialize)]
pub struct Packed {
    pub descriptor: Descriptor,
    pub diff_id: DiffId,
    /// The tar's length in bytes.
    pub unpacked: u64,
    /// Files, links not counted.
    pub files: u64,
}

/// Why a layer could not be written.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    #[error("cannot read `{path}`")]
    Read {
        path: String,
        #[source]
        cause: io::Error,
    },
    #[error("`{path}` changed while it was being read")]
    Changed { path: String },
    #[error("cannot read `{path}` in `{wheel}`")]
    ZipEntry {
        wheel: String,
        path: String,
        #[source]
        cause: io::Error,
    },
    #[error("`{path}` in `{wheel}` does not match its RECORD")]
    Record { wheel: String, path: String },
    #[error("cannot write the layer")]
    Write(#[from] io::Error),
}

/// Writes layers, one after the other. zstd's buffers are kept from one to the next: what
/// comes and goes is not given back.
#[derive(Default)]
pub struct Packer {
    zstd: Option<CCtx<'static>>,
}

impl Packer {
    /// Writes a layer to `out`; `advanced` hears of the bytes read.
    ///
    /// # Errors
    /// Files that cannot be read, or are not any more what the recipe says.
    pub fn pack(
        &mut self,
        recipe: &Recipe,
        tars: &dyn TarFiles,
        out: File,
        advanced: &dyn Fn(u64),
    ) -> Result<Packed, PackError> {
        let compression = recipe.compression();
        let out = HashingWriter::new(BufWriter::with_capacity(256 << 10, out));
        let out = HashingWriter::new(self.compressor(compression, out)?);
        let (compressor, diff) = write_tar(recipe, tars, out, advanced)?.finish();
        let (mut file, (digest, size)) = compressor.finish()?.finish();
        file.flush()?;
        let media_type = compression.format().media_type();
        Ok(Packed {
            descriptor: Descriptor::new(media_type, digest, size),
            diff_id: DiffId(diff.0),
            unpacked: diff.1,
            files: recipe.files(),
        })
    }

    pub(super) fn compressor<W: Write>(
        &mut self,
        compression: CompressionLevel,
        out: W,
    ) -> io::Result<Compressor<'_, W>> {
        Ok(match compression {
            CompressionLevel::Zstd { level } => {
                Compressor::Zstd(zstd::stream::write::Encoder::with_context(out, self.zstd(level)?))
            }
            CompressionLevel::Gzip { level } => {
                Compressor::Gzip(flate2::GzBuilder::new().write(out, flate2::Compression::new(level)))
            }
        })
    }

    /// zstd, ready for a new frame.
    fn zstd(&mut self, level: i32) -> io::Result<&mut CCtx<'static>> {
        let context = self.zstd.get_or_insert_with(CCtx::create);
        let failed = |code| io::Error::other(zstd::zstd_safe::get_error_name(code));
        context.reset(ResetDirective::SessionAndParameters).map_err(failed)?;
        context.set_parameter(CParameter::CompressionLevel(level)).map_err(failed)?;
        context.set_parameter(CParameter::NbWorkers(1)).map_err(failed)?;
        context.set_parameter(CParameter::JobSize(JOB)).map_err(failed)?;
        context.set_parameter(CParameter::OverlapSizeLog(OVERLAP)).map_err(failed)?;
        Ok(context)
    }
}

/// A writer that compresses what passes.
pub(super) enum Compressor<'a, W: Write> {
    Zstd(zstd::stream::write::Encoder<'a, W>),
    Gzip(flate2::write::GzEncoder<W>),
}

impl<W: Write> Compressor<'_, W> {
    pub(super) fn finish(self) -> io::Result<W> {
        match self {
            Self::Zstd(encoder) => encoder.finish(),
            Self::Gzip(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Compressor<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Zstd(encoder) => encoder.write(bytes),
            Self::Gzip(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Zstd(encoder) => encoder.flush(),
            Self::Gzip(encoder) => encoder.flush(),
        }
    }
}

fn write_tar<W: Write>(
    recipe: &Recipe,
    tars: &dyn TarFiles,
    out: HashingWriter<W>,
    advanced: &dyn Fn(u64),
) -> Result<HashingWriter<W>, PackError> {
    let mut builder = tar::Builder::new(out);
    for (path, entry) in recipe.entries() {
        append(&mut builder, path, entry, recipe.timestamp(), tars, advanced)?;
    }
    Ok(builder.into_inner()?)
}

pub(super) fn append<W: Write>(
    builder: &mut tar::Builder<W>,
    path: &RootPath,
    entry: &Entry,
    timestamp: u64,
    tars: &dyn TarFiles,
    advanced: &dyn Fn(u64),
) -> Result<(), PackError> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(entry.meta.mode);
    header.set_uid(u64::from(entry.meta.uid));
    header.set_gid(u64::from(entry.meta.gid));
    header.set_mtime(timestamp);
    header.set_size(0);
    append_xattrs(builder, entry)?;
    let name = path.as_bytes();
    match &entry.kind {
        Kind::Folder => {
            header.set_entry_type(tar::EntryType::Directory);
            builder.append_data(&mut header, os_path(&[name, b"/"].concat()), io::empty())?;
        }
        Kind::Link(target) => {
            header.set_entry_type(tar::EntryType::Symlink);
            builder.append_link(&mut header, os_path(name), os_path(target))?;
        }
        Kind::File(content) => {
            header.set_entry_type(tar::EntryType::Regular);
            header.set_size(content.size());
            let mut data = CountingWriter { inner: open(content, path, tars)?, advanced, broken: false };
            let appended = builder.append_data(&mut header, os_path(name), &mut data);
            appended.map_err(|cause| if data.broken { data.inner.blame(path, cause, tars) } else { cause.into() })?;
            data.inner.check(path, tars)?;
        }
        Kind::Special => {} // `Recipe::put` refuses them
    }
    Ok(())
}

/// An extended header with an entry's attributes. Their names are bytes, which the
/// `tar` crate's own does not take.
fn append_xattrs(builder: &mut tar::Builder<impl Write>, entry: &Entry) -> io::Result<()> {
    let mut records = Vec::new();
    for (name, value) in &entry.meta.xattrs {
        let body = [b" SCHILY.xattr.", name.as_slice(), b"=", value.as_slice(), b"\n"].concat();
        // A record's length counts its own digits.
        let digits = |length: usize| length.to_string().len();
        let length = body.len() + digits(body.len());
        records.extend_from_slice((body.len() + digits(length)).to_string().as_bytes());
        records.extend_from_slice(&body);
    }
    if records.is_empty() {
        return Ok(());
    }
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(tar::EntryType::XHeader);
    header.set_size(records.len() as u64);
    header.set_cksum();
    builder.append(&header, records.as_slice())
}

fn os_path(bytes: &[u8]) -> std::path::PathBuf {
    use std::os::unix::ffi::OsStrExt as _;
    std::ffi::OsStr::from_bytes(bytes).into()
}

/// A file's bytes on their way into a layer.
enum Data<'a> {
    Bytes(&'a [u8]),
    Slice { slice: Slice, hasher: Hasher, blob: &'a Digest, want: &'a Digest },
    SparseReader { file: SparseReader, sparse: &'a Sparse },
    Local { file: io::Take<File>, left: u64, hasher: Hasher, want: &'a LocalFile },
    ZipEntry { file: Box<BufReader<EntryReader>>, hasher: Hasher, want: &'a ZipEntry },
}

fn open<'a>(content: &'a Content, path: &RootPath, tars: &dyn TarFiles) -> Result<Data<'a>, PackError> {
    match content {
        Content::Bytes(bytes) => Ok(Data::Bytes(bytes)),
        Content::Layer { blob, offset, size, digest } => {
            let file = tars.tar(blob).map_err(|cause| PackError::Read { path: path.to_string(), cause })?;
            Ok(Data::Slice { slice: Slice::new(file, *offset, *size), hasher: Hasher::default(), blob, want: digest })
        }
        Content::Sparse(sparse) => {
            let file = tars.tar(&sparse.blob).map_err(|cause| PackError::Read { path: path.to_string(), cause })?;
            Ok(Data::SparseReader { file: SparseReader::new(file, sparse.clone()), sparse })
        }
        Content::ZipEntry(want) => {
            let name = want.archive.path.display().to_string();
            let file = EntryReader::open(want).map_err(|cause| PackError::Read { path: name, cause })?;
            // Inflating in large steps is faster: what is repeated is still in the buffer.
            let step = usize::try_from(want.size).unwrap_or(STEP).clamp(1, STEP);
            let file = Box::new(BufReader::with_capacity(step, file));
            Ok(Data::ZipEntry { file, hasher: Hasher::default(), want })
        }
        Content::Local(want) => {
            let name = want.path.display().to_string();
            let file = File::open(&want.path).map_err(|cause| PackError::Read { path: name, cause })?;
            Ok(Data::Local { file: file.take(want.size), left: want.size, hasher: Hasher::default(), want })
        }
    }
}

impl Read for Data<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Bytes(bytes) => bytes.read(buffer),
            Self::Slice { slice, hasher, .. } => {
                let count = slice.read(buffer)?;
                hasher.update(&buffer[..count]);
                Ok(count)
            }
            Self::SparseReader { file, .. } => file.read(buffer),
            Self::Local { file, left, hasher, .. } => {
                let mut count = file.read(buffer)?;
                if count == 0 && *left > 0 {
                    // It shrank: keep the archive's shape, `check` tells of it.
                    count = usize::try_from(*left).unwrap_or(usize::MAX).min(buffer.len());
                    buffer[..count].fill(0);
                }
                *left -= count as u64;
                hasher.update(&buffer[..count]);
                Ok(count)
            }
            Self::ZipEntry { file, hasher, .. } => {
                let count = file.read(buffer)?;
                hasher.update(&buffer[..count]);
                Ok(count)
            }
        }
    }
}

impl Data<'_> {
    /// Why the file at `path` could not be read.
    fn blame(&self, path: &RootPath, cause: io::Error, tars: &dyn TarFiles) -> PackError {
        match self {
            Self::Slice { blob, .. } => PackError::Read { path: path.to_string(), cause: tars.damaged(blob) },
            Self::SparseReader { sparse, .. } => {
                PackError::Read { path: path.to_string(), cause: tars.damaged(&sparse.blob) }
            }
            Self::ZipEntry { want, .. } => {
                PackError::ZipEntry { wheel: want.archive.name.clone(), path: path.to_string(), cause }
            }
            Self::Local { want, .. } => PackError::Read { path: want.path.display().to_string(), cause },
            Self::Bytes(_) => PackError::Read { path: path.to_string(), cause },
        }
    }

    fn check(self, path: &RootPath, tars: &dyn TarFiles) -> Result<(), PackError> {
        match self {
            Self::Slice { hasher, blob, want, .. } if hasher.clone().finish() != *want => {
                Err(PackError::Read { path: path.to_string(), cause: tars.damaged(blob) })
            }
            Self::SparseReader { file, sparse } if file.data_digest() != sparse.data => {
                Err(PackError::Read { path: path.to_string(), cause: tars.damaged(&sparse.blob) })
            }
            Self::Local { hasher, want, .. } if hasher.clone().finish() != want.digest => {
                Err(PackError::Changed { path: want.path.display().to_string() })
            }
            Self::ZipEntry { hasher, want, .. } if hasher.clone().finish() != want.digest => {
                Err(PackError::Record { wheel: want.archive.name.clone(), path: path.to_string() })
            }
            _ => Ok(()),
        }
    }
}

struct CountingWriter<'a, R> {
    inner: R,
    advanced: &'a dyn Fn(u64),
    /// Whether reading failed.
    broken: bool,
}

impl<R: Read> Read for CountingWriter<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer).inspect_err(|_| self.broken = true)?;
        (self.advanced)(count as u64);
        Ok(count)
    }
}

/// A writer that hashes and counts what passes.
struct HashingWriter<W> {
    inner: W,
    hasher: Hasher,
    size: u64,
}

impl<W> HashingWriter<W> {
    fn new(inner: W) -> Self {
        Self { inner, hasher: Hasher::default(), size: 0 }
    }

    fn finish(self) -> (W, (Digest, u64)) {
        (self.inner, (self.hasher.finish(), self.size))
    }
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        self.size += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::layer::{Limits, read};
    use crate::rootfs::{Meta, Tree};

    struct NoTars;

    impl TarFiles for NoTars {
        fn tar(&self, _: &Digest) -> io::Result<Arc<File>> {
            Err(io::ErrorKind::NotFound.into())
        }
    }

    fn recipe(compression: CompressionLevel) -> Recipe {
        let mut recipe = Recipe::new(315_532_800, compression);
        let mut image = Tree::default();
        let long = "l".repeat(200);
        let meta = Meta { uid: 65532, xattrs: [(b"user.x".to_vec(), b"ab".to_vec())].into(), ..Meta::root(0o1777) };
        let entries = [
            ("etc/passwd".to_owned(), Entry::bytes(0o644, *b"root")),
            (format!("usr/{long}/{long}"), Entry::bytes(0o755, vec![1; 100_000])),
            ("usr/link".to_owned(), Entry::link(long)),
            ("tmp".to_owned(), Entry { meta, kind: Kind::Folder }),
        ];
        for (name, entry) in entries {
            recipe.put(&mut image, &RootPath::new(name).unwrap(), entry).unwrap();
        }
        recipe
    }

    #[test]
    fn what_is_packed_unpacks_to_the_recipe() {
        for compression in [CompressionLevel::default(), CompressionLevel::Gzip { level: 6 }] {
            let recipe = recipe(compression);
            let file = tempfile::NamedTempFile::new().unwrap();
            let packed = Packer::default().pack(&recipe, &NoTars, file.reopen().unwrap(), &|_| {}).unwrap();
            let blob = std::fs::read(file.path()).unwrap();
            assert_eq!(packed.descriptor, Descriptor::of(compression.format().media_type(), &blob));
            let mut tar = Vec::new();
            let (compression, limits) = (compression.format(), Limits::default());
            let budget = crate::layer::budget::Budget::new(&limits, "layers");
            let unpacked = crate::layer::unpack::unpack;
            let size = unpacked(&blob[..], compression, packed.diff_id, &limits, &budget, &mut tar).unwrap();
            assert_eq!(size, packed.unpacked);
            let listed = read::list(io::Cursor::new(tar), packed.descriptor.digest, &Limits::default()).unwrap();
            let mut tree = Tree::default();
            tree.stack(listed, &Limits::default()).unwrap();
            let shape = |path: &RootPath, entry: &Entry| {
                (path.clone(), entry.meta.clone(), entry.content().map(Content::size), entry.is_folder())
            };
            let read: Vec<_> = tree.iter().map(|(path, entry)| shape(path, entry)).collect();
            let written: Vec<_> = recipe.entries().map(|(path, entry)| shape(path, entry)).collect();
            assert_eq!(read, written);
        }
    }

    #[test]
    fn what_was_packed_before_makes_no_difference() {
        let mut packer = Packer::default();
        // Several jobs of zstd's, of text that repeats itself now and then.
        let mut state = 1u32;
        let mut letter = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            b"carboy fills bottles"[usize::try_from(state >> 28).unwrap_or(0)]
        };
        let text: Vec<u8> = (0..5 << 20).map(|_| letter()).collect();
        for level in [3, 9, 3] {
            let mut recipe = recipe(CompressionLevel::Zstd { level });
            let entry = Entry::bytes(0o644, text.clone());
            recipe.put(&mut Tree::default(), &RootPath::new("text").unwrap(), entry).unwrap();
            let mut again = || packer.pack(&recipe, &NoTars, tempfile::tempfile().unwrap(), &|_| {}).unwrap();
            let alone = Packer::default().pack(&recipe, &NoTars, tempfile::tempfile().unwrap(), &|_| {}).unwrap();
            assert_eq!([again(), again()], [alone.clone(), alone]);
        }
    }

    #[test]
    fn a_file_that_changed_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, b"after!").unwrap();
        for (size, digest) in [(6, Digest::of(b"before")), (9, Digest::of(b"before it"))] {
            let local = LocalFile { path: path.clone(), size, executable: false, digest, magic: *b"befo" };
            let mut recipe = Recipe::new(0, CompressionLevel::default());
            let entry = Entry { meta: Meta::root(0o644), kind: Kind::File(Content::Local(Arc::new(local))) };
            recipe.put(&mut Tree::default(), &RootPath::new("x").unwrap(), entry).unwrap();
            let out = tempfile::tempfile().unwrap();
            assert!(matches!(Packer::default().pack(&recipe, &NoTars, out, &|_| {}), Err(PackError::Changed { .. })));
        }
    }
}
