//! Entries of the cache that are not what they were.

use std::fs;
use std::path::{Path, PathBuf};

use carboy::layer::Packed;
use carboy::store::{Cache, CacheKind, CacheOptions};
use tempfile::TempDir;

use crate::harness::{Harness, names};
use crate::support::carboy::Carboy;
use crate::support::registry::Registry;
use crate::support::{DEBIAN_13, locked_project, test_cache};

const KINDS: [&str; 8] = ["blobs/sha256", "tars", "facts", "layers", "folders", "elf", "stages", "tags"];

#[derive(Clone, Copy, Debug)]
enum Damage {
    Flipped,
    Cut,
    Emptied,
}

/// Damages every entry of some kinds; how many there were.
fn damage(cache: &Path, kinds: &[&str], how: Damage) -> usize {
    let mut count = 0;
    for entry in kinds.iter().flat_map(|kind| fs::read_dir(cache.join(kind)).unwrap()) {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        match how {
            Damage::Flipped => bytes[middle] ^= 1,
            Damage::Cut => bytes.truncate(middle),
            Damage::Emptied => bytes.clear(),
        }
        fs::write(&path, bytes).unwrap();
        count += 1;
    }
    count
}

/// A whole Flask image, with every kind of entry damaged in every way.
#[test]
fn no_damage_reaches_an_image() {
    let registry = Registry::with(DEBIAN_13);
    let folder = TempDir::new().unwrap();
    let project = locked_project("flask", DEBIAN_13, folder.path());
    let cache = folder.path().join("cache");
    let build = |number: usize| {
        let layout = folder.path().join(format!("out{number}"));
        let carboy = Carboy::over(&registry, DEBIAN_13, &project).args(["--platform", "linux/amd64"]).cache(&cache);
        let wheels = test_cache("wheels/apps");
        let ran =
            carboy.env("CARBOY_WHEELHOUSE", wheels.to_str().unwrap()).to(format!("oci:{}:1", layout.display())).run();
        let warnings = ran.stderr.lines().filter(|line| line.contains("is damaged")).count();
        ran.done();
        let digest = names(&layout).remove("1").unwrap(); // with all its blobs verified
        fs::remove_dir_all(&layout).unwrap();
        (digest, warnings)
    };
    let (clean, warnings) = build(0);
    assert_eq!((build(1), warnings), ((clean.clone(), 0), 0));
    for (number, how) in [Damage::Flipped, Damage::Cut, Damage::Emptied].into_iter().enumerate() {
        assert!(damage(&cache, &KINDS, how) > 60);
        let (digest, warnings) = build(2 + number);
        assert_eq!(digest, clean, "{how:?}");
        assert!(warnings > 30, "{how:?}: {warnings}");
        assert_eq!(build(9), (clean.clone(), 0), "{how:?}");
    }
    // Kind by kind, where nothing else gives the damage away. The made layers are gone, so
    // that files are read out of the tars again.
    for (number, kind) in KINDS.into_iter().enumerate() {
        damage(&cache, &[kind], Damage::Flipped);
        if kind == "tars" {
            fs::remove_dir_all(cache.join("layers")).unwrap();
        }
        // With all stages known, nothing is read that they were made from.
        if kind != "stages" {
            fs::remove_dir_all(cache.join("stages")).unwrap();
        }
        let (digest, warnings) = build(10 + number);
        assert_eq!(digest, clean, "{kind}");
        assert!(warnings > 0, "{kind}");
    }
    assert_eq!(build(30), (clean, 0));
}

/// Without the layer, only the cache can give its files.
fn lose_layers(layout: &Path) {
    for blob in fs::read_dir(layout.join("blobs/sha256")).unwrap() {
        let path = blob.unwrap().path();
        if fs::read(&path).unwrap().first() != Some(&b'{') {
            fs::remove_file(path).unwrap();
        }
    }
}

