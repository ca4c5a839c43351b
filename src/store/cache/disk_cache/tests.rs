use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::Duration;

use super::*;
use crate::progress::Event;
use crate::store::CacheKind::{Blob, Layer, Tar, Wheel};
use crate::store::cache::usage::{PruneLimits, Pruned};

#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Progress for Log {
    fn on(&self, event: Event) {
        if let Event::Diagnostic(warning) = event {
            let hint = warning.hint.as_deref().unwrap_or_default();
            self.0.lock().unwrap().push(format!("{warning}: {hint}"));
        }
    }
}

impl Log {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn key() -> Digest {
    Digest::of(b"key")
}

fn logged(folder: &Path, trust: bool) -> (Cache, Arc<Log>) {
    let log = Arc::<Log>::default();
    let options = CacheOptions { folder: folder.to_owned(), scratch: std::env::temp_dir(), trust, full: false };
    (Cache::with_options(options, log.clone()).unwrap(), log)
}

fn commit(cache: &Cache, kind: CacheKind, key: &Digest, content: &str) {
    let mut staged = cache.stage().unwrap();
    staged.write_all(content.as_bytes()).unwrap();
    cache.commit(staged, kind, key).unwrap();
}

fn content(cache: &Cache, kind: CacheKind) -> Option<String> {
    let mut text = String::new();
    cache.open(kind, &key()).unwrap()?.read_to_string(&mut text).unwrap();
    Some(text)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names.into_iter().map(|name| name.into_string().unwrap()).collect()
}

fn now() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

/// Makes a file look as if it was used last so long ago.
fn age(path: &Path, hours: u64) {
    let file = File::options().append(true).open(path).unwrap();
    let modified = file.metadata().unwrap().modified().unwrap();
    file.set_modified(modified - Duration::from_hours(hours)).unwrap();
}

#[test]
fn an_entry_is_there_once_it_is_committed_and_not_before() {
    let root = tempfile::tempdir().unwrap();
    let cache = Cache::new(root.path().join("a/b")).unwrap();
    for kind in CacheKind::ALL {
        assert!(cache.open(kind, &key()).unwrap().is_none(), "{kind:?}");
        drop(cache.stage().unwrap());
        commit(&cache, kind, &key(), "first");
        commit(&cache, kind, &key(), kind.folder_name());
        assert_eq!(cache.path(kind, &key()), root.path().join("a/b").join(kind.folder_name()).join(key().hex()));
        assert_eq!(content(&cache, kind).unwrap(), kind.folder_name());
    }
    drop(cache);
    assert_eq!(names(&root.path().join("a/b/runs")), Vec::<String>::new());
}

#[test]
fn the_same_key_may_be_committed_at_once() {
    let root = tempfile::tempdir().unwrap();
    let cache = Cache::new(root.path().to_owned()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| commit(&cache, Layer, &key(), "same"));
        }
    });
    assert_eq!(content(&cache, Layer).unwrap(), "same");
}

#[test]
fn a_record_that_was_changed_is_dropped_with_a_warning() {
    let root = tempfile::tempdir().unwrap();
    let (cache, log) = logged(root.path(), false);
    cache.keep(Layer, &key(), b"{}").unwrap();
    assert_eq!(cache.record(Layer, &key()).unwrap().as_deref(), Some(&b"{}"[..]));
    assert_eq!(log.take(), Vec::<String>::new());
    fs::write(cache.path(Layer, &key()), "{}").unwrap();
    assert_eq!(cache.record(Layer, &key()).unwrap(), None);
    let [warning] = &log.take()[..] else { panic!("one warning") };
    assert!(
        warning.starts_with("the cache in `/") && warning.contains("is damaged: the record of a layer"),
        "{warning}"
    );
    assert!(!cache.path(Layer, &key()).exists());
    assert_eq!(cache.record(Layer, &key()).unwrap(), None);
    assert_eq!(log.take(), Vec::<String>::new());
}

