//! Scripts of the project, packages with a `__main__.py`, and files that are programs.

use std::collections::BTreeSet;

use super::step::Step;
use super::top_level::is_program;
use super::{Query, Start, web};
use crate::python::normalised;
use crate::python::project::src_layout;

/// Files at the root of a project that are meant to be started.
const PROGRAMS: [&str; 2] = ["main.py", "app.py"];
/// Files at the root of a project that tools start, not images.
const TOOLS: [&str; 8] =
    ["setup.py", "manage.py", "conftest.py", "noxfile.py", "tasks.py", "fabfile.py", "versioneer.py", "build.py"];
/// The most files that are read to find the one with `if __name__ == "__main__"`.
const READ: usize = 100;

/// Returns the script with the name of the project, or else the only one.
pub(super) fn scripts(query: &Query<'_>) -> Step {
    let Some(project) = query.project else { return Step::none() };
    let script = |name: &String| Start::program(vec![name.clone()], vec![name.clone()], &project.scripts_table);
    let own = project.name.as_deref().map(normalised);
    let named = project.scripts.keys().find(|script| own.as_deref() == Some(normalised(script).as_str()));
    match named {
        Some(named) => Step::Found(Box::new(script(named))),
        None => Step::of(project.scripts.keys().map(script).collect()),
    }
}

/// Returns the package of the project at its root or below `src` that has a `__main__.py`, or else
/// the only such package; a `__main__.py` at the root.
pub(super) fn packages(query: &Query<'_>) -> Step {
    let src = src_layout(query.files.iter().copied());
    let mut found: BTreeSet<(&str, &str)> = BTreeSet::new();
    for file in query.files {
        let below = file.strip_prefix("src/").filter(|_| src).unwrap_or(file);
        if let Some(package) = below.strip_suffix("/__main__.py").filter(|package| !package.contains('/')) {
            found.insert((package, file));
        }
    }
    let own = query.project.and_then(|project| project.name.as_deref()).map(normalised);
    let own = found.iter().find(|(package, _)| own.as_deref() == Some(normalised(package).as_str())).copied();
    let chosen = own.map_or_else(|| found.into_iter().collect(), |own| vec![own]);
    let mut all: Vec<_> = chosen
        .into_iter()
        .map(|(package, file)| {
            let words = ["python", "-m", package].map(str::to_owned).to_vec();
            Start::program(words.clone(), words, file)
        })
        .collect();
    if query.has("__main__.py") {
        all.push(of_file(query, "__main__.py"));
    }
    Step::of(all)
}

/// Returns `main.py` or `app.py`, or else the only file at the root with
/// `if __name__ == "__main__"`. The module of a web application is a program only with that line.
pub(super) fn files(query: &Query<'_>) -> Step {
    let is_started = |file: &str| {
        let Some(text) = (query.read)(file) else { return true };
        is_program(&text) || !web::is_application(query, file, &text)
    };
    let named: Vec<_> = PROGRAMS.into_iter().filter(|file| query.has(file) && is_started(file)).collect();
    if !named.is_empty() {
        return Step::of(named.into_iter().map(|file| of_file(query, file)).collect());
    }
    let is_module = |file: &&&str| {
        file.strip_suffix(".py").is_some_and(|name| !name.contains('/') && !name.starts_with("test_"))
            && !TOOLS.contains(file)
            && !PROGRAMS.contains(file)
    };
    let modules = query.files.iter().filter(is_module).take(READ);
    let programs = modules.filter(|file| (query.read)(file).is_some_and(|text| is_program(&text)));
    Step::of(programs.map(|file| of_file(query, file)).collect())
}

/// Returns the command that starts a file of the project.
fn of_file(query: &Query<'_>, file: &str) -> Start {
    let path = format!("{}/{file}", query.folder.trim_end_matches('/'));
    let words = |path: &str| vec!["python".to_owned(), path.to_owned()];
    Start::program(words(&path), words(file), file)
}
