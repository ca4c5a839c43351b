//! Decides on the rule that leaves a path out, if there is one.
//!
//! In this order: outputs of the run are out; matches of `include` are in; the default rules are
//! out; matches of `exclude` are out; paths named by ignore files are out, except what `.gitignore`
//! names and git tracks. A directory that is out
//! takes everything with it that `include` does not bring back, and a name of the default rules
//! comes back only by a glob that spells that name: see [`Globs::is_match_spelling`]. A secret comes
//! back only by its own name.

use std::path::Path;

use super::globs::Globs;
use super::ignores::{Depth, GIT, Ignores};
use super::run_paths::RunPaths;
use super::tracked_files::TrackedFiles;
use super::{WalkRules, default_excludes, foreign_folders};
use crate::operation_error::OperationError;
use crate::rootfs::{IgnoreFile, Kept};

/// All rules of a walk.
pub(super) struct Rules {
    include: Globs,
    exclude: Globs,
    defaults: bool,
    ignores: Option<Ignores>,
    apart: RunPaths,
    tracked: TrackedFiles,
    /// The name of the walked directory.
    root: Vec<u8>,
}

/// The decisions that apply to everything in a directory.
#[derive(Clone, Default)]
pub(super) struct ParentRules {
    /// The default rules that apply, and the names they apply to.
    defaults: Vec<(&'static str, Vec<u8>)>,
    rule: Option<&'static str>,
    /// `.gitignore` names the directory, though another file decides.
    git_ignored: bool,
}

/// The decision on a file.
pub(super) enum Verdict {
    /// The rule that leaves it out.
    Out(&'static str),
    /// The reason to keep it, where a rule leaves it out.
    In(Option<Kept>),
}

/// A directory that the walk is in.
pub(super) struct Entered {
    depth: Option<Depth>,
    is_repository: bool,
}

impl ParentRules {
    /// Returns the rule that leaves the directory out.
    pub(super) fn rule(&self) -> Option<&'static str> {
        self.defaults.first().map(|(rule, _)| *rule).or(self.rule)
    }

    fn names(&self) -> Vec<&[u8]> {
        self.defaults.iter().map(|(_, name)| name.as_slice()).collect()
    }
}

impl Rules {
    /// Prepares the rules for a directory, given with its links resolved.
    pub(super) fn new(folder: &Path, cache: &Path, rules: &WalkRules) -> Result<Self, OperationError> {
        Ok(Self {
            tracked: TrackedFiles::new(folder),
            apart: RunPaths::new(folder, cache, rules)?,
            root: folder.file_name().unwrap_or_default().as_encoded_bytes().to_vec(),
            include: Globs::new(&rules.include)?,
            exclude: Globs::new(&rules.exclude)?,
            defaults: rules.defaults,
            ignores: rules.ignore_files.then(|| Ignores::new(folder)).transpose()?,
        })
    }

    /// Enters a directory, given its names: reads its ignore files, unless a rule leaves it out.
    pub(super) fn enter(
        &mut self,
        path: &[u8],
        disk: &Path,
        outer: &ParentRules,
        has: impl Fn(&[u8]) -> bool,
    ) -> Result<Entered, OperationError> {
        let is_in = outer.rule().is_none_or(|rule| rule == GIT);
        // The index of a clone that git ignores does not count, that of a submodule does.
        let is_known = outer.rule().is_none() || is_in && self.tracked.has(path);
        let is_repository = is_known && !path.is_empty() && has(b".git");
        if is_repository {
            self.tracked.enter(path, disk);
        }
        let ignores = self.ignores.as_mut().filter(|_| is_in);
        let depth = ignores.map(|ignores| ignores.enter(path, disk, has)).transpose()?;
        Ok(Entered { depth, is_repository })
    }

    /// Leaves a directory.
    pub(super) fn leave(&mut self, entered: &Entered) {
        if let (Some(ignores), Some(depth)) = (&mut self.ignores, &entered.depth) {
            ignores.leave(depth);
        }
        if entered.is_repository {
            self.tracked.leave();
        }
    }

    /// Returns the ignore files that decided, after the walk.
    pub(super) fn ignore_files(&self) -> Vec<IgnoreFile> {
        self.ignores.as_ref().map(Ignores::deciding).unwrap_or_default()
    }

    /// Returns whether a file that stays in is named by `.gitignore` and not tracked, where another
    /// file decides. Not if `include` names it.
    pub(super) fn is_git_ignored(&self, path: &[u8], outer: &ParentRules) -> bool {
        let Some(ignores) = self.ignores.as_ref().filter(|ignores| ignores.replaces_git()) else { return false };
        let is_named = outer.git_ignored || ignores.git_ignores(path, false);
        is_named && !self.tracked.has(path) && !self.include.is_match(path)
    }