#[test]
fn a_folder_is_marked_and_what_holds_other_files_gets_a_subfolder() {
    let root = tempfile::tempdir().unwrap();
    let home = |name: &str| Cache::new(root.path().join(name)).unwrap().folder().to_owned();
    assert_eq!(home("new"), root.path().join("new"));
    assert!(fs::read_to_string(root.path().join("new/CACHEDIR.TAG")).unwrap().starts_with("Signature: 8a477f5"));
    assert_eq!(fs::read_to_string(root.path().join("new/carboy-cache")).unwrap(), "1\n");
    assert_eq!(home("new"), root.path().join("new"));

    fs::create_dir_all(root.path().join("old/tars")).unwrap();
    fs::create_dir_all(root.path().join("old/tmp")).unwrap();
    assert_eq!(home("old"), root.path().join("old"));
    assert!(root.path().join("old/carboy-cache").exists());

    for name in ["home/notes.txt", "music/tars/x.mp3", "mixed/tars/x", "linked/blobs"] {
        fs::create_dir_all(root.path().join(name).parent().unwrap()).unwrap();
        fs::write(root.path().join(name), "").unwrap();
    }
    fs::create_dir(root.path().join("mixed/tmp")).unwrap();
    fs::write(root.path().join("mixed/thesis"), "").unwrap();
    for name in ["home", "music", "mixed", "linked"] {
        let before = names(&root.path().join(name));
        let (cache, log) = logged(&root.path().join(name), false);
        assert_eq!(cache.folder(), root.path().join(name).join("carboy"));
        assert!(log.take()[0].contains("holds other files"), "{name}");
        drop(cache);
        let (cache, log) = logged(&root.path().join(name), false);
        assert_eq!((cache.folder(), log.take().len()), (&*root.path().join(name).join("carboy"), 0));
        let mut after = names(&root.path().join(name));
        after.retain(|other| other != "carboy");
        assert_eq!(before, after);
    }
    fs::create_dir_all(root.path().join("twice/carboy")).unwrap();
    fs::write(root.path().join("twice/carboy/main.py"), "").unwrap();
    let error = Cache::new(root.path().join("twice")).err().unwrap();
    assert!(error.line().contains("twice/carboy` holds other files too"), "{error}");
    // Half a mark, or noise, is as good as none.
    for noise in [&b""[..], b"1", b"\xff\xff", b"x\n"] {
        fs::write(root.path().join("new/carboy-cache"), noise).unwrap();
        assert_eq!(home("new"), root.path().join("new"));
        assert_eq!(fs::read_to_string(root.path().join("new/carboy-cache")).unwrap(), "1\n");
    }
    // Blobs alone may be anybody's: skopeo's shared ones, or a layout's.
    fs::create_dir_all(root.path().join("shared/blobs/sha256")).unwrap();
    assert_eq!(home("shared"), root.path().join("shared/carboy"));
    fs::write(root.path().join("new/carboy-cache"), "2\n").unwrap();
    let error = Cache::new(root.path().join("new")).err().unwrap();
    assert!(error.line().contains("another version of carboy"), "{error}");
}

#[test]
fn what_carboy_makes_is_for_its_user_alone() {
    let root = tempfile::tempdir().unwrap();
    let cache = Cache::new(root.path().join("new/cache")).unwrap();
    commit(&cache, Blob, &key(), "x");
    cache.keep(Layer, &key(), b"x").unwrap();
    let staged = cache.stage().unwrap();
    let mut open = vec![root.path().join("new")];
    let mut seen = 0;
    while let Some(path) = open.pop() {
        let metadata = path.symlink_metadata().unwrap();
        let want = if metadata.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(metadata.permissions().mode() & 0o7777, want, "{}", path.display());
        if metadata.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        seen += 1;
    }
    assert!(seen > 9, "{seen}");
    drop(staged);
}

#[test]
fn what_killed_runs_left_is_deleted_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    let (home, foreign) = (root.path().join("cache"), root.path().join("foreign"));
    let first = Cache::new(home.clone()).unwrap();
    let staged = first.stage().unwrap();
    // Killed: the lock is free, the files are there.
    let dead = home.join("runs/run-dead");
    fs::create_dir_all(&dead).unwrap();
    for name in ["lock", ".carboy-xxxxxx"] {
        fs::write(dead.join(name), "").unwrap();
    }
    fs::write(home.join(".carboy-abcdef"), "").unwrap();
    fs::create_dir_all(home.join("runs/run-mine")).unwrap();
    fs::write(home.join("runs/run-mine/thesis"), "").unwrap();
    fs::create_dir(&foreign).unwrap();
    for name in [".carboy-aaaaaa", "lock", "thesis"] {
        fs::write(foreign.join(name), "").unwrap();
        age(&foreign.join(name), 100);
    }
    symlink(&foreign, home.join("runs/run-link")).unwrap();
    symlink(&foreign, home.join("tmp")).unwrap();
    let second = Cache::new(home.clone()).unwrap();
    assert!(!dead.exists() && !home.join(".carboy-abcdef").exists());
    assert!(home.join("runs/run-mine/thesis").exists());
    assert_eq!(names(&foreign), [".carboy-aaaaaa", "lock", "thesis"]);
    assert!(staged.path().exists());
    drop((first, staged));

    // carboy 0.1's.
    fs::remove_file(home.join("tmp")).unwrap();
    fs::create_dir(home.join("tmp")).unwrap();
    for (name, hours) in [(".carboy-oldold", 25), (".carboy-newnew", 1), (".carboy-notes", 25), ("thesis", 25)] {
        fs::write(home.join("tmp").join(name), "").unwrap();
        age(&home.join("tmp").join(name), hours);
    }
    drop(second);
    Cache::new(home.clone()).unwrap();
    assert_eq!(names(&home.join("tmp")), [".carboy-newnew", ".carboy-notes", "thesis"]);
    assert_eq!(names(&home.join("runs")), ["run-link", "run-mine"]);

    let linked = root.path().join("linked");
    Cache::new(linked.clone()).unwrap();
    fs::remove_dir(linked.join("runs")).unwrap();
    symlink(&foreign, linked.join("runs")).unwrap();
    assert!(Cache::new(linked).err().unwrap().line().contains("runs` is not a directory"));
}

