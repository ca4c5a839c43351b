//! A distribution's `RECORD`, told of files that were moved, changed or left out.
//!
//! Source: PyPA, "Recording installed projects": CSV lines of path, hash, size;
//! the hash is urlsafe base64 without padding.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::oci::Digest;

/// What became of a file that a `RECORD` may list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It is called something else now, with this content.
    Moved { path: String, digest: Digest, size: u64 },
    /// It is not in the image.
    Gone,
}

/// Rewrites a `RECORD`: lines of files with a fate change, the others stay as they
/// are, bytes and order. None when no line changes.
#[must_use]
pub fn rewrite(record: &str, fates: &BTreeMap<String, Fate>) -> Option<String> {
    let mut changed = false;
    let mut out = String::with_capacity(record.len());
    for line in record.split_inclusive('\n') {
        match path_of(line).and_then(|path| fates.get(&path)) {
            None => out.push_str(line),
            Some(Fate::Gone) => changed = true,
            Some(Fate::Moved { path, digest, size }) => {
                changed = true;
                let end = if line.ends_with("\r\n") { "\r\n" } else { "\n" };
                let _ =
                    write!(out, "{},sha256={},{size}{end}", quoted(path), URL_SAFE_NO_PAD.encode(digest.as_bytes()));
            }
        }
    }
    changed.then_some(out)
}

/// The first field of a CSV line.
pub(super) fn path_of(line: &str) -> Option<String> {
    let Some(rest) = line.strip_prefix('"') else { return Some(line.split(',').next()?.trim_end().to_owned()) };
    let mut out = String::new();
    let mut chars = rest.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '"' {
            out.push(c);
        } else if chars.next_if_eq(&'"').is_some() {
            out.push('"');
        } else {
            return Some(out);
        }
    }
    None
}

fn quoted(path: &str) -> String {
    if path.contains(['"', ',', '\n']) { format!("\"{}\"", path.replace('"', "\"\"")) } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_a_fate_change_and_the_others_do_not() {
        let record = "bin/x,sha256=old,10\r\n\"a,b.py\",sha256=keep,1\n__pycache__/x.pyc,,\npkg/x.py,sha256=keep,2\n";
        let moved = Fate::Moved { path: "../../../bin/x".to_owned(), digest: Digest::of(b""), size: 0 };
        let fates = BTreeMap::from([("bin/x".to_owned(), moved), ("__pycache__/x.pyc".to_owned(), Fate::Gone)]);
        let want = "../../../bin/x,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\r\n\"a,b.py\",sha256=keep,1\npkg/x.py,sha256=keep,2\n";
        assert_eq!(rewrite(record, &fates).as_deref(), Some(want));
        assert_eq!(rewrite("pkg/x.py,,\n", &fates), None);
    }
}
