//! `carboy plan` and `carboy why`, held against what `carboy build` makes of the same
//! project over real images.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};
use support::carboy::{Carboy, Report};
use support::image::Image;
use support::registry::Registry;
use support::{DEBIAN_12, DEBIAN_13, PLATFORMS, Pair, project, run};
use tempfile::TempDir;

/// What carboy writes about the files of a layer; no file that it takes.
const RECORDS: [&str; 4] = ["/usr/share/carboy/", "/var/lib/dpkg/", "/etc/ld.so.c", "/usr/share/doc/"];
/// A layer smaller than this is headers more than content, bytes.
const SMALL: f64 = 100_000.0;

/// An example in a folder of its own, images in a registry, a cache for all runs.
struct Harness {
    registry: Registry,
    pair: Pair,
    folder: TempDir,
    project: std::path::PathBuf,
}

impl Harness {
    fn new(app: &str, pair: Pair) -> Self {
        let folder = TempDir::new().unwrap();
        let project = project(app, pair, folder.path());
        Self { registry: Registry::with(pair), pair, folder, project }
    }

    fn run(&self, verb: Carboy) -> Carboy {
        verb.pair(&self.registry, self.pair).cache(&self.folder.path().join("cache"))
    }

    fn plan(&self) -> Carboy {
        self.run(Carboy::plan(&self.project))
    }

    fn build(&self, to: &str) -> Carboy {
        self.run(Carboy::build(&self.project)).to(to)
    }

    fn why(&self, file: &str) -> Carboy {
        self.run(Carboy::why(file, &self.project))
    }

    fn why_image(&self, file: &str, image: &str) -> Carboy {
        Carboy::why_image(file, image).cache(&self.folder.path().join("cache"))
    }

    fn configure(&self, more: &str) {
        let path = self.project.join("carboy.toml");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text + more).unwrap();
    }

    fn repositories(&self) -> BTreeSet<String> {
        let registry = self.registry.name("");
        run("crane", ["catalog", registry.trim_end_matches('/')]).lines().map(str::to_owned).collect()
    }
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

/// A plan's platforms and a report's, in pairs.
fn pairs<'a>(plan: &'a Value, report: &'a Report) -> impl Iterator<Item = (&'a Value, &'a Value)> {
    let (planned, built) = (list(&plan[0]["platforms"]), list(&report.0["platforms"]));
    assert_eq!((planned.len(), built.len()), (PLATFORMS.len(), PLATFORMS.len()));
    planned.iter().zip(built)
}

