//! Reads the `import` statements of a module, and the names that its other statements bind.
//!
//! Source: "The import statement" and "Naming and binding" of the Python reference.

use std::collections::BTreeSet;

use ruff_python_ast::{
    ExceptHandler, Expr, Stmt, StmtFunctionDef, StmtIf, StmtImport, StmtImportFrom, StmtTry, StmtWith,
    statement_visitor,
};
use ruff_text_size::Ranged as _;
use statement_visitor::StatementVisitor;

use super::called::{called, straight};
use super::facts::{Condition, Facts, Import};
use super::lines::Lines;
use crate::python::syntax::dotted;

/// Parts of a test after which a missing module is expected.
const PLATFORM_TESTS: [&str; 6] = ["TYPE_CHECKING", "platform", "version_info", "os.name", "PY2", "PY3"];
/// Exceptions of a failed import, and those above it.
const IMPORT_ERRORS: [&str; 4] = ["ImportError", "ModuleNotFoundError", "Exception", "BaseException"];
/// Context managers that let exceptions through.
const TRANSPARENT: [&str; 2] = ["warnings.catch_warnings", "catch_warnings"];

/// Reads the statements of a module.
pub(super) fn read(text: &str, suite: &[Stmt], facts: &mut Facts) {
    let end = suite.iter().position(ends_module).unwrap_or(suite.len());
    let suite = &suite[..end];
    let called = called(text, suite);
    let lines = Lines::new(text);
    let mut reader = Reader { text, lines, condition: Condition::Always, in_function: false, called, facts };
    for statement in suite {
        reader.visit_stmt(statement);
    }
}

/// Returns whether nothing after a statement of the module runs: `raise`, `sys.exit()`.
fn ends_module(statement: &Stmt) -> bool {
    match statement {
        Stmt::Raise(_) => true,
        Stmt::Expr(statement) => match statement.value.as_ref() {
            Expr::Call(call) => matches!(dotted(&call.func).as_deref(), Some("sys.exit" | "exit" | "os._exit")),
            _ => false,
        },
        _ => false,
    }
}

struct Reader<'a> {
    text: &'a str,
    lines: Lines<'a>,
    condition: Condition,
    in_function: bool,
    /// The functions of the module that its top level calls.
    called: BTreeSet<String>,
    facts: &'a mut Facts,
}

impl<'a> StatementVisitor<'a> for Reader<'a> {
    fn visit_stmt(&mut self, statement: &'a Stmt) {
        match statement {
            Stmt::Import(import) => self.import(import),
            Stmt::ImportFrom(import) => self.import_from(import),
            Stmt::If(branch) => self.branch(branch),
            Stmt::Try(attempt) => self.attempt(attempt),
            Stmt::With(with) => self.with(with),
            Stmt::FunctionDef(function) => self.function(function),
            Stmt::ClassDef(class) => {
                self.bind(&class.name);
                // The body runs with the module, but binds names of the class.
                let outer = std::mem::replace(&mut self.in_function, true);
                self.visit_body(&class.body);
                self.in_function = outer;
            }
            Stmt::Assign(assign) => assign.targets.iter().for_each(|target| self.bind_target(target)),
            Stmt::AugAssign(assign) => self.bind_target(&assign.target),
            Stmt::AnnAssign(assign) if assign.value.is_some() => self.bind_target(&assign.target),
            Stmt::TypeAlias(alias) => self.bind_target(&alias.name),
            Stmt::For(each) => {
                self.bind_target(&each.target);
                self.under(Condition::Sometimes, |reader| statement_visitor::walk_stmt(reader, statement));
            }
            Stmt::While(_) | Stmt::Match(_) => {
                self.under(Condition::Sometimes, |reader| statement_visitor::walk_stmt(reader, statement));
            }
            _ => {}
        }
    }
}

impl<'a> Reader<'a> {
    /// Reads with a condition at least as strict.
    fn under(&mut self, condition: Condition, read: impl FnOnce(&mut Self)) {
        let outer = self.condition;
        self.condition = outer.max(condition);
        read(self);
        self.condition = outer;
    }

    fn function(&mut self, function: &'a StmtFunctionDef) {
        self.bind(&function.name);
        self.facts.has_other_names |= !self.in_function && function.name.as_str() == "__getattr__";
        let is_called = !self.in_function && self.called.contains(function.name.as_str());
        let body = &function.body;
        let straight = if is_called { straight(body) } else { 0 };
        let straight = body.iter().position(ends_module).unwrap_or(straight).min(straight);
        let (first, rest) = body.split_at(straight);
        let outer = std::mem::replace(&mut self.in_function, true);
        self.visit_body(first);
        self.under(Condition::Sometimes, |reader| reader.visit_body(rest));
        self.in_function = outer;
    }

