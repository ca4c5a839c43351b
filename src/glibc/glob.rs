//! `glob(3)` and `fnmatch(3)` over a tree, in the C locale and without flags: `*`, `?`,
//! `[a-z]`, `[!a]` and backslashes. A leading dot matches only a dot in the pattern.
//!
//! Names are matched by `globset`. Braces and `**` have no special meaning, unlike in the
//! globs of carboy's own settings.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use globset::{GlobBuilder, GlobMatcher};

use crate::rootfs::{RootPath, Tree};

/// The most paths that one pattern may lead to; real patterns lead to a handful.
const PATHS: usize = 1000;

/// Returns the files that an absolute pattern names, in byte order. `budget` is the number
/// of entries that may still be looked at: links of a hostile tree can make `/*/*/*` endless.
pub fn files(tree: &Tree, pattern: &str, budget: &mut usize) -> Vec<RootPath> {
    let mut paths = vec![RootPath::root()];
    let last = pattern.split('/').count() - 1;
    for (at, part) in pattern.split('/').enumerate() {
        paths = match part {
            "" | "." => paths,
            ".." => paths.iter().filter_map(|path| above(tree, path)).collect(),
            part if part.contains(['*', '?', '[']) => {
                paths.iter().flat_map(|path| children(tree, path, part, budget)).take(PATHS).collect()
            }
            part => match literal(part.as_bytes()) {
                // As in glibc, a backslash before nothing matches no name, and one before a slash
                // means the slash.
                (_, true) if at == last => Vec::new(),
                (name, _) => paths.iter().map(|path| path.child(&name)).collect(),
            },
        };
    }
    paths.retain(|path| tree.follow(path).is_some_and(|(_, entry)| entry.content().is_some()));
    paths.sort();
    paths
}

/// Returns the directory that `..` below a directory means: links are followed first.
pub fn above(tree: &Tree, folder: &RootPath) -> Option<RootPath> {
    Some(tree.resolve(folder).ok()?.parent().unwrap_or_default())
}

/// Returns the entries of a directory whose names match a pattern.
fn children(tree: &Tree, folder: &RootPath, pattern: &str, budget: &mut usize) -> Vec<RootPath> {
    let Ok(real) = tree.resolve(folder) else { return Vec::new() };
    let Some(matcher) = matcher(pattern) else { return Vec::new() };
    let mut out = Vec::new();
    for (path, _) in tree.children(&real).take(*budget) {
        *budget = budget.saturating_sub(1);
        out.extend(path.name().filter(|name| matches(pattern, &matcher, name)).map(|name| folder.child(name)));
    }
    out
}

/// Returns the name that a pattern without wildcards means, without its backslashes, and whether
/// the last one is before nothing.
fn literal(pattern: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::new();
    let mut bytes = pattern.iter();
    while let Some(&byte) = bytes.next() {
        match (byte, bytes.clone().next()) {
            (b'\\', None) => return (out, true),
            (b'\\', Some(&escaped)) => {
                bytes.next();
                out.push(escaped);
            }
            _ => out.push(byte),
        }
    }
    (out, false)
}

/// Returns whether a name matches a pattern.
fn matches(pattern: &str, matcher: &GlobMatcher, name: &[u8]) -> bool {
    let is_hidden = name.starts_with(b".") && !pattern.starts_with('.') && !pattern.starts_with("\\.");
    !is_hidden && matcher.is_match(OsStr::from_bytes(name))
}

/// Compiles a pattern for one name; none for a pattern that `fnmatch` matches with no name.
fn matcher(pattern: &str) -> Option<GlobMatcher> {
    let glob = GlobBuilder::new(&translated(pattern)).literal_separator(true).backslash_escape(true).build();
    glob.ok().map(|glob| glob.compile_matcher())
}

