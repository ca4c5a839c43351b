//! Texts that must be absolute paths of the image.

use super::ConfigError;
use super::error::BadValue;
use super::reader::Node;
use crate::rootfs::RootPath;

/// An absolute path, or a glob of such, as it was written.
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

/// A list of [`absolute`] paths.
pub(super) fn all_absolute(node: &Node<'_>) -> Result<Vec<String>, ConfigError> {
    node.list(absolute)
}
