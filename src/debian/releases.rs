//! Debian's releases with their glibc, and with the newest symbol versions of the other
//! libraries that wheels ask of a base.
//!
//! Source: packages libc6, libstdc++6, libgcc-s1, libssl3 and libssl3t64 in each
//! release, by their version definitions.

use crate::glibc::symbol_version as glibc_version;

/// Release, and major and minor of its glibc.
const RELEASES: [(u32, (u32, u32)); 3] = [(11, (2, 31)), (12, (2, 36)), (13, (2, 41))];

/// Returns the first release whose glibc is as new, and that glibc.
#[must_use]
pub fn release_with(glibc: (u32, u32)) -> Option<(u32, (u32, u32))> {
    RELEASES.into_iter().find(|(_, has)| *has >= glibc)
}

/// Releases with the newest version that each has.
type Newest = &'static [(u32, &'static [u32])];

/// The prefixes of symbol versions, and the newest version of each.
const DEFINED: [(&str, Newest); 4] = [
    ("GLIBCXX_", &[(11, &[3, 4, 28]), (12, &[3, 4, 30]), (13, &[3, 4, 33])]),
    ("CXXABI_", &[(11, &[1, 3, 12]), (12, &[1, 3, 13]), (13, &[1, 3, 15])]),
    ("GCC_", &[(11, &[7, 0, 0]), (12, &[12, 0, 0]), (13, &[14, 0, 0])]),
    ("OPENSSL_", &[(12, &[3, 0, 9]), (13, &[3, 5, 0])]),
];

/// Returns the first release that has a symbol version: of glibc, libstdc++, libgcc or OpenSSL.
#[must_use]
pub fn release_that_defines(symbol_version: &[u8]) -> Option<u32> {
    if let Some(glibc) = glibc_version(symbol_version) {
        return release_with(glibc).map(|(release, _)| release);
    }
    let text = std::str::from_utf8(symbol_version).ok()?;
    let (wanted, releases) =
        DEFINED.into_iter().find_map(|(prefix, releases)| Some((text.strip_prefix(prefix)?, releases)))?;
    let wanted: Vec<u32> = wanted.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    releases.iter().find(|(_, newest)| *newest >= wanted.as_slice()).map(|(release, _)| *release)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_lead_to_releases() {
        assert_eq!(release_with((2, 38)), Some((13, (2, 41))));
        assert_eq!(release_with((2, 2)), Some((11, (2, 31))));
        assert_eq!(release_with((2, 99)), None);
        for (version, release) in [
            ("GLIBC_2.38", Some(13)),
            ("GLIBC_PRIVATE", None),
            ("GLIBCXX_3.4.29", Some(12)),
            ("GLIBCXX_3.4.32", Some(13)),
            ("GLIBCXX_3.4.34", None),
            ("CXXABI_1.3", Some(11)),
            ("CXXABI_1.3.14", Some(13)),
            ("CXXABI_FLOAT128", None),
            ("OPENSSL_3.0.0", Some(12)),
            ("OPENSSL_3.4.0", Some(13)),
            ("OPENSSL_1_1_0", None), // of another soname
            ("LIBZ_1.2", None),
        ] {
            assert_eq!(release_that_defines(version.as_bytes()), release, "{version}");
        }
    }
}
