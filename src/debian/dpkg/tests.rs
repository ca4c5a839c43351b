use std::convert::Infallible;

use super::*;
use crate::rootfs::{Content, Entry};

fn path(name: &str) -> RootPath {
    RootPath::new(name).unwrap()
}

fn tree(entries: &[(&str, &str)]) -> Tree {
    let entry = |text: &str| match text.strip_prefix("-> ") {
        Some(target) => Entry::link(target.as_bytes()),
        None => Entry::bytes(0o644, text.as_bytes()),
    };
    entries.iter().map(|(name, text)| (path(name), entry(text))).collect()
}

fn read(tree: &Tree) -> impl FnMut(&RootPath) -> Result<Option<Vec<u8>>, Infallible> {
    |path| {
        Ok(match tree.follow(path).and_then(|(_, entry)| entry.content()) {
            Some(Content::Bytes(bytes)) => Some(bytes.to_vec()),
            _ => None,
        })
    }
}

fn owners(tree: &Tree) -> FileOwners {
    let Ok(owners) = super::owners(tree, &mut read(tree));
    owners
}

fn owner<'a>(owners: &'a FileOwners, name: &str) -> Option<&'a str> {
    owners.of(&path(name)).map(|package| package.name.as_str())
}

const SUM: &str = "0123456789abcdef0123456789abcdef";

fn fields(name: &str, more: &str) -> String {
    format!("Package: {name}\n{more}Version: 1:2-3\nArchitecture: amd64\n\n")
}

#[test]
fn files_are_found_under_both_names_of_merged_usr_and_either_name_of_a_list() {
    let status = fields("libz", "Status: install ok installed\nMulti-Arch: same\n") + &fields("tool", "");
    let tree = tree(&[
        ("lib", "-> usr/lib"),
        ("usr/lib/x/libz.so.1", "-> libz.so.1.2"),
        ("usr/lib/x/libz.so.1.2", "elf"),
        ("usr/bin/tool", ""),
        ("usr/bin/own", ""),
        ("var/lib/dpkg/status", &status),
        ("var/lib/dpkg/info/libz:amd64.list", "/.\n/lib\n/lib/x\n/lib/x/libz.so.1\n/lib/x/libz.so.1.2\n/lib/gone\n"),
        ("var/lib/dpkg/info/tool.list", "/.\n/usr\n/usr/bin\n/usr/bin/tool\n/lib/x/libz.so.1.2\n/../bad\n"),
    ]);
    let owners = owners(&tree);
    let files: Vec<_> = owners.iter().map(|(path, package)| (path.to_string(), &package.name[..])).collect();
    let want = [("/usr/bin/tool", "tool"), ("/usr/lib/x/libz.so.1", "libz"), ("/usr/lib/x/libz.so.1.2", "libz")];
    assert_eq!(files, want.map(|(path, name)| (path.to_owned(), name)));
    let package = owners.of(&path("usr/bin/tool")).unwrap();
    assert_eq!((&package.version[..], &package.architecture[..]), ("1:2-3", "amd64"));
}

#[test]
fn what_dpkg_adds_is_no_part_of_a_package() {
    let status = "Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n\
                  Conffiles:\n /etc/a 0123\nConfig-Version: 1\nDescription: a\n b\n";
    let tree = tree(&[("var/lib/dpkg/status", status)]);
    let Ok(installed) = installed(&tree, &mut read(&tree));
    let control = String::from_utf8(installed[0].package.control.clone()).unwrap();
    assert_eq!(control, "Package: a\nVersion: 1\nArchitecture: all\nDescription: a\n b\n");
    assert_eq!(installed[0].md5sums(), path("var/lib/dpkg/info/a.md5sums"));
}

#[test]
fn source_packages_are_known() {
    let status = fields("libz", "Source: zlib (1:1.2)\n") + &fields("tool", "") + &fields("odd", "Source: ../x\n");
    let tree = tree(&[("var/lib/dpkg/status", &status)]);
    let Ok(installed) = installed(&tree, &mut read(&tree));
    let sources: Vec<_> = installed.iter().map(|installed| installed.package.source.clone()).collect();
    let want = [("zlib", "1:1.2"), ("tool", "1:2-3"), ("odd", "1:2-3")];
    assert_eq!(sources, want.map(|(name, version)| (name.to_owned(), version.to_owned())));
}

