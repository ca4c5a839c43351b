//! The statements at the top level of a module, as far as they tell what it starts: assignments of
//! calls and strings, imports of names, functions, and `if __name__ == "__main__"`.
//!
//! A file with syntax errors has the statements that can be told: an image that starts it gets an
//! error of its own.

use std::collections::BTreeSet;

use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_python_ast::{CmpOp, Expr, Stmt, StmtImportFrom};

use crate::python::syntax::{assigned, dotted, with_statements};

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
    /// `def name(…)`, and the last parts of the names that its body calls.
    Function { name: String, calls: BTreeSet<String> },
    /// `if __name__ == "__main__":`.
    MainGuard,
}

/// Returns the statements of a module's source that tell what it starts.
pub(super) fn statements(source: &str) -> Vec<Statement> {
    with_statements(source, |body| body.iter().flat_map(told).collect()).unwrap_or_default()
}

/// Returns whether a module has `if __name__ == "__main__"`.
pub(super) fn is_program(source: &str) -> bool {
    statements(source).contains(&Statement::MainGuard)
}

fn told(stmt: &Stmt) -> Vec<Statement> {
    match stmt {
        Stmt::ImportFrom(import) => imports(import),
        Stmt::FunctionDef(def) => {
            let mut calls = Calls::default();
            calls.visit_body(&def.body);
            vec![Statement::Function { name: def.name.to_string(), calls: calls.0 }]
        }
        Stmt::If(branch) if is_main_guard(&branch.test) => vec![Statement::MainGuard],
        stmt => assigned(stmt).into_iter().filter_map(|(name, value)| assignment(name, value)).collect(),
    }
}

fn imports(import: &StmtImportFrom) -> Vec<Statement> {
    let dots = ".".repeat(usize::try_from(import.level).unwrap_or(0).min(DOTS));
    let module = format!("{dots}{}", import.module.as_deref().unwrap_or_default());
    let names = import.names.iter().map(|alias| alias.asname.as_ref().unwrap_or(&alias.name));
    let names = names.filter(|name| name.as_str() != "*");
    names.map(|name| Statement::Import { name: name.to_string(), module: module.clone() }).collect()
}

/// The most dots before a module that are told apart.
const DOTS: usize = 32;

/// Returns whether a condition is `__name__ == "__main__"`, in either order.
fn is_main_guard(test: &Expr) -> bool {
    let Expr::Compare(compare) = test else { return false };
    let ([CmpOp::Eq], [right]) = (&*compare.ops, &*compare.comparators) else { return false };
    let is_name = |expr: &Expr| expr.as_name_expr().is_some_and(|name| name.id.as_str() == "__name__");
    let is_main = |expr: &Expr| expr.as_string_literal_expr().is_some_and(|text| text.value.to_str() == "__main__");
    is_name(&compare.left) && is_main(right) || is_main(&compare.left) && is_name(right)
}

fn assignment(name: &str, value: &Expr) -> Option<Statement> {
    let name = name.to_owned();
    match value {
        Expr::StringLiteral(text) => Some(Statement::Text { name, value: text.value.to_str().to_owned() }),
        Expr::Call(call) => Some(Statement::Call { name, callee: last_part(&dotted(&call.func)?).to_owned() }),
        _ => None,
    }
}

fn last_part(dotted: &str) -> &str {
    dotted.rsplit('.').next().unwrap_or(dotted)
}

/// The last parts of the names that a body calls.
#[derive(Default)]
struct Calls(BTreeSet<String>);

impl<'a> Visitor<'a> for Calls {
    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Call(call) = expr {
            self.0.extend(dotted(&call.func).map(|name| last_part(&name).to_owned()));
        }
        walk_expr(self, expr);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_in_the_first_column_are_found() {
        let source = "\u{feff}'''app = FastAPI()\nif __name__ == \"__main__\":\n'''\nimport os # app = Flask()\n\
            from shop.web import (\n    create_app,  # the factory\n    api as other,\n)\nfrom ..x import *\nfrom ..x import y\n\
            app: FastAPI = fastapi.FastAPI(\n    title='a (',\n)\r\n\
            def main() -> None:\n    inner = Flask(__name__)\n\nasync def serve(x=')'):\n    return [a.b() for _ in c]\n\
            WSGI_APPLICATION = \\\n 'shop.wsgi.application'\nx = y\nx.y = Flask()\nx == Flask()\n\
            if '__main__' == (__name__):\n    main()\n";
        let call = |name: &str, callee: &str| Statement::Call { name: name.to_owned(), callee: callee.to_owned() };
        let import = |name: &str, module: &str| Statement::Import { name: name.to_owned(), module: module.to_owned() };
        let function = |name: &str, call: &str| Statement::Function {
            name: name.to_owned(),
            calls: BTreeSet::from([call.to_owned()]),
        };
        let want = [
            import("create_app", "shop.web"),
            import("other", "shop.web"),
            import("y", "..x"),
            call("app", "FastAPI"),
            function("main", "Flask"),
            function("serve", "b"),
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
        assert_eq!(statements(&format!("app = Flask()\nx = {}1\n", "-".repeat(500_000))), [], "it is too deep");
    }

    #[test]
    fn broken_files_have_the_statements_that_can_be_told() {
        let source = "app = FastAPI()\nprint 'Python 2'\ndef f(:\n    pass\nif __name__ == '__main__':\n    run(\n";
        let found = statements(source);
        assert!(found.contains(&Statement::Call { name: "app".to_owned(), callee: "FastAPI".to_owned() }));
        assert!(is_program(source));
    }
}
