//! A Python that no pair of images is known for: Python 2.7 of Debian 11 over
//! distroless of Debian 12, with Flask 1.1.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use serde_json::{Value, json};
use support::carboy::{Carboy, Report};
use support::image::{Image, Unpacked};
use support::registry::Registry;
use support::running::{Runner, Running, start};
use support::{PLATFORMS, PYTHON_2, Ran, layout, machine, project, ran};
use tempfile::TempDir;

/// The example, built and pushed.
struct Built {
    registry: Registry,
    reference: String,
    report: Report,
}

impl Built {
    fn new() -> Self {
        let (registry, folder) = (Registry::with(PYTHON_2), TempDir::new().unwrap());
        let to = registry.name("flask27:1");
        let report = Carboy::over(&registry, PYTHON_2, &project("flask27", PYTHON_2, folder.path())).to(&to).report();
        Self { registry, reference: to, report }
    }
}

/// Imports the whole standard library, as `walk.py` does it for Python 3.
const WALK: &str = r#"
import pkgutil, sys, warnings
warnings.simplefilter("ignore")
walked = 0
for finder, name, _ in pkgutil.walk_packages(onerror=lambda name: None):
    # to import `site` is to add site-packages
    if "site-packages" in finder.path or name in ("antigravity", "site", "this") or name.endswith("__main__"):
        continue
    walked += 1
    try:
        __import__(name)
    except BaseException as e:
        print("FAIL %s %r" % (name, e))
print("done %d" % walked)
"#;

/// Why a module may not be importable, by what Python says.
const MAY_FAIL: [&str; 4] = [
    "No module named _tkinter", // the builder lacks it
    "No module named test.",    // of the tests
    "No module named lib2to3",  // left out by rule
    "CookieJar",                // parts of cookielib, which imports them
];
/// Modules of another system.
const WINDOWS: [&str; 4] =
    ["ctypes.wintypes", "distutils.command.bdist_msi", "distutils.msvc9compiler", "encodings.mbcs"];

#[test]
fn flask_answers_from_python_2() {
    let built = Built::new();
    for platform in PLATFORMS {
        let image = Unpacked::new(&built.reference, platform);
        for runner in Runner::BOTH {
            let body: Value = serde_json::from_str(&Running::serve(&image, runner).body()).unwrap();
            let openssl = body["openssl"].as_str().unwrap();
            assert!(openssl.starts_with("OpenSSL 1.1.1"), "{body}");
            let want = json!({
                "uid": 65532, "machine": machine(platform), "python": "2.7.18", "openssl": openssl,
                "certificates": true, "encoding": "UTF-8", "tmp_writable": true,
            });
            assert_eq!(body, want, "{platform} {runner:?}");
        }
    }
}

#[test]
fn libraries_that_the_base_has_no_more_come_from_the_builder() {
    let built = Built::new();
    for (number, platform) in PLATFORMS.into_iter().enumerate() {
        let taken = built.report.0["platforms"][number]["taken"].as_array().unwrap();
        let [ssl] = taken.iter().filter(|taken| taken["soname"] == "libssl.so.1.1").collect::<Vec<_>>()[..] else {
            panic!("{taken:?}")
        };
        assert_eq!(ssl["layer"], "runtime");
        let path = ssl["path"].as_str().unwrap().trim_start_matches('/').to_owned();
        let base = Image::of(&built.registry.name(PYTHON_2.base), platform);
        assert!(!base.tree().keys().any(|path| path.ends_with("/libssl.so.1.1")));
        let image = Unpacked::new(&built.reference, platform);
        let builder = Unpacked::new(&format!("oci:{}", layout(PYTHON_2.builder).display()), platform);
        let ours = std::fs::read(image.root().join(&path)).unwrap();
        assert!(ours == std::fs::read(builder.root().join(&path)).unwrap(), "{path} is not the builder's");
    }
}

#[test]
fn what_python_2_needs_is_there_and_no_more() {
    let built = Built::new();
    let image = Image::of(&built.reference, "linux/amd64");
    let tree = image.tree();
    let below: Vec<_> = tree.keys().filter_map(|path| path.strip_prefix("/usr/local/lib/python2.7/")).collect();
    for there in ["os.py", "lib-tk/Tkinter.py", "lib-dynload/_ssl.x86_64-linux-gnu.so", "site-packages/carboy.pth"] {
        assert!(below.contains(&there), "{there}");
    }
    let unwanted = |path: &&&str| {
        path.ends_with(".pyc") || path.split('/').any(|part| matches!(part, "test" | "tests" | "lib2to3" | "idlelib"))
    };
    assert_eq!(below.iter().find(unwanted), None);
    let image = Unpacked::new(&built.reference, "linux/amd64");
    let script = std::fs::read_to_string(image.root().join("usr/local/bin/waitress-serve")).unwrap();
    assert!(script.starts_with("#!/usr/local/bin/python2.7\n"), "{script}");
    let help = start(&image, Runner::Bwrap, &["/usr/local/bin/waitress-serve", "--help"]).done();
    assert!(help.contains("--listen"), "{help}");
    let anywhere = "import os; os.chdir('/'); import app; print(app.__file__)";
    assert_eq!(start(&image, Runner::Crun, &["/usr/local/bin/python2", "-c", anywhere]).done(), "/app/app.py\n");
    assert_eq!(built.report.0["platforms"][0]["python"], "2.7.18");
}

#[test]
fn every_module_of_python_2_is_importable() {
    let built = Built::new();
    for platform in PLATFORMS {
        let image = Unpacked::new(&built.reference, platform);
        let out = start(&image, Runner::Bwrap, &["/usr/local/bin/python", "-S", "-c", WALK]).done();
        let failed = out.lines().filter_map(|line| line.strip_prefix("FAIL "));
        let expected = |line: &str| {
            WINDOWS.contains(&line.split(' ').next().unwrap()) || MAY_FAIL.iter().any(|why| line.contains(why))
        };
        let surprises: Vec<_> = failed.filter(|line| !expected(line)).collect();
        assert!(surprises.is_empty(), "{platform}: {surprises:#?}");
        let walked = out.lines().find_map(|line| line.strip_prefix("done ")).unwrap();
        assert!(walked.parse::<u32>().unwrap() > 250, "{platform}: only {walked} modules");
    }
}

#[test]
fn mixed_releases_are_refused_unless_allowed() {
    let (registry, folder) = (Registry::with(PYTHON_2), TempDir::new().unwrap());
    let project = project("flask27", PYTHON_2, folder.path());
    let file = project.join("carboy.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("allow-mixed = true", "allow-mixed = false")).unwrap();
    let Ran { code, stderr, .. } = Carboy::over(&registry, PYTHON_2, &project).to(registry.name("flask27:1")).run();
    assert_eq!(code, Some(1));
    assert!(stderr.contains("debian 12") && stderr.contains("debian 11") && stderr.contains("allow-mixed"), "{stderr}");
    assert_ne!(ran("crane", ["manifest", &registry.name("flask27:1")]).code, Some(0), "a tag moved");
}
