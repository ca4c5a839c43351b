//! What `[runtime]` and `[[extract]]` decide about libraries and data, on real images.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use support::carboy::{Carboy, Report};
use support::image::{Image, Unpacked};
use support::registry::Registry;
use support::running::{Runner, start};
use support::{DEBIAN_12, PLATFORMS, layout, run};
use tempfile::TempDir;

/// A project with one file and a configuration.
fn project(folder: &TempDir, toml: &str) {
    fs::write(folder.path().join("main.py"), "print('hello')\n").unwrap();
    fs::write(folder.path().join("carboy.toml"), toml).unwrap();
}

/// The sonames taken for the first platform into a layer.
fn taken(report: &Report, layer: &str) -> Vec<String> {
    let taken = report.0["platforms"][0]["taken"].as_array().unwrap();
    let of_layer = taken.iter().filter(|taken| taken["layer"] == layer);
    of_layer.map(|taken| taken["soname"].as_str().unwrap().to_owned()).collect()
}

fn packed(report: &Report, platform: usize) -> u64 {
    let platform = &report.0["platforms"][platform];
    let size = |value: &Value| value["size"]["packed"].as_u64().unwrap();
    let layers: u64 = platform["layers"].as_array().unwrap().iter().map(size).sum();
    layers + platform["base"]["packed"].as_u64().unwrap()
}

/// What a build in `folder` over Debian 12 reports.
fn report(registry: &Registry, folder: &TempDir, toml: &str) -> Report {
    project(folder, toml);
    let to = registry.name("runtime:1");
    Carboy::over(registry, DEBIAN_12, folder.path()).to(to).cache(&folder.path().join(".cache-of-test")).report()
}

const HELLO: &str = "[app]\nexclude = ['.cache-of-test/**']\n[image]\nentrypoint = ['python', 'main.py']\n";

#[test]
fn a_module_left_out_takes_its_libraries_along() {
    let (registry, folder) = (Registry::with(DEBIAN_12), TempDir::new().unwrap());
    let whole = report(&registry, &folder, HELLO);
    assert!(
        ["libkrb5.so.3", "libtirpc.so.3", "libnsl.so.2"]
            .iter()
            .all(|name| taken(&whole, "runtime").contains(&(*name).to_owned()))
    );
    let toml =
        format!("runtime = {{ exclude = ['nis', 'sqlite3', 'curses', 'readline', 'tkinter', '_codecs_*'] }}\n{HELLO}");
    let lean = report(&registry, &folder, &toml);
    let names = taken(&lean, "runtime");
    for gone in ["libkrb5.so.3", "libtirpc.so.3", "libnsl.so.2", "libcom_err.so.2", "libsqlite3.so.0"]
        .into_iter()
        .chain(["libncursesw.so.6", "libpanelw.so.6", "libtinfo.so.6", "libreadline.so.8"])
    {
        assert!(!names.contains(&gone.to_owned()), "{gone} in {names:?}");
    }
    let image = Image::of(&registry.name("runtime:1"), PLATFORMS[0]).tree();
    let modules = ["_curses", "_sqlite3", "_tkinter", "_codecs_", "nis", "readline"];
    let left = |path: &&String| {
        let module = path.strip_prefix("/usr/local/lib/python3.11/lib-dynload/");
        module.is_some_and(|module| modules.iter().any(|gone| module.starts_with(gone)))
    };
    assert_eq!(image.keys().find(left), None);
    assert_eq!(lean.0["platforms"][0]["missing"], serde_json::json!([]), "nothing needs what nobody has");
    for platform in 0..PLATFORMS.len() {
        assert!(packed(&lean, platform) < packed(&whole, platform));
        assert!(packed(&lean, platform) <= 20_000_000, "{} bytes to pull", packed(&lean, platform));
    }
}

