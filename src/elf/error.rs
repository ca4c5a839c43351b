//! The error of an ELF file that is broken.

/// An ELF file that is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a sound ELF file: {0}")]
pub struct ElfError(pub String);

impl ElfError {
    pub(super) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }
}
