//! The cache in whole images that carboy built, against the one that ldconfig of the
//! same release makes of their files.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use super::small_layout::Layout;
use super::support::carboy::Carboy;
use super::support::{DEBIAN_12, PLATFORMS, Pair, layout, machine, project, root, run};
use super::{Root, library, object, without_generator};

const NGINX: Pair = Pair { builder: "nginx:1.22-bookworm", ..DEBIAN_12 };
const DT_NEEDED: u64 = 1;

fn number(platform: &str) -> u16 {
    if machine(platform) == "aarch64" { 183 } else { 62 }
}

fn source(image: &str) -> String {
    format!("oci:{}", layout(image).display())
}

/// An image that carboy built, with its release's ldconfig beside its files.
struct Built {
    root: Root,
    /// What the build says it took: soname and path.
    taken: Vec<(String, String)>,
}

impl Built {
    fn new(project: &Path, pair: Pair, base: &str, builder: &str, platform: &'static str) -> Self {
        let folder = TempDir::new().unwrap();
        let to = format!("oci:{}", folder.path().join("image").display());
        let flags = ["--base", base, "--builder", builder, "--platform", platform];
        let report = Carboy::build(project).args(flags).to(&to).report();
        let taken = report.0["platforms"][0]["taken"].as_array().unwrap().iter();
        let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
        let taken = taken.map(|taken| (text(&taken["soname"]), text(&taken["path"]))).collect();
        run("unpack", [to.as_ref(), platform.as_ref(), folder.path().as_os_str()]);
        fs::create_dir(folder.path().join("out")).unwrap();
        let root = Root { folder, pair, platform };
        fs::create_dir_all(root.path().join("tmp")).unwrap(); // bwrap mounts over it
        let tools = TempDir::new().unwrap();
        run("unpack", [source(DEBIAN_12.builder).as_ref(), platform.as_ref(), tools.path().as_os_str()]);
        root.copy(&tools.path().join("rootfs/usr/sbin/ldconfig"), "usr/sbin/ldconfig");
        Self { root, taken }
    }

    /// Compares the caches; returns what both list.
    fn listed(&self) -> Vec<String> {
        let ours = fs::read(self.root.path().join("etc/ld.so.cache")).unwrap();
        let theirs = self.root.theirs();
        let listed = self.root.printed(&ours);
        assert_eq!(listed, self.root.printed(&theirs), "{}", self.root.name());
        assert!(ours == without_generator(&theirs), "{}", self.root.name());
        for (soname, path) in &self.taken {
            let place = format!("=> {}/{soname}", path.rsplit_once('/').unwrap().0);
            let found = |line: &&String| line.starts_with(&format!("\t{soname} (")) && line.ends_with(&place);
            assert!(listed.iter().any(|line| found(&line)), "{soname} {place} in {listed:#?}");
        }
        listed
    }

    /// Every file of a name.
    fn files(&self, name: &str) -> Vec<String> {
        let found = run("find", [self.root.path().as_os_str(), "-name".as_ref(), name.as_ref()]);
        let root = self.root.path();
        found.lines().map(|line| Path::new(line).strip_prefix(&root).unwrap().display().to_string()).collect()
    }

    fn named_folders(&self) -> String {
        fs::read_to_string(self.root.path().join("etc/ld.so.conf.d/zz-carboy.conf")).unwrap_or_default()
    }
}

fn folders(listed: &[String]) -> BTreeSet<&str> {
    let paths = listed.iter().filter_map(|line| line.split_once("=> "));
    paths.filter_map(|(_, path)| path.rsplit_once('/')).map(|(folder, _)| folder).collect()
}

#[track_caller]
fn lists(listed: &[String], path: &str) {
    assert!(listed.iter().any(|line| line.ends_with(&format!("=> {path}"))), "no {path} in {listed:#?}");
}

#[test]
fn python_with_libraries_of_its_own_and_of_the_builder() {
    python(PLATFORMS[0]);
}

#[test]
#[ignore = "long"]
fn python_with_libraries_of_its_own_and_of_the_builder_on_arm64() {
    python(PLATFORMS[1]);
}

