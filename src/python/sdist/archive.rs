//! Writes a made wheel as a zip archive.
//!
//! Source: PyPA, "Binary distribution format". Entries are sorted, stored without compression, and
//! from 1980-01-01: the bytes depend on nothing but the content. RECORD is last.

use std::io::{Cursor, Write as _};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use super::error::SdistError;
use super::wheel::BuiltWheel;
use crate::oci::Digest;
use crate::python::record::line_of;

/// Returns the bytes of the archive.
///
/// # Errors
/// A name or size that a zip archive cannot hold.
pub fn bytes(wheel: &BuiltWheel) -> Result<Vec<u8>, SdistError> {
    let failed = |cause: zip::result::ZipError| SdistError::Invalid(format!("a file for a zip archive ({cause})"));
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let mut record = String::new();
    let options = |executable: bool| {
        let mode = if executable { 0o755 } else { 0o644 };
        SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .unix_permissions(mode)
    };
    let mut add = |name: &str, content: &[u8], executable: bool| {
        writer.start_file(name, options(executable)).map_err(failed)?;
        writer.write_all(content).map_err(|cause| failed(cause.into()))
    };
    for (path, file) in &wheel.files {
        add(path, &file.bytes, file.executable)?;
        record.push_str(&line_of(path, &Digest::of(&file.bytes), file.bytes.len() as u64));
        record.push('\n');
    }
    let own = format!("{}/RECORD", wheel.dist_info);
    record.push_str(&own);
    record.push_str(",,\n");
    add(&own, record.as_bytes(), false)?;
    Ok(writer.finish().map_err(failed)?.into_inner())
}
