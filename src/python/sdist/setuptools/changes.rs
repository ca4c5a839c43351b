//! The names that statements may change, and the calls in them.
//!
//! Statements under a condition that is not decided are not followed. Every name that they may
//! change is undecided from then on.

use std::collections::BTreeSet;

use ruff_python_ast::visitor::{self, Visitor};
use ruff_python_ast::{Comprehension, Expr, ExprContext, Stmt};

/// The names and values that statements may change.
#[derive(Default)]
pub struct Changes<'a> {
    /// The names that are assigned.
    pub assigned: BTreeSet<&'a str>,
    /// The names of values that may be changed in place.
    pub touched: BTreeSet<&'a str>,
    /// The names that are called.
    pub called: BTreeSet<&'a str>,
    /// The names that `global` makes global.
    pub globals: BTreeSet<&'a str>,
    /// Whether there is a `return`.
    pub returns: bool,
    /// Whether there is a `break` or `continue` of a loop around the statements.
    pub leaves: bool,
    /// The loops of the statements around the one that is visited.
    loops: usize,
}

impl<'a> Changes<'a> {
    pub fn of(statements: &'a [Stmt]) -> Self {
        let mut changes = Self::default();
        for statement in statements {
            changes.visit_stmt(statement);
        }
        changes
    }

    /// Returns the changes of an expression.
    pub fn of_expression(expression: &'a Expr) -> Self {
        let mut changes = Self::default();
        changes.visit_expr(expression);
        changes
    }

    /// Visits a loop. Its `else` belongs to the loop around it.
    fn visit_loop(&mut self, body: &'a [Stmt], orelse: &'a [Stmt]) {
        self.loops += 1;
        self.visit_body(body);
        self.loops -= 1;
        self.visit_body(orelse);
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
                // It may be called later, when it is no longer known.
                let body = Self::of(&def.body);
                self.touched.extend(body.touched);
                self.globals.extend(body.globals);
                return;
            }
            Stmt::ClassDef(def) => {
                self.assigned.insert(def.name.as_str());
                return;
            }
            Stmt::Return(_) => self.returns = true,
            Stmt::Break(_) | Stmt::Continue(_) => self.leaves |= self.loops == 0,
            Stmt::Global(one) => self.globals.extend(one.names.iter().map(ruff_python_ast::Identifier::as_str)),
            // Another name of a value: what changes the one changes the other.
            Stmt::Assign(one) => self.touched.extend(base(&one.value)),
            Stmt::AugAssign(one) => self.touched.extend(base(&one.target)),
            Stmt::For(one) => {
                self.visit_expr(&one.target);
                self.visit_expr(&one.iter);
                return self.visit_loop(&one.body, &one.orelse);
            }
            Stmt::While(one) => {
                self.visit_expr(&one.test);
                return self.visit_loop(&one.body, &one.orelse);
            }
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
                // `setup()` does not change its arguments.
                let is_setup = matches!(&*call.func, Expr::Name(name) if name.id.as_str() == "setup");
                let arguments =
                    call.arguments.args.iter().chain(call.arguments.keywords.iter().map(|keyword| &keyword.value));
                self.touched.extend(arguments.filter(|_| !is_setup).filter_map(base));
            }
            _ => {}
        }
        visitor::walk_expr(self, expression);
    }
}
