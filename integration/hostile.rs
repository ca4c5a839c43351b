//! Images that mean harm: refused with a word on layer and entry, in bounded memory, and
//! nothing at the target moves. What is only odd is kept.

#![expect(clippy::unwrap_used, reason = "a test whose surroundings fail has failed")]

#[path = "support/small_layout.rs"]
mod small_layout;
#[path = "support/watchdog.rs"]
mod watchdog;

use std::fs;
use std::io::{Cursor, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use carboy::layer::{Limits, read};
use carboy::oci::Digest;
use carboy::oci::digest::Hasher;
use carboy::rootfs::{RootPath, Tree};
use small_layout::Layout;
use tempfile::TempDir;
use watchdog::Watchdog;

const TAR: &str = "application/vnd.oci.image.layer.v1.tar";
const GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
/// What a run may take whose image is a bomb.
const MEMORY: u64 = 200 << 10;

/// A header, and its data.
fn entry(kind: u8, name: &[u8], link: &[u8], data: &[u8]) -> Vec<u8> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o755);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(data.len() as u64);
    header.set_entry_type(tar::EntryType::new(kind));
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link);
    header.set_cksum();
    let mut out = [header.as_bytes(), data].concat();
    out.resize(out.len().next_multiple_of(512), 0);
    out
}

fn end(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), vec![0; 1024]].concat()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// A project that takes `/opt` of the layout `builder` over the layout `base`, and has
/// been built once over a sound builder.
struct Harness {
    folder: TempDir,
    before: String,
}

struct Run {
    code: Option<i32>,
    stderr: String,
    /// The highest resident size, in KiB.
    peak: u64,
}

impl Harness {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let mut harness = Self { folder, before: String::new() };
        fs::create_dir(harness.path("project")).unwrap();
        Layout::write(&harness.path("base"), &[end(&[entry(b'0', b"bin/tool", b"", b"tool")])]);
        harness.builder(|layout| {
            let tar = end(&[entry(b'0', b"opt/x", b"", b"x")]);
            layout.add(TAR, &tar, &Digest::of(&tar));
        });
        let run = harness.build("");
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        harness.before = harness.index();
        harness
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn index(&self) -> String {
        fs::read_to_string(self.path("out/index.json")).unwrap()
    }

    fn builder(&self, fill: impl FnOnce(&mut Layout)) {
        let _ = fs::remove_dir_all(self.path("builder"));
        let mut layout = Layout::new(&self.path("builder"));
        fill(&mut layout);
        layout.finish();
    }

    fn build(&self, more: &str) -> Run {
        let text = format!(
            "python = false\nplatforms = [\"linux/amd64\"]\nbase = \"oci:../base:1\"\nbuilder = \"oci:../builder:1\"\n\
             to = \"oci:../out:1\"\n[image]\nentrypoint = [\"/bin/tool\"]\n\
             [[extract]]\npaths = [\"/opt\"]\nlibraries = false\n{more}"
        );
        fs::write(self.path("project/carboy.toml"), text).unwrap();
        let peak = self.path("peak");
        let mut command = Command::new("/usr/bin/time");
        command.args(["-f", "%M", "-o"]).arg(&peak).arg(env!("CARGO_BIN_EXE_carboy")).arg("build");
        command.arg(self.path("project")).stdin(Stdio::null());
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.path("home"));
        command.env("TMPDIR", std::env::temp_dir());
        command.env("CARBOY_CACHE_DIR", self.path("cache")).env("CARBOY_ALLOW_OUTSIDE", self.folder.path());
        let output = command.output().unwrap_or_else(|cause| panic!("time: {cause}: run scripts/setup"));
        let peak = fs::read_to_string(peak).unwrap();
        Run {
            code: output.status.code(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            peak: peak.lines().last().unwrap().parse().unwrap(),
        }
    }

    /// A build that fails with these words, and changes nothing at the target.
    #[track_caller]
    fn refuses(&self, more: &str, words: &[&str]) -> Run {
        let run = self.build(more);
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        for word in words {
            assert!(run.stderr.contains(word), "no `{word}` in:\n{}", run.stderr);
        }
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
        assert_eq!(self.index(), self.before, "the tag moved");
        assert!(run.peak < MEMORY, "{} KiB", run.peak);
        run
    }

    #[track_caller]
    fn refuses_tar(&self, tar: &[u8], words: &[&str]) {
        let layer = Digest::of(tar).to_string();
        self.builder(|layout| layout.add(TAR, tar, &Digest::of(tar)));
        let run = self.refuses("", words);
        assert!(run.stderr.contains(&layer["sha256:".len()..][..12]), "no layer in:\n{}", run.stderr);
    }
}

