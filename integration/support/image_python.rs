//! The interpreter of a test image as a program of this machine.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use carboy::oci::Digest;
use tempfile::TempDir;

use super::{layout, root, run};

/// An unpacked test image, and a script that starts its interpreter.
pub struct ImagePython {
    folder: PathBuf,
    _owner: Option<TempDir>,
}

impl ImagePython {
    /// Unpacks an image into a folder of its own, which a test may change.
    pub fn new(image: &str) -> Self {
        let folder = TempDir::new().unwrap();
        unpack(image, folder.path());
        write_start(folder.path(), folder.path());
        Self { folder: folder.path().to_owned(), _owner: Some(folder) }
    }

    /// Unpacks an image into cargo's folder for tests, unless it is there already. Tests do
    /// not change it.
    pub fn shared(image: &str) -> Self {
        let index = fs::read(layout(image).join("index.json")).unwrap();
        let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let folder = parent.join(format!("python-{}", &Digest::of(&index).hex()[..16]));
        if !folder.exists() {
            let made = tempfile::Builder::new().prefix("unpacking-").tempdir_in(parent).unwrap();
            let whole = made.path().join("whole");
            fs::create_dir(&whole).unwrap();
            unpack(image, &whole);
            write_start(&whole, &folder);
            // Another process may have been faster: then its folder stays.
            let moved = fs::rename(&whole, &folder);
            assert!(moved.is_ok() || folder.exists(), "{moved:?}");
        }
        Self { folder, _owner: None }
    }

    pub fn python(&self) -> PathBuf {
        self.folder.join("python")
    }

    pub fn root(&self) -> PathBuf {
        self.folder.join("image/rootfs")
    }
}

fn unpack(image: &str, folder: &Path) {
    let image = format!("oci:{}", layout(image).display());
    run("unpack", [image.as_ref(), "linux/amd64".as_ref(), folder.join("image").as_os_str()]);
}

/// Writes a script into `folder` that starts the interpreter once the folder is at `place`.
fn write_start(folder: &Path, place: &Path) {
    let start = root().join("integration/fixtures/run-image");
    let text = format!(
        "#!/bin/sh\nunset PYTHONSAFEPATH\nexec {} --env PYTHONHASHSEED=0 {}/image -- python3 \"$@\"\n",
        start.display(),
        place.display()
    );
    write_script(&folder.join("python"), &text);
}

pub fn write_script(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
