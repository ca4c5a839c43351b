//! Functions that a module calls itself when it is imported: `__version__ = get_version()`.

use std::collections::BTreeSet;

use ruff_python_ast::{Expr, Stmt, StmtFunctionDef};
use ruff_text_size::Ranged as _;

/// Returns the functions of a module that its top level certainly calls: defined once, without
/// decorators, and called by a statement that nothing else depends on.
pub(super) fn called(text: &str, suite: &[Stmt]) -> BTreeSet<String> {
    let calls: BTreeSet<_> = suite.iter().filter_map(call).collect();
    let functions = suite.iter().filter_map(|statement| match statement {
        Stmt::FunctionDef(function) => Some(function),
        _ => None,
    });
    let (mut once, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for function in functions {
        let name = function.name.as_str();
        let is_first = seen.insert(name);
        if is_first && calls.contains(name) && runs_at_once(text, function) {
            once.insert(name.to_owned());
        } else {
            once.remove(name);
        }
    }
    once
}

/// Returns the name of the function whose call is the whole value of a statement.
fn call(statement: &Stmt) -> Option<&str> {
    let value = match statement {
        Stmt::Assign(assign) => &assign.value,
        Stmt::AnnAssign(assign) => assign.value.as_ref()?,
        Stmt::Expr(statement) => &statement.value,
        _ => return None,
    };
    let Expr::Call(call) = value.as_ref() else { return None };
    match call.func.as_ref() {
        Expr::Name(name) => Some(name.id.as_str()),
        _ => None,
    }
}

/// Returns whether a call runs the body: not of a coroutine, a generator, or a decorated function.
fn runs_at_once(text: &str, function: &StmtFunctionDef) -> bool {
    let body = text.get(function.range().to_std_range()).unwrap_or("yield");
    !function.is_async && function.decorator_list.is_empty() && !body.contains("yield")
}

/// Returns the number of statements of a body that certainly run: none after a statement that may
/// return or raise.
pub(super) fn straight(body: &[Stmt]) -> usize {
    let is_straight = |statement: &&Stmt| {
        matches!(
            statement,
            Stmt::Import(_)
                | Stmt::ImportFrom(_)
                | Stmt::Assign(_)
                | Stmt::AnnAssign(_)
                | Stmt::Expr(_)
                | Stmt::Pass(_)
        )
    };
    body.iter().take_while(is_straight).count()
}
