use std::convert::Infallible;

use super::*;
use crate::rootfs::{Content, Entry};

fn path(name: &str) -> RootPath {
    RootPath::new(name).unwrap()
}

fn read(image: &Tree) -> impl FnMut(&RootPath) -> Result<Option<Vec<u8>>, Infallible> {
    |path| {
        Ok(match image.follow(path).and_then(|(_, entry)| entry.content()) {
            Some(Content::Bytes(bytes)) => Some(bytes.to_vec()),
            _ => None,
        })
    }
}

fn control(name: &str, version: &str) -> String {
    format!("Package: {name}\nVersion: {version}\nArchitecture: amd64\n")
}

fn taken(name: &str, version: &str, file: &str, md5: Option<u8>) -> PackagedFile {
    let text = control(name, version);
    let (name, version) = (name.to_owned(), version.to_owned());
    let source = (name.clone(), version.clone());
    let package = Package { name, version, architecture: "amd64".to_owned(), source, control: text.into_bytes() };
    PackagedFile { package: Arc::new(package), path: path(file), md5: md5.map(|byte| [byte; 16]) }
}

fn sum(byte: u8, file: &str) -> String {
    format!("{}  {file}\n", format!("{byte:02x}").repeat(16))
}

/// Writes the records into the image, as the next layer would; returns them as text.
fn write(image: &mut Tree, taken: &[PackagedFile], replaced: &[&str]) -> BTreeMap<String, String> {
    let Ok(mut database) = Dpkg::read(image, &mut read(image));
    let replaced = replaced.iter().map(|name| path(name)).collect();
    let files = database.record(image, taken, &replaced);
    assert_eq!(database.record(image, taken, &BTreeSet::new()), BTreeMap::new(), "what was written is known");
    let mut out = BTreeMap::new();
    for (path, bytes) in files {
        let name = path.to_string();
        let name = name.strip_prefix("/var/lib/dpkg/").unwrap().to_owned();
        out.insert(name, String::from_utf8(bytes.clone()).unwrap());
        image.insert(path, Entry::bytes(0o644, bytes));
    }
    out
}

fn texts<const N: usize>(texts: [(&str, String); N]) -> BTreeMap<String, String> {
    texts.map(|(name, text)| (name.to_owned(), text)).into()
}

#[test]
fn a_new_package_gets_a_record_of_the_files_that_are_there() {
    let all = [
        taken("libz", "1", "usr/lib/libz.so.1", None),
        taken("libz", "1", "usr/lib/libz.so.1.2", Some(2)),
        taken("libz", "1", "usr/lib/a\nb", Some(3)),
        taken("links-only", "1", "usr/lib/x", None),
    ];
    let want = texts([
        ("status.d/libz", control("libz", "1")),
        ("status.d/libz.md5sums", sum(2, "usr/lib/libz.so.1.2")),
        ("status.d/links-only", control("links-only", "1")),
        ("status.d/links-only.md5sums", String::new()),
    ]);
    let mut image = Tree::default();
    assert_eq!(write(&mut image, &all, &[]), want);
    // a later layer that takes the same and more rewrites the list only
    let more = [taken("libz", "1", "usr/lib/libz.a", Some(1)), all[1].clone()];
    let extended = sum(2, "usr/lib/libz.so.1.2") + &sum(1, "usr/lib/libz.a");
    assert_eq!(write(&mut image, &more, &[]), texts([("status.d/libz.md5sums", extended)]));
    assert_eq!(write(&mut image, &more, &[]), BTreeMap::new());
}

fn base() -> Tree {
    let sums = sum(7, "lib/libz.so.1.2") + &sum(8, "usr/share/doc/libz/copyright");
    let files = [
        ("lib", Entry::link("usr/lib")),
        ("usr/lib/libz.so.1.2", Entry::bytes(0o644, *b"")),
        ("var/lib/dpkg/status.d/libz", Entry::bytes(0o644, control("libz", "1").into_bytes())),
        ("var/lib/dpkg/status.d/libz.md5sums", Entry::bytes(0o644, sums.into_bytes())),
    ];
    files.into_iter().map(|(name, entry)| (path(name), entry)).collect()
}

#[test]
fn the_bases_lines_stay_and_are_known_under_both_names() {
    let same = [taken("libz", "1", "usr/lib/libz.so.1.2", Some(7)), taken("libz", "1", "usr/lib/new", Some(1))];
    let kept = sum(7, "lib/libz.so.1.2") + &sum(8, "usr/share/doc/libz/copyright") + &sum(1, "usr/lib/new");
    assert_eq!(write(&mut base(), &same, &[]), texts([("status.d/libz.md5sums", kept)]));
    assert_eq!(write(&mut base(), &same[..1], &[]), BTreeMap::new());
}

