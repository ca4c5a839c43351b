//! A Python that no pair of images is known for: Python 2.7 of Debian 11 over
//! distroless of Debian 12, with Flask 1.1.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;

use serde_json::{Value, json};
use support::carboy::Carboy;
use support::image::{Image, Unpacked};
use support::registry::Registry;
use support::running::{Runner, Running, start};
use support::{PLATFORMS, PYTHON_2, Ran, layout, machine, project, ran};
use tempfile::TempDir;

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
fn python_2_is_taken_as_any_other_python() {
    let (registry, folder) = (Registry::with(PYTHON_2), TempDir::new().unwrap());
    let to = registry.name("flask27:1");
    let project = project("flask27", PYTHON_2, folder.path());
    let report = Carboy::over(&registry, PYTHON_2, &project).to(&to).report();
    let base = Image::of(&registry.name(PYTHON_2.base), PLATFORMS[0]).layers().len();
    for (number, platform) in PLATFORMS.into_iter().enumerate() {
        let told = &report.0["platforms"][number];
        assert_eq!(told["python"], "2.7.18");
        contents(&Image::of(&to, platform), base, told);
        let image = Unpacked::new(&to, platform);
        flask_answers(&image, platform);
        if number == 0 {
            libraries_are_the_builders(&image, told);
            names_and_scripts_work(&image);
        }
        standard_library_is_whole(&image, platform);
    }
}

/// Under both runners.
fn flask_answers(image: &Unpacked, platform: &str) {
    for runner in Runner::BOTH {
        let body: Value = serde_json::from_str(&Running::serve(image, runner).body()).unwrap();
        let openssl = body["openssl"].as_str().unwrap();
        assert!(openssl.starts_with("OpenSSL 1.1.1"), "{body}");
        let want = json!({
            "uid": 65532, "machine": machine(platform), "python": "2.7.18", "openssl": openssl,
            "certificates": true, "encoding": "UTF-8", "tmp_writable": true,
        });
        assert_eq!(body, want, "{platform} {runner:?}");
    }
}

/// What the image has above its base: the OpenSSL that the base has no more, and
/// nothing that is for developers.
fn contents(image: &Image, base: usize, told: &Value) {
    let own: Vec<_> = image.layers()[base..].iter().flat_map(|layer| image.entries(layer)).collect();
    let ssl = told["taken"].as_array().unwrap().iter().find(|taken| taken["soname"] == "libssl.so.1.1").unwrap();
    assert_eq!(ssl["layer"], "runtime");
    assert!(own.iter().any(|entry| entry.path == ssl["path"]), "{ssl}");
    let stdlib: Vec<_> = own.iter().filter_map(|entry| entry.path.strip_prefix("/usr/local/lib/python2.7/")).collect();
    for there in ["os.py", "lib-tk/Tkinter.py", "lib-dynload/Python-2.7.egg-info", "site-packages/carboy.pth"] {
        assert!(stdlib.contains(&there), "{there}");
    }
    let unwanted = |path: &&&str| {
        path.rsplit('.').next() == Some("pyc")
            || path.split('/').any(|part| matches!(part, "test" | "tests" | "lib2to3" | "idlelib"))
    };
    assert_eq!(stdlib.iter().find(unwanted), None);
}

/// Byte for byte.
fn libraries_are_the_builders(image: &Unpacked, told: &Value) {
    let builder = Unpacked::new(&format!("oci:{}", layout(PYTHON_2.builder).display()), PLATFORMS[0]);
    for soname in ["libssl.so.1.1", "libcrypto.so.1.1"] {
        let taken = told["taken"].as_array().unwrap().iter().find(|taken| taken["soname"] == soname).unwrap();
        let path = taken["path"].as_str().unwrap().trim_start_matches('/');
        let (ours, theirs) = (fs::read(image.root().join(path)), fs::read(builder.root().join(path)));
        assert!(ours.unwrap() == theirs.unwrap(), "{path} is not the builder's");
    }
}

fn names_and_scripts_work(image: &Unpacked) {
    let script = fs::read_to_string(image.root().join("usr/local/bin/waitress-serve")).unwrap();
    assert!(script.starts_with("#!/usr/local/bin/python2.7\n"), "{script}");
    let help = start(image, Runner::Bwrap, &["/usr/local/bin/waitress-serve", "--help"]).done();
    assert!(help.contains("--listen"), "{help}");
    let anywhere = "import os; os.chdir('/'); import app; print(app.__file__)";
    for name in ["python", "python2", "python2.7"] {
        let out = start(image, Runner::Crun, &[&format!("/usr/local/bin/{name}"), "-c", anywhere]).done();
        assert_eq!(out, "/app/app.py\n");
    }
}

fn standard_library_is_whole(image: &Unpacked, platform: &str) {
    let out = start(image, Runner::Bwrap, &["/usr/local/bin/python", "-S", "-c", WALK]).done();
    let expected = |line: &str| {
        WINDOWS.contains(&line.split(' ').next().unwrap()) || MAY_FAIL.iter().any(|why| line.contains(why))
    };
    let failed = out.lines().filter_map(|line| line.strip_prefix("FAIL "));
    let surprises: Vec<_> = failed.filter(|line| !expected(line)).collect();
    assert!(surprises.is_empty(), "{platform}: {surprises:#?}");
    let walked = out.lines().find_map(|line| line.strip_prefix("done ")).unwrap();
    assert!(walked.parse::<u32>().unwrap() > 400, "{platform}: only {walked} modules");
}

#[test]
fn mixed_releases_are_refused_unless_allowed() {
    let (registry, folder) = (Registry::with(PYTHON_2), TempDir::new().unwrap());
    let project = project("flask27", PYTHON_2, folder.path());
    let file = project.join("carboy.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("allow-mixed = true", "allow-mixed = false")).unwrap();
    let Ran { code, stderr, .. } = Carboy::over(&registry, PYTHON_2, &project).to(registry.name("flask27:1")).run();
    assert_eq!(code, Some(1));
    assert!(stderr.contains("debian 12") && stderr.contains("debian 11") && stderr.contains("allow-mixed"), "{stderr}");
    assert_ne!(ran("crane", ["manifest", &registry.name("flask27:1")]).code, Some(0), "a tag moved");
}
