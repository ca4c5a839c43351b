//! Modules of a project that ask for the project's own metadata when they are imported.
//!
//! Source: the documentation of `importlib.metadata`: `version` and its kind raise
//! `PackageNotFoundError` for a distribution that is not installed.

use std::collections::BTreeMap;

use ruff_python_ast::visitor::{Visitor, walk_expr, walk_stmt};
use ruff_python_ast::{Expr, ExprCall, Stmt};

use crate::python::normalised;
use crate::python::syntax::{Names, dotted, names, with_module};

/// Functions that fail for a distribution without metadata.
const FUNCTIONS: [&str; 5] = ["version", "metadata", "distribution", "requires", "files"];
/// The modules that have these functions.
const MODULES: [&str; 2] = ["importlib.metadata", "importlib_metadata"];
/// Functions of other modules.
const OTHERS: [&str; 2] = ["pkg_resources.get_distribution", "pkg_resources.require"];

/// Returns whether a module asks for the metadata of a distribution whenever it is imported: at its
/// top, outside of any `if`, `try` and function. `place` is the path of the module below
/// site-packages.
pub(super) fn needs_metadata(text: &str, place: &str, distribution: &str) -> bool {
    let module = place.trim_end_matches(".py").replace('/', ".");
    let (name, package) = match module.strip_suffix(".__init__") {
        Some(package) => (package.to_owned(), package.to_owned()),
        None => (module.clone(), module.rsplit_once('.').map(|(package, _)| package.to_owned()).unwrap_or_default()),
    };
    with_module(text, |body| {
        let mut imports = Imports::default();
        for stmt in body {
            imports.visit_stmt(stmt);
        }
        let own = normalised(distribution);
        let mut calls = Calls { imports: imports.0, names: names(body), own, name, package, found: false };
        for stmt in body {
            calls.visit_stmt(stmt);
        }
        calls.found
    })
    .unwrap_or(false)
}

/// The full names of imported names, in whatever block they are imported.
#[derive(Default)]
struct Imports(BTreeMap<String, String>);

impl<'a> Visitor<'a> for Imports {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            Stmt::Import(import) => {
                for alias in import.names.iter().filter(|alias| alias.asname.is_some()) {
                    let name = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
                    self.0.insert(name.to_owned(), alias.name.as_str().to_owned());
                }
            }
            Stmt::ImportFrom(import) if import.level == 0 => {
                let module = import.module.as_deref().unwrap_or_default();
                for alias in &import.names {
                    let name = alias.asname.as_ref().unwrap_or(&alias.name).as_str();
                    self.0.insert(name.to_owned(), format!("{module}.{}", alias.name.as_str()));
                }
            }
            Stmt::FunctionDef(_) | Stmt::ClassDef(_) => {}
            _ => walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, _: &'a Expr) {}
}

/// Finds calls that are made whenever the module is imported.
struct Calls {
    imports: BTreeMap<String, String>,
    names: Names,
    /// The normalised name of the distribution.
    own: String,
    /// `__name__`
    name: String,
    /// `__package__`
    package: String,
    found: bool,
}

impl Calls {
    /// Returns the full name of a function.
    fn function(&self, call: &ExprCall) -> Option<String> {
        let name = dotted(&call.func)?;
        let (head, rest) = name.split_once('.').map_or((name.as_str(), ""), |(head, rest)| (head, rest));
        let head = self.imports.get(head).map_or(head, String::as_str);
        Some(if rest.is_empty() { head.to_owned() } else { format!("{head}.{rest}") })
    }

    fn asks(&self, call: &ExprCall) -> bool {
        let Some(function) = self.function(call) else { return false };
        let is_known = function.rsplit_once('.').is_some_and(|(module, name)| {
            MODULES.contains(&module) && FUNCTIONS.contains(&name) || OTHERS.contains(&function.as_str())
        });
        let argument = match call.arguments.args.first().filter(|_| is_known) {
            Some(Expr::StringLiteral(text)) => text.value.to_str(),
            Some(Expr::Name(name)) => match name.id.as_str() {
                "__package__" => &self.package,
                "__name__" => &self.name,
                name => self.names.get(name).and_then(|value| value.as_str()).unwrap_or_default(),
            },
            _ => return false,
        };
        !argument.is_empty() && normalised(argument) == self.own
    }
}

impl<'a> Visitor<'a> for Calls {
    fn visit_stmt(&mut self, stmt: &'a Stmt) {
        match stmt {
            // `with suppress(PackageNotFoundError)` is a condition too.
            Stmt::FunctionDef(_)
            | Stmt::If(_)
            | Stmt::Try(_)
            | Stmt::While(_)
            | Stmt::For(_)
            | Stmt::Match(_)
            | Stmt::With(_) => {}
            _ => walk_stmt(self, stmt),
        }
    }

    fn visit_expr(&mut self, expr: &'a Expr) {
        match expr {
            Expr::Lambda(_)
            | Expr::If(_)
            | Expr::BoolOp(_)
            | Expr::ListComp(_)
            | Expr::SetComp(_)
            | Expr::DictComp(_)
            | Expr::Generator(_) => return,
            Expr::Call(call) => self.found |= self.asks(call),
            _ => {}
        }
        walk_expr(self, expr);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_calls_that_every_import_makes_count() {
        for (text, needs) in [
            ("from importlib.metadata import version\n__version__ = version('My_Shop')", true),
            ("import importlib.metadata\nv = importlib.metadata.version(__package__)", true),
            ("import importlib.metadata as m\nclass A:\n    v = m.version(__name__)", true),
            ("from importlib import metadata\nNAME = 'my-shop'\nv = f'{metadata.version(NAME)}'", true),
            (
                "try:\n    from importlib.metadata import version as v\nexcept ImportError:\n    from importlib_metadata import version as v\nx = v('my.shop')",
                true,
            ),
            ("import pkg_resources\nv = pkg_resources.get_distribution('my-shop').version", true),
            ("from importlib.metadata import version\nv = version('other')", false),
            (
                "from importlib.metadata import version\ntry:\n    v = version('my-shop')\nexcept Exception:\n    pass",
                false,
            ),
            ("from importlib.metadata import version\ndef f():\n    return version('my-shop')", false),
            ("from importlib.metadata import version\nf = lambda: version('my-shop')", false),
            ("from importlib.metadata import entry_points\nv = entry_points(group='my-shop')", false),
            ("from .v import version\nv = version('my-shop')", false),
        ] {
            assert_eq!(needs_metadata(text, "my_shop/__init__.py", "my-shop"), needs, "{text}");
        }
    }
}