/// Everything that a plan says, against what is built.
fn plan_is_what_is_built(app: &str, pair: Pair) {
    let harness = Harness::new(app, pair);
    let before = harness.repositories();
    let text = harness.plan().run().done();
    for platform in PLATFORMS {
        let heading = format!("\n{platform}, Python {}.", pair.python);
        assert_eq!(text.matches(&heading).count(), 1, "{text}");
    }
    assert!(text.contains("\ntaken from images into runtime:\n"), "{text}");
    assert!(text.contains("libsqlite3.so.0 (needed by _sqlite3)"), "{text}");
    assert!(text.contains("\n~ estimated"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");

    let to = harness.registry.name(&format!("{app}:1"));
    let plan = harness.plan().to(&to).json();
    assert_eq!(plan[0]["target"], json!(to));
    assert_eq!(harness.repositories(), before, "planning touches no registry's content");

    let report = harness.build(&to).report();
    for (planned, built) in pairs(&plan, &report) {
        sizes_are_right(planned, built);
        for same in ["platform", "python", "missing", "base"] {
            assert_eq!(planned[same], built[same]);
        }
        let platform = planned["platform"].as_str().unwrap();
        let image = Image::of(&to, platform);
        files_are_right(planned, built, &image);
        let config = &image.config["config"];
        let command = [&config["Entrypoint"], &config["Cmd"]].into_iter().filter_map(Value::as_array);
        assert_eq!(*list(&planned["command"]), command.flatten().cloned().collect::<Vec<_>>());
        assert_eq!((&planned["user"], &planned["workdir"]), (&config["User"], &config["WorkingDir"]));
    }

    let again = harness.plan().json();
    assert_eq!(again[0]["target"], Value::Null);
    for (planned, built) in pairs(&again, &report) {
        for (layer, made) in list(&planned["layers"]).iter().zip(list(&built["layers"])) {
            assert_eq!((&layer["known"], &layer["size"]), (&json!(true), &made["size"]));
        }
    }
    assert!(!harness.plan().run().done().contains("~ estimated"), "nothing is estimated that is known");
}

/// Unpacked sizes are exact, packed ones are near.
fn sizes_are_right(planned: &Value, built: &Value) {
    let (layers, made) = (list(&planned["layers"]), list(&built["layers"]));
    assert_eq!(layers.len(), made.len());
    let (mut estimates, mut truth) = (0.0, 0.0);
    for (layer, made) in layers.iter().zip(made) {
        assert_eq!((&layer["kind"], &layer["files"]), (&made["kind"], &made["files"]));
        assert_eq!(layer["size"]["unpacked"], made["size"]["unpacked"], "{}", layer["kind"]);
        assert_eq!(layer["known"], json!(false));
        let [estimate, packed] = [layer, made].map(|layer| layer["size"]["packed"].as_f64().unwrap());
        estimates += estimate;
        truth += packed;
        let error = (estimate - packed) / packed;
        assert!(packed < SMALL || error.abs() <= 0.2, "{}: {estimate} for {packed}", layer["kind"]);
    }
    assert!(((estimates - truth) / truth).abs() <= 0.2, "{estimates} for {truth}");
}

/// The files that a plan takes for the runtime are those of its layer.
fn files_are_right(planned: &Value, built: &Value, image: &Image) {
    let layer = list(&built["layers"]).iter().find(|layer| layer["kind"] == "runtime").unwrap();
    let entries = image.entries(layer["digest"].as_str().unwrap());
    let files = entries.into_iter().filter(|entry| !entry.mode.starts_with('d')).map(|entry| entry.path);
    let files: BTreeSet<_> = files.filter(|path| !RECORDS.iter().any(|record| path.starts_with(record))).collect();
    let groups = list(&planned["taken"]).iter().filter(|group| group["layer"] == "runtime");
    let taken = groups.flat_map(|group| list(&group["files"])).map(|file| file["path"].as_str().unwrap().to_owned());
    assert_eq!(taken.collect::<BTreeSet<_>>(), files);
}

#[test]
fn hello_over_debian_12() {
    plan_is_what_is_built("hello", DEBIAN_12);
}

#[test]
fn hello_over_debian_13() {
    plan_is_what_is_built("hello", DEBIAN_13);
}

#[test]
fn pandas_over_debian_13() {
    plan_is_what_is_built("pandas", DEBIAN_13);
}

#[test]
fn the_target_is_not_asked_and_profiles_come_one_after_the_other() {
    let harness = Harness::new("hello", DEBIAN_13);
    harness.configure("[profile.small]\nruntime = { exclude = [\"sqlite3\"] }\ntag-suffix = \"-small\"\n");
    let plan = || harness.plan().to("127.0.0.1:1/nobody/listens:1").args(["--profile", "default,small"]);
    let documents = plan().json();
    let fact = |key: &str| list(&documents).iter().map(|plan| plan[key].clone()).collect::<Vec<_>>();
    assert_eq!(fact("profile"), [Value::Null, json!("small")]);
    assert_eq!(fact("tags"), [json!(["1"]), json!(["1-small"])]);
    let text = plan().run().done();
    let (default, small) = text.split_once("\n\nprofile small\n\n").unwrap();
    let sqlite = "libsqlite3.so.0";
    assert!(default.contains(sqlite) && !small.contains(sqlite), "{text}");

    let told = harness.why(sqlite).args(["--profile", "small,default"]).run().done();
    assert!(told.contains("\nprofile default\nlibsqlite3.so.0 (libsqlite3-0 3.46.1"), "{told}");
    assert!(told.starts_with("profile small\nlibsqlite3.so.0 is not in the image\n"), "{told}");
}

/// The chains of a file: the same on both platforms, but for the architecture.
fn chains(document: &Value) -> Vec<(Vec<String>, String)> {
    let of = |platform: &Value| -> Vec<_> {
        let chain = |file: &Value| {
            let names =
                list(&file["chain"]).iter().map(|step| step["name"].as_str().unwrap().replace("aarch64", "x86_64"));
            (names.collect(), file["end"].as_str().unwrap().to_owned())
        };
        list(&platform["files"]).iter().map(chain).collect()
    };
    let platforms: Vec<_> = list(&document[0]["platforms"]).iter().map(of).collect();
    assert_eq!(platforms.len(), PLATFORMS.len());
    assert_eq!(platforms[0], platforms[1]);
    platforms[0].clone()
}

#[test]
fn a_built_image_tells_the_same_chains_as_its_plan() {
    let harness = Harness::new("flask", DEBIAN_13);
    // sed needs libselinux, which needs libpcre2: neither Python nor the base does
    harness.configure("[[extract]]\npaths = [\"/usr/bin/sed\"]\n");
    let (pushed, layout) =
        (harness.registry.name("flask:1"), format!("oci:{}:1", harness.folder.path().join("out").display()));
    harness.build(&pushed).line();
    harness.build(&layout).line();
    let sqlite = "_sqlite3.cpython-313-x86_64-linux-gnu.so";
    for (file, names, end) in [
        ("libsqlite3.so.0", &["libsqlite3.so.0", sqlite][..], "runtime"),
        ("libpcre2-8.so.0", &["libpcre2-8.so.0", "libselinux.so.1", "/usr/bin/sed"], "[[extract]] /usr/bin/sed"),
        ("/app/app.py", &["/app/app.py"], "application"),
        ("gunicorn", &["/usr/local/bin/gunicorn"], "dependencies"),
        ("/usr/local/lib/python3.13/site-packages/flask/app.py", &["flask/app.py"], "dependencies"),
        ("flask/app.py", &["flask/app.py"], "dependencies"),
        ("LC_CTYPE", &["/usr/lib/locale/C.utf8/LC_CTYPE"], "runtime: the C.UTF-8 locale"),
        ("/var/lib/dpkg/status.d/libsqlite3-0", &["/var/lib/dpkg/status.d/libsqlite3-0"], "runtime: carboy's record"),
        ("/usr/share/carboy/runtime.json", &["/usr/share/carboy/runtime.json"], "runtime: carboy's record"),
        ("libc.so.6", &["libc.so.6"], "base"),
        ("/etc/passwd", &["/etc/passwd"], "base"),
    ] {
        let planned = harness.why(file).json();
        assert_eq!(chains(&planned), [(names.iter().map(ToString::to_string).collect(), end.to_owned())], "{file}");
        for image in [&pushed, &layout] {
            assert_eq!(harness.why_image(file, image).json(), planned, "{file} of {image}");
        }
        let text = harness.why_image(file, &pushed).run().done();
        assert_eq!(harness.why(file).run().done(), text);
        assert_eq!(text.lines().count(), 1, "no terminal, no narrow lines: {text}");
        let text = text.split_whitespace().filter(|word| !word.starts_with('(')).collect::<Vec<_>>().join(" ");
        assert!(text.starts_with(names[0]) && text.ends_with(&format!("← {end}")), "{text}");
    }
}

#[test]
fn what_is_not_there_is_answered_or_refused() {
    let harness = Harness::new("hello", DEBIAN_13);
    let told = harness.why("libtk8.6.so").run().done();
    assert_eq!(told, "libtk8.6.so is not in the image: _tkinter needs it, and no image has it\n");

    let refused = |run: Carboy| {
        let ran = run.args(["--progress", "none"]).run();
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""), "{}", ran.stderr);
        ran.stderr
    };
    let wrong = refused(harness.why("libsqlite.so.0"));
    assert_eq!(
        wrong,
        "error[missing-path]: the image has no file `libsqlite.so.0`\n\nhint: it has `libsqlite3.so.0`\n"
    );
    let folder = refused(harness.why("/usr/local/bin"));
    assert!(folder.contains("hint: it has `/usr/local/bin/"), "{folder}");
    let other = refused(harness.why("libtcl9.1.so"));
    assert!(other.contains("hint: name a file, as in /usr/bin/tool"), "{other}");

    let base = harness.registry.name(harness.pair.base);
    let not_ours = refused(harness.why_image("libc.so.6", &base));
    assert_eq!(
        not_ours,
        format!("error[not-built-by-carboy]: carboy did not build {base}: its history has no layer of carboy\n")
    );
    let nowhere = refused(harness.why_image("libc.so.6", &harness.registry.name("nobody:1")));
    assert!(nowhere.contains("nobody"), "{nowhere}");
}
