//! The folders that `/etc/ld.so.conf` and what it includes name.
//!
//! Source: ldconfig(8); glibc's `elf/ldconfig.c`, `parse_conf`: `#` begins a
//! comment, `include` takes globs relative to the file's folder, `hwcap` is ignored.

use std::collections::BTreeSet;

use globset::GlobBuilder;

use crate::rootfs::{RootPath, Tree};

/// The folders, in order, without repetition. `text` reads a small file of the tree.
pub fn folders(tree: &Tree, text: &mut dyn FnMut(&RootPath) -> Option<String>) -> Vec<RootPath> {
    let Ok(conf) = RootPath::new("etc/ld.so.conf") else { return Vec::new() };
    let mut out = Vec::new();
    read(tree, text, &conf, &mut out, &mut BTreeSet::new());
    out
}

fn read(
    tree: &Tree,
    text: &mut dyn FnMut(&RootPath) -> Option<String>,
    file: &RootPath,
    out: &mut Vec<RootPath>,
    seen: &mut BTreeSet<RootPath>,
) {
    if !seen.insert(file.clone()) {
        return;
    }
    let Some(content) = text(file) else { return };
    for line in content.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if let Some(patterns) = line.strip_prefix("include").filter(|rest| rest.starts_with([' ', '\t'])) {
            for pattern in patterns.split_whitespace() {
                for file in included(tree, file, pattern) {
                    read(tree, text, &file, out, seen);
                }
            }
        } else if line.starts_with('/') {
            let folder = line.split(['=', ' ', '\t']).next().unwrap_or_default();
            if let Ok(folder) = RootPath::new(folder)
                && !out.contains(&folder)
            {
                out.push(folder);
            }
        }
    }
}

fn included(tree: &Tree, file: &RootPath, pattern: &str) -> Vec<RootPath> {
    let pattern = if pattern.starts_with('/') {
        pattern.trim_start_matches('/').to_owned()
    } else {
        let folder = file.parent().unwrap_or_default();
        format!("{}/{pattern}", folder.to_string().trim_start_matches('/'))
    };
    let Ok(glob) = GlobBuilder::new(&pattern).literal_separator(true).build() else { return Vec::new() };
    let matcher = glob.compile_matcher();
    let paths = tree.iter().map(|(path, _)| path);
    paths.filter(|path| matcher.is_match(crate::rootfs::select::as_path(path))).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rootfs::Entry;

    #[test]
    fn includes_are_followed_once_and_in_order() {
        let files = [
            ("etc/ld.so.conf", "include /etc/ld.so.conf.d/*.conf\n/opt/last # here\n"),
            ("etc/ld.so.conf.d/a.conf", "# comment\n/usr/local/lib\n"),
            (
                "etc/ld.so.conf.d/b.conf",
                "/lib/x86_64-linux-gnu\ninclude ../ld.so.conf\ninclude b.conf\n/usr/local/lib\n",
            ),
        ];
        let tree: Tree =
            files.map(|(name, _)| (RootPath::new(name).unwrap(), Entry::bytes(0o644, *b""))).into_iter().collect();
        let mut text = |path: &RootPath| {
            files.iter().find(|(name, _)| RootPath::new(name).unwrap() == *path).map(|(_, text)| (*text).to_owned())
        };
        let folders: Vec<_> = folders(&tree, &mut text).iter().map(ToString::to_string).collect();
        assert_eq!(folders, ["/usr/local/lib", "/lib/x86_64-linux-gnu", "/opt/last"]);
    }
}