/// Sizes of files, links not counted, as the README's table has them.
fn unpacked(image: &Unpacked) -> u64 {
    let out =
        run("find", [image.root().as_os_str(), "-type".as_ref(), "f".as_ref(), "-printf".as_ref(), "%s\n".as_ref()]);
    out.lines().map(|line| line.parse::<u64>().unwrap()).sum()
}

#[test]
fn hello_is_small_with_every_module_but_nis() {
    let (registry, folder) = (Registry::with(DEBIAN_12), TempDir::new().unwrap());
    let small = report(&registry, &folder, &format!("runtime = {{ exclude = ['nis'] }}\n{HELLO}"));
    for (at, (platform, most)) in PLATFORMS.into_iter().zip([50_000_000, 63_000_000]).enumerate() {
        let image = Unpacked::new(&registry.name("runtime:1"), platform);
        assert!(unpacked(&image) <= most, "{platform}: {} bytes unpacked", unpacked(&image));
        assert!(packed(&small, at) <= 20_000_000, "{platform}: {} bytes to pull", packed(&small, at));
        for there in ["usr/lib/locale/C.utf8/LC_CTYPE", "usr/share/carboy/runtime.json"] {
            assert!(image.root().join(there).exists(), "{platform} has no {there}");
        }
    }
}

#[test]
fn a_script_brings_the_program_that_runs_it() {
    let (registry, folder) = (Registry::with(DEBIAN_12), TempDir::new().unwrap());
    let toml = format!(
        "python = false\nbuilder = '{}'\n[[extract]]\npaths = ['/usr/bin/ldd']\nlibraries = false\n\
         [image]\nentrypoint = ['ldd', '--version']\n",
        registry.name(DEBIAN_12.builder)
    );
    report(&registry, &folder, &toml);
    for (platform, runner) in PLATFORMS.into_iter().zip(Runner::BOTH) {
        let image = Unpacked::new(&registry.name("runtime:1"), platform);
        let out = start(&image, runner, &[]).done();
        assert!(out.starts_with("ldd (Debian GLIBC 2.36"), "{platform}: {out}");
    }
}

#[test]
fn the_locale_comes_along_and_terminfo_when_asked_for() {
    let (registry, folder) = (Registry::with(DEBIAN_12), TempDir::new().unwrap());
    let check =
        "import locale, os; locale.setlocale(locale.LC_ALL, 'C.UTF-8'); print(locale.nl_langinfo(locale.CODESET))";
    for (toml, terminfo) in [(HELLO.to_owned(), false), (format!("runtime = {{ terminfo = true }}\n{HELLO}"), true)] {
        report(&registry, &folder, &toml);
        let image = Unpacked::new(&registry.name("runtime:1"), "linux/amd64");
        assert_eq!(start(&image, Runner::Bwrap, &["/usr/local/bin/python", "-c", check]).done(), "UTF-8\n");
        let curses = "import curses; curses.setupterm('xterm'); print(curses.tigetnum('colors'))";
        let ran = start(&image, Runner::Bwrap, &["/usr/local/bin/python", "-c", curses]);
        assert_eq!(ran.code == Some(0), terminfo, "{}", ran.stderr);
        let found = run("find", [image.root().as_os_str(), "-name".as_ref(), "xterm-256color".as_ref()]);
        let want = image.root().join("lib/terminfo/x/xterm-256color"); // where ncurses looks, once
        let want = if terminfo { format!("{}\n", want.display()) } else { String::new() };
        assert_eq!(found, want);
    }
}

#[test]
fn a_library_loaded_by_name_is_taken_with_its_own() {
    let (registry, folder) = (Registry::with(DEBIAN_12), TempDir::new().unwrap());
    let toml = format!("runtime = {{ dlopen = ['libapt-pkg.so.6.0'] }}\n{HELLO}");
    let names = taken(&report(&registry, &folder, &toml), "runtime");
    assert!(
        names.contains(&"libapt-pkg.so.6.0".to_owned()) && names.contains(&"libgcrypt.so.20".to_owned()),
        "{names:?}"
    );
    let image = Unpacked::new(&registry.name("runtime:1"), "linux/amd64");
    let load = "import ctypes; ctypes.CDLL('libapt-pkg.so.6.0'); print('loaded')";
    assert_eq!(start(&image, Runner::Bwrap, &["/usr/local/bin/python", "-c", load]).done(), "loaded\n");
}

