//! Applications that a function of the project makes: `app = create_app()`, where `create_app`
//! calls `FastAPI(…)` or `Flask(…)`.
//!
//! A heuristic over texts: a function makes the application of a class that its body calls.

use super::Query;
use super::modules::{module_of, own_packages};
use super::server::Interface;
use super::top_level::{Statement, statements};
use crate::python::project::src_layout;

/// Names of an application.
const OBJECTS: [&str; 3] = ["app", "application", "api"];
/// Classes of applications, their interfaces and distributions.
const CLASSES: [(&str, Interface, &str); 5] = [
    ("FastAPI", Interface::Asgi, "fastapi"),
    ("Starlette", Interface::Asgi, "starlette"),
    ("Litestar", Interface::Asgi, "litestar"),
    ("Quart", Interface::Asgi, "quart"),
    ("Flask", Interface::Wsgi, "flask"),
];
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
    let made = statements(text);
    let makes = |wanted: &&&str| {
        made.iter().any(|statement| match statement {
            Statement::Call { name, callee } => {
                name == **wanted && interface_of(query, file, text, callee) == Some(interface)
            }
            _ => false,
        })
    };
    OBJECTS.iter().find(makes).map(|name| (*name).to_owned())
}

/// Returns the interface of the application that a function makes; none for a function that is not
/// the project's, or that calls none of the classes.
fn interface_of(query: &Query<'_>, file: &str, text: &str, function: &str) -> Option<Interface> {
    if let Some(body) = body(text, function) {
        return called(query, body);
    }
    let imported = statements(text).into_iter().find_map(|statement| match statement {
        Statement::Import { name, module } if name == function => Some(module),
        _ => None,
    });
    let source = file_of(query, file, &imported?)?;
    called(query, body(&(query.read)(source)?, function)?)
}

/// Returns the interface of the first class that a body calls, if its distribution may be locked.
fn called(query: &Query<'_>, body: &str) -> Option<Interface> {
    let calls = |class: &str| {
        let call = format!("{class}(");
        let is_whole = |at: usize| !body[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        body.match_indices(&call).any(|(at, _)| is_whole(at))
    };
    let known = CLASSES.iter().filter(|(_, _, distribution)| query.may_have(distribution));
    known.into_iter().find(|(class, ..)| calls(class)).map(|(_, interface, _)| *interface)
}

/// Returns the text of a function at the top level.
fn body<'a>(text: &'a str, function: &str) -> Option<&'a str> {
    let is_start = |line: &str| {
        let line = line.strip_prefix("async ").unwrap_or(line);
        line.strip_prefix("def ").and_then(|rest| rest.split_once('(')).is_some_and(|(name, _)| name.trim() == function)
    };
    let mut at = 0;
    let mut start = None;
    for line in text.split_inclusive('\n') {
        match start {
            None if is_start(line) => start = Some(at + line.len()),
            // The end of the parameters may be in the first column.
            Some(start) if !line.starts_with([' ', '\t', '\r', '\n', ')', '#']) => return text.get(start..at),
            _ => {}
        }
        at += line.len();
    }
    text.get(start?..)
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
    let files = [format!("{path}.py"), format!("{path}/__init__.py")];
    files.iter().find_map(|wanted| query.files.iter().copied().find(|file| file == wanted))
}
