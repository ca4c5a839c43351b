//! What carboy writes is read by others, and what others wrote is read by carboy.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::path::Path;

use support::carboy::{Carboy, Report, reports};
use support::image::{Image, Unpacked, manifest, untagged};
use support::registry::Registry;
use support::running::{Runner, start};
use support::{DEBIAN_12, DEBIAN_13, PLATFORMS, Pair, layout, project, ran, run};
use tempfile::TempDir;

/// hello over debian13, pushed with the flags given.
fn hello(registry: &Registry, flags: &[&str]) -> String {
    let folder = TempDir::new().unwrap();
    let project = project("hello", DEBIAN_13, folder.path());
    Carboy::over(registry, DEBIAN_13, &project).to(registry.name("hello:1")).args(flags).line()
}

/// All platforms of an image, copied by skopeo into a layout's `it`.
fn copied(reference: &str, folder: &Path) -> String {
    let layout = format!("oci:{}:it", folder.join("copy").display());
    let source = format!("docker://{}", untagged(reference));
    run("skopeo", ["copy", "--quiet", "--all", "--src-tls-verify=false", &source, &layout]);
    layout
}

#[test]
fn gzip_images_are_valid_to_crane_and_unpacked_by_umoci() {
    let registry = Registry::with(DEBIAN_13);
    let folder = TempDir::new().unwrap();
    let reference = hello(&registry, &["--compression", "gzip"]);
    for platform in PLATFORMS {
        let image = Image::of(&reference, platform);
        let said = ran("crane", ["validate", "--remote", &image.name()]);
        assert_eq!(said.code, Some(0), "{}{}", said.stdout, said.stderr);
        for layer in image.manifest["layers"].as_array().unwrap() {
            assert_eq!(layer["mediaType"], "application/vnd.oci.image.layer.v1.tar+gzip");
        }
    }
    let is_root = run("id", ["-u"]).trim() == "0";
    for platform in PLATFORMS {
        // umoci finds no image behind an index of two platforms
        let place = folder.path().join(platform);
        fs::create_dir_all(&place).unwrap();
        let layout = copied(&Image::of(&reference, platform).name(), &place);
        let bundle = place.join("bundle");
        let flags = if is_root { &["unpack"][..] } else { &["unpack", "--rootless"] };
        let image = ["--image", layout.strip_prefix("oci:").unwrap()];
        run("umoci", flags.iter().chain(&image).map(AsRef::as_ref).chain([bundle.as_os_str()]));
        let root = bundle.join("rootfs");
        assert!(root.join("usr/local/bin/python3.13").is_file());
        assert_eq!(fs::read_link(root.join("lib")).unwrap(), Path::new("usr/lib"), "the base's link");
        assert!(root.join("app/main.py").is_file());
    }
}

#[test]
fn zstd_images_are_copied_by_skopeo() {
    let registry = Registry::with(DEBIAN_13);
    let folder = TempDir::new().unwrap();
    let reference = hello(&registry, &[]);
    let layout = copied(&reference, folder.path());
    let raw = run("skopeo", ["inspect", "--raw", &layout]);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&raw).unwrap(), manifest(&reference));
    for platform in PLATFORMS {
        let image = Image::of(&reference, platform);
        let layers = image.manifest["layers"].as_array().unwrap();
        let zstd = layers.iter().filter(|layer| layer["mediaType"] == "application/vnd.oci.image.layer.v1.tar+zstd");
        assert_eq!(zstd.count(), 2, "runtime and application");
    }
}

#[test]
fn layouts_are_read_by_skopeo_and_crane() {
    let registry = Registry::with(DEBIAN_13);
    let folder = TempDir::new().unwrap();
    let project = project("hello", DEBIAN_13, folder.path());
    let out = folder.path().join("out");
    for name in ["", ":named"] {
        let target = format!("oci:{}{name}", out.display());
        let line = Carboy::over(&registry, DEBIAN_13, &project).to(&target).line();
        let (place, digest) = line.split_once('@').unwrap();
        assert_eq!(place, target.trim_end_matches(name));

        let raw = folder.path().join("raw");
        fs::write(&raw, run("skopeo", ["inspect", "--raw", &target])).unwrap();
        assert_eq!(run("sha256sum", [&raw]).split(' ').next(), digest.strip_prefix("sha256:"));
        let pushed = registry.name(&format!("from-layout:{}", name.len()));
        run("crane", ["push".as_ref(), out.as_os_str(), pushed.as_ref()]);
        assert_eq!(run("crane", ["digest", &pushed]).trim(), digest);
        for platform in PLATFORMS {
            assert!(Unpacked::new(&target, platform).root().join("app/main.py").is_file(), "{target} {platform}");
        }
        fs::remove_dir_all(&out).unwrap();
    }
}