    /// Decides on a file or link.
    pub(super) fn file(&self, path: &[u8], outer: &ParentRules) -> Verdict {
        let name = name_of(path);
        let own = self.default_rule(path, name, false);
        let rules = outer.defaults.iter().map(|(rule, name)| (*rule, name.as_slice()));
        let rules: Vec<_> = rules.chain(own.map(|rule| (rule, name))).collect();
        let names =
            |secret| move |(rule, name): &(&str, _)| (default_excludes::is_secret(rule) == secret).then_some(*name);
        let spelled: Vec<_> = rules.iter().filter_map(names(false)).collect();
        let exact: Vec<_> = rules.iter().filter_map(names(true)).collect();
        // A default rule comes first: git may track a secret in a directory that `.gitignore` names.
        let rule = rules.first().map(|(rule, _)| *rule).or(outer.rule).or_else(|| self.written(path, false));
        if self.include.is_match_spelling(path, &spelled, &exact) {
            return Verdict::In(rule.map(|_| Kept::Include));
        }
        match rule {
            None => Verdict::In(None),
            Some(GIT) if self.tracked.has(path) => match self.written(path, false).filter(|rule| *rule != GIT) {
                None => Verdict::In(Some(Kept::Tracked)),
                Some(rule) => Verdict::Out(rule),
            },
            Some(rule) => Verdict::Out(rule),
        }
    }

    /// Returns the decisions for everything in a directory.
    pub(super) fn folder(&self, path: &[u8], outer: &ParentRules) -> ParentRules {
        let mut inner = outer.clone();
        let name = name_of(path);
        inner.defaults.extend(self.default_rule(path, name, true).map(|rule| (rule, name.to_vec())));
        if inner.rule().is_none_or(|rule| rule == GIT) {
            inner.rule = self.written(path, true).or(inner.rule);
        }
        let ignores = self.ignores.as_ref().filter(|ignores| ignores.replaces_git());
        inner.git_ignored |= ignores.is_some_and(|ignores| ignores.git_ignores(path, true));
        inner
    }

    /// Adds the rule of a directory that is not the application's, given its names. The walked
    /// directory is exempt, because the user named it.
    pub(super) fn entered(&self, path: &[u8], disk: &Path, names: &[&[u8]], mut inner: ParentRules) -> ParentRules {
        let name = name_of(path);
        let known = inner.defaults.last().is_some_and(|(_, last)| last == name);
        if self.defaults && !known && !path.is_empty() {
            inner.defaults.extend(foreign_folders::rule(disk, names).map(|rule| (rule, name.to_vec())));
        }
        inner
    }

    /// Returns the rule that leaves out everything in a directory, though it may not match the
    /// directory itself (`data/*`), unless `include` spells the directory out.
    pub(super) fn covering(&self, path: &[u8], outer: &ParentRules) -> Option<&'static str> {
        if self.include.spell_out(path) {
            return None;
        }
        // A name that no specific pattern matches.
        outer.rule().or_else(|| match self.file(&[path, b"/\x01"].concat(), outer) {
            Verdict::Out(rule) => Some(rule),
            Verdict::In(_) => None,
        })
    }

    /// Returns whether a directory is kept even without files, given its names: an empty one, and
    /// one with a placeholder, because git keeps no empty directories.
    pub(super) fn keep_folder(&self, path: &[u8], names: &[&[u8]], outer: &ParentRules) -> bool {
        let is_covered = || self.covering(path, outer).is_some_and(|rule| rule != GIT);
        if names.is_empty() {
            return self.covering(path, outer).is_none();
        }
        let holds_open = |name: &&[u8]| match self.written(&[path, b"/", name].concat(), false) {
            None => true,
            // A tool's own directory has a `.gitignore` that ignores itself.
            Some(GIT) => default_excludes::is_keep_file(name),
            Some(_) => !is_covered(),
        };
        let placeholders = names.iter().filter(|name| default_excludes::is_placeholder(name));
        self.defaults && outer.rule().is_none() && placeholders.into_iter().any(holds_open)
    }

    /// Returns whether the user left a path out for this image, or the path is carboy's own, given
    /// the rule that leaves it out. `.gitignore` is not written for images.
    pub(super) fn is_meant(&self, path: &[u8], is_folder: bool, rule: &'static str) -> bool {
        let is_own = [default_excludes::OWN_FILES, default_excludes::INPUTS, default_excludes::EXCLUDE].contains(&rule);
        is_own || self.written(path, is_folder).is_some_and(|written| written != GIT)
    }

    /// Returns whether the run writes a path, which is then out in any case.
    pub(super) fn is_output(&self, path: &[u8]) -> bool {
        self.apart.is_output(path)
    }

    /// Returns whether anything in a left-out directory could be in.
    pub(super) fn reach(&self, path: &[u8], inner: &ParentRules) -> bool {
        self.include.reach(path, &inner.names()) || inner.rule() == Some(GIT) && self.tracked.reach(path)
    }

    /// Returns whether the file is left out for its content, by rules for secrets or by other
    /// rules.
    pub(super) fn judge_content(&self, path: &[u8], secret: bool) -> bool {
        let name = [name_of(path)];
        let (spelled, exact): (&[_], &[_]) = if secret { (&[], &name) } else { (&name, &[]) };
        self.defaults && !self.include.is_match_spelling(path, spelled, exact)
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

    /// Returns the name of the directory that a path is in.
    fn parent_of<'a>(&'a self, path: &'a [u8]) -> &'a [u8] {
        let slash = path.iter().rposition(|&byte| byte == b'/');
        slash.map_or(&self.root, |slash| name_of(&path[..slash]))
    }

    /// Returns the rule that a user wrote for this project.
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
