//! The command that locks the requirements of a requirements file.

use std::path::Path;

use crate::hint::shell_word;
use crate::python::lock::{Format, LockInput, urls};

/// Returns the command that locks the requirements in `input` as the PEP 751 file `output`.
#[must_use]
pub fn compile_command(input: &str, python: Option<&str>, output: &str) -> String {
    let python = python.map_or(String::new(), |version| format!(" --python-version {}", shell_word(version)));
    format!("uv pip compile {} --universal{python} -o {}", shell_word(input), shell_word(output))
}

/// The files of the command that locks a requirements file again.
#[derive(Clone, Debug)]
pub(super) struct Compile {
    /// The requirements file.
    file: String,
    /// The file that it is made from, if there is one: `requirements.in`.
    source: Option<String>,
    /// The lock file to write where there is none.
    output: String,
    /// Whether a build finds the written file by itself.
    is_found: bool,
}

impl Compile {
    pub fn of(input: &LockInput<'_>) -> Self {
        let path = Path::new(input.name);
        let folder = path.parent().unwrap_or(Path::new(""));
        let source = path.with_extension("in");
        let has_source = source.file_name().is_some_and(|name| (input.is_file)(Path::new(name)));
        let (default, root) = (Format::Requirements.file_name(), urls::joined(input.root, ""));
        let output = urls::joined(&folder.join(&root), Format::Pylock.file_name());
        Self {
            file: input.name.to_owned(),
            source: has_source.then(|| source.display().to_string()),
            output: output.display().to_string(),
            is_found: root == Path::new(".") && path.file_name().is_some_and(|name| name == default),
        }
    }

    /// Returns whether the file is made from another one.
    pub fn has_source(&self) -> bool {
        self.source.is_some()
    }

    /// Returns the command, in backquotes, with the setting that it needs.
    pub fn hint(&self, python: Option<&str>) -> String {
        if let Some(source) = &self.source {
            let (source, file) = (shell_word(source), shell_word(&self.file));
            return format!("`uv pip compile --generate-hashes {source} -o {file}`");
        }
        let setting = if self.is_found { "" } else { ", and set lock = \"pylock.toml\" under [dependencies]" };
        format!("`{}`{setting}", compile_command(&self.file, python, &self.output))
    }
}
