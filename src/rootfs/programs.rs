//! The search path of programs.

use super::RootPath;

/// The `PATH` that docker and the kernel use if an image sets none.
pub const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The most directories of a `PATH` that are searched: real paths have fewer.
const FOLDERS: usize = 100;

/// `PATH` of an image's environment, which has `NAME=VALUE` lines.
#[must_use]
pub fn search_path(env: &[String]) -> &str {
    let path = env.iter().find_map(|line| line.strip_prefix("PATH="));
    path.filter(|path| !path.is_empty()).unwrap_or(DEFAULT_PATH)
}

/// Returns the folders of `PATH`, in order.
#[must_use]
pub fn path_folders(env: &[String]) -> Vec<RootPath> {
    search_path(env).split(':').take(FOLDERS).filter_map(|folder| RootPath::new(folder).ok()).collect()
}