#[test]
fn records_of_others_are_not_believed_and_content_is_used() {
    let root = tempfile::tempdir().unwrap();
    let (cache, _) = logged(root.path(), false);
    commit(&cache, Tar, &key(), "tar");
    cache.keep(Layer, &key(), b"record").unwrap();
    drop(cache);
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let (cache, log) = logged(root.path(), false);
    let [warning] = &log.take()[..] else { panic!("one warning") };
    assert!(warning.contains("may be written by every user") && warning.contains("--trust-cache"), "{warning}");
    assert_eq!(content(&cache, Tar).unwrap(), "tar");
    // What is used is a copy that others cannot change.
    fs::write(root.path().join("tars").join(key().hex()), "evil").unwrap();
    assert_eq!(content(&cache, Tar).unwrap(), "tar");
    assert_eq!(fs::read_to_string(cache.path(Tar, &key())).unwrap(), "tar");
    // So is what this run adds, which others find in the cache.
    commit(&cache, Wheel, &key(), "wheel");
    let shared = root.path().join("wheels").join(key().hex());
    assert_eq!(fs::read_to_string(&shared).unwrap(), "wheel");
    fs::write(&shared, "evil").unwrap();
    assert_eq!(fs::read_to_string(cache.path(Wheel, &key())).unwrap(), "wheel");
    assert_eq!(content(&cache, Wheel).unwrap(), "wheel");
    assert_eq!(cache.record(Layer, &key()).unwrap(), None);
    assert_eq!(log.take(), Vec::<String>::new());
    let (cache, log) = logged(root.path(), true);
    assert_eq!(cache.record(Layer, &key()).unwrap().unwrap(), b"record");
    assert_eq!(log.take(), Vec::<String>::new());

    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o770)).unwrap();
    let (cache, log) = logged(root.path(), false);
    assert_eq!(cache.record(Layer, &key()).unwrap().unwrap(), b"record");
    // One record that all may write is enough to doubt it.
    fs::set_permissions(cache.path(Layer, &key()), fs::Permissions::from_mode(0o606)).unwrap();
    assert_eq!(cache.record(Layer, &key()).unwrap(), None);
    assert_eq!(log.take(), Vec::<String>::new());
}

#[test]
fn links_and_pipes_are_no_entries() {
    let root = tempfile::tempdir().unwrap();
    let cache = Cache::new(root.path().to_owned()).unwrap();
    commit(&cache, Wheel, &key(), "x");
    let path = cache.path(Wheel, &key());
    fs::remove_file(&path).unwrap();
    symlink("/etc/passwd", &path).unwrap();
    assert!(cache.open(Wheel, &key()).unwrap().is_none());
    fs::remove_file(&path).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &path, rustix::fs::Mode::RUSR).unwrap();
    assert!(cache.open(Wheel, &key()).unwrap().is_none());
}

