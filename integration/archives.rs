//! Odd tar archives, read by carboy, Python's tarfile and GNU tar.
//!
//! What the other two read alike, carboy reads as they do, or refuses because Go's
//! archive/tar, which containers' engines use, reads it in another way. What they read
//! differently it refuses.

#![expect(clippy::unwrap_used, reason = "a test whose surroundings fail has failed")]
#![expect(clippy::print_stdout, reason = "what was measured is told")]

#[path = "support/random.rs"]
mod random;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Cursor, Read as _};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use carboy::layer::contents::open;
use carboy::layer::{Limits, TarFiles, read};
use carboy::oci::Digest;
use carboy::rootfs::overlay::{Change, LayerEntry};
use carboy::rootfs::{Kind, RootPath};
use random::Random;
use serde::Deserialize;

/// One archive's line.
#[derive(Deserialize)]
struct Line {
    archive: String,
    tarfile: Option<Vec<Row>>,
    gnu: Option<Vec<Row>>,
}

/// Kind, name, link, mode, uid, gid, size, digest, attributes.
type Row = (String, String, String, u32, i64, i64, i64, Option<String>, Option<BTreeMap<String, String>>);

/// An entry as all three tell of it.
#[derive(PartialEq, Eq, Debug, Clone)]
struct Told {
    kind: String,
    path: String,
    link: String,
    /// Not of hardlinks, which have none of their own.
    meta: Option<(u32, i64, i64)>,
    size: i64,
    digest: Option<String>,
    attributes: Option<BTreeMap<String, String>>,
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

/// None for an entry that no image can have.
fn told(row: &Row) -> Option<Told> {
    let (kind, name, link, mode, uid, gid, size, digest, attributes) = row;
    let hard = kind == "hardlink";
    let link = bytes(link);
    Some(Told {
        kind: kind.clone(),
        path: shown(RootPath::new(bytes(name)).ok()?.as_bytes()),
        link: shown(if hard { RootPath::new(&link).ok()?.as_bytes().to_vec() } else { link }.as_slice()),
        meta: (!hard).then_some((*mode, *uid, *gid)),
        size: *size,
        digest: digest.clone(),
        attributes: attributes.clone().filter(|_| !hard),
    })
}

struct OneTar(Arc<File>);

impl TarFiles for OneTar {
    fn tar(&self, _: &Digest) -> io::Result<Arc<File>> {
        Ok(self.0.clone())
    }
}

fn by_carboy(path: &Path) -> Result<Vec<Told>, String> {
    let entries = read::list(File::open(path).unwrap(), Digest::of(b""), &Limits::default());
    let tar = OneTar(Arc::new(File::open(path).unwrap()));
    Ok(entries.map_err(|cause| carboy::diagnostic::chain(&cause))?.iter().map(|entry| of(entry, &tar)).collect())
}

fn of(entry: &LayerEntry, tar: &OneTar) -> Told {
    let path = shown(entry.path.as_bytes());
    let put = match &entry.change {
        Change::HardLink { target } => {
            let (kind, link) = ("hardlink".to_owned(), shown(target.as_bytes()));
            return Told { kind, path, link, meta: None, size: 0, digest: None, attributes: None };
        }
        Change::Put(put) => put,
    };
    let (kind, link, content) = match &put.kind {
        Kind::Folder => ("folder", Vec::new(), None),
        Kind::Special => ("special", Vec::new(), None),
        Kind::Link(target) => ("link", target.clone(), None),
        Kind::File(content) => {
            let mut bytes = Vec::new();
            open(content, tar).unwrap().read_to_end(&mut bytes).unwrap();
            assert_eq!(bytes.len() as u64, content.size());
            ("file", Vec::new(), Some(bytes))
        }
    };
    Told {
        kind: kind.to_owned(),
        path,
        link: shown(&link),
        meta: Some((put.meta.mode, put.meta.uid.into(), put.meta.gid.into())),
        size: i64::try_from(content.as_ref().map_or(0, Vec::len)).unwrap(),
        digest: content.map(|bytes| Digest::of(&bytes).to_string().trim_start_matches("sha256:").to_owned()),
        attributes: Some(put.meta.xattrs.iter().map(|(name, value)| (hex(name), hex(value))).collect()),
    }
}

/// Whether two lists are one, as far as both tell.
fn alike(one: &[Told], other: &[Told]) -> bool {
    let known = |one: &Told, other: &Told| {
        let mut other = other.clone();
        other.digest = other.digest.or_else(|| one.digest.clone());
        other.attributes = other.attributes.or_else(|| one.attributes.clone());
        *one == other
    };
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| known(one, other))
}

#[derive(Default, Debug)]
struct Count {
    read_as_both: usize,
    refused_for_go: usize,
    refused_as_readers_differ: usize,
}

fn check(line: &Line, folder: &Path, count: &mut Count) -> Option<String> {
    let ours = by_carboy(&folder.join(format!("{}.tar", line.archive)));
    let list = |rows: &Option<Vec<Row>>| rows.as_ref()?.iter().map(told).collect::<Option<Vec<_>>>();
    let (tarfile, gnu) = (list(&line.tarfile), list(&line.gnu));
    let both = tarfile.as_ref().filter(|tarfile| gnu.as_ref().is_some_and(|gnu| alike(tarfile, gnu)));
    match (&ours, both) {
        (Ok(ours), Some(both)) if alike(ours, both) => count.read_as_both += 1,
        (Err(cause), Some(_))
            if cause.contains("not every tar reader") || GO_TOO.iter().any(|go| cause.contains(go)) =>
        {
            count.refused_for_go += 1;
        }
        (Err(_), None) => count.refused_as_readers_differ += 1,
        _ => return Some(format!("{}: carboy {ours:?}\n  tarfile {tarfile:?}\n  gnu tar {gnu:?}", line.archive)),
    }
    None
}

