//! What fits an image, held against Python's own tools: wheel tags as `packaging`
//! has them, suffixes as the interpreter has them, records as importlib reads them;
//! and the examples' dependencies, which fit their own platform and no other.

#![expect(clippy::unwrap_used, reason = "a file that cannot be read has failed the test")]

#[path = "support/test_cache.rs"]
mod test_cache;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use carboy::compose::verify::architecture::{AbiInputs, AbiReport, Cause, check};
use carboy::elf::{self, Abi};
use carboy::oci::architecture::ARCHITECTURES;
use carboy::python::tags::{Tag, Target};
use carboy::python::{Cpython, Distributions, Interpreter};
use carboy::rootfs::{Content, Entry, RootPath, Tree};
use serde_json::{Value, json};
use test_cache::test_cache;

const AMD64: Abi = Abi { machine: 62, is_64: true, little_endian: true };
const ARM64: Abi = Abi { machine: 183, is_64: true, little_endian: true };

fn site_packages(name: &str) -> PathBuf {
    test_cache(&format!("site/{name}"))
}

/// What a Python program prints as JSON.
fn python(args: &[&str], input: &Value) -> Value {
    let mut child = Command::new("python3");
    // -B: what setup made is read, never added to.
    let child = child.args(["-I", "-B"]).args(args).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = child.spawn().unwrap_or_else(|cause| panic!("python3: {cause}: run scripts/setup"));
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}

fn platforms() -> Vec<String> {
    let mut out: Vec<_> =
        ["any", "win_amd64", "macosx_11_0_arm64", "linux_x86_64_", "manylinux_2_28", "linux"].map(str::to_owned).into();
    let levels =
        ["linux", "manylinux1", "manylinux2010", "manylinux2014", "manylinux2020", "manylinux", "musllinux_1_2"]
            .map(str::to_owned);
    let glibcs = ["2_0", "2_4", "2_5", "2_11", "2_16", "2_17", "2_28", "2_31", "2_35", "2_36", "2_37", "2_41", "2_42"];
    let odd = ["1_9", "3_0", "2_028", "2_", "2_28_1", "2_+5", "99999999999_1"];
    let glibcs = glibcs.iter().chain(&odd).map(|version| format!("manylinux_{version}"));
    for level in levels.into_iter().chain(glibcs) {
        out.extend(ARCHITECTURES.iter().map(|architecture| format!("{level}_{}", architecture.wheel)));
    }
    out
}

