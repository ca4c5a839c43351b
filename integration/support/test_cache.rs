//! What `scripts/setup` makes for tests.

use std::path::{Path, PathBuf};

/// The path of something below `.cache`, or `$CARBOY_TEST_CACHE`.
pub fn test_cache(path: &str) -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache");
    let cache = std::env::var_os("CARBOY_TEST_CACHE").map_or_else(beside, PathBuf::from);
    let path = cache.join(path);
    assert!(path.exists(), "{} is missing: run scripts/setup", path.display());
    path
}
