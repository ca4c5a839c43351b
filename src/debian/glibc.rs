//! Which release of Debian has which glibc.
//!
//! Source: package libc6 in each release.

/// Release, and major and minor of its glibc.
const RELEASES: [(u32, (u32, u32)); 3] = [(11, (2, 31)), (12, (2, 36)), (13, (2, 41))];

/// The first release whose glibc is as new, and that glibc.
#[must_use]
pub fn release_with(glibc: (u32, u32)) -> Option<(u32, (u32, u32))> {
    RELEASES.into_iter().find(|(_, has)| *has >= glibc)
}

/// The numbers in a symbol version such as `GLIBC_2.38`.
#[must_use]
pub fn version(symbol_version: &[u8]) -> Option<(u32, u32)> {
    let text = std::str::from_utf8(symbol_version).ok()?.strip_prefix("GLIBC_")?;
    let mut numbers = text.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_lead_to_releases() {
        assert_eq!(version(b"GLIBC_2.38").and_then(release_with), Some((13, (2, 41))));
        assert_eq!(version(b"GLIBC_2.2.5").and_then(release_with), Some((11, (2, 31))));
        assert_eq!(release_with((2, 99)), None);
        assert_eq!((version(b"GLIBC_PRIVATE"), version(b"GLIBCXX_3.4")), (None, None));
    }
}
