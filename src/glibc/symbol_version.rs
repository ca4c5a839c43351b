//! The release of glibc that a symbol version names.
//!
//! Source: glibc's `Versions` files: `GLIBC_2.38` marks symbols that came with 2.38.

/// Reads major and minor of a symbol version such as `GLIBC_2.38`; none for symbol
/// versions of other libraries and for `GLIBC_PRIVATE`.
#[must_use]
pub fn symbol_version(name: &[u8]) -> Option<(u32, u32)> {
    let text = std::str::from_utf8(name).ok()?.strip_prefix("GLIBC_")?;
    let mut numbers = text.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_after_glibcs_own_prefix() {
        assert_eq!(symbol_version(b"GLIBC_2.38"), Some((2, 38)));
        assert_eq!(symbol_version(b"GLIBC_2.2.5"), Some((2, 2)));
        for none in ["GLIBC_PRIVATE", "GLIBCXX_3.4", "GLIBC_2", ""] {
            assert_eq!(symbol_version(none.as_bytes()), None, "{none}");
        }
    }
}
