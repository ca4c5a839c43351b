//! Chooses entries of a tree by path or glob, with the folders that paths name.
//!
//! Links are kept as they are: where they lead depends on the image that gets them.
//! A pattern may pass through links: `/lib/x` finds `/usr/lib/x` where `/lib` is a
//! link, and stays `/lib/x` as a destination.

use std::collections::BTreeMap;

use globset::{GlobBuilder, GlobSet};

use super::path::PathError;
use super::resolve::LoopError;
use super::{Entry, Kind, RootPath, Tree};
use crate::hint::{Hint, nearest};

/// Entries by the path they were asked for under, which may pass through links.
pub type Selected = BTreeMap<RootPath, SelectedEntry>;

/// One entry and where it really is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SelectedEntry {
    pub real: RootPath,
    pub entry: Entry,
}

/// The reasons for which a pattern selects nothing.
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
            None => self.add(&mut out, &literal)?,
            Some(glob) => {
                let folder = self.resolve(&literal)?;
                for (path, _) in self.below(&folder) {
                    let rest = path.strip(&folder).unwrap_or_default();
                    if glob.is_match(as_path(&rest)) {
                        self.add(&mut out, &literal.join(&rest))?;
                    }
                }
            }
        }
        if out.is_empty() {
            return Err(SelectError::Missing { pattern: pattern.to_owned(), nearest: self.nearest(&literal) });
        }
        Ok(out)
    }

    /// Adds an entry and everything below it.
    fn add(&self, out: &mut Selected, path: &RootPath) -> Result<(), SelectError> {
        let real = self.resolve_parent(path)?;
        let Some(entry) = self.get(&real) else { return Ok(()) };
        if super::overlay::has_whiteout(path) {
            return Err(SelectError::Whiteout { path: path.clone() });
        }
        let own = std::iter::once((&real, entry));
        for (found, entry) in own.chain(self.below(&real)) {
            let at = path.join(&found.strip(&real).unwrap_or_default());
            if entry.kind == Kind::Special {
                return Err(SelectError::Special { path: at });
            }
            out.insert(at, SelectedEntry { real: found.clone(), entry: entry.clone() });
        }
        Ok(())
    }

    /// Suggests a path in place of one that does not exist: a sibling with a similar name, the same
    /// name elsewhere, or the deepest directory that exists.
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

/// Returns the part before the first wildcard as a path, and a matcher for the rest.
fn split(pattern: &str) -> Result<(RootPath, Option<GlobSet>), SelectError> {
    let error = |cause: &str| SelectError::Pattern { pattern: pattern.to_owned(), cause: cause.to_owned() };
    if !pattern.starts_with('/') {
        return Err(error("it is not absolute"));
    }
    let Some(wild) = pattern.find(['*', '?', '[', '{']) else { return Ok((RootPath::new(pattern)?, None)) };
    let slash = pattern[..wild].rfind('/').unwrap_or(0);
    let bad = |cause: globset::Error| error(&cause.kind().to_string());
    let glob = GlobBuilder::new(&pattern[slash + 1..]).literal_separator(true).build().map_err(bad)?;
    // A set, for a matcher of one panics where the glob is too large.
    let glob = GlobSet::new([glob]).map_err(bad)?;
    Ok((RootPath::new(&pattern[..slash])?, Some(glob)))
}

/// Returns a path as globset wants it.
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

    fn path(name: &str) -> RootPath {
        RootPath::new(name).unwrap()
    }

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
        assert_eq!(names("/lib/libz.so.?"), ["/lib/libz.so.1"]);
        assert_eq!(tree().select("/lib/libz.so.1").unwrap()[&path("lib/libz.so.1")].real, path("usr/lib/libz.so.1"));
        assert_eq!(names("/opt/loop"), ["/opt/loop"]);
        assert_eq!(names("/usr/share/tool"), ["/usr/share/tool"]);
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
        let large = format!("/{}", "[!a]".repeat(1 << 18));
        for bad in ["usr/lib", "/usr/../etc", "/usr/[", "", &large] {
            assert!(tree().select(bad).is_err(), "{bad:.20}");
        }
    }
}
