//! An image without Python: nginx of Debian with one of its modules, over distroless
//! and over nothing, by configuration alone.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::carboy::{Carboy, reports};
use support::image::{Image, Unpacked};
use support::registry::Registry;
use support::running::{Runner, Running, free_port};
use support::{DEBIAN_12, PLATFORMS, root, run};
use tempfile::TempDir;

const BUILDER: &str = "nginx:1.22-bookworm";

/// The example, with test images and a port of its own.
fn example(registry: &Registry, port: u16, folder: &Path) -> PathBuf {
    let project = folder.join("nginx");
    run("cp", ["-r".as_ref(), root().join("integration/apps/nginx").as_os_str(), project.as_os_str()]);
    let replace = |name: &str, old: &str, new: &str| {
        let text = fs::read_to_string(project.join(name)).unwrap();
        assert!(text.contains(old), "{name} without {old}");
        fs::write(project.join(name), text.replace(old, new)).unwrap();
    };
    replace("carboy.toml", "gcr.io/distroless/cc-debian12:nonroot", &registry.name(DEBIAN_12.base));
    replace("carboy.toml", "nginx:1.28-bookworm", &registry.name(BUILDER));
    replace("nginx.conf", "listen 8080", &format!("listen {port}"));
    project
}

/// Asks for a file, and for what the module makes of it.
fn answers(image: &Unpacked, port: u16, what: &str) {
    let mut nginx = Running::serve_at(image, Runner::Crun, port);
    let picture = fs::read(root().join("integration/apps/nginx/html/gradient.png")).unwrap();
    let plain = nginx.answer("/gradient.png");
    assert!(
        plain.head.contains("Content-Type: image/png") && plain.head.contains("Server: nginx/1.22"),
        "{}",
        plain.head
    );
    assert!(plain.body == picture, "{what}");
    let size: Value = serde_json::from_slice(&nginx.answer("/size/gradient.png").body).unwrap();
    assert_eq!(size, json!({ "img": { "width": 32, "height": 16, "type": "png" } }), "{what}");
    // A PNG's first chunk: length, name, width, height.
    let small = nginx.answer("/small/gradient.png").body;
    assert_eq!((&small[1..4], &small[12..24]), (&b"PNG"[..], &b"IHDR\0\0\0\x08\0\0\0\x04"[..]), "{what}");
}

#[test]
fn nginx_with_a_module_answers_over_distroless_and_over_nothing() {
    let (registry, folder, port) = (Registry::start(), TempDir::new().unwrap(), free_port());
    registry.push_fixture(DEBIAN_12.base);
    registry.push_fixture(BUILDER);
    let to = registry.name("nginx:1");
    let project = example(&registry, port, folder.path());
    let events = Carboy::build(&project).to(&to).args(["--profile", "default", "--profile", "scratch"]).events();
    let warnings: Vec<_> = events.iter().filter(|event| event["event"] == "warning").collect();
    assert!(warnings.is_empty(), "{warnings:?}");
    let reports = reports(events);
    let [over_cc, over_nothing] = &reports[..] else { panic!("{} reports", reports.len()) };
    for (number, platform) in PLATFORMS.into_iter().enumerate() {
        let sonames = |report: &support::carboy::Report| -> Vec<String> {
            let taken = report.0["platforms"][number]["taken"].as_array().unwrap();
            taken.iter().map(|taken| taken["soname"].as_str().unwrap().to_owned()).collect()
        };
        let (cc, nothing) = (sonames(over_cc), sonames(over_nothing));
        assert!(cc.contains(&"libgd.so.3".to_owned()) && cc.contains(&"libz.so.1".to_owned()), "{cc:?}");
        assert!(!cc.contains(&"libc.so.6".to_owned()) && !cc.contains(&"libssl.so.3".to_owned()), "{cc:?}");
        assert!(nothing.contains(&"libc.so.6".to_owned()) && nothing.contains(&"libssl.so.3".to_owned()));
        assert!(cc.len() >= 40 && nothing.len() > cc.len(), "{} and {}", cc.len(), nothing.len());
        for to in [to.clone(), format!("{to}-scratch")] {
            let image = Image::of(&to, platform);
            assert_eq!(image.config["config"]["User"], "101:101");
            answers(&Unpacked::new(&to, platform), port, &format!("{to} {platform}"));
        }
    }
    let image = Unpacked::new(&format!("{to}-scratch"), "linux/amd64");
    let release = fs::read_to_string(image.root().join("usr/lib/os-release")).unwrap();
    assert!(release.contains("VERSION_CODENAME=bookworm"), "{release}");
}
