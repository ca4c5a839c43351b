//! Finds the command that an application starts: reads the files that tell it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::context::Context;
use crate::compose::Contents as _;
use crate::diagnostic::{Code, Diagnostic};
use crate::plan::{App, Plan};
use crate::python::Interpreter;
use crate::python::entrypoint::{self, Found, LIMIT, Query, Unset, Unused};
use crate::python::wheel::Installed;
use crate::rootfs::{Content, LocalKind, Walk};

/// Returns whether a command has to be found: the image has Python, and nobody names an entrypoint.
pub fn is_wanted(plan: &Plan) -> bool {
    plan.image.entrypoint.is_none() && plan.runtime.is_some()
}

/// Finds the command of an application whose files are copied. `names` are those of the locked
/// distributions, if known.
pub fn of_files(cx: &Context, plan: &Plan, app: &App, walk: &Walk, names: Option<&BTreeSet<String>>) -> Found {
    let folder = app.to.to_string();
    let files = walk.entries.iter().filter_map(|entry| match &entry.kind {
        LocalKind::File(file) => Some((std::str::from_utf8(&entry.path).ok()?, file)),
        LocalKind::Folder | LocalKind::Link(_) => None,
    });
    let by_path: BTreeMap<_, _> = files.collect();
    let read = |path: &str| {
        let content = Content::Local(Arc::new((*by_path.get(path)?).clone()));
        String::from_utf8(cx.tars.read(&content, LIMIT).ok()?).ok()
    };
    let files: Vec<_> = walk.file_names().collect();
    entrypoint::find(&Query { files: &files, read: &read, folder: &folder, ..query(plan, app, names) })
}

/// Finds the command of an application whose wheel is installed.
pub fn of_wheel(plan: &Plan, app: &App, installed: &Installed, interpreter: &Interpreter) -> Found {
    // A `main.py` is not a command when it is installed as a module.
    let mut files: Vec<_> = installed.modules(interpreter).filter(|path| path.contains('/')).collect();
    files.sort_unstable();
    let folder = app.to.to_string();
    let query = Query { files: &files, folder: &folder, ..query(plan, app, None) };
    entrypoint::of_wheel(&query, &installed.name, &installed.scripts)
}

fn query<'a>(plan: &'a Plan, app: &'a App, names: Option<&'a BTreeSet<String>>) -> Query<'a> {
    let port = plan.image.env.get("PORT").and_then(|port| port.parse().ok());
    Query {
        project: app.project.as_ref(),
        files: &[],
        read: &|_| None,
        names,
        dockerfile: app.dockerfile.as_ref().map(|(name, text)| (name.as_str(), text.as_str())),
        procfile: app.procfile.as_deref(),
        folder: "/app",
        port,
    }
}

/// Warns of commands in the project's files that the image cannot start, and of variables whose
/// values are not known.
pub fn warn_of_unused(cx: &Context, found: &Found) {
    let start = found.start.as_ref().ok();
    for (start, Unset { name, part }) in start.iter().flat_map(|start| start.unset.iter().map(move |one| (start, one)))
    {
        let file = &start.origin;
        let message = format!("the image does not set `{name}` of the {file}: only a build by Docker knows {part}");
        let hint = format!("name its value if the program needs it: env = {{ {name} = \"…\" }} under [image]");
        cx.warn(Diagnostic::warning(Code::UnsetVariable, message).file(file).hint(hint));
    }
    for Unused { file, reason } in &found.unused {
        let message = format!("the command of the {file} is not used: {reason}");
        let hint = "name the command that the image starts: entrypoint = [\"python\", \"-m\", \"shop\"] under [image]";
        cx.warn(Diagnostic::warning(Code::UnusedCommand, message).file(file).hint(hint.to_owned()));
    }
}
