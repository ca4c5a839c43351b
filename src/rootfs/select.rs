//! Chooses entries of a tree by path or glob, with the folders that paths name.
//!
//! Links are kept as they are, and what they lead to is chosen too. A pattern may
//! pass through links of the image: `/lib/x` finds `/usr/lib/x` where `/lib` is a
//! link, and stays `/lib/x` as a destination.

use std::collections::BTreeMap;

use globset::{GlobBuilder, GlobMatcher};

use super::path::PathError;
use super::resolve::LoopError;
use super::{Entry, Kind, RootPath, Tree};
use crate::hint::{Hint, nearest};

/// Entries by the path they were asked for under, which may pass through links.
pub type Selected = BTreeMap<RootPath, Chosen>;

/// One entry and where it really is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Chosen {
    pub real: RootPath,
    pub entry: Entry,
}

/// Why a pattern selects nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    #[error("the image has no `{pattern}`")]
    Missing { pattern: String, nearest: Option<RootPath> },
    #[error("`{pattern}` is not a usable pattern: {cause}")]
    Pattern { pattern: String, cause: String },
    #[error("`{path}` is a device, a pipe or a socket, which no layer should carry")]
    Special { path: RootPath },
    #[error("`{path}` has a name that layers keep for whiteouts")]
    Whiteout { path: RootPath },
    #[error(transparent)]
    Path(#[from] PathError),
    #[error(transparent)]
    Loop(#[from] LoopError),
}

impl Hint for SelectError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Missing { nearest: Some(nearest), .. } => Some(format!("it has `{nearest}`")),
            Self::Pattern { .. } => {
                Some("write an absolute path; `*`, `?`, `[ab]`, `{a,b}` and `**` are wildcards".to_owned())
            }
            _ => None,
        }
    }
}

impl Tree {
    /// Everything that a path or glob names; a folder is taken with its content.
    ///
    /// # Errors
    /// `Missing` when nothing matches; devices and pipes among what does.
    pub fn select(&self, pattern: &str) -> Result<Selected, SelectError> {
        let mut out = Selected::new();
        let (literal, glob) = split(pattern)?;
        match glob {
            None => self.add(&mut out, &literal, 0)?,
            Some(glob) => {
                let folder = self.resolve(&literal)?;
                for (path, _) in self.below(&folder) {
                    let rest = path.strip(&folder).unwrap_or_default();
                    if glob.is_match(as_path(&rest)) {
                        self.add(&mut out, &literal.join(&rest), 0)?;
                    }
                }
            }
        }
        if out.is_empty() {
            return Err(SelectError::Missing { pattern: pattern.to_owned(), nearest: self.nearest(&literal) });
        }
        Ok(out)
    }

    /// Adds an entry, everything below it, and what links among that lead to.
    fn add(&self, out: &mut Selected, path: &RootPath, depth: usize) -> Result<(), SelectError> {
        let real = self.resolve_parent(path)?;
        let Some(entry) = self.get(&real) else { return Ok(()) };
        if super::overlay::is_whiteout(path) {
            return Err(SelectError::Whiteout { path: path.clone() });
        }
        if out.insert(path.clone(), Chosen { real: real.clone(), entry: entry.clone() }).is_some() {
            return Ok(());
        }
        match &entry.kind {
            Kind::Special => return Err(SelectError::Special { path: path.clone() }),
            Kind::Folder => {
                for (below, entry) in self.below(&real) {
                    let at = path.join(&below.strip(&real).unwrap_or_default());
                    if entry.kind == Kind::Special {
                        return Err(SelectError::Special { path: at });
                    }
                    let link = matches!(entry.kind, Kind::Link(_));
                    out.insert(at, Chosen { real: below.clone(), entry: entry.clone() });
                    if link && depth < 40 {
                        self.add_target(out, below, depth)?;
                    }
                }
            }
            Kind::Link(_) if depth < 40 => self.add_target(out, &real, depth)?,
            Kind::Link(_) | Kind::File(_) => {}
        }
        Ok(())
    }

    /// What a link leads to, one step; a dangling or looping link adds nothing.
    fn add_target(&self, out: &mut Selected, link: &RootPath, depth: usize) -> Result<(), SelectError> {
        let Some(target) = self.link_target_path(link) else { return Ok(()) };
        let Ok(real) = self.resolve_parent(&target) else { return Ok(()) };
        if out.contains_key(&real) { Ok(()) } else { self.add(out, &real, depth + 1) }
    }

    /// The path that a link's target names, one step, not yet resolved. None when
    /// it leads to the root.
    fn link_target_path(&self, link: &RootPath) -> Option<RootPath> {
        let Kind::Link(target) = &self.get(link)?.kind else { return None };
        let mut parts: Vec<&[u8]> = Vec::new();
        let parent = link.parent()?;
        if target.first() != Some(&b'/') {
            parts.extend(parent.parts());
        }
        for part in target.split(|&b| b == b'/') {
            match part {
                b"" | b"." => {}
                b".." => {
                    parts.pop();
                }
                _ => parts.push(part),
            }
        }
        let path = RootPath::from_normal(parts.join(&b'/'));
        (!path.is_root()).then_some(path)
    }

