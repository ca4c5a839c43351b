//! Checks that links stay within the directory they are in.
//!
//! Targets are followed by name, component by component, through links of the same directory.
//! Dangling links and loops inside are allowed: they expose nothing outside.

use std::collections::BTreeMap;

/// The number of links after which the kernel gives up (`path_resolution(7)`).
const MOST_HOPS: usize = 40;

/// Returns the links that lead out of the directory, by name.
pub(super) fn outside<'a>(links: &BTreeMap<&'a [u8], &'a [u8]>) -> Vec<(&'a [u8], &'a [u8])> {
    let all = links.iter().map(|(path, target)| (*path, *target));
    all.filter(|(path, target)| leads_outside(path, target, links)).collect()
}

fn leads_outside(path: &[u8], target: &[u8], links: &BTreeMap<&[u8], &[u8]>) -> bool {
    let mut at: Vec<&[u8]> = components(path).collect();
    let mut pending: Vec<&[u8]> = vec![];
    let mut follow = Some(target);
    let mut hops = 0;
    loop {
        if let Some(target) = follow.take() {
            at.pop();
            hops += 1;
            if target.starts_with(b"/") {
                return true;
            }
            if hops > MOST_HOPS {
                return false;
            }
            let from = pending.len();
            pending.extend(components(target));
            pending[from..].reverse();
        }
        match pending.pop() {
            None => return false,
            Some(b"..") if at.pop().is_none() => return true,
            Some(b"..") => {}
            Some(name) => {
                at.push(name);
                follow = links.get(at.join(&b'/').as_slice()).copied();
            }
        }
    }
}

fn components(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|name| !name.is_empty() && *name != b".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_followed_by_name() {
        for (links, expected) in [
            ("a>b", None),
            ("a>b/../c", None),
            ("a>..", Some("a")),
            ("a>.", None),
            ("d/a>..", None),
            ("d/a>../x/./y", None),
            ("d/a>../../x", Some("d/a")),
            ("d/a>../../d/x", Some("d/a")),
            ("a>/etc/passwd", Some("a")),
            ("a>a", None),
            ("a>b b>a", None),
            ("a>nothing/../../x", Some("a")),
            // d/e/up is d: one `..` from there is the root, two are outside.
            ("d/e/up>.. x>d/e/up/..", None),
            ("d/e/up>.. x>d/e/up/../..", Some("x")),
            ("a>b/c b>d/..", None),
            ("a>b/.. b>d", None),
            ("a>b/../.. b>d/e", None),
            ("a>b/../../.. b>d/e", Some("a")),
        ] {
            let parsed = links.split(' ').filter_map(|link| link.split_once('>'));
            let links_of: BTreeMap<_, _> = parsed.map(|(path, to)| (path.as_bytes(), to.as_bytes())).collect();
            let found: Vec<_> = outside(&links_of).into_iter().map(|(path, _)| path).collect();
            assert_eq!(found, expected.map(str::as_bytes).into_iter().collect::<Vec<_>>(), "{links}");
        }
    }
}
