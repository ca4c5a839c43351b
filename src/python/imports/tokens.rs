//! Finds the changes that a source makes to the search for modules, by its tokens.
//!
//! Expressions can have any form and may run in functions, so that a source counts as changing the
//! search if it may do so.
//!
//! Source: "The import system" of the Python reference; `pkgutil.extend_path`,
//! `pkg_resources.declare_namespace`, `site.addsitedir` of their documentation; Django's
//! "Django settings" for `DJANGO_SETTINGS_MODULE`.

use ruff_python_ast::token::{Token, TokenKind, Tokens};
use ruff_text_size::Ranged as _;

use super::facts::Facts;
use super::lines::Lines;

/// The most tokens between the brackets of `sys.modules[…]`.
const KEY: usize = 64;

/// Functions that do not change a list.
const READERS: [&str; 9] = ["print", "len", "str", "repr", "list", "set", "tuple", "enumerate", "sorted"];

/// Reads the tokens of a module.
pub(super) fn read(text: &str, tokens: &Tokens, facts: &mut Facts) {
    let is_code = |token: &&Token| !matches!(token.kind(), TokenKind::Comment | TokenKind::NonLogicalNewline);
    let tokens: Vec<_> = tokens.iter().filter(is_code).collect();
    let source = Source { text, tokens };
    for at in 0..source.tokens.len() {
        match (source.kind(at), source.word(at)) {
            (Some(TokenKind::Name), "__path__") => facts.search.package_path |= source.is_changed(at + 1),
            (Some(TokenKind::Name), "extend_path" | "declare_namespace") if source.word(at + 1) == "(" => {
                facts.search.package_path = true;
            }
            (Some(TokenKind::Name), "meta_path" | "path_hooks" | "path_importer_cache") => {
                facts.search.hooks |= source.is_changed(at + 1);
            }
            (Some(TokenKind::Name), "addsitedir") => facts.search.path = true,
            (Some(TokenKind::Name), "path") if source.is_of_sys(at) => {
                facts.search.path |= source.is_changed(at + 1) || source.is_aliased(at);
            }
            (Some(TokenKind::Import), _) => facts.search.path |= source.renames_sys_path(at),
            (Some(TokenKind::Name), "modules") if source.is_of_sys(at) => source.modules(at, facts),
            (Some(TokenKind::String), _)
                if facts.django_settings.is_none() && source.string(at) == Some("DJANGO_SETTINGS_MODULE") =>
            {
                facts.django_settings = source.django_settings(at);
            }
            _ => {}
        }
    }
}

struct Source<'a> {
    text: &'a str,
    tokens: Vec<&'a Token>,
}

impl<'a> Source<'a> {
    fn kind(&self, at: usize) -> Option<TokenKind> {
        self.tokens.get(at).map(|token| token.kind())
    }

    fn word(&self, at: usize) -> &'a str {
        let range = self.tokens.get(at).map(|token| token.range().to_std_range());
        range.and_then(|range| self.text.get(range)).unwrap_or_default()
    }

    /// Returns the value of a string without a prefix and without escapes.
    fn string(&self, at: usize) -> Option<&'a str> {
        let word = self.word(at);
        let quote = word.chars().next().filter(|quote| ['"', '\''].contains(quote))?;
        let value = word.strip_prefix(quote)?.strip_suffix(quote)?;
        (!value.contains(['\\', '"', '\''])).then_some(value)
    }

    fn is_of_sys(&self, at: usize) -> bool {
        at >= 2 && self.word(at - 1) == "." && ["sys", "_sys"].contains(&self.word(at - 2))
    }

    /// Returns whether the tokens after a list change it or may do so: an assignment, an index, a
    /// method.
    fn is_changed(&self, at: usize) -> bool {
        matches!(self.word(at), "=" | "+=" | "[" | ".")
    }

    /// Returns whether `sys.path`, with its last token at `at`, gets another name or goes to a
    /// function.
    fn is_aliased(&self, at: usize) -> bool {
        let before = |by| at.checked_sub(by).map_or("", |before| self.word(before));
        match before(3) {
            "=" | ":=" | "," => true,
            "(" => !READERS.contains(&before(4)),
            _ => false,
        }
    }

    /// Returns whether the import with its keyword at `at` gives `sys` or `sys.path` another name:
    /// `import sys as s`, `from sys import path`.
    fn renames_sys_path(&self, at: usize) -> bool {
        let is_from = at >= 2 && self.word(at - 2) == "from" && self.word(at - 1) == "sys";
        let mut words = (at + 1..at + KEY).take_while(|&word| self.kind(word) != Some(TokenKind::Newline));
        if is_from {
            return words.any(|word| self.word(word) == "path");
        }
        words.any(|word| self.word(word) == "sys" && self.word(word + 1) == "as" && self.word(word + 2) != "_sys")
    }

    /// Reads a use of `sys.modules`.
    fn modules(&self, at: usize, facts: &mut Facts) {
        match self.word(at + 1) {
            "[" => {}
            "." => {
                let is_written = ["update", "setdefault", "__setitem__"].contains(&self.word(at + 2));
                let literal = self.string(at + 4).filter(|_| self.word(at + 3) == "(");
                match literal.filter(|_| is_written) {
                    Some(name) => drop(facts.search.modules.insert(name.to_owned())),
                    None => facts.search.hooks |= is_written,
                }
                return;
            }
            "=" | "|=" => {
                facts.search.hooks = true;
                return;
            }
            _ => return,
        }
        let Some(end) = self.closing(at + 1) else { return };
        if self.word(end + 1) != "=" {
            return;
        }
        match (end - at, self.string(at + 2), self.word(at + 2)) {
            (3, Some(name), _) => drop(facts.search.modules.insert(name.to_owned())),
            // The module replaces itself: it may have any name.
            (3, None, "__name__") => {
                facts.has_other_names = true;
                facts.search.package_path = true;
            }
            _ => facts.search.hooks = true,
        }
    }

    /// Returns the position of the bracket that closes the one at `open`.
    fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for at in open..open + KEY {
            match self.word(at) {
                "[" | "(" | "{" => depth += 1,
                "]" | ")" | "}" => depth = depth.checked_sub(1)?,
                _ => {}
            }
            if depth == 0 {
                return Some(at);
            }
        }
        None
    }

    /// Returns the value that the variable, whose name is at `at`, is set to: `setdefault(NAME,
    /// VALUE)`, `environ[NAME] = VALUE`.
    fn django_settings(&self, at: usize) -> Option<(String, u32)> {
        let value = match (self.word(at.checked_sub(2)?), self.word(at - 1), self.word(at + 1), self.word(at + 2)) {
            ("setdefault", "(", ",", _) => at + 2,
            ("environ", "[", "]", "=") => at + 3,
            _ => return None,
        };
        let is_whole = matches!(self.kind(value + 1), Some(TokenKind::Newline | TokenKind::Rpar | TokenKind::Comma));
        let module = self.string(value).filter(|_| is_whole)?;
        Some((module.to_owned(), Lines::new(self.text).of(self.tokens[value].start())))
    }
}

