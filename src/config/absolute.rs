//! Absolute paths of the image.

use super::ConfigError;
use super::error::BadValue;
use super::reader::Node;
use crate::rootfs::RootPath;

/// Reads an absolute path, or a glob of absolute paths, as written.
pub(super) fn absolute(node: &Node<'_>) -> Result<String, ConfigError> {
    node.checked(|text| {
        if !text.starts_with('/') {
            let absolute = format!("write \"/{}\"", text.trim_start_matches("./"));
            return Err(BadValue::new(format!("has `{text}`, not an absolute path of the image")).with_hint(absolute));
        }
        RootPath::new(text).map_err(|cause| BadValue::new(format!("is refused: {cause}")))?;
        Ok(text.to_owned())
    })
}

/// Reads a list of [`absolute`] paths.
pub(super) fn all_absolute(node: &Node<'_>) -> Result<Vec<String>, ConfigError> {
    node.list(absolute)
}