/// Other words for what Go's reader refuses, or what no image has.
const GO_TOO: [&str; 6] = [
    "the archive ends in the middle",
    "its type is none that images have",
    // in a field that this type of entry does not need
    "a number in its header is none",
    "a number in its header is negative",
    // in a header whose place another takes
    "a number in its extended header is none",
    "it has an owner's number that is out of range",
];

#[test]
fn archives_are_read_as_gnu_tar_and_tarfile_read_them() {
    match std::env::var("CARBOY_SEED") {
        Ok(seed) => compare(&seed, 1),
        Err(_) => compare("0", 400),
    }
}

#[test]
#[ignore = "long"]
fn many_archives_are_read_as_gnu_tar_and_tarfile_read_them() {
    compare("0", 10_000);
}

/// Compares the readings of so many random archives, starting with a seed.
fn compare(seed: &str, archives: usize) {
    let folder = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("integration/archives/readers.py");
    let mut command = Command::new("python3");
    let output = command.arg(script).args([seed, &archives.to_string()]).arg(folder.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let mut count = Count::default();
    let lines = lines.lines().map(|line| serde_json::from_str::<Line>(line).unwrap());
    let failed: Vec<_> = lines.filter_map(|line| check(&line, folder.path(), &mut count)).collect();
    println!("{count:?}");
    assert!(failed.is_empty(), "{} are read in another way (CARBOY_SEED=…):\n{}", failed.len(), failed.join("\n"));
    assert!(count.refused_for_go * 2 < count.read_as_both || archives == 1, "too much is refused: {count:?}");
}

/// A sound archive to start from: long names, attributes, links, a sparse file.
fn sound() -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_size(700);
    header.set_entry_type(tar::EntryType::Regular);
    tar.append_pax_extensions([("SCHILY.xattr.user.a", &b"b\n"[..]), ("uid", b"7")]).unwrap();
    tar.append_data(&mut header, "a/file", &[1; 700][..]).unwrap();
    let sparse: &[(&str, &[u8])] =
        &[("GNU.sparse.size", b"800"), ("GNU.sparse.numblocks", b"1"), ("GNU.sparse.map", b"100,700")];
    tar.append_pax_extensions(sparse.iter().copied()).unwrap();
    tar.append_data(&mut header, "a/".repeat(60) + "sparse", &[2; 700][..]).unwrap();
    header.set_size(0);
    header.set_entry_type(tar::EntryType::Symlink);
    tar.append_link(&mut header, "link", "b".repeat(150)).unwrap();
    header.set_entry_type(tar::EntryType::Link);
    tar.append_link(&mut header, "hard", "a/file").unwrap();
    tar.into_inner().unwrap()
}

#[test]
fn no_bytes_make_the_reader_panic() {
    read_corrupted(2_000);
}

#[test]
#[ignore = "long"]
fn no_bytes_of_many_make_the_reader_panic() {
    read_corrupted(100_000);
}

fn read_corrupted(rounds: u64) {
    let sound = sound();
    let limits = Limits::default();
    assert_eq!(read::list(Cursor::new(&sound), Digest::of(b""), &limits).unwrap().len(), 4);
    let headers: Vec<usize> = (0..sound.len() / 512).collect();
    let (mut read, mut refused) = (0, 0);
    for seed in 0..rounds {
        let mut random = Random::new(seed);
        let mut tar = if random.below(10) == 0 {
            (0..random.below(4096)).map(|_| random.next().to_le_bytes()[0]).collect()
        } else {
            sound.clone()
        };
        for _ in 0..random.below(6) {
            if let Some(at) = tar.len().checked_sub(1).map(|last| random.index(last + 1)) {
                tar[at] = random.next().to_le_bytes()[0];
            }
            let block = 512 * *random.pick(&headers);
            // A byte of a number or a type, and a checksum that is right.
            if let Some(header) = tar.get_mut(block..block + 512).filter(|_| random.below(2) == 0) {
                header[100 + random.index(57)] = *random.pick(b"\0 0179gxLKS\x80\xff");
                header[148..156].fill(b' ');
                let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
                header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
            }
        }
        tar.truncate(if random.below(4) == 0 { random.index(tar.len() + 1) } else { tar.len() });
        let length = tar.len() as u64;
        let list = read::list(Cursor::new(tar), Digest::of(b""), &limits);
        let outcome = if list.is_ok() { &mut read } else { &mut refused };
        *outcome += 1;
        if let Ok(entries) = list {
            for entry in entries {
                if let Change::Put(put) = entry.change
                    && let Kind::File(content) = &put.kind
                {
                    let inside = match &content {
                        carboy::rootfs::Content::Layer { offset, size, .. } => offset + size <= length,
                        carboy::rootfs::Content::Sparse(sparse) => {
                            let data: u64 = sparse.extents.iter().map(|extent| extent.length).sum();
                            let end = sparse.extents.last();
                            sparse.offset + data <= length
                                && end.is_none_or(|end| end.offset + end.length <= sparse.size)
                        }
                        other => panic!("{other:?}"),
                    };
                    assert!(inside, "seed {seed}: {content:?}");
                }
            }
        }
    }
    println!("{read} read, {refused} refused");
    assert!(read > 100 && refused > 100, "{read} read, {refused} refused");
}
