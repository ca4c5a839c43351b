//! The hash of a document: the SHA-256 of its JSON.

use serde_json::Value;

use super::python_json::{Separators, dumps};
use crate::oci::Digest;

/// Returns the hexadecimal SHA-256 of a value as Python writes it.
pub(super) fn content_hash(value: &Value, signs: Separators) -> String {
    Digest::of(dumps(value, signs).as_bytes()).hex()
}
