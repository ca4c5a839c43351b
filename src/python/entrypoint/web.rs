//! Web applications: modules with an application of `FastAPI`, Django or Flask, and a server for it
//! among the locked distributions.
//!
//! Source: `FastAPI`'s command line (`fastapi_cli/discover.py`: default files and names); Django's
//! settings `WSGI_APPLICATION` and `ASGI_APPLICATION`; Flask's `cli.py` (names `app`,
//! `application`, `create_app`).

use super::factories::{Made, is_made, made};
use super::modules::{module_of, name_of, object_of, own_packages};
use super::server::{CLASSES, Interface, serve};
use super::step::Step;
use super::top_level::{Statement, statements};
use super::{Query, Start};

/// The files in which `FastAPI`'s command line looks for an application.
const FASTAPI_FILES: [&str; 6] = ["main.py", "app.py", "api.py", "app/main.py", "app/app.py", "app/api.py"];
/// The files of a package in which an application may be.
const IN_PACKAGE: [&str; 6] = ["main.py", "app.py", "api.py", "server.py", "asgi.py", "__init__.py"];
/// The files in which a Flask application may be, at the root.
const FLASK_FILES: [&str; 6] = ["app.py", "main.py", "application.py", "server.py", "run.py", "api.py"];
/// The deepest directory of Django's settings and of `wsgi.py`.
const DEEPEST: usize = 4;
/// The most files of settings that are read.
const SETTINGS: usize = 20;

/// Returns whether a module has the application of a web framework.
pub(super) fn is_application(query: &Query<'_>, file: &str, text: &str) -> bool {
    object_of(text, &CLASSES.map(|(class, ..)| class), &[]).is_some() || is_made(query, file, text)
}

/// Returns the application that `[tool.fastapi]` names, or the one in the first of the files in
/// which `FastAPI` looks for it.
pub(super) fn fastapi(query: &Query<'_>) -> Step {
    let named = query.project.and_then(|project| project.fastapi.as_deref());
    if let Some(object) = named.filter(|object| object.contains(':')) {
        return served(query, Interface::Asgi, object, "[tool.fastapi]");
    }
    let is_asgi = |(_, interface, distribution): &&(&str, Interface, &str)| {
        *interface == Interface::Asgi && query.may_have(distribution)
    };
    let classes: Vec<_> = CLASSES.iter().filter(is_asgi).map(|(class, ..)| *class).collect();
    let packages = own_packages(query);
    let in_packages = packages.iter().flat_map(|folder| IN_PACKAGE.map(|file| format!("{folder}/{file}")));
    let in_src = ["src/main.py", "src/app.py", "src/app/main.py"].map(str::to_owned);
    let files = FASTAPI_FILES.map(str::to_owned).into_iter().chain(in_src).chain(in_packages);
    for file in files.filter(|file| query.has(file)) {
        let Some(object) = (query.read)(&file).and_then(|text| object_of(&text, &classes, &["app", "api"])) else {
            continue;
        };
        let Some(module) = module_of(query, "", &file) else { continue };
        return served(query, Interface::Asgi, &format!("{module}:{object}"), &format!("the application in {file}"));
    }
    served_each(query, Interface::Asgi)
}

/// Returns the application that a function makes, if it is the only one.
fn served_each(query: &Query<'_>, interface: Interface) -> Step {
    let steps = made(query, interface)
        .into_iter()
        .map(|Made { object, file }| served(query, interface, &object, &format!("the application in {file}")));
    let (mut found, mut candidates) = (Vec::new(), Vec::new());
    for step in steps {
        match step {
            Step::Found(start) => found.push(*start),
            Step::Candidates(more) => candidates.extend(more),
        }
    }
    if found.is_empty() { Step::Candidates(candidates) } else { Step::of(found) }
}

/// Returns the application of a Django project.
pub(super) fn django(query: &Query<'_>) -> Step {
    if !query.may_have("django") {
        return Step::none();
    }
    let roots: Vec<_> = query.files.iter().filter_map(|file| file.strip_suffix("manage.py")).collect();
    let root = roots.iter().map(|root| root.trim_end_matches('/')).min_by_key(|root| root.len());
    let Some(root) = root.filter(|root| root.split('/').count() < DEEPEST) else { return Step::none() };
    let of = |by_setting: Vec<(String, String)>, file: &str, interface: Interface| -> Vec<Start> {
        let objects = if by_setting.is_empty() { from_files(query, root, file) } else { by_setting };
        let serve = |(object, origin): (String, String)| {
            let start = serve(interface, &object, query.names, query.port(), origin)?;
            Some(Start { folder: root.to_owned(), ..start })
        };
        objects.into_iter().filter_map(serve).collect()
    };
    let [wsgi, asgi] = from_settings(query, root, ["WSGI_APPLICATION", "ASGI_APPLICATION"]);
    let has_asgi = !asgi.is_empty();
    let (wsgi, asgi) = (of(wsgi, "wsgi.py", Interface::Wsgi), of(asgi, "asgi.py", Interface::Asgi));
    let found = if (has_asgi || wsgi.is_empty()) && !asgi.is_empty() { asgi } else { wsgi };
    if found.is_empty() { Step::Candidates(vec![development_server(query, root)]) } else { Step::of(found) }
}

