//! The local files that go into an image and those that stay behind, as lines for programs that
//! filter lines. Pure.

use super::text::{count, heading, ignore_files};
use crate::assemble::report::{FileList, LeftOutPath, ListedFile};
use crate::printable::one_line;

/// Returns the files of all profiles: a line for each file or left-out directory, sorted by path.
/// Ends with a newline.
///
/// ```text
/// in  main.py
/// out .env  [.env*]
/// in  dist/app.js  [tracked by git]
/// out node_modules/  [node_modules, 1204 files]
/// ```
#[must_use]
pub fn files_text(lists: &[FileList]) -> String {
    let mut lines = Vec::new();
    for list in lists {
        if lists.len() > 1 {
            lines.push(heading(list.profile.as_deref()));
        }
        lines.extend(ignore_files(&list.left_out, usize::MAX));
        let included = list.included.iter().map(|file| (&file.path, included(file)));
        let left_out = list.left_out.paths.iter().map(|path| (&path.path, left_out(path)));
        let mut paths: Vec<_> = included.chain(left_out).collect();
        paths.sort();
        lines.extend(paths.into_iter().map(|(_, line)| one_line(&line)));
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

fn included(file: &ListedFile) -> String {
    let reason = file.reason.as_ref().map_or_else(String::new, |reason| format!("  [{reason}]"));
    format!("in  {}{reason}", file.path)
}

fn left_out(one: &LeftOutPath) -> String {
    let is_folder = one.path.ends_with('/');
    let files = if is_folder { format!(", {}", count(one.files, "file", "files")) } else { String::new() };
    format!("out {}  [{}{files}]", one.path, one.rule)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::assemble::report::{IgnoreFile, LeftOut};

    /// A project with two files, and three paths that stay behind.
    pub fn list() -> FileList {
        let file = |path: &str, reason: Option<&str>| ListedFile {
            path: path.to_owned(),
            to: Some(format!("/app/{path}")),
            size: 7,
            reason: reason.map(str::to_owned),
        };
        let out = |path: &str, rule: &str, files| LeftOutPath { path: path.to_owned(), rule: rule.to_owned(), files };
        FileList {
            profile: None,
            included: vec![file("dist/app.js", Some("tracked by git")), file("main.py", None)],
            left_out: LeftOut {
                paths: vec![
                    out(".env", ".env*", 1),
                    out("a\n", "exclude", 1),
                    out("node_modules/", "node_modules", 12),
                ],
                ignore_files: vec![IgnoreFile { path: ".gitignore".to_owned(), replaces_git: false }],
                ..LeftOut::default()
            },
        }
    }

    #[test]
    fn every_path_has_a_line_with_its_rule() {
        insta::assert_snapshot!(files_text(&[list()]), @r"
        ignore file: .gitignore
        out .env  [.env*]
        out a\n  [exclude]
        in  dist/app.js  [tracked by git]
        in  main.py
        out node_modules/  [node_modules, 12 files]
        ");
    }
}
