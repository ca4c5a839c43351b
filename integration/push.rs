//! How blobs get to the target: mounted, streamed, or there already.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use support::carboy::Carboy;
use support::image::Image;
use support::registry::Registry;
use support::{DEBIAN_13, PLATFORMS, project};
use tempfile::TempDir;

/// The blobs whose push ended like this.
fn pushed(events: &[Value], outcome: &str) -> BTreeSet<String> {
    let ended = events.iter().filter(|event| event["event"] == "ended" && event["verb"] == "push");
    let fitting = ended.filter(|event| event["outcome"] == outcome);
    fitting.map(|event| event["blob"].as_str().unwrap().to_owned()).collect()
}

fn base_layers(registry: &Registry) -> BTreeSet<String> {
    let name = registry.name(DEBIAN_13.base);
    PLATFORMS.iter().flat_map(|platform| Image::of(&name, platform).layers()).collect()
}

#[test]
fn base_layers_are_mounted_in_their_registry_and_nothing_goes_twice() {
    let (registry, folder) = (Registry::with(DEBIAN_13), TempDir::new().unwrap());
    let project = project("hello", DEBIAN_13, folder.path());
    let build = |to: &str| {
        let build = Carboy::over(&registry, DEBIAN_13, &project).to(registry.name(to));
        build.cache(&folder.path().join("cache")).events()
    };
    let base = base_layers(&registry);
    let first = build("hello:1");
    assert_eq!(pushed(&first, "mounted"), base);
    assert_eq!(pushed(&first, "done").len(), 5, "two runtimes, one application, two configurations");
    let again = build("hello:2");
    assert_eq!((pushed(&again, "mounted"), pushed(&again, "done")), (BTreeSet::new(), BTreeSet::new()));
    assert!(pushed(&again, "present").is_superset(&base));
}

#[test]
fn base_layers_of_another_registry_stream_through_and_stay_out_of_the_cache() {
    let (from, to, folder) = (Registry::with(DEBIAN_13), Registry::start(), TempDir::new().unwrap());
    let project = project("hello", DEBIAN_13, folder.path());
    let cache = folder.path().join("cache");
    let target = to.name("hello:1");
    let events = Carboy::over(&from, DEBIAN_13, &project).to(&target).cache(&cache).events();
    let base = base_layers(&from);
    assert!(pushed(&events, "done").is_superset(&base));
    let kept: BTreeSet<_> = fs::read_dir(cache.join("blobs/sha256"))
        .unwrap()
        .map(|entry| format!("sha256:{}", entry.unwrap().file_name().into_string().unwrap()))
        .collect();
    assert_eq!(kept.intersection(&base).collect::<Vec<_>>(), Vec::<&String>::new());
    for platform in PLATFORMS {
        let of_base = Image::of(&from.name(DEBIAN_13.base), platform).layers();
        let layers = Image::of(&target, platform).layers();
        assert_eq!(layers[..of_base.len()], of_base, "{platform}");
    }
}