#[cfg(test)]
mod tests {
    use super::super::source;
    use super::*;

    fn facts(text: &str) -> Facts {
        source::read(text.as_bytes(), (3, 13)).unwrap()
    }

    #[test]
    fn changes_of_the_module_path_are_found() {
        for text in [
            "import sys\nsys.path.insert(0, 'lib')\n",
            "sys.path[0:0] = ['x']\n",
            "sys.path += ['x']\n",
            "def f():\n    sys.path.append(x)\n",
            "p = sys.path\n",
            "add_to(sys.path)\n",
            "from sys import path\npath.insert(0, 'lib')\n",
            "import os, sys as s\ns.path.append('lib')\n",
            "site.addsitedir('x')\n",
        ] {
            assert!(facts(text).search.path, "{text}");
        }
        for text in [
            "print(sys.path)\n",
            "import sys\n",
            "from sys import argv\n",
            "import os.path as path\n",
            "for x in sys.path: pass\n",
            "os.path.join(a)\n",
            "# sys.path.insert\n",
        ] {
            assert!(!facts(text).search.path, "{text}");
        }
    }

    #[test]
    fn package_paths_and_importers_are_found() {
        for text in [
            "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n",
            "__import__('pkg_resources').declare_namespace(__name__)\n",
            "__path__.append('x')\n",
        ] {
            assert!(facts(text).search.package_path, "{text}");
        }
        assert!(!facts("for x in pkgutil.iter_modules(__path__): pass\n").search.package_path);
        assert!(facts("sys.meta_path.insert(0, x)\n").search.hooks);
        assert!(!facts("print(sys.meta_path)\n").search.hooks);
    }

    #[test]
    fn modules_under_literal_names_are_known() {
        let of = |text: &str| {
            let search = facts(text).search;
            (search.modules.into_iter().collect::<Vec<_>>().join(" "), search.hooks)
        };
        assert_eq!(of("sys.modules['a.b'] = c\n"), ("a.b".to_owned(), false));
        assert_eq!(of("sys.modules.setdefault(\"a\", c)\n"), ("a".to_owned(), false));
        assert_eq!(of("sys.modules[__name__ + '.moves'] = c\n"), (String::new(), true));
        assert_eq!(of("sys.modules.update(c)\n"), (String::new(), true));
        assert_eq!(of("x = sys.modules[name]\ny = sys.modules.get('x')\n"), (String::new(), false));
        assert_eq!(of("if sys.modules['x'] == 1: pass\n"), (String::new(), false));
        assert!(facts("sys.modules[__name__] = Lazy()\n").has_other_names);
    }

    #[test]
    fn settings_of_django_are_known_where_they_are_literals() {
        let of = |text: &str| facts(text).django_settings;
        let found = Some(("shop.settings".to_owned(), 2));
        assert_eq!(of("\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n"), found);
        assert_eq!(of("\nos.environ[\"DJANGO_SETTINGS_MODULE\"] = \"shop.settings\"\n"), found);
        assert_eq!(of("os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.' + x)\n"), None);
        assert_eq!(of("os.environ.get('DJANGO_SETTINGS_MODULE', 'x')\n"), None);
        assert_eq!(of("x = 'DJANGO_SETTINGS_MODULE'\n"), None);
    }
}
