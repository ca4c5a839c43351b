//! Takes the programs that run the scripts among extracted files.
//!
//! Source: execve(2), "Interpreter scripts": the first line, 255 bytes at most, names an
//! absolute path and one argument. `env` runs a program from `PATH`, env(1).

use super::contents::{Result, unreadable};
use super::context::Context;
use super::draft::Draft;
use super::reasons::Because;
use super::source_image::SourceImageId;
use super::stage::ImageState;
use crate::diagnostic::{Code, Diagnostic};
use crate::image::LayerKind;
use crate::rootfs::programs::path_folders;
use crate::rootfs::{Entry, RootPath, Tree};

/// The number of bytes of the first line that the kernel reads.
const LINE: u64 = 255;

/// A program that an image lacks.
pub(super) enum MissingProgram {
    /// A program that is named by its path.
    Path(String),
    /// A program that is named by its name: `env` searches it.
    Name(String),
}

impl MissingProgram {
    /// Returns the path or the name.
    pub fn name(&self) -> &str {
        match self {
            Self::Path(name) | Self::Name(name) => name,
        }
    }

    /// Returns its path in another image, if that image has it.
    fn path_in(&self, tree: &Tree, env: &[String]) -> Option<RootPath> {
        match self {
            Self::Path(name) => RootPath::new(name).ok().filter(|path| is_program(tree, path)),
            Self::Name(name) => find_program(tree, &path_folders(env), name),
        }
    }
}

impl Draft<'_> {
    /// Takes the programs that executable scripts among `files` name in their first line. Reports a
    /// program that neither the image nor the source image has. Returns the added paths.
    pub(super) fn take_script_interpreters(
        &mut self,
        kind: LayerKind,
        source: SourceImageId,
        files: &[RootPath],
    ) -> Result<Vec<RootPath>> {
        let mut open = files.to_vec();
        let mut out = Vec::new();
        while let Some(script) = open.pop() {
            let head = executable_head(self.cx, &self.image.tree, &script)?;
            let Some(line) = head.and_then(|head| first_line(&head)) else { continue };
            for program in missing_programs(self.cx, &self.image, &line) {
                let source_image = &self.cx.sources[source];
                let found = program.path_in(&source_image.tree, &source_image.config.env());
                if let Some(path) = &found {
                    let pattern = globset::escape(&path.to_string());
                    let selected = self.select("the program of a script", source, &pattern)?;
                    let because = Because::RunsScript(script.clone());
                    let taken = self.add_selected(kind, (source, &selected), None, &because)?;
                    open.extend(taken.iter().cloned());
                    out.extend(taken);
                }
                // A taken link may have another target in this image.
                if !found.is_some_and(|path| is_program(&self.image.tree, &path)) {
                    self.error(no_interpreter(&script, &line, program.name(), &source_image.name));
                }
            }
        }
        Ok(out)
    }
}

fn no_interpreter(script: &RootPath, line: &str, program: &str, source: &str) -> Diagnostic {
    let message = format!("{script} starts with `#!{line}`, but neither the image nor {source} has `{program}`");
    Diagnostic::error(Code::MissingInterpreter, message)
        .file(script)
        .hint("name an image that has it, or leave the script out of `paths`".to_owned())
}

/// Reads the first bytes of an executable file of the image; none for any other file.
pub(super) fn executable_head(cx: &Context, tree: &Tree, path: &RootPath) -> Result<Option<Vec<u8>>> {
    let Some(entry) = tree.get(path).filter(|entry| entry.meta.mode & 0o111 != 0) else { return Ok(None) };
    let Some(content) = entry.content() else { return Ok(None) };
    cx.contents.head(content, LINE).map(Some).map_err(|cause| unreadable(path, cause))
}

/// Returns the programs that a script's first line names and the image lacks.
pub(super) fn missing_programs(cx: &Context, image: &ImageState, line: &str) -> Vec<MissingProgram> {
    let mut words = line.split_whitespace();
    let Some(first) = words.next() else { return Vec::new() };
    let path = RootPath::new(first).unwrap_or_default();
    let mut out = Vec::new();
    if !is_program(&image.tree, &path) {
        out.push(MissingProgram::Path(first.to_owned()));
    }
    let runs = words.find(|word| !word.starts_with('-') && !word.contains('='));
    if path.name() == Some(b"env")
        && let Some(name) = runs.filter(|name| !name.contains('/'))
        && find_program(&image.tree, &program_folders(cx, image), name).is_none()
    {
        out.push(MissingProgram::Name(name.to_owned()));
    }
    out
}

/// Returns the directories of the image's `PATH`: the user's, or Python's and the base's.
pub(super) fn program_folders(cx: &Context, image: &ImageState) -> Vec<RootPath> {
    match cx.plan.image.env.get("PATH") {
        Some(own) => path_folders(&[format!("PATH={own}")]),
        None => [image.programs.clone(), path_folders(&cx.base_config.env())].concat(),
    }
}

fn find_program(tree: &Tree, folders: &[RootPath], name: &str) -> Option<RootPath> {
    folders.iter().map(|folder| folder.child(name.as_bytes())).find(|path| is_program(tree, path))
}

fn is_program(tree: &Tree, path: &RootPath) -> bool {
    tree.follow(path).is_some_and(|(_, entry): (_, &Entry)| entry.content().is_some() && entry.meta.mode & 0o111 != 0)
}

/// Returns the text after `#!` of a script's first line.
pub(super) fn first_line(head: &[u8]) -> Option<String> {
    let line = head.strip_prefix(b"#!")?.split(|&b| b == b'\n').next()?;
    Some(String::from_utf8_lossy(line).trim().to_owned()).filter(|line| line.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_first_line_counts() {
        assert_eq!(first_line(b"#! /bin/sh -e\nx").as_deref(), Some("/bin/sh -e"));
        for none in [&b"#!sh\n"[..], b"# !/bin/sh", b"", b"#!", b"\x7fELF"] {
            assert_eq!(first_line(none), None);
        }
    }
}
