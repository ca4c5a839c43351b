use std::collections::{BTreeMap, BTreeSet};

use super::{AbiInputs, AbiReport, check};
use crate::elf::Abi;
use crate::hint::Hint;
use crate::python::{Distributions, Interpreter};
use crate::rootfs::{Content, Entry, RootPath, Tree};

const AMD64: Abi = Abi { machine: 62, is_64: true, little_endian: true };
const ARM64: Abi = Abi { machine: 183, is_64: true, little_endian: true };
const I386: Abi = Abi { machine: 3, is_64: false, little_endian: true };
const CUDA: Abi = Abi { machine: 190, is_64: true, little_endian: true };

fn path(name: &str) -> RootPath {
    RootPath::new(name).unwrap()
}

/// An image with Python `version` and files below site-packages, or from the root.
struct Image {
    version: &'static str,
    flags: &'static str,
    glibc: Option<(u32, u32)>,
    platform: Abi,
    files: Vec<(String, String)>,
    objects: BTreeMap<RootPath, Abi>,
    reachable: BTreeSet<RootPath>,
}

fn image(version: &'static str, platform: Abi) -> Image {
    let (files, objects) = (Vec::new(), BTreeMap::new());
    Image { version, flags: "", glibc: Some((2, 36)), platform, files, objects, reachable: BTreeSet::new() }
}

impl Image {
    fn site(&self) -> String {
        format!("/usr/local/lib/python{}{}/site-packages", self.version, self.flags)
    }

    fn name(&self, name: &str) -> String {
        if name.starts_with('/') { name.to_owned() } else { format!("{}/{name}", self.site()) }
    }

    fn file(mut self, name: &str, text: &str) -> Self {
        self.files.push((self.name(name), text.to_owned()));
        self
    }

    fn object(mut self, name: &str, abi: Abi) -> Self {
        self.objects.insert(path(&self.name(name)), abi);
        self.file(name, "")
    }

    fn reachable(mut self, name: &str, abi: Abi) -> Self {
        self.reachable.insert(path(&self.name(name)));
        self.object(name, abi)
    }

    /// A wheel's record with its objects.
    fn wheel(mut self, name: &str, tags: &[&str], objects: &[(&str, Abi)]) -> Self {
        let purelib = tags.iter().all(|tag| tag.ends_with("-any"));
        let tags: Vec<_> = tags.iter().map(|tag| format!("Tag: {tag}\n")).collect();
        let text = format!("Wheel-Version: 1.0\nRoot-Is-Purelib: {purelib}\n{}", tags.concat());
        let record: Vec<_> = objects.iter().map(|(file, _)| format!("{file},,\n")).collect();
        let info = format!("{}.dist-info", name.replace(' ', "-"));
        self = self.file(&format!("{info}/WHEEL"), &text).file(&format!("{info}/RECORD"), &record.concat());
        objects.iter().fold(self, |image, (file, abi)| image.object(file, *abi))
    }

    fn report(&self) -> AbiReport {
        let files = self.files.iter().map(|(name, text)| (path(name), Entry::bytes(0o644, text.as_bytes())));
        let tree: Tree = files.collect();
        let site = path(&self.site());
        let distributions =
            Distributions::read(&tree, std::slice::from_ref(&site), &mut |path, _| match tree.get(path)?.content()? {
                Content::Bytes(bytes) => Some(bytes.to_vec()),
                _ => None,
            });
        let interpreter = Interpreter {
            version: self.version.to_owned(),
            abi_flags: self.flags.to_owned(),
            full_version: None,
            executable: path("usr/local/bin/python3"),
            bin: path("usr/local/bin"),
            prefix: path("usr/local"),
            stdlib: site.parent().unwrap(),
            purelib: site.clone(),
            platlib: site.clone(),
            scripts: path("usr/local/bin"),
            data: path("usr/local"),
            headers: path("usr/local/include"),
        };
        check(&AbiInputs {
            tree: &tree,
            platform: self.platform,
            interpreter: Some(&interpreter),
            glibc: self.glibc,
            imported: &[site, path("app")],
            objects: &self.objects,
            reachable: &self.reachable,
            distributions: &distributions,
            folder: Some("site arm64"),
        })
    }

    /// Errors and notes, without the place of site-packages.
    fn said(&self) -> String {
        let report = self.report();
        let lines = report.errors.iter().map(|fault| format!("error: {fault}"));
        let lines = lines.chain(report.notes.iter().map(|fault| format!("note: {fault}")));
        lines.map(|line| line.replace(&self.site(), "…")).collect::<Vec<_>>().join("\n")
    }

