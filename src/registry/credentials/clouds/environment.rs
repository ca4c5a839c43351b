//! The environment that accounts of clouds are found in.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use crate::diagnostic::Code;
use crate::http::failure::Failure;
use crate::operation_error::OperationError;

/// The largest file of a token or an account, in bytes.
const LIMIT: u64 = 1 << 20;

/// Returns a variable of the environment.
pub type Variable = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// Variables, clock and files of the machine.
#[derive(Clone)]
pub struct CloudEnvironment {
    /// Returns a variable that is set and not empty.
    pub variable: Variable,
    pub now: fn() -> Timestamp,
    /// gcloud's file of application default credentials, if there may be one.
    pub google_file: Option<PathBuf>,
    /// The directory with the names of the machine and its maker: `/sys/class/dmi/id`.
    pub dmi: PathBuf,
}

impl CloudEnvironment {
    /// Returns a variable that is set and not empty.
    pub fn variable(&self, name: &str) -> Option<String> {
        (self.variable)(name)
    }

    /// Returns the base URL of an endpoint that a variable may replace.
    pub fn endpoint(&self, variable: &str, default: &str) -> String {
        self.variable(variable).map_or_else(|| default.to_owned(), |url| url.trim_end_matches('/').to_owned())
    }
}

/// Reads a file that `variable` names.
///
/// # Errors
/// A file that cannot be read, is not text, or is too large.
pub fn read(path: &Path, variable: impl fmt::Display) -> Result<String, Failure> {
    use std::io::Read as _;
    let mut text = String::new();
    let file = std::fs::File::open(path).and_then(|file| file.take(LIMIT).read_to_string(&mut text));
    file.map_err(|cause| {
        let message = format!("cannot read `{}`, which {variable} names", path.display());
        Failure::lasting(OperationError::new(Code::UnreadableFile, message).because(&cause))
    })?;
    Ok(text)
}