fn python(platform: &'static str) {
    let folder = TempDir::new().unwrap();
    let project = project("hello", DEBIAN_12, folder.path());
    fs::write(project.join("libprivate.so.1"), library(number(platform), Some("libprivate.so.1"))).unwrap();
    let mut text = fs::read_to_string(project.join("carboy.toml")).unwrap();
    text += "\n[[extract]]\npaths = [\"/usr/lib/*/libformw.so.6*\"]\n\
             \n[[copy]]\nfrom = \"libprivate.so.1\"\nto = \"/usr/local/lib/libprivate.so.1\"\n";
    fs::write(project.join("carboy.toml"), text).unwrap();
    let (base, builder) = (source(DEBIAN_12.base), source(DEBIAN_12.builder));
    let built = Built::new(&project, DEBIAN_12, &base, &builder, platform);
    let listed = built.listed();
    lists(&listed, "/usr/local/lib/libprivate.so.1");
    lists(&listed, "/usr/local/lib/libpython3.11.so.1.0");
    lists(&listed, &format!("/usr/lib/{}-linux-gnu/libformw.so.6", machine(platform)));
}

#[test]
fn nginx_over_distroless_and_over_nothing() {
    nginx(PLATFORMS[0]);
}

#[test]
#[ignore = "long"]
fn nginx_over_distroless_and_over_nothing_on_arm64() {
    nginx(PLATFORMS[1]);
}

fn nginx(platform: &'static str) {
    for base in [source(DEBIAN_12.base), "scratch".to_owned()] {
        let project = root().join("integration/apps/nginx");
        let built = Built::new(&project, NGINX, &base, &source(NGINX.builder), platform);
        let listed = built.listed();
        assert!(built.taken.len() >= 40, "{:?}", built.taken);
        let plugins = folders(&listed).into_iter().any(|folder| folder.contains("nginx"));
        assert!(!plugins && !built.named_folders().contains("nginx"), "{listed:#?}");
    }
}

/// A builder whose loader looks in `/opt/foo/lib`, and a project that takes some of it.
fn small(folder: &Path, paths: &str) -> (PathBuf, String) {
    let files = folder.join("files");
    for (path, bytes) in [
        ("etc/ld.so.conf", b"/opt/foo/lib\n".to_vec()),
        ("etc/os-release", b"ID=debian\nVERSION_ID=12\n".to_vec()),
        ("opt/foo/lib/libplug.so.1", library(62, Some("libplug.so.1"))),
        ("opt/foo/plugins/libmodule.so", library(62, None)),
        ("opt/foo/bin/app", object(62, Some((DT_NEEDED, "libplug.so.1")))),
        ("usr/bin/start", b"x".to_vec()),
    ] {
        fs::create_dir_all(files.join(path).parent().unwrap()).unwrap();
        fs::write(files.join(path), bytes).unwrap();
    }
    run("chmod", ["755".as_ref(), files.join("usr/bin/start").as_os_str()]);
    let tar = Command::new("tar").arg("-C").arg(&files).args(["-cf", "-", "etc", "opt", "usr"]).output().unwrap();
    assert!(tar.status.success());
    let builder = Layout::write(&folder.join("builder"), &[tar.stdout]);
    let project = folder.join("project");
    fs::create_dir(&project).unwrap();
    let text = format!(
        "python = false\n[[extract]]\npaths = [\"/usr/bin/start\", {paths}]\n\
         [image]\nentrypoint = [\"/usr/bin/start\"]\n"
    );
    fs::write(project.join("carboy.toml"), text).unwrap();
    (project, format!("oci:{}", builder.display()))
}

#[test]
fn what_the_builders_loader_finds_by_name_the_images_finds_too() {
    for (paths, place) in [
        ("\"/opt/foo/lib/libplug.so.1\"", "opt/foo/lib/libplug.so.1"),
        ("\"/opt/foo\"", "opt/foo/lib/libplug.so.1"),
        ("\"/opt/foo/bin/app\"", "usr/lib/x86_64-linux-gnu/libplug.so.1"),
    ] {
        let folder = TempDir::new().unwrap();
        let (project, builder) = small(folder.path(), paths);
        let built = Built::new(&project, DEBIAN_12, &source(DEBIAN_12.base), &builder, PLATFORMS[0]);
        lists(&built.listed(), &format!("/{place}"));
        assert_eq!(built.files("libplug.so.1"), [place], "{paths}");
        let named = if place.starts_with("opt") { "/opt/foo/lib\n" } else { "" };
        assert_eq!(built.named_folders(), named, "{paths}");
    }
}