#[test]
fn tags_are_accepted_and_ranked_as_by_packaging() {
    let pythons = [
        "py2", "py3", "py27", "py20", "py30", "py39", "py310", "py311", "py313", "py314", "py4", "cp3", "cp2", "cp27",
        "cp31", "cp32", "cp34", "cp37", "cp38", "cp310", "cp311", "cp313", "cp314", "cp315", "cp0311", "cp3011",
        "pp311", "py", "cp", "x",
    ];
    let abis = [
        "none",
        "abi3",
        "abi3t",
        "cp27mu",
        "cp27m",
        "cp34m",
        "cp37m",
        "cp37",
        "cp37dm",
        "cp38",
        "cp311",
        "cp311d",
        "cp313",
        "cp313t",
        "cp313d",
        "cp313td",
        "cp315t",
        "pypy311_pp73",
    ];
    let platforms = platforms();
    let mut targets = Vec::new();
    for ((major, minor), flags) in [
        ((3, 11), ""),
        ((3, 13), ""),
        ((3, 13), "t"),
        ((3, 13), "d"),
        ((3, 13), "td"),
        ((3, 15), ""),
        ((3, 15), "t"),
        ((3, 11), "d"),
        ((3, 8), ""),
        ((3, 7), ""),
        ((3, 7), "d"),
        ((3, 4), ""),
        ((2, 7), ""),
    ] {
        // What differs between machines is the same for every Python.
        let machines = if (minor, flags) == (13, "") { ARCHITECTURES.len() } else { 2 };
        for machine in ARCHITECTURES.iter().take(machines).map(|architecture| architecture.wheel) {
            let glibcs = [(2, 36), (2, 31), (2, 41)];
            for glibc in glibcs.into_iter().take(if minor == 11 { 3 } else { 1 }) {
                let flag = |flag| flags.contains(flag);
                let python = Cpython { major, minor, free_threaded: flag('t'), debug: flag('d') };
                targets.push(Target { python, machine, glibc: Some(glibc) });
            }
        }
    }
    let told = |target: &Target| {
        let Target { python, machine, glibc } = target;
        json!({"version": [python.major, python.minor], "free_threaded": python.free_threaded, "debug": python.debug,
            "machine": machine, "glibc": glibc.map(|(major, minor)| [major, minor])})
    };
    let asked = json!({"targets": targets.iter().map(told).collect::<Vec<_>>(), "pythons": pythons, "abis": abis,
        "platforms": platforms});
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("integration/fixtures/tags.py");
    let packaging = site_packages("flask/3.11-amd64");
    let accepted = python(&[script.to_str().unwrap(), packaging.to_str().unwrap()], &asked);
    let mut tags = Vec::new();
    for python in pythons {
        for abi in abis {
            for platform in &platforms {
                let platform = platform.clone();
                tags.push(Tag { python: python.to_owned(), abi: abi.to_owned(), platform });
            }
        }
    }
    for (target, accepted) in targets.iter().zip(accepted.as_array().unwrap()) {
        let order: Vec<_> = accepted.as_array().unwrap().iter().map(|tag| tag.as_str().unwrap().to_owned()).collect();
        let want: BTreeSet<_> = order.iter().cloned().collect();
        let got: BTreeSet<_> = tags.iter().filter(|tag| target.accepts(tag)).map(ToString::to_string).collect();
        assert!(want.len() > 20, "packaging accepts hardly anything for {target}: {want:?}");
        let (more, less) = (got.difference(&want).collect::<Vec<_>>(), want.difference(&got).collect::<Vec<_>>());
        assert!(more.is_empty() && less.is_empty(), "{target}: accepted too many {more:?}, too few {less:?}");
        let mut ranked: Vec<_> = tags.iter().filter_map(|tag| Some((target.rank(tag)?, tag.to_string()))).collect();
        ranked.sort();
        assert!(ranked.windows(2).all(|two| two[0].0 < two[1].0), "{target}: two tags of one rank");
        let ranked: Vec<_> = ranked.into_iter().map(|(_, tag)| tag).collect();
        assert_eq!(ranked, order, "{target}: another order than packaging's");
    }
}

#[test]
fn suffixes_are_the_interpreters_own() {
    let script = "import importlib.machinery as m, json, sys, sysconfig
json.dump([list(sys.version_info[:2]), sys.abiflags, sysconfig.get_config_var('MULTIARCH'), m.EXTENSION_SUFFIXES], sys.stdout)";
    let told = python(&["-c", script], &Value::Null);
    let flags = told[1].as_str().unwrap();
    let number = |at: usize| u32::try_from(told[0][at].as_u64().unwrap()).unwrap();
    let (major, minor) = (number(0), number(1));
    let python = Cpython { major, minor, free_threaded: flags.contains('t'), debug: flags.contains('d') };
    let own: Vec<_> = python.suffixes(told[2].as_str().unwrap()).into_iter().map(|suffix| suffix.text).collect();
    assert_eq!(json!(own), told[3]);
}

fn root(path: impl AsRef<[u8]>) -> RootPath {
    RootPath::new(path).unwrap()
}

/// An example's dependencies in an image: small files with their content.
struct Site {
    folder: PathBuf,
    interpreter: Interpreter,
    tree: Tree,
    objects: BTreeMap<RootPath, Abi>,
    distributions: Distributions,
}

fn site(app: &str, version: &str, arch: &str) -> Site {
    let folder = site_packages(&format!("{app}/{version}-{arch}"));
    let purelib = root(format!("usr/local/lib/python{version}/site-packages"));
    let (mut tree, mut objects) = (Tree::default(), BTreeMap::new());
    let mut open = vec![folder.clone()];
    while let Some(here) = open.pop() {
        for entry in std::fs::read_dir(here).unwrap() {
            let local = entry.unwrap().path();
            if local.is_dir() {
                open.push(local);
                continue;
            }
            let below = local.strip_prefix(&folder).unwrap();
            let path = purelib.join(&root(below.to_str().unwrap()));
            let content = std::fs::read(&local).unwrap();
            if content.starts_with(b"\x7fELF") {
                objects.insert(path.clone(), elf::parse(content.as_slice()).unwrap().unwrap().abi);
            }
            // Records are read, of other files it counts that they are there.
            let is_record = below.to_str().unwrap().contains("-info/");
            tree.insert(path, Entry::bytes(0o644, if is_record { content } else { Vec::new() }));
        }
    }
    let distributions =
        Distributions::read(&tree, std::slice::from_ref(&purelib), &mut |path, _| match tree.get(path)?.content()? {
            Content::Bytes(bytes) => Some(bytes.to_vec()),
            _ => None,
        });
    let interpreter = Interpreter {
        version: version.to_owned(),
        abi_flags: String::new(),
        full_version: None,
        executable: root(format!("usr/local/bin/python{version}")),
        bin: root("usr/local/bin"),
        prefix: root("usr/local"),
        stdlib: purelib.parent().unwrap(),
        platlib: purelib.clone(),
        scripts: root("usr/local/bin"),
        data: root("usr/local"),
        headers: root(format!("usr/local/include/python{version}")),
        purelib,
    };
    Site { folder, interpreter, tree, objects, distributions }
}

