//! Python's syntax as data: literals and calls in a module. Nothing is executed.

use std::collections::BTreeMap;

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, ExprCall, ExprContext, Number, Stmt, UnaryOp};
use toml::Value;

use crate::python::syntax_depth::{parsed, recovered};

/// The largest module that is parsed, in bytes.
pub const LARGEST: usize = 256 << 10;
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

/// Looks at the statements of a module, as far as they can be told: a module with errors has those
/// around the errors. Returns `None` for a module whose syntax is too deep.
pub(super) fn with_statements<T: Send>(text: &str, look: impl FnOnce(&[Stmt]) -> T + Send) -> Option<T> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    std::thread::scope(|scope| {
        let work = move || recovered(text).map(|module| look(&module.syntax().body));
        std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work).ok()?.join().ok()?
    })
}

/// The values of names at the top of a module.
pub(super) type Names = BTreeMap<String, Value>;

/// Returns the literals that a module assigns to names at its top, once and without another change.
pub(super) fn names(body: &[Stmt]) -> Names {
    let mut changes = Changed::default();
    changes.visit_body(body);
    let mut out = Names::new();
    for (name, value) in body.iter().flat_map(assigned) {
        if let Some(value) = literal(value, &out, 0).filter(|_| changes.0.get(name) == Some(&1)) {
            out.insert(name.to_owned(), value);
        }
    }
    out
}

/// The methods that change a list or a dictionary.
const CHANGING: [&str; 11] =
    ["append", "clear", "extend", "insert", "pop", "popitem", "remove", "reverse", "setdefault", "sort", "update"];

/// The names that a module sets or changes anywhere, with how often it does.
#[derive(Default)]
struct Changed<'a>(BTreeMap<&'a str, usize>);

impl<'a> Changed<'a> {
    fn add(&mut self, name: &'a str) {
        *self.0.entry(name).or_default() += 1;
    }
}

impl<'a> Visitor<'a> for Changed<'a> {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::FunctionDef(def) => self.add(&def.name),
            Stmt::ClassDef(def) => self.add(&def.name),
            Stmt::Import(import) => {
                import.names.iter().for_each(|alias| self.add(alias.asname.as_ref().unwrap_or(&alias.name)));
            }
            Stmt::ImportFrom(import) => {
                import.names.iter().for_each(|alias| self.add(alias.asname.as_ref().unwrap_or(&alias.name)));
            }
            Stmt::AugAssign(assign) => self.visit_changed(&assign.target),
            _ => {}
        }
        walk_stmt(self, stmt);
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Name(name) if name.ctx != ExprContext::Load => self.add(&name.id),
            Expr::Subscript(item) if item.ctx != ExprContext::Load => self.visit_changed(&item.value),
            Expr::Call(call) => {
                if let Expr::Attribute(method) = &*call.func
                    && CHANGING.contains(&method.attr.as_str())
                {
                    self.visit_changed(&method.value);
                }
            }
            _ => {}
        }
        walk_expr(self, expr);
    }
}

impl<'a> Changed<'a> {
    /// Counts the name at the start of `name[0][1]` once more.
    fn visit_changed(&mut self, mut expr: &'a Expr) {
        while let Expr::Subscript(item) = expr {
            expr = &item.value;
        }
        if let Expr::Name(name) = expr {
            self.add(&name.id);
        }
    }
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
        let text = "A = 'x'\nB = [A, 1, -2, True]\nC = {'a': (1,), 'n': None}\nD = open('x')\nE: str = 'y'\nF = f()\n";
        let found = with_module(text, names).unwrap();
        let listed: Vec<_> = found.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(listed, ["A=\"x\"", "B=[\"x\", 1, -2, true]", "C={ a = [1] }", "E=\"y\""]);
    }

    #[test]
    fn names_with_another_change_have_no_literal() {
        for change in [
            "A += ['y']",
            "A.append('y')",
            "A[0] = 'y'",
            "A = ['y']",
            "if x:\n    A = []",
            "for A in x:\n    pass",
            "def f():\n    global A\n    A = []",
            "(A := [])",
            "import A",
            "with x as A:\n    pass",
            "del A",
            "A[0].extend('y')",
        ] {
            let text = format!("A = ['x']\n{change}\n");
            assert_eq!(with_module(&text, |body| names(body).len()), Some(0), "{change}");
        }
        assert_eq!(with_module("A = ['x']\nf(A, A[0], A.x())\n", |body| names(body).len()), Some(1));
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
