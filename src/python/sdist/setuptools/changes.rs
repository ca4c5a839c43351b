//! The names that statements may change, and the calls in them.
//!
//! Statements under a condition that is not decided are not followed. Every name that they may
//! change is undecided from then on.

use std::collections::BTreeSet;

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Comprehension, Expr, ExprContext, Stmt};

/// What statements may change.
#[derive(Default)]
pub struct Changes<'a> {
    /// The names that are assigned.
    pub assigned: BTreeSet<&'a str>,
    /// The names of values that may be changed in place.
    pub touched: BTreeSet<&'a str>,
    /// The names that are called.
    pub called: BTreeSet<&'a str>,
    /// Whether there is a `return`.
    pub returns: bool,
}

impl<'a> Changes<'a> {
    pub fn of(statements: &'a [Stmt]) -> Self {
        let mut changes = Self::default();
        for statement in statements {
            changes.visit_stmt(statement);
        }
        changes
    }
}

/// Returns the variables of a comprehension.
pub fn targets(generators: &[Comprehension]) -> BTreeSet<&str> {
    let mut changes = Changes::default();
    for one in generators {
        changes.visit_expr(&one.target);
    }
    changes.assigned
}

/// Returns the name at the start of `name.attribute[0].x`.
fn base(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Name(name) => Some(name.id.as_str()),
        Expr::Attribute(attribute) => base(&attribute.value),
        Expr::Subscript(subscript) => base(&subscript.value),
        Expr::Call(call) => base(&call.func),
        _ => None,
    }
}

impl<'a> Visitor<'a> for Changes<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::FunctionDef(def) => {
                self.assigned.insert(def.name.as_str());
                return;
            }
            Stmt::ClassDef(def) => {
                self.assigned.insert(def.name.as_str());
                return;
            }
            Stmt::Return(_) => self.returns = true,
            Stmt::Import(import) => {
                for alias in &import.names {
                    let name = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
                    self.assigned.insert(name.split('.').next().unwrap_or(name));
                }
            }
            Stmt::ImportFrom(import) => {
                self.assigned
                    .extend(import.names.iter().map(|alias| alias.asname.as_ref().unwrap_or(&alias.name).as_str()));
            }
            _ => {}
        }
        visitor::walk_stmt(self, statement);
    }

    fn visit_expr(&mut self, expression: &'a Expr) {
        match expression {
            Expr::Name(name) if name.ctx != ExprContext::Load => {
                self.assigned.insert(name.id.as_str());
            }
            Expr::Attribute(attribute) if attribute.ctx != ExprContext::Load => {
                self.touched.extend(base(&attribute.value));
            }
            Expr::Subscript(subscript) if subscript.ctx != ExprContext::Load => {
                self.touched.extend(base(&subscript.value));
            }
            Expr::Call(call) => {
                match &*call.func {
                    Expr::Name(name) => {
                        self.called.insert(name.id.as_str());
                    }
                    Expr::Attribute(attribute) => {
                        self.called.insert(attribute.attr.as_str());
                        self.touched.extend(base(&attribute.value));
                    }
                    _ => {}
                }
                let arguments =
                    call.arguments.args.iter().chain(call.arguments.keywords.iter().map(|keyword| &keyword.value));
                self.touched.extend(arguments.filter_map(base));
            }
            _ => {}
        }
        visitor::walk_expr(self, expression);
    }
}