#[test]
fn another_version_has_a_record_of_its_own_and_takes_files_over() {
    let all = [taken("libz", "1:2~a", "usr/lib/libz.so.1.2", Some(1)), taken("libz", "3", "usr/lib/c", Some(3))];
    let want = texts([
        ("status.d/libz.md5sums", sum(8, "usr/share/doc/libz/copyright")),
        ("status.d/libz_1:2~a_amd64", control("libz", "1:2~a")),
        ("status.d/libz_1:2~a_amd64.md5sums", sum(1, "usr/lib/libz.so.1.2")),
        ("status.d/libz_3_amd64", control("libz", "3")),
        ("status.d/libz_3_amd64.md5sums", sum(3, "usr/lib/c")),
    ]);
    let mut image = base();
    assert_eq!(write(&mut image, &all, &["usr/lib/libz.so.1.2"]), want);
    let more = [taken("libz", "3", "usr/lib/d", Some(4))];
    let extended = sum(3, "usr/lib/c") + &sum(4, "usr/lib/d");
    assert_eq!(write(&mut image, &more, &[]), texts([("status.d/libz_3_amd64.md5sums", extended)]));
}

#[test]
fn a_base_with_dpkgs_own_database_is_extended_there() {
    let status = format!("{}Status: install ok installed\n", control("libz", "1"));
    let files = [("var/lib/dpkg/status", status.as_str()), ("var/lib/dpkg/info/libz:amd64.list", "/usr/lib/a\n")];
    let mut image: Tree =
        files.into_iter().map(|(name, text)| (path(name), Entry::bytes(0o644, text.as_bytes()))).collect();
    let out = write(&mut image, &[taken("libz", "1", "usr/lib/b", Some(1))], &[]);
    assert_eq!(out, texts([("info/libz:amd64.md5sums", sum(1, "usr/lib/b"))]));
}

#[test]
fn what_a_layer_replaces_is_on_no_list() {
    let list = sum(1, "etc/nginx/nginx.conf") + &sum(2, "etc/nginx/mime types") + &sum(3, "lib/x") + &sum(4, "usr/y");
    let files = [
        ("lib", Entry::link("usr/lib")),
        ("var/lib/dpkg/status.d/nginx", Entry::bytes(0o644, control("nginx", "1").into_bytes())),
        ("var/lib/dpkg/status.d/nginx.md5sums", Entry::bytes(0o644, list.into_bytes())),
    ];
    let mut image: Tree = files.into_iter().map(|(name, entry)| (path(name), entry)).collect();
    let left = sum(2, "etc/nginx/mime types") + &sum(3, "lib/x") + &sum(4, "usr/y");
    let want = texts([("status.d/nginx.md5sums", left)]);
    assert_eq!(write(&mut image, &[], &["etc/nginx/nginx.conf", "usr/local/x"]), want);
    let want = texts([("status.d/nginx.md5sums", sum(4, "usr/y"))]);
    assert_eq!(write(&mut image, &[], &["etc/nginx/mime types", "usr/lib/x"]), want);
}

#[test]
fn a_list_that_many_share_is_read_once() {
    let mut image = Tree::default();
    image.insert(path("usr/lib/a"), Entry::bytes(0o644, *b""));
    image.insert(path("big"), Entry::bytes(0o644, sum(1, "usr/lib/a").into_bytes()));
    for number in 0..100 {
        let record = status_d().child(format!("p{number:03}").as_bytes());
        image.insert(beside(&record), Entry::link("/big"));
        image.insert(record, Entry::bytes(0o644, control(&format!("p{number}"), "1").into_bytes()));
    }
    let (mut reads, mut read) = (0, read(&image));
    let Ok(mut database) = Dpkg::read(&image, &mut |path| {
        reads += usize::from(path.as_bytes().ends_with(b".md5sums"));
        read(path)
    });
    assert_eq!((reads, database.records.len()), (1, 100));
    let came = BTreeSet::from([path("usr/lib/a")]);
    let want = texts([("status.d/p000.md5sums", String::new())]);
    let out = database.record(&image, &[], &came);
    assert_eq!(out.keys().map(ToString::to_string).collect::<Vec<_>>(), ["/var/lib/dpkg/status.d/p000.md5sums"]);
    assert_eq!(out.into_values().collect::<Vec<_>>(), want.into_values().map(String::into_bytes).collect::<Vec<_>>());
}