    fn hint(&self) -> String {
        let mut hints: Vec<_> = self.report().errors.iter().filter_map(Hint::hint).collect();
        hints.dedup();
        hints.join("; ")
    }
}

const NUMPY: [&str; 2] = ["cp311-cp311-manylinux_2_27_x86_64", "cp311-cp311-manylinux_2_28_x86_64"];
const UMATH: &str = "numpy/_core/_multiarray_umath.cpython-311-x86_64-linux-gnu.so";

#[test]
fn what_fits_is_not_mentioned() {
    let image = image("3.11", AMD64)
        .wheel("numpy 2.3.1", &NUMPY, &[(UMATH, AMD64), ("numpy.libs/libgfortran-040039e1.so.5.0.0", AMD64)])
        .wheel("cryptography 45.0.5", &["cp37-abi3-manylinux_2_34_x86_64"], &[("cryptography/_rust.abi3.so", AMD64)])
        .wheel("flask 3.1.2", &["py3-none-any"], &[])
        .wheel("pure_with_elf 1", &["py3-none-any"], &[("pure_with_elf/lib.so", AMD64)])
        .reachable("/usr/local/bin/python3", AMD64);
    assert_eq!(image.said(), "");
    assert_eq!(image.hint(), "");
}

#[test]
fn another_machines_wheel_is_one_error_with_its_files() {
    let image = image("3.11", ARM64).wheel(
        "numpy 2.3.1",
        &NUMPY,
        &[(UMATH, AMD64), ("numpy.libs/libscipy_openblas64_-4b78795a.so", AMD64), ("numpy/bin/tool", AMD64)],
    );
    assert_eq!(
        image.said(),
        "error: numpy 2.3.1 is for another machine: its wheel is for cp311-cp311-manylinux_2_27_x86_64, \
         cp311-cp311-manylinux_2_28_x86_64; the image has Python 3.11, glibc 2.36, aarch64; \
         `…/numpy.libs/libscipy_openblas64_-4b78795a.so` and 2 more of its files do not fit"
    );
    assert_eq!(
        image.hint(),
        "install wheels for this platform: uv pip install --reinstall --python-platform aarch64-manylinux_2_28 \
         --python-version 3.11 --only-binary :all: --target 'site arm64' numpy==2.3.1"
    );
}

#[test]
fn wheels_for_other_pythons_libcs_and_systems_are_told_apart() {
    for (tag, what) in [
        ("cp310-cp310-manylinux_2_17_x86_64", "is for another Python"),
        ("cp311-cp311-musllinux_1_2_x86_64", "is for musl"),
        ("cp311-cp311-macosx_11_0_arm64", "is for another system"),
        ("cp311-cp311-manylinux_2_17_i686", "is for another machine"),
        ("cp310-cp310-manylinux_2_17_aarch64", "is for another Python and is for another machine"),
        ("cp311-cp311-manylinux_2_38_x86_64", "needs glibc 2.38"),
    ] {
        let said = image("3.11", AMD64).wheel("x 1", &[tag], &[]).said();
        assert_eq!(
            said,
            format!("error: x 1 {what}: its wheel is for {tag}; the image has Python 3.11, glibc 2.36, x86_64")
        );
    }
}

/// Installers go by a wheel's file name; WHEEL may say something else.
#[test]
fn tags_that_nothing_else_bears_out_may_be_wrong_themselves() {
    let retag = "if only the wheel's tags are wrong, correct them in the WHEEL file of its dist-info directory";
    let lying = image("3.11", AMD64).wheel("x 1", &["py3-none-macosx_11_0_arm64"], &[("x/lib.so", AMD64)]);
    assert!(lying.said().starts_with("error: x 1 is for another system"));
    assert!(lying.hint().ends_with(retag), "{}", lying.hint());
    let foreign = image("3.11", AMD64).wheel("x 1", &["py3-none-manylinux_2_28_aarch64"], &[("x/lib.so", ARM64)]);
    assert!(!foreign.hint().contains("WHEEL"), "{}", foreign.hint());
}

