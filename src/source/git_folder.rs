//! Checks the files of a git repository before they are opened.
//!
//! Source: git's `gitrepository-layout.adoc`. A `.git` that is a file leads elsewhere in worktrees
//! and submodules: the directory there has to lead back. What git keeps in regular files must be in
//! regular files of a sensible size: a pipe or a device has no end.

use std::collections::BTreeSet;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::path_bounds::real;

/// The largest file with a path or a reference, in bytes.
const REFERENCE: u64 = 64 << 10;
/// The largest configuration, in bytes.
const CONFIGURATION: u64 = 1 << 20;
/// The largest list of references or commits, in bytes.
const LIST: u64 = 256 << 20;
/// The deepest directory of references or objects.
const DEEPEST: usize = 32;
/// The most files of references and objects.
const ENTRIES: usize = 2_000_000;
/// The most databases of objects, each of which names others; git has the same limit for a chain.
const ALTERNATES: usize = 5;

/// Files of a repository beside its references and objects, with their largest sizes.
const FILES: [(&str, u64); 7] = [
    ("HEAD", REFERENCE),
    ("commondir", REFERENCE),
    ("config", CONFIGURATION),
    ("config.worktree", CONFIGURATION),
    ("gitdir", REFERENCE),
    ("packed-refs", LIST),
    ("shallow", LIST),
];

/// Checks the repository of a work tree. `is_inside` tells whether a path is within the bounds of
/// the project.
///
/// # Errors
/// The reason why the repository is not read, without paths outside of the work tree.
pub(super) fn check(work_tree: &Path, is_inside: &dyn Fn(&Path) -> bool) -> Result<(), String> {
    let own = work_tree.join(".git");
    let is_own = own.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
    let git = if own.is_dir() { own.clone() } else { linked(work_tree)? };
    let git = real(&git).map_err(|_| "its `.git` leads around in circles".to_owned())?;
    for (name, largest) in FILES {
        check_file(&git.join(name), name, largest)?;
    }
    let common = match text(&git.join("commondir"), REFERENCE) {
        Some(path) => real(&git.join(path.trim_end_matches(['\r', '\n']))).unwrap_or_default(),
        None => git.clone(),
    };
    if common != git && !git.starts_with(common.join("worktrees")) {
        return Err("its `commondir` leads to a directory that has no such worktree".to_owned());
    }
    if !is_own && !is_inside(&git) && !leads_back(&git, work_tree) {
        return Err("its `.git` leads to a directory that does not lead back".to_owned());
    }
    if common != git {
        for (name, largest) in FILES {
            check_file(&common.join(name), name, largest)?;
        }
    }
    let mut files = Files { left: ENTRIES };
    for folder in BTreeSet::from([&git, &common]) {
        files.check(&folder.join("refs"), REFERENCE, 0)?;
    }
    files.check_objects(&common.join("objects"))
}

/// Returns the directory that a `.git` file names.
fn linked(work_tree: &Path) -> Result<PathBuf, String> {
    let named = text(&work_tree.join(".git"), REFERENCE);
    let named = named.as_deref().and_then(|text| text.strip_prefix("gitdir: "));
    let folder = named.map(|path| work_tree.join(path.trim_end_matches(['\r', '\n'])));
    folder.filter(|folder| folder.is_dir()).ok_or_else(|| "its `.git` file names no directory".to_owned())
}

/// Returns whether a git directory names a work tree as its own: the `gitdir` of a worktree,
/// `core.worktree` of a submodule.
fn leads_back(git: &Path, work_tree: &Path) -> bool {
    let is_same = |named: &Path, path: &Path| matches!((real(&git.join(named)), real(path)), (Ok(a), Ok(b)) if a == b);
    let of_worktree = text(&git.join("gitdir"), REFERENCE)
        .is_some_and(|path| is_same(Path::new(path.trim_end_matches(['\r', '\n'])), &work_tree.join(".git")));
    let of_submodule = || {
        let text = text(&git.join("config"), CONFIGURATION)?;
        let config = gix::config::File::try_from(text.as_str()).ok()?;
        let named = config.string("core.worktree")?.to_string();
        Some(is_same(Path::new(&named), work_tree))
    };
    of_worktree || of_submodule() == Some(true)
}

