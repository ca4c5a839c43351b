//! Evaluates the paths and texts of a module of settings, without executing it.
//!
//! A value is a text: a path or any other string. Everything that is computed in another way is
//! unknown. Of branches, every assignment counts as possible.

use std::collections::{BTreeMap, BTreeSet};

use ruff_python_ast::{Expr, ExprCall, FStringPart, InterpolatedStringElement, Number, Operator, Stmt, StmtImportFrom};

use super::paths::{join, normal, parent};
use crate::python::syntax::{LARGEST, assigned, with_module};

/// The deepest expression that is evaluated.
const DEEPEST: usize = 32;
/// The most directories that are left for a path's ancestor.
const MOST_PARENTS: u64 = 32;
/// The longest value, in bytes.
const LONGEST: usize = 4096;
/// The most modules that are read.
const MOST_MODULES: usize = 16;
/// The modules with functions about paths, by the last part of their names.
const MODULES: [&str; 6] = ["os", "path", "osp", "posixpath", "pathlib", "environ"];

/// Reads the text of a module by its path below the directory of `manage.py`.
pub(super) type ReadModule<'a> = dyn Fn(&str) -> Option<String> + Sync + 'a;

/// The values of a module's names.
pub(super) struct Evaluator<'a> {
    /// The directory of `manage.py` in the image.
    root: &'a str,
    read: &'a ReadModule<'a>,
    seen: BTreeSet<String>,
    names: BTreeMap<String, Option<String>>,
    /// All values that a setting may have; none for an unknown one.
    pub possible: BTreeMap<String, BTreeSet<Option<String>>>,
    /// The settings that are false.
    pub off: BTreeSet<String>,
    /// The values of keys in dictionaries of settings: by setting and key.
    pub keys: BTreeMap<(String, String), BTreeSet<Option<String>>>,
}

