//! `setup.py`.

use std::collections::BTreeMap;

use ruff_python_ast::visitor::{Visitor, walk_expr};
use ruff_python_ast::{Expr, ExprCall, Stmt};
use toml::Value;

use super::description::{Setup, SetupPackages, points};
use crate::python::project::module::inner;
use crate::python::project::version::{ScmSettings, VersionFile, VersionSource, tool};
use crate::python::syntax::{Names, assigned, dotted, keyword, literal, names, with_module};

/// The arguments that describe extension modules.
const COMPILED: [&str; 4] = ["ext_modules", "rust_extensions", "cffi_modules", "ext_package"];

/// Reads a `setup.py`; `None` if it has errors or does not call `setup`.
pub(super) fn read(text: &str) -> Option<Setup> {
    with_module(text, |body| {
        let mut found = SetupCall { call: None, calls: 0 };
        for stmt in body {
            found.visit_stmt(stmt);
        }
        Some(Reader { body, names: names(body), call: found.call?, calls: found.calls }.setup())
    })
    .flatten()
}

/// Finds the first call of `setup`, and counts all.
struct SetupCall<'a> {
    call: Option<&'a ExprCall>,
    calls: usize,
}

impl<'a> Visitor<'a> for SetupCall<'a> {
    fn visit_expr(&mut self, expr: &'a Expr) {
        if let Expr::Call(call) = expr {
            let name = dotted(&call.func).unwrap_or_default();
            if matches!(name.as_str(), "setup" | "setuptools.setup" | "distutils.core.setup") {
                self.call.get_or_insert(call);
                self.calls += 1;
            }
        }
        walk_expr(self, expr);
    }
}

struct Reader<'a> {
    body: &'a [Stmt],
    names: Names,
    call: &'a ExprCall,
    /// The number of calls of `setup`.
    calls: usize,
}

