//! Patterns for names of files as Python's `fnmatch` and `glob` read them.

use super::files::{SdistFiles, join};

/// One part of a pattern.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Part {
    Any,
    One,
    Literal(char),
    Set { not: bool, ranges: Vec<(char, char)> },
}

/// Returns whether `fnmatch` matches a name: `*` matches any characters, `/` and `.` too.
#[must_use]
pub fn fnmatch(pattern: &str, name: &str) -> bool {
    let (parts, name): (Vec<Part>, Vec<char>) = (parse(pattern), name.chars().collect());
    // The usual algorithm with one place to go back to: the time is the product of both lengths.
    let (mut at, mut from, mut back) = (0, 0, None);
    while from < name.len() {
        match parts.get(at) {
            Some(Part::Any) => {
                at += 1;
                back = Some((at, from));
            }
            Some(part) if part.matches(name[from]) => {
                at += 1;
                from += 1;
            }
            _ => {
                let Some((part, start)) = back else { return false };
                (at, from, back) = (part, start + 1, Some((part, start + 1)));
            }
        }
    }
    parts[at..].iter().all(|part| *part == Part::Any)
}

impl Part {
    fn matches(&self, c: char) -> bool {
        match self {
            Self::Any => false,
            Self::One => true,
            Self::Literal(literal) => *literal == c,
            Self::Set { not, ranges } => ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *not,
        }
    }
}

fn parse(pattern: &str) -> Vec<Part> {
    let characters: Vec<char> = pattern.chars().collect();
    let (mut out, mut at) = (Vec::new(), 0);
    while let Some(c) = characters.get(at) {
        at += 1;
        out.push(match c {
            '*' => Part::Any,
            '?' => Part::One,
            '[' => {
                let start = at + usize::from(characters.get(at) == Some(&'!'));
                // A `]` at the start is a member of the set.
                let end = (start + 1..characters.len()).find(|end| characters[*end] == ']');
                match end {
                    None => Part::Literal('['),
                    Some(end) => {
                        let part = Part::Set { not: start > at, ranges: ranges(&characters[start..end]) };
                        at = end + 1;
                        part
                    }
                }
            }
            c => Part::Literal(*c),
        });
    }
    out.dedup_by(|a, b| *a == Part::Any && *b == Part::Any);
    out
}

fn ranges(set: &[char]) -> Vec<(char, char)> {
    let (mut out, mut at) = (Vec::new(), 0);
    while at < set.len() {
        if set.get(at + 1) == Some(&'-') && at + 2 < set.len() {
            out.push((set[at], set[at + 2]));
            at += 3;
        } else {
            out.push((set[at], set[at]));
            at += 1;
        }
    }
    out
}

/// Returns the files that `glob.glob(pattern, recursive=True)` finds, sorted. Directories are not returned.
#[must_use]
pub fn glob(files: &SdistFiles, pattern: &str) -> Vec<String> {
    let Some(pattern) = join("", pattern) else { return Vec::new() };
    let parts: Vec<&str> = pattern.split('/').collect();
    // Only the files below the part without wildcards can match.
    let fixed =
        parts.iter().take(parts.len() - 1).take_while(|part| !is_pattern(part)).copied().collect::<Vec<_>>().join("/");
    let full = |path: &str| if fixed.is_empty() { path.to_owned() } else { format!("{fixed}/{path}") };
    let found = files.below(&fixed).map(full);
    found.filter(|path| matches_path(&parts, &path.split('/').collect::<Vec<_>>())).collect()
}

/// Returns the files and directories that `glob.glob(pattern)` finds, sorted. The pattern has no `**`.
#[must_use]
pub fn glob_all(files: &SdistFiles, pattern: &str) -> Vec<String> {
    let parts: Vec<&str> = pattern.split('/').collect();
    let matching = files.paths().filter_map(|path| {
        let names: Vec<&str> = path.split('/').take(parts.len()).collect();
        matches_path(&parts, &names).then(|| names.join("/"))
    });
    let mut found: Vec<String> = matching.collect();
    found.dedup();
    found.sort_unstable();
    found.dedup();
    found
}

/// Returns whether a text has wildcards.
#[must_use]
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// Matches the parts of a path. Time and memory are bounded by the product of both lengths.
fn matches_path(pattern: &[&str], path: &[&str]) -> bool {
    let hidden = |name: &str| name.starts_with('.');
    // Whether the rest of the path, from each part on, matches the rest of the pattern.
    let mut matches: Vec<bool> = (0..=path.len()).map(|at| at == path.len()).collect();
    for (position, part) in pattern.iter().enumerate().rev() {
        let is_last = position + 1 == pattern.len();
        if *part == "**" {
            if is_last {
                // A file, not a directory.
                matches = (0..=path.len()).map(|at| at + 1 == path.len() && !hidden(path[at])).collect();
            }
            for at in (0..path.len()).rev() {
                matches[at] = matches[at] || (!hidden(path[at]) && matches[at + 1]);
            }
            continue;
        }
        let one = |name: &str| {
            let shown = !hidden(name) || hidden(part);
            if is_pattern(part) { shown && fnmatch(part, name) } else { *part == name }
        };
        matches = (0..=path.len()).map(|at| at < path.len() && matches[at + 1] && one(path[at])).collect();
    }
    matches[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_as_in_python() {
        for (pattern, name, matches) in [
            ("*.py", "a/b.py", true),
            ("LICEN[CS]E*", "LICENCE.txt", true),
            ("LICEN[CS]E*", "LICENZE", false),
            ("[!a]x", "bx", true),
            ("[!a]x", "ax", false),
            ("[._]*", "_a", true),
            ("[a-c]?", "b1", true),
            ("tests.*", "tests", false),
            ("*a*b*c", "xaybzc", true),
            ("*a*b*c", "xaybz", false),
            ("a[", "a[", true),
        ] {
            assert_eq!(fnmatch(pattern, name), matches, "{pattern} {name}");
        }
    }

    #[test]
    fn paths_match_as_in_python() {
        let many = "**/".repeat(2_000) + "x";
        let long = "a/".repeat(2_000) + "y";
        for (pattern, path, matches) in [
            ("a/*.py", "a/b.py", true),
            ("a/*.py", "a/b/c.py", false),
            ("**/*.py", "b.py", true),
            ("a/**/*.py", "a/b/c/d.py", true),
            ("a/**", "a/b/c", true),
            ("a/**", "a", false),
            ("a/**/**/c", "a/b/c", true),
            ("**/c", "a/.b/c", false),
            ("**", ".a", false),
            ("a/*", "a/.b", false),
            ("a/.*", "a/.b", true),
            (many.as_str(), long.as_str(), false),
        ] {
            let (parts, names): (Vec<_>, Vec<_>) = (pattern.split('/').collect(), path.split('/').collect());
            assert_eq!(matches_path(&parts, &names), matches, "{matches} {pattern:.20} {path:.20}");
        }
    }
}
