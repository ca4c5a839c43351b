//! A package's list of files with their MD5.
//!
//! Source: deb-md5sums(5): 32 hexadecimal digits, two spaces, a path without the
//! slash it begins with. Links and folders have no line.

use std::fmt::Write as _;

use crate::package_db::Md5;
use crate::rootfs::RootPath;

/// Returns the paths that a list names, with their lines as written; what is no line of such a list
/// is left out.
pub fn lines(text: &[u8]) -> impl Iterator<Item = (RootPath, &[u8])> {
    text.split(|&b| b == b'\n').filter_map(|line| Some((path(line)?, line)))
}

/// Returns the path that a line names; none when it is no line of such a list.
pub fn path(line: &[u8]) -> Option<RootPath> {
    let (sum, rest) = line.split_at_checked(32)?;
    let path = rest.strip_prefix(b"  ")?;
    let path = RootPath::new(path).ok().filter(|path| !path.is_root())?;
    sum.iter().all(u8::is_ascii_hexdigit).then_some(path)
}

/// Returns one line; none for a name that would not fit on one.
#[must_use]
pub fn line(path: &RootPath, sum: &Md5) -> Option<Vec<u8>> {
    if path.as_bytes().contains(&b'\n') {
        return None;
    }
    let mut out = String::new();
    for byte in sum {
        let _ = write!(out, "{byte:02x}");
    }
    Some([out.as_bytes(), b"  ", path.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_written_and_back() {
        let path = RootPath::new("usr/lib/a b").unwrap();
        let line = line(&path, &[0xa; 16]).unwrap();
        assert_eq!(line, b"0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a  usr/lib/a b");
        let text = [&line[..], b"\n\nshort\n", b"0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a  ../x\n", b"Package: x\n"].concat();
        assert_eq!(lines(&text).collect::<Vec<_>>(), [(path, &line[..])]);
        assert_eq!(super::line(&RootPath::new("a\nb").unwrap(), &[0; 16]), None);
    }
}
