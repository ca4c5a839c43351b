//! Paths of the Docker image, and the files of the project that are there.

use super::super::Query;
use super::stage::{Copied, Stage, below, joined};

/// Returns the file of the project that a path of the Docker image has.
pub(super) fn file_at(query: &Query<'_>, stage: &Stage, path: &str) -> Option<String> {
    of_project(query, &stage.copies, &joined(&stage.workdir, path)).filter(|file| query.has(file))
}

/// Returns the path in the image of carboy for an absolute path below which the Dockerfile puts
/// the project's files.
pub(super) fn in_image(query: &Query<'_>, stage: &Stage, word: &str) -> Option<String> {
    if !word.starts_with('/') {
        return None;
    }
    let file = of_project(query, &stage.copies, word)?;
    Some(joined(query.folder, &file))
}

/// Returns the file or directory of the project that a path of the Docker image has.
pub(super) fn of_project(query: &Query<'_>, copies: &[Copied], path: &str) -> Option<String> {
    let of_copy = |copied: &Copied| copied.sources.iter().find_map(|source| copied_from(query, copied, source, path));
    copies.iter().rev().find_map(of_copy)
}

fn copied_from(query: &Query<'_>, copied: &Copied, source: &str, path: &str) -> Option<String> {
    let to = copied.to.trim_end_matches('/');
    // A glob copies files of its directory.
    let folder = source.split(['*', '?', '[']).next().unwrap_or_default();
    let source = if folder == source { source } else { folder.rsplit_once('/').map_or("", |(folder, _)| folder) };
    if query.has(source) {
        let is_folder = copied.to.ends_with('/') || copied.sources.len() > 1;
        let place = if is_folder { format!("{to}/{}", source.rsplit('/').next()?) } else { to.to_owned() };
        return (path == place).then(|| source.to_owned());
    }
    let rest = below(path, to)?;
    let found = [source, rest].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("/");
    let is_there = query.has(&found) || query.has_folder(&found);
    (found.is_empty() || is_there).then_some(found)
}