/// The module that is evaluated.
#[derive(Clone, Copy)]
struct Module<'m> {
    /// The dotted name.
    name: &'m str,
    /// The path in the image.
    file: &'m str,
    is_package: bool,
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(root: &'a str, read: &'a ReadModule<'a>) -> Self {
        Self {
            root,
            read,
            seen: BTreeSet::new(),
            names: BTreeMap::new(),
            possible: BTreeMap::new(),
            off: BTreeSet::new(),
            keys: BTreeMap::new(),
        }
    }

    /// Evaluates a module by its dotted name. Returns whether it was read.
    pub(super) fn module(&mut self, name: &str) -> bool {
        if self.seen.len() >= MOST_MODULES || !self.seen.insert(name.to_owned()) {
            return false;
        }
        let stem = name.replace('.', "/");
        for (path, is_package) in [(format!("{stem}.py"), false), (format!("{stem}/__init__.py"), true)] {
            let Some(text) = (self.read)(&path).filter(|text| text.len() <= LARGEST) else { continue };
            let file = join(self.root, &path);
            let module = Module { name, file: &file, is_package };
            return with_module(&text, |body| self.block(body, module, false)).is_some();
        }
        false
    }

    fn block(&mut self, body: &[Stmt], module: Module<'_>, is_branch: bool) {
        for stmt in body {
            self.statement(stmt, module, is_branch);
        }
    }

    fn statement(&mut self, stmt: &Stmt, module: Module<'_>, is_branch: bool) {
        match stmt {
            Stmt::Assign(_) | Stmt::AnnAssign(_) => {
                for (name, value) in assigned(stmt) {
                    self.assign(name, value, module, is_branch);
                }
            }
            Stmt::ImportFrom(import) => self.import(import, module),
            Stmt::If(branches) => {
                self.block(&branches.body, module, true);
                branches.elif_else_clauses.iter().for_each(|clause| self.block(&clause.body, module, true));
            }
            Stmt::Try(branches) => {
                self.block(&branches.body, module, true);
                for handler in &branches.handlers {
                    let ruff_python_ast::ExceptHandler::ExceptHandler(handler) = handler;
                    self.block(&handler.body, module, true);
                }
                self.block(&branches.orelse, module, true);
                self.block(&branches.finalbody, module, true);
            }
            _ => {}
        }
    }

    fn assign(&mut self, name: &str, value: &Expr, module: Module<'_>, is_branch: bool) {
        let text = self.value(value, module, 0);
        let is_setting = name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
        if is_setting {
            let possible = self.possible.entry(name.to_owned()).or_default();
            if !is_branch {
                possible.clear();
            }
            possible.insert(text.clone().filter(|_| !value.is_none_literal_expr()));
            let is_false = value.as_boolean_literal_expr().is_some_and(|truth| !truth.value);
            if is_false {
                self.off.insert(name.to_owned())
            } else {
                self.off.remove(name)
            };
            self.dictionary(name, value, module, 0);
        }
        let differs = is_branch && self.names.get(name).is_some_and(|known| *known != text);
        self.names.insert(name.to_owned(), if differs { None } else { text });
    }

    /// Notes the values in a dictionary of a setting, and in those below it.
    fn dictionary(&mut self, setting: &str, value: &Expr, module: Module<'_>, depth: usize) {
        let Expr::Dict(dict) = value else { return };
        for item in dict.items.iter().filter(|_| depth < DEEPEST) {
            if let Some(Expr::StringLiteral(key)) = &item.key {
                let text = self.value(&item.value, module, 0);
                let key = (setting.to_owned(), key.value.to_str().to_owned());
                self.keys.entry(key).or_default().insert(text);
            }
            self.dictionary(setting, &item.value, module, depth + 1);
        }
    }

    /// Evaluates a module of the project from which another one takes names.
    fn import(&mut self, import: &StmtImportFrom, module: Module<'_>) {
        let package =
            if module.is_package { Some(module.name) } else { module.name.rsplit_once('.').map(|(one, _)| one) };
        let mut base = String::new();
        if import.level > 0 {
            let mut at = package.unwrap_or_default();
            for _ in 1..import.level {
                at = at.rsplit_once('.').map_or("", |(one, _)| one);
            }
            at.clone_into(&mut base);
        }
        if let Some(name) = &import.module {
            base = if base.is_empty() { name.to_string() } else { format!("{base}.{name}") };
        }
        if !base.is_empty() {
            self.module(&base);
        }
    }

    fn value(&self, expr: &Expr, module: Module<'_>, depth: usize) -> Option<String> {
        if depth > DEEPEST {
            return None;
        }
        let value = |expr: &Expr| self.value(expr, module, depth + 1);
        let found = match expr {
            Expr::StringLiteral(text) => text.value.to_str().to_owned(),
            Expr::FString(text) => {
                let mut out = String::new();
                for part in &text.value {
                    let FStringPart::FString(part) = part else {
                        let FStringPart::Literal(literal) = part else { return None };
                        out.push_str(literal.as_str());
                        continue;
                    };
                    for element in &part.elements {
                        match element {
                            InterpolatedStringElement::Literal(literal) => out.push_str(&literal.value),
                            InterpolatedStringElement::Interpolation(inner) => out.push_str(&value(&inner.expression)?),
                        }
                    }
                }
                out
            }
            Expr::Name(name) if name.id.as_str() == "__file__" => module.file.to_owned(),
            Expr::Name(name) => self.names.get(name.id.as_str())?.clone()?,
            Expr::Attribute(attribute) if attribute.attr.as_str() == "parent" => parent(&value(&attribute.value)?),
            Expr::Subscript(subscript) => {
                let parents = subscript.value.as_attribute_expr().filter(|one| one.attr.as_str() == "parents")?;
                ancestor(&value(&parents.value)?, number(&subscript.slice)?.checked_add(1)?)?
            }
            Expr::BinOp(operation) => {
                let left = value(&operation.left)?;
                match operation.op {
                    Operator::Div => join(&left, &value(&operation.right)?),
                    Operator::Add => left + &value(&operation.right)?,
                    // django-environ: `environ.Path(__file__) - 2`.
                    Operator::Sub => ancestor(&left, number(&operation.right)?)?,
                    _ => return None,
                }
            }
            Expr::Call(call) => self.call(call, module, depth)?,
            _ => return None,
        };
        (found.len() <= LONGEST).then_some(found)
    }

    fn call(&self, call: &ExprCall, module: Module<'_>, depth: usize) -> Option<String> {
        let arguments = || -> Option<Vec<String>> {
            call.arguments.args.iter().map(|argument| self.value(argument, module, depth + 1)).collect()
        };
        let joined = |first: String, rest: &[String]| rest.iter().fold(first, |path, name| join(&path, name));
        let name = match &*call.func {
            Expr::Name(name) => name.id.as_str(),
            Expr::Attribute(attribute) => attribute.attr.as_str(),
            _ => return None,
        };
        if let Expr::Attribute(attribute) = &*call.func
            && let Some(this) = self.value(&attribute.value, module, depth + 1)
        {
            return match name {
                "resolve" | "absolute" | "as_posix" | "expanduser" => Some(this),
                "joinpath" | "path" => Some(joined(this, &arguments()?)),
                _ => None,
            };
        }
        if let Expr::Attribute(attribute) = &*call.func {
            // A method of another object may be called like a function of `os.path`: `env.str`.
            let module = match &*attribute.value {
                Expr::Name(name) => name.id.as_str(),
                Expr::Attribute(attribute) => attribute.attr.as_str(),
                _ => return None,
            };
            if !MODULES.contains(&module) {
                return None;
            }
        }
        match name {
            "join" | "Path" | "PurePath" | "PosixPath" | "safe_join" => {
                let all = arguments()?;
                let (first, rest) = all.split_first()?;
                Some(joined(first.clone(), rest))
            }
            "dirname" => arguments()?.first().map(|path| parent(path)),
            "abspath" | "realpath" | "normpath" => {
                arguments()?.first().map(|path| if path.starts_with('/') { normal(path) } else { path.clone() })
            }
            "str" | "fspath" => arguments()?.into_iter().next(),
            // django-environ: `ROOT_DIR("static")`.
            name => {
                let this = self.names.get(name)?.clone()?;
                Some(joined(this, &arguments()?))
            }
        }
    }
}

fn ancestor(path: &str, count: u64) -> Option<String> {
    (count <= MOST_PARENTS).then(|| (0..count).fold(path.to_owned(), |path, _| parent(&path)))
}

fn number(expr: &Expr) -> Option<u64> {
    match &expr.as_number_literal_expr()?.value {
        Number::Int(int) => int.as_u64(),
        _ => None,
    }
}
