//! Git's index: the names of tracked files.
//!
//! Source: git's `gitformat-index.adoc`, versions 2 to 4, with SHA-1 or SHA-256; and
//! `gitrepository-layout.adoc` for a `.git` that is a file, as in worktrees and submodules. Of a
//! split index only its own entries are read. An unreadable index has no names: it only serves
//! warnings.

use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The largest index that is read, in bytes: half a million files.
const LARGEST: u64 = 64 << 20;
/// The largest `.git` file, in bytes.
const LARGEST_LINK: u64 = 4096;
/// The longest name, as in git.
const LONGEST: usize = 4096;
/// The length of times, device, inode, mode, owner and size, before the hash.
const STAT: usize = 40;
/// Regular files, links, submodules, and directories of a sparse index (`mode >> 12`).
const KINDS: [u32; 4] = [0o10, 0o12, 0o16, 0o04];

/// Calls a function with each name that a repository tracks, given the directory of its `.git`.
pub(super) fn for_each(repository: &Path, take: &mut dyn FnMut(&[u8])) {
    let Some(bytes) = git_folder(repository).and_then(|folder| read(&folder.join("index"), LARGEST)) else { return };
    // The index does not state the length of its hashes.
    for hash in [20, 32] {
        if entries(&bytes, hash, &mut |_| {}).is_some() {
            entries(&bytes, hash, take);
            return;
        }
    }
}

/// Returns whether the repository of a directory tracks a file below another directory in it.
pub fn tracks(repository: &Path, folder: &Path) -> bool {
    let Ok(folder) = folder.strip_prefix(repository) else { return false };
    let prefix = folder.join("").into_os_string().into_encoded_bytes();
    let mut found = false;
    for_each(repository, &mut |name| found |= name.starts_with(&prefix));
    found
}

fn git_folder(repository: &Path) -> Option<PathBuf> {
    let path = repository.join(".git");
    if path.is_dir() {
        return Some(path);
    }
    let text = String::from_utf8(read(&path, LARGEST_LINK)?).ok()?;
    Some(repository.join(text.strip_prefix("gitdir: ")?.trim_end_matches(['\r', '\n'])))
}

/// Reads a regular file that is not larger than a limit.
fn read(path: &Path, limit: u64) -> Option<Vec<u8>> {
    if !path.is_file() {
        return None;
    }
    let mut bytes = vec![];
    fs_err::File::open(path).ok()?.take(limit + 1).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 <= limit).then_some(bytes)
}

/// Calls a function with each name of an index with hashes of `hash` bytes; with none if it is not
/// such an index.
fn entries(bytes: &[u8], hash: usize, take: &mut dyn FnMut(&[u8])) -> Option<()> {
    let mut rest = bytes.strip_prefix(b"DIRC")?;
    let [version, count] = [number(&mut rest)?, number(&mut rest)?];
    if !(2..=4).contains(&version) {
        return None;
    }
    let mut name = vec![];
    for _ in 0..count {
        let start = rest.len();
        let (fixed, after) = rest.split_at_checked(STAT + hash + 2)?;
        rest = after;
        let mode = u32::from_be_bytes(fixed[24..28].try_into().ok()?);
        if !KINDS.contains(&(mode >> 12)) {
            return None;
        }
        let is_extended = fixed[STAT + hash] & 0x40 != 0;
        if is_extended && version >= 3 {
            rest = rest.get(2..)?;
        }
        let kept = if version == 4 { name.len().checked_sub(offset(&mut rest)?)? } else { 0 };
        let end = rest.iter().take(LONGEST).position(|&byte| byte == 0)?;
        name.truncate(kept);
        name.extend_from_slice(&rest[..end]);
        if name.len() > LONGEST {
            return None;
        }
        rest = &rest[end + 1..];
        if version < 4 {
            let used = start - rest.len();
            rest = rest.get(used.next_multiple_of(8) - used..)?;
        }
        take(&name);
    }
    (rest.len() >= hash).then_some(())
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    let (first, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u32::from_be_bytes(*first))
}

/// Reads a number of version 4, encoded as in packs.
fn offset(rest: &mut &[u8]) -> Option<usize> {
    let mut value = 0_usize;
    loop {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        value = value << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some(value);
        }
        value = value.checked_add(1)?;
        if value > LONGEST {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = ["a", "dir/one-name-that-is-long", "dir/one-other", "z"];

    /// Builds an index as git writes it.
    fn index(version: u32, hash: usize) -> Vec<u8> {
        let mut out = [b"DIRC".as_slice(), &version.to_be_bytes(), &4_u32.to_be_bytes()].concat();
        let mut before = "";
        for (at, name) in NAMES.iter().enumerate() {
            let start = out.len();
            out.extend([7; 24]);
            out.extend(0o100_644_u32.to_be_bytes());
            out.extend(vec![7; STAT - 28 + hash]);
            let extended = version >= 3 && at == 1;
            out.extend([if extended { 0x40 } else { 0 }, u8::try_from(name.len()).unwrap()]);
            out.extend(if extended { vec![0x20, 0] } else { vec![] });
            let same = name.bytes().zip(before.bytes()).take_while(|(one, two)| one == two).count();
            if version == 4 {
                out.push(u8::try_from(before.len() - same).unwrap());
                out.extend(name[same..].bytes().chain([0]));
            } else {
                out.extend(name.bytes().chain([0]));
                let used = out.len() - start;
                out.resize(start + used.next_multiple_of(8), 0);
            }
            before = name;
        }
        out.extend(vec![9; hash]);
        out
    }

    fn names(bytes: &[u8]) -> Vec<String> {
        let root = tempfile::tempdir().unwrap();
        fs_err::create_dir(root.path().join(".git")).unwrap();
        fs_err::write(root.path().join(".git/index"), bytes).unwrap();
        let mut names = vec![];
        for_each(root.path(), &mut |name| names.push(String::from_utf8(name.to_vec()).unwrap()));
        names
    }

    #[test]
    fn every_version_is_read_and_what_is_broken_tracks_nothing() {
        for version in 2..=4 {
            for hash in [20, 32] {
                let bytes = index(version, hash);
                assert_eq!(names(&bytes), NAMES, "version {version}, {hash} bytes");
                for end in (0..bytes.len() - hash).step_by(5) {
                    assert_eq!(names(&bytes[..end]), Vec::<String>::new(), "version {version} cut at {end}");
                }
            }
        }
        assert!(names(&index(5, 20)).is_empty());
        assert!(names(&[b"DIRC\0\0\0\x04\xff\xff\xff\xff".as_slice(), &[0xff; 200]].concat()).is_empty());
    }

    #[test]
    fn a_git_that_is_a_file_names_the_folder() {
        let root = tempfile::tempdir().unwrap();
        fs_err::create_dir_all(root.path().join("main/.git/worktrees/w")).unwrap();
        fs_err::create_dir(root.path().join("w")).unwrap();
        fs_err::write(root.path().join("main/.git/worktrees/w/index"), index(2, 20)).unwrap();
        fs_err::write(root.path().join("w/.git"), "gitdir: ../main/.git/worktrees/w\n").unwrap();
        let mut count = 0;
        for_each(&root.path().join("w"), &mut |_| count += 1);
        assert_eq!(count, NAMES.len());
        for (folder, tracked) in [("dir", true), ("", true), ("di", false), ("dir/one", false), ("../main", false)] {
            let top = root.path().join("w");
            assert_eq!(tracks(&top, &top.join(folder)), tracked, "{folder}");
        }
    }
}
