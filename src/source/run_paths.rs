//! The files and directories of the run itself, which are not walked: the cache and the target, the
//! lock file and its wheels.
//!
//! They are compared by path, with links resolved, so that an empty cache and a target that is a
//! link are left out too.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::WalkRules;
use crate::diagnostic::Code;
use crate::operation_error::OperationError;

/// The run's own paths, relative to the walked directory.
#[derive(Default)]
pub(super) struct RunPaths {
    inputs: BTreeSet<Vec<u8>>,
    outputs: BTreeSet<Vec<u8>>,
}

impl RunPaths {
    /// Finds the run's own paths below a directory, which is given with its links resolved.
    ///
    /// # Errors
    /// The directory is the cache or an output itself.
    pub(super) fn new(folder: &Path, cache: &Path, rules: &WalkRules) -> Result<Self, OperationError> {
        let below = |path: &PathBuf| places(path).filter_map(|place| relative(folder, &place)).collect::<Vec<_>>();
        let outputs: BTreeSet<_> = rules.outputs.iter().chain([&cache.to_owned()]).flat_map(below).collect();
        if outputs.contains(&[][..]) {
            return Err(itself(folder, below(&cache.to_owned()).contains(&vec![])));
        }
        // An input that is the directory itself leaves nothing out.
        let inputs = rules.inputs.iter().flat_map(below).filter(|path| !path.is_empty()).collect();
        Ok(Self { inputs, outputs })
    }

    /// Returns whether the run reads or needs a path elsewhere.
    pub(super) fn is_input(&self, path: &[u8]) -> bool {
        self.inputs.contains(path)
    }

    /// Returns whether the run writes a path.
    pub(super) fn is_output(&self, path: &[u8]) -> bool {
        self.outputs.contains(path)
    }
}

/// Returns the target of a path, and the path of a link at its end.
fn places(path: &Path) -> impl Iterator<Item = PathBuf> {
    let parent = path.parent().map(|parent| if parent == Path::new("") { Path::new(".") } else { parent });
    let itself = parent
        .zip(path.file_name())
        .and_then(|(parent, name): (_, &OsStr)| Some(fs_err::canonicalize(parent).ok()?.join(name)));
    fs_err::canonicalize(path).ok().into_iter().chain(itself)
}

/// Returns the bytes of a path below a directory.
fn relative(folder: &Path, path: &Path) -> Option<Vec<u8>> {
    path.strip_prefix(folder).ok().map(|below| below.as_os_str().as_bytes().to_vec())
}

fn itself(folder: &Path, is_cache: bool) -> OperationError {
    let folder = folder.display();
    let (what, hint) = if is_cache {
        ("it is the directory of the cache", "name another directory, as in --cache-dir .cache/carboy")
    } else {
        ("the image is written to it", "name another directory, as in --to oci:out")
    };
    let message = format!("the files of `{folder}` cannot be part of the image: {what}");
    OperationError::new(Code::InvalidConfiguration, message).with_hint(hint)
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
            "the files of `APP` cannot be part of the image: it is the directory of the cache; \
             name another directory, as in --cache-dir .cache/carboy"
        );
        assert_eq!(
            error("cache", "app/."),
            "the files of `APP` cannot be part of the image: the image is written to it; \
             name another directory, as in --to oci:out"
        );
    }
}
