//! `.dockerignore`, as docker reads it.
//!
//! Source: moby's `patternmatcher` and `ignorefile`: patterns are relative to the directory,
//! cleaned like paths, and match everything below a match too; the last pattern that matches
//! decides, `!` keeps a file. Braces are literal.

use globset::{Candidate, Error, GlobBuilder, GlobSet, GlobSetBuilder};

/// The patterns of one file.
pub(super) struct DockerIgnore {
    /// Two globs for each pattern: itself, and everything below its matches.
    set: GlobSet,
    /// For each pattern, true if it keeps files.
    keeps: Vec<bool>,
    /// The literal names that begin each pattern that keeps files.
    kept: Vec<Vec<String>>,
}

/// A line that is not a valid pattern.
#[derive(Debug)]
pub(super) struct BadLine {
    pub number: usize,
    pub cause: Error,
}

impl DockerIgnore {
    pub(super) fn parse(text: &str) -> Result<Self, BadLine> {
        let mut set = GlobSetBuilder::new();
        let (mut keeps, mut kept) = (vec![], vec![]);
        let lines = text.trim_start_matches('\u{feff}').lines().enumerate();
        for (number, line) in lines.filter(|(_, line)| !line.starts_with('#')) {
            let line = line.trim();
            let (keep, pattern) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest.trim()));
            let pattern = clean(pattern);
            if pattern.is_empty() {
                continue;
            }
            for glob in [pattern.clone(), format!("{pattern}/**")] {
                let glob = GlobBuilder::new(&glob).literal_separator(true).backslash_escape(true).build();
                set.add(glob.map_err(|cause| BadLine { number: number + 1, cause })?);
            }
            keeps.push(keep);
            if keep {
                let is_literal = |name: &&str| !name.contains(['*', '?', '[', '\\']);
                kept.push(pattern.split('/').take_while(is_literal).map(str::to_owned).collect());
            }
        }
        let set = set.build().map_err(|cause| BadLine { number: 1, cause })?;
        Ok(Self { set, keeps, kept })
    }

    /// Returns whether a directory is left out with everything in it, so that it need not be read.
    pub(super) fn ignores_folder(&self, path: &[u8]) -> bool {
        let names = || path.split(|&byte| byte == b'/');
        let reaches = |kept: &Vec<String>| kept.iter().zip(names()).all(|(one, two)| one.as_bytes() == two);
        self.ignores(path) && !self.kept.iter().any(reaches)
    }

    /// Returns whether a file is left out.
    pub(super) fn ignores(&self, path: &[u8]) -> bool {
        let matches = self.set.matches_candidate(&Candidate::from_bytes(path));
        matches.into_iter().max().is_some_and(|last| !self.keeps[last / 2])
    }
}

/// Cleans a path like Go's `filepath.Clean`, and escapes glob syntax that docker does not have.
fn clean(pattern: &str) -> String {
    let mut names: Vec<&str> = vec![];
    for name in pattern.split('/') {
        match name {
            "" | "." => {}
            ".." if names.last().is_some_and(|last| *last != "..") => {
                names.pop();
            }
            name => names.push(name),
        }
    }
    names.join("/").chars().fold(String::new(), |mut out, letter| {
        match letter {
            '{' => out.push_str("[{]"),
            '}' => out.push_str("[}]"),
            letter => out.push(letter),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_match_decides() {
        for (file, out, inside) in [
            ("*.md\n!README.md", "a.md", "README.md b/a.md"),
            (
                "*\n!src\n!pyproject.toml\nsrc/**/*.tmp",
                "x x/y src/a/b.tmp src/b.tmp",
                "src/a.py src/b/c.py pyproject.toml",
            ),
            ("# comment\n\n  build/ \n/dist", "build/x dist/y", "x/build/y #"),
            ("build\n!build/assets", "build/x", "build/assets/y"),
            ("**/node_modules", "node_modules/x a/node_modules/y", "a/b"),
            ("**/*.log\n!**", "", "a.log"),
            ("./a/../b", "b b/c", "a"),
            ("a?c", "abc", "a/c abbc"),
            ("{a,b}", "{a,b}", "a b"),
            ("\u{feff}x", "x", "y"),
            ("", "", "a"),
        ] {
            let ignore = DockerIgnore::parse(file).unwrap();
            let paths = |list: &'static str| list.split(' ').filter(|path| !path.is_empty());
            paths(out).for_each(|path| assert!(ignore.ignores(path.as_bytes()), "{file:?} {path}"));
            paths(inside).for_each(|path| assert!(!ignore.ignores(path.as_bytes()), "{file:?} {path}"));
        }
        assert_eq!(DockerIgnore::parse("a\nb[").err().unwrap().number, 2);
    }

    #[test]
    fn folders_stay_out_unless_something_in_them_may_stay_in() {
        for (file, folder, out) in [
            ("data", "data", true),
            ("data", "data/x", true),
            ("data/**", "data", false),
            ("data\n!data/keep", "data", false),
            ("data\n!data/keep", "data/x", true),
            ("data\n!other", "data", true),
            ("data\n!**/*.py", "data", false),
            ("!data", "data", false),
        ] {
            let ignore = DockerIgnore::parse(file).unwrap();
            assert_eq!(ignore.ignores_folder(folder.as_bytes()), out, "{file:?} {folder}");
        }
    }
}
