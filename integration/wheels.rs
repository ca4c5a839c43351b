//! Hostile wheels are refused, with an error that names the wheel and the member, and
//! without taking much memory; odd but honest ones are installed.

#![expect(clippy::unwrap_used, reason = "a test whose surroundings fail has failed")]

#[path = "support/random.rs"]
mod random;
#[path = "support/wheels.rs"]
mod sample_wheels;
#[path = "support/test_cache.rs"]
mod test_cache;
#[path = "support/watchdog.rs"]
mod watchdog;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use carboy::diagnostic::chain;
use carboy::elf;
use carboy::layer::{PackError, Packer, Recipe, TarFiles, contents, zip};
use carboy::oci::{CompressionLevel, Digest};
use carboy::python::Interpreter;
use carboy::python::wheel::{Installed, install};
use carboy::rootfs::{ArchiveFile, Content, Entry, RootPath, Tree};
use random::Random;
use sample_wheels::{INFO, METADATA, Member, WHEEL};
use watchdog::Watchdog;

const NAME: &str = "x-1.0-py3-none-any.whl";
/// Where modules go: what layers are written from is told by its place in the image.
const SITE: &str = "/usr/local/lib/python3.13/site-packages";

struct NoTars;

impl TarFiles for NoTars {
    fn tar(&self, _: &Digest) -> io::Result<Arc<File>> {
        Err(io::ErrorKind::NotFound.into())
    }
}

fn interpreter(executable: &str) -> Interpreter {
    let prefix = executable.strip_suffix("/bin/python3.13").unwrap();
    let names = [executable.to_owned(), format!("{prefix}/lib/python3.13/os.py")];
    let tree: Tree =
        names.iter().map(|name| (RootPath::new(name).unwrap(), Entry::bytes(0o755, name.as_bytes()))).collect();
    Interpreter::find(&tree, &[format!("PATH={prefix}/bin")], None).unwrap()
}

fn try_file(name: &str, path: &Path, interpreter: &Interpreter) -> Result<Installed, String> {
    let archive = zip::list(ArchiveFile { name: name.to_owned(), path: path.to_owned(), digest: Digest::of(b"") })
        .map_err(|error| chain(&error))?;
    let done = install(&archive, interpreter, &mut |member| Ok(Box::new(zip::open(&archive, member)?)));
    done.map_err(|error| chain(&error))
}

/// What comes of a wheel's bytes, and of packing it.
fn tried(name: &str, bytes: &[u8], interpreter: &Interpreter) -> Result<Installed, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wheel.whl");
    fs::write(&path, bytes).unwrap();
    let installed = try_file(name, &path, interpreter);
    installed.and_then(|installed| {
        packed(&installed).map_err(|error| chain(&error))?;
        Ok(installed)
    })
}

fn packed(installed: &Installed) -> Result<(), PackError> {
    let mut recipe = Recipe::new(0, CompressionLevel::Gzip { level: 1 });
    let mut image = Tree::default();
    for (path, entry) in &installed.entries {
        recipe.put(&mut image, path, entry.clone()).unwrap();
    }
    Packer::default().pack(&recipe, &NoTars, tempfile::tempfile().unwrap(), &|_| {}).map(drop)
}

fn refused(bytes: &[u8]) -> String {
    tried(NAME, bytes, &interpreter("usr/local/bin/python3.13")).err().unwrap_or_default()
}

#[track_caller]
fn assert_refused(bytes: &[u8], want: &str) {
    assert_eq!(refused(bytes), format!("`{NAME}` is not a valid wheel: {want}"));
}

/// A wheel with one more member, as it is; RECORD lists it.
fn with(member: Member) -> Vec<u8> {
    let mut files = sample_wheels::files(&[]);
    let name = String::from_utf8_lossy(&member.name).into_owned();
    let mut content = Vec::new();
    if member.method == 8 {
        let inflated = flate2::read::DeflateDecoder::new(&member.data[..]).take(1 << 20).read_to_end(&mut content);
        inflated.unwrap();
    } else {
        content.clone_from(&member.data);
    }
    files.push((name, content));
    let mut members = sample_wheels::members(&files);
    let at = members.len() - 2;
    members[at] = member;
    sample_wheels::zip(&members)
}

