//! Scripts among what is extracted bring the program that runs them.
//!
//! Source: execve(2), "Interpreter scripts": the first line, 255 bytes at most, names
//! an absolute path and one argument. `env` runs a program from `PATH`, env(1).

use std::io::Read as _;

use super::donor::DonorId;
use super::error::BuildError;
use super::extract::Work;
use super::problems::Problem;
use super::reasons::Because;
use crate::layer::contents;
use crate::progress::LayerKind;
use crate::rootfs::{Entry, RootPath, Tree};

/// What the kernel reads of the first line.
const LINE: u64 = 255;

impl Work<'_> {
    /// Takes what executable scripts among `files` name in their first line, and
    /// what those programs need; a program that nobody has is a problem.
    pub(super) fn script_interpreters(
        &mut self,
        kind: LayerKind,
        donor: DonorId,
        files: &[RootPath],
    ) -> Result<Vec<RootPath>, BuildError> {
        let mut open = files.to_vec();
        let mut out = Vec::new();
        while let Some(script) = open.pop() {
            let Some(line) = self.shebang(&script)? else { continue };
            for program in self.programs(donor, &line) {
                let Some(path) = program.path else {
                    self.problems.push(Problem::Interpreter {
                        script: script.to_string(),
                        line: line.clone(),
                        program: program.name,
                        donor: self.donors[donor].name.clone(),
                    });
                    continue;
                };
                let pattern = globset::escape(&path.to_string());
                let selected = self.select("the program of a script", donor, &pattern)?;
                let because = Because::RunsScript(script.clone());
                let taken = self.add_selected(kind, donor, &selected, None, &because)?;
                open.extend(taken.iter().cloned());
                out.extend(taken);
            }
        }
        Ok(out)
    }

    /// What follows `#!` in an executable file of the image.
    pub(super) fn shebang(&self, path: &RootPath) -> Result<Option<String>, BuildError> {
        let Some(entry) = self.image.get(path).filter(|entry| entry.meta.mode & 0o111 != 0) else { return Ok(None) };
        let Some(content) = entry.content() else { return Ok(None) };
        let error = |cause: std::io::Error| BuildError::Read { path: path.to_string(), cause: cause.to_string() };
        let mut head = Vec::new();
        let file = contents::open(content, self.inputs.tars.as_ref()).map_err(error)?;
        file.take(LINE).read_to_end(&mut head).map_err(error)?;
        Ok(first_line(&head))
    }

    /// The programs that a first line runs and that the image lacks.
    fn programs(&self, donor: DonorId, line: &str) -> Vec<Program> {
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else { return Vec::new() };
        let path = RootPath::new(first).unwrap_or_default();
        let tree = &self.donors[donor].image.tree;
        let mut out = Vec::new();
        if !is_program(&self.image, &path) {
            out.push(Program {
                name: first.to_owned(),
                path: Some(path.clone()).filter(|path| is_program(tree, path)),
            });
        }
        let runs = words.find(|word| !word.starts_with('-') && !word.contains('='));
        if path.name() == Some(b"env")
            && let Some(name) = runs.filter(|name| !name.contains('/'))
        {
            let found = |tree: &Tree, folders: &[RootPath]| {
                folders.iter().map(|folder| folder.child(name.as_bytes())).find(|path| is_program(tree, path))
            };
            if found(&self.image, &path_folders(&self.inputs.base.config.env())).is_none() {
                let folders = path_folders(&self.donors[donor].image.config.env());
                out.push(Program { name: name.to_owned(), path: found(tree, &folders) });
            }
        }
        out
    }
}

/// The folders of `PATH`, as an image sets it.
fn path_folders(env: &[String]) -> Vec<RootPath> {
    let path = env.iter().find_map(|line| line.strip_prefix("PATH=")).unwrap_or("/usr/local/bin:/usr/bin:/bin");
    path.split(':').filter_map(|folder| RootPath::new(folder).ok()).collect()
}

struct Program {
    /// As the script has it.
    name: String,
    /// Where the donor has it.
    path: Option<RootPath>,
}

pub(super) fn is_program(tree: &Tree, path: &RootPath) -> bool {
    tree.follow(path).is_some_and(|(_, entry): (_, &Entry)| entry.content().is_some() && entry.meta.mode & 0o111 != 0)
}

fn first_line(head: &[u8]) -> Option<String> {
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