/// A shared library with a dependency, as an extension module has.
fn module(folder: &Path, needs: &str) {
    fs::create_dir_all(folder).unwrap();
    let stub = folder.join("stub.so");
    let gcc = |args: &[&str]| {
        let status = Command::new("gcc").args(["-shared", "-nostdlib", "-x", "c", "/dev/null"]).args(args).status();
        assert!(status.unwrap().success());
    };
    gcc(&["-o", stub.to_str().unwrap(), &format!("-Wl,-soname,{needs}")]);
    let module = folder.join("native.so");
    gcc(&["-o", module.to_str().unwrap(), "-x", "none", "-Wl,--no-as-needed", stub.to_str().unwrap()]);
    fs::remove_file(stub).unwrap();
}

/// A package that brings a library under another file name and loads it first, as
/// torch and others do.
#[test]
fn a_library_that_is_loaded_before_warns() {
    let (registry, folder) = (Registry::with(DEBIAN_12), TempDir::new().unwrap());
    let site = folder.path().join("site/pkg");
    module(&site, "libbefore.so.1");
    let brought = site.join("libbefore-1a2b.so");
    let soname = ["-shared", "-nostdlib", "-xc", "/dev/null", "-Wl,-soname,libbefore.so.1", "-o"];
    assert!(Command::new("gcc").args(soname).arg(&brought).status().unwrap().success());
    let toml = format!("platforms = ['linux/amd64']\n{HELLO}[dependencies]\nsite-packages = 'site'\n");
    project(&folder, &toml);
    let build = || {
        let to = registry.name("before:1");
        Carboy::over(&registry, DEBIAN_12, folder.path()).to(to).cache(&folder.path().join(".cache-of-test"))
    };
    let told = build().run();
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    let warning = "native.so needs libbefore.so.1, which the image has, but not where the loader searches";
    assert!(told.stderr.contains(warning), "{}", told.stderr);
    fs::remove_file(brought).unwrap();
    let refused = build().run();
    assert!(refused.stderr.contains("allow-missing = [\"libbefore.so.1\"]"), "{}", refused.stderr);
    assert_eq!(refused.code, Some(1));
}

/// A library of C code, for a machine.
fn compiled(machine: &str, code: &str, args: &[&str], to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    let source = to.with_extension("c");
    fs::write(&source, code).unwrap();
    let mut gcc = Command::new(format!("{machine}-linux-gnu-gcc"));
    let status = gcc.args(["-shared", "-nostdlib", "-fPIC", "-o"]).args([to, &source]).args(args).status();
    assert!(status.unwrap_or_else(|cause| panic!("{machine}-linux-gnu-gcc: {cause}: run scripts/setup")).success());
    fs::remove_file(source).unwrap();
}