fn texts(installed: &Installed) -> BTreeMap<String, (u32, String)> {
    let entry = |(path, entry): (&RootPath, &Arc<Entry>)| {
        let mut text = String::new();
        contents::open(entry.content().unwrap(), &NoTars).unwrap().read_to_string(&mut text).unwrap();
        (path.to_string(), (entry.meta.mode, text))
    };
    installed.entries.iter().map(entry).collect()
}

#[test]
fn an_honest_wheel_is_installed() {
    let bytes = sample_wheels::wheel(&[
        ("x/__init__.py", "pass\n"),
        ("x/__init__.pyc", "?"),
        ("x/__pycache__/y.cpython-313.pyc", "?"),
        ("x-1.0.data/purelib/a, \"b\".py", "p"),
        ("x-1.0.data/platlib/c.py", "c"),
        ("x-1.0.data/headers/d.h", "h"),
        ("x-1.0.data/data/etc/e.conf", "e"),
        ("x-1.0.data/scripts/f", "#!python -E\nf\n"),
        ("x-1.0.data/scripts/g", "#!pythonw\r\ng\n"),
        ("x-1.0.data/scripts/h", "#!/bin/sh\nh\n"),
        ("x-1.0.data/scripts/run", "#!python\nold\n"),
        ("x-1.0.dist-info/INSTALLER", "evil"),
        ("x-1.0.dist-info/REQUESTED", ""),
        ("x-1.0.dist-info/direct_url.json", "{}"),
        ("x-1.0.dist-info/entry_points.txt", "[console_scripts]\nrun = x:main\n"),
    ]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wheel.whl");
    fs::write(&path, &bytes).unwrap();
    let installed = try_file(NAME, &path, &interpreter("usr/local/bin/python3.13")).unwrap();
    packed(&installed).unwrap();
    assert_eq!((installed.name.as_str(), installed.version.as_str()), ("x", "1.0"));
    assert_eq!((installed.purelib, installed.left_out, installed.warnings.len()), (true, 2, 0));
    let site = "/usr/local/lib/python3.13/site-packages";
    let mut texts = texts(&installed);
    let record = texts.remove(&format!("{site}/x-1.0.dist-info/RECORD")).unwrap().1;
    let launcher = texts.remove("/usr/local/bin/run").unwrap();
    assert!(launcher.1.starts_with("#!/usr/local/bin/python3.13\n") && launcher.1.contains("from x import main"));
    assert_eq!(launcher.0, 0o755);
    let told: Vec<_> = texts.iter().map(|(path, (mode, text))| format!("{path} {mode:o} {text:?}")).collect();
    let texts = [
        r##"/usr/local/bin/f 755 "#!/usr/local/bin/python3.13 -E\nf\n""##.to_owned(),
        r##"/usr/local/bin/g 755 "#!/usr/local/bin/python3.13\ng\n""##.to_owned(),
        r##"/usr/local/bin/h 755 "#!/bin/sh\nh\n""##.to_owned(),
        r#"/usr/local/etc/e.conf 644 "e""#.to_owned(),
        r#"/usr/local/include/python3.13/x/d.h 644 "h""#.to_owned(),
        format!(r#"{site}/a, "b".py 644 "p""#),
        format!(r#"{site}/c.py 644 "c""#),
        format!(r#"{site}/x-1.0.dist-info/INSTALLER 644 "carboy\n""#),
        format!("{site}/x-1.0.dist-info/METADATA 644 {METADATA:?}"),
        format!("{site}/x-1.0.dist-info/WHEEL 644 {WHEEL:?}"),
        format!("{site}/x-1.0.dist-info/entry_points.txt 644 {:?}", "[console_scripts]\nrun = x:main\n"),
        format!(r#"{site}/x/__init__.py 644 "pass\n""#),
    ];
    assert_eq!(told, texts);
    let paths: Vec<_> = record.lines().map(|line| line.split(",sha256=").next().unwrap()).collect();
    let want = [
        "../../../bin/f",
        "../../../bin/g",
        "../../../bin/h",
        "../../../bin/run",
        "../../../etc/e.conf",
        "../../../include/python3.13/x/d.h",
        "\"a, \"\"b\"\".py\"",
        "c.py",
        "x-1.0.dist-info/INSTALLER",
        "x-1.0.dist-info/METADATA",
        "x-1.0.dist-info/RECORD,,",
        "x-1.0.dist-info/WHEEL",
        "x-1.0.dist-info/entry_points.txt",
        "x/__init__.py",
    ];
    assert_eq!(paths, want);
    assert!(
        record
            .contains(&format!("../../../bin/f,{},33\n", sample_wheels::hash(b"#!/usr/local/bin/python3.13 -E\nf\n")))
    );
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in [
        ".wh.x",
        "a/.wh.x/y",
        "../x",
        "a/../../x",
        "/etc/passwd",
        "a//b",
        "./a",
        "a/.",
        "C:/x",
        "c:x",
        "a\\b",
        "a\0b",
        "a\nb",
        "\x1b[2J",
    ] {
        let bytes = with(Member::new(name, "x"));
        assert_eq!(
            refused(&bytes),
            format!("`{NAME}` is not a valid wheel: `{name}` has a name that is no plain relative path")
        );
    }
    let bytes = with(Member::new(b"a\xff", "x"));
    assert_refused(&bytes, "`a\u{fffd}` has a name that is not UTF-8, or not marked so");
    assert_refused(&with(Member::new("\u{e9}", "x")), "`\u{e9}` has a name that is not UTF-8, or not marked so");
    let marked = with(Member { flags: 0x0800, ..Member::new("\u{e9}", "x") });
    assert_eq!(refused(&marked), "");
    let long = "a".repeat(256);
    let shown = format!("`{NAME}` is not a valid wheel: `{}…` has a name that is too long", &long[..200]);
    assert_eq!(refused(&with(Member::new(&long, "x"))), shown);
    assert!(refused(&with(Member::new("b/".repeat(2050) + "b", "x"))).ends_with("has a name that is too long"));
}

#[test]
fn links_and_other_special_files_are_refused() {
    let text = "`a` is a link, a device or a pipe, which no wheel may have";
    for kind in [0o120_777, 0o020_666, 0o060_666, 0o010_666, 0o140_777, 0o040_755] {
        assert_refused(&with(Member { mode: kind, ..Member::stored("a", "/etc/passwd") }), text);
    }
    // no kind at all is what some tools write
    assert_eq!(refused(&with(Member { mode: 0o755, ..Member::new("a", "x") })), "");
    let mut members = sample_wheels::members(&sample_wheels::files(&[]));
    members.push(Member { mode: 0o040_755, ..Member::stored("x/", "") });
    assert_eq!(refused(&sample_wheels::zip(&members)), "");
    members.push(Member { mode: 0o040_755, ..Member::stored("y/", "z") });
    assert_refused(&sample_wheels::zip(&members), "`y/` is a folder with content");
}

#[test]
fn two_files_are_not_one() {
    let twice = sample_wheels::zip(&[Member::new("a", "1"), Member::new("a", "2")]);
    assert_refused(&twice, "two of its files have one name");
    let both = sample_wheels::zip(&[Member::new("a", "1"), Member { mode: 0o040_755, ..Member::stored("a/", "") }]);
    assert!(refused(&both).ends_with(" is listed twice"), "{}", refused(&both));
    let below = sample_wheels::zip(&[Member::new("a/b", "1"), Member::new("a-b", "2"), Member::new("a", "2")]);
    assert_refused(&below, "`a/b` is below `a`, which is a file");
    // two names of the archive, one place of the image
    let place = sample_wheels::wheel(&[("a.py", "1"), ("x-1.0.data/purelib/a.py", "1")]);
    assert_refused(&place, "two of its files would be installed as `/usr/local/lib/python3.13/site-packages/a.py`");
    let below = sample_wheels::wheel(&[("a", "1"), ("x-1.0.data/purelib/a/b", "1")]);
    let site = "/usr/local/lib/python3.13/site-packages";
    assert_refused(&below, &format!("its `{site}/a/b` would be installed below `{site}/a`, which is a file"));
}

#[test]
fn headers_that_disagree_are_refused() {
    let plain = Member::new("a", "abc");
    let differs = |what: &str| format!("`a` has another {what} in its local header than in the central directory");
    let local_name = Member { local_name: Some(b"b".to_vec()), ..plain.clone() };
    assert_refused(&with(local_name), &differs("name"));
    assert_refused(&with(Member { local_method: Some(0), ..plain.clone() }), &differs("compression method"));
    assert_refused(&with(Member { local_size: Some(4), ..plain.clone() }), &differs("size"));
    let packed = u32::try_from(plain.data.len()).unwrap();
    let described = |packed, size| Member { flags: 8, descriptor: Some((packed, size)), ..plain.clone() };
    assert_eq!(refused(&with(described(packed, 3))), "");
    assert_refused(&with(described(packed, 4)), &differs("descriptor"));
    assert_refused(&with(Member { flags: 1, ..plain.clone() }), "`a` is encrypted");
    assert_refused(
        &with(Member { method: 12, ..Member::stored("a", "x") }),
        "`a` is compressed in another way than wheels are, which are stored or deflated",
    );
    let moved = with(Member { header: Some(3), ..plain.clone() });
    assert_refused(&moved, &format!("`{INFO}/WHEEL` shares its bytes with another file"));
    let mut without = with(plain.clone());
    without[0] = 0;
    let text = format!("`{INFO}/WHEEL` has no local header where the central directory says");
    assert_refused(&without, &text);
    assert_eq!(refused(&with(Member { zip64: true, ..plain })), "");
}

#[test]
fn data_is_where_it_should_be_and_nothing_else_is() {
    let wheel = sample_wheels::wheel(&[]);
    assert_refused(&[b"#!/bin/sh\n", wheel.as_slice()].concat(), "it has data before its first file");
    assert_refused(&[wheel.as_slice(), b"\0"].concat(), "it has data after its end");
    assert_refused(&wheel[..wheel.len() - 1], "it is not a zip archive, or its end is missing");
    assert_refused(b"", "it is not a zip archive, or its end is missing");
    assert_refused(&wheel[1..], "its central directory is not where its end says");
    // an end in the comment of another
    let mut two = wheel.clone();
    let end = wheel[wheel.len() - 22..].to_vec();
    let at = two.len() - 2;
    two[at..].copy_from_slice(&22_u16.to_le_bytes());
    assert_refused(&[two, end].concat(), "it has several ends of a zip archive, so that readers differ over its files");
    let mut commented = wheel.clone();
    let at = commented.len() - 2;
    commented[at..].copy_from_slice(&3_u16.to_le_bytes());
    assert_eq!(refused(&[commented.as_slice(), b"abc"].concat()), "");
    let hidden = Member { unlisted: true, ..Member::new("evil.py", "evil") };
    assert!(refused(&with_extra(hidden)).ends_with(" is followed by bytes that belong to no file"));
    // two members, one data
    let first = Member::new("a", "abc");
    let second = Member { unwritten: true, header: Some(0), name: b"a".to_vec(), ..first.clone() };
    let second = Member { name: b"b".to_vec(), ..second };
    assert!(refused(&sample_wheels::zip(&[first, second])).contains(" shares its bytes with another file"));
}

/// A wheel with a member that RECORD does not know.
fn with_extra(member: Member) -> Vec<u8> {
    let mut members = sample_wheels::members(&sample_wheels::files(&[]));
    members.insert(1, member);
    sample_wheels::zip(&members)
}

#[test]
fn sizes_that_lie_are_refused() {
    let bomb = Member { size: 1 << 30, ..Member::new("a", "abc") };
    assert_refused(&with(bomb), "`a` says that it has 1073741824 bytes, more than its packed size can hold");
    let stored = Member { size: 4, ..Member::stored("a", "abc") };
    assert_refused(&with(stored), "`a` says that it is stored, with two different sizes");
    // all zeros: 100 MB in 100 kB
    let zeros = Member::new("a", vec![0; 100 << 20]);
    let packed = zeros.data.len();
    let text = refused(&with(zeros));
    assert!(packed < 200_000 && text.contains(" bytes unpacked, more than carboy takes of "), "{text}");
    // RECORD and the headers agree on a size that the data has not
    for (size, says) in [(2, "it is longer than the archive says"), (4, "it is shorter than the archive says")] {
        let mut files = sample_wheels::files(&[]);
        files.insert(0, ("a".to_owned(), vec![b'x'; size]));
        let mut members = sample_wheels::members(&files);
        members[0].data = sample_wheels::deflated(b"xxx");
        assert_eq!(
            refused(&sample_wheels::zip(&members)),
            format!("`{NAME}` is not a valid wheel: cannot read its `{SITE}/a`: {says}")
        );
        let mut files = sample_wheels::files(&[]);
        files[0].1 = vec![b'x'; size]; // what is read at once
        let mut members = sample_wheels::members(&files);
        members[0].data = sample_wheels::deflated(b"xxx");
        assert_refused(&sample_wheels::zip(&members), &format!("cannot read its `{INFO}/WHEEL`: {says}"));
    }
    // deflate ends, and the packed data goes on
    let mut files = sample_wheels::files(&[]);
    files.insert(0, ("a".to_owned(), b"abc".to_vec()));
    let mut members = sample_wheels::members(&files);
    members[0].data.extend(b"evil");
    assert_refused(
        &sample_wheels::zip(&members),
        &format!("cannot read its `{SITE}/a`: it is longer than the archive says"),
    );
}

#[test]
fn many_members_are_refused_before_they_are_read() {
    let mut bytes = sample_wheels::zip(&[]);
    let end = bytes.split_off(bytes.len() - 22);
    let many = 1_000_000_u64;
    let mut wide = b"PK\x06\x06".to_vec();
    wide.extend(44_u64.to_le_bytes());
    wide.extend([45, 3, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for number in [many, many, 0, 0] {
        wide.extend(number.to_le_bytes());
    }
    wide.extend(b"PK\x06\x07\0\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0");
    let mut end = end;
    end[8..12].fill(0xff);
    assert_refused(&[wide, end].concat(), "it has 1000000 members, more than any wheel");
}

#[test]
fn a_large_directory_is_refused_before_it_is_read() {
    let mut end = sample_wheels::zip(&[]);
    let size = 65_u32 << 20;
    end[8..12].copy_from_slice(&[1, 0, 1, 0]);
    end[12..16].copy_from_slice(&size.to_le_bytes());
    end[16..20].fill(0);
    let bytes = [vec![0; usize::try_from(size).unwrap()], end].concat();
    assert_refused(&bytes, "its central directory has 68157440 bytes, more than any wheel's");
}

#[test]
fn many_and_deep_members_take_no_long_time() {
    let many: Vec<_> = (0..20_000).map(|at| Member::stored(format!("a/{at}"), "")).collect();
    assert_refused(&sample_wheels::zip(&many), "it has no .dist-info directory");
    let deep: Vec<_> = (0..300).map(|at| Member::stored(format!("{}{at}", "b/".repeat(2_000)), "")).collect();
    assert_refused(&sample_wheels::zip(&deep), "it has no .dist-info directory");
}

#[test]
fn a_record_that_is_wrong_is_refused() {
    let files = sample_wheels::files(&[("a.py", "abc")]);
    let with_record = |record: &str| {
        let mut members = sample_wheels::members(&files);
        let last = members.len() - 1;
        members[last] = Member::new(format!("{INFO}/RECORD"), record);
        sample_wheels::zip(&members)
    };
    let good = sample_wheels::record(&files);
    let hash = sample_wheels::hash(b"abc");
    assert_eq!(refused(&with_record(&good)), "");
    let other = good.replace(&hash, &sample_wheels::hash(b"abd"));
    assert_refused(&with_record(&other), &format!("its `{SITE}/a.py` does not match its RECORD"));
    for (record, want) in [
        (good.replace(&format!("a.py,{hash},3\n"), ""), "its RECORD does not list `a.py`".to_owned()),
        (good.replace(&hash, ""), "its RECORD has no hash of `a.py`".to_owned()),
        (
            good.replace(&hash, "md5=x"),
            "its RECORD has a hash of `a.py` that is not SHA-256, SHA-384 or SHA-512: md5=x".to_owned(),
        ),
        (
            format!("{good}/a.py,{},3\n", sample_wheels::hash(b"abd")),
            "its RECORD has two different hashes of `a.py`".to_owned(),
        ),
        (
            good.clone() + "a.py,,3,x\n",
            format!("line {} of its RECORD is not a path, a hash and a size", good.lines().count() + 1),
        ),
        (
            good.replace(&sample_wheels::hash(WHEEL.as_bytes()), &hash),
            format!("its `{INFO}/WHEEL` does not match its RECORD"),
        ),
    ] {
        assert_refused(&with_record(&record), &want);
    }
    let stronger = |bytes: &[u8]| {
        use base64::Engine as _;
        use sha2::Digest as _;
        let hash = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(sha2::Sha512::digest(bytes));
        with_record(&good.replace(&sample_wheels::hash(b"abc"), &format!("sha512={hash}")))
    };
    assert_eq!(refused(&stronger(b"abc")), "");
    assert_refused(&stronger(b"abd"), "its `a.py` does not match its RECORD");
    // the archive's own checksum
    let mut members = sample_wheels::members(&files);
    let last = members.len() - 1;
    members[last].crc ^= 1;
    assert_refused(
        &sample_wheels::zip(&members),
        &format!("cannot read its `{INFO}/RECORD`: its checksum is another than the archive says"),
    );
}

/// As selenium 4.1.0, furo 2022.6.21, pantsbuild.pants.testutil 2.14.0 and others have it.
#[test]
fn an_odd_record_that_can_mean_one_thing_only_is_read() {
    let files = sample_wheels::files(&[("a.py", "abc"), ("x/b.py", "b"), ("x/__pycache__/c.pyc", "?")]);
    let installed = |record: String| {
        let mut members = sample_wheels::members(&files);
        let last = members.len() - 1;
        members[last] = Member::new(format!("{INFO}/RECORD"), record);
        let installed = tried(NAME, &sample_wheels::zip(&members), &interpreter("usr/local/bin/python3.13")).unwrap();
        // what is written about all files, with their hashes
        let path = RootPath::new(format!("{SITE}/{INFO}/RECORD")).unwrap();
        (installed.entries[&path].clone(), installed.warnings)
    };
    let good = sample_wheels::record(&files);
    let (plain, _) = installed(good.clone());
    let (hash, hex) = (sample_wheels::hash(b"abc"), Digest::of(b"abc").hex());
    let value = hash.strip_prefix("sha256=").unwrap();
    let standard = value.replace('-', "+").replace('_', "/");
    for record in [
        format!("/{}", good.trim_end().replace('\n', "\n/")),
        format!("./{}", good.trim_end().replace('\n', "\r\n./")),
        format!("\u{feff}{}", good.replace("x/b.py", "x\\b.py")),
        good.replace(value, &hex),
        good.replace(value, &hex.to_ascii_uppercase()).replace("sha256", "SHA256"),
        good.replace(value, &format!("{standard}=")),
        good.replace(",3\n", ",\n") + "\n\n",
        good.clone() + &good,
        good.clone() + "x/,,\nx,,\nx/gone.pyc,,\n",
        good.replace(&format!("x/__pycache__/c.pyc,{},1\n", sample_wheels::hash(b"?")), ""),
        good.replace("RECORD,,", "RECORD,md5=x,7"),
        good.replace(",,", ",,,"),
    ] {
        assert_eq!(installed(record.clone()), (plain.clone(), Vec::new()), "{record}");
    }
    for (record, warning) in [
        (
            good.clone() + "../../etc/pass\x1bwd,,\ngone.py,sha256=x,1\n",
            "lists 2 files, `../../etc/pass\\u{1b}wd` first, which it does not have",
        ),
        (good.replace(",3\n", ",4\n"), "has a wrong size of `a.py`, but the right hash"),
    ] {
        assert_eq!(installed(record), (plain.clone(), vec![format!("`{NAME}`: its RECORD {warning}")]));
    }
}

#[test]
fn a_wheel_is_what_its_name_says() {
    let two = sample_wheels::wheel(&[("y-1.0.dist-info/METADATA", "")]);
    assert_refused(&two, "it has several .dist-info directories: x-1.0.dist-info, y-1.0.dist-info");
    assert_refused(&sample_wheels::zip(&[Member::new("a.py", "")]), "it has no .dist-info directory");
    assert_refused(
        &sample_wheels::zip(&[Member::new(format!("{INFO}/WHEEL"), "")]),
        &format!("it has no `{INFO}/RECORD`"),
    );
    let interpreter = interpreter("usr/local/bin/python3.13");
    let named = |name: &str| tried(name, &sample_wheels::wheel(&[]), &interpreter).err().unwrap_or_default();
    for (name, wanted) in [("y-1.0-py3-none-any.whl", "y 1.0"), ("x-2-py3-none-any.whl", "x 2")] {
        assert_eq!(
            named(name),
            format!("`{name}` is not a valid wheel: its `{INFO}` does not match `{wanted}` in its file name")
        );
    }
    assert_eq!(named("X-1.0.0-1-py2.py3-none-any.whl"), "");
    assert_eq!(named("x.zip"), "`x.zip` is not a valid wheel: its file name is not that of a wheel");
    let metadata = |text: &str| sample_wheels::wheel(&[("x-1.0.dist-info/METADATA", text)]);
    assert_refused(
        &metadata("Name: y\nVersion: 1.0\n"),
        &format!("its `{INFO}/METADATA` has the Name y, its file name x"),
    );
    assert_refused(
        &metadata("Name: x\nVersion: 1.1\n"),
        &format!("its `{INFO}/METADATA` has the Version 1.1, its file name 1.0"),
    );
    assert_refused(&metadata("Name: x\n\nVersion: 1.0\n"), &format!("its `{INFO}/METADATA` has no Version"));
    let wheel = |text: &str| sample_wheels::wheel(&[("x-1.0.dist-info/WHEEL", text)]);
    assert_refused(&wheel("Root-Is-Purelib: true\n"), &format!("its `{INFO}/WHEEL` has no Wheel-Version"));
    assert_refused(&wheel("Wheel-Version: 2.0\n"), "it is a wheel of version 2.0, and carboy knows versions 1.x");
    let newer = wheel("Wheel-Version: 1.9\nRoot-Is-Purelib: false\n");
    let newer = tried(NAME, &newer, &interpreter).unwrap();
    assert_eq!(
        (newer.purelib, newer.warnings),
        (false, vec![format!("`{NAME}` is a wheel of version 1.9, newer than carboy")])
    );
}

#[test]
fn files_have_places_that_are_known_and_are_not_pythons() {
    for (name, want) in [
        (
            "x-1.0.data/purelib/y-1.0.dist-info/METADATA",
            "its `x-1.0.data/purelib/y-1.0.dist-info/METADATA` would be installed into a .dist-info directory",
        ),
        (
            "x-1.0.data/data/lib/python3.13/site-packages/x-1.0.dist-info/RECORD",
            "its `x-1.0.data/data/lib/python3.13/site-packages/x-1.0.dist-info/RECORD` would be installed into a .dist-info directory",
        ),
        ("x-1.0.data/evil/a", "its `x-1.0.data/evil/a` is not in a directory that installers know"),
        ("x-1.0.data/a", "its `x-1.0.data/a` is not in a directory that installers know"),
        ("y-1.0.data/purelib/a", "its `y-1.0.data` does not belong to its .dist-info directory `x-1.0.dist-info`"),
        ("x-1.0.data/scripts/python3", "it would replace `/usr/local/bin/python3`, which is part of Python"),
        ("x-1.0.data/data/bin/python3.13", "it would replace `/usr/local/bin/python3.13`, which is part of Python"),
        (
            "x-1.0.data/data/lib/python3.13/os.py",
            "it would replace `/usr/local/lib/python3.13/os.py`, which is part of Python",
        ),
    ] {
        assert_refused(&sample_wheels::wheel(&[(name, "x")]), want);
    }
    let script = |line: &str| {
        sample_wheels::wheel(&[("x-1.0.dist-info/entry_points.txt", &format!("[console_scripts]\n{line}\n"))])
    };
    assert_refused(
        &script("../../etc/x = a:b"),
        "its entry_points.txt has a script name that is not a file name: ../../etc/x",
    );
    assert_refused(&script("python = a:b"), "it would replace `/usr/local/bin/python`, which is part of Python");
    assert_refused(
        &script("x = os;evil"),
        "its entry_points.txt has a script that is not a function of a module: x = os;evil",
    );
}

#[test]
fn interpreters_that_the_kernel_cannot_name_are_told_of() {
    let bytes = sample_wheels::wheel(&[("x-1.0.dist-info/entry_points.txt", "[console_scripts]\nrun = x:main\n")]);
    let long = format!("opt/{}/{}/bin/python3.13", "a".repeat(150), "b".repeat(100));
    for executable in ["opt/my python/bin/python3.13", long.as_str()] {
        let error = tried(NAME, &bytes, &interpreter(executable)).unwrap_err();
        assert_eq!(
            error,
            format!(
                "`{NAME}` is not a valid wheel: its script `run` cannot be run by `/{executable}`: the kernel takes a path without spaces, and a line of 255 bytes"
            )
        );
        assert!(
            tried(NAME, &sample_wheels::wheel(&[]), &interpreter(executable)).is_ok(),
            "without scripts it is no matter"
        );
    }
}

/// Wheels that `scripts/setup` downloads.
fn real(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(test_cache::test_cache(&format!("wheels/{folder}"))).unwrap();
    let mut out: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    out.retain(|path| path.extension().is_some_and(|end| end == "whl"));
    out.sort();
    assert!(out.len() >= 12, "only {} wheels: run scripts/setup", out.len());
    out
}

#[test]
fn corrupted_wheels_are_read_or_refused() {
    read_corrupted(2_000);
}

#[test]
#[ignore = "long"]
fn many_corrupted_wheels_are_read_or_refused() {
    read_corrupted(50_000);
}

fn read_corrupted(rounds: usize) {
    let wheels = real("small/3.13-x86_64")
        .into_iter()
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()));
    let mut samples: Vec<_> = wheels.filter(|(_, bytes)| bytes.len() < 400_000).collect();
    samples.push((NAME.to_owned(), sample_wheels::wheel(&[("x-1.0.data/scripts/a", "#!python\n"), ("a.py", "a")])));
    let interpreter = interpreter("usr/local/bin/python3.13");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.whl");
    let mut random = Random::new(0x5eed_0077);
    let (mut fine, mut refused) = (0, 0);
    let watchdog = Watchdog::start();
    for round in 0..rounds {
        let (name, bytes) = random.pick(&samples);
        let mut bytes = bytes.clone();
        let directory = u32::from_le_bytes(bytes[bytes.len() - 6..bytes.len() - 2].try_into().unwrap()) as usize;
        for _ in 0..=random.index(3) {
            // mostly where headers are
            let at = match random.index(4) {
                0 => random.index(bytes.len()),
                1 => bytes.len() - 1 - random.index(22),
                2 => random.index(200),
                _ => directory + random.index(bytes.len() - directory),
            };
            let new = [0, 1, 0x7f, 0x80, 0xff, bytes[at].wrapping_add(1), bytes[at] ^ 1 << random.index(8)];
            bytes[at] = *random.pick(&new);
        }
        if random.index(16) == 0 {
            bytes.truncate(random.index(bytes.len()));
        }
        fs::write(&path, &bytes).unwrap();
        watchdog.step(format!("round {round}"));
        let done = try_file(name, &path, &interpreter).and_then(|installed| {
            // packing is slow: some of them
            if round % 8 == 0 { packed(&installed).map_err(|error| chain(&error)) } else { Ok(()) }
        });
        match done {
            Ok(()) => fine += 1,
            Err(_) => refused += 1,
        }
    }
    assert!(fine > rounds / 50 && refused > rounds / 2, "{fine} fine, {refused} refused");
}

/// What the ELF reader finds in a wheel is what it finds in the unpacked file.
#[test]
fn libraries_are_read_in_the_archive_as_outside() {
    compare_libraries("small/3.13-x86_64");
}

#[test]
#[ignore = "long"]
fn libraries_of_popular_wheels_are_read_in_the_archive_as_outside() {
    compare_libraries("large/3.13-x86_64");
}

fn compare_libraries(folder: &str) {
    let interpreter = interpreter("usr/local/bin/python3.13");
    let mut libraries = 0;
    let unpacked = tempfile::tempdir().unwrap();
    let file = unpacked.path().join("x.so");
    for wheel in real(folder) {
        let name = wheel.file_name().unwrap().to_str().unwrap().to_owned();
        let installed = try_file(&name, &wheel, &interpreter).unwrap_or_else(|error| panic!("{error}"));
        for (path, entry) in &installed.entries {
            let content = entry.content().unwrap();
            let is_elf = elf::is_elf(contents::magic(content, &NoTars).unwrap());
            if !is_elf || !matches!(content, Content::ZipEntry(_)) {
                continue;
            }
            let there = elf::parse(&object::ReadCache::new(contents::open(content, &NoTars).unwrap()));
            io::copy(&mut contents::open(content, &NoTars).unwrap(), &mut File::create(&file).unwrap()).unwrap();
            let here = elf::parse(&object::ReadCache::new(File::open(&file).unwrap()));
            assert_eq!(there, here, "{path}");
            libraries += 1;
        }
    }
    assert!(libraries > 20, "{libraries}");
}