impl Site {
    fn check(&self, platform: Abi, glibc: (u32, u32)) -> AbiReport {
        check(&AbiInputs {
            tree: &self.tree,
            platform,
            interpreter: Some(&self.interpreter),
            glibc: Some(glibc),
            imported: std::slice::from_ref(&self.interpreter.purelib),
            objects: &self.objects,
            reachable: &BTreeSet::new(),
            distributions: &self.distributions,
            folder: None,
        })
    }

    /// How many objects each distribution has, by its name and version.
    fn owned(&self) -> BTreeMap<String, usize> {
        let mut out = BTreeMap::new();
        for path in self.objects.keys() {
            let owner = self.distributions.owner(path).unwrap_or_else(|| panic!("{path} is nobody's"));
            *out.entry(owner.to_string()).or_default() += 1;
        }
        out
    }
}

const SITES: [(&str, &str, (u32, u32)); 3] =
    [("flask", "3.11", (2, 36)), ("flask", "3.13", (2, 41)), ("pandas", "3.13", (2, 41))];

#[test]
fn the_examples_fit_their_own_platform_and_no_other() {
    for (app, version, glibc) in SITES {
        for (arch, own, other) in [("amd64", AMD64, ARM64), ("arm64", ARM64, AMD64)] {
            let site = site(app, version, arch);
            assert!(!site.objects.is_empty());
            assert_eq!(site.check(own, glibc), AbiReport::default(), "{app} {version} {arch}");
            let wrong = site.check(other, glibc);
            assert_eq!(wrong.notes, []);
            // Every wheel with objects is named once, with all of its objects.
            let named = wrong.errors.iter().map(|fault| {
                assert!(matches!(fault.cause, Cause::Wheel { .. }), "{fault}");
                assert!(fault.to_string().contains("is for another machine"), "{fault}");
                (fault.distribution.clone().unwrap(), 1 + fault.more)
            });
            assert_eq!(named.collect::<BTreeMap<_, _>>(), site.owned());
        }
    }
}

#[test]
fn the_examples_do_not_fit_another_python_or_an_old_glibc() {
    let mut site = site("pandas", "3.13", "amd64");
    let old = site.check(AMD64, (2, 17));
    let said: Vec<_> = old.errors.iter().map(ToString::to_string).collect();
    assert!(said[0].starts_with("numpy ") && said[0].contains("needs glibc 2.27"), "{said:?}");
    site.interpreter.version = "3.12".to_owned();
    let said: Vec<_> = site.check(AMD64, (2, 41)).errors.iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said.iter().all(|said| said.contains("is for another Python") && said.contains("Python 3.12")), "{said:?}");
}

#[test]
fn records_are_read_as_importlib_reads_them() {
    let script = "import importlib.metadata as m, json, os, sys
out = {}
for d in m.distributions(path=[sys.argv[1]]):
    files = sorted(str(f) for f in d.files if os.path.isfile(os.path.join(sys.argv[1], str(f))))
    out[d.metadata['Name'] + ' ' + d.version] = files
json.dump(out, sys.stdout)";
    for (app, version, _) in SITES {
        let site = site(app, version, "amd64");
        let want = python(&["-c", script, site.folder.to_str().unwrap()], &Value::Null);
        let mut got: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut nobodys = Vec::new();
        for (path, _) in site.tree.iter().filter(|(_, entry)| !entry.is_folder()) {
            let below = path.strip(&site.interpreter.purelib).unwrap().to_string()[1..].to_owned();
            match site.distributions.owner(path) {
                Some(owner) => drop(got.entry(owner.to_string()).or_default().insert(below)),
                None => nobodys.push(below),
            }
        }
        assert_eq!(json!(got), want, "{app} {version}");
        assert!(nobodys.iter().all(|path| path == ".lock"), "{nobodys:?}");
    }
}