/// Returns the command of Django's own server as a candidate: gunicorn is not locked.
fn development_server(query: &Query<'_>, root: &str) -> Start {
    let file = if root.is_empty() { "manage.py".to_owned() } else { format!("{root}/manage.py") };
    let words = ["python", &file, "runserver", &format!("0.0.0.0:{}", query.port())].map(str::to_owned).to_vec();
    Start { needs: Some("gunicorn".to_owned()), ..Start::program(words.clone(), words, file) }
}

/// Returns the applications that each of Django's settings names, with their origins.
fn from_settings(query: &Query<'_>, root: &str, settings: [&str; 2]) -> [Vec<(String, String)>; 2] {
    let is_settings = |file: &&&str| {
        let name = file.rsplit('/').next().unwrap_or_default();
        let is_one = name == "settings.py" || file.strip_suffix(".py").is_some() && file.contains("/settings/");
        is_one && file.split('/').count() <= DEEPEST
    };
    let mut found: [Vec<(String, String)>; 2] = [Vec::new(), Vec::new()];
    for file in query.files.iter().filter(is_settings).take(SETTINGS) {
        for statement in (query.read)(file).iter().flat_map(|text| statements(text)) {
            let Statement::Text { name, value } = statement else { continue };
            let Some(at) = settings.iter().position(|setting| *setting == name) else { continue };
            let Some((module, object)) = value.rsplit_once('.') else { continue };
            let out = &mut found[at];
            if out.len() >= SETTINGS {
                continue;
            }
            let path = module.replace('.', "/");
            let prefix = if root.is_empty() { String::new() } else { format!("{root}/") };
            let is_there =
                [format!("{prefix}{path}.py"), format!("{prefix}{path}/__init__.py"), format!("src/{path}.py")];
            let object = format!("{module}:{object}");
            if is_there.iter().any(|file| query.has(file)) && !out.iter().any(|(known, _)| *known == object) {
                out.push((object, format!("{name} in {file}")));
            }
        }
    }
    found
}

/// Returns the applications in files of a name, such as `wsgi.py`, with their origins.
fn from_files(query: &Query<'_>, root: &str, name: &str) -> Vec<(String, String)> {
    let is_one = |file: &&&str| file.rsplit('/').next() == Some(name) && file.split('/').count() <= DEEPEST;
    let object = |file: &&str| {
        let object = name_of(&(query.read)(file)?, &["application", "app"])?;
        Some((format!("{}:{object}", module_of(query, root, file)?), (*file).to_owned()))
    };
    query.files.iter().filter(is_one).filter_map(object).collect()
}

/// Returns the application of a Flask project, if it is the only one.
pub(super) fn flask(query: &Query<'_>) -> Step {
    if !query.may_have("flask") {
        return Step::none();
    }
    let wsgi: Vec<_> =
        from_files(query, "", "wsgi.py").into_iter().filter(|(_, file)| !file.contains("test")).collect();
    if let [(object, file)] = wsgi.as_slice() {
        return served(query, Interface::Wsgi, object, file);
    }
    let packages = own_packages(query);
    let in_packages = packages.iter().flat_map(|folder| IN_PACKAGE.map(|file| format!("{folder}/{file}")));
    let in_src = FLASK_FILES.map(|file| format!("src/{file}"));
    let files: Vec<_> = FLASK_FILES.map(str::to_owned).into_iter().chain(in_src).chain(in_packages).collect();
    let mut made = Vec::new();
    let mut factories = Vec::new();
    for file in files.iter().filter(|file| query.has(file)) {
        let (Some(text), Some(module)) = ((query.read)(file), module_of(query, "", file)) else { continue };
        let origin = format!("the application in {file}");
        if let Some(object) = object_of(&text, &["Flask", "create_app"], &["app", "application"]) {
            made.extend(serve(Interface::Wsgi, &format!("{module}:{object}"), query.names, query.port(), origin));
        } else if has_function(&text, "create_app") {
            let object = format!("{module}:create_app()");
            factories.extend(serve(Interface::Wsgi, &object, query.names, query.port(), origin));
        }
    }
    let by_function = served_each(query, Interface::Wsgi);
    if made.is_empty() && matches!(by_function, Step::Found(_)) {
        return by_function;
    }
    // Only gunicorn takes a call.
    factories.retain(|start| start.cmd.first().is_some_and(|program| program == "gunicorn"));
    match (made.is_empty(), factories.is_empty()) {
        (true, true) => by_function,
        (true, false) => Step::of(factories),
        (false, _) => Step::of(made),
    }
}

fn has_function(text: &str, function: &str) -> bool {
    statements(text).iter().any(|one| matches!(one, Statement::Function { name, .. } if name == function))
}

/// Returns the command that serves an application, or without a server among the locked
/// distributions the one that a server would need as a candidate.
fn served(query: &Query<'_>, interface: Interface, object: &str, origin: &str) -> Step {
    if let Some(start) = serve(interface, object, query.names, query.port(), origin) {
        return Step::Found(Box::new(start));
    }
    let start = serve(interface, object, None, query.port(), origin);
    let needs = |start: Start| Start { needs: start.cmd.first().cloned(), ..start };
    Step::Candidates(start.map(needs).into_iter().collect())
}