/// The report of a build of hello that is not pushed.
fn report(base: &str, builder: &str, pair: Pair, cache: &Path) -> Report {
    let folder = TempDir::new().unwrap();
    let project = project("hello", pair, folder.path());
    Carboy::build(&project).args(["--base", base, "--builder", builder, "--push=false"]).cache(cache).report()
}

/// However base and builder are packed, what is taken of them is the same.
fn every_form_gives_the_same_runtime(pair: Pair) {
    let registry = Registry::with(pair);
    let base = registry.name(pair.base);
    let fresh = || TempDir::new().unwrap();
    let want = report(&base, &registry.name(pair.builder), pair, fresh().path());
    let runtime = want.layers("runtime");
    for form in ["-docker", "-zstd", "-edge"] {
        let builder = format!("{}{form}", pair.builder);
        registry.push_fixture(&builder);
        let found = report(&base, &registry.name(&builder), pair, fresh().path());
        assert_eq!(found.layers("runtime"), runtime, "{builder}");
    }
    let local = |image| format!("oci:{}", layout(image).display());
    let found = report(&local(pair.base), &local(pair.builder), pair, fresh().path());
    assert_eq!(found.layers("runtime"), runtime, "layouts");
}

#[test]
fn every_form_gives_the_same_runtime_3_11() {
    every_form_gives_the_same_runtime(DEBIAN_12);
}

#[test]
fn every_form_gives_the_same_runtime_3_13() {
    every_form_gives_the_same_runtime(DEBIAN_13);
}

#[test]
fn the_debug_profile_has_the_same_layers_and_a_shell() {
    let registry = Registry::with(DEBIAN_13);
    registry.push_fixture("distroless/cc13:debug-nonroot");
    let (folder, cache) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let project = project("flask", DEBIAN_13, folder.path());
    let build = || {
        let flags = ["--profile", "default", "--profile", "debug"];
        Carboy::over(&registry, DEBIAN_13, &project).to(registry.name("flask:1")).cache(cache.path()).args(flags)
    };
    let lines = build().lines();
    let [plain, debug] = &lines[..] else { panic!("{lines:?}") };
    assert!(plain.starts_with(&registry.name("flask:1@sha256:")), "{plain}");
    assert!(debug.starts_with(&registry.name("flask:1-debug@sha256:")), "{debug}");

    let told = reports(build().events());
    for kind in ["runtime", "dependencies", "application"] {
        assert_eq!(told[0].layers(kind), told[1].layers(kind), "{kind}");
    }
    assert_eq!(
        told.iter().map(Report::digest).collect::<Vec<_>>(),
        lines.iter().map(|line| line.split_once('@').unwrap().1).collect::<Vec<_>>()
    );
    let image = Unpacked::new(debug, "linux/amd64");
    for runner in Runner::BOTH {
        assert_eq!(start(&image, runner, &["/busybox/sh", "-c", "echo ok"]).done(), "ok\n", "{runner:?}");
    }
    assert!(!Unpacked::new(plain, "linux/amd64").root().join("busybox").exists());
}

#[test]
fn a_profile_may_have_another_python() {
    let registry = Registry::with(DEBIAN_13);
    registry.push_fixture(DEBIAN_12.base);
    registry.push_fixture(DEBIAN_12.builder);
    let folder = TempDir::new().unwrap();
    let project = project("hello", DEBIAN_13, folder.path());
    let text = format!(
        "to = \"{}\"\npython = \"3.13\"\nbase = \"{}\"\nbuilder = \"{}\"\nplatforms = [\"linux/amd64\"]\n\
         [image]\nentrypoint = [\"python\", \"main.py\"]\n\
         [profile.old]\npython = \"3.11\"\nbase = \"{}\"\nbuilder = \"{}\"\ntag-suffix = \"-py311\"\n",
        registry.name("hello:1"),
        registry.name(DEBIAN_13.base),
        registry.name(DEBIAN_13.builder),
        registry.name(DEBIAN_12.base),
        registry.name(DEBIAN_12.builder),
    );
    fs::write(project.join("carboy.toml"), text).unwrap();
    let lines = Carboy::build(&project).args(["--profile=default,old"]).lines();
    for (line, (tag, python)) in lines.iter().zip([("1", "3.13"), ("1-py311", "3.11")]) {
        assert!(line.starts_with(&registry.name(&format!("hello:{tag}@sha256:"))), "{line}");
        let out = start(&Unpacked::new(line, "linux/amd64"), Runner::Bwrap, &[]).done();
        assert!(out.starts_with(&format!("hello from x86_64 python {python}.")), "{out}");
    }
    assert_eq!(lines.len(), 2);
}
