//! Local files to copy, and directories to create.

use std::path::{Path, PathBuf};

use super::paths::{join, root_path};
use super::{Args, PlanError};
use crate::config::{self, File};
use crate::rootfs::RootPath;

/// A local file or directory to copy.
#[derive(Clone, Debug)]
pub struct Copy {
    pub from: PathBuf,
    pub to: RootPath,
    /// Globs of files to copy even if an image never gets such files by default.
    pub include: Vec<String>,
    pub mode: Option<u32>,
    pub owner: String,
}

/// A directory to create.
#[derive(Clone, Debug)]
pub struct Directory {
    pub path: RootPath,
    pub mode: u32,
    pub owner: String,
}

/// Returns the copies of the configuration.
pub(super) fn copies(args: &Args, file: &File) -> Result<Vec<Copy>, PlanError> {
    let one = |copy: &config::Copy| {
        Ok(Copy {
            from: join(&args.folder, Path::new(&copy.from)),
            to: root_path("copy.to", &copy.to)?,
            include: copy.include.clone().unwrap_or_default(),
            mode: copy.mode,
            owner: copy.owner.clone().unwrap_or_else(|| "0:0".to_owned()),
        })
    };
    file.copy.iter().flatten().map(one).collect()
}

/// Returns the directories of the configuration.
pub(super) fn directories(file: &File) -> Result<Vec<Directory>, PlanError> {
    let one = |directory: &config::Directory| {
        Ok(Directory {
            path: root_path("directory.path", &directory.path)?,
            mode: directory.mode.unwrap_or(0o755),
            owner: directory.owner.clone().unwrap_or_else(|| "0:0".to_owned()),
        })
    };
    file.directory.iter().flatten().map(one).collect()
}
