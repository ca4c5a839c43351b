//! The files about an image that was built: its digest, its references, and facts for programs.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::Args as ClapArgs;
use tempfile::Builder;

use super::error::CliError;
use crate::assemble::report::Report;
use crate::ui;

// No doc comment: clap would take it for the verb's description.
#[derive(ClapArgs)]
pub struct OutputFiles {
    /// Write the image's digest to a file, or with - to stdout in place of the reference
    #[arg(long, env = "CARBOY_DIGEST_FILE", value_name = "FILE")]
    digest_file: Option<PathBuf>,
    /// Write facts about the image to a file as JSON, with the keys of `docker buildx build`, or
    /// with - to stdout in place of the reference
    #[arg(long, env = "CARBOY_METADATA_FILE", value_name = "FILE")]
    metadata_file: Option<PathBuf>,
    /// Write REFERENCE@DIGEST of the image and of each platform to a file, a line for each, or with
    /// - to stdout in place of the reference
    #[arg(long, env = "CARBOY_IMAGE_REFS", value_name = "FILE")]
    image_refs: Option<PathBuf>,
}

/// The content of one of the files.
type Content = fn(&[Report]) -> String;

/// The content of stdout.
pub enum Stdout {
    /// The images' references.
    Lines,
    /// The content of a file.
    File(Content),
}

impl OutputFiles {
    /// Checks that the files can be written, and returns what stdout shows.
    ///
    /// # Errors
    /// Two files for stdout; a path that is a directory or in none.
    pub fn check(&self) -> Result<Stdout, CliError> {
        let mut stdout = Stdout::Lines;
        for (flag, path, content) in self.all() {
            if is_stdout(path) {
                if matches!(stdout, Stdout::File(_)) {
                    return Err(CliError::TwoOnStdout(flag));
                }
                stdout = Stdout::File(content);
            } else if path.is_dir() || !parent(path).is_dir() {
                let kind = if path.is_dir() { io::ErrorKind::IsADirectory } else { io::ErrorKind::NotFound };
                return Err(CliError::OutputFile { path: path.to_owned(), cause: kind.into() });
            }
        }
        Ok(stdout)
    }

    /// Returns the paths of the files.
    pub fn paths(&self) -> Vec<PathBuf> {
        self.all().filter(|(_, path, _)| !is_stdout(path)).map(|(_, path, _)| path.to_owned()).collect()
    }

    /// Writes the files, each at once.
    ///
    /// # Errors
    /// A file cannot be written. The image is published.
    pub fn write(&self, reports: &[Report]) -> Result<(), CliError> {
        for (_, path, content) in self.all().filter(|(_, path, _)| !is_stdout(path)) {
            write(path, &content(reports)).map_err(|cause| CliError::OutputFile { path: path.to_owned(), cause })?;
        }
        Ok(())
    }

    fn all(&self) -> impl Iterator<Item = (&'static str, &Path, Content)> {
        let digests: Content = ui::digests_text;
        let files: [(_, &Option<PathBuf>, Content); 3] = [
            ("--digest-file", &self.digest_file, digests),
            ("--metadata-file", &self.metadata_file, ui::metadata_json),
            ("--image-refs", &self.image_refs, ui::image_refs_text),
        ];
        files.into_iter().filter_map(|(flag, path, content)| Some((flag, path.as_deref()?, content)))
    }
}

fn is_stdout(path: &Path) -> bool {
    path == Path::new("-")
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| *parent != Path::new("")).unwrap_or(Path::new("."))
}

/// Writes a file under a temporary name and renames it. A device or a pipe is written to.
fn write(path: &Path, text: &str) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let found = fs_err::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if found.exists() && !found.is_file() {
        return fs_err::OpenOptions::new().write(true).open(&found)?.write_all(text.as_bytes());
    }
    let permissions = std::fs::Permissions::from_mode(0o644);
    let mut file = Builder::new().prefix(".carboy-").permissions(permissions).tempfile_in(parent(&found))?;
    file.write_all(text.as_bytes())?;
    file.persist(&found).map_err(|failed| failed.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_a_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        fs_err::write(&file, "").unwrap();
        std::os::unix::fs::symlink("file", &link).unwrap();
        for path in [&link, &file] {
            write(path, "one\n").unwrap();
            write(path, "two\n").unwrap();
            assert_eq!(fs_err::read_to_string(&file).unwrap(), "two\n");
            assert!(link.is_symlink());
        }
        write(Path::new("/dev/null"), "x").unwrap();
        assert!(!Path::new("/dev/null").is_file());
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 2, "nothing staged is left");
    }

    #[test]
    fn one_file_goes_to_stdout() {
        let files = |digest: &str, metadata: &str| OutputFiles {
            digest_file: Some(digest.into()),
            metadata_file: Some(metadata.into()),
            image_refs: None,
        };
        assert!(matches!(files("-", "x").check(), Ok(Stdout::File(_))));
        assert!(matches!(files("x", "y").check(), Ok(Stdout::Lines)));
        assert!(matches!(files("-", "-").check(), Err(CliError::TwoOnStdout("--metadata-file"))));
        assert!(matches!(files("no/such/folder", "x").check(), Err(CliError::OutputFile { .. })));
        assert_eq!(files("-", "x").paths(), [Path::new("x")]);
    }
}
