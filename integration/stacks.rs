//! Random stacks of layers, unpacked by umoci and stacked by carboy: the trees must be
//! the same, entry by entry.
//!
//! Whiteouts hide lower layers only, wherever they stand in the archive (image-spec's
//! `layer.md`), and umoci 0.4.7 knows that of opaque folders only. So carboy is given
//! the layers as they are made, umoci the same with the whiteouts first.

#![expect(clippy::unwrap_used, reason = "a test whose surroundings fail has failed")]
#![expect(clippy::print_stdout, reason = "what was measured is told")]

#[path = "support/random.rs"]
mod random;
#[path = "support/small_layout.rs"]
mod small_layout;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::io::Cursor;
use std::ops::Range;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use carboy::layer::{Limits, read};
use carboy::oci::Digest;
use carboy::rootfs::{Content, Entry, Kind, Tree};
use random::Random;
use small_layout::Layout;

/// An entry of a layer.
#[derive(Clone, Debug)]
struct Item {
    name: Vec<u8>,
    what: What,
    mode: u32,
    owner: (u64, u64),
    /// A PAX header tells the name, and not the header or GNU's long name.
    pax: bool,
}

impl Item {
    /// By its name, as all unpackers tell: a layer may have a folder of such a name, too.
    fn is_whiteout(&self) -> bool {
        strip(&self.name).rsplit(|&byte| byte == b'/').next().is_some_and(|name| name.starts_with(b".wh."))
    }
}

#[derive(Clone, Debug)]
enum What {
    File(Vec<u8>),
    Folder,
    Link(Vec<u8>),
    HardLink(Vec<u8>),
    Pipe,
    Whiteout,
}

/// What there is at a path.
#[derive(PartialEq, Eq, Debug)]
struct Seen {
    kind: &'static str,
    /// Not of links, which have none of their own.
    mode: u32,
    owner: (u32, u32),
    /// A file's content, a link's target.
    bytes: Vec<u8>,
}

const ODD: [&[u8]; 12] =
    [b" ", b"x y", b"n\nl", b"\xff\xfe", b"-", b"-rf", b".hidden", b".wh", b".w", b"wh.x", b"..x", b"\xc3\xa9"];

fn name(random: &mut Random) -> Vec<u8> {
    match random.below(24) {
        0..=16 => vec![b"abcd"[random.index(4)]],
        17..=21 => random.pick(&ODD).to_vec(),
        22 => vec![b'l'; 120],
        _ => vec![b'm'; 255],
    }
}

fn path(random: &mut Random) -> Vec<Vec<u8>> {
    let depth = 1 + random.index(3);
    (0..depth).map(|_| name(random)).collect()
}

fn target(random: &mut Random) -> Vec<u8> {
    let place = path(random).join(&b'/');
    match random.below(8) {
        0 => [b"/".to_vec(), place].concat(),
        1 => [b"../".to_vec(), place].concat(),
        2 => [b"../../../".to_vec(), place].concat(),
        3 => b"/".to_vec(),
        4 => b"..".to_vec(),
        5 => [place, b"/../".to_vec(), name(random)].concat(),
        _ => place,
    }
}

/// A name as archivers write it: with and without `./`, folders with a slash.
fn written(random: &mut Random, place: &[u8], folder: bool) -> Vec<u8> {
    let starts: [&[u8]; 4] = [b"", b"", b"./", b"/"];
    let start = starts[random.index(4)];
    [start, place, if folder { b"/" } else { b"" }].concat()
}

