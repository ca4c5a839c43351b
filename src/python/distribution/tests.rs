use super::*;
use crate::rootfs::Content;

const SITE: &str = "usr/local/lib/python3.13/site-packages";

fn path(name: &str) -> RootPath {
    RootPath::new(name).unwrap()
}

/// Files by name: below site-packages, or from the root when they begin with `/`.
fn tree(files: &[(&str, &str)]) -> Tree {
    let entry = |(name, text): &(&str, &str)| {
        let name = if name.starts_with('/') { (*name).to_owned() } else { format!("{SITE}/{name}") };
        let link = text.strip_prefix("-> ").map(|target| Entry::link(target.as_bytes()));
        (path(&name), link.unwrap_or_else(|| Entry::bytes(0o644, text.as_bytes())))
    };
    files.iter().map(entry).collect()
}

fn distributions(tree: &Tree) -> Distributions {
    Distributions::read(tree, &[path(SITE)], &mut |path, limit| match tree.get(path)?.content()? {
        Content::Bytes(bytes) if bytes.len() as u64 <= limit => Some(bytes.to_vec()),
        _ => None,
    })
}

fn owner(found: &Distributions, name: &str) -> String {
    let name = if name.starts_with('/') { name.to_owned() } else { format!("{SITE}/{name}") };
    found.owner(&path(&name)).map(ToString::to_string).unwrap_or_default()
}

#[test]
fn files_belong_to_the_distribution_that_recorded_them() {
    let tree = tree(&[
        ("numpy/_core/_multiarray_umath.cpython-313-x86_64-linux-gnu.so", ""),
        ("numpy/a,b \"c\".py", ""),
        ("numpy/unrecorded.py", ""),
        ("/usr/local/bin/f2py", ""),
        ("numpy-2.3.1.dist-info/METADATA", "Metadata-Version: 2.4\nname: numpy\r\nVersion: 2.3.1\n\nVersion: 9\n"),
        (
            "numpy-2.3.1.dist-info/RECORD",
            "numpy/_core/_multiarray_umath.cpython-313-x86_64-linux-gnu.so,sha256=x,1\r\n\"numpy/a,b \"\"c\"\".py\",,\n../../../bin/f2py,,\nnumpy/gone.py,,\n",
        ),
        (
            "numpy-2.3.1.dist-info/WHEEL",
            "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp313-cp313-manylinux_2_27_x86_64.manylinux_2_28_x86_64\nTag: ?\n",
        ),
    ]);
    let found = distributions(&tree);
    for file in [
        "numpy/_core/_multiarray_umath.cpython-313-x86_64-linux-gnu.so",
        "numpy/a,b \"c\".py",
        "/usr/local/bin/f2py",
        "numpy-2.3.1.dist-info/WHEEL",
    ] {
        assert_eq!(owner(&found, file), "numpy 2.3.1", "{file}");
    }
    for file in ["numpy/unrecorded.py", "numpy/gone.py", "/usr/local/bin/python3.13"] {
        assert_eq!(owner(&found, file), "", "{file}");
    }
    let wheel = found.iter().next().unwrap().wheel.clone().unwrap();
    let tags: Vec<_> = wheel.tags.iter().map(ToString::to_string).collect();
    assert_eq!(tags, ["cp313-cp313-manylinux_2_27_x86_64", "cp313-cp313-manylinux_2_28_x86_64"]);
    assert!(wheel.is_platform_specific());
}

#[test]
fn records_cannot_claim_outside_files() {
    let tree = tree(&[
        ("evil-1.dist-info/METADATA", "Name: evil\nVersion: 1\n"),
        (
            "evil-1.dist-info/RECORD",
            "/etc/passwd,,\n../../../../../etc/passwd,,\n../../../../../../../../../etc/passwd,,\nloop/x,,\n..,,\n,,\n\"unclosed,,\na\0b,,\n",
        ),
        ("loop", "-> loop"),
        ("/etc/passwd", ""),
    ]);
    let found = distributions(&tree);
    // Five up is the image's root, and the image has the file; nine up is outside.
    assert_eq!(owner(&found, "/etc/passwd"), "evil 1");
    assert_eq!(found.files(), 3);
    assert_eq!(inside(&path(SITE), "../../../../../../etc/passwd"), None);
    assert_eq!(inside(&path(SITE), "/etc/passwd"), None);
    assert_eq!(inside(&path(SITE), "../../../bin/x"), Some(path("usr/local/bin/x")));
    assert_eq!(inside(&path(SITE), "../../../../.."), None);
}

