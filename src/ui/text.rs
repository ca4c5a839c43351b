//! Notes below tables: lists in sentences, and notes shared by several platforms. Pure.

use super::size::size;
use crate::assemble::report::{IgnoreFile, LeftOut, MissingLibrary, Tracked};
use crate::hint::shell_word;
use crate::oci::Platform;
use crate::printable::one_line;

/// Returns `not available: libtk8.6.so (needed by _tkinter), …`.
pub fn missing(platforms: &[(&Platform, &[MissingLibrary])], width: usize) -> Vec<String> {
    let sonames =
        |(_, missing): &(&Platform, &[MissingLibrary])| missing.iter().map(|one| one.soname.clone()).collect();
    let paragraph = |group: PlatformGroup<(&Platform, &[MissingLibrary])>| {
        let missing = group.first.1.iter();
        let items = missing.map(|missing| format!("{} (needed by {})", missing.soname, asker(&missing.needed_by)));
        wrapped(&format!("not available{}:", group.only), items, width)
    };
    alike(platforms, |one| one.0, sonames).into_iter().map(paragraph).collect()
}

/// Returns `note: …` for each note, with the platforms that it holds for.
pub fn notes(platforms: &[(&Platform, &[String])], width: usize) -> Vec<String> {
    let paragraph = |group: PlatformGroup<(&Platform, &[String])>| {
        let head = format!("note{}:", group.only);
        let words = |note: &String| note.split(' ').map(str::to_owned).collect::<Vec<_>>();
        group.first.1.iter().map(|note| broken(&head, words(note), "", width)).collect::<Vec<_>>()
    };
    alike(platforms, |one| one.0, |(_, notes)| notes.to_vec()).into_iter().flat_map(paragraph).collect()
}

/// The most rules, and the most files tracked by git, in a note.
const TOLD: usize = 6;

/// The size from which files that git ignores are told, in bytes, all together.
const LARGE: u64 = 10 << 20;

/// Returns the notes about local files: the ignore files that decided, the files that were left out,
/// those of them that git tracks, and large files that git ignores and the image gets.
pub fn local_files(left_out: &LeftOut, width: usize) -> Vec<String> {
    let parts = [ignore_files(left_out, width), rules(left_out, width), tracked(left_out, width)];
    parts.into_iter().chain([git_ignored(left_out, width)]).flatten().collect()
}

/// Returns `ignore files: .dockerignore (in place of .gitignore), .carboyignore`.
pub fn ignore_files(left_out: &LeftOut, width: usize) -> Option<String> {
    let one = |file: &IgnoreFile| {
        let instead = if file.replaces_git { " (in place of .gitignore)" } else { "" };
        format!("{}{instead}", file.path)
    };
    let files = &left_out.ignore_files;
    let head = if files.len() == 1 { "ignore file:" } else { "ignore files:" };
    (!files.is_empty()).then(|| wrapped(head, files.iter().map(one), width))
}

/// Returns `left out 214 files: .gitignore 173, __pycache__ 40, .env* 1`.
fn rules(left_out: &LeftOut, width: usize) -> Option<String> {
    let mut rules: Vec<_> = left_out.rules.iter().filter(|(_, files)| **files > 0).collect();
    if rules.is_empty() {
        return None;
    }
    // Secrets are never counted among the others.
    let is_other = |rule: &str| !LeftOut::SECRETS.contains(&rule);
    rules.sort_by_key(|(rule, files)| (is_other(rule), std::cmp::Reverse(**files)));
    let files = rules.iter().map(|(_, files)| **files).sum();
    let others = rules.split_off(TOLD.min(rules.len()));
    rules.sort_by_key(|(_, files)| std::cmp::Reverse(**files));
    let head = format!("left out {}:", count(files, "file", "files"));
    let others: u64 = others.iter().map(|(_, files)| **files).sum();
    let others = (others > 0).then(|| format!("others {others}"));
    let told = rules.iter().map(|(rule, files)| format!("{rule} {files}"));
    Some(wrapped(&head, told.chain(others), width))
}

/// Returns `git tracks of these: certs/dev.key, .github/ (3 files)`.
fn tracked(left_out: &LeftOut, width: usize) -> Option<String> {
    let path = |tracked: &Tracked| match tracked.files {
        1 => tracked.path.clone(),
        files => format!("{} ({})", tracked.path, count(files, "file", "files")),
    };
    let all = &left_out.tracked;
    (!all.is_empty()).then(|| wrapped("git tracks of these:", first_of(all, path), width))
}

