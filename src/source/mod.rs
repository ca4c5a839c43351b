//! Local directories: the application, copies, ready-made site-packages.
//!
//! `folders` has the operations. `walk` walks a directory and asks `rules` for the files to leave
//! out: `run_paths` knows the run's own files, `default_excludes` names, `foreign_folders` whole
//! directories by their content, `globs`, `ignores` and `dockerignore` the patterns of users.
//! `content_facts` reads the files, in which `content` finds secrets and images (`image_archive`,
//! `url_passwords`), and `stat_index` stores the result. `tracked_files` keeps files in
//! that git tracks (`git_index`); `tracked` reports those that other rules leave out (`left_out`).
//! `project_files` reads what tells the version of a project, among it the tags of its repository
//! (`git_describe`). `link_targets` checks that no link leads out;
//! `path_bounds` limits the paths in a project's files; `named_paths` checks the paths in the
//! configuration. Links are never followed, names are bytes.

mod content;
mod content_facts;
mod default_excludes;
mod dockerignore;
mod folders;
mod foreign_folders;
mod git_describe;
mod git_folder;
mod git_index;
mod globs;
mod ignores;
mod image_archive;
mod left_out;
mod link_targets;
mod local_path;
mod named_paths;
mod path_bounds;
mod project_files;
mod rules;
mod run_paths;
mod stat_index;
mod tracked;
mod tracked_files;
mod url_passwords;
mod walk;
mod walk_rules;

pub use folders::Folders;
pub use git_index::tracks;
pub use path_bounds::{admit, is_governed, real, within};
pub use project_files::{read_project, resolve_version};
pub use walk_rules::WalkRules;