/// Returns the text of a regular file of limited size.
fn text(path: &Path, largest: u64) -> Option<String> {
    if !path.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    fs_err::File::open(path).ok()?.take(largest + 1).read_to_end(&mut bytes).ok()?;
    String::from_utf8(bytes).ok().filter(|text| text.len() as u64 <= largest)
}

/// Checks that a file is absent, or a regular file of limited size.
fn check_file(path: &Path, name: &str, largest: u64) -> Result<(), String> {
    match path.metadata() {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(format!("its `{name}` cannot be read")),
        Ok(metadata) if !metadata.is_file() => Err(format!("its `{name}` is not a regular file")),
        Ok(metadata) if metadata.len() > largest => Err(format!("its `{name}` has more than {largest} bytes")),
        _ => Ok(()),
    }
}

/// The number of files that may still be looked at.
struct Files {
    left: usize,
}

impl Files {
    /// Checks that a directory has only regular files and directories with such.
    fn check(&mut self, folder: &Path, largest: u64, depth: usize) -> Result<(), String> {
        let kind = if largest == u64::MAX { "objects" } else { "refs" };
        let Ok(entries) = fs_err::read_dir(folder) else { return Ok(()) };
        if depth > DEEPEST {
            return Err(format!("its `{kind}` are nested too deeply"));
        }
        for entry in entries {
            let entry = entry.map_err(|_| format!("its `{kind}` cannot be listed"))?;
            self.left = self.left.checked_sub(1).ok_or_else(|| format!("its `{kind}` are too many"))?;
            let file_type = entry.file_type().map_err(|_| format!("its `{kind}` cannot be listed"))?;
            if file_type.is_dir() {
                self.check(&entry.path(), largest, depth + 1)?;
            } else if largest < u64::MAX || !file_type.is_file() {
                check_file(&entry.path(), kind, largest)?;
            }
        }
        Ok(())
    }

