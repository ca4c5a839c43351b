//! Which rule leaves a path out, if one does.
//!
//! In this order: what the run writes is out; what `include` matches is in; what the
//! defaults know is out; what `exclude` matches is out; what ignore files name is out.
//! A folder that is out takes everything with it that `include` does not bring back,
//! and a name that the defaults know comes back only by a glob that tells that name:
//! see [`Globs::is_match_telling`]. A secret comes back only by its own name.

use std::path::Path;

use super::globs::Globs;
use super::ignores::{Depth, GIT, Ignores};
use super::run_paths::RunPaths;
use super::{WalkRules, default_excludes, foreign_folders};
use crate::operation_error::OperationError;

/// All rules of a walk.
pub(super) struct Rules {
    include: Globs,
    exclude: Globs,
    defaults: bool,
    ignores: Option<Ignores>,
    apart: RunPaths,
    /// The name of the folder walked.
    root: Vec<u8>,
}

/// What is already decided about everything in a folder.
#[derive(Clone, Default)]
pub(super) struct ParentRules {
    /// The rules of the defaults that hold, and the names they hold for.
    defaults: Vec<(&'static str, Vec<u8>)>,
    rule: Option<&'static str>,
}

impl ParentRules {
    /// The rule that leaves the folder out.
    pub(super) fn rule(&self) -> Option<&'static str> {
        self.defaults.first().map(|(rule, _)| *rule).or(self.rule)
    }

    fn names(&self) -> Vec<&[u8]> {
        self.defaults.iter().map(|(_, name)| name.as_slice()).collect()
    }
}

impl Rules {
    /// For a folder, given with its links resolved.
    pub(super) fn new(folder: &Path, cache: &Path, rules: &WalkRules) -> Result<Self, OperationError> {
        Ok(Self {
            apart: RunPaths::new(folder, cache, rules)?,
            root: folder.file_name().unwrap_or_default().as_encoded_bytes().to_vec(),
            include: Globs::new(&rules.include)?,
            exclude: Globs::new(&rules.exclude)?,
            defaults: rules.defaults,
            ignores: rules.ignore_files.then(|| Ignores::new(folder)).transpose()?,
        })
    }

    /// Reads a folder's ignore files, given its names.
    pub(super) fn enter(
        &mut self,
        path: &[u8],
        disk: &Path,
        has: impl Fn(&[u8]) -> bool,
    ) -> Result<Option<Depth>, OperationError> {
        self.ignores.as_mut().map(|ignores| ignores.enter(path, disk, has)).transpose()
    }

    /// Forgets a folder's ignore files.
    pub(super) fn leave(&mut self, depth: Option<&Depth>) {
        if let (Some(ignores), Some(depth)) = (&mut self.ignores, depth) {
            ignores.leave(depth);
        }
    }

