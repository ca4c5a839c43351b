use std::cmp::Ordering;
use std::convert::Infallible;
use std::sync::Arc;

use super::*;
use crate::elf::{Abi, Loader, Object};
use crate::rootfs::{Content, Entry, Tree};

fn object(machine: u16, soname: Option<&str>) -> Object {
    Object {
        abi: Abi { machine, is_64: true, little_endian: true },
        soname: soname.map(|name| name.as_bytes().to_vec()),
        ..Object::default()
    }
}

/// Takes a file's text for its soname; `-` is none, `text` is no library, `arm` one
/// for another machine.
struct Texts;

impl Loader for Texts {
    type Error = Infallible;

    fn object(&self, _: &RootPath, content: &Content) -> Result<Option<Arc<Object>>, Infallible> {
        let Content::Bytes(bytes) = content else { panic!() };
        Ok(match std::str::from_utf8(bytes).unwrap() {
            "text" => None,
            "arm" => Some(Arc::new(object(183, None))),
            "-" => Some(Arc::new(object(62, None))),
            soname => Some(Arc::new(object(62, Some(soname)))),
        })
    }
}

fn amd64() -> &'static Architecture {
    Architecture::named("amd64").unwrap()
}

/// `PATH: SONAME` or `PATH -> TARGET`.
fn tree(lines: &[&str]) -> Tree {
    let parse = |line: &&str| {
        if let Some((name, target)) = line.split_once(" -> ") {
            return (RootPath::new(name).unwrap(), Entry::link(target));
        }
        let (name, soname) = line.split_once(": ").unwrap();
        (RootPath::new(name).unwrap(), Entry::bytes(0o644, soname.as_bytes()))
    };
    lines.iter().map(parse).collect()
}

/// `NAME PATH`, with the capability in brackets.
fn listed(lines: &[&str], folders: &[&str]) -> Vec<String> {
    let folders: Vec<_> = folders.iter().map(|name| RootPath::new(name).unwrap()).collect();
    let Ok(found) = libraries(&tree(lines), &folders, amd64(), &Texts);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let caps = |library: &Library| library.hwcaps.as_deref().map(|name| format!(" [{}]", text(name)));
    found
        .iter()
        .map(|found| format!("{} {}{}", text(&found.name), found.path, caps(found).unwrap_or_default()))
        .collect()
}

fn library(name: &str, path: &str, hwcaps: Option<&str>) -> Library {
    let hwcaps = hwcaps.map(|name| name.as_bytes().to_vec());
    Library { name: name.into(), path: RootPath::new(path).unwrap(), hwcaps }
}

/// Returns a little-endian word.
fn word(bytes: &[u8], at: usize) -> usize {
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize
}

fn text(bytes: &[u8], at: usize) -> &str {
    let end = bytes[at..].iter().position(|&byte| byte == 0).unwrap();
    std::str::from_utf8(&bytes[at..at + end]).unwrap()
}

#[test]
fn names_compare_as_the_loader_compares_them() {
    use Ordering::{Equal, Greater, Less};
    for (a, b, order) in [
        ("libfoo.so.9", "libfoo.so.10", Less),
        ("libfoo.so.01", "libfoo.so.1", Equal),
        ("libfoo.so", "libfoo.so.1", Less),
        ("lib1", "libz", Greater),
        ("liba1b", "liba1", Greater),
        ("", "", Equal),
        ("", "0", Less),
        ("9", "", Greater),
        ("4294967297", "1", Equal),
    ] {
        assert_eq!(compare(a.as_bytes(), b.as_bytes(), amd64()), order, "{a} {b}");
        assert_eq!(compare(b.as_bytes(), a.as_bytes(), amd64()), order.reverse(), "{b} {a}");
    }
    let arm64 = Architecture::named("arm64").unwrap();
    assert_eq!(compare(b"lib\xff", b"liba", amd64()), Less);
    assert_eq!(compare(b"lib\xff", b"liba", arm64), Greater);
}

