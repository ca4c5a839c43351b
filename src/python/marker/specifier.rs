//! The comparison of versions with specifiers.

use pep440_rs::{Version, VersionSpecifier};

/// Returns whether a specifier contains a version, as `packaging` decides it.
///
/// `pep440_rs` differs in two cases: it has `3.8` in `==3.8.1.*`, and no pre-release below a later
/// pre-release of the same release.
pub(in crate::python) fn within(specifier: &VersionSpecifier, version: Version) -> bool {
    let bound = specifier.version();
    if *specifier.operator() == pep440_rs::Operator::LessThan && bound.any_prerelease() {
        return version.without_local() < *bound;
    }
    let mut release = version.release().to_vec();
    release.resize(release.len().max(bound.release().len()), 0);
    specifier.contains(&version.with_release(release))
}