/// Returns `git ignores 2 files that go in, 34.1 MB: dist/app.js 34.0 MB, dist/app.css 100 kB`, if
/// they are large.
fn git_ignored(left_out: &LeftOut, width: usize) -> Option<String> {
    let all = &left_out.git_ignored;
    let sum = all.iter().fold(0_u64, |sum, (_, size)| sum.saturating_add(*size));
    let head = format!("git ignores {} that the image gets, {}:", count(all.len() as u64, "file", "files"), size(sum));
    let one = |(path, bytes): &(String, u64)| format!("{path} {}", size(*bytes));
    (sum >= LARGE).then(|| wrapped(&head, first_of(all, one), width))
}

/// Returns the first items as text, and the number of the others.
fn first_of<T>(all: &[T], text: impl Fn(&T) -> String) -> impl Iterator<Item = String> {
    let more = all.len().saturating_sub(TOLD);
    let more = (more > 0).then(|| format!("{more} more"));
    all.iter().take(TOLD).map(text).collect::<Vec<_>>().into_iter().chain(more)
}

/// Platforms with the same note.
pub struct PlatformGroup<'a, T> {
    pub first: &'a T,
    /// ` (linux/arm64)`, or empty for all platforms.
    pub only: String,
}

/// Returns `1 distribution built from its sdist`.
pub fn from_sdists(number: usize) -> String {
    let whose = if number == 1 { "its sdist" } else { "their sdists" };
    format!("{} built from {whose}", count(number as u64, "distribution", "distributions"))
}

/// Groups platforms by `key`, in order of appearance, without those that have nothing.
pub fn alike<T>(
    all: &[T],
    platform: impl Fn(&T) -> &Platform,
    key: impl Fn(&T) -> Vec<String>,
) -> Vec<PlatformGroup<'_, T>> {
    let mut groups: Vec<(Vec<String>, Vec<&T>)> = Vec::new();
    for one in all {
        let names = key(one);
        match groups.iter_mut().find(|(known, _)| *known == names) {
            Some((_, platforms)) => platforms.push(one),
            None => groups.push((names, vec![one])),
        }
    }
    let everywhere = groups.len() == 1;
    let said = groups.into_iter().filter(|(names, _)| !names.is_empty());
    let alike = said.map(|(_, same)| {
        let names: Vec<_> = same.iter().map(|one| platform(one).to_string()).collect();
        let only = if everywhere { String::new() } else { format!(" ({})", names.join(", ")) };
        PlatformGroup { first: same[0], only }
    });
    alike.collect()
}

/// Returns the short name of a file that needs a library: `_ssl` for
/// `/usr/lib/python3.13/lib-dynload/_ssl.cpython-313-x86_64-linux-gnu.so`.
pub fn asker(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    [".cpython-", ".abi3."].iter().find_map(|mark| name.split_once(mark)).map_or(name, |(module, _)| module)
}

/// Returns the words of a command as a shell takes them, and its origin in brackets.
pub fn command_words(command: &[String], origin: Option<&str>) -> Vec<String> {
    let origin = origin.map(|origin| format!("({origin})"));
    command.iter().map(|word| shell_word(word)).chain(origin).collect()
}

/// Returns the names of the variables that the file of the command sets: `FLASK_APP PORT
/// (Dockerfile)`; nothing without any.
pub fn command_env_words(names: &[String], origin: Option<&str>) -> Vec<String> {
    let origin = origin.filter(|_| !names.is_empty()).map(|origin| format!("({origin})"));
    names.iter().cloned().chain(origin).collect()
}

/// Returns the heading of a profile's part, for several profiles.
pub fn heading(profile: Option<&str>) -> String {
    format!("profile {}", one_line(profile.unwrap_or("default")))
}

