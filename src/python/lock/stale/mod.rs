//! Checks that a lock file was made for the project as it is now.
//!
//! uv's lock file lists the requirements of each member of the workspace; Poetry's and pipenv's
//! have a hash of the project's tables. A difference is reported only if it is certain: a project
//! that is not understood matches.

mod content_hash;
mod pipfile;
mod poetry;
mod python_json;
mod requirement_set;
mod uv;

use std::path::Path;

use super::Format;
use super::input::LockInput;

/// Returns what differs between a lock file and its project: `its content-hash is not that of
/// pyproject.toml`.
pub(super) fn difference(format: Format, input: &mut LockInput<'_>) -> Option<String> {
    match format {
        Format::Uv => uv::difference(input),
        Format::Poetry => poetry::difference(input.text, input.project?),
        Format::Pipfile => {
            let path = Path::new("Pipfile");
            let pipfile = (input.policy.admit(path).is_ok() && (input.is_file)(path)).then(|| (input.read)(path).ok());
            pipfile::difference(input.text, &pipfile??)
        }
        Format::Pylock | Format::Requirements => None,
    }
}

#[cfg(test)]
mod tests;
