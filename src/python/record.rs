//! The `RECORD` of a distribution, updated for files that were moved, changed or left out.
//!
//! Source: PyPA, "Recording installed projects": CSV lines of path, hash, size;
//! the hash is urlsafe base64 without padding.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::oci::Digest;
use crate::rootfs::RootPath;

/// The change of a file that a `RECORD` may list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RecordChange {
    /// The file has this new path and content.
    Moved { path: String, digest: Digest, size: u64 },
    /// The file is not in the image.
    Gone,
}

/// Rewrites a `RECORD`. Lines of changed files change; all other lines keep their bytes and order.
/// Returns `None` if no line changes.
#[must_use]
pub fn rewrite(record: &str, fates: &BTreeMap<String, RecordChange>) -> Option<String> {
    let mut changed = false;
    let mut out = String::with_capacity(record.len());
    for line in record.split_inclusive('\n') {
        match path_of(line).and_then(|path| fates.get(&path)) {
            None => out.push_str(line),
            Some(RecordChange::Gone) => changed = true,
            Some(RecordChange::Moved { path, digest, size }) => {
                changed = true;
                let end = if line.ends_with("\r\n") { "\r\n" } else { "\n" };
                let _ = write!(out, "{}{end}", line_of(path, digest, *size));
            }
        }
    }
    changed.then_some(out)
}

/// Returns the line of a file, without the line break.
#[must_use]
pub fn line_of(path: &str, digest: &Digest, size: u64) -> String {
    format!("{},sha256={},{size}", quoted(path), URL_SAFE_NO_PAD.encode(digest.as_bytes()))
}

/// Returns the path of a file relative to the directory `site`, with `..` where necessary.
#[must_use]
pub fn relative(site: &RootPath, path: &RootPath) -> String {
    let common = site.parts().zip(path.parts()).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n("..".into(), site.parts().count() - common);
    let down = path.parts().skip(common).map(String::from_utf8_lossy);
    up.chain(down).collect::<Vec<_>>().join("/")
}

/// Returns the RECORD at the path `own` for files with digest and size: sorted, relative to the
/// site directory.
pub(super) fn written<'a>(
    site: &RootPath,
    own: &RootPath,
    files: impl Iterator<Item = (&'a RootPath, Digest, u64)>,
) -> String {
    let lines = files.map(|(path, digest, size)| {
        let path = relative(site, path);
        (line_of(&path, &digest, size), path)
    });
    let own = relative(site, own);
    let own = (format!("{},,", quoted(&own)), own);
    let mut lines: Vec<_> = lines.chain([own]).collect();
    lines.sort_by(|(_, a), (_, b)| a.cmp(b));
    lines.into_iter().map(|(line, _)| line + "\n").collect()
}

/// Returns the first field of a CSV line.
pub(super) fn path_of(line: &str) -> Option<String> {
    Some(field(line)?.0.trim_end().to_owned())
}

/// Returns the fields of a CSV line; `None` for an unclosed quote.
pub(super) fn fields(line: &str) -> Option<Vec<String>> {
    let mut out = Vec::new();
    let mut rest = Some(line);
    while let Some(text) = rest {
        let (value, more) = field(text)?;
        out.push(value);
        rest = more;
    }
    Some(out)
}

/// Splits a CSV line into its first field and the rest after the comma.
fn field(line: &str) -> Option<(String, Option<&str>)> {
    let Some(quoted) = line.strip_prefix('"') else {
        return Some(match line.split_once(',') {
            Some((value, rest)) => (value.to_owned(), Some(rest)),
            None => (line.to_owned(), None),
        });
    };
    let mut out = String::new();
    let mut chars = quoted.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c != '"' || chars.next_if(|(_, next)| *next == '"').is_some() {
            out.push(c);
            continue;
        }
        let rest = &quoted[at + 1..];
        return Some((out, rest.split_once(',').map(|(_, rest)| rest)));
    }
    None
}

pub(super) fn quoted(path: &str) -> String {
    if path.contains(['"', ',', '\n']) { format!("\"{}\"", path.replace('"', "\"\"")) } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_with_a_fate_change_and_the_others_do_not() {
        let record = "bin/x,sha256=old,10\r\n\"a,b.py\",sha256=keep,1\n__pycache__/x.pyc,,\npkg/x.py,sha256=keep,2\n";
        let moved = RecordChange::Moved { path: "../../../bin/x".to_owned(), digest: Digest::of(b""), size: 0 };
        let fates = BTreeMap::from([("bin/x".to_owned(), moved), ("__pycache__/x.pyc".to_owned(), RecordChange::Gone)]);
        let want = "../../../bin/x,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\r\n\"a,b.py\",sha256=keep,1\npkg/x.py,sha256=keep,2\n";
        assert_eq!(rewrite(record, &fates).as_deref(), Some(want));
        assert_eq!(rewrite("pkg/x.py,,\n", &fates), None);
    }

    #[test]
    fn quotes_hide_commas_and_quotes() {
        let fields = |line: &str| fields(line).map(|fields| fields.join("|"));
        assert_eq!(fields("a b,sha256=x,1").as_deref(), Some("a b|sha256=x|1"));
        assert_eq!(fields("\"a,\"\"b\"\"\",,").as_deref(), Some("a,\"b\"||"));
        assert_eq!(fields("\"a,b"), None);
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
    }

    #[test]
    fn paths_go_up_and_down() {
        let root = |path: &str| RootPath::new(path).unwrap();
        let site = root("usr/local/lib/python3.13/site-packages");
        assert_eq!(relative(&site, &root("usr/local/bin/flask")), "../../../bin/flask");
        assert_eq!(relative(&site, &site.child(b"six.py")), "six.py");
        assert_eq!(relative(&site, &root("etc/x")), "../../../../../etc/x");
    }
}
