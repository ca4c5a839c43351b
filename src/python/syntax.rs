//! Python's syntax as data: literals and calls in a module. Nothing is executed.

use std::collections::BTreeMap;

use ruff_python_ast::{Expr, ExprCall, Number, Stmt, UnaryOp};
use toml::Value;

use crate::python::syntax_depth::parsed;

/// The largest module that is parsed, in bytes.
pub(super) const LARGEST: usize = 256 << 10;
/// The stack of a parse: deep expressions need a part of it for each level.
const STACK: usize = 256 << 20;
/// The deepest literal that is read.
const DEEPEST: usize = 16;

/// Parses a module and looks at its statements, on a stack that is large enough for every module.
/// Returns `None` for a module that is too large or has errors.
pub(super) fn with_module<T: Send>(text: &str, look: impl FnOnce(&[Stmt]) -> T + Send) -> Option<T> {
    if text.len() > LARGEST {
        return None;
    }
    std::thread::scope(|scope| {
        let work = move || parsed(text).ok().map(|module| look(&module.syntax().body));
        std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).ok()?.join().ok()?
    })
}

/// The values of names at the top of a module.
pub(super) type Names = BTreeMap<String, Value>;

/// Returns the literals that a module assigns to names at its top.
pub(super) fn names(body: &[Stmt]) -> Names {
    let mut out = Names::new();
    for (name, value) in body.iter().flat_map(assigned) {
        match literal(value, &out, 0) {
            Some(value) => drop(out.insert(name.to_owned(), value)),
            None => drop(out.remove(name)),
        }
    }
    out
}

/// Returns the names that a statement assigns a value to.
pub(super) fn assigned(stmt: &Stmt) -> Vec<(&str, &Expr)> {
    match stmt {
        Stmt::Assign(assign) => {
            let names = assign.targets.iter().filter_map(Expr::as_name_expr);
            names.map(|target| (target.id.as_str(), &*assign.value)).collect()
        }
        Stmt::AnnAssign(assign) => match (&*assign.target, &assign.value) {
            (Expr::Name(target), Some(value)) => vec![(target.id.as_str(), &**value)],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Returns the value of a literal: a text, number, truth value, list, tuple or dictionary, or a name
/// of one.
pub(super) fn literal(expr: &Expr, names: &Names, depth: usize) -> Option<Value> {
    if depth > DEEPEST {
        return None;
    }
    let each = |items: &[Expr]| {
        let items = items.iter().map(|item| literal(item, names, depth + 1));
        items.collect::<Option<Vec<_>>>().map(Value::Array)
    };
    match expr {
        Expr::StringLiteral(text) => Some(Value::String(text.value.to_str().to_owned())),
        Expr::NumberLiteral(number) => match &number.value {
            Number::Int(int) => Some(Value::Integer(int.as_i64()?)),
            Number::Float(float) => Some(Value::Float(*float)),
            Number::Complex { .. } => None,
        },
        Expr::BooleanLiteral(truth) => Some(Value::Boolean(truth.value)),
        Expr::UnaryOp(unary) if unary.op == UnaryOp::USub => match literal(&unary.operand, names, depth + 1)? {
            Value::Integer(int) => int.checked_neg().map(Value::Integer),
            _ => None,
        },
        Expr::List(list) => each(&list.elts),
        Expr::Tuple(tuple) => each(&tuple.elts),
        Expr::Name(name) => names.get(name.id.as_str()).cloned(),
        Expr::Dict(dict) => {
            let item = |item: &ruff_python_ast::DictItem| {
                let key = literal(item.key.as_ref()?, names, depth + 1)?.as_str()?.to_owned();
                // `None` as a value is a missing key.
                if item.value.is_none_literal_expr() {
                    return Some(None);
                }
                Some(Some((key, literal(&item.value, names, depth + 1)?)))
            };
            let items: Option<Vec<_>> = dict.iter().map(item).collect();
            Some(Value::Table(items?.into_iter().flatten().collect()))
        }
        _ => None,
    }
}

/// Returns the dotted name of an expression: `importlib.metadata.version`.
pub(super) fn dotted(expr: &Expr) -> Option<String> {
    let mut parts = Vec::new();
    let mut expr = expr;
    loop {
        match expr {
            Expr::Attribute(attribute) if parts.len() < DEEPEST => {
                parts.push(attribute.attr.as_str());
                expr = &attribute.value;
            }
            Expr::Name(name) => {
                parts.push(name.id.as_str());
                parts.reverse();
                return Some(parts.join("."));
            }
            _ => return None,
        }
    }
}

/// Returns the value of a keyword argument.
pub(super) fn keyword<'e>(call: &'e ExprCall, name: &str) -> Option<&'e Expr> {
    let mut keywords = call.arguments.keywords.iter();
    keywords.find(|keyword| keyword.arg.as_ref().is_some_and(|arg| arg.as_str() == name)).map(|keyword| &keyword.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_data_and_calls_are_not() {
        let text = "A = 'x'\nB = [A, 1, -2, True]\nC = {'a': (1,), 'n': None}\nD = open('x')\nE: str = 'y'\nA = f()\n";
        let found = with_module(text, names).unwrap();
        let listed: Vec<_> = found.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(listed, ["B=[\"x\", 1, -2, true]", "C={ a = [1] }", "E=\"y\""]);
    }

    #[test]
    fn modules_of_any_depth_are_parsed() {
        let deep = [
            format!("x = {}1", "-".repeat(200_000)),
            format!("x = {}{}", "[".repeat(100_000), "]".repeat(100_000)),
            format!("x = a{}", ".b".repeat(100_000)),
            format!("x = {}1", "not ".repeat(60_000)),
            format!("x = {}1", "lambda: ".repeat(30_000)),
        ];
        for text in deep {
            assert_eq!(with_module(&text, |body| names(body).len()).unwrap_or(0), 0);
        }
        assert!(with_module(&"x".repeat(LARGEST + 1), |_| ()).is_none() && with_module("x = (", |_| ()).is_none());
    }
}