    fn bind(&mut self, name: &str) {
        if !self.in_function {
            self.facts.binds.insert(name.to_owned());
        }
    }

    fn bind_target(&mut self, target: &Expr) {
        match target {
            Expr::Name(name) => self.bind(&name.id),
            Expr::Tuple(tuple) => tuple.elts.iter().for_each(|target| self.bind_target(target)),
            Expr::List(list) => list.elts.iter().for_each(|target| self.bind_target(target)),
            Expr::Starred(starred) => self.bind_target(&starred.value),
            _ => {}
        }
    }

    fn add(&mut self, module: &str, level: u32, names: Vec<String>, at: impl ruff_text_size::Ranged, is_lazy: bool) {
        // A lazy import (PEP 810) runs when its name is used.
        let condition = if is_lazy { self.condition.max(Condition::Sometimes) } else { self.condition };
        let line = self.lines.of(at.start());
        self.facts.imports.push(Import { module: module.to_owned(), level, names, line, condition });
    }

    fn import(&mut self, import: &StmtImport) {
        for alias in &import.names {
            let first = alias.name.split('.').next().unwrap_or_default();
            self.bind(alias.asname.as_ref().map_or(first, |name| name.as_str()));
            self.add(&alias.name, 0, Vec::new(), import, import.is_lazy);
        }
    }

    fn import_from(&mut self, import: &StmtImportFrom) {
        let mut names = Vec::new();
        for alias in &import.names {
            if alias.name.as_str() == "*" {
                self.facts.has_other_names |= !self.in_function;
                continue;
            }
            names.push(alias.name.to_string());
            if let Some(name) = alias.asname.as_ref().filter(|name| name.as_str() != alias.name.as_str()) {
                self.bind(name);
            }
        }
        let module = import.module.as_ref().map_or("", |module| module.as_str());
        self.add(module, import.level, names, import, import.is_lazy);
    }

    fn branch(&mut self, branch: &'a StmtIf) {
        let is_of_platform = |test: &Expr| {
            let test = self.text.get(test.range().to_std_range()).unwrap_or_default();
            PLATFORM_TESTS.iter().any(|part| test.contains(part))
        };
        let clauses = &branch.elif_else_clauses;
        let tests =
            std::iter::once(branch.test.as_ref()).chain(clauses.iter().filter_map(|clause| clause.test.as_ref()));
        let is_of_platform = tests.into_iter().any(is_of_platform);
        let condition = if is_of_platform { Condition::Guarded } else { Condition::Sometimes };
        self.under(condition, |reader| {
            reader.visit_body(&branch.body);
            for clause in clauses {
                reader.visit_body(&clause.body);
            }
        });
    }

    fn attempt(&mut self, attempt: &'a StmtTry) {
        let catches = |handler: &ExceptHandler| {
            let ExceptHandler::ExceptHandler(handler) = handler;
            handler.type_.as_deref().is_none_or(catches_import_error)
        };
        let body = match attempt.handlers.as_slice() {
            [] => Condition::Always,
            handlers if handlers.iter().any(catches) => Condition::Guarded,
            _ => Condition::Sometimes,
        };
        self.under(body, |reader| reader.visit_body(&attempt.body));
        self.under(Condition::Guarded, |reader| {
            for handler in &attempt.handlers {
                reader.visit_except_handler(handler);
            }
        });
        let rest = if attempt.handlers.is_empty() { Condition::Always } else { Condition::Sometimes };
        self.under(rest, |reader| reader.visit_body(&attempt.orelse));
        self.visit_body(&attempt.finalbody);
    }

    fn with(&mut self, with: &'a StmtWith) {
        let mut condition = Condition::Always;
        for item in &with.items {
            if let Some(target) = &item.optional_vars {
                self.bind_target(target);
            }
            let name = match &item.context_expr {
                Expr::Call(call) => dotted(&call.func),
                other => dotted(other),
            };
            // A context manager may suppress a failed import.
            let passes = name.is_some_and(|name| TRANSPARENT.contains(&name.as_str()));
            condition = condition.max(if passes { Condition::Always } else { Condition::Guarded });
        }
        self.under(condition, |reader| reader.visit_body(&with.body));
    }
}

