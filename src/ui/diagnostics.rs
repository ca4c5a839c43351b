//! Diagnostics as text: `error[CODE]: MESSAGE: CAUSES`, `warning[CODE]: …`, and `hint: …`
//! lines. Pure.
//!
//! Errors are grouped: the same message on several platforms is one line, wheels that are missing
//! for the same reason are one line, and hints of one kind are merged.
//!
//! Messages quote names from images, registries and local directories, so each message and each
//! hint is made printable and stays on one line: see [`printable`](crate::printable).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::style::Style;
use crate::diagnostic::{Code, Detail, Diagnostic, some_of};
use crate::hint::shell_word;
use crate::oci::Platform;
use crate::printable::one_line;

/// The most errors, and the most hints, that are shown.
const LINES: usize = 500;
/// The most distributions that one line names.
const WHEELS: usize = 8;

/// Diagnostics with the same message, and their platforms.
struct Group<'a> {
    first: &'a Diagnostic,
    platforms: Vec<&'a Platform>,
}

/// Returns several errors as `N errors:` and a line each, one error as a line; then the hints,
/// after an empty line. Ends with a newline.
///
/// A message begins with its platforms, unless it holds for all of several `platforms`.
#[must_use]
pub fn errors_text(errors: &[Diagnostic], platforms: &[Platform], style: Style) -> String {
    let groups = groups(errors);
    let lines = lines(&groups, platforms.len());
    let head = if lines.len() > 1 { format!("{} errors:\n", lines.len()) } else { String::new() };
    let error = |(code, line): &(Code, String)| style.red(&format!("error[{code}]:")) + " " + &one_line(line) + "\n";
    let shown = lines.iter().take(LINES).map(error).collect::<String>() + &more(lines.len());
    let hints = hints_of(&groups);
    let gap = if hints.is_empty() { "" } else { "\n" };
    let hint = |hint: &HintText| hint.text(style, "") + "\n";
    let hints = hints.iter().take(LINES).map(hint).collect::<String>() + &more(hints.len());
    head + &shown + gap + &hints
}

/// A hint: a sentence, and lines to put into a file below it.
struct HintText {
    sentence: String,
    lines: Vec<String>,
}

impl HintText {
    /// Returns `hint: SENTENCE`, and each line on a line of its own. A line is never broken: it is
    /// pasted.
    fn text(&self, style: Style, indent: &str) -> String {
        let mark = if self.lines.is_empty() { "" } else { ":" };
        let first = format!("{indent}{} {}{mark}", style.cyan("hint:"), one_line(&self.sentence));
        let lines = self.lines.iter().take(LINES).map(|line| format!("\n{indent}  {}", one_line(line)));
        first + &lines.collect::<String>()
    }

    /// Returns the hint in one line.
    fn whole(&self) -> String {
        let mark = if self.lines.is_empty() { "" } else { ": " };
        format!("{}{mark}{}", self.sentence, self.lines.join("; "))
    }
}

/// Returns `warning[CODE]: MESSAGE`, with its hints on separate lines. Has no newline at its end.
#[must_use]
pub fn warning_text(warning: &Diagnostic, style: Style) -> String {
    let groups = groups(std::slice::from_ref(warning));
    let head = |(code, line): (Code, String)| style.yellow(&format!("warning[{code}]:")) + " " + &one_line(&line);
    let hint = |hint: HintText| format!("\n{}", hint.text(style, "  "));
    lines(&groups, 0).into_iter().map(head).chain(hints_of(&groups).into_iter().map(hint)).collect()
}

/// Returns the hints of diagnostics, each one once, with those that follow from their details.
#[must_use]
pub fn hints(diagnostics: &[Diagnostic]) -> Vec<String> {
    hints_of(&groups(diagnostics)).iter().map(HintText::whole).collect()
}

