//! Applications that a function of the project makes: `app = create_app()`, where `create_app`
//! calls `FastAPI(…)` or `Flask(…)`.
//!
//! A heuristic over texts: a function makes the application of a class that its body calls.

use std::collections::{BTreeMap, BTreeSet};

use super::Query;
use super::modules::{module_of, own_packages};
use super::server::{CLASSES, Interface};
use super::top_level::{Statement, statements};
use crate::python::project::src_layout;

/// Names of an application.
const OBJECTS: [&str; 3] = ["app", "application", "api"];
/// Files below packages and `src` in which an application may be.
const FILES: [&str; 8] =
    ["main.py", "app.py", "api.py", "server.py", "asgi.py", "wsgi.py", "application.py", "__init__.py"];
/// The most files that are read.
const READ: usize = 100;

/// An application that a function makes.
pub(super) struct Made {
    /// `shop.main:app`.
    pub object: String,
    /// The file with the assignment.
    pub file: String,
}

/// Returns the applications of an interface that functions make: in modules at the root, and in
/// the usual files of `app`, `src` and the project's package.
pub(super) fn made(query: &Query<'_>, interface: Interface) -> Vec<Made> {
    let is_root = |file: &&&str| {
        let is_test = file.starts_with("test") || ["setup.py", "manage.py", "conftest.py"].contains(*file);
        file.strip_suffix(".py").is_some_and(|name| !name.contains('/')) && !is_test
    };
    let root = query.files.iter().filter(is_root).take(READ).map(|file| (*file).to_owned());
    let mut folders = vec!["app".to_owned(), "src".to_owned(), "src/app".to_owned()];
    folders.extend(own_packages(query).into_iter().filter(|folder| folder != "app" && folder != "src/app"));
    let below = folders.iter().flat_map(|folder| FILES.map(|file| format!("{folder}/{file}")));
    let mut out = Vec::new();
    for file in root.chain(below.filter(|file| query.has(file))) {
        let Some(name) = (query.read)(&file).and_then(|text| object(query, interface, &file, &text)) else { continue };
        if let Some(module) = module_of(query, "", &file) {
            out.push(Made { object: format!("{module}:{name}"), file });
        }
    }
    out
}

/// Returns whether a file makes an application by a call of a function.
pub(super) fn is_made(query: &Query<'_>, file: &str, text: &str) -> bool {
    [Interface::Asgi, Interface::Wsgi].into_iter().any(|interface| object(query, interface, file, text).is_some())
}

/// Returns the name of the application that a file makes by a call of a function.
fn object(query: &Query<'_>, interface: Interface, file: &str, text: &str) -> Option<String> {
    let statements = statements(text);
    let mut functions = Functions::of(query, file, &statements);
    let mut callees: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for statement in &statements {
        if let Statement::Call { name, callee } = statement
            && OBJECTS.contains(&name.as_str())
        {
            callees.entry(name).or_default().insert(callee);
        }
    }
    let mut makes = |name: &str| {
        let callees = callees.get(name).into_iter().flatten();
        callees.into_iter().any(|callee| functions.interface(callee) == Some(interface))
    };
    OBJECTS.into_iter().find(|name| makes(name)).map(str::to_owned)
}

/// The functions that a file has or imports.
struct Functions<'a> {
    query: &'a Query<'a>,
    file: &'a str,
    /// The calls of each function; the first of a name counts.
    own: BTreeMap<&'a str, &'a BTreeSet<String>>,
    /// The module of each imported name.
    imported: BTreeMap<&'a str, &'a str>,
    /// The interfaces of the functions in modules that were read.
    read: BTreeMap<&'a str, BTreeMap<String, Interface>>,
}

impl<'a> Functions<'a> {
    fn of(query: &'a Query<'a>, file: &'a str, statements: &'a [Statement]) -> Self {
        let (mut own, mut imported) = (BTreeMap::new(), BTreeMap::new());
        for statement in statements {
            match statement {
                Statement::Function { name, calls } => drop(own.entry(name.as_str()).or_insert(calls)),
                Statement::Import { name, module } => drop(imported.entry(name.as_str()).or_insert(module.as_str())),
                _ => {}
            }
        }
        Self { query, file, own, imported, read: BTreeMap::new() }
    }

    /// Returns the interface of the application that a function makes; none for a function that is
    /// not the project's, or that calls none of the classes.
    fn interface(&mut self, function: &str) -> Option<Interface> {
        if let Some(calls) = self.own.get(function) {
            return called(self.query, calls);
        }
        let module = *self.imported.get(function)?;
        if !self.read.contains_key(module) {
            if self.read.len() >= READ {
                return None;
            }
            self.read.insert(module, made_in(self.query, self.file, module));
        }
        self.read.get(module)?.get(function).copied()
    }
}

/// Returns the functions of a module that make applications.
fn made_in(query: &Query<'_>, file: &str, module: &str) -> BTreeMap<String, Interface> {
    let text = file_of(query, file, module).and_then(|source| (query.read)(source)).unwrap_or_default();
    let mut out = BTreeMap::new();
    for statement in statements(&text) {
        if let Statement::Function { name, calls } = statement
            && let Some(interface) = called(query, &calls)
        {
            out.entry(name).or_insert(interface);
        }
    }
    out
}

/// Returns the interface of the first class among the calls, if its distribution may be locked.
fn called(query: &Query<'_>, calls: &BTreeSet<String>) -> Option<Interface> {
    let mut known = CLASSES.iter().filter(|(_, _, distribution)| query.may_have(distribution));
    known.find(|(class, ..)| calls.contains(*class)).map(|(_, interface, _)| *interface)
}

/// Returns the project's file of a module, as a file imports it.
fn file_of<'a>(query: &Query<'a>, file: &str, module: &str) -> Option<&'a str> {
    let name = module.trim_start_matches('.');
    let dots = module.len() - name.len();
    let mut folder = if src_layout(query.files.iter().copied()) && file.starts_with("src/") { "src" } else { "" };
    if dots > 0 {
        folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
        for _ in 1..dots {
            folder = folder.rsplit_once('/').map_or("", |(folder, _)| folder);
        }
    }
    let parts = [folder].into_iter().chain(name.split('.')).filter(|part| !part.is_empty());
    let path = parts.collect::<Vec<_>>().join("/");
    [format!("{path}.py"), format!("{path}/__init__.py")].iter().find_map(|wanted| query.file(wanted))
}
