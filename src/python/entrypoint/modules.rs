//! Modules of a project by their files.

use super::Query;
use super::top_level::{Statement, statements};
use crate::python::normalised;
use crate::python::project::src_layout;

/// Returns the name by which a file of the project is imported: `shop.web` for `shop/web.py` and
/// for `src/shop/web.py`; none for a file that is no module.
pub(super) fn module_of(query: &Query<'_>, root: &str, file: &str) -> Option<String> {
    let below = match root {
        "" => file.strip_prefix("src/").filter(|_| src_layout(query.files.iter().copied())).unwrap_or(file),
        root => file.strip_prefix(root)?.strip_prefix('/')?,
    };
    let path = below.strip_suffix(".py")?;
    let path = path.strip_suffix("/__init__").unwrap_or(path);
    let is_name = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || c == '_');
    path.split('/').all(is_name).then(|| path.replace('/', "."))
}

/// Returns the package directories of the project itself: the one with its name, or else the only
/// package at the root or below `src`.
pub(super) fn own_packages(query: &Query<'_>) -> Vec<String> {
    let src = src_layout(query.files.iter().copied());
    let packages = query.files.iter().filter_map(|file| {
        let folder = file.strip_suffix("/__init__.py")?;
        let below = folder.strip_prefix("src/").filter(|_| src).unwrap_or(folder);
        (!below.contains('/') && !["tests", "test", "docs", "migrations"].contains(&below)).then_some((below, folder))
    });
    let packages: Vec<_> = packages.collect();
    let name = query.project.and_then(|project| project.name.as_deref()).map(normalised);
    let own = packages.iter().find(|(package, _)| name.as_deref() == Some(normalised(package).as_str()));
    match (own, packages.as_slice()) {
        (Some((_, folder)), _) | (None, [(_, folder)]) => vec![(*folder).to_owned()],
        _ => Vec::new(),
    }
}

/// Returns the object of a module that a call of one of these names makes: one of the preferred
/// names, or else the first.
pub(super) fn object_of(text: &str, callees: &[&str], preferred: &[&str]) -> Option<String> {
    let calls = statements(text).into_iter().filter_map(|statement| match statement {
        Statement::Call { name, callee } if callees.contains(&callee.as_str()) => Some(name),
        _ => None,
    });
    let calls: Vec<_> = calls.collect();
    let chosen = preferred.iter().find(|name| calls.iter().any(|call| call == *name));
    chosen.map(|name| (*name).to_owned()).or_else(|| calls.into_iter().next())
}

/// Returns the first of these names that a module's top level makes: by a call, an import or a
/// function.
pub(super) fn name_of(text: &str, names: &[&str]) -> Option<String> {
    let made = statements(text);
    let makes = |wanted: &str| {
        made.iter().any(|statement| match statement {
            Statement::Call { name, .. } | Statement::Import { name, .. } => name == wanted,
            _ => false,
        })
    };
    names.iter().find(|name| makes(name)).map(|name| (*name).to_owned())
}
