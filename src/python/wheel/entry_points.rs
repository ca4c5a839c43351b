//! The console and GUI scripts of a distribution: `entry_points.txt`.
//!
//! Source: PyPA, "Entry points specification". Lines are parsed as `importlib.metadata` does it,
//! which pip uses: `#` starts a comment, names keep their case, indentation has no meaning. Extras
//! in brackets are ignored: a user who wants the script has installed them.

use std::collections::BTreeMap;

use super::error::WheelFault;
use crate::python::is_identifier;

/// The largest number of characters of an invalid line that are shown.
const SHOWN: usize = 200;
/// The largest number of scripts of a distribution. Assumed: popular ones have some dozens.
const SCRIPTS: usize = 4096;
/// The largest length of a file name on Linux (`limits.h`).
const NAME_LENGTH: usize = 255;

/// A function that a script calls.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Function {
    /// The module: `flask.cli`.
    pub module: String,
    /// The object: `main`, or `Group.main`.
    pub object: String,
    /// Whether the script is a console script.
    pub console: bool,
}

/// Returns the scripts of both kinds by name. The later of two scripts with one name is used.
pub fn scripts(text: &str) -> Result<BTreeMap<String, Function>, WheelFault> {
    let mut out = BTreeMap::new();
    let mut section = None;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';'])) {
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            let kinds = [("console_scripts", true), ("gui_scripts", false)];
            section = kinds.into_iter().find(|(kind, _)| *kind == name.trim());
        } else if let Some((_, console)) = section {
            let bad = || WheelFault::EntryPoint(line.chars().take(SHOWN).collect());
            let (name, value) = line.split_once('=').ok_or_else(bad)?;
            let (name, function) = (name.trim(), function(value, console).ok_or_else(bad)?);
            if !is_file_name(name) {
                return Err(WheelFault::ScriptName(name.chars().take(SHOWN).collect()));
            }
            out.insert(name.to_owned(), function);
            if out.len() > SCRIPTS {
                return Err(WheelFault::Scripts(SCRIPTS));
            }
        }
    }
    Ok(out)
}

/// Parses `module:object [extras]`.
fn function(value: &str, console: bool) -> Option<Function> {
    let value = value.trim();
    let value = match value.split_once('[') {
        Some((value, extras)) => extras.ends_with(']').then_some(value)?,
        None => value,
    };
    let (module, object) = value.split_once(':')?;
    let (module, object) = (module.trim(), object.trim());
    let dotted = |text: &str| text.split('.').all(is_identifier);
    (dotted(module) && dotted(object)).then(|| Function {
        module: module.to_owned(),
        object: object.to_owned(),
        console,
    })
}

fn is_file_name(name: &str) -> bool {
    (1..=NAME_LENGTH).contains(&name.len())
        && name != "."
        && name != ".."
        && !name.contains(|c: char| c == '/' || c == '\\' || c.is_control())
}

impl Function {
    /// Returns the script that calls the function and exits with its result, in the form of uv 0.9,
    /// which also runs on Python 2.
    #[must_use]
    pub fn launcher(&self, shebang: &str) -> String {
        let Self { module, object, .. } = self;
        let import = object.split('.').next().unwrap_or_default();
        format!(
            "{shebang}\n\
             # -*- coding: utf-8 -*-\n\
             import sys\n\
             from {module} import {import}\n\
             if __name__ == \"__main__\":\n    \
                 if sys.argv[0].endswith(\"-script.pyw\"):\n        \
                     sys.argv[0] = sys.argv[0][:-11]\n    \
                 elif sys.argv[0].endswith(\".exe\"):\n        \
                     sys.argv[0] = sys.argv[0][:-4]\n    \
                 sys.exit({object}())\n"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_of_both_kinds_are_read_and_others_are_not() {
        let text = "# x\n[other]\nbad\n[console_scripts]\nFlask = flask.cli:main [dotenv]\r\n  f = a:B.c\n; y\n\n[ gui_scripts ]\ng=\u{e9}t\u{e9}._x : y\n";
        let found = scripts(text).unwrap();
        let listed: Vec<_> = found.iter().map(|(name, f)| format!("{name}={}:{}", f.module, f.object)).collect();
        assert_eq!(listed, ["Flask=flask.cli:main", "f=a:B.c", "g=\u{e9}t\u{e9}._x:y"]);
        assert!(found["f"].launcher("#!/p").contains("\nfrom a import B\n"));
        assert!(found["f"].launcher("#!/p").ends_with("\n    sys.exit(B.c())\n"));
    }

    #[test]
    fn unsafe_names_and_functions_are_refused() {
        for line in ["x", "x = a", "x = a:", "x = a:b()", "x = a:b;import os", "x = a b:c", "x = 1a:b", "x = a:b [c"] {
            let found = scripts(&format!("[console_scripts]\n{line}\n"));
            assert!(matches!(found, Err(WheelFault::EntryPoint(_))), "{line}: {found:?}");
        }
        for name in ["", "..", "a/b", "../../x", "a\\b", "a\u{1}b", &"x".repeat(256)] {
            let found = scripts(&format!("[console_scripts]\n{name} = a:b\n"));
            assert!(matches!(found, Err(WheelFault::ScriptName(_))), "{name}: {found:?}");
        }
    }
}