/// `files` has what is no folder, `links` what was a link ever, as far as names tell.
fn layer(random: &mut Random, files: &mut BTreeSet<Vec<u8>>, links: &mut BTreeSet<Vec<u8>>) -> Vec<Item> {
    let mut items: Vec<Item> = Vec::new();
    for _ in 0..=random.index(8) {
        let mut place = path(random).join(&b'/');
        // Names below files are for the rare case: not all runtimes take them.
        let below_file = |place: &[u8]| {
            let slashes = (0..place.len()).filter(|&at| place[at] == b'/');
            slashes.into_iter().any(|at| files.contains(&place[..at]))
        };
        if below_file(&place) && random.below(40) > 0 {
            continue;
        }
        let again = items.len().checked_sub(1).filter(|_| random.below(6) == 0).map(|last| random.index(last + 1));
        if let Some(at) = again {
            place = items[at].name.trim_ascii_end().to_vec(); // the same name again
            place = strip(&place).to_vec();
        }
        let what = match random.below(20) {
            0..=6 => What::File((0..random.below(600)).map(|n| u8::try_from(n % 251).unwrap()).collect()),
            7..=10 => What::Folder,
            11..=13 => What::Link(target(random)),
            14..=15 => What::HardLink(match items.iter().rev().find(|item| matches!(item.what, What::File(_))) {
                Some(item) if random.below(40) > 0 => item.name.clone(),
                None if random.below(40) > 0 => continue,
                _ => path(random).join(&b'/'),
            }),
            16 => What::Pipe,
            _ => What::Whiteout,
        };
        if matches!(what, What::Whiteout) {
            let end = place.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
            let (folder, last) = place.split_at(end);
            if last.is_empty() || last == b" " {
                continue; // hides the folder for umoci; containerd and carboy refuse it
            }
            place = match random.below(4) {
                0 => [folder, b".wh..wh..opq"].concat(),
                _ => [folder, b".wh.", &last[..last.len().min(251)]].concat(),
            };
        }
        match what {
            What::File(_) | What::HardLink(_) | What::Pipe => _ = files.insert(place.clone()),
            What::Folder | What::Link(_) | What::Whiteout => _ = files.remove(&place),
        }
        let name = written(random, &place, matches!(what, What::Folder));
        let mut mode = *random.pick(&[0o644, 0o755, 0o600, 0o4755, 0o2755, 0o1777, 0]);
        if matches!(what, What::Folder) {
            mode &= 0o5777; // what the kernel makes in a set-group-id folder is its group's
        }
        let owner = (random.below(60_000), random.below(60_000));
        items.push(Item { name, what, mode, owner, pax: random.below(3) == 0 });
    }
    // In a folder that takes a link's place umoci's whiteouts follow the link when they come
    // before the folder; they hide nothing there (`src/rootfs/overlay.rs` has the test).
    let below = |item: &Item, folder: &Item| strip(&item.name).starts_with(&[strip(&folder.name), b"/"].concat());
    let folders: Vec<_> = items
        .iter()
        .filter(|item| matches!(item.what, What::Folder) && links.contains(strip(&item.name)))
        .cloned()
        .collect();
    items.retain(|item| !item.is_whiteout() || !folders.iter().any(|folder| below(item, folder)));
    links.extend(items.iter().filter(|item| matches!(item.what, What::Link(_))).map(|item| strip(&item.name).to_vec()));
    items
}

fn strip(name: &[u8]) -> &[u8] {
    let name = name.strip_prefix(b"./").or_else(|| name.strip_prefix(b"/")).unwrap_or(name);
    name.strip_suffix(b"/").unwrap_or(name)
}

/// The same layer for umoci, which applies whiteouts in the archive's order, so that
/// one hides what the layer itself put there before (measured; of an opaque folder it
/// keeps what is new, and the folders on the way there as they were below).
fn whiteouts_first(items: &[Item]) -> Vec<Item> {
    let mut items = items.to_vec();
    items.sort_by_key(|item| !item.is_whiteout());
    items
}

fn tar(items: &[Item]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for item in items {
        let mut header = tar::Header::new_gnu();
        header.set_mode(item.mode);
        header.set_uid(item.owner.0);
        header.set_gid(item.owner.1);
        header.set_mtime(0);
        let (kind, link, data): (_, &[u8], &[u8]) = match &item.what {
            What::File(data) => (tar::EntryType::Regular, b"", data),
            What::Folder => (tar::EntryType::Directory, b"", b""),
            What::Link(target) => (tar::EntryType::Symlink, target, b""),
            What::HardLink(target) => (tar::EntryType::Link, target, b""),
            What::Pipe => (tar::EntryType::Fifo, b"", b""),
            What::Whiteout => (tar::EntryType::Regular, b"", b""),
        };
        header.set_entry_type(kind);
        header.set_size(data.len() as u64);
        let mut records = Vec::new();
        for (field, key, long, bytes) in [(0, "path", b'L', &item.name[..]), (157, "linkpath", b'K', link)] {
            if item.pax && !bytes.is_empty() {
                records.push((key, bytes));
            } else if bytes.len() > 100 {
                let mut header = tar::Header::new_gnu();
                header.set_entry_type(tar::EntryType::new(long));
                header.set_size(bytes.len() as u64 + 1);
                header.set_cksum();
                builder.append(&header, [bytes, b"\0"].concat().as_slice()).unwrap();
            }
            let short = bytes.len().min(100);
            let start = if bytes.len() > 100 { b'?' } else { *bytes.first().unwrap_or(&0) };
            header.as_mut_bytes()[field..field + short].copy_from_slice(&bytes[..short]);
            header.as_mut_bytes()[field] = start;
            if bytes.len() > 100 {
                header.as_mut_bytes()[field + 1..field + 100].fill(0);
            }
        }
        builder.append_pax_extensions(records).unwrap();
        header.set_cksum();
        builder.append(&header, data).unwrap();
    }
    builder.into_inner().unwrap()
}

