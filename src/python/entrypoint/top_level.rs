//! The statements at the top level of a module, as far as they tell what it starts: assignments of
//! calls and strings, imports of names, functions, and `if __name__ == "__main__"`.
//!
//! Source: Python language reference, "Lexical analysis" (logical lines, strings, comments). A
//! scanner without a syntax tree: hostile files can nest as deep as they like.

use crate::python::is_identifier;

/// A statement at the top level.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Statement {
    /// `name = package.Callee(…)`.
    Call { name: String, callee: String },
    /// `NAME = "value"`.
    Text { name: String, value: String },
    /// `from module import name`, or `… as other`: the name that the statement binds, and the
    /// module with its leading dots.
    Import { name: String, module: String },
    /// `def name(…)`.
    Function { name: String },
    /// `if __name__ == "__main__":`.
    MainGuard,
}

/// Returns the statements of a module's source that tell what it starts.
pub(super) fn statements(source: &str) -> Vec<Statement> {
    logical_lines(source).iter().flat_map(|line| parsed(line)).collect()
}

/// Returns whether a module has `if __name__ == "__main__"`.
pub(super) fn is_program(source: &str) -> bool {
    statements(source).contains(&Statement::MainGuard)
}

/// Returns the logical lines that begin in the first column, without comments and line breaks.
fn logical_lines(source: &str) -> Vec<String> {
    let bytes = source.strip_prefix('\u{feff}').unwrap_or(source).as_bytes();
    let (mut lines, mut line, mut at, mut depth) = (Vec::new(), Vec::new(), 0, 0_usize);
    while let Some(&byte) = bytes.get(at) {
        let next = match byte {
            b'#' => at + bytes[at..].iter().position(|&b| b == b'\n').unwrap_or(bytes.len() - at),
            b'"' | b'\'' => {
                let end = string_end(bytes, at);
                line.extend_from_slice(&bytes[at..end]);
                end
            }
            b'\\' if bytes.get(at + 1) == Some(&b'\n') => at + 2,
            b'\r' => at + 1,
            b'\n' if depth == 0 => {
                lines.push(std::mem::take(&mut line));
                at + 1
            }
            _ => {
                match byte {
                    b'(' | b'[' | b'{' => depth += 1,
                    b')' | b']' | b'}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                line.push(if byte == b'\n' { b' ' } else { byte });
                at + 1
            }
        };
        at = next;
    }
    lines.push(line);
    let is_first_column = |line: &Vec<u8>| line.first().is_some_and(|byte| !byte.is_ascii_whitespace());
    lines.into_iter().filter(is_first_column).filter_map(|line| String::from_utf8(line).ok()).collect()
}

/// Returns the end of the string that starts at a quote.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let quote = bytes[start];
    let is_triple = bytes.get(start..start + 3) == Some(&[quote; 3]);
    let mut at = start + if is_triple { 3 } else { 1 };
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'\n' if !is_triple => return at,
            _ if byte != quote => {}
            _ if !is_triple => return at + 1,
            _ if bytes.get(at..at + 3) == Some(&[quote; 3]) => return at + 3,
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

fn parsed(line: &str) -> Vec<Statement> {
    if let Some(rest) = line.strip_prefix("from ") {
        let (module, names) = rest.split_once(" import ").unwrap_or_default();
        let names = names.split(',').filter_map(|name| {
            let name = name.trim_matches(|c: char| c.is_whitespace() || c == '(' || c == ')');
            let name = name.rsplit_once(" as ").map_or(name, |(_, name)| name.trim());
            is_identifier(name).then(|| Statement::Import { name: name.to_owned(), module: module.trim().to_owned() })
        });
        return names.collect();
    }
    let function = line.strip_prefix("async ").unwrap_or(line).trim_start().strip_prefix("def ");
    if let Some((name, _)) = function.and_then(|rest| rest.split_once('(')) {
        return vec![Statement::Function { name: name.trim().to_owned() }];
    }
    if let Some(condition) = line.strip_prefix("if").and_then(|rest| rest.rsplit_once(':')).map(|(rest, _)| rest) {
        let plain: String = condition.chars().filter(|c| !c.is_whitespace() && !"()".contains(*c)).collect();
        let plain = plain.replace('\'', "\"");
        let is_guard = ["__name__==\"__main__\"", "\"__main__\"==__name__"].contains(&plain.as_str());
        return if is_guard { vec![Statement::MainGuard] } else { Vec::new() };
    }
    assignment(line).into_iter().collect()
}

/// Returns `name = callee(…)` or `name = "text"`; the name may have an annotation.
fn assignment(line: &str) -> Option<Statement> {
    let (target, value) = line.split_once('=')?;
    let name = target.split(':').next()?.trim();
    let value = value.trim();
    if !is_identifier(name) {
        return None;
    }
    if let Some(quote) = value.chars().next().filter(|c| "\"'".contains(*c)) {
        let text = value.strip_prefix(quote)?.strip_suffix(quote)?;
        let is_plain = !text.contains(quote) && !text.contains('\\');
        return is_plain.then(|| Statement::Text { name: name.to_owned(), value: text.to_owned() });
    }
    let callee = value.split_once('(')?.0.trim();
    let last = callee.rsplit('.').next()?;
    let is_dotted = callee.split('.').all(is_identifier);
    is_dotted.then(|| Statement::Call { name: name.to_owned(), callee: last.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_in_the_first_column_are_found() {
        let source = "\u{feff}'''app = FastAPI()\nif __name__ == \"__main__\":\n'''\nimport os # app = Flask()\n\
            from shop.web import (\n    create_app,  # the factory\n    api as other,\n)\n\
            app: FastAPI = fastapi.FastAPI(\n    title='a (',\n)\r\n\
            def main() -> None:\n    inner = Flask(__name__)\n\nasync def serve(x=')'):\n    pass\n\
            WSGI_APPLICATION = \\\n 'shop.wsgi.application'\nx = y\nx.y = Flask()\nx == Flask()\n\
            if '__main__' == (__name__):\n    main()\n";
        let call = |name: &str, callee: &str| Statement::Call { name: name.to_owned(), callee: callee.to_owned() };
        let import = |name: &str| Statement::Import { name: name.to_owned(), module: "shop.web".to_owned() };
        let function = |name: &str| Statement::Function { name: name.to_owned() };
        let want = [
            import("create_app"),
            import("other"),
            call("app", "FastAPI"),
            function("main"),
            function("serve"),
            Statement::Text { name: "WSGI_APPLICATION".to_owned(), value: "shop.wsgi.application".to_owned() },
            Statement::MainGuard,
        ];
        assert_eq!(statements(source), want);
        assert!(is_program("if __name__=='__main__': run()\n") && !is_program("if __name__ == name:\n  x\n"));
    }

    #[test]
    fn odd_files_have_an_end() {
        for source in
            ["", "'", "'''", "x = '", "x = \\", "\\\n", "((((", "))))x = f(", "\"\\", "x = f\0(", "a = 'b\nc = d("]
        {
            statements(source);
        }
        assert_eq!(statements(&"(".repeat(100_000)), []);
        assert_eq!(statements("a = 'b\nc = d(").len(), 1);
    }
}
