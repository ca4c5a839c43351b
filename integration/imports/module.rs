//! Reads the names that one source file declares, imports and mentions.
//!
//! The file is read as tokens, so comments and strings do not count. Items below
//! `#[cfg(test)]` are left out. Macros are read like other code.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// A path as written: `super::Tree` is `["super", "Tree"]`.
pub type Path = Vec<String>;

/// The imports of one file.
#[derive(Debug, Default, PartialEq)]
pub struct Module {
    /// Modules in files of their own: `mod name;`.
    pub children: Vec<String>,
    /// Names that `use` brings in.
    pub uses: Vec<Use>,
    /// Paths outside of `use`. A single name counts if it begins with a capital or is called.
    pub paths: Vec<Path>,
}

/// One name that `use` brings in.
#[derive(Debug, PartialEq)]
pub struct Use {
    pub name: String,
    pub path: Path,
    /// `pub use`, of any visibility.
    pub public: bool,
}

impl Module {
    /// Reads a file's text.
    ///
    /// # Panics
    /// On code that is not Rust, on glob imports and on modules inside of the file.
    pub fn parse(text: &str) -> Self {
        let mut module = Self::default();
        module.read(&trees(text.parse().unwrap()));
        module
    }

    fn read(&mut self, mut tokens: &[TokenTree]) {
        let mut public = false;
        while let Some(first) = tokens.first() {
            let is_visibility = is_word(first, "pub");
            tokens = match tokens {
                [hash, TokenTree::Group(attribute), after @ ..] if is_sign(hash, '#') && is_test(attribute) => {
                    after_item(after)
                }
                [_, TokenTree::Group(scope), after @ ..]
                    if is_visibility && scope.delimiter() == Delimiter::Parenthesis =>
                {
                    after
                }
                [word, next, ..] if is_word(word, "use") && !is_sign(next, '<') => {
                    let end = tokens.iter().position(|token| is_sign(token, ';')).unwrap();
                    self.read_use(Vec::new(), &tokens[1..end], public);
                    &tokens[end..]
                }
                [word, TokenTree::Ident(name), end, after @ ..] if is_word(word, "mod") => {
                    assert!(is_sign(end, ';'), "the module `{name}` needs a file of its own");
                    self.children.push(text_of(name));
                    after
                }
                // The end of a path that begins with a type: `<T as Trait>::name`.
                [one, two, TokenTree::Ident(_), ..] if is_sign(one, ':') && is_sign(two, ':') => path(&tokens[2..]).1,
                [one, two, after @ ..] if is_sign(one, '.') && is_sign(two, '.') => after,
                // A field or a method.
                [dot, TokenTree::Ident(_), after @ ..] if is_sign(dot, '.') => after,
                [TokenTree::Ident(_), ..] => {
                    let (path, after) = path(tokens);
                    if path.len() > 1 || is_item(&path[0], after) {
                        self.paths.push(path);
                    }
                    after
                }
                [TokenTree::Group(group), after @ ..] => {
                    self.read(&trees(group.stream()));
                    after
                }
                _ => &tokens[1..],
            };
            public = is_visibility;
        }
    }

    /// Reads a tree of imports, without `use` and `;`.
    fn read_use(&mut self, mut prefix: Path, tokens: &[TokenTree], public: bool) {
        match tokens {
            [] => {}
            [TokenTree::Group(group)] => {
                for part in trees(group.stream()).split(|token| is_sign(token, ',')) {
                    self.read_use(prefix.clone(), part, public);
                }
            }
            [TokenTree::Ident(name), one, two, after @ ..] if is_sign(one, ':') && is_sign(two, ':') => {
                prefix.push(text_of(name));
                self.read_use(prefix, after, public);
            }
            [TokenTree::Ident(name), after @ ..] => {
                if *name != "self" {
                    prefix.push(text_of(name));
                }
                let name = match after {
                    [] => prefix.last().unwrap().clone(),
                    [_as, TokenTree::Ident(alias)] => text_of(alias),
                    _ => panic!("an import that this test cannot read"),
                };
                self.uses.push(Use { name, path: prefix, public });
            }
            _ => panic!("a glob import, which this test cannot follow"),
        }
    }
}

fn trees(stream: TokenStream) -> Vec<TokenTree> {
    stream.into_iter().collect()
}

fn text_of(name: &proc_macro2::Ident) -> String {
    name.to_string().trim_start_matches("r#").to_owned()
}

fn is_sign(token: &TokenTree, sign: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == sign)
}

fn is_word(token: &TokenTree, word: &str) -> bool {
    matches!(token, TokenTree::Ident(ident) if ident == word)
}

/// Returns whether a single name can be an item's, by the tokens after it: the names of
/// variables are not to be taken for names that are imported.
fn is_item(name: &str, after: &[TokenTree]) -> bool {
    let is_called = matches!(after, [TokenTree::Group(group), ..] if group.delimiter() == Delimiter::Parenthesis);
    is_called || name.starts_with(char::is_uppercase)
}

fn is_test(attribute: &Group) -> bool {
    match trees(attribute.stream()).as_slice() {
        [cfg, TokenTree::Group(condition)] => is_word(cfg, "cfg") && condition.stream().to_string() == "test",
        _ => false,
    }
}

/// Returns the tokens after an item and its attributes.
fn after_item(mut tokens: &[TokenTree]) -> &[TokenTree] {
    while let [hash, _, after @ ..] = tokens
        && is_sign(hash, '#')
    {
        tokens = after;
    }
    let is_use = tokens.iter().take(3).any(|token| is_word(token, "use"));
    let is_end = |token: &TokenTree| {
        let is_body = matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
        is_sign(token, ';') || (is_body && !is_use)
    };
    let end = tokens.iter().position(is_end).unwrap();
    &tokens[end + 1..]
}

/// Splits tokens after the path that they begin with.
fn path(tokens: &[TokenTree]) -> (Path, &[TokenTree]) {
    let [TokenTree::Ident(first), rest @ ..] = tokens else { panic!("no path") };
    let (mut path, mut rest) = (vec![text_of(first)], rest);
    while let [one, two, TokenTree::Ident(name), after @ ..] = rest
        && is_sign(one, ':')
        && is_sign(two, ':')
    {
        path.push(text_of(name));
        rest = after;
    }
    (path, rest)
}