#[test]
fn the_file_is_laid_out_as_the_loader_reads_it() {
    let list = [library("libfoo.so.9", "lib/libfoo.so.9", None), library("libfoo.so.10", "lib/libfoo.so.10", None)];
    let bytes = cache(&list, amd64()).unwrap();
    assert_eq!(&bytes[..20], b"glibc-ld.so.cache1.1");
    assert_eq!([20, 24, 28, 32, 36, 40, 44].map(|at| word(&bytes, at)), [2, bytes.len() - 96, 2, 0, 0, 0, 0]);
    // ten comes before nine, and a name is the tail of its path
    assert_eq!(&bytes[96..], b"/lib/libfoo.so.9\0/lib/libfoo.so.10\0");
    assert_eq!([48, 52, 56, 60, 64, 68].map(|at| word(&bytes, at)), [0x303, 96 + 22, 96 + 17, 0, 0, 0]);
    assert_eq!([72, 76, 80, 84, 88, 92].map(|at| word(&bytes, at)), [0x303, 96 + 5, 96, 0, 0, 0]);
    let none = cache(&[], amd64()).unwrap();
    assert_eq!((none.len(), word(&none, 20), word(&none, 24)), (48, 0, 0));
}

#[test]
fn flags_and_byte_order_are_the_architectures() {
    let list = [library("libx.so.1", "lib/libx.so.1", None)];
    for (name, flags) in [("arm", 0x903_u32), ("riscv64", 0x1003), ("386", 3)] {
        let bytes = cache(&list, Architecture::named(name).unwrap()).unwrap();
        assert_eq!((&bytes[28..32], &bytes[48..52]), (&[2, 0, 0, 0][..], &flags.to_le_bytes()[..]), "{name}");
    }
    let bytes = cache(&list, Architecture::named("s390x").unwrap()).unwrap();
    assert_eq!((&bytes[20..24], &bytes[28..32]), (&[0, 0, 0, 1][..], &[3, 0, 0, 0][..]));
    assert_eq!(&bytes[48..60], [0, 0, 4, 3, 0, 0, 0, 77, 0, 0, 0, 72]);
}

#[test]
fn capabilities_are_an_extension() {
    let path = |caps: &str| format!("lib/glibc-hwcaps/{caps}/libx.so.1");
    let list = [
        library("libx.so.1", "lib/libx.so.1", None),
        library("libx.so.1", &path("x86-64-v3"), Some("x86-64-v3")),
        library("libx.so.1", &path("x86-64-v2"), Some("x86-64-v2")),
    ];
    let bytes = cache(&list, amd64()).unwrap();
    let extension = word(&bytes, 32);
    assert_eq!(extension % 4, 0);
    assert_eq!(bytes[extension..extension + 4], (-358_342_284_i32).to_le_bytes());
    assert_eq!([4, 8, 12, 16, 20].map(|at| word(&bytes, extension + at)), [1, 1, 0, extension + 24, 8]);
    let names = [24, 28].map(|at| text(&bytes, word(&bytes, extension + at)));
    assert_eq!(names, ["x86-64-v2", "x86-64-v3"]);
    let entries =
        [48, 72, 96].map(|at| (text(&bytes, word(&bytes, at + 8)), word(&bytes, at + 16), word(&bytes, at + 20)));
    let [v2, v3] = [path("x86-64-v2"), path("x86-64-v3")].map(|path| format!("/{path}"));
    assert_eq!(entries, [(v2.as_str(), 0, 1 << 30), (v3.as_str(), 1, 1 << 30), ("/lib/libx.so.1", 0, 0)]);
    assert_eq!(bytes.len(), extension + 32);
}

#[test]
fn of_one_name_the_first_folder_comes_first() {
    let lines = ["usr/local/lib/liba.so.1: liba.so.1", "usr/lib/liba.so.1: liba.so.1", "opt/liba.so.1: liba.so.1"];
    let folders = ["opt", "nowhere", "usr/local/lib", "opt"].map(|name| RootPath::new(name).unwrap());
    let Ok(found) = libraries(&tree(&lines), &folders, amd64(), &Texts);
    let bytes = cache(&found, amd64()).unwrap();
    let paths = [48, 72, 96].map(|at| text(&bytes, word(&bytes, at + 8)));
    assert_eq!(paths, ["/opt/liba.so.1", "/usr/local/lib/liba.so.1", "/usr/lib/liba.so.1"]);
}