/// The tree that carboy sees; or why it does not.
fn carboys(tars: &[Vec<u8>]) -> Result<BTreeMap<Vec<u8>, Seen>, String> {
    let mut tree = Tree::default();
    let limits = Limits::default();
    let digests: Vec<_> = tars.iter().map(|tar| Digest::of(tar)).collect();
    for (tar, digest) in tars.iter().zip(&digests) {
        let entries =
            read::list(Cursor::new(tar), *digest, &limits).map_err(|cause| carboy::diagnostic::chain(&cause))?;
        tree.stack(entries, &limits).map_err(|cause| carboy::diagnostic::chain(&cause))?;
    }
    let seen = |entry: &Entry| {
        let (kind, bytes) = match &entry.kind {
            Kind::Folder => ("folder", Vec::new()),
            Kind::Special => ("pipe", Vec::new()),
            Kind::Link(target) => ("link", target.clone()),
            Kind::File(Content::Layer { blob, offset, size, .. }) => {
                let tar = &tars[digests.iter().position(|digest| digest == blob).unwrap()];
                ("file", tar[usize::try_from(*offset).unwrap()..][..usize::try_from(*size).unwrap()].to_vec())
            }
            Kind::File(other) => panic!("{other:?}"),
        };
        let mode = if kind == "link" { 0 } else { entry.meta.mode };
        Seen { kind, mode, owner: (entry.meta.uid, entry.meta.gid), bytes }
    };
    Ok(tree.iter().map(|(path, entry)| (path.as_bytes().to_vec(), seen(entry))).collect())
}

/// The tree that umoci unpacks; or why it does not.
fn umocis(folder: &Path, tars: &[Vec<u8>]) -> Result<BTreeMap<Vec<u8>, Seen>, String> {
    let layout = Layout::write(&folder.join("layout"), tars);
    let root = folder.join("root");
    let image = format!("{}:1", layout.display());
    let mut command = Command::new("umoci");
    command.args(["raw", "unpack", "--image", &image]).arg(&root).stdin(Stdio::null());
    let output = command.output().unwrap_or_else(|cause| panic!("umoci: {cause}: run scripts/setup"));
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let mut out = BTreeMap::new();
    walk(&root, &mut Vec::new(), &mut out);
    Ok(out)
}

fn walk(root: &Path, below: &mut Vec<u8>, out: &mut BTreeMap<Vec<u8>, Seen>) {
    for entry in fs::read_dir(root.join(OsStr::from_bytes(below))).unwrap() {
        let entry = entry.unwrap();
        let facts = entry.metadata().unwrap();
        let length = below.len();
        if length > 0 {
            below.push(b'/');
        }
        below.extend_from_slice(entry.file_name().as_bytes());
        let (kind, bytes) = match facts.file_type() {
            kind if kind.is_dir() => ("folder", Vec::new()),
            kind if kind.is_symlink() => ("link", fs::read_link(entry.path()).unwrap().into_os_string().into_vec()),
            kind if kind.is_file() => ("file", fs::read(entry.path()).unwrap()),
            kind if kind.is_fifo() => ("pipe", Vec::new()),
            kind => panic!("{kind:?}"),
        };
        let mode = if kind == "link" { 0 } else { facts.mode() & 0o7777 };
        out.insert(below.clone(), Seen { kind, mode, owner: (facts.uid(), facts.gid()), bytes });
        if kind == "folder" {
            walk(root, below, out);
        }
        below.truncate(length);
    }
}

/// How two trees differ, in lines.
fn difference(carboy: &BTreeMap<Vec<u8>, Seen>, umoci: &BTreeMap<Vec<u8>, Seen>) -> String {
    let mut out = String::new();
    for path in carboy.keys().chain(umoci.keys().filter(|path| !carboy.contains_key(*path))) {
        let (ours, theirs) = (carboy.get(path), umoci.get(path));
        if ours != theirs {
            let _ = writeln!(out, "  {}:\n    carboy {ours:?}\n    umoci  {theirs:?}", path.escape_ascii());
        }
    }
    out
}

