//! Images that were built apart, joined into one.

use crate::site::{Site, digest, raw};
use crate::support::image::untagged;
use crate::support::run;

#[test]
fn images_built_apart_give_the_image_of_one_build() {
    let site = Site::new();
    let both = site.built(&["--to=REG/joined:whole"]).remove(0);
    let want = digest(&both);
    let amd64 = site.built(&["--platform=linux/amd64", "--to=REG/parts/amd64", "--push-by-digest"]).remove(0);
    let arm64 = site.built(&["--platform=linux/arm64", "--to=REG/parts/arm64:1"]).remove(0);
    for (images, tag) in [([&amd64, &arm64], "a"), ([&arm64, &amd64], "b")] {
        let joined = site.carboy(&["index", images[0], images[1], &format!("--to=REG/joined:{tag}")]).done();
        assert_eq!(site.short(&joined), format!("REG/joined:{tag}@{want}\n"), "whatever the order");
    }
    let copied =
        site.carboy(&["index", &amd64, &arm64, "--to=REG/elsewhere:1", "--to=oci:OUT/joined:1", "--tag=2"]).done();
    assert_eq!(copied.lines().map(digest).collect::<Vec<_>>(), [want, want]);
    // skopeo fetches and verifies everything.
    for (number, image) in ["docker://REG/elsewhere:2", "oci:OUT/joined:1"].iter().enumerate() {
        let target = site.full(&format!("oci:OUT/copy{number}:1"));
        run("skopeo", ["copy", "--quiet", "--all", "--src-tls-verify=false", &site.full(image), &target]);
        assert_eq!(raw(&target).1, want);
    }
}

#[test]
fn layouts_archives_and_plain_manifests_are_joined() {
    let site = Site::new();
    site.built(&["--platform=linux/amd64", "--to=oci:OUT/amd64:1", "--image-index=never"]);
    site.built(&["--platform=linux/arm64", "--to=oci-archive:OUT/arm64.tar:1"]);
    let images = ["oci:OUT/amd64:1", "oci-archive:OUT/arm64.tar:1"];
    let line =
        site.carboy(&["index", images[0], images[1], "--to=REG/mixed:1", "--to=oci-archive:OUT/both.tar:1"]).done();
    let first = line.lines().next().unwrap().to_owned();
    let (index, found) = raw(&site.full("docker://REG/mixed:1"));
    assert_eq!(found, digest(&first));
    let platform = |at: usize| index["manifests"][at]["platform"]["architecture"].as_str().unwrap();
    assert_eq!((platform(0), platform(1)), ("amd64", "arm64"));
    assert_eq!(index["manifests"][0]["digest"].as_str(), Some(raw(&site.full("oci:OUT/amd64:1")).1.as_str()));
    assert_eq!(raw(&site.full("oci-archive:OUT/both.tar:1")).1, found);
    run("crane", ["validate", "--fast", "--remote", &site.full("REG/mixed:1")]);
}

#[test]
fn one_platform_twice_is_refused_or_replaced() {
    let site = Site::new();
    let old = site.built(&["--to=REG/twice:old"]).remove(0);
    std::fs::write(site.project().join("main.py"), "print('new')\n").unwrap();
    let new = site.built(&["--platform=linux/arm64", "--to=REG/twice:new"]).remove(0);
    let refused = site.carboy(&["index", "REG/twice:old", "REG/twice:new", "--to=REG/twice:3"]);
    insta::assert_snapshot!(site.error(&refused), @"
    error[invalid-argument]: REG/twice:old and REG/twice:new are both for linux/arm64/v8

    hint: leave one of them out, or let the later one win with --replace
    ");
    assert_eq!(site.registry.tag("twice", "3"), None);
    site.carboy(&["index", "--replace", "REG/twice:old", "REG/twice:new", "--to=REG/twice:3"]).done();
    let manifests = |reference: &str| {
        let (index, _) = raw(&site.full(&format!("docker://{}", untagged(&site.full(reference)))));
        index["manifests"].as_array().unwrap().iter().map(|one| one["digest"].clone()).collect::<Vec<_>>()
    };
    let (old, new) = (manifests(&old), manifests(&new));
    assert_eq!(manifests("REG/twice:3"), [old[0].clone(), new[0].clone()]);
    let refused = site.carboy(&["index", "REG/twice:3", "--to=docker-archive:OUT/x.tar"]);
    insta::assert_snapshot!(site.error(&refused), @"
    error[invalid-argument]: docker-archive:OUT/x.tar holds the image of one platform, and no index

    hint: write oci-archive:FILE, which holds all
    ");
}