#[test]
fn a_distroless_image_has_lists_of_md5_only() {
    let sums = format!("{SUM}  usr/lib/a.so\n{SUM}  usr/lib/gone.so\n");
    let tree = tree(&[
        ("usr/lib/a.so", ""),
        ("usr/lib/b.so", ""),
        ("var/lib/dpkg/status.d/a", fields("liba", "").as_str()),
        ("var/lib/dpkg/status.d/a.md5sums", &sums),
        ("var/lib/dpkg/status.d/deep/er", fields("deep", "").as_str()),
    ]);
    let owners = owners(&tree);
    assert_eq!(owner(&owners, "usr/lib/a.so"), Some("liba"));
    assert_eq!(owners.iter().count(), 1);
    let Ok(installed) = installed(&tree, &mut read(&tree));
    assert_eq!(installed.iter().map(Installed::md5sums).collect::<Vec<_>>(), [path("var/lib/dpkg/status.d/a.md5sums")]);
}

#[test]
fn diverted_files_are_elsewhere() {
    let tree = tree(&[
        ("lib", "-> usr/lib"),
        ("usr/bin/sh", ""),
        ("usr/bin/sh.distrib", ""),
        ("usr/lib/x", ""),
        ("usr/lib/x.mine", ""),
        ("var/lib/dpkg/status", (fields("bash", "") + &fields("dash", "")).as_str()),
        ("var/lib/dpkg/info/bash.list", "/usr/bin/sh\n"),
        ("var/lib/dpkg/info/dash.list", "/usr/bin/sh\n/lib/x\n"),
        ("var/lib/dpkg/diversions", "/usr/bin/sh\n/usr/bin/sh.distrib\nbash\n/usr/lib/x\n/lib/x.mine\n:\nhalf\n"),
    ]);
    let owners = owners(&tree);
    let all = ["usr/bin/sh", "usr/bin/sh.distrib", "usr/lib/x", "usr/lib/x.mine"].map(|name| owner(&owners, name));
    assert_eq!(all, [Some("bash"), Some("dash"), None, Some("dash")]);
}

#[test]
fn names_that_are_no_names_and_packages_that_are_gone_own_nothing() {
    let long = "a".repeat(NAME_LIMIT + 1);
    let mut status = fields("gone", "Status: deinstall ok config-files\n");
    for name in ["../x", ".x", "a/b", "a\0", "", "a b", "x.md5sums", "-x", long.as_str()] {
        status += &fields(name, "");
    }
    status += "Package: no-version\nArchitecture: all\n\nPackage: bad-version\nVersion: ../1\nArchitecture: all\n\n";
    status += "garbage\n\n:\n\0\n";
    let tree = tree(&[("usr/x", ""), ("var/lib/dpkg/status", &status), ("var/lib/dpkg/info/gone.list", "/usr/x\n")]);
    let Ok(installed) = installed(&tree, &mut read(&tree));
    assert_eq!(installed, []);
    assert_eq!(owners(&tree), FileOwners::default());
}

#[test]
fn what_many_names_lead_to_is_read_once() {
    let (mut entries, mut status) = (vec![("usr/x".to_owned(), String::new())], String::new());
    for number in 0..100 {
        status += &fields(&format!("p{number}"), "");
        entries.push((format!("var/lib/dpkg/info/p{number}.list"), "-> /big".to_owned()));
        entries.push((format!("var/lib/dpkg/status.d/s{number}"), "-> /record".to_owned()));
    }
    entries.extend([("big".to_owned(), "/usr/x\n".to_owned()), ("record".to_owned(), fields("linked", ""))]);
    entries.push(("var/lib/dpkg/status".to_owned(), status));
    let entries: Vec<_> = entries.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let tree = tree(&entries);
    let (mut reads, mut read) = (BTreeMap::<_, usize>::new(), read(&tree));
    let Ok(owners) = super::owners(&tree, &mut |path| {
        *reads.entry(tree.resolve(path).unwrap().to_string()).or_default() += 1;
        read(path)
    });
    assert_eq!(owner(&owners, "usr/x"), Some("p0"));
    assert_eq!((reads["/big"], reads["/record"]), (1, 1), "{reads:?}");
}
