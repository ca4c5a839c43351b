//! Environment variables in the URLs of lock and requirements files.
//!
//! pip expands `${NAME}` ("Requirements File Format"), pipenv also `$NAME` (Python's
//! `os.path.expandvars`). This module finds the variables; the caller of the lock file reader
//! decides whether they are expanded.

use std::ops::Range;

/// A variable in a URL.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Variable<'u> {
    pub name: &'u str,
    /// The location in the URL, including `$` and braces.
    pub range: Range<usize>,
    /// Whether the variable is part of `USER:PASSWORD@`.
    pub in_login: bool,
}

/// Returns the variables of a URL in their order. `$name` is a variable in a login. Elsewhere, a
/// name without braces must be in upper case, because `$web` is a directory name of Azure.
#[must_use]
pub fn of(url: &str) -> Vec<Variable<'_>> {
    let login = login(url);
    let mut out = Vec::new();
    let mut from = 0;
    while let Some(at) = url[from..].find('$').map(|at| from + at) {
        let in_login = login.contains(&at);
        let after = &url[at + 1..];
        let (name, end) = if let Some((name, _)) = after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            (name, at + name.len() + 3)
        } else {
            let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
            (&after[..end], at + 1 + end)
        };
        let braced = after.starts_with('{');
        let upper = name.bytes().all(|b| !b.is_ascii_lowercase()) && name.bytes().any(|b| b.is_ascii_uppercase());
        if !name.is_empty() && (braced || in_login || upper) {
            out.push(Variable { name, range: at..end, in_login });
            from = end;
        } else {
            from = at + 1;
        }
    }
    out
}

/// Returns the location of the login in a URL; empty if there is none.
fn login(url: &str) -> Range<usize> {
    let Some(begin) = url.find("://").map(|at| at + 3) else { return 0..0 };
    let end = url[begin..].find(['/', '?', '#', '\\']).map_or(url.len(), |at| begin + at);
    begin..url[begin..end].rfind('@').map_or(begin, |at| begin + at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_as_pip_and_pipenv_expand_them() {
        for (url, names) in [
            ("https://h/simple", ""),
            ("https://${USER}:${pass}@h/simple", "USER! pass!"),
            ("https://$user:$PW$$NONE-${a-b}@h/simple", "user! PW! NONE! a-b!"),
            ("https://u:pa$@h/", ""),
            ("https://u:p%24X@h/", ""),
            ("https://$HOST/${path}/$web/$WEB_1?t=$T#$F", "HOST path WEB_1 T F"),
            ("https://h/u:$x@y", ""),
            ("https://u:p/$X@h", "X"),
            ("https://h/$/${}/${open/$1", ""),
            ("$A", "A"),
            ("https://é$É@h/", ""),
        ] {
            let found = of(url);
            let listed = found.iter().map(|one| format!("{}{}", one.name, if one.in_login { "!" } else { "" }));
            assert_eq!(listed.collect::<Vec<_>>().join(" "), names, "{url}");
            for one in found {
                assert!(url[one.range.clone()].starts_with('$') && url[one.range].contains(one.name), "{url}");
            }
        }
    }
}
