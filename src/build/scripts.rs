//! Scripts among what is extracted bring the program that runs them; others are told
//! of when the image cannot start them.
//!
//! Source: execve(2), "Interpreter scripts": the first line, 255 bytes at most, names
//! an absolute path and one argument. `env` runs a program from `PATH`, env(1).

use std::collections::{BTreeMap, BTreeSet};

use super::donor::DonorId;
use super::error::BuildError;
use super::extract::Work;
use super::problems::Problem;
use super::reasons::Because;
use crate::diagnostic::some_of;
use crate::image::{Executable, ExecutableError};
use crate::layer::contents;
use crate::progress::LayerKind;
use crate::rootfs::programs::path_folders;
use crate::rootfs::{Entry, RootPath, Tree};

/// What the kernel reads of the first line.
const LINE: u64 = 255;

/// How many scripts that cannot be started are named.
const LISTED: usize = 8;

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
                if let Some(path) = &program.path {
                    let pattern = globset::escape(&path.to_string());
                    let selected = self.select("the program of a script", donor, &pattern)?;
                    let because = Because::RunsScript(script.clone());
                    let taken = self.add_selected(kind, donor, &selected, None, &because)?;
                    open.extend(taken.iter().cloned());
                    out.extend(taken);
                }
                // What was taken may still lead elsewhere in this image.
                if !program.path.is_some_and(|path| is_program(&self.image, &path)) {
                    self.problems.push(Problem::Interpreter {
                        script: script.to_string(),
                        line: line.clone(),
                        program: program.name,
                        donor: self.donors[donor].name.clone(),
                    });
                }
            }
        }
        Ok(out)
    }

    /// What follows `#!` in an executable file of the image.
    fn shebang(&self, path: &RootPath) -> Result<Option<String>, BuildError> {
        Ok(self.executable_head(path)?.and_then(|head| first_line(&head)))
    }

    /// The first bytes of an executable file of the image.
    fn executable_head(&self, path: &RootPath) -> Result<Option<Vec<u8>>, BuildError> {
        let Some(entry) = self.image.get(path).filter(|entry| entry.meta.mode & 0o111 != 0) else { return Ok(None) };
        let Some(content) = entry.content() else { return Ok(None) };
        let head = contents::head(content, self.inputs.tars.as_ref(), LINE);
        head.map(Some).map_err(|cause| BuildError::read(path, cause))
    }

    /// The programs that a first line runs and that the image lacks.
    fn programs(&self, donor: DonorId, line: &str) -> Vec<Program> {
        let donor = &self.donors[donor].image;
        let found = |lacking: Lacking| match lacking {
            Lacking::Path(name) => {
                let path = RootPath::new(&name).ok().filter(|path| is_program(&donor.tree, path));
                Program { name, path }
            }
            Lacking::Name(name) => {
                let path = find_program(&donor.tree, &path_folders(&donor.config.env()), &name);
                Program { name, path }
            }
        };
        self.programs_lacking(line).into_iter().map(found).collect()
    }

    /// What the image lacks to run a first line.
    fn programs_lacking(&self, line: &str) -> Vec<Lacking> {
        let mut words = line.split_whitespace();
        let Some(first) = words.next() else { return Vec::new() };
        let path = RootPath::new(first).unwrap_or_default();
        let mut out = Vec::new();
        if !is_program(&self.image, &path) {
            out.push(Lacking::Path(first.to_owned()));
        }
        let runs = words.find(|word| !word.starts_with('-') && !word.contains('='));
        if path.name() == Some(b"env")
            && let Some(name) = runs.filter(|name| !name.contains('/'))
            && find_program(&self.image, &self.program_folders(), name).is_none()
        {
            out.push(Lacking::Name(name.to_owned()));
        }
        out
    }

    /// Where the image looks for programs: as the user sets it, or Python's folders and
    /// the base's.
    fn program_folders(&self) -> Vec<RootPath> {
        match self.plan.image.env.get("PATH") {
            Some(own) => path_folders(&[format!("PATH={own}")]),
            None => [self.programs.clone(), path_folders(&self.inputs.base.config.env())].concat(),
        }
    }

    /// The first program that the image lacks to run a script.
    fn lacks(&self, line: &str) -> Option<String> {
        self.programs_lacking(line).into_iter().next().map(|lacking| match lacking {
            Lacking::Path(name) | Lacking::Name(name) => name,
        })
    }

    /// Warns of scripts of the dependencies and the application that cannot be
    /// started, where programs are looked for. Elsewhere they are data.
    pub(super) fn warn_of_scripts(&self) -> Result<(), BuildError> {
        let folders = [self.program_folders(), self.programs.clone()].concat();
        let folders: BTreeSet<_> = folders.iter().filter_map(|folder| self.image.resolve(folder).ok()).collect();
        let own = [LayerKind::Dependencies, LayerKind::Application];
        let entries = own.into_iter().flat_map(|kind| self.layers_of(kind)).flat_map(crate::layer::Recipe::entries);
        let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut windows = Vec::new();
        for (path, _) in entries.filter(|(path, _)| path.parent().is_some_and(|folder| folders.contains(&folder))) {
            let Some(head) = self.executable_head(path)? else { continue };
            if Executable::parse(&head) == Err(ExecutableError::CarriageReturn) {
                windows.push(path.to_string());
            } else if let Some(program) = first_line(&head).and_then(|line| self.lacks(&line)) {
                found.entry(program).or_default().push(path.to_string());
            }
        }
        for (program, scripts) in found {
            let (number, listed) = (scripts.len(), some_of(&scripts, LISTED));
            let what = if number == 1 { "script needs" } else { "scripts need" };
            self.warn(format!("{number} {what} `{program}`, which the image has not: {listed}"));
        }
        if !windows.is_empty() {
            let listed = some_of(&windows, LISTED);
            self.warn(format!("scripts with Windows line endings after `#!`, which cannot be started: {listed}"));
        }
        Ok(())
    }
}

/// A program that an image lacks.
enum Lacking {
    /// By its path.
    Path(String),
    /// By its name, which `env` looks for.
    Name(String),
}

fn find_program(tree: &Tree, folders: &[RootPath], name: &str) -> Option<RootPath> {
    folders.iter().map(|folder| folder.child(name.as_bytes())).find(|path| is_program(tree, path))
}

struct Program {
    /// As the script has it.
    name: String,
    /// Where the donor has it.
    path: Option<RootPath>,
}

fn is_program(tree: &Tree, path: &RootPath) -> bool {
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
