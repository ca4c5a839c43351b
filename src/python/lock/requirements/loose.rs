//! The error about requirements without an exact version.

use super::compile::Compile;
use super::item::Item;
use crate::python::lock::error::LockError;

/// The most requirements that a message lists, and the most characters that they have together.
const LISTED: usize = 20;
const LENGTH: usize = 800;

/// Returns one error about all of them.
pub(super) fn error(file: &str, loose: &[&Item], compile: &Compile, python: &str) -> LockError {
    let error = match loose {
        [one] => LockError::new(&one.at, format!("{} has no exact version", one.text)),
        _ => LockError::new(file, format!("{} requirements have no exact version: {}", loose.len(), list(file, loose))),
    };
    let keep = if compile.has_source() { "keep such requirements in the file that it is made from, and " } else { "" };
    error.with_hint(format!("{keep}pin them: {}", compile.hint(Some(python))))
}

/// Lists requirements: ``line 3 `django>=5`, base.txt:1 `six` and 2 more``.
fn list(file: &str, loose: &[&Item]) -> String {
    let mut out = String::new();
    for (index, one) in loose.iter().enumerate() {
        let place = match one.at.strip_prefix(file).and_then(|rest| rest.strip_prefix(':')) {
            Some(line) => format!("line {line}"),
            None => one.at.clone(),
        };
        let text = format!("{place} {}", one.text);
        if index == LISTED || out.len() + text.len() > LENGTH && index > 0 {
            return format!("{out} and {} more", loose.len() - index);
        }
        out.push_str(if index > 0 { ", " } else { "" });
        out.push_str(&text);
    }
    out
}
