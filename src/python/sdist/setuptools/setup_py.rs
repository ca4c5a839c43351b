//! `setup.py`: the arguments of `setup()`, as far as the text of the file decides them.

use ruff_python_ast::{Expr, Stmt};

use super::scope::{Scope, Stop};
use super::settings::{Plain, Setting, Settings, computed};
use super::value::{Unknown, Value};
use crate::python::sdist::error::SdistError;
use crate::python::sdist::files::SdistFiles;
use crate::python::syntax_depth;

const FILE: &str = "setup.py";
/// The most bytes of a `setup.py`. Assumed: the longest ones have some ten thousand.
const LIMIT: usize = 256 << 10;

/// Returns the arguments of `setup()`. Returns none for an sdist without `setup.py`.
///
/// # Errors
/// The file is not Python 3, or the call is not reached on every machine.
pub fn settings(files: &SdistFiles) -> Result<Option<Settings>, SdistError> {
    let unreadable = |cause: &str| SdistError::Unreadable { file: FILE.to_owned(), cause: cause.to_owned() };
    if !files.has(FILE) {
        return Ok(None);
    }
    let source = files.text(FILE).ok_or_else(|| unreadable("it is not UTF-8"))?;
    if source.len() > LIMIT {
        return Err(unreadable("it is too long"));
    }
    let source = source.strip_prefix('\u{feff}').unwrap_or(&source);
    let parsed = syntax_depth::parsed(source).map_err(|cause| unreadable(&cause))?;
    let mut scope = Scope::new(files);
    if let Some(Stmt::Expr(first)) = parsed.syntax().body.first()
        && let Expr::StringLiteral(text) = &*first.value
    {
        scope.globals.insert("__doc__".to_owned(), Value::str(text.value.to_str()));
    }
    match scope.block(&parsed.syntax().body) {
        Ok(_) | Err(Stop::Exit) if scope.setup.is_some() => {}
        Ok(_) | Err(Stop::Exit | Stop::Raised) => {
            return Err(SdistError::Program(format!("{FILE} without a plain call of `setup()`")));
        }
        Err(Stop::Limit) => return Err(SdistError::Program(format!("a long {FILE}"))),
        Err(Stop::Conditional) => return Err(SdistError::Program(format!("{FILE} with `setup()` under a condition"))),
    }
    if let Some(patched) =
        scope.patched.iter().find(|name| name.starts_with("setuptools") || name.starts_with("distutils"))
    {
        return Err(SdistError::Program(format!("{FILE}, which changes `{patched}`,")));
    }
    let mut settings = Settings::default();
    for (name, value) in scope.setup.take().unwrap_or_default() {
        if name == "**" {
            return Err(computed(FILE, "setup()", value.unknown().unwrap_or(Unknown::Machine)));
        }
        let keys = keys(&value);
        let value = extensions(&name, &value).unwrap_or_else(|| Plain::of(&value));
        settings.0.insert(name, Setting { value, file: FILE, keys });
    }
    Ok(Some(settings))
}

/// Returns the keys of a dictionary whose values are not decided: `cmdclass`.
fn keys(value: &Value<'_>) -> Option<Vec<String>> {
    match value {
        Value::Dict(dict) if dict.borrow().unknown.is_none() => {
            dict.borrow().items.iter().map(|(key, _)| Some(key.text()?.to_string())).collect()
        }
        _ => None,
    }
}

/// Returns whether a list of extension modules has any, without their details.
fn extensions(name: &str, value: &Value<'_>) -> Option<Result<Plain, Unknown>> {
    match value {
        Value::List(list)
            if name == "ext_modules" && list.borrow().unknown.is_none() && !list.borrow().items.is_empty() =>
        {
            Some(Ok(Plain::Bool(true)))
        }
        _ => None,
    }
}
