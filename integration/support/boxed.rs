//! The interpreter of a test image as a program of this machine.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{layout, root, run};

/// A test image's interpreter, through a program of the host.
pub struct Boxed {
    folder: TempDir,
}

impl Boxed {
    pub fn new(image: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let image = format!("oci:{}", layout(image).display());
        run("unpack", [image.as_ref(), "linux/amd64".as_ref(), folder.path().join("image").as_os_str()]);
        let start = root().join("integration/fixtures/run-image");
        let text = format!(
            "#!/bin/sh\nunset PYTHONSAFEPATH\nexec {} --env PYTHONHASHSEED=0 {}/image -- python3 \"$@\"\n",
            start.display(),
            folder.path().display()
        );
        let boxed = Self { folder };
        script(&boxed.python(), &text);
        boxed
    }

    pub fn python(&self) -> PathBuf {
        self.folder.path().join("python")
    }

    pub fn root(&self) -> PathBuf {
        self.folder.path().join("image/rootfs")
    }
}

pub fn script(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
