//! The globs of `include` and `exclude`.
//!
//! A glob is matched against the path below the walked directory: `*`, `?` and `[…]` stay within a
//! name, `**` crosses directories, `{a,b}` is a choice. A glob without a slash matches names at any
//! depth, as in an ignore file. A glob that matches a directory matches everything in it.

use globset::{Candidate, Glob, GlobBuilder, GlobSet, GlobSetBuilder};

use crate::diagnostic::Code;
use crate::operation_error::OperationError;

/// A list of globs.
pub(super) struct Globs {
    /// Two patterns for each glob: itself, and everything below its matches.
    set: GlobSet,
    parts: Vec<Parts>,
}

/// The literal parts of a glob.
struct Parts {
    /// The names at its beginning, up to the first pattern.
    literal: Vec<Vec<u8>>,
    /// The components that are more than wildcards.
    telling: GlobSet,
    /// The components that are literal names.
    names: Vec<Vec<u8>>,
}

impl Globs {
    /// Parses globs.
    ///
    /// # Errors
    /// Names the first invalid one.
    pub(super) fn new(globs: &[String]) -> Result<Self, OperationError> {
        let mut set = GlobSetBuilder::new();
        let mut parts = vec![];
        for written in globs {
            let failed = |cause: globset::Error| {
                OperationError::new(Code::InvalidConfiguration, format!("`{written}` is not a valid glob"))
                    .because(cause.kind().to_string())
            };
            let text = written.trim_start_matches("./").trim_matches('/');
            let anchored = written.trim_end_matches('/').contains('/');
            let full = if anchored { text.to_owned() } else { format!("**/{text}") };
            set.add(glob(&full).map_err(failed)?);
            set.add(glob(&format!("{full}/**")).map_err(failed)?);
            parts.push(Parts::of(&full).map_err(failed)?);
        }
        let set = set.build().map_err(|cause| {
            OperationError::new(Code::InvalidConfiguration, "the globs are too large").because(&cause)
        })?;
        Ok(Self { set, parts })
    }

    /// Returns whether any glob matches a path.
    pub(super) fn is_match(&self, path: &[u8]) -> bool {
        !self.parts.is_empty() && self.set.is_match_candidate(&Candidate::from_bytes(path))
    }

    /// Returns whether a glob matches a path and also spells each of some names: has a component
    /// for it that is not just wildcards. `shop/**` does not spell `.env` in `shop/.env`;
    /// `shop/.env` and `**/.env*` do. The `exact` names must be components letter by letter.
    pub(super) fn is_match_spelling(&self, path: &[u8], names: &[&[u8]], exact: &[&[u8]]) -> bool {
        if names.is_empty() && exact.is_empty() {
            return self.is_match(path);
        }
        let matches =
            if self.parts.is_empty() { vec![] } else { self.set.matches_candidate(&Candidate::from_bytes(path)) };
        matches.into_iter().map(|number| &self.parts[number / 2]).any(|glob| glob.tells(names) && glob.has(exact))
    }

    /// Returns whether a glob has a name as a component, letter by letter.
    pub(super) fn name(&self, name: &[u8]) -> bool {
        self.parts.iter().any(|glob| glob.has(&[name]))
    }

    /// Returns whether a glob could match anything below a directory and spell some names.
    pub(super) fn reach(&self, folder: &[u8], names: &[&[u8]]) -> bool {
        let parts = || folder.split(|&byte| byte == b'/');
        self.parts.iter().any(|glob| glob.literal.iter().zip(parts()).all(|(one, two)| one == two) && glob.tells(names))
    }

    /// Returns whether a glob names a directory and all its parents letter by letter.
    pub(super) fn spell_out(&self, folder: &[u8]) -> bool {
        let parts: Vec<_> = folder.split(|&byte| byte == b'/').collect();
        self.parts.iter().any(|glob| {
            glob.literal.len() >= parts.len() && glob.literal.iter().zip(&parts).all(|(one, two)| one == two)
        })
    }
}

