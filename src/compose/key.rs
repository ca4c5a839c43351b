//! Keys of stages: digests of all inputs of a stage.

use std::fmt::{Debug, Display};

use super::stored;
use crate::oci::Digest;
use crate::oci::digest::Hasher;

/// Raised whenever the same inputs give a different stage.
const FORMAT: u32 = 1;

/// A hash of the inputs of a stage. Different lists of inputs give different keys.
pub struct KeyHasher(Hasher);

impl KeyHasher {
    /// Starts the key of a kind of value.
    #[must_use]
    pub fn new(kind: &str) -> Self {
        let key = Self(Hasher::default()).text(env!("CARGO_PKG_VERSION")).number(u64::from(FORMAT));
        key.number(u64::from(stored::FORMAT)).text(kind)
    }

    /// Adds a number.
    #[must_use]
    pub fn number(mut self, number: u64) -> Self {
        self.0.update(&number.to_le_bytes());
        self
    }

    /// Adds bytes.
    #[must_use]
    pub fn bytes(self, bytes: &[u8]) -> Self {
        let mut key = self.number(bytes.len() as u64);
        key.0.update(bytes);
        key
    }

    /// Adds a value by its text.
    #[must_use]
    pub fn text(self, text: impl Display) -> Self {
        self.bytes(text.to_string().as_bytes())
    }

    /// Adds a part of the configuration by its derived `Debug` form. Different values have different
    /// forms.
    #[must_use]
    pub fn config(self, value: &impl Debug) -> Self {
        self.text(format_args!("{value:?}"))
    }

    /// Adds a digest.
    #[must_use]
    pub fn digest(self, digest: &Digest) -> Self {
        self.bytes(digest.as_bytes())
    }

    /// Adds a value for each item, and their number.
    #[must_use]
    pub fn each<T>(self, items: &[T], add: impl Fn(Self, &T) -> Self) -> Self {
        items.iter().fold(self.number(items.len() as u64), add)
    }

    /// Returns the key.
    #[must_use]
    pub fn finish(self) -> Digest {
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_inputs_give_other_keys() {
        let key = |one: &str, two: &str| KeyHasher::new("x").text(one).text(two).finish();
        assert_eq!(key("a", "b"), key("a", "b"));
        assert_ne!(key("a", "b"), key("ab", ""));
        assert_ne!(key("a", "b"), key("b", "a"));
        assert_ne!(KeyHasher::new("x").finish(), KeyHasher::new("y").finish());
        let each = |items: &[u64]| KeyHasher::new("x").each(items, |key, item| key.number(*item)).finish();
        assert_ne!(each(&[1, 2]), each(&[2, 1]));
    }
}
