//! Libraries out of images with and without a package database.

use serde_json::json;

use crate::odd_image::{GZIP, MANIFEST, OddImage, gzip, tar_of};
use crate::workbench::Workbench;

/// Takes a library out of an image that has other files, too; returns what was told.
fn told(files: &[(&str, &str)]) -> String {
    let bench = Workbench::new();
    OddImage::small().write(&bench.path("layout"));
    let mut source = OddImage::default();
    let mut all: Vec<(&str, u32, &[u8])> =
        vec![("usr/lib/libx.so.1", 0o644, b"x"), ("usr/local/lib/liby.so", 0o644, b"y")];
    all.extend(files.iter().map(|(path, text)| (*path, 0o644, text.as_bytes())));
    let tar = tar_of(&all);
    let layer = source.add(GZIP, &gzip(&tar));
    let manifest = source.image(&[layer], &[&tar], &json!({}));
    source.tag(&manifest, Some(MANIFEST));
    source.write(&bench.path("source"));
    let extract =
        |path: &str| format!("[[extract]]\nfrom = \"oci:../source:1\"\npaths = [\"{path}\"]\nlibraries = false\n");
    let build = |path: &str| {
        std::fs::write(bench.path("project/carboy.toml"), extract(path)).unwrap();
        let run = bench.build(&format!("oci:{}:1", bench.path("layout").display()), &[]);
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        run.stderr
    };
    assert_eq!(build("/usr/local/lib/liby.so"), "", "no package owns what is below /usr/local");
    build("/usr/lib/libx.so.1")
}

#[test]
fn libraries_without_package_records_are_told() {
    let dpkg = "Package: libx\nStatus: install ok installed\nVersion: 1\nArchitecture: amd64\n";
    let md5 = "9dd4e461268c8034f5c8564e155c67a6  usr/lib/libx.so.1\n";
    let lists = [
        [("var/lib/dpkg/status", dpkg), ("var/lib/dpkg/info/libx.list", "/usr/lib/libx.so.1\n")],
        [("var/lib/dpkg/status.d/libx", dpkg), ("var/lib/dpkg/status.d/libx.md5sums", md5)],
    ];
    for files in lists {
        assert_eq!(told(&files), "", "{files:?}");
    }
    let absent = [
        ("etc/issue", ""),
        ("var/lib/dpkg/status", dpkg),
        ("lib/apk/db/installed", ""),
        ("var/lib/rpm/rpmdb.sqlite", ""),
    ];
    insta::assert_snapshot!(absent.map(|file| told(&[file])).join("\n"), @"
    warning[no-package-records]: oci:../source:1 has no package database: scanners will not see the libraries that are taken from it, such as `/usr/lib/libx.so.1`
    hint: take the files from an image that keeps /var/lib/dpkg/status or /var/lib/dpkg/status.d
    warning[no-package-records]: oci:../source:1 has a package database without lists of files: scanners will not see the libraries that are taken from it, such as `/usr/lib/libx.so.1`
    hint: take the files from an image that keeps /var/lib/dpkg/info
    warning[no-package-records]: oci:../source:1 has its packages in apk's database, which carboy does not read: scanners will not see the libraries that are taken from it, such as `/usr/lib/libx.so.1`
    hint: scan that image itself, or take the files from a Debian image
    warning[no-package-records]: oci:../source:1 has its packages in rpm's database, which carboy does not read: scanners will not see the libraries that are taken from it, such as `/usr/lib/libx.so.1`
    hint: scan that image itself, or take the files from a Debian image
    ");
}
