//! The grammar of markers.

use pep440_rs::VersionSpecifier;

use super::comparison::{Comparison, Operator, Variable};
use super::node::Node;
use crate::python::normalised;

/// The largest size of a marker, in bytes. Markers of uv with many conflicts have some KiB.
const LONGEST: usize = 256 << 10;
/// The largest depth of nested parentheses.
const DEEPEST: usize = 64;

#[derive(Clone, PartialEq, Debug)]
enum Token<'t> {
    Open,
    Close,
    Text(&'t str),
    Operator(Operator),
    Word(&'t str),
}

/// The operators that are signs, longer ones first.
const OPERATORS: [Operator; 8] = [
    Operator::Arbitrary,
    Operator::Equal,
    Operator::Compatible,
    Operator::NotEqual,
    Operator::AtMost,
    Operator::AtLeast,
    Operator::Less,
    Operator::Greater,
];

struct Parser<'t> {
    rest: &'t str,
    /// The next token, if it was read ahead.
    next: Option<Token<'t>>,
    depth: usize,
}

/// One side of a comparison.
enum Side<'t> {
    Variable(Variable),
    Text(&'t str),
}

pub(super) fn parse(text: &str) -> Result<Node, String> {
    if text.len() > LONGEST {
        return Err(format!("it has more than {LONGEST} bytes"));
    }
    let mut parser = Parser { rest: text, next: None, depth: 0 };
    let node = parser.any()?;
    match parser.peek()? {
        None => Ok(node),
        Some(token) => Err(format!("{} where it should end", token.described())),
    }
}

impl<'t> Parser<'t> {
    /// Parses comparisons with `or` between them.
    fn any(&mut self) -> Result<Node, String> {
        let mut nodes = vec![self.all()?];
        while self.is_next("or")? {
            nodes.push(self.all()?);
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::Any(nodes) })
    }

    /// Parses comparisons with `and` between them. `and` has precedence over `or`.
    fn all(&mut self) -> Result<Node, String> {
        let mut nodes = vec![self.one()?];
        while self.is_next("and")? {
            nodes.push(self.one()?);
        }
        Ok(if nodes.len() == 1 { nodes.remove(0) } else { Node::All(nodes) })
    }

    fn one(&mut self) -> Result<Node, String> {
        if self.peek()? != Some(&Token::Open) {
            return self.comparison().map(Node::Comparison);
        }
        self.take()?;
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(format!("more than {DEEPEST} parentheses within one another"));
        }
        let node = self.any()?;
        self.depth -= 1;
        match self.take()? {
            Some(Token::Close) => Ok(node),
            other => Err(format!("{} where `)` should be", described(other.as_ref()))),
        }
    }

    fn comparison(&mut self) -> Result<Comparison, String> {
        let (left, operator, right) = (self.side()?, self.operator()?, self.side()?);
        let (variable, text, reversed) = match (left, right) {
            (Side::Variable(variable), Side::Text(text)) => (variable, text, false),
            (Side::Text(text), Side::Variable(variable)) => (variable, text, true),
            _ => return Err("a comparison needs one variable and one text in quotes".to_owned()),
        };
        let name = matches!(variable, Variable::Extra | Variable::Extras | Variable::DependencyGroups);
        if name && variable != Variable::Extra && !(reversed && matches!(operator, Operator::In | Operator::NotIn)) {
            return Err("`extras` and `dependency_groups` are asked with `'name' in`".to_owned());
        }
        // `packaging` reports an error when it evaluates such a marker.
        if !compares(variable, operator, text, reversed) {
            return Err(format!("`{}` compares versions only", operator.sign()));
        }
        let text = if name { normalised(text) } else { text.to_owned() };
        Ok(Comparison { variable, operator, text, reversed })
    }

    fn side(&mut self) -> Result<Side<'t>, String> {
        match self.take()? {
            Some(Token::Text(text)) => Ok(Side::Text(text)),
            Some(Token::Word(word)) => match variable(word) {
                Some(variable) => Ok(Side::Variable(variable)),
                None => Err(format!("there is no variable `{}`", short(word))),
            },
            other => Err(format!("{} where a variable or a text in quotes should be", described(other.as_ref()))),
        }
    }

    fn operator(&mut self) -> Result<Operator, String> {
        match self.take()? {
            Some(Token::Operator(operator)) => Ok(operator),
            Some(Token::Word("in")) => Ok(Operator::In),
            Some(Token::Word("not")) if self.is_next("in")? => Ok(Operator::NotIn),
            other => Err(format!("{} where an operator should be", described(other.as_ref()))),
        }
    }

    /// Takes the next token if it is this word.
    fn is_next(&mut self, word: &str) -> Result<bool, String> {
        let is = self.peek()? == Some(&Token::Word(word));
        if is {
            self.next = None;
        }
        Ok(is)
    }

    fn peek(&mut self) -> Result<Option<&Token<'t>>, String> {
        if self.next.is_none() {
            self.next = self.lex()?;
        }
        Ok(self.next.as_ref())
    }

    fn take(&mut self) -> Result<Option<Token<'t>>, String> {
        self.peek()?;
        Ok(self.next.take())
    }

    fn lex(&mut self) -> Result<Option<Token<'t>>, String> {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
        let Some(first) = self.rest.chars().next() else { return Ok(None) };
        if let '(' | ')' = first {
            self.rest = &self.rest[1..];
            return Ok(Some(if first == '(' { Token::Open } else { Token::Close }));
        }
        if let '\'' | '"' = first {
            let Some((text, rest)) = self.rest[1..].split_once(first) else {
                return Err("a text in quotes has no end".to_owned());
            };
            self.rest = rest;
            return Ok(Some(Token::Text(text)));
        }
        for operator in OPERATORS {
            if let Some(rest) = self.rest.strip_prefix(operator.sign()) {
                self.rest = rest;
                return Ok(Some(Token::Operator(operator)));
            }
        }
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
        let end = self.rest.find(|c| !word(c)).unwrap_or(self.rest.len());
        if end == 0 {
            return Err(format!("`{}` has no place in it", first.escape_default()));
        }
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(Some(Token::Word(token)))
    }
}