#[derive(Default)]
struct Count {
    same: AtomicU64,
    both_refuse: AtomicU64,
    umoci_refuses: AtomicU64,
}

fn check(seed: u64, folder: &Path, count: &Count) -> Result<(), String> {
    let mut random = Random::new(seed);
    let (mut files, mut links) = (BTreeSet::new(), BTreeSet::new());
    let layers: Vec<_> = (0..=random.index(5)).map(|_| layer(&mut random, &mut files, &mut links)).collect();
    let tars: Vec<_> = layers.iter().map(|items| tar(items)).collect();
    let umocis_tars: Vec<_> = layers.iter().map(|items| tar(&whiteouts_first(items))).collect();
    let work = tempfile::tempdir_in(folder).unwrap();
    let problem = match (carboys(&tars), umocis(work.path(), &umocis_tars)) {
        (Ok(ours), Ok(theirs)) if ours == theirs => {
            count.same.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        (Ok(ours), Ok(theirs)) => difference(&ours, &theirs),
        (Err(_), Err(_)) => {
            count.both_refuse.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        (Ok(_), Err(cause)) if umoci_may_refuse(&cause) => {
            count.umoci_refuses.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        (Ok(_), Err(cause)) => format!("  only umoci refuses: {cause}"),
        (Err(cause), Ok(_)) => format!("  only carboy refuses: {cause}"),
    };
    let mut text = format!("seed {seed}\n");
    for (number, items) in layers.iter().enumerate() {
        for Item { name, what, mode, owner, pax } in items {
            let what = match what {
                What::Link(target) => format!("link to {}", target.escape_ascii()),
                What::HardLink(target) => format!("hardlink to {}", target.escape_ascii()),
                What::File(data) => format!("file of {}", data.len()),
                other => format!("{other:?}"),
            };
            let name = name.escape_ascii();
            let _ =
                writeln!(text, "  layer {number}: {name} {what} {mode:o} {owner:?}{}", if *pax { " pax" } else { "" });
        }
    }
    let short = |text: String, c: char| text.replace(&c.to_string().repeat(120), &c.to_uppercase().to_string());
    Err(short(short(text + &problem, 'l'), 'm'))
}

/// What lies below a file: umoci and containerd refuse it, Docker's overlay2, which
/// unpacks each layer by itself, makes a folder of the file. So does carboy.
fn umoci_may_refuse(cause: &str) -> bool {
    cause.contains("not a directory")
}

/// Owners count only for root: anybody else becomes it in a user namespace.
fn as_root(test: &str) -> bool {
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        return true;
    }
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--map-auto", "--"]).arg(std::env::current_exe().unwrap());
    let output = command.args([test, "--exact", "--nocapture", "--include-ignored"]).stderr(Stdio::inherit()).output();
    let output = output.unwrap_or_else(|cause| panic!("unshare: {cause}: run scripts/setup"));
    let told = String::from_utf8_lossy(&output.stdout);
    print!("{told}");
    assert!(output.status.success() && told.contains("1 passed"), "{told}");
    false
}

#[test]
fn carboy_stacks_as_umoci_unpacks() {
    if as_root("carboy_stacks_as_umoci_unpacks") {
        let seed = std::env::var("CARBOY_SEED").ok().map(|text| text.parse().unwrap());
        compare(seed.map_or(0..300, |seed| seed..seed + 1));
    }
}

#[test]
#[ignore = "long"]
fn carboy_stacks_many_as_umoci_unpacks() {
    if as_root("carboy_stacks_many_as_umoci_unpacks") {
        compare(0..12_500);
    }
}

fn compare(seeds: Range<u64>) {
    let folder = tempfile::tempdir().unwrap();
    let (next, count) = (AtomicU64::new(seeds.start), Count::default());
    let failed: Vec<_> = std::thread::scope(|scope| {
        let work = || {
            let mut failed = Vec::new();
            while failed.len() < 20 {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= seeds.end {
                    break;
                }
                failed.extend(check(seed, folder.path(), &count).err());
            }
            failed
        };
        let workers: Vec<_> = (0..2).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    let Count { same, both_refuse, umoci_refuses } = count;
    let all = seeds.end - seeds.start;
    assert!(all > 0 && (all == 1 || same.load(Ordering::Relaxed) > all / 2), "too few are the same to tell much");
    println!("{same:?} the same, {both_refuse:?} refused by both, {umoci_refuses:?} by umoci alone");
    assert!(failed.is_empty(), "{} differ (CARBOY_SEED=… runs one):\n{}", failed.len(), failed.join("\n"));
}