#[test]
fn damage_is_told_with_the_caches_name_and_not_blamed_on_the_image() {
    let harness = Harness::new(3, 200_000);
    let expected = harness.expected();
    assert_eq!(harness.build(&["--push=false"]).done().trim(), expected);
    fs::remove_dir_all(harness.path("cache/layers")).unwrap();
    damage(&harness.cache(), &["tars"], Damage::Flipped);
    let ran = harness.build(&["--push=false"]);
    let told = format!("the cache in `{}` is damaged: the tar of layer", harness.cache().display());
    assert!(ran.stderr.contains(&told), "{}", ran.stderr);
    assert_eq!(ran.done().trim(), expected);

    // Where it cannot be fetched again, the error is the image's: the layer is not there.
    fs::remove_dir_all(harness.path("cache/layers")).unwrap();
    damage(&harness.cache(), &["tars"], Damage::Cut);
    lose_layers(&harness.path("images/donor"));
    let ran = harness.build(&["--push=false"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(ran.stderr.contains(&told) && ran.stderr.contains("has no blob sha256:"), "{}", ran.stderr);
}

#[test]
fn a_read_only_cache_serves_hits() {
    let harness = Harness::new(3, 200_000);
    let expected = harness.expected();
    assert_eq!(harness.build(&["--push=false"]).done().trim(), expected);
    for image in ["images/base", "images/donor"] {
        lose_layers(&harness.path(image));
    }
    let cache = harness.cache();
    let before = files(&cache);
    let read_only = |version: &str| {
        harness.set_version(version);
        let carboy = harness.command(&["build", "--push=false"]);
        let mut bwrap = std::process::Command::new("bwrap");
        bwrap.args(["--bind", "/", "/", "--dev", "/dev", "--ro-bind"]).args([&cache, &cache]).arg("--");
        bwrap.arg(carboy.get_program()).args(carboy.get_args()).current_dir(harness.path("project")).env_clear();
        bwrap.envs(carboy.get_envs().filter_map(|(name, value)| Some((name, value?)))).env("TMPDIR", harness.path(""));
        crate::support::Ran::of(bwrap.output().expect("bwrap: run scripts/setup"))
    };
    let ran = read_only("1");
    assert!(ran.stderr.contains("cannot be written"), "{}", ran.stderr);
    assert!(ran.stderr.contains("present already: 2 packed"), "{}", ran.stderr);
    assert_eq!(ran.done().trim(), expected);
    // What it does not have is made beside it, and is gone afterwards.
    assert_ne!(read_only("2").done().trim(), expected);
    assert_eq!(files(&cache), before);
    let left = fs::read_dir(harness.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().starts_with("carboy-")));
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut open = vec![folder.to_owned()];
    let mut out = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        }
        out.push(path);
    }
    out.sort();
    out
}

/// Somebody who may write the cache says that the application is another layer.
#[test]
fn a_record_that_others_could_have_written_is_not_believed() {
    use std::os::unix::fs::PermissionsExt as _;
    let harness = Harness::new(3, 10_000);
    harness.set_version("evil");
    let evil = harness.build(&["--push=false"]).done();
    harness.set_version("good");
    let good = harness.build(&["--push=false"]).done();
    forge(&harness.cache());
    assert_eq!(harness.build(&["--push=false"]).done(), evil, "the forgery works where records are believed");

    let open_to_all = |folder: &str| {
        fs::set_permissions(harness.path(folder), fs::Permissions::from_mode(0o777)).unwrap();
    };
    open_to_all("cache");
    let ran = harness.build(&["--push=false"]);
    assert!(ran.stderr.contains("may be written by every user"), "{}", ran.stderr);
    assert_eq!(ran.done(), good);
    forge(&harness.cache());
    let trusting = harness.command(&["build", "--push=false", "--trust-cache"]).output().unwrap();
    assert_eq!(crate::support::Ran::of(trusting).done(), evil);
    fs::set_permissions(harness.cache(), fs::Permissions::from_mode(0o770)).unwrap();
    assert_eq!(harness.build(&["--push=false"]).done(), evil, "a group's folder is believed");
    open_to_all("cache/layers");
    assert_eq!(harness.build(&["--push=false"]).done(), good);
    // Only root can give a folder away; `store::cache::trust` has a table of owners.
    if crate::support::run("id", ["-u"]).trim() == "0" {
        for (folder, mode) in [("cache", 0o700), ("cache/layers", 0o700)] {
            fs::set_permissions(harness.path(folder), fs::Permissions::from_mode(mode)).unwrap();
        }
        forge(&harness.cache());
        assert_eq!(harness.build(&["--push=false"]).done(), evil);
        std::os::unix::fs::chown(harness.cache(), Some(1234), Some(1234)).unwrap();
        let ran = harness.build(&["--push=false"]);
        assert!(ran.stderr.contains("belongs to user 1234"), "{}", ran.stderr);
        assert_eq!(ran.done(), good);
    }
}

/// Gives each small layer the other's record, and all of them the right seals.
fn forge(cache: &Path) {
    let options = CacheOptions { folder: cache.to_owned(), scratch: cache.to_owned(), trust: true, full: false };
    let cache = Cache::with_options(options, std::sync::Arc::new(carboy::progress::Silent)).unwrap();
    let keys = fs::read_dir(cache.folder().join("layers")).unwrap();
    let keys =
        keys.map(|entry| format!("sha256:{}", entry.unwrap().file_name().into_string().unwrap()).parse().unwrap());
    let records = keys.map(|key| (key, cache.record(CacheKind::Layer, &key).unwrap().unwrap()));
    let small = records.filter(|(_, record)| serde_json::from_slice::<Packed>(record).unwrap().unpacked < 10_000);
    let small: Vec<_> = small.collect();
    let evil = small.iter().min_by_key(|(_, record)| {
        let packed: Packed = serde_json::from_slice(record).unwrap();
        fs::metadata(cache.path(CacheKind::Blob, &packed.descriptor.digest)).unwrap().created().unwrap()
    });
    let evil = evil.unwrap().1.clone();
    assert_eq!(small.len(), 2);
    for (key, _) in &small {
        cache.keep(CacheKind::Layer, key, &evil).unwrap();
    }
}