impl Token<'_> {
    fn described(&self) -> String {
        match self {
            Self::Open => "`(`".to_owned(),
            Self::Close => "`)`".to_owned(),
            Self::Text(text) => format!("'{}'", short(text)),
            Self::Word(word) => format!("`{}`", short(word)),
            Self::Operator(operator) => format!("`{}`", operator.sign()),
        }
    }
}

/// Returns whether an operator has a meaning for a variable and a value.
fn compares(variable: Variable, operator: Operator, text: &str, reversed: bool) -> bool {
    match operator {
        Operator::Arbitrary => variable.is_version(),
        Operator::Compatible => {
            variable.is_version() && (reversed || format!("~={text}").parse::<VersionSpecifier>().is_ok())
        }
        _ => true,
    }
}

fn described(token: Option<&Token<'_>>) -> String {
    token.map_or_else(|| "its end".to_owned(), Token::described)
}

fn short(text: &str) -> String {
    text.chars().take(40).collect()
}

/// Parses the name of a variable, or its name before PEP 508.
fn variable(word: &str) -> Option<Variable> {
    Some(match word {
        "os_name" | "os.name" => Variable::OsName,
        "sys_platform" | "sys.platform" => Variable::SysPlatform,
        "platform_machine" | "platform.machine" => Variable::PlatformMachine,
        "platform_python_implementation" | "platform.python_implementation" | "python_implementation" => {
            Variable::PlatformPythonImplementation
        }
        "platform_release" => Variable::PlatformRelease,
        "platform_system" => Variable::PlatformSystem,
        "platform_version" | "platform.version" => Variable::PlatformVersion,
        "python_version" => Variable::PythonVersion,
        "python_full_version" => Variable::PythonFullVersion,
        "implementation_name" => Variable::ImplementationName,
        "implementation_version" => Variable::ImplementationVersion,
        "extra" => Variable::Extra,
        "extras" => Variable::Extras,
        "dependency_groups" => Variable::DependencyGroups,
        _ => return None,
    })
}
