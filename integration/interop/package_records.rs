//! Libraries out of images with and without a package database.

use serde_json::json;

use crate::odd_image::{GZIP, MANIFEST, OddImage, gzip, tar_of};
use crate::workbench::Workbench;

/// Takes a library out of an image that has another file, too; returns what was told.
fn told(file: &str, text: &str) -> String {
    let bench = Workbench::new();
    OddImage::small().write(&bench.path("layout"));
    let mut source = OddImage::default();
    let tar = tar_of(&[
        ("usr/lib/libx.so.1", 0o644, b"x"),
        ("usr/local/lib/liby.so", 0o644, b"y"),
        ("var/lib/dpkg/info/libx.list", 0o644, b"/usr/lib/libx.so.1\n"),
        (file, 0o644, text.as_bytes()),
    ]);
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
    for (file, text) in [("var/lib/dpkg/status", dpkg), ("var/lib/dpkg/status.d/libx", dpkg)] {
        assert_eq!(told(file, text), "", "{file}");
    }
    let all = ["etc/issue", "lib/apk/db/installed", "var/lib/rpm/rpmdb.sqlite"].map(|file| told(file, "x"));
    insta::assert_snapshot!(all.join("\n"), @"");
}
