//! glob(3) and fnmatch(3) over a tree, in the C locale and without flags: `*`,
//! `?`, `[a-z]`, `[!a]` and backslashes; a leading dot only where it is written.
//!
//! Braces and `**` mean nothing here, unlike in the globs of carboy's own settings.

use crate::rootfs::{RootPath, Tree};

/// How many paths one pattern may lead to; real ones lead to a handful.
const PATHS: usize = 1000;

/// The files that an absolute pattern names, in byte order. `budget` is how many
/// entries may still be looked at: a hostile tree can have links that make
/// `/*/*/*` endless.
pub fn files(tree: &Tree, pattern: &str, budget: &mut usize) -> Vec<RootPath> {
    let mut paths = vec![RootPath::root()];
    for part in pattern.split('/').map(str::as_bytes) {
        paths = match part {
            b"" | b"." => paths,
            b".." => paths.iter().filter_map(|path| above(tree, path)).collect(),
            part if part.iter().any(|byte| b"*?[".contains(byte)) => {
                paths.iter().flat_map(|path| children(tree, path, part, budget)).take(PATHS).collect()
            }
            part => {
                let name: Vec<u8> = literal(part);
                paths.iter().map(|path| path.child(&name)).collect()
            }
        };
    }
    paths.retain(|path| tree.follow(path).is_some_and(|(_, entry)| entry.content().is_some()));
    paths.sort();
    paths
}

/// What `..` below a folder is: links are followed first.
pub fn above(tree: &Tree, folder: &RootPath) -> Option<RootPath> {
    Some(tree.resolve(folder).ok()?.parent().unwrap_or_default())
}

fn children(tree: &Tree, folder: &RootPath, pattern: &[u8], budget: &mut usize) -> Vec<RootPath> {
    let Ok(real) = tree.resolve(folder) else { return Vec::new() };
    let mut out = Vec::new();
    for (path, _) in tree.children(&real).take(*budget) {
        *budget = budget.saturating_sub(1);
        out.extend(path.name().filter(|name| matches(pattern, name)).map(|name| folder.child(name)));
    }
    out
}

/// A pattern without wildcards, its backslashes taken away.
fn literal(pattern: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = pattern.iter();
    while let Some(&byte) = bytes.next() {
        out.push(if byte == b'\\' { *bytes.next().unwrap_or(&byte) } else { byte });
    }
    out
}

/// Whether a name fits a pattern. At most `pattern × name` steps.
fn matches(pattern: &[u8], name: &[u8]) -> bool {
    if name.starts_with(b".") && !pattern.starts_with(b".") && !pattern.starts_with(b"\\.") {
        return false;
    }
    let (mut at, mut seen) = (0, 0);
    // where to go on, should what follows the last star not fit
    let mut star = None;
    while seen < name.len() {
        if pattern.get(at) == Some(&b'*') {
            at += 1;
            star = Some((at, seen));
        } else if let Some(length) = one(pattern.get(at..).unwrap_or_default(), name[seen]) {
            at += length;
            seen += 1;
        } else if let Some((after, from)) = star {
            star = Some((after, from + 1));
            (at, seen) = (after, from + 1);
        } else {
            return false;
        }
    }
    pattern.get(at..).unwrap_or_default().iter().all(|&byte| byte == b'*')
}

/// The length of the pattern's first element, when the byte fits it.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern {
        [b'?', ..] => Some(1),
        [b'\\', escaped, ..] => (*escaped == byte).then_some(2),
        [b'[', rest @ ..] => match set(rest, byte) {
            Some((length, fits)) => fits.then_some(length + 1),
            None => (byte == b'[').then_some(1),
        },
        [first, ..] => (*first == byte).then_some(1),
        [] => None,
    }
}

/// The length of a set after its `[`, and whether the byte is in it; none when
/// the set has no end.
fn set(pattern: &[u8], byte: u8) -> Option<(usize, bool)> {
    let not = usize::from(matches!(pattern.first(), Some(b'!' | b'^')));
    let end = not + 1 + pattern.get(not + 1..)?.iter().position(|&b| b == b']')?;
    let mut rest = pattern.get(not..end)?;
    let mut fits = false;
    while let [first, more @ ..] = rest {
        rest = more;
        let mut last = *first;
        if let [b'-', to, more @ ..] = rest {
            (last, rest) = (*to, more);
        }
        fits |= (*first..=last).contains(&byte);
    }
    Some((end + 1, fits != (not == 1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rootfs::Entry;

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
            ("a", "ab", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), fits, "{pattern} {name}");
        }
        // backtracking stays bounded
        assert!(!matches(&b"*a".repeat(1000), &b"a".repeat(999)));
    }

    #[test]
    fn links_are_followed_and_the_budget_holds() {
        let links = (0..2000).map(|n| (format!("l{n}"), Entry::link("/")));
        let more = [("d/a.conf", "x"), ("d/b.conf", "y")]
            .map(|(name, text)| (name.to_owned(), Entry::bytes(0o644, text.as_bytes())));
        let tree: Tree = links.chain(more).map(|(name, entry)| (RootPath::new(name).unwrap(), entry)).collect();
        let shown = |pattern: &str, mut budget: usize| -> Vec<_> {
            files(&tree, pattern, &mut budget).iter().map(ToString::to_string).collect()
        };
        assert_eq!(shown("/l7/d/*.conf", 10_000), ["/l7/d/a.conf", "/l7/d/b.conf"]);
        assert_eq!(shown("/d/../d/./a.conf", 10_000), ["/d/a.conf"]);
        let mut budget = 100_000;
        assert!(files(&tree, "/*/*/*/*/*.conf", &mut budget).len() <= PATHS);
        assert_eq!(budget, 0);
    }
}