/// `fast.so` says neither for which Python nor for which machine it is.
#[test]
fn an_untagged_module_for_another_machine_is_an_error() {
    let folder = TempDir::new().unwrap();
    let app = folder.path().join("app");
    let fast = app.join("fast.so");
    let toml = "python = '3.11'\n[app]\nsource = 'app'\n[image]\nentrypoint = ['python', 'main.py']\n";
    let build = |platform: &str| {
        fs::write(folder.path().join("carboy.toml"), toml).unwrap();
        fs::write(app.join("main.py"), "import fast\n").unwrap();
        let images = [("--base", DEBIAN_12.base), ("--builder", DEBIAN_12.builder)];
        let images = images.map(|(flag, image)| [flag.to_owned(), format!("oci:{}", layout(image).display())]);
        Carboy::plan(folder.path()).args(images.as_flattened()).args(["--platform", platform]).run()
    };
    for hash in ["gnu", "sysv"] {
        let hash = format!("-Wl,--hash-style={hash}");
        compiled("x86_64", "void *PyInit_fast(void) { return 0; } int other;", &[&hash], &fast);
        build("linux/amd64").done();
        let refused = build("linux/arm64");
        assert_eq!(refused.code, Some(1));
        let said = "/app/fast.so` is for x86_64, the image is for aarch64";
        assert!(
            refused.stderr.contains(&format!("error[wrong-architecture]: linux/arm64: `{said}")),
            "{}",
            refused.stderr
        );
    }
    // The interpreter comes to this one first.
    let sibling = app.join("fast.cpython-311-aarch64-linux-gnu.so");
    compiled("aarch64", "void *PyInit_fast(void) { return 0; }", &[], &sibling);
    build("linux/arm64").done();
    fs::remove_file(sibling).unwrap();
    compiled("x86_64", "void *PyInit_faster(void) { return 0; }", &[], &fast); // no module of that name
    build("linux/arm64").done();
}

/// Some build systems write a folder for every dependency.
#[test]
fn long_search_paths_are_read() {
    let (registry, folder) = (Registry::with(DEBIAN_12), TempDir::new().unwrap());
    let site = folder.path().join("site/pkg");
    compiled("x86_64", "int f(void) { return 1; }", &["-Wl,-soname,libown.so.1"], &site.join("own/libown.so.1"));
    let path = "$ORIGIN/../_solib_k8/_U_S_Sthird_Uparty_S:".repeat(200);
    assert!(path.len() > 8192);
    let (path, own) = (format!("-Wl,-rpath,{path}$ORIGIN/own"), site.join("own/libown.so.1"));
    let args = ["-Wl,--enable-new-dtags", &path, own.to_str().unwrap()];
    compiled("x86_64", "int f(void); int g(void) { return f(); }", &args, &site.join("native.so"));
    let toml = format!("platforms = ['linux/amd64']\n{HELLO}[dependencies]\nsite-packages = 'site'\n");
    project(&folder, &toml);
    let ran = Carboy::over(&registry, DEBIAN_12, folder.path()).to(registry.name("runtime:1")).run();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(!ran.stderr.contains("ELF"), "{}", ran.stderr);
    let image = Unpacked::new(&registry.name("runtime:1"), "linux/amd64");
    let load = "import ctypes, pkg; print(ctypes.CDLL(pkg.__path__[0] + '/native.so').g())";
    assert_eq!(start(&image, Runner::Bwrap, &["/usr/local/bin/python", "-c", load]).done(), "1\n");
}

#[test]
fn a_base_with_a_newer_libstdc_is_named() {
    let (registry, folder) = (Registry::with(DEBIAN_12), TempDir::new().unwrap());
    let stub = folder.path().join("libstdc++.so.6");
    let versions = folder.path().join("versions");
    fs::write(&versions, "GLIBCXX_3.4.32 { new; };\n").unwrap();
    let script = format!("-Wl,--version-script={}", versions.display());
    compiled("x86_64", "int new(void) { return 1; }", &["-Wl,-soname,libstdc++.so.6", &script], &stub);
    let native = folder.path().join("site/pkg/native.so");
    compiled("x86_64", "int new(void); int f(void) { return new(); }", &[stub.to_str().unwrap()], &native);
    let toml = format!("platforms = ['linux/amd64']\n{HELLO}[dependencies]\nsite-packages = 'site'\n");
    project(&folder, &toml);
    let ran = Carboy::over(&registry, DEBIAN_12, folder.path()).to(registry.name("runtime:1")).run();
    assert_eq!(ran.code, Some(1));
    let hint = "use a base of Debian 13: base = \"gcr.io/distroless/cc-debian13:nonroot\"";
    assert!(ran.stderr.contains("GLIBCXX_3.4.32 of libstdc++.so.6") && ran.stderr.contains(hint), "{}", ran.stderr);
}

