//! Which libraries a finished image may lack, and who brings them: copies, the
//! application, wheels. Files are compiled here; what is built is started where that
//! says more than the report.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;
#[path = "support/weaken.rs"]
mod weaken;

use std::fs;
use std::path::{Path, PathBuf};

use support::carboy::Carboy;
use support::image::Unpacked;
use support::registry::Registry;
use support::running::{Runner, start};
use support::{DEBIAN_12, DEBIAN_13, Ran, layout, run, test_cache};
use tempfile::TempDir;
use weaken::weaken;

const X86_64: &str = "x86_64-linux-gnu-gcc";
const AARCH64: &str = "aarch64-linux-gnu-gcc";

/// A project for linux/amd64 over Debian 12, whose files are compiled.
struct Project(TempDir);

impl Project {
    fn new(toml: &str) -> Self {
        let project = Self(TempDir::new().unwrap());
        project.configure(toml);
        project
    }

    fn configure(&self, toml: &str) {
        let toml = format!("platforms = ['linux/amd64']\n{toml}\n");
        fs::create_dir_all(self.path("project")).unwrap();
        fs::write(self.path("project/carboy.toml"), toml).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.path("project").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Compiles a file of the project.
    fn compile(&self, gcc: &str, name: &str, source: &str, args: &[&str]) {
        self.file(name, "");
        compile(gcc, &self.path("project").join(name), source, args);
    }

    /// A library of the project that needs others by name.
    fn library(&self, gcc: &str, name: &str, soname: &str, needs: &[&str], args: &[&str]) {
        let stubs: Vec<_> = needs.iter().map(|need| self.stub(gcc, need)).collect();
        let mut all = vec!["-shared", "-nostdlib", "-Wl,--no-as-needed"];
        let soname = format!("-Wl,-soname,{soname}");
        all.extend((soname != "-Wl,-soname,").then_some(soname.as_str()));
        all.extend(args.iter().copied().chain(stubs.iter().map(String::as_str)));
        self.compile(gcc, name, "void f(void) {}", &all);
    }

    /// A program of the project that returns 0, and needs libraries by name.
    fn program(&self, name: &str, needs: &[&str], args: &[&str]) {
        let stubs: Vec<_> = needs.iter().map(|need| self.stub(X86_64, need)).collect();
        let args: Vec<_> =
            args.iter().copied().chain(["-Wl,--no-as-needed"]).chain(stubs.iter().map(String::as_str)).collect();
        self.compile(X86_64, name, "int main(void) { return 0; }", &args);
    }

    /// An empty library to link against, outside of the project.
    fn stub(&self, gcc: &str, soname: &str) -> String {
        let path = self.path("stubs").join(gcc).join(soname);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        compile(gcc, &path, "", &["-shared", "-nostdlib", &format!("-Wl,-soname,{soname}")]);
        path.display().to_string()
    }

    fn carboy(&self, images: &[&str]) -> Carboy {
        let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("libraries-cache");
        Carboy::build(&self.path("project")).args(images).args(["--progress", "plain"]).cache(&cache)
    }

    /// What a build over the base says, with a builder when Python is wanted.
    fn build(&self) -> Ran {
        let oci = |image: &str| format!("oci:{}", layout(image).display());
        let (base, builder) = (oci(DEBIAN_12.base), oci(DEBIAN_12.builder));
        let python = !fs::read_to_string(self.path("project/carboy.toml")).unwrap().contains("python = false");
        let images = if python { vec!["--base", &base, "--builder", &builder] } else { vec!["--base", &base] };
        self.carboy(&images).to(format!("oci:{}:1", self.path("out").display())).run()
    }

    #[track_caller]
    fn succeeds(&self) -> String {
        let ran = self.build();
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        ran.stderr
    }

    #[track_caller]
    fn fails(&self) -> String {
        let ran = self.build();
        assert_eq!(ran.code, Some(1), "{}", ran.stderr);
        ran.stderr
    }
}

fn compile(gcc: &str, to: &Path, source: &str, args: &[&str]) {
    let text = to.with_extension("c");
    fs::write(&text, source).unwrap();
    let args = [text.to_str().unwrap(), "-o", to.to_str().unwrap(), "-Wl,--allow-shlib-undefined"]
        .into_iter()
        .chain(args.iter().copied());
    run(gcc, args);
    fs::remove_file(text).unwrap();
}

const SERVER: &str = "python = false\n[app]\nsource = '.'\n[image]\nentrypoint = ['/app/server']\n";
const SITE: &str = "[dependencies]\nsite-packages = 'site'\n[app]\nexclude = ['lib', 'site']\n\
                    [image]\nentrypoint = ['python']\n";
const COPY: &str = "[[copy]]\nfrom = 'lib/libpriv.so.1'\nto = '/usr/local/lib/libpriv.so.1'\n";

#[test]
fn a_copied_library_is_found_by_modules_and_by_name() {
    let project = Project::new(&format!("runtime = {{ dlopen = ['libpriv.so.1'] }}\n{SITE}{COPY}"));
    project.file("site/pkg/__init__.py", "");
    project.library(X86_64, "site/pkg/native.so", "", &["libpriv.so.1"], &[]);
    project.library(X86_64, "lib/libpriv.so.1", "libpriv.so.1", &["libc.so.6"], &[]);
    let registry = Registry::with(DEBIAN_12);
    let images = ["--base", &registry.name(DEBIAN_12.base), "--builder", &registry.name(DEBIAN_12.builder)];
    let ran = project.carboy(&images).to(registry.name("copied:1")).run();
    assert!(!ran.stderr.contains("libpriv"), "{}", ran.stderr);
    ran.done();
    let image = Unpacked::new(&registry.name("copied:1"), "linux/amd64");
    let load = "import ctypes, pkg; ctypes.CDLL(pkg.__path__[0] + '/native.so'); print('loaded')";
    assert_eq!(start(&image, Runner::Bwrap, &["/usr/local/bin/python", "-c", load]).done(), "loaded\n");
    // without the copy both are told of, and can be allowed
    project.configure(&format!("runtime = {{ dlopen = ['libpriv.so.1'] }}\n{SITE}"));
    let told = project.fails();
    assert!(told.contains("`libpriv.so.1`, needed by `runtime.dlopen`"), "{told}");
    assert!(told.contains("`libpriv.so.1`, needed by /usr/local/lib/python3.11/site-packages/pkg/native.so"), "{told}");
    let allowed = "runtime = { dlopen = ['libpriv.so.1'], allow-missing = ['libpriv.so.1'] }";
    project.configure(&format!("{allowed}\n{SITE}"));
    project.succeeds();
}

#[test]
fn a_copied_library_is_found_by_a_program_without_a_builder() {
    let project = Project::new(&format!("{SERVER}{COPY}"));
    project.program("server", &["libpriv.so.1"], &[]);
    project.library(X86_64, "lib/libpriv.so.1", "libpriv.so.1", &[], &[]);
    let registry = Registry::with(DEBIAN_12);
    let ran = project.carboy(&["--base", &registry.name(DEBIAN_12.base)]).to(registry.name("server:1")).run();
    ran.done();
    let image = Unpacked::new(&registry.name("server:1"), "linux/amd64");
    assert_eq!(start(&image, Runner::Bwrap, &[]).done(), "");
}

#[test]
fn what_a_program_lacks_is_told_without_a_builder() {
    let project = Project::new(SERVER);
    for name in ["server", "a", "b", "c"] {
        project.program(name, &["libz.so.1", "libgone.so.2"], &[]);
    }
    let told = project.fails();
    for soname in ["libz.so.1", "libgone.so.2"] {
        let line = format!("missing shared library `{soname}`, needed by /app/a, /app/b and 2 more");
        assert!(told.contains(&line), "{told}");
    }
    assert!(told.starts_with("2 errors:\n") || told.contains("\n2 errors:\n"), "{told}");
    assert!(told.contains("allow-missing = [\"libgone.so.2\", \"libz.so.1\"] under [runtime]"), "{told}");
    project.configure(&format!("runtime = {{ allow-missing = ['libz.so.1', 'libgone.so.2'] }}\n{SERVER}"));
    project.succeeds();
}

#[test]
fn nobody_loads_anything_before_a_program() {
    let project = Project::new(SERVER);
    project.program("server", &["libpriv.so.1"], &[]);
    project.library(X86_64, "lib/libpriv.so.1", "libpriv.so.1", &["libdeep.so.1"], &[]);
    project.library(X86_64, "lib/libdeep.so.1", "libdeep.so.1", &[], &[]);
    let told = project.fails();
    let line = "the loader does not find the shared library `libpriv.so.1` at `/app/lib/libpriv.so.1`, \
                needed by /app/server";
    assert!(told.contains(line), "{told}");
    // what another library lacks can be loaded before
    assert!(
        told.contains("warning[missing-library]: /app/lib/libpriv.so.1 needs libdeep.so.1, which the image has"),
        "{told}"
    );
    project.configure(&format!("{SERVER}env = {{ LD_LIBRARY_PATH = '/nowhere:/app/lib' }}\n"));
    assert!(!project.succeeds().contains("libpriv"));
}

#[test]
fn a_helper_for_another_machine_is_a_note_without_python() {
    let project = Project::new(SERVER);
    project.program("server", &[], &[]);
    project.library(AARCH64, "helper", "", &["libpriv.so.1"], &[]);
    let told = project.succeeds();
    assert!(
        told.contains("warning[wrong-architecture]: `/app/helper` is for aarch64, the image is for x86_64"),
        "{told}"
    );
}

#[test]
fn a_modules_own_library_of_another_machine_is_an_error_that_names_both() {
    let project = Project::new(SITE);
    project.file("site/pkg-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: pkg\nVersion: 1.0\n");
    project.file("site/pkg-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n");
    project.file("site/pkg-1.0.dist-info/RECORD", "pkg/native.so,,\npkg/libpriv.so.1,,\n");
    project.library(X86_64, "site/pkg/native.so", "", &["libpriv.so.1"], &["-Wl,-rpath,$ORIGIN"]);
    project.library(AARCH64, "site/pkg/libpriv.so.1", "libpriv.so.1", &[], &[]);
    let told = project.fails();
    let line = "error[wrong-architecture]: linux/amd64: `/usr/local/lib/python3.11/site-packages/pkg/libpriv.so.1` of pkg 1.0 is for \
                aarch64, the image is for x86_64";
    assert!(told.contains(line), "{told}");
    // nor does it count as loaded before
    project.library(X86_64, "site/pkg/native.so", "", &["libpriv.so.1"], &[]);
    let told = project.fails();
    assert!(told.contains("missing shared library `libpriv.so.1`"), "{told}");
}

/// A version script with versions one after the other, `f1` in the first and so on.
fn versions(project: &Project, names: &[&str]) -> String {
    let line = |(at, name): (usize, &&str)| {
        let before = if at > 0 { names[at - 1] } else { "" };
        format!("{name} {{ global: f{}; }} {before};\n", at + 1)
    };
    let text: String = names.iter().enumerate().map(line).collect();
    let path = project.path(&format!("{}.map", names.len()));
    fs::write(&path, text).unwrap();
    format!("-Wl,--version-script,{}", path.display())
}

#[test]
fn a_library_has_the_versions_of_what_its_loaders_lead_it_to() {
    let project = Project::new(SERVER);
    project.program("server", &[], &[]);
    let map = versions(&project, &["GLIBCXX_3.4", "GLIBCXX_3.4.99"]);
    let soname = "-Wl,-soname,libstdc++.so.6";
    let vendored = ["-shared", "-nostdlib", soname, &map];
    project.compile(X86_64, "lib/libstdc++.so.6", "void f1(void) {} void f2(void) {}", &vendored);
    let linked = project.path("project/lib/libstdc++.so.6").display().to_string();
    let user = ["-shared", "-nostdlib", "-Wl,-soname,libu.so.1", "-Wl,--no-as-needed", &linked];
    project.compile(X86_64, "lib/libu.so.1", "void f2(void); void g(void) { f2(); }", &user);
    let old_tags = ["-Wl,--disable-new-dtags", "-Wl,-rpath,$ORIGIN/lib"];
    project.library(X86_64, "_n.so", "", &["libu.so.1"], &old_tags);
    assert!(!project.succeeds().contains("GLIBCXX"));
    // which is loaded by nobody else now
    fs::remove_file(project.path("project/_n.so")).unwrap();
    let told = project.fails();
    assert!(told.contains("GLIBCXX_3.4.99 of libstdc++.so.6 is needed by /app/lib/libu.so.1"), "{told}");
}

#[test]
fn weak_versions_and_libraries_without_versions_warn() {
    let project = Project::new(SERVER);
    let (old, new) = (versions(&project, &["V_1"]), versions(&project, &["V_1", "V_2"]));
    let library = |name: &str, args: &[&str]| {
        let soname = format!("-Wl,-soname,{}", name.rsplit('/').next().unwrap());
        let args = [&["-shared", "-nostdlib", &soname], args].concat();
        project.compile(X86_64, name, "void f1(void) {} void f2(void) {}", &args);
    };
    let source = "void f1(void); __attribute__((weak)) void f2(void); int main(void) { f1(); if (f2) f2(); return 0; }";
    for (program, name) in [("server", "lib/libv.so"), ("other", "lib/libw.so")] {
        library(name, &[&new]);
        let linked = project.path("project").join(name).display().to_string();
        project.compile(X86_64, program, source, &["-Wl,-rpath,$ORIGIN/lib", &linked]);
        weaken(&project.path("project").join(program), "V_2");
    }
    library("lib/libv.so", &[&old]);
    library("lib/libw.so", &[]);
    let told = project.succeeds();
    for line in [
        "warning[symbol-version]: /app/lib/libv.so does not define V_2, an optional requirement of /app/server",
        "warning[symbol-version]: /app/lib/libw.so defines no symbol versions, needed by /app/other",
    ] {
        assert!(told.contains(line), "{told}");
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let project = Project::new(
        "dependencies = { site-packages = 'site' }\n[app]\n[[user]]\nname = 'shop'\nuid = 65532\n\
         [[extract]]\npaths = ['/usr/bin/nothing-of-that-name']\n[image]\nentrypoint = ['pyhton3']\n",
    );
    project.program("helper", &["libgone.so.2"], &[]);
    run(
        "cp",
        ["-r".as_ref(), test_cache("site/flask/3.11-amd64").as_os_str(), project.path("project/site").as_os_str()],
    );
    let oci = |image: &str| format!("oci:{}", layout(image).display());
    let images = ["--base", &oci(DEBIAN_12.base), "--builder", &oci(DEBIAN_13.builder)];
    let ran = project.carboy(&images).to(format!("oci:{}:1", project.path("out").display())).run();
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    for part in [
        "base and builder have different releases",
        "missing shared library `libgone.so.2`, needed by /app/helper",
        "MarkupSafe 3.0.4 is for another Python",
        "the image has no program `pyhton3`",
        "invalid `user.name`: user `shop` (65532) collides",
        "cannot take files for [[extract]] from builder: the image has no `/usr/bin/nothing-of-that-name`",
        "set allow-mixed = true under [runtime]",
        "allow-missing = [\"libgone.so.2\"] under [runtime]",
        "install wheels for this platform",
    ] {
        assert!(ran.stderr.contains(part), "no {part} in {}", ran.stderr);
    }
    assert_eq!(ran.stderr.matches(" errors:\n").count(), 1, "{}", ran.stderr);
}

#[test]
fn a_library_that_only_an_optional_module_needs_may_lack_its_own() {
    let project = Project::new("[app]\n[image]\nentrypoint = ['python']\n");
    for name in ["libtk8.6.so", "libtcl8.6.so"] {
        let needs: &[&str] = if name.contains("tk") { &["libX11.so.6"] } else { &[] };
        project.library(X86_64, &format!("usr/lib/x86_64-linux-gnu/{name}"), name, needs, &[]);
    }
    let layer = project.path("layer.tar");
    let folder = project.path("project");
    run("tar", ["-cf".as_ref(), layer.as_os_str(), "-C".as_ref(), folder.as_os_str(), "usr".as_ref()]);
    fs::remove_dir_all(folder.join("usr")).unwrap();
    let registry = Registry::with(DEBIAN_12);
    let (base, slim) = (registry.name(DEBIAN_12.base), registry.name(DEBIAN_12.builder));
    let with_tk = registry.name("with-tk:1");
    let layer = layer.to_str().unwrap();
    let args = ["append", "--platform=linux/amd64", "--base", &slim, "--new_layer", layer, "--new_tag", &with_tk];
    run("crane", args);
    let build = || project.carboy(&["--base", &base, "--builder", &with_tk]).to(registry.name("tk:1")).run();
    let told = build();
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    assert!(told.stderr.contains("libX11.so.6"), "{}", told.stderr);
    // what the application needs of it is needed
    project.library(X86_64, "native.so", "", &["libtk8.6.so"], &[]);
    let told = build();
    assert_eq!(told.code, Some(1), "{}", told.stderr);
    assert!(told.stderr.contains("`libX11.so.6`, needed by /usr/lib/x86_64-linux-gnu/libtk8.6.so"), "{}", told.stderr);
}
