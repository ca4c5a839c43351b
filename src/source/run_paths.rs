//! The files and folders of the run itself, which are no part of what is walked
//! wherever they lie: the cache and the target, the lock file and its wheels.
//!
//! They are known by their paths, with links resolved, so that a cache that is empty
//! yet and a target that is a link are left out too.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::WalkRules;
use super::other;
use crate::operation_error::OperationError;

/// The run's own paths, relative to the folder walked.
#[derive(Default)]
pub(super) struct RunPaths {
    inputs: BTreeSet<Vec<u8>>,
    outputs: BTreeSet<Vec<u8>>,
}

impl RunPaths {
    /// Finds the run's own paths that lie below a folder, which is given with its
    /// links resolved.
    ///
    /// # Errors
    /// The folder is the cache or an output itself.
    pub(super) fn new(folder: &Path, cache: &Path, rules: &WalkRules) -> Result<Self, OperationError> {
        let below = |path: &PathBuf| places(path).filter_map(|place| relative(folder, &place)).collect::<Vec<_>>();
        let outputs: BTreeSet<_> = rules.outputs.iter().chain([&cache.to_owned()]).flat_map(below).collect();
        if outputs.contains(&[][..]) {
            return Err(itself(folder, below(&cache.to_owned()).contains(&vec![])));
        }
        // An input that is the folder itself says nothing about what is in it.
        let inputs = rules.inputs.iter().flat_map(below).filter(|path| !path.is_empty()).collect();
        Ok(Self { inputs, outputs })
    }

    /// Whether the run reads or needs a path elsewhere.
    pub(super) fn is_input(&self, path: &[u8]) -> bool {
        self.inputs.contains(path)
    }

    /// Whether the run writes a path.
    pub(super) fn is_output(&self, path: &[u8]) -> bool {
        self.outputs.contains(path)
    }
}

/// Where a path leads to, and where a link at its end is itself.
fn places(path: &Path) -> impl Iterator<Item = PathBuf> {
    let parent = path.parent().map(|parent| if parent == Path::new("") { Path::new(".") } else { parent });
    let itself = parent
        .zip(path.file_name())
        .and_then(|(parent, name): (_, &OsStr)| Some(fs_err::canonicalize(parent).ok()?.join(name)));
    fs_err::canonicalize(path).ok().into_iter().chain(itself)
}

/// The bytes of a path below a folder.
fn relative(folder: &Path, path: &Path) -> Option<Vec<u8>> {
    path.strip_prefix(folder).ok().map(|below| below.as_os_str().as_bytes().to_vec())
}

fn itself(folder: &Path, is_cache: bool) -> OperationError {
    let folder = folder.display();
    let (what, hint) = if is_cache {
        ("it is the cache's own folder", "name a folder of the cache's own, as in --cache-dir .cache/carboy")
    } else {
        ("the image is written to it", "name a folder of the image's own, as in --to oci:out")
    };
    OperationError {
        hint: Some(hint.to_owned()),
        ..other(format!("the files of `{folder}` cannot go into the image: {what}"))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_runs_own_paths_are_found_through_links_and_before_they_exist() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().canonicalize().unwrap().join("app");
        for name in ["app/deep/cache", "app/wheels", "elsewhere"] {
            fs_err::create_dir_all(root.path().join(name)).unwrap();
        }
        symlink("../elsewhere", folder.join("out")).unwrap();
        symlink("app/deep", root.path().join("side")).unwrap();
        fs_err::write(root.path().join("uv.lock"), "").unwrap();
        symlink("../uv.lock", folder.join("uv.lock")).unwrap();
        let rules = WalkRules {
            inputs: ["app/wheels/.", "app/uv.lock", "app", "nowhere/at/all"].map(|name| root.path().join(name)).into(),
            outputs: ["app/./out", "app/new"].map(|name| root.path().join(name)).into(),
            ..WalkRules::default()
        };
        let apart = RunPaths::new(&folder, &root.path().join("side/cache"), &rules).unwrap();
        let text = |paths: &BTreeSet<Vec<u8>>| {
            paths.iter().map(|path| String::from_utf8_lossy(path).into_owned()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!((text(&apart.inputs), text(&apart.outputs)), ("uv.lock wheels".into(), "deep/cache new out".into()));
        let error = |cache: &str, output: &str| {
            let rules = WalkRules { outputs: vec![root.path().join(output)], ..WalkRules::default() };
            let error = RunPaths::new(&folder, &root.path().join(cache), &rules).err().unwrap();
            format!("{error}; {}", error.hint.as_deref().unwrap_or_default()).replace(folder.to_str().unwrap(), "APP")
        };
        assert_eq!(
            error("app", "out"),
            "the files of `APP` cannot go into the image: it is the cache's own folder; \
             name a folder of the cache's own, as in --cache-dir .cache/carboy"
        );
        assert_eq!(
            error("cache", "app/."),
            "the files of `APP` cannot go into the image: the image is written to it; \
             name a folder of the image's own, as in --to oci:out"
        );
    }
}