#[test]
fn what_only_dependencies_need_is_a_layer_of_its_own() {
    let (registry, folder) = (Registry::with(DEBIAN_12), TempDir::new().unwrap());
    module(&folder.path().join("site/pkg"), "libapt-pkg.so.6.0");
    let plain = report(&registry, &folder, &format!("platforms = ['linux/amd64']\n{HELLO}"));
    let toml = format!("platforms = ['linux/amd64']\n{HELLO}[dependencies]\nsite-packages = 'site'\n");
    let more = report(&registry, &folder, &toml);
    let names = taken(&more, "libraries");
    assert!(
        names.contains(&"libapt-pkg.so.6.0".to_owned()) && names.contains(&"libgcrypt.so.20".to_owned()),
        "{names:?}"
    );
    assert_eq!(plain.layers("runtime"), more.layers("runtime"), "the runtime is the same for every project");
    let image = Unpacked::new(&registry.name("runtime:1"), "linux/amd64");
    let load = "import ctypes, pkg, os; ctypes.CDLL(os.path.join(pkg.__path__[0], 'native.so')); print('loaded')";
    assert_eq!(start(&image, Runner::Bwrap, &["/usr/local/bin/python", "-c", load]).done(), "loaded\n");
}

/// What a base has: accounts, a folder for temporary files, certificates, time zones.
#[test]
fn python_over_scratch_finds_what_a_base_has() {
    let folder = TempDir::new().unwrap();
    // The root is read-only: only owners tell who could write.
    let check = "import getpass, os, ssl, tempfile, zoneinfo\n\
                 tempfile.TemporaryFile()\n\
                 home = os.path.expanduser('~')\n\
                 print(getpass.getuser(), home, os.stat(home).st_uid, os.stat('/data').st_uid, tempfile.gettempdir())\n\
                 print(len(ssl.create_default_context().get_ca_certs()) > 100, zoneinfo.ZoneInfo('Europe/Berlin'))\n";
    let toml = format!(
        "base = 'scratch'\nbuilder = 'oci:{}'\n[app]\nexclude = ['out/**']\n\
         [image]\nentrypoint = ['python', 'main.py']\nvolumes = ['/data']\n",
        layout(DEBIAN_12.builder).display()
    );
    fs::write(folder.path().join("main.py"), check).unwrap();
    fs::write(folder.path().join("carboy.toml"), toml).unwrap();
    let to = format!("oci:{}:1", folder.path().join("out").display());
    let ran = Carboy::build(folder.path()).to(&to).args(["--platform", PLATFORMS[0]]).run();
    assert!(ran.code == Some(0) && !ran.stderr.contains("warning"), "{}", ran.stderr);
    let out = start(&Unpacked::new(&to, PLATFORMS[0]), Runner::Bwrap, &[]).done();
    assert_eq!(out, "nonroot /home/nonroot 65532 65532 /tmp\nTrue Europe/Berlin\n");
}

#[test]
fn an_image_without_python_over_scratch_runs_with_its_loader() {
    let (registry, folder) = (Registry::with(DEBIAN_12), TempDir::new().unwrap());
    let toml = format!(
        "python = false\nbase = 'scratch'\nbuilder = '{}'\n[[extract]]\npaths = ['/usr/bin/openssl']\n\
         [image]\nentrypoint = ['openssl', 'version']\n",
        registry.name(DEBIAN_12.builder)
    );
    project(&folder, &toml);
    let to = registry.name("openssl:1");
    Carboy::build(folder.path()).to(&to).line();
    for (platform, runner) in PLATFORMS.into_iter().zip(Runner::BOTH) {
        let image = Unpacked::new(&to, platform);
        let out = start(&image, runner, &[]).done();
        assert!(out.starts_with("OpenSSL 3."), "{platform}: {out}");
    }
}