#[test]
fn links_on_the_way_are_followed() {
    let tree = tree(&[("x-1.dist-info/RECORD", "linked/a.py,,\n"), ("linked", "-> /opt/real"), ("/opt/real/a.py", "")]);
    assert_eq!(owner(&distributions(&tree), "/opt/real/a.py"), "x 1");
}

#[test]
fn directories_give_name_and_version_without_metadata() {
    let tree = tree(&[
        ("python_dateutil-2.9.0.post0.dist-info/RECORD", ""),
        ("red-1.dist-info/METADATA", "Name: \x1b[31mred\nVersion: 1\x07\n"),
        ("\x1b[2J-1.dist-info/METADATA", "Name: \x1b[2J\n"),
        ("plain.egg-info/PKG-INFO", "Metadata-Version: 1.0\n"),
    ]);
    let names: Vec<_> = distributions(&tree).iter().map(ToString::to_string).collect();
    assert_eq!(names, ["plain", "python_dateutil 2.9.0.post0", "red 1"]);
}

#[test]
fn old_setuptools_metadata_is_read() {
    let tree = tree(&[
        ("old-1.0-py3.13.egg-info", "Metadata-Version: 1.0\nName: Old\nVersion: 1.0\n"),
        ("six-1.16.0-py3.13.egg-info/PKG-INFO", "Name: six\nVersion: 1.16.0\n"),
        ("six-1.16.0-py3.13.egg-info/installed-files.txt", "../six.py\n../../../../bin/sixer\nPKG-INFO\n"),
        ("six.py", ""),
        ("/usr/local/bin/sixer", ""),
        ("yaml.egg-info/PKG-INFO", "Name: PyYAML\nVersion: 6.0\n"),
        ("yaml.egg-info/top_level.txt", "yaml\n_yaml\n../six\n"),
        ("yaml/loader.py", ""),
        ("_yaml.cpython-313-x86_64-linux-gnu.so", ""),
        ("_yaml_other.py", ""),
    ]);
    let found = distributions(&tree);
    for (file, want) in [
        ("old-1.0-py3.13.egg-info", "Old 1.0"),
        ("six.py", "six 1.16.0"),
        ("/usr/local/bin/sixer", "six 1.16.0"),
        ("yaml/loader.py", "PyYAML 6.0"),
        ("_yaml.cpython-313-x86_64-linux-gnu.so", "PyYAML 6.0"),
        ("_yaml_other.py", ""),
    ] {
        assert_eq!(owner(&found, file), want, "{file}");
    }
    assert!(found.iter().all(|distribution| distribution.wheel.is_none()));
}

#[test]
fn large_files_are_not_read() {
    let site = path(SITE);
    let huge = Content::Layer {
        blob: crate::oci::Digest::of(b""),
        offset: 0,
        size: TEXT_LIMIT + 1,
        digest: crate::oci::Digest::of(b""),
    };
    let mut tree = tree(&[("x-1.dist-info/METADATA", "Name: x\nVersion: 2\n")]);
    let record = Entry { kind: crate::rootfs::Kind::File(huge), ..Entry::bytes(0o644, *b"") };
    tree.insert(site.join(&path("x-1.dist-info/RECORD")), record);
    let found =
        Distributions::read(&tree, &[site], &mut |_, _| Some(vec![b'x'; usize::try_from(TEXT_LIMIT + 1).unwrap()]));
    assert_eq!((found.files(), owner(&found, "x-1.dist-info/RECORD")), (2, "x 1".to_owned()));
}
