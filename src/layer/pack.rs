//! Writes a recipe as a compressed tar, hashing it before and after compression.
//!
//! One pass: tar → SHA-256 (diff id) → compressor → SHA-256 (digest) → file. The
//! same recipe gives the same bytes, whatever the number of threads: zstd runs with
//! one worker always, since its output differs between none and some (measured).

use std::fs::File;
use std::io::{self, BufWriter, Write};

use zstd::zstd_safe::{CCtx, CParameter, ResetDirective};

use super::compressor::Compressor;
use super::hashing_writer::HashingWriter;
use super::pack_error::PackError;
use super::recipe::Recipe;
use super::tar_files::TarFiles;
use super::tar_writer::TarWriter;
use crate::oci::{CompressionLevel, Descriptor, DiffId};

/// The size of a job of zstd's worker, in bytes, and the part of the data before it that the job
/// may refer to: 8 is half the window. Measured at level 3 with numpy and pandas, 98 MB: 14 MB of
/// memory and 24.12 MB of output, where zstd's own choice takes 41 MB for 24.14 MB.
const JOB: u32 = 2 << 20;
const OVERLAP: u32 = 8;

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

fn write_tar<W: Write>(
    recipe: &Recipe,
    tars: &dyn TarFiles,
    out: HashingWriter<W>,
    advanced: &dyn Fn(u64),
) -> Result<HashingWriter<W>, PackError> {
    let mut writer = TarWriter::new(out, recipe.timestamp(), tars, advanced);
    for (path, entry) in recipe.entries() {
        writer.append(path, entry)?;
    }
    Ok(writer.finish()?)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::layer::unpack::Bounds;
    use crate::layer::{Limits, read};
    use crate::oci::Digest;
    use crate::rootfs::{Content, Entry, Kind, LocalFile, Meta, RootPath, Tree};

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
            let limits = Limits::default();
            let budget = crate::layer::budget::Budget::new(&limits, "layers");
            let unpacked = crate::layer::unpack::unpack;
            let bounds = Bounds { limits: &limits, budget: &budget };
            let size = unpacked(&blob[..], packed.diff_id, bounds, &mut tar).unwrap();
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
