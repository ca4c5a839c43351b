//! A bound of the depth of a module's syntax tree, before the module is parsed.
//!
//! The parser and everything that visits or frees a tree are recursive: a deep tree needs a stack
//! without limit.

use ruff_python_ast::ModModule;
use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, ParseOptions, Parsed, lexer, parse_module, parse_unchecked};

/// The deepest syntax that is parsed.
pub const DEPTH: usize = 3_000;

/// The tokens of an open bracket, or of a line outside of brackets.
#[derive(Default)]
struct Level {
    /// The tokens since the last comma or line.
    tokens: usize,
    /// The `lambda` whose colon has not come.
    lambdas: usize,
    /// Whether a `yield` takes the list that follows.
    yields: bool,
}

/// Parses a module, unless its syntax is too deep.
///
/// # Errors
/// The reason for which there is no tree.
pub fn parsed(text: &str) -> Result<Parsed<ModModule>, String> {
    if is_deep(text) {
        return Err("its syntax is nested too deeply".to_owned());
    }
    parse_module(text).map_err(|cause| cause.to_string())
}

/// Parses a module, unless its syntax is too deep. A module with errors has the statements around
/// them.
pub fn recovered(text: &str) -> Option<Parsed<ModModule>> {
    if is_deep(text) { None } else { parse_unchecked(text, ParseOptions::from(Mode::Module)).try_into_module() }
}

/// Returns whether the syntax of a module is too deep to be parsed. The time and the memory do not
/// depend on the depth.
pub fn is_deep(text: &str) -> bool {
    let mut lexer = lexer::lex(text, Mode::Module);
    let kinds = std::iter::from_fn(|| Some(lexer.next_token()).filter(|kind| *kind != TokenKind::EndOfFile));
    depth(kinds) > DEPTH
}

/// Returns a bound of the depth of the syntax tree: the tokens since the last comma or line in each
/// open bracket, and the indentation. Commas between the parameters of a `lambda` and in the list
/// of a `yield` do not end its expression. Strings that follow each other are one node.
///
/// Stops above `DEPTH`.
pub fn depth(tokens: impl Iterator<Item = TokenKind>) -> usize {
    let (mut deepest, mut open, mut indents) = (0, vec![Level::default()], 0_usize);
    let mut sum = 0_usize;
    let mut is_string = false;
    for kind in tokens {
        let is_bracketed = open.len() > 1;
        let Some(level) = open.last_mut() else { break };
        match kind {
            TokenKind::Comment | TokenKind::NonLogicalNewline => continue,
            TokenKind::Indent => indents += 1,
            TokenKind::Dedent => indents = indents.saturating_sub(1),
            TokenKind::Newline | TokenKind::Semi => {
                sum -= level.tokens;
                *level = Level::default();
            }
            TokenKind::Comma if level.lambdas == 0 && !level.yields => {
                sum -= level.tokens;
                level.tokens = 0;
            }
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => {
                open.push(Level { tokens: 1, ..Level::default() });
                sum += 1;
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace if is_bracketed => {
                sum -= open.pop().unwrap_or_default().tokens;
            }
            TokenKind::String if is_string => {}
            _ => {
                level.tokens += 1;
                sum += 1;
                match kind {
                    TokenKind::Lambda => level.lambdas += 1,
                    TokenKind::Colon => level.lambdas = level.lambdas.saturating_sub(1),
                    TokenKind::Yield => level.yields = true,
                    _ => {}
                }
            }
        }
        is_string = kind == TokenKind::String;
        deepest = deepest.max(sum + indents);
        if deepest > DEPTH {
            break;
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deep_modules_are_refused_before_they_are_parsed() {
        for deep in ["(", "~", "lambda a,b:", "not ", "a[", "yield a, ", "f'{", "lambda a=lambda:0,b=0:"] {
            let text = format!("x = {}0", deep.repeat((4 << 20) / deep.len()));
            assert!(is_deep(&text) && parsed(&text).is_err(), "{deep}");
        }
        for flat in ["x = lambda a, b: 0\n", "f(lambda a, b: 0, 1)\n", "x = [1, 2]\n", "def f(): yield 1, 2\n"] {
            let text = flat.repeat(10_000);
            assert!(!is_deep(&text), "{flat}");
        }
        let calls = format!("f({})\n", "lambda a, b: 0, ".repeat(10_000));
        assert!(parsed(&calls).is_ok());
        assert!(parsed("x = (").is_err());
    }
}