#[test]
fn a_folder_counts_once_under_its_first_name() {
    let lines = ["lib -> usr/lib", "usr/lib/x86_64-linux-gnu/liba.so.1: liba.so.1", "usr/lib/libb.so.1: libb.so.1"];
    let merged = ["liba.so.1 /lib/x86_64-linux-gnu/liba.so.1", "libb.so.1 /lib/libb.so.1"];
    assert_eq!(listed(&lines, &[]), merged);
    let named = ["liba.so.1 /usr/lib/x86_64-linux-gnu/liba.so.1", "libb.so.1 /lib/libb.so.1"];
    assert_eq!(listed(&lines, &["usr/lib/x86_64-linux-gnu"]), named);
}

#[test]
fn a_library_is_listed_by_names_that_lead_to_it() {
    for (lines, want) in [
        // the usual three names
        (
            &["lib/liba.so.1.2: liba.so.1", "lib/liba.so.1 -> liba.so.1.2", "lib/liba.so -> liba.so.1"][..],
            &["liba.so /lib/liba.so", "liba.so.1 /lib/liba.so.1"][..],
        ),
        // no file of its soname; then one that leads nowhere
        (&["lib/liba.so.1.2: liba.so.1"], &[]),
        (&["lib/liba.so.1.2: liba.so.1", "lib/liba.so.1 -> gone"], &[]),
        // no soname
        (&["lib/libpy.so: -", "lib/libq.so -> libpy.so"], &["libpy.so /lib/libpy.so", "libq.so /lib/libq.so"]),
        // a link by another name counts as a file of that soname
        (&["lib/liba.so.1: liba.so.1", "lib/libother.so.5 -> liba.so.1"], &["liba.so.1 /lib/liba.so.1"]),
        // what is no library, is for another machine, or is called otherwise
        (&["lib/liba.so: text", "lib/libb.so.1: arm", "lib/c.so.1: c.so.1", "lib/libd.a: libd.so.1"], &[]),
        (&["lib/liba.so.1;1234: -", "lib/libb.so.1.dpkg-new: -", "lib/libc.so.#prelink#.abcdef: -"], &[]),
        (&["lib/libloop.so -> libloop.so", "lib/libdir.so/x: -", "lib/libup.so -> ."], &[]),
        // names that cannot be in a folder
        (&["lib/liba.so.1: ../libb.so.1", "lib/libb.so.1: "], &[]),
        (&["lib/ld.so.1: -", "lib/ld-linux.so.2: -"], &["ld-linux.so.2 /lib/ld-linux.so.2", "ld.so.1 /lib/ld.so.1"]),
    ] {
        assert_eq!(listed(lines, &[]), want, "{lines:?}");
    }
}

#[test]
fn folders_of_capabilities_list_files_themselves() {
    let lines = [
        "lib/liba.so.1: liba.so.1",
        "lib/glibc-hwcaps/x86-64-v3/liba.so.1.2: liba.so.1",
        "lib/glibc-hwcaps/x86-64-v3/any -> liba.so.1.2",
        "lib/glibc-hwcaps/x86-64-v2/liba.so.1: liba.so.1",
        "lib/glibc-hwcaps/again -> x86-64-v2",
        "lib/glibc-hwcaps/.hidden/liba.so.1: liba.so.1",
        "lib/glibc-hwcaps/a:b/liba.so.1: liba.so.1",
        "lib/glibc-hwcaps/x86-64-v3/glibc-hwcaps/deep/liba.so.1: liba.so.1",
    ];
    let want = [
        "liba.so.1 /lib/liba.so.1",
        "liba.so.1 /lib/glibc-hwcaps/again/liba.so.1 [again]",
        "liba.so.1 /lib/glibc-hwcaps/x86-64-v3/liba.so.1.2 [x86-64-v3]",
    ];
    assert_eq!(listed(&lines, &[]), want);
}

#[test]
fn hostile_trees_end() {
    let mut lines: Vec<String> = (0..20_000).map(|n| format!("lib/lib{n}.so.{n}: lib{}.so.1", n % 7)).collect();
    lines.extend((0..5000).map(|n| format!("lib/liblink{n}.so.1 -> liblink{}.so.1", n + 1)));
    lines.extend((0..5000).map(|n| format!("lib/glibc-hwcaps/{n} -> ../../lib")));
    lines.push(format!("lib/liblong.so: {}", "x".repeat(5000)));
    lines.push("usr -> usr".to_owned());
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    assert_eq!(listed(&lines, &["usr/lib", "/", "lib/x"]), ["lib1.so.1 /lib/lib1.so.1"]);
}