#[test]
fn a_newer_glibc_is_told_with_the_base_that_has_it() {
    let hint = |tag: &str| image("3.11", AMD64).wheel("x 1", &[tag], &[]).hint();
    assert!(hint("py3-none-manylinux_2_38_x86_64").starts_with(
        "use a base and a builder of Debian 13 or later (glibc 2.41), or install wheels for this platform: uv"
    ));
    assert!(hint("py3-none-manylinux_2_42_x86_64").starts_with("no Debian release up to 13 has glibc 2.42, or"));
    let mut old = image("3.11", AMD64).wheel("x 1", &["py3-none-manylinux_2_36_x86_64"], &[]);
    old.glibc = Some((2, 31));
    assert!(old.hint().starts_with("use a base and a builder of Debian 12 or later (glibc 2.36)"), "{}", old.hint());
    old.glibc = None;
    assert_eq!(old.said(), "");
}

#[test]
fn a_module_for_another_python_is_an_error_without_a_sibling() {
    let stale = "shop/_fast.cpython-310-x86_64-linux-gnu.so";
    let alone = image("3.11", AMD64).object(stale, AMD64);
    assert_eq!(
        alone.said(),
        "error: `…/shop/_fast.cpython-310-x86_64-linux-gnu.so` is for CPython 3.10 on x86_64-linux-gnu; \
         the image has Python 3.11, glibc 2.36, x86_64"
    );
    for sibling in ["cpython-311-x86_64-linux-gnu.so", "abi3.so", "so"] {
        let image = image("3.11", AMD64).object(stale, AMD64).object(&format!("shop/_fast.{sibling}"), AMD64);
        assert_eq!(image.said(), "", "{sibling}");
    }
    for other in ["shop/_slow.abi3.so", "_fast.abi3.so", "shop/_fast.pypy310-pp73-x86_64-linux-gnu.so"] {
        let image = image("3.11", AMD64).object(stale, AMD64).object(other, AMD64);
        assert!(image.said().starts_with("error: "), "{other}");
    }
    for source in ["shop/_fast.py", "shop/_fast/__init__.py"] {
        let image = image("3.11", AMD64).object(stale, AMD64).file(source, "");
        assert!(image.said().starts_with("note: ") && image.said().ends_with("imports the module's source instead"));
    }
}

#[test]
fn one_folder_for_both_machines_is_well() {
    let both = |image: Image| {
        image
            .object("x/_x.cpython-311-x86_64-linux-gnu.so", AMD64)
            .object("x/_x.cpython-311-aarch64-linux-gnu.so", ARM64)
    };
    assert_eq!(both(image("3.11", AMD64)).said(), "");
    assert_eq!(both(image("3.11", ARM64)).said(), "");
}

#[test]
fn a_fitting_name_with_another_machines_content_is_an_error() {
    let image = image("3.11", ARM64)
        .object("x/_rust.abi3.so", AMD64)
        .object("x/_x.cpython-311-aarch64-linux-gnu.so", AMD64)
        .file("x/_rust.py", "");
    assert_eq!(
        image.said(),
        "error: `…/x/_rust.abi3.so` is for x86_64, the image is for aarch64\n\
         error: `…/x/_x.cpython-311-aarch64-linux-gnu.so` is for x86_64, the image is for aarch64"
    );
}

#[test]
fn free_threaded_builds_have_no_stable_abi_before_3_15() {
    let free = |version, file: &str| Image { flags: "t", ..image(version, AMD64) }.object(file, AMD64);
    let abi3 = free("3.13", "x/_rust.abi3.so");
    assert_eq!(
        abi3.said(),
        "error: `…/x/_rust.abi3.so` is for Pythons with a global interpreter lock; \
         the image has Python 3.13t, glibc 2.36, x86_64"
    );
    assert!(
        abi3.hint()
            .contains("pip install --upgrade --platform manylinux_2_28_x86_64 --python-version 3.13 --abi cp313t ")
    );
    let own = "x/_rust.cpython-313t-x86_64-linux-gnu.so";
    assert_eq!(free("3.13", "x/_rust.abi3.so").object(own, AMD64).said(), "");
    // The loader comes to `.abi3.so` before it comes to `.so`.
    assert!(free("3.13", "x/_rust.abi3.so").object("x/_rust.so", AMD64).said().starts_with("error"));
    assert!(free("3.13", "x/_rust.cpython-313-x86_64-linux-gnu.so").said().starts_with("error"));
    assert!(free("3.15", "x/_rust.abi3.so").said().starts_with("error"));
    assert_eq!(free("3.15", "x/_rust.abi3.so").object("x/_rust.abi3t.so", AMD64).said(), "");
}