    /// The rule that leaves a file or link out.
    pub(super) fn file(&self, path: &[u8], outer: &ParentRules) -> Option<&'static str> {
        let name = name_of(path);
        let own = self.default_rule(path, name, false);
        let rules = outer.defaults.iter().map(|(rule, name)| (*rule, name.as_slice()));
        let rules: Vec<_> = rules.chain(own.map(|rule| (rule, name))).collect();
        let names =
            |secret| move |(rule, name): &(&str, _)| (default_excludes::is_secret(rule) == secret).then_some(*name);
        let told: Vec<_> = rules.iter().filter_map(names(false)).collect();
        let exact: Vec<_> = rules.iter().filter_map(names(true)).collect();
        if self.include.is_match_telling(path, &told, &exact) {
            return None;
        }
        outer.rule().or(own).or_else(|| self.written(path, false))
    }

    /// What holds for everything in a folder.
    pub(super) fn folder(&self, path: &[u8], outer: &ParentRules) -> ParentRules {
        let mut inner = outer.clone();
        let name = name_of(path);
        inner.defaults.extend(self.default_rule(path, name, true).map(|rule| (rule, name.to_vec())));
        if inner.rule().is_none() {
            inner.rule = self.written(path, true);
        }
        inner
    }

    /// What holds in a folder that turns out not to be the application's, given its
    /// names. The folder walked is not asked: it was named.
    pub(super) fn entered(&self, path: &[u8], disk: &Path, names: &[&[u8]], mut inner: ParentRules) -> ParentRules {
        let name = name_of(path);
        let known = inner.defaults.last().is_some_and(|(_, last)| last == name);
        if self.defaults && !known && !path.is_empty() {
            inner.defaults.extend(foreign_folders::rule(disk, names).map(|rule| (rule, name.to_vec())));
        }
        inner
    }

    /// The rule that leaves out whatever is in a folder, though it may not be the
    /// folder's own (`data/*`), unless `include` spells the folder out.
    pub(super) fn covering(&self, path: &[u8], outer: &ParentRules) -> Option<&'static str> {
        if self.include.spell_out(path) {
            return None;
        }
        // A name that no pattern tells from others.
        outer.rule().or_else(|| self.file(&[path, b"/\x01"].concat(), outer))
    }

    /// Whether a folder is kept even if no file of it is, given its names: an empty one,
    /// and one that a placeholder holds open, as git keeps no empty folders.
    pub(super) fn keep_folder(&self, path: &[u8], names: &[&[u8]], outer: &ParentRules) -> bool {
        let is_covered = || self.covering(path, outer).is_some_and(|rule| rule != GIT);
        if names.is_empty() {
            return self.covering(path, outer).is_none();
        }
        let holds_open = |name: &&[u8]| match self.written(&[path, b"/", name].concat(), false) {
            None => true,
            // A tool that makes a folder writes a `.gitignore` into it that ignores itself.
            Some(GIT) => default_excludes::is_keep_file(name),
            Some(_) => !is_covered(),
        };
        let placeholders = names.iter().filter(|name| default_excludes::is_placeholder(name));
        self.defaults && outer.rule().is_none() && placeholders.into_iter().any(holds_open)
    }

    /// Whether somebody left a path out for this image, or it is carboy's own business,
    /// given the rule that leaves it out. `.gitignore` is written for no image.
    pub(super) fn is_meant(&self, path: &[u8], is_folder: bool, rule: &'static str) -> bool {
        let is_own = [default_excludes::OWN_FILES, default_excludes::INPUTS, default_excludes::EXCLUDE].contains(&rule);
        is_own || self.written(path, is_folder).is_some_and(|written| written != GIT)
    }

    /// Whether the run writes a path, which is then out whatever else is said.
    pub(super) fn is_output(&self, path: &[u8]) -> bool {
        self.apart.is_output(path)
    }

    /// Whether anything in a folder that is left out could be included.
    pub(super) fn reach(&self, path: &[u8], inner: &ParentRules) -> bool {
        self.include.reach(path, &inner.names())
    }

    /// Whether the file is left out if its content says so, as that of a secret or of
    /// something else.
    pub(super) fn judge_content(&self, path: &[u8], secret: bool) -> bool {
        let name = [name_of(path)];
        let (told, exact): (&[_], &[_]) = if secret { (&[], &name) } else { (&name, &[]) };
        self.defaults && !self.include.is_match_telling(path, told, exact)
    }

    fn default_rule(&self, path: &[u8], name: &[u8], is_folder: bool) -> Option<&'static str> {
        if self.defaults && path == b"carboy.toml" && !is_folder {
            return Some(default_excludes::OWN_FILES);
        }
        if self.apart.is_input(path) {
            return Some(default_excludes::INPUTS);
        }
        if self.defaults { default_excludes::rule_of(self.parent_of(path), name, is_folder) } else { None }
    }

    /// The name of the folder that a path is in.
    fn parent_of<'a>(&'a self, path: &'a [u8]) -> &'a [u8] {
        let slash = path.iter().rposition(|&byte| byte == b'/');
        slash.map_or(&self.root, |slash| name_of(&path[..slash]))
    }

    /// The rule that somebody wrote for this project.
    fn written(&self, path: &[u8], is_folder: bool) -> Option<&'static str> {
        if self.exclude.is_match(path) {
            return Some(default_excludes::EXCLUDE);
        }
        self.ignores.as_ref().and_then(|ignores| ignores.rule(path, is_folder))
    }
}

fn name_of(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or(path)
}
