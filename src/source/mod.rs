//! Local folders: the application, copies, ready-made site-packages.
//!
//! `walk` goes through a folder and asks `rules` what to leave out: `run_paths` knows the
//! run's own files, `default_excludes` names, `foreign_folders` whole folders by their
//! content, `globs`, `ignores` and `dockerignore` the patterns that somebody wrote.
//! `content_facts` reads the files, in which `content` finds what must stay out
//! (`image_archive`, `url_passwords`), and `stat_index` remembers the result. `tracked` asks
//! git (`git_index`) what may be missed. `link_targets` checks that no link leads out;
//! `path_bounds` holds the paths that a project's files name to where they may lead;
//! `named_paths` checks the paths that the configuration names. Links are never followed,
//! names are bytes.

mod content;
mod content_facts;
mod default_excludes;
mod dockerignore;
mod folders;
mod foreign_folders;
mod git_index;
mod globs;
mod ignores;
mod image_archive;
mod left_out;
mod link_targets;
mod local_path;
mod named_paths;
mod path_bounds;
mod rules;
mod run_paths;
mod stat_index;
mod tracked;
mod url_passwords;
mod walk;
mod walk_rules;

pub use folders::Folders;
pub use git_index::tracks;
pub use path_bounds::{admit, is_governed, real, within};
pub use walk_rules::WalkRules;