/// Escapes the characters that `globset` takes for special ones and `fnmatch` does not:
/// braces, and a `[` without its `]`.
fn translated(pattern: &str) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '\\' => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            '[' if set_length(rest).is_some() => set_length(rest).unwrap_or(1),
            '[' | '{' | '}' => {
                out.push('\\');
                1
            }
            _ => first.len_utf8(),
        };
        let (element, more) = rest.split_at(length);
        out.push_str(element);
        rest = more;
    }
    out
}

/// Returns the length of the set that a pattern begins with. A `]` that comes first, or first
/// after `!`, is a member.
fn set_length(pattern: &str) -> Option<usize> {
    let inside = pattern.strip_prefix('[')?;
    let members = inside.strip_prefix(['!', '^']).unwrap_or(inside);
    let more = members.get(members.chars().next()?.len_utf8()..)?;
    Some(pattern.len() - more.len() + more.find(']')? + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rootfs::Entry;

    fn fit(pattern: &str, name: &[u8]) -> bool {
        matcher(pattern).is_some_and(|matcher| matches(pattern, &matcher, name))
    }

    #[test]
    fn patterns_fit_as_fnmatch_says() {
        for (pattern, name, fits) in [
            ("*.conf", "a.conf", true),
            ("*.conf", ".conf", false),
            (".*", ".conf", true),
            ("*", "", true),
            ("a*b*c", "aXbXbc", true),
            ("a*b*c", "aXbXb", false),
            ("?x", "ax", true),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]]x", "]x", true),
            ("[ax", "[ax", true),
            ("\\*x", "*x", true),
            ("\\*x", "ax", false),
            ("{a,b}*", "a1", false),
            ("{a,b}*", "{a,b}1", true),
            ("**", "a", true),
            ("a**b", "axb", true),
            ("[!]]x", "ax", true),
            ("[!]]x", "]x", false),
            ("[{]*", "{a", true),
            ("[a-", "[a-", true),
            ("[c-a]", "b", false),
            ("?x", "\u{e9}x", false),
            ("??x", "\u{e9}x", true),
            ("\u{e9}*", "\u{e9}x", true),
            ("*\\", "a\\", false),
            ("a", "ab", false),
        ] {
            assert_eq!(fit(pattern, name.as_bytes()), fits, "{pattern} {name}");
        }
        assert!(fit("*.conf", b"\xff.conf"), "names need not be UTF-8");
        // Backtracking stays bounded.
        assert!(!fit(&"*a".repeat(1000), &b"a".repeat(999)));
    }

    #[test]
    fn links_are_followed_and_the_budget_holds() {
        let links = (0..2000).map(|n| (format!("l{n}"), Entry::link("/")));
        let more = [("d/a.conf", "x"), ("d/b.conf", "y")]
            .map(|(name, text)| (name.to_owned(), Entry::bytes(0o644, text.as_bytes())));
        let odd = ("d/a.conf\\".to_owned(), Entry::bytes(0o644, *b"x"));
        let tree: Tree =
            links.chain(more).chain([odd]).map(|(name, entry)| (RootPath::new(name).unwrap(), entry)).collect();
        let shown = |pattern: &str, mut budget: usize| -> Vec<_> {
            files(&tree, pattern, &mut budget).iter().map(ToString::to_string).collect()
        };
        assert_eq!(shown("/l7/d/*.conf", 10_000), ["/l7/d/a.conf", "/l7/d/b.conf"]);
        assert_eq!(shown("/d/../d/./a.conf", 10_000), ["/d/a.conf"]);
        assert_eq!(shown("/d/\\a.conf", 10_000), ["/d/a.conf"]);
        assert_eq!(shown("/d\\/a.conf", 10_000), ["/d/a.conf"]);
        assert!(shown("/d/a.conf\\", 10_000).is_empty() && shown("/d/*\\", 10_000).is_empty());
        let mut budget = 100_000;
        assert!(files(&tree, "/*/*/*/*/*.conf", &mut budget).len() <= PATHS);
        assert_eq!(budget, 0);
    }
}