/// Returns `1 library`, `2 libraries`.
pub fn count(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Returns a heading and its items, separated by commas, broken between items. Further lines are
/// indented by two more columns than the first.
pub fn wrapped(head: &str, items: impl IntoIterator<Item = String>, width: usize) -> String {
    broken(head, items, ",", width)
}

/// Does the same with `mark` after every item but the last. An item that is too long for a line is
/// broken at its spaces.
pub fn broken(head: &str, items: impl IntoIterator<Item = String>, mark: &str, width: usize) -> String {
    let head = one_line(head);
    let indent = head.chars().take_while(|c| *c == ' ').count() + 1;
    let mut pieces = Vec::new();
    let mut items = items.into_iter().map(|item| one_line(&item)).peekable();
    while let Some(mut item) = items.next() {
        if items.peek().is_some() {
            item.push_str(mark);
        }
        pieces.extend(fitting(item, width.saturating_sub(indent + 1)));
    }
    let mut text = head.clone();
    if head.chars().count() > width {
        let mut words = fitting(head[indent - 1..].to_owned(), 0).into_iter();
        text = format!("{:1$}{2}", "", indent - 1, words.next().unwrap_or_default());
        pieces.splice(0..0, words);
    }
    let mut column = text.chars().count();
    for piece in pieces {
        let length = piece.chars().count() + 1;
        if column + length > width && column > indent {
            text.truncate(text.trim_end().len());
            text += "\n";
            text += &" ".repeat(indent);
            column = indent;
        }
        text.push(' ');
        text += &piece;
        column += length;
    }
    text
}

/// Returns the whole text if it fits, its words otherwise.
fn fitting(text: String, width: usize) -> Vec<String> {
    if text.chars().count() <= width { vec![text] } else { text.split(' ').map(str::to_owned).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_told_before_others() {
        let many = (1..=9).map(|number| (format!("rule {number}"), 10 + number));
        let rules = many.chain([("private keys".to_owned(), 1)]).collect();
        let text = local_files(&LeftOut { rules, ..LeftOut::default() }, 200);
        let want =
            "left out 136 files: rule 9 19, rule 8 18, rule 7 17, rule 6 16, rule 5 15, private keys 1, others 50";
        assert_eq!(text, [want]);
    }

    #[test]
    fn what_was_left_out_is_told_shortly_however_much_it_is() {
        let rules = (1..=9).map(|number| (format!("rule {number}"), number)).collect();
        let tracked = |number| Tracked { path: format!("{number}.env"), rule: String::new(), files: 1 };
        let left_out = LeftOut { rules, tracked: (0..8).map(tracked).collect(), ..LeftOut::default() };
        assert_eq!(
            local_files(&left_out, 200),
            [
                "left out 45 files: rule 9 9, rule 8 8, rule 7 7, rule 6 6, rule 5 5, rule 4 4, others 6",
                "git tracks of these: 0.env, 1.env, 2.env, 3.env, 4.env, 5.env, 2 more"
            ]
        );
        assert!(local_files(&LeftOut::default(), 200).is_empty());
    }

    #[test]
    fn the_ignore_files_that_decide_are_named_and_large_files_that_git_ignores() {
        let file = |path: &str, replaces_git| IgnoreFile { path: path.to_owned(), replaces_git };
        let ignore_files = vec![file(".dockerignore", true), file(".carboyignore", false)];
        let git_ignored = vec![("dist/app.js".to_owned(), 34_000_000), ("dist/app.css".to_owned(), 100_000)];
        let mut left_out = LeftOut { ignore_files, git_ignored, ..LeftOut::default() };
        assert_eq!(
            local_files(&left_out, 200),
            [
                "ignore files: .dockerignore (in place of .gitignore), .carboyignore",
                "git ignores 2 files that the image gets, 34.1 MB: dist/app.js 34.0 MB, dist/app.css 100 kB"
            ]
        );
        left_out.ignore_files.truncate(1);
        left_out.git_ignored[0].1 = 10_000_000;
        assert_eq!(local_files(&left_out, 200), ["ignore file: .dockerignore (in place of .gitignore)"]);
    }

    #[test]
    fn what_is_too_long_for_a_line_is_broken_at_its_spaces() {
        let items = ["one two".to_owned(), "a name (with a reason)".to_owned()];
        assert_eq!(wrapped("  head:", items.clone(), 80), "  head: one two, a name (with a reason)");
        assert_eq!(wrapped("  head:", items.clone(), 26), "  head: one two,\n    a name (with a reason)");
        assert_eq!(wrapped("  head:", items.clone(), 20), "  head: one two, a\n    name (with a\n    reason)");
        assert_eq!(
            wrapped("  a long head:", items, 10),
            "  a long\n    head:\n    one\n    two, a\n    name\n    (with\n    a\n    reason)"
        );
    }
}
