//! Reads the facts of a source file.

use ruff_python_ast::PythonVersion;
use ruff_python_ast::token::Token;
use ruff_python_parser::{Mode, ParseOptions, parse_unchecked};
use ruff_text_size::{Ranged as _, TextSize};

use super::facts::{Facts, SyntaxError};
use super::lines::Lines;
use super::{statements, tokens};
use crate::python::syntax_depth::{DEPTH, depth, is_deep};

/// The largest source that is read, in bytes. Larger ones are tables of data (assumed).
pub const LIMIT: u64 = 4 << 20;
/// The longest source that is parsed before its depth is known, in bytes. The parser's stack grows
/// with the depth, which the length bounds.
const UNCHECKED: usize = 32 << 10;

/// Reads the facts of a source for a version of Python; none if the source cannot be judged: its
/// encoding is not known, or it is nested too deeply.
///
/// Syntax errors are reported only for versions that the parser knows.
#[must_use]
pub fn read(bytes: &[u8], (major, minor): (u8, u8)) -> Option<Facts> {
    let text = decode(bytes)?;
    if text.len() > UNCHECKED && is_deep(&text) {
        return None;
    }
    let version = PythonVersion { major, minor };
    let is_known = PythonVersion::iter().any(|known| known == version);
    let options = ParseOptions::from(Mode::Module);
    let options = if is_known { options.with_target_version(version) } else { options };
    let parsed = parse_unchecked(&text, options);
    if depth(parsed.tokens().iter().map(Token::kind)) > DEPTH {
        // Freeing a deep tree would overflow the stack. `LIMIT` bounds its size.
        std::mem::forget(parsed);
        return None;
    }
    let parsed = parsed.try_into_module()?;
    let mut lines = Lines::new(&text);
    let syntax_error =
        |at: TextSize, message: String, lines: &mut Lines<'_>| SyntaxError { line: lines.of(at), message };
    if let Some(error) = parsed.errors().first() {
        let error = syntax_error(error.location.start(), error.error.to_string(), &mut lines);
        return Some(Facts { syntax_error: Some(error).filter(|_| is_known), ..Facts::default() });
    }
    let mut facts = Facts::default();
    statements::read(&text, parsed.suite(), &mut facts);
    tokens::read(&text, parsed.tokens(), &mut facts);
    if let Some(error) = parsed.unsupported_syntax_errors().first().filter(|_| is_known) {
        facts.syntax_error = Some(syntax_error(error.range().start(), error.to_string(), &mut lines));
    }
    Some(facts)
}

/// Decodes a source: UTF-8, or Latin-1 where a comment names another encoding (PEP 263). Most
/// encodings of Python agree with Latin-1 in ASCII, which keywords and most names are made of.
fn decode(bytes: &[u8]) -> Option<String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.len() as u64 > LIMIT || bytes.contains(&0) {
        return None;
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Some(text.to_owned());
    }
    let mut head = bytes.split(|&byte| byte == b'\n').take(2);
    let names_encoding = |line: &[u8]| line.trim_ascii_start().starts_with(b"#") && contains(line, b"coding");
    head.any(names_encoding).then(|| bytes.iter().map(|&byte| char::from(byte)).collect())
}

fn contains(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str, version: (u8, u8)) -> Option<(u32, String)> {
        read(text.as_bytes(), version).unwrap().syntax_error.map(|error| (error.line, error.message))
    }

    #[test]
    fn syntax_errors_depend_on_the_version() {
        assert_eq!(error("import os\nx = (1\n", (3, 13)).map(|(line, _)| line), Some(3));
        assert_eq!(error("print 'x'\n", (3, 13)).map(|(line, _)| line), Some(1));
        let branch = "x = 1\nmatch x:\n    case 1:\n        pass\n";
        assert_eq!(error(branch, (3, 10)), None);
        assert_eq!(error(branch, (3, 9)).map(|(line, _)| line), Some(2));
        assert_eq!(error("print 'x'\n", (2, 7)), None, "the parser does not know Python 2");
        assert_eq!(error("print 'x'\n", (3, 99)), None);
    }

    #[test]
    fn other_encodings_are_read_where_a_comment_names_them() {
        let imports = |bytes: &[u8]| read(bytes, (3, 13)).map(|facts| facts.imports.len());
        assert_eq!(imports(b"\xef\xbb\xbfimport os\n"), Some(1));
        assert_eq!(imports(b"# -*- coding: latin-1 -*-\nimport os\nx = '\xe4'\n"), Some(1));
        assert_eq!(imports(b"import os\nx = '\xe4'\n"), None);
        assert_eq!(imports(b"import os\0\n"), None);
    }

    #[test]
    fn deep_sources_are_not_judged() {
        for deep in [
            "(".repeat(30_000),
            "~".repeat(30_000),
            "not ".repeat(30_000),
            "x".to_owned() + &"+x".repeat(30_000),
            "x".to_owned() + &"[x".repeat(30_000),
            "lambda:".repeat(30_000) + "0",
            "x = ".to_owned() + &"lambda a,b:".repeat(300_000) + "0",
            "(".repeat(4 << 20),
            "~".repeat(4 << 20),
            "yield a, ".repeat(30_000),
            "f(".repeat(30_000) + &")".repeat(30_000),
            "x=".repeat(30_000) + "1",
            "1 if x else ".repeat(30_000) + "1",
        ] {
            assert_eq!(read(deep.as_bytes(), (3, 13)), None, "{}", &deep[..20]);
        }
        let flat = "x = [".to_owned() + &"-1, ".repeat(30_000) + "]\n" + "y = (" + &"'a' ".repeat(10_000) + ")\n";
        assert!(read(flat.as_bytes(), (3, 13)).is_some());
        let deepest = "x = ".to_owned() + &"(".repeat(DEPTH - 10) + "1" + &")".repeat(DEPTH - 10) + "\n";
        assert!(read(deepest.as_bytes(), (3, 13)).is_some());
    }
}