#[test]
fn the_least_recently_used_goes_first_and_what_is_in_use_stays() {
    let root = tempfile::tempdir().unwrap();
    let cache = Cache::new(root.path().to_owned()).unwrap();
    let keys: Vec<_> = (0..4u8).map(|number| Digest::of(&[number])).collect();
    for (key, hours) in keys.iter().zip([40, 30, 20, 10]) {
        commit(&cache, Tar, key, &"x".repeat(100));
        age(&cache.path(Tar, key), hours);
    }
    fs::write(root.path().join("tars/notes"), "x").unwrap();
    let usage = cache.usage(now()).unwrap();
    assert_eq!((usage.size(), usage.kinds[&Tar].entries, usage.busy), (400, 4, false));
    let prune = |keep, hours: Option<u64>| {
        cache.prune(PruneLimits { keep, older_than: hours.map(Duration::from_hours) }, now()).unwrap()
    };
    assert_eq!(prune(None, None), Pruned { left: 400, ..Pruned::default() });
    assert_eq!(prune(None, Some(35)), Pruned { entries: 1, size: 100, left: 300, ..Pruned::default() });
    // Used again, and so the youngest.
    assert!(cache.open(Tar, &keys[1]).unwrap().is_some());
    assert_eq!(prune(Some(250), None), Pruned { entries: 1, size: 100, left: 200, ..Pruned::default() });
    assert!(cache.path(Tar, &keys[1]).exists() && !cache.path(Tar, &keys[2]).exists());

    let other = Cache::new(root.path().to_owned()).unwrap();
    assert!(cache.usage(now()).unwrap().busy);
    assert!(other.open(Tar, &keys[3]).unwrap().is_some());
    age(&cache.path(Tar, &keys[1]), 10);
    assert_eq!(prune(Some(0), None), Pruned { entries: 1, size: 100, left: 100, in_use: 1, refused: 0 });
    drop(other);
    assert_eq!(prune(Some(0), None), Pruned { entries: 1, size: 100, left: 0, ..Pruned::default() });
    assert!(root.path().join("tars/notes").exists());

    // Another store's blobs are not carboy's, whatever leads there.
    let foreign = root.path().join("foreign/sha256");
    fs::create_dir_all(&foreign).unwrap();
    fs::write(foreign.join(key().hex()), "theirs").unwrap();
    symlink(root.path().join("foreign"), root.path().join("blobs")).unwrap();
    assert_eq!(prune(Some(0), None), Pruned::default());
    assert!(foreign.join(key().hex()).exists());
}

#[test]
fn a_run_that_cannot_be_looked_at_is_alive() {
    let root = tempfile::tempdir().unwrap();
    let cache = Cache::new(root.path().to_owned()).unwrap();
    let run = root.path().join("runs/run-other");
    fs::create_dir(&run).unwrap();
    symlink("/dev/null", run.join("lock")).unwrap();
    std::thread::sleep(Duration::from_millis(10)); // file systems tell time in ticks
    commit(&cache, Tar, &key(), "x");
    let bounds = PruneLimits { keep: Some(0), older_than: None };
    assert_eq!(cache.prune(bounds, now()).unwrap(), Pruned { left: 1, in_use: 1, ..Pruned::default() });
    fs::remove_file(run.join("lock")).unwrap();
    assert_eq!(cache.prune(bounds, now()).unwrap(), Pruned { entries: 1, size: 1, ..Pruned::default() });
}

#[test]
fn what_stands_in_an_entrys_place_does_not_stop_a_run() {
    let root = tempfile::tempdir().unwrap();
    let (cache, log) = logged(root.path(), false);
    fs::create_dir_all(cache.path(Layer, &key()).join("x")).unwrap();
    assert_eq!(cache.record(Layer, &key()).unwrap(), None);
    cache.keep(Layer, &key(), b"made").unwrap();
    assert_eq!(cache.record(Layer, &key()).unwrap().unwrap(), b"made");
    assert!(log.take()[0].contains("cannot be written"));
    // Links and pipes in a lock's place are not followed or waited for.
    let lock = root.path().join("lock");
    fs::remove_file(&lock).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &lock, rustix::fs::Mode::RUSR).unwrap();
    assert!(cache.open(Tar, &key()).unwrap().is_none());
    fs::remove_file(&lock).unwrap();
    symlink(root.path().join("target"), &lock).unwrap();
    assert!(cache.open(Tar, &key()).unwrap().is_none());
    assert!(Cache::new(root.path().to_owned()).is_err() && !root.path().join("target").exists());
}

#[test]
fn a_lock_that_somebody_keeps_is_waited_for_once() {
    let root = tempfile::tempdir().unwrap();
    let cache = Cache::new(root.path().to_owned()).unwrap();
    commit(&cache, Tar, &key(), "x");
    let lock = File::open(root.path().join("lock")).unwrap();
    lock.lock().unwrap();
    assert_eq!(content(&cache, Tar).unwrap(), "x");
    assert!(cache.stuck.load(Ordering::Relaxed));
    assert_eq!(content(&cache, Tar).unwrap(), "x");
    drop(lock);
    assert!(Cache::new(root.path().to_owned()).is_ok());
}

#[test]
fn an_unusable_folder_is_named_with_a_way_out() {
    let root = tempfile::tempdir().unwrap();
    let file = root.path().join("file");
    fs::write(&file, "").unwrap();
    let error = Cache::new(file.join("cache")).err().unwrap();
    assert!(error.line().contains("the cache in `/"), "{error}");
    assert!(error.line().contains("file/cache`: "), "{error}");
    assert_eq!(error.hint.as_deref(), Some("name another directory with --cache-dir"));
}