#[test]
fn helpers_for_other_machines_are_notes() {
    let attach = "debugpy/_vendored/pydevd/attach_linux_";
    let (amd64, i386) = (format!("{attach}amd64.so"), format!("{attach}x86.so"));
    let any = image("3.11", ARM64).wheel("debugpy 1.8.14", &["py2.py3-none-any"], &[(&amd64, AMD64), (&i386, I386)]);
    let said = |file: &str, machine: &str, image: &str| {
        format!("note: `…/{file}` of debugpy 1.8.14 is for {machine}, the image is for {image}")
    };
    assert_eq!(any.said(), format!("{}\n{}", said(&amd64, "x86_64", "aarch64"), said(&i386, "i686", "aarch64")));
    // In a wheel for this machine, beside its own files, they are helpers too.
    let own = "_pydevd_bundle/x.cpython-311-x86_64-linux-gnu.so";
    let objects = [(amd64.as_str(), AMD64), (i386.as_str(), I386), (own, AMD64)];
    let specific = image("3.11", AMD64).wheel("debugpy 1.8.14", &["cp311-cp311-manylinux_2_5_x86_64"], &objects);
    assert_eq!(specific.said(), said(&i386, "i686", "x86_64"));
}

#[test]
fn a_wheel_with_nothing_for_this_machine_is_an_error_whatever_its_tags() {
    let objects = [("xgboost/lib/libxgboost.so", AMD64), ("xgboost/lib/libomp.so", AMD64)];
    let image = image("3.11", ARM64).wheel("xgboost 3.0.2", &["py3-none-manylinux_2_28_aarch64"], &objects);
    assert_eq!(
        image.said(),
        "error: `…/xgboost/lib/libomp.so` of xgboost 3.0.2 is for x86_64, the image is for aarch64; \
         the same holds for 1 more of its files"
    );
}

#[test]
fn code_for_graphics_cards_is_no_machines() {
    let objects = [("triton/_C/libtriton.so", AMD64), ("triton/kernel.cubin", CUDA)];
    let image = image("3.11", AMD64).wheel("triton 3.3.1", &["cp311-cp311-manylinux_2_27_x86_64"], &objects);
    assert_eq!(image.said(), "");
}

#[test]
fn what_runs_for_certain_must_be_of_the_machine_and_what_lies_about_need_not() {
    let image = image("3.11", ARM64)
        .reachable("/app/server", AMD64)
        .object("/app/tools/helper", AMD64)
        .object("/app/_speed.cpython-312-x86_64-linux-gnu.so", AMD64);
    assert_eq!(
        image.said(),
        "error: `/app/_speed.cpython-312-x86_64-linux-gnu.so` is for CPython 3.12 on x86_64-linux-gnu; \
         the image has Python 3.11, glibc 2.36, aarch64\n\
         error: `/app/server` is for x86_64, the image is for aarch64\n\
         note: `/app/tools/helper` is for x86_64, the image is for aarch64"
    );
    assert_eq!(
        image.hint(),
        "leave it out with `exclude` under [app], or build it for Python 3.11 on aarch64; \
         leave it out with `exclude` under [app], or replace it with the one for aarch64"
    );
}

#[test]
fn windows_modules_are_notes() {
    let objects = [("x/_x.cp311-win_amd64.pyd", AMD64)];
    let mut image = image("3.11", AMD64).wheel("x 1", &["py3-none-any"], &objects);
    image.objects.clear();
    assert_eq!(image.said(), "note: `…/x/_x.cp311-win_amd64.pyd` of x 1 is for Windows");
}

#[test]
fn python_2_7_takes_debians_names_and_the_old_ones() {
    let two = |sibling: &str| image("2.7", AMD64).object("x.cpython-311-x86_64-linux-gnu.so", AMD64).file(sibling, "");
    for sibling in ["x.so", "xmodule.so", "x.x86_64-linux-gnu.so"] {
        assert_eq!(two(sibling).said(), "", "{sibling}");
    }
    assert!(two("x.abi3.so").said().starts_with("error"));
}

#[test]
fn without_python_only_machines_are_compared() {
    let objects = BTreeMap::from([(path("app/server"), AMD64)]);
    let report = check(&AbiInputs {
        tree: &Tree::default(),
        platform: ARM64,
        interpreter: None,
        glibc: None,
        imported: &[],
        objects: &objects,
        reachable: &objects.keys().cloned().collect(),
        distributions: &Distributions::default(),
        folder: None,
    });
    let said: Vec<_> = report.errors.iter().map(ToString::to_string).collect();
    assert_eq!(said, ["`/app/server` is for x86_64, the image is for aarch64"]);
}