/// Returns whether a handler of these exceptions catches a failed import. An expression that is not
/// a plain name may.
fn catches_import_error(exceptions: &Expr) -> bool {
    match exceptions {
        Expr::Tuple(tuple) => tuple.elts.iter().any(catches_import_error),
        other => dotted(other).is_none_or(|name| {
            let name = name.rsplit('.').next().unwrap_or_default();
            IMPORT_ERRORS.contains(&name)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::source;
    use super::*;

    fn imports(text: &str) -> Vec<String> {
        let facts = source::read(text.as_bytes(), (3, 15)).unwrap();
        assert_eq!(facts.syntax_error, None);
        let told = |import: &Import| {
            let dots = ".".repeat(import.level as usize);
            let names = if import.names.is_empty() { String::new() } else { format!(" {}", import.names.join(" ")) };
            let condition = match import.condition {
                Condition::Always => "",
                Condition::Sometimes => "?",
                Condition::Guarded => "-",
            };
            format!("{}:{condition}{dots}{}{names}", import.line, import.module)
        };
        facts.imports.iter().map(told).collect()
    }

    #[test]
    fn every_form_of_import_is_read() {
        assert_eq!(imports("import a, b.c as d\n"), ["1:a", "1:b.c"]);
        assert_eq!(imports("from a import b, c as d\n\nfrom ...x import *\n"), ["1:a b c", "3:...x"]);
        assert_eq!(imports("from . import (\n    b,\n)\nimport c; import d\n"), ["1:. b", "4:c", "4:d"]);
        assert_eq!(imports("class A:\n    import b\n"), ["2:b"]);
        assert_eq!(imports("lazy import a\n"), ["1:?a"]);
    }

    #[test]
    fn conditions_are_kept_apart() {
        for (text, want) in [
            ("if x:\n    import a\nelif y:\n    import b\nelse:\n    import c\n", "2:?a 4:?b 6:?c"),
            ("if TYPE_CHECKING:\n    import a\nelse:\n    import b\n", "2:-a 4:-b"),
            ("if sys.version_info >= (3, 11):\n    import tomllib\nelse:\n    import tomli\n", "2:-tomllib 4:-tomli"),
            ("if sys.platform == 'win32': import a\n", "1:-a"),
            (
                "try:\n    import a\nexcept ImportError:\n    import b\nelse:\n    import c\nfinally:\n    import d\n",
                "2:-a 4:-b 6:?c 8:d",
            ),
            ("try:\n    import a\nexcept (x.y, ModuleNotFoundError):\n    pass\n", "2:-a"),
            ("try:\n    import a\nexcept:\n    pass\n", "2:-a"),
            ("try:\n    import a\nexcept KeyError:\n    import b\n", "2:?a 4:-b"),
            ("try:\n    import a\nfinally:\n    import b\n", "2:a 4:b"),
            ("def f():\n    import a\n    try:\n        import b\n    except Exception: pass\n", "2:?a 4:-b"),
            ("async def f():\n    import a\n", "2:?a"),
            ("def f():\n    'x'\n    import a\n    if b: return\n    import c\nx = f()\n", "3:a 5:?c"),
            ("async def f():\n    import a\nx: int = f()\n", "2:?a"),
            ("def f():\n    import a\n    yield\nf()\n", "2:?a"),
            ("@x\ndef f():\n    import a\nf()\n", "3:?a"),
            ("def f():\n    import a\ndef f():\n    import b\nf()\n", "2:?a 4:?b"),
            ("def f():\n    import a\ntry:\n    f()\nexcept ImportError: pass\n", "2:?a"),
            ("class A:\n    def f(self):\n        import a\nf()\n", "3:?a"),
            ("class A:\n    def f(self):\n        import a\n", "3:?a"),
            ("for x in y:\n    import a\nwhile x:\n    import b\n", "2:?a 4:?b"),
            ("match x:\n    case 1:\n        import a\n", "3:?a"),
            ("with suppress(ImportError):\n    import a\n", "2:-a"),
            ("with warnings.catch_warnings():\n    import a\n", "2:a"),
            ("import a\nraise ImportError\nimport b\n", "1:a"),
            ("import a\nsys.exit(main())\nimport b\n", "1:a"),
        ] {
            assert_eq!(imports(text).join(" "), want, "{text}");
        }
    }

    #[test]
    fn names_that_a_module_binds_are_known() {
        let text = "a = b = 1\nc, (d, *e) = x\nf: int = 1\ng: int\nh += 1\nimport i.j\nimport k as l\n\
                    from m import n as o, p, q as q\nfor r in s:\n    t = 1\ndef u():\n    v = 1\n\
                    class W:\n    y = 1\nwith z as aa:\n    bb = 1\ntype cc = int\n";
        let facts = source::read(text.as_bytes(), (3, 13)).unwrap();
        let binds: Vec<_> = facts.binds.iter().map(String::as_str).collect();
        assert_eq!(binds.join(" "), "W a aa b bb c cc d e f h i l o r t u");
        assert!(!facts.has_other_names);
        for text in ["from x import *\n", "def __getattr__(name): pass\n", "if x:\n    from y import *\n"] {
            assert!(source::read(text.as_bytes(), (3, 13)).unwrap().has_other_names, "{text}");
        }
    }
}