#[test]
fn entries_that_mean_harm_are_refused_by_name() {
    let harness = Harness::new();
    let file = || entry(b'0', b"opt/f", b"", b"data");
    let plain = |kind, name: &[u8], link: &[u8]| end(&[entry(kind, name, link, b"")]);
    let mut lying = entry(b'0', b"opt/liar", b"", b"");
    lying[124..136].copy_from_slice(b"77777777777\0");
    lying[148..156].fill(b' ');
    let sum: u32 = lying.iter().map(|&byte| u32::from(byte)).sum();
    lying[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let smuggled = [entry(b'x', b"pax", b"", b"16 path=opt/pax\n"), entry(b'L', b"long", b"", b"opt/gnu\0"), file()];
    for (tar, words) in [
        (plain(b'0', b"opt/../../etc/passwd", b""), ["entry `opt/../../etc/passwd`", "leads out of the image"]),
        (plain(b'1', b"opt/h", b"../../etc/passwd"), ["entry `opt/h`", "hardlink out of the image"]),
        (plain(b'1', b"opt/h", b"opt/nothing"), ["`/opt/h` is a hardlink to `/opt/nothing`", "no file of the image"]),
        (plain(b'2', b"opt/l", b""), ["entry `opt/l`", "a link to nothing"]),
        (plain(b'0', b"opt/.wh...", b""), ["`/opt/.wh...`", "whiteout of nothing"]),
        (plain(b'V', b"opt/v", b""), ["entry `opt/v`", "its type is none that images have"]),
        (lying, ["entry `opt/liar`", "ends in the middle"]),
        (end(&[file()])[..900].to_vec(), ["entry `opt/f`", "ends in the middle"]),
        (end(&smuggled), ["entry `opt/f`", "contradict each other"]),
        (vec![7; 4096], ["a number in its header is none", "layer"]),
    ] {
        harness.refuses_tar(&tar, &words);
    }
    let looping =
        [entry(b'2', b"opt/a", b"b", b""), entry(b'2', b"opt/b", b"a", b""), entry(b'0', b"opt/a/x", b"", b"")];
    harness.refuses_tar(&end(&looping), &["`/opt/a` leads into a loop of symbolic links"]);
    let tar = end(&[file(), entry(b'3', b"opt/null", b"", b"")]);
    harness.builder(|layout| layout.add(TAR, &tar, &Digest::of(&tar)));
    harness.refuses("", &["`/opt/null` is a device, a pipe or a socket"]);
}

#[test]
fn blobs_that_are_not_what_is_promised_are_refused() {
    let harness = Harness::new();
    let tar = end(&[entry(b'0', b"opt/f", b"", &vec![5; 50_000])]);
    let other = Digest::of(b"other");
    for (media_type, blob) in [(TAR, tar.clone()), (GZIP, gzip(&tar)), (ZSTD, zstd::encode_all(&tar[..], 1).unwrap())] {
        harness.builder(|layout| layout.add(media_type, &blob, &other));
        harness.refuses("", &["but the image's configuration promises", &other.to_string()]);
        if media_type != TAR {
            let cut = &blob[..blob.len() / 2];
            harness.builder(|layout| layout.add(media_type, cut, &Digest::of(&tar)));
            harness.refuses("", &[&format!("as `{media_type}`")]);
        }
    }
}

/// The same compressed megabyte again and again, and the diff id of what it unpacks to.
fn bomb(part: &[u8], media_type: &str, times: usize) -> (Vec<u8>, Digest) {
    let packed = if media_type == GZIP { gzip(part) } else { zstd::encode_all(part, 1).unwrap() };
    let mut hasher = Hasher::default();
    (0..times).for_each(|_| hasher.update(part));
    (packed.repeat(times), hasher.finish())
}

#[test]
fn decompression_bombs_stop_at_the_limit() {
    let harness = Harness::new();
    for media_type in [GZIP, ZSTD] {
        // A file of almost a megabyte, again and again.
        let mut header = tar::Header::new_gnu();
        header.set_path("x").unwrap();
        header.set_mode(0o644);
        header.set_size((1 << 20) - 512);
        header.set_cksum();
        let mut part = header.as_bytes().to_vec();
        part.resize(1 << 20, 0);
        let packed = if media_type == GZIP { gzip(&part) } else { zstd::encode_all(&part[..], 1).unwrap() };
        let blob = packed.repeat(16 << 10); // 16 GiB
        harness.builder(|layout| layout.add(media_type, &blob, &Digest::of(b"")));
        harness.refuses(
            "[limits]\nlayer-size = \"64MiB\"\n",
            &["unpacks to more than 67108864 bytes", "raise `layer-size` under [limits]"],
        );
    }
}

/// A header whose size field holds these bytes.
fn sized(kind: u8, size: &[u8; 12]) -> Vec<u8> {
    let mut header = entry(kind, b"opt/big", b"", b"");
    header[124..136].copy_from_slice(size);
    checked(header)
}

fn checked(mut header: Vec<u8>) -> Vec<u8> {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

/// An extended header of these records.
fn pax(records: &[&str]) -> Vec<u8> {
    let length = |record: &str| (1..200).find(|n| n.to_string().len() + 2 + record.len() == *n).unwrap();
    let line = |record: &&str| format!("{} {record}\n", length(record));
    entry(b'x', b"pax", b"", records.iter().map(line).collect::<String>().as_bytes())
}

/// An entry whose header promises too many bytes, in any tar format, is refused before it is
/// unpacked.
#[test]
fn an_entry_that_promises_too_much_is_not_unpacked() {
    let harness = Harness::new();
    let plain = |size: &str| entry(b'0', b"opt/big", b"", size.as_bytes());
    let mut old_sparse = entry(b'S', b"opt/big", b"", b"");
    old_sparse[483..495].copy_from_slice(b"\x80\0\0\0\0\0\0\x10\0\0\0\0");
    let base_256 = |number: &[u8; 5]| [&b"\x80\0\0\0\0\0\0"[..], number].concat().try_into().unwrap();
    let headers = [
        ("octal", sized(b'0', b"777777777777")),
        ("base 256", sized(b'0', &base_256(b"\x10\0\0\0\0"))),
        ("base 256, the largest", sized(b'0', b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff")),
        ("PAX", [pax(&["size=68719476736"]), plain("")].concat()),
        ("PAX, the largest", [pax(&["size=9223372036854775807"]), plain("")].concat()),
        (
            "sparse 1.0",
            [
                pax(&["GNU.sparse.major=1", "GNU.sparse.minor=0", "GNU.sparse.realsize=68719476736"]),
                plain(&format!("{:\0<512}", "1\n68719476736\n0\n")),
            ]
            .concat(),
        ),
        (
            "sparse 0.1",
            [
                pax(&["GNU.sparse.size=68719476736", "GNU.sparse.numblocks=1", "GNU.sparse.map=68719476736,0"]),
                plain(""),
            ]
            .concat(),
        ),
        (
            "sparse 0.0",
            [
                pax(&[
                    "GNU.sparse.size=68719476736",
                    "GNU.sparse.numblocks=1",
                    "GNU.sparse.offset=68719476736",
                    "GNU.sparse.numbytes=0",
                ]),
                plain(""),
            ]
            .concat(),
        ),
        ("old sparse", {
            old_sparse[386..398].copy_from_slice(b"\x80\0\0\0\0\0\0\x10\0\0\0\0");
            old_sparse[398..410].copy_from_slice(b"00000000000\0");
            checked(old_sparse)
        }),
    ];
    // 4 GiB of zeros after each: an entry that is unpacked ends in the middle, which is another error
    let zeros = zstd::encode_all(&vec![0; 8 << 20][..], 1).unwrap().repeat(512);
    let watchdog = Watchdog::start();
    for (what, header) in headers {
        let blob = [zstd::encode_all(&header[..], 1).unwrap(), zeros.clone()].concat();
        harness.builder(|layout| layout.add(ZSTD, &blob, &Digest::of(b"")));
        watchdog.step(what);
        harness.refuses(
            "",
            &["its entry `opt/big` is invalid: it says that it has ", "raise `layer-size` under [limits]"],
        );
    }
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    encoder.include_contentsize(true).unwrap();
    encoder.set_pledged_src_size(Some(100 << 20)).unwrap();
    encoder.write_all(&vec![0; 100 << 20]).unwrap();
    let blob = encoder.finish().unwrap();
    harness.builder(|layout| layout.add(ZSTD, &blob, &Digest::of(b"")));
    let limits = "[limits]\nlayer-size = \"64MiB\"\n";
    harness.refuses(limits, &["its zstd frame says that it has 104857600 bytes", "raise `layer-size`"]);
}

/// Each layer is within the limits of one, and all of them are too much.
#[test]
fn all_layers_of_an_image_have_limits_together() {
    let mut harness = Harness::new();
    let layer = |n: usize| {
        let names = (0..100).map(|at| entry(b'0', format!("opt/{n}/{at}").as_bytes(), b"", &[7; 10_000]));
        end(&names.collect::<Vec<_>>())
    };
    let tars: Vec<_> = (0..10).map(layer).collect();
    let fill = |harness: &Harness, media_type, pack: &dyn Fn(&[u8]) -> Vec<u8>| {
        harness.builder(|layout| tars.iter().for_each(|tar| layout.add(media_type, &pack(tar), &Digest::of(tar))));
    };
    fill(&harness, GZIP, &gzip);
    let size = "[limits]\nimage-size = \"5MiB\"\n";
    harness.refuses(
        size,
        &["builder:1 is too large: its layers unpack to more than 5242880 bytes together", "raise `image-size` under"],
    );
    let entries = "[limits]\nimage-entries = 999\n";
    harness.refuses(
        entries,
        &["builder:1 is too large: its layers have more than 999 entries together", "raise `image-entries` under"],
    );
    let run = harness.build("[limits]\nimage-entries = 1000\n");
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    harness.before = harness.index();
    // What the cache has counts too.
    harness.refuses(size, &["its layers unpack to more than 5242880 bytes together"]);
    fill(&harness, TAR, &<[u8]>::to_vec);
    harness.refuses(
        size,
        &["builder:1 is too large: its layers have ", " bytes compressed, and may have 5242880 unpacked"],
    );
}

#[test]
fn an_image_has_no_more_than_256_layers() {
    let harness = Harness::new();
    let tars: Vec<_> = (0..257).map(|n| end(&[entry(b'0', format!("opt/{n}").as_bytes(), b"", b"x")])).collect();
    let fill = |tars: &[Vec<u8>]| {
        harness.builder(|layout| tars.iter().for_each(|tar| layout.add(TAR, tar, &Digest::of(tar))));
    };
    fill(&tars);
    let run = harness.refuses(
        "",
        &["builder:1 is not a valid image: manifest sha256:", " has 257 layers, and an image may have 256"],
    );
    let layer = Digest::of(&tars[0]).short();
    assert!(!run.stderr.contains(&layer), "a layer was pulled:\n{}", run.stderr);
    fill(&tars[..256]);
    let run = harness.build("");
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

#[test]
fn a_zstd_window_is_bounded() {
    let harness = Harness::new();
    let tar = end(&[entry(b'0', b"opt/f", b"", &vec![5; 50_000])]);
    let with = |log| {
        let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(log).unwrap();
        encoder.write_all(&tar).unwrap();
        encoder.finish().unwrap()
    };
    harness.builder(|layout| layout.add(ZSTD, &with(27), &Digest::of(&tar)));
    harness.refuses("", &["needs a window of more than 8388608 bytes", "raise `zstd-window` under [limits]"]);
    let run = harness.build("[limits]\nzstd-window = \"128MiB\"\n");
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    harness.builder(|layout| layout.add(ZSTD, &with(23), &Digest::of(&tar)));
    let run = harness.build("");
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

#[test]
fn endless_entries_stop_at_the_limit() {
    entries_stop_at(20_000, "[limits]\nlayer-entries = 20000\n");
}

#[test]
#[ignore = "long"]
fn endless_entries_stop_at_the_limit_that_holds_by_default() {
    entries_stop_at(500_000, "");
}

fn entries_stop_at(limit: usize, limits: &str) {
    let harness = Harness::new();
    let part: Vec<u8> = (0..2048).flat_map(|n| entry(b'0', format!("opt/{n}").as_bytes(), b"", b"")).collect();
    let (blob, diff_id) = bomb(&part, GZIP, limit / 1000);
    harness.builder(|layout| layout.add(GZIP, &blob, &diff_id));
    harness.refuses(limits, &[&format!("more than {limit} entries"), "raise `layer-entries` under [limits]"]);
}

#[test]
fn entries_that_cost_much_stop_at_the_limit() {
    let harness = Harness::new();
    // Few entries that cost much: names, attributes, and folders that names imply.
    let deep = |n: usize| {
        let name = [format!("opt/{n}/").repeat(400).as_bytes(), b"f\0"].concat();
        [entry(b'L', b"long", b"", &name), entry(b'0', b"short", b"", b"")].concat()
    };
    let tar = end(&(0..200).map(deep).collect::<Vec<_>>());
    harness.builder(|layout| layout.add(GZIP, &gzip(&tar), &Digest::of(&tar)));
    harness.refuses("", &["paths have more than 67108864 bytes", "raise `layer-names` under [limits]"]);
    let value = "v".repeat(60_000);
    let record = format!("{} SCHILY.xattr.user.a={value}\n", value.len() + 27);
    let with = |n: usize| {
        let name = format!("opt/{n}");
        [entry(b'x', b"pax", b"", record.as_bytes()), entry(b'0', name.as_bytes(), b"", b"")].concat()
    };
    let tar = end(&(0..1200).map(with).collect::<Vec<_>>());
    harness.builder(|layout| layout.add(GZIP, &gzip(&tar), &Digest::of(&tar)));
    harness.refuses("", &["names, link targets and attributes have more than 67108864 bytes", "`layer-names`"]);
    let name = [&b"opt/"[..], &[b'n'; 5000], b"\0"].concat();
    harness.refuses_tar(
        &end(&[entry(b'L', b"long", b"", &name), entry(b'0', b"s", b"", b"")]),
        &["its name is longer than 4095 bytes", "raise `name-length` under [limits]"],
    );
}

#[test]
fn holes_count_as_what_they_expand_to() {
    let harness = Harness::new();
    let records = "29 GNU.sparse.size=1000000000\n24 GNU.sparse.numblocks=1\n31 GNU.sparse.map=1000000000,0\n";
    let records: String = records
        .lines()
        .map(|line| line.split_once(' ').unwrap().1)
        .map(|record| {
            (1..99)
                .map(|n| format!("{n} {record}\n"))
                .find(|text| text.starts_with(&format!("{} ", text.len())))
                .unwrap()
        })
        .collect();
    let tar = end(&[entry(b'x', b"pax", b"", records.as_bytes()), entry(b'0', b"opt/holes", b"", b"")]);
    harness.builder(|layout| layout.add(TAR, &tar, &Digest::of(&tar)));
    let limit = "[limits]\nlayer-size = \"500MB\"\n";
    harness.refuses(limit, &["unpacks to more than 500000000 bytes", "`layer-size`"]);
}

#[test]
fn odd_names_and_links_are_kept() {
    let harness = Harness::new();
    let odd: &[u8] = b"opt/\xff\xfe\n -";
    let tar = end(&[
        entry(b'0', odd, b"", b"odd"),
        entry(b'2', b"opt/loop", b"loop", b""),
        entry(b'2', b"opt/out", b"../../../../../../etc/passwd", b""),
        entry(b'2', b"etc", b"/opt", b""),
        entry(b'0', b"opt/passwd", b"", b"inside"),
    ]);
    harness.builder(|layout| layout.add(TAR, &tar, &Digest::of(&tar)));
    let run = harness.build("[layers]\ncompression = \"gzip\"\n");
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    let names = pushed(&harness);
    for want in [(odd, &b""[..]), (b"opt/loop", b"loop"), (b"opt/out", b"../../../../../../etc/passwd")] {
        assert!(names.contains(&(want.0.to_vec(), want.1.to_vec())), "{want:?} is not in {names:?}");
    }
}

/// Names and link targets of the layers that the target has.
fn pushed(harness: &Harness) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut out = Vec::new();
    for blob in fs::read_dir(harness.path("out/blobs/sha256")).unwrap() {
        let mut bytes = Vec::new();
        let file = fs::File::open(blob.unwrap().path()).unwrap();
        if flate2::read::MultiGzDecoder::new(file).read_to_end(&mut bytes).is_err() {
            continue;
        }
        for entry in tar::Archive::new(Cursor::new(bytes)).entries().unwrap() {
            let entry = entry.unwrap();
            out.push((entry.path_bytes().to_vec(), entry.link_name_bytes().unwrap_or_default().to_vec()));
        }
    }
    out
}

/// Shapes that cost quadratic time where every name is walked part by part.
#[test]
fn hostile_shapes_do_not_hang() {
    let watchdog = Watchdog::start();
    let long = |name: String, kind, link: &str| {
        let long =
            |kind, text: &str| if text.len() > 100 { entry(kind, b"long", b"", text.as_bytes()) } else { vec![] };
        let short = |text: &str| text.as_bytes()[..text.len().min(100)].to_vec();
        let header = entry(kind, short(&name).trim_suffix_slash(), &short(link), b"");
        [long(b'L', &name), long(b'K', link), header].concat()
    };
    let deep = |n: usize| long(format!("{}{n}", "a/".repeat(1500)), b'0', "");
    let whiteout = |n: usize| entry(b'0', format!("d/{n}/.wh..wh..opq").as_bytes(), b"", b"");
    let file = |n: usize| entry(b'0', format!("d/{}/{n}", n % 5000).as_bytes(), b"", b"");
    // Each link goes through the one before it, up and down all the way.
    let link = |n: usize| long(format!("l{n}"), b'2', &format!("l{}{}", n.saturating_sub(1), "/x/..".repeat(700)));
    let through = |n: usize| entry(b'0', format!("l35/{n}").as_bytes(), b"", b"");
    let layers: [(&str, Vec<Vec<Vec<u8>>>); 3] = [
        ("20,000 names 1,500 folders deep", vec![(0..20_000).map(deep).collect()]),
        (
            "5,000 opaque folders over 100,000 files",
            vec![(0..100_000).map(file).collect(), (0..5000).map(whiteout).chain((0..5000).map(whiteout)).collect()],
        ),
        (
            "20,000 names through 35 long links",
            vec![
                [
                    vec![entry(b'5', b"l0/x/", b"", b"")],
                    (1..36).map(link).collect(),
                    (0..20_000).map(through).collect(),
                ]
                .concat(),
            ],
        ),
    ];
    let mut results = Vec::new();
    for (shape, layers) in layers {
        watchdog.step(shape);
        let mut tree = Tree::default();
        let mut result = Ok(());
        for layer in layers {
            let tar = end(&layer);
            let entries = read::list(Cursor::new(&tar), Digest::of(b""), &Limits::default()).unwrap();
            result = result.and_then(|()| {
                tree.stack(entries, &Limits::default()).map_err(|cause| carboy::diagnostic::chain(&cause))
            });
        }
        let entries = tree.below(&RootPath::root()).count();
        results.push(format!("{shape}: {entries} entries, {result:?}"));
    }
    insta::assert_snapshot!(results.join("\n"), @r#"
    20,000 names 1,500 folders deep: 21500 entries, Ok(())
    5,000 opaque folders over 100,000 files: 5001 entries, Ok(())
    20,000 names through 35 long links: 93 entries, Err("its names pass through too many folders or links")
    "#);
}

/// Package lists that are one list by many names are read once: 200 of them would be over
/// the limit for lists that differ.
#[test]
fn package_lists_are_read_once_and_have_a_limit() {
    let harness = Harness::new();
    let names = (0..200).map(|number| format!("p{number}"));
    let status = names
        .clone()
        .map(|name| format!("Package: {name}\nVersion: 1\nArchitecture: all\n\n"))
        .collect::<Vec<_>>()
        .concat();
    let info = |name: &str| format!("var/lib/dpkg/info/{name}");
    let common = [entry(b'0', b"opt/x", b"", b"x"), entry(b'0', b"var/lib/dpkg/status", b"", status.as_bytes())];
    let list = entry(b'0', info("list").as_bytes(), b"", &b"/opt/x\n".repeat(500_000));
    let links = names.clone().map(|name| entry(b'2', info(&format!("{name}.list")).as_bytes(), b"list", b""));
    let tar = end(&common.iter().cloned().chain([list]).chain(links).collect::<Vec<_>>());
    harness.builder(|layout| layout.add(TAR, &tar, &Digest::of(&tar)));
    let run = harness.build("");
    assert_eq!(run.code, Some(0), "{}", run.stderr);

    let zeros = vec![0; 31 << 20];
    let lists = names.take(5).map(|name| entry(b'0', info(&format!("{name}.list")).as_bytes(), b"", &zeros));
    let tar = end(&common.iter().cloned().chain(lists).collect::<Vec<_>>());
    let blob = gzip(&tar);
    harness.builder(|layout| layout.add(GZIP, &blob, &Digest::of(&tar)));
    let run = harness.build("");
    assert_eq!(run.code, Some(1), "{}", run.stderr);
    for word in ["`/var/lib/dpkg/info/p4.list` of ", "builder:1: ", "larger than 128 MiB in total"] {
        assert!(run.stderr.contains(word), "no `{word}` in:\n{}", run.stderr);
    }
}

trait TrimSuffixSlash {
    fn trim_suffix_slash(&self) -> &[u8];
}

impl TrimSuffixSlash for Vec<u8> {
    /// A cut name that ends in a slash would be a folder for some.
    fn trim_suffix_slash(&self) -> &[u8] {
        self.strip_suffix(b"/").unwrap_or(self)
    }
}