impl Parts {
    fn of(glob_text: &str) -> Result<Self, globset::Error> {
        let components = || glob_text.split('/');
        let is_literal = |name: &&str| !name.contains(['*', '?', '[', '{', '\\']);
        let is_wild = |name: &str| name.bytes().all(|byte| b"*?.".contains(&byte));
        let telling = components().filter(|name| !is_wild(name));
        Ok(Self {
            literal: components().take_while(is_literal).map(|name| name.as_bytes().to_vec()).collect(),
            // Half of a choice between directories, `{a/b,c}`, is not a valid glob.
            telling: GlobSet::new(telling.filter_map(|name| glob(name).ok()))?,
            names: components().filter(is_literal).map(|name| name.as_bytes().to_vec()).collect(),
        })
    }

    fn has(&self, names: &[&[u8]]) -> bool {
        names.iter().all(|name| self.names.iter().any(|own| own == name))
    }

    fn tells(&self, names: &[&[u8]]) -> bool {
        names.iter().all(|name| self.telling.is_match_candidate(&Candidate::from_bytes(name)))
    }
}

fn glob(text: &str) -> Result<Glob, globset::Error> {
    GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn globs(text: &str) -> Globs {
        Globs::new(&[text.to_owned()]).unwrap()
    }

    #[test]
    fn globs_match_paths() {
        for (glob, yes, no) in [
            ("shop/**", "shop/a shop/b/c", "shop x/shop/a"),
            ("tests", "tests tests/a x/tests/b", "test xtests"),
            ("/tests", "tests tests/a", "x/tests"),
            ("./tests/", "tests tests/a", "x/tests"),
            ("build/assets", "build/assets build/assets/x/y", "assets x/build/assets"),
            ("*.md", "a.md b/c.md", "a.mdx"),
            ("docs/*.md", "docs/a.md", "docs/b/a.md"),
            ("**/x", "x a/x a/b/x a/x/y", "ax"),
            ("{a,b}/c", "a/c b/c/d", "c"),
        ] {
            let globs = globs(glob);
            yes.split(' ').for_each(|path| assert!(globs.is_match(path.as_bytes()), "{glob} {path}"));
            no.split(' ').for_each(|path| assert!(!globs.is_match(path.as_bytes()), "{glob} {path}"));
        }
        assert!(!Globs::new(&[]).unwrap().is_match(b"x"));
        assert!(Globs::new(&["[!a]".repeat(1 << 18)]).is_err());
        let error = Globs::new(&["a[".to_owned()]).err().unwrap();
        assert!(error.line().starts_with("`a[` is not a valid glob"), "{error}");
    }

    #[test]
    fn only_a_glob_that_names_it_tells_a_name() {
        for (glob, path, name, tells) in [
            ("**", "shop/.env", ".env", false),
            ("shop/**", "shop/.env", ".env", false),
            ("shop/*", "shop/.env", ".env", false),
            ("shop/.*", "shop/.env", ".env", false),
            ("shop/.env", "shop/.env", ".env", true),
            (".env", "shop/.env", ".env", true),
            ("**/.env.*", "shop/.env.example", ".env.example", true),
            ("shop/*.pyc", "shop/x.pyc", "x.pyc", true),
            ("**/__pycache__/**", "shop/__pycache__/x", "__pycache__", true),
        ] {
            let spelled = globs(glob).is_match_spelling(path.as_bytes(), &[name.as_bytes()], &[]);
            assert_eq!(spelled, tells, "{glob} {path}");
        }
        for (glob, path, named) in [
            ("*.json", "conf/sa.json", false),
            ("conf/sa.*", "conf/sa.json", false),
            ("conf/[s]a.json", "conf/sa.json", false),
            ("**/sa.json", "conf/sa.json", true),
            ("sa.json", "sa.json", true),
        ] {
            assert_eq!(globs(glob).is_match_spelling(path.as_bytes(), &[], &[b"sa.json"]), named, "{glob}");
        }
        let twice = [b".venv".as_slice(), b"x.pyc"];
        assert!(!globs(".venv/**").is_match_spelling(b".venv/x.pyc", &twice, &[]));
        assert!(globs(".venv/*.pyc").is_match_spelling(b".venv/x.pyc", &twice, &[]));
    }

    #[test]
    fn globs_reach_into_folders_that_they_could_match_in() {
        let globs = globs("build/assets/**");
        for (folder, reached) in [("build", true), ("build/assets/x", true), ("build/lib", false), ("dist", false)] {
            assert_eq!(globs.reach(folder.as_bytes(), &[]), reached, "{folder}");
        }
        assert!(!globs.reach(b"build/assets/.git", &[b".git"]));
    }
}