/// Returns `and 3 more`, for lines that are not shown.
fn more(lines: usize) -> String {
    let more = lines.saturating_sub(LINES);
    if more == 0 { String::new() } else { format!("and {more} more\n") }
}

/// Groups diagnostics by code and message, in order of appearance.
fn groups(diagnostics: &[Diagnostic]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut known: HashMap<(Code, String), usize> = HashMap::new();
    for diagnostic in diagnostics {
        let at = *known.entry((diagnostic.code, diagnostic.line())).or_insert(groups.len());
        if at == groups.len() {
            groups.push(Group { first: diagnostic, platforms: Vec::new() });
        }
        let platforms = &mut groups[at].platforms;
        if let Some(platform) = diagnostic.subject.platform.as_ref().filter(|platform| !platforms.contains(platform)) {
            platforms.push(platform);
        }
    }
    groups
}

/// Returns a line for each group. Wheels that are missing for the same reason share a line.
fn lines(groups: &[Group<'_>], platforms: usize) -> Vec<(Code, String)> {
    type Reason<'a> = (&'a str, &'a str, &'a [&'a Platform]);
    let mut lines: Vec<(&Group<'_>, String)> = Vec::new();
    let mut wheels: HashMap<Reason<'_>, (usize, Vec<String>)> = HashMap::new();
    for group in groups {
        if let Some(Detail::NoWheel { distribution, target, reason, .. }) = &group.first.detail {
            let names = wheels.entry((target, reason, &group.platforms)).or_insert_with(|| (lines.len(), Vec::new()));
            names.1.push(distribution.clone());
            if names.1.len() > 1 {
                continue;
            }
        }
        lines.push((group, group.first.line()));
    }
    for ((target, reason, _), (at, names)) in wheels {
        lines[at].1 = format!("no wheel of {} for {target}: {reason}", some_of(&names, WHEELS));
    }
    lines.into_iter().map(|(group, line)| (group.first.code, group.led(&line, platforms))).collect()
}

impl Group<'_> {
    /// Returns the line with the platforms that it holds for, unless these are all of several, or
    /// the line names them.
    fn led(&self, line: &str, all: usize) -> String {
        let names: Vec<_> = self.platforms.iter().map(ToString::to_string).collect();
        let is_named = |name: &String| line.contains(name.as_str());
        if (names.len() > 1 && names.len() == all) || names.iter().all(is_named) {
            return line.to_owned();
        }
        format!("{}: {line}", names.join(", "))
    }
}

fn hints_of(groups: &[Group<'_>]) -> Vec<HintText> {
    let mut known = HashSet::new();
    let own = groups.iter().filter_map(|group| group.first.hint.as_deref());
    let mut hints: Vec<_> = own.filter(|hint| known.insert(*hint)).map(str::to_owned).collect();
    hints.extend(allow_missing(groups));
    hints.extend(wheels_to_build(groups));
    let plain = hints.into_iter().map(|sentence| HintText { sentence, lines: Vec::new() });
    lines_to_paste(groups).into_iter().chain(plain).collect()
}

/// Returns the hints that are lines to put into a file, each once.
fn lines_to_paste(groups: &[Group<'_>]) -> Vec<HintText> {
    let mut known = HashSet::new();
    let own = groups.iter().filter_map(|group| match &group.first.detail {
        Some(Detail::Lines { head, lines }) => Some((head, lines)),
        _ => None,
    });
    let hint = |(head, lines): (&String, &Vec<String>)| HintText { sentence: head.clone(), lines: lines.clone() };
    own.filter(|one| known.insert(*one)).map(hint).collect()
}

/// Returns the setting that accepts all missing libraries.
fn allow_missing(groups: &[Group<'_>]) -> Option<String> {
    let soname = |group: &Group<'_>| match &group.first.detail {
        Some(Detail::MissingLibrary { soname, .. }) => Some(format!("\"{soname}\"")),
        _ => None,
    };
    let names: BTreeSet<_> = groups.iter().filter_map(soname).collect();
    let names: Vec<_> = names.into_iter().collect();
    (!names.is_empty()).then(|| {
        let names = names.join(", ");
        format!("use a builder that has it; if it is not needed: allow-missing = [{names}] under [runtime]")
    })
}

/// Returns the commands that build the missing wheels, one for each set of platforms.
fn wheels_to_build(groups: &[Group<'_>]) -> Vec<String> {
    let mut needed: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
    for group in groups {
        let (python, builds) = match &group.first.detail {
            Some(Detail::NoWheel { python, build: Some(build), .. }) => (python, std::slice::from_ref(build)),
            Some(Detail::WheelsToBuild { python, builds }) => (python, builds.as_slice()),
            _ => continue,
        };
        for build in builds {
            let platforms = needed.entry((python, build)).or_default();
            platforms.extend(group.platforms.iter().map(ToString::to_string));
        }
    }
    let mut commands: BTreeMap<(Vec<String>, &str), Vec<String>> = BTreeMap::new();
    for ((python, build), platforms) in needed {
        let platforms = platforms.into_iter().collect();
        commands.entry((platforms, python)).or_default().push(shell_word(&one_line(build)));
    }
    let command = |((platforms, python), builds): ((Vec<String>, &str), Vec<String>)| {
        let them = if builds.len() == 1 { "one" } else { "them" };
        format!(
            "build {them} on {} with Python {python}, into a wheelhouse: pip wheel --no-deps --wheel-dir wheels {}",
            platforms.join(" and on "),
            builds.join(" ")
        )
    };
    commands.into_iter().map(command).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(arch: &str) -> Platform {
        Platform::new("linux", arch)
    }

    fn both() -> [Platform; 2] {
        ["amd64", "arm64"].map(platform)
    }

    fn missing(soname: &str, arch: &str) -> Diagnostic {
        let text = format!("no image has the shared library `{soname}`, needed by /a\nb");
        let detail = Detail::MissingLibrary { soname: soname.to_owned(), needed_by: "/x".to_owned() };
        Diagnostic::error(Code::MissingLibrary, text).on(&platform(arch)).detail(detail)
    }

    fn no_wheel(name: &str, reason: &str, arch: &str) -> Diagnostic {
        let target = "Python 3.13, glibc 2.41";
        let build = if name == "c" { "https://h/c;x".to_owned() } else { format!("{name}==1") };
        let detail = Detail::NoWheel {
            distribution: format!("{name} 1"),
            target: target.to_owned(),
            python: "3.13".to_owned(),
            reason: reason.to_owned(),
            build: Some(build),
            other_pythons: None,
        };
        let error = Diagnostic::error(Code::NoWheel, format!("no wheel of {name} 1 for {target}: {reason}"));
        error.on(&platform(arch)).hint("or else".to_owned()).detail(detail)
    }

    #[test]
    fn a_hint_follows_after_an_empty_line() {
        let error = Diagnostic::error(Code::MissingPath, "builder image has no `/usr/bin/python3`");
        let hinted = error.clone().hint("the builder has `/usr/bin/python3.12`".to_owned());
        insta::assert_snapshot!(errors_text(&[hinted], &[], Style::Bare), @"
        error[missing-path]: builder image has no `/usr/bin/python3`

        hint: the builder has `/usr/bin/python3.12`
        ");
        let denied =
            Diagnostic { causes: vec!["b".to_owned(), "c".to_owned()], ..Diagnostic::error(Code::NotFound, "a") };
        assert_eq!(errors_text(std::slice::from_ref(&denied), &[], Style::Bare), "error[not-found]: a: b: c\n");
        assert_eq!(
            errors_text(&[denied.hint("d".to_owned())], &[], Style::Color),
            "\x1b[1;31merror[not-found]:\x1b[0m a: b: c\n\n\x1b[36mhint:\x1b[0m d\n"
        );
    }

    #[test]
    fn wheels_that_are_missing_for_one_reason_are_one_line() {
        let both_of = |arch| [no_wheel("a", "offline", arch), no_wheel("b", "offline", arch)];
        let errors = [&both_of("amd64")[..], &both_of("arm64"), &[no_wheel("c", "for amd64 only", "arm64")]].concat();
        insta::assert_snapshot!(errors_text(&errors, &both(), Style::Bare), @"
        2 errors:
        error[no-wheel]: no wheel of a 1 and b 1 for Python 3.13, glibc 2.41: offline
        error[no-wheel]: linux/arm64: no wheel of c 1 for Python 3.13, glibc 2.41: for amd64 only

        hint: or else
        hint: build them on linux/amd64 and on linux/arm64 with Python 3.13, into a wheelhouse: pip wheel --no-deps --wheel-dir wheels a==1 b==1
        hint: build one on linux/arm64 with Python 3.13, into a wheelhouse: pip wheel --no-deps --wheel-dir wheels 'https://h/c;x'
        ");
    }

    #[test]
    fn one_command_builds_all_wheels() {
        let detail = Detail::WheelsToBuild { python: "3.13".to_owned(), builds: vec!["c==1".into(), "d==1".into()] };
        let several = Diagnostic::error(Code::NoWheel, "no wheels of c and d").detail(detail);
        let errors = ["amd64", "arm64"].map(|arch| [no_wheel("a", "x", arch), several.clone().on(&platform(arch))]);
        insta::assert_snapshot!(errors_text(&errors.concat(), &both(), Style::Bare), @"
        2 errors:
        error[no-wheel]: no wheel of a 1 for Python 3.13, glibc 2.41: x
        error[no-wheel]: no wheels of c and d

        hint: or else
        hint: build them on linux/amd64 and on linux/arm64 with Python 3.13, into a wheelhouse: pip wheel --no-deps --wheel-dir wheels a==1 c==1 d==1
        ");
    }

    #[test]
    fn the_same_on_all_platforms_is_told_once() {
        let errors = [missing("x", "amd64"), missing("y", "amd64"), missing("x", "arm64")];
        insta::assert_snapshot!(errors_text(&errors, &both(), Style::Bare), @r#"
        2 errors:
        error[missing-library]: no image has the shared library `x`, needed by /a\nb
        error[missing-library]: linux/amd64: no image has the shared library `y`, needed by /a\nb

        hint: use a builder that has it; if it is not needed: allow-missing = ["x", "y"] under [runtime]
        "#);
        let one = errors_text(&[missing("x", "arm64")], &[platform("arm64")], Style::Bare);
        assert!(one.starts_with("error[missing-library]: linux/arm64: no image has"), "{one}");
    }

    #[test]
    fn many_errors_are_grouped_and_cut() {
        let of = |arch| (0..40_000).map(move |at| missing(&at.to_string(), arch));
        let errors: Vec<_> = of("amd64").chain(of("arm64")).collect();
        assert_eq!(groups(&errors).len(), 40_000);
        let text = errors_text(&errors, &both(), Style::Bare);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!((lines[0], lines[LINES + 1], lines.len()), ("40000 errors:", "and 39500 more", LINES + 4));
    }

    #[test]
    fn names_cannot_move_the_cursor_or_start_a_line() {
        let error = Diagnostic::error(Code::Internal, "::c \x1b[2J\n::d").hint("a\n::error::b".to_owned());
        let want = "error[internal]: :\\u{3a}c \\u{1b}[2J\\n::d\n\nhint: a\\n::error::b\n";
        assert_eq!(errors_text(&[error], &[], Style::Bare), want);
        let warning = Diagnostic::warning(Code::LeftOut, "left out `a\n::error::b`").hint("c\r".to_owned());
        let want = "warning[left-out]: left out `a\\n::error::b`\n  hint: c\\r";
        assert_eq!(warning_text(&warning, Style::Bare), want);
    }
}