impl Reader<'_> {
    fn setup(&self) -> Setup {
        let (version, version_files) = self.version();
        let strings = |value: Value| match value {
            Value::Array(items) => items.into_iter().filter_map(|item| Some(item.as_str()?.to_owned())).collect(),
            Value::String(text) => text.lines().map(str::to_owned).collect(),
            _ => Vec::new(),
        };
        let dirs = self.value("package_dir").and_then(|value| value.as_table().cloned()).unwrap_or_default();
        let dirs = dirs.into_iter().filter_map(|(package, dir)| Some((package, inner(dir.as_str()?))));
        Setup {
            name: self.value("name").and_then(|name| Some(name.as_str()?.to_owned())),
            version,
            package_dir: dirs.collect(),
            packages: self.packages(),
            modules: self.value("py_modules").map(strings).unwrap_or_default(),
            entry_points: self.entry_points(strings),
            compiled: COMPILED.into_iter().find(|name| self.describes_modules(name)),
            version_files,
            versioneer: None,
            requires: self.value("install_requires").map(strings).unwrap_or_default(),
        }
    }

    fn argument(&self, name: &str) -> Option<&Expr> {
        let direct = keyword(self.call, name);
        // `setup(**metadata)`
        let mut spread = self.call.arguments.keywords.iter().filter(|argument| argument.arg.is_none());
        direct.or_else(|| {
            spread.find_map(|argument| {
                let target = argument.value.as_name_expr()?.id.as_str();
                let (_, value) = self.body.iter().flat_map(assigned).find(|(name, _)| *name == target)?;
                match value {
                    Expr::Dict(dict) => dict.iter().find_map(|item| {
                        let key = item.key.as_ref()?.as_string_literal_expr()?;
                        (key.value.to_str() == name).then_some(&item.value)
                    }),
                    Expr::Call(call) => keyword(call, name),
                    _ => None,
                }
            })
        })
    }

    fn value(&self, name: &str) -> Option<Value> {
        literal(self.argument(name)?, &self.names, 0)
    }

    /// Returns whether an argument may have extension modules: it is there, and not empty.
    fn describes_modules(&self, name: &str) -> bool {
        let Some(expr) = self.argument(name) else { return false };
        let is_empty = match literal(expr, &self.names, 0) {
            Some(Value::Array(items)) => items.is_empty(),
            Some(_) => false,
            None => expr.is_none_literal_expr() || is_empty_list(expr, self.body),
        };
        !is_empty
    }

    fn packages(&self) -> Option<SetupPackages> {
        let expr = self.argument("packages")?;
        if let Expr::Call(call) = expr {
            let name = dotted(&call.func)?;
            if !name.ends_with("find_packages") && !name.ends_with("find_namespace_packages") {
                return None;
            }
            let folder = keyword(call, "where").or_else(|| call.arguments.args.first());
            let folder = match folder {
                Some(folder) => literal(folder, &self.names, 0)?.as_str()?.to_owned(),
                None => String::new(),
            };
            return Some(SetupPackages::Found(vec![inner(&folder)]));
        }
        let Value::Array(items) = literal(expr, &self.names, 0)? else { return None };
        let named = items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()?;
        Some(SetupPackages::Named(named))
    }

    fn entry_points(&self, strings: impl Fn(Value) -> Vec<String>) -> BTreeMap<String, BTreeMap<String, String>> {
        let groups = match self.value("entry_points") {
            Some(Value::Table(groups)) => groups,
            // A text in the form of `entry_points.txt`.
            Some(Value::String(text)) => {
                let mut groups = toml::Table::new();
                let mut group = String::new();
                for line in text.lines().map(str::trim) {
                    if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                        name.trim().clone_into(&mut group);
                    } else if let Some(Value::Array(lines)) =
                        Some(groups.entry(group.clone()).or_insert_with(|| Value::Array(Vec::new())))
                    {
                        lines.push(Value::String(line.to_owned()));
                    }
                }
                groups
            }
            _ => return BTreeMap::new(),
        };
        groups
            .into_iter()
            .map(|(group, lines)| (group, points(strings(lines).iter().map(String::as_str))))
            .filter(|(_, points)| !points.is_empty())
            .collect()
    }

    /// Returns the place of the version, and the files that setuptools-scm writes.
    fn version(&self) -> (Option<VersionSource>, Vec<VersionFile>) {
        if self.argument("pbr").is_some() {
            return (tool("pbr"), Vec::new());
        }
        if let Some(scm) = self.argument("use_scm_version") {
            let table = literal(scm, &self.names, 0);
            let mut settings = ScmSettings::setuptools_scm(table.as_ref());
            if table.is_none() {
                settings.unsupported = Some("use_scm_version".to_owned());
            }
            let file = table.as_ref().and_then(|table| VersionFile::of_setuptools_scm(table, &settings.root));
            return (Some(VersionSource::Scm(Box::new(settings))), file.into_iter().collect());
        }
        (self.argument("version").and_then(|expr| self.stated(expr)), Vec::new())
    }

    /// Returns the place of a version that is an argument of `setup`.
    fn stated(&self, expr: &Expr) -> Option<VersionSource> {
        let call = expr.as_call_expr().and_then(|call| dotted(&call.func));
        if call.is_some_and(|name| name.starts_with("versioneer.")) {
            return tool("versioneer");
        }
        let is_direct = self.calls == 1 && keyword(self.call, "version").is_some();
        let text = expr.as_string_literal_expr().filter(|_| is_direct).map(|text| text.value.to_str().to_owned());
        Some(text.map_or(VersionSource::SetupPy, VersionSource::Stated))
    }
}

/// Returns whether an expression is a name that the module only assigns an empty list to.
fn is_empty_list(expr: &Expr, body: &[Stmt]) -> bool {
    let Some(name) = expr.as_name_expr() else { return false };
    let values: Vec<_> = body.iter().flat_map(assigned).filter(|(target, _)| *target == name.id.as_str()).collect();
    !values.is_empty() && values.iter().all(|(_, value)| value.as_list_expr().is_some_and(|list| list.elts.is_empty()))
}