    /// Checks a database of objects, and those that its `info/alternates` name.
    fn check_objects(&mut self, objects: &Path) -> Result<(), String> {
        let (mut open, mut seen) = (vec![objects.to_owned()], BTreeSet::new());
        while let Some(folder) = open.pop() {
            let place = real(&folder).map_err(|_| "its `objects` lead around in circles".to_owned())?;
            if !seen.insert(place) {
                return Err("its `objects/info/alternates` lead around in circles".to_owned());
            }
            if seen.len() > ALTERNATES {
                return Err("its `objects/info/alternates` name too many directories".to_owned());
            }
            self.check(&folder, u64::MAX, 0)?;
            let alternates = folder.join("info/alternates");
            check_file(&alternates, "objects/info/alternates", REFERENCE)?;
            let text = text(&alternates, REFERENCE).unwrap_or_default();
            for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
                let other = folder.join(line);
                if line.starts_with('"') || !other.is_dir() {
                    return Err("its `objects/info/alternates` names no directory".to_owned());
                }
                open.push(other);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Runs a program and returns whether it succeeds.
    fn run(program: &str, folder: &Path, args: &[&str]) -> bool {
        let mut command = std::process::Command::new(program);
        command.current_dir(folder).args(args).env("GIT_CONFIG_GLOBAL", "/dev/null");
        command.output().unwrap().status.success()
    }

    fn git(folder: &Path, args: &[&str]) {
        let settings = ["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "protocol.file.allow=always"];
        assert!(run("git", folder, &[&settings[..], args].concat()), "{args:?}");
    }

    fn outside(work_tree: &Path) -> Result<(), String> {
        check(work_tree, &|_| false)
    }

    /// A repository with a commit, in the directory `name`.
    fn repository(world: &Path, name: &str) -> PathBuf {
        let folder = world.join(name);
        fs_err::create_dir(&folder).unwrap();
        git(&folder, &["init", "-q"]);
        git(&folder, &["commit", "-q", "--allow-empty", "-m", "x"]);
        folder
    }

    #[test]
    fn worktrees_submodules_and_borrowed_objects_are_read() {
        let world = tempfile::tempdir().unwrap();
        let main = repository(world.path(), "main");
        git(&main, &["worktree", "add", "-q", "../tree"]);
        let outer = repository(world.path(), "outer");
        git(&outer, &["submodule", "--quiet", "add", "../main", "below"]);
        git(world.path(), &["clone", "-q", "--shared", "main", "shared"]);
        for folder in ["main", "tree", "outer", "outer/below", "shared"] {
            assert_eq!(outside(&world.path().join(folder)), Ok(()), "{folder}");
        }
        let separate = world.path().join("separate");
        fs_err::create_dir(&separate).unwrap();
        git(&separate, &["init", "-q", "--separate-git-dir", "../elsewhere"]);
        assert!(outside(&separate).unwrap_err().contains("does not lead back"));
        assert_eq!(check(&separate, &|path| path.ends_with("elsewhere")), Ok(()));
    }

    #[test]
    fn a_git_file_does_not_lead_to_other_directories() {
        let world = tempfile::tempdir().unwrap();
        let victim = repository(world.path(), "victim");
        git(&victim, &["worktree", "add", "-q", "../tree"]);
        let hostile = world.path().join("hostile");
        fs_err::create_dir(&hostile).unwrap();
        for (text, cause) in [
            (format!("gitdir: {}\n", victim.join(".git").display()), "does not lead back"),
            (format!("gitdir: {}\n", victim.join(".git/worktrees/tree").display()), "does not lead back"),
            ("gitdir: /etc\n".to_owned(), "does not lead back"),
            ("gitdir: /nowhere\n".to_owned(), "names no directory"),
            ("x".repeat(1 << 20), "names no directory"),
        ] {
            fs_err::write(hostile.join(".git"), text).unwrap();
            let error = outside(&hostile).unwrap_err();
            assert!(error.contains(cause) && !error.contains('/'), "{error}");
        }
        fs_err::remove_file(hostile.join(".git")).unwrap();
        symlink(victim.join(".git"), hostile.join(".git")).unwrap();
        assert!(outside(&hostile).unwrap_err().contains("does not lead back"));
        fs_err::remove_file(hostile.join(".git")).unwrap();
        git(&hostile, &["init", "-q"]);
        fs_err::write(hostile.join(".git/commondir"), victim.join(".git").display().to_string()).unwrap();
        assert!(outside(&hostile).unwrap_err().contains("`commondir`"));
    }

    #[test]
    fn pipes_devices_and_circles_are_refused() {
        let world = tempfile::tempdir().unwrap();
        let folder = repository(world.path(), "main");
        for name in [
            "HEAD",
            "config",
            "packed-refs",
            "shallow",
            "commondir",
            "refs/tags/v1",
            "objects/ab",
            "objects/pack/x.idx",
        ] {
            let path = folder.join(".git").join(name);
            let before = fs_err::read(&path).ok();
            let _ = fs_err::remove_file(&path);
            assert!(run("mkfifo", &folder, &[path.to_str().unwrap()]));
            assert!(outside(&folder).is_err(), "a pipe at {name}");
            fs_err::remove_file(&path).unwrap();
            symlink("/dev/zero", &path).unwrap();
            assert!(outside(&folder).is_err(), "a device at {name}");
            fs_err::remove_file(&path).unwrap();
            if let Some(bytes) = before {
                fs_err::write(&path, bytes).unwrap();
            }
            assert_eq!(outside(&folder), Ok(()), "{name}");
        }
        let info = folder.join(".git/objects/info");
        fs_err::create_dir_all(&info).unwrap();
        for (text, cause) in [("../objects\n", "circles"), ("/nowhere\n", "no directory"), ("\"/x\"\n", "no directory")]
        {
            fs_err::write(info.join("alternates"), text).unwrap();
            assert!(outside(&folder).unwrap_err().contains(cause), "{text}");
        }
        fs_err::write(info.join("alternates"), vec![b'x'; 1 << 20]).unwrap();
        assert!(outside(&folder).unwrap_err().contains("bytes"));
        fs_err::remove_file(info.join("alternates")).unwrap();
        fs_err::File::create(folder.join(".git/config")).unwrap().set_len(CONFIGURATION + 1).unwrap();
        assert!(outside(&folder).unwrap_err().contains("`config` has more than"));
    }
}