    /// What was probably meant by a path that is not there: a sibling with a near
    /// name, the same name elsewhere, or the deepest folder that exists.
    fn nearest(&self, path: &RootPath) -> Option<RootPath> {
        let folder = path.ancestors().into_iter().rev().find_map(|folder| {
            let real = self.resolve(&folder).ok()?;
            self.is_folder(&real).then_some(real)
        });
        let folder = folder.unwrap_or_default();
        let depth = folder.parts().count();
        let wanted = String::from_utf8_lossy(path.parts().nth(depth)?).into_owned();
        let text = |path: &RootPath| path.name().map(|name| String::from_utf8_lossy(name).into_owned());
        let siblings: Vec<String> = self.children(&folder).filter_map(|(path, _)| text(path)).collect();
        let prefixed = siblings.iter().filter(|name| name.starts_with(&wanted)).min_by_key(|name| name.len());
        if let Some(name) =
            prefixed.map(String::as_str).or_else(|| nearest(&wanted, siblings.iter().map(String::as_str)))
        {
            return Some(folder.child(name.as_bytes()));
        }
        let elsewhere = self.iter().map(|(other, _)| other).find(|other| other.name() == path.name());
        elsewhere.cloned().or_else(|| (!folder.is_root()).then_some(folder))
    }
}

/// The part before the first wildcard as a path, and a matcher for the rest.
fn split(pattern: &str) -> Result<(RootPath, Option<GlobMatcher>), SelectError> {
    let error = |cause: &str| SelectError::Pattern { pattern: pattern.to_owned(), cause: cause.to_owned() };
    if !pattern.starts_with('/') {
        return Err(error("it is not absolute"));
    }
    let Some(wild) = pattern.find(['*', '?', '[', '{']) else { return Ok((RootPath::new(pattern)?, None)) };
    let slash = pattern[..wild].rfind('/').unwrap_or(0);
    let glob = GlobBuilder::new(&pattern[slash + 1..])
        .literal_separator(true)
        .build()
        .map_err(|cause| error(&cause.kind().to_string()))?;
    Ok((RootPath::new(&pattern[..slash])?, Some(glob.compile_matcher())))
}

/// A path as globset wants it.
#[must_use]
pub fn as_path(path: &RootPath) -> &std::path::Path {
    use std::os::unix::ffi::OsStrExt as _;
    std::path::Path::new(std::ffi::OsStr::from_bytes(path.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Tree {
        let file = || Entry::bytes(0o644, *b"");
        [
            ("lib", Entry::link("usr/lib")),
            ("usr/lib/libz.so.1", Entry::link("libz.so.1.2")),
            ("usr/lib/libz.so.1.2", file()),
            ("usr/lib/locale/C.utf8/LC_CTYPE", file()),
            ("usr/bin/python3.12", file()),
            ("usr/share/tool", Entry::link("/usr/lib/locale")),
            ("dev/null", Entry { meta: Meta::root(0o666), kind: Kind::Special }),
            ("opt/loop", Entry::link("loop")),
        ]
        .into_iter()
        .map(|(name, entry)| (RootPath::new(name).unwrap(), entry))
        .collect()
    }

    use super::super::Meta;

    fn names(pattern: &str) -> Vec<String> {
        tree().select(pattern).unwrap().keys().map(ToString::to_string).collect()
    }

    #[test]
    fn paths_globs_and_folders() {
        assert_eq!(
            names("/usr/lib/locale"),
            ["/usr/lib/locale", "/usr/lib/locale/C.utf8", "/usr/lib/locale/C.utf8/LC_CTYPE"]
        );
        assert_eq!(names("/usr/lib/**/LC_*"), ["/usr/lib/locale/C.utf8/LC_CTYPE"]);
        assert_eq!(names("/lib/libz.so.?"), ["/lib/libz.so.1", "/usr/lib/libz.so.1.2"]);
        assert_eq!(names("/opt/loop"), ["/opt/loop"]);
        assert!(names("/usr/share/tool").contains(&"/usr/lib/locale/C.utf8/LC_CTYPE".to_owned()));
    }

    #[test]
    fn a_missing_path_names_the_nearest() {
        for (pattern, near) in [
            ("/usr/bin/python3", "/usr/bin/python3.12"),
            ("/usr/lib/libx.so.1", "/usr/lib/libz.so.1"),
            ("/usr/local/bin/python3.12", "/usr/bin/python3.12"),
        ] {
            let error = tree().select(pattern).unwrap_err();
            assert_eq!(error.to_string(), format!("the image has no `{pattern}`"));
            assert_eq!(error.hint(), Some(format!("it has `{near}`")));
        }
    }

    #[test]
    fn devices_and_climbing_are_refused() {
        assert!(matches!(tree().select("/dev/*"), Err(SelectError::Special { .. })));
        for bad in ["usr/lib", "/usr/../etc", "/usr/[", ""] {
            assert!(tree().select(bad).is_err(), "{bad}");
        }
    }
}
