//! Layers that are shared: by projects, by machines, from one version to the next.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::folder::{HERE, Told, layer, layers, pins, project, told};
use crate::support::harness::{AMD64, CC, Harness, SLIM};
use crate::support::scripted::{Reply, Scripted};
use crate::wheels::Wheel;

const MIB: usize = 1 << 20;

fn big(name: &str, version: &str) -> Wheel {
    Wheel::simple(name, version).large(MIB)
}

/// A project with these wheels in its wheelhouse and its lock file.
fn of(wheels: &[&Wheel]) -> Harness {
    let harness = project().file("requirements.txt", &pins(wheels));
    wheels.iter().fold(harness, |harness, wheel| harness.wheel(wheel))
}

fn built(harness: &Harness) -> Vec<Told> {
    layers(&harness.built(&HERE))
}

#[test]
fn a_large_distribution_has_the_same_layer_everywhere() {
    let (large, small, other) = (big("alpha", "1.0"), Wheel::simple("beta", "1.0"), Wheel::simple("gamma", "1.0"));
    // the namespace and the folders that it shares come and go with the others
    let shared = |wheel: Wheel, name: &str| {
        wheel
            .file(&format!("space/{name}/__init__.py"), "")
            .entry_points(&format!("[console_scripts]\n{name} = {name}:main\n"))
    };
    let large = shared(large, "a");
    let neighbour = shared(big("aardvark", "1.0"), "b");
    let one = built(&of(&[&large, &small]));
    let two = built(&of(&[&large, &small, &other, &neighbour]).file("shop.py", "another application\n"));
    let says = "carboy: dependencies (alpha 1.0)";
    assert_eq!(layer(&one, says), layer(&two, says));
    let names = |layers: &[Told]| {
        layers.iter().map(|(says, _)| says.clone()).filter(|says| says.contains("dependencies")).collect::<Vec<_>>()
    };
    assert_eq!(names(&one), [says, "carboy: dependencies"]);
    assert_eq!(names(&two), ["carboy: dependencies (aardvark 1.0)", says, "carboy: dependencies"]);
    assert_ne!(layer(&one, "carboy: dependencies"), layer(&two, "carboy: dependencies"));
}

#[test]
fn another_version_changes_its_layer_alone() {
    let (alpha, small) = (big("alpha", "1.0"), Wheel::simple("small", "1.0"));
    let before = built(&of(&[&alpha, &big("beta", "1.0"), &small]));
    let after = built(&of(&[&alpha, &big("beta", "1.1"), &small]));
    let changed: Vec<_> = after.iter().filter(|layer| !before.contains(layer)).map(|(says, _)| says.as_str()).collect();
    assert_eq!((changed, before.len()), (vec!["carboy: dependencies (beta 1.1)"], after.len()));
    let small = built(&of(&[&alpha, &big("beta", "1.0"), &Wheel::simple("small", "1.1")]));
    let changed: Vec<_> = small.iter().filter(|layer| !before.contains(layer)).map(|(says, _)| says.as_str()).collect();
    assert_eq!(changed, ["carboy: dependencies"]);
}

/// The distributions that have layers of their own, in a plan and in the image.
fn alone(harness: &mut Harness, toml: &str) -> Vec<String> {
    std::fs::write(harness.project().join("carboy.toml"), toml).unwrap();
    let planned = harness.plan(&HERE);
    let planned = planned["platforms"][0]["layers"].as_array().unwrap().clone();
    harness.verb(&["build", "--to=TARGET:1"]);
    let made = built(harness);
    let told: Vec<_> = made
        .iter()
        .map(|(says, _)| says.split('(').nth(1).and_then(|rest| rest.strip_suffix(')')).unwrap_or_default())
        .collect();
    let planned: Vec<_> =
        planned.iter().map(|layer: &Value| layer["distribution"].as_str().unwrap_or_default().to_owned()).collect();
    let own: Vec<_> = told.into_iter().filter(|told| !told.starts_with("python ")).map(str::to_owned).collect();
    assert_eq!(
        planned.iter().filter(|name| !name.is_empty()).collect::<Vec<_>>(),
        own.iter().filter(|name| !name.is_empty()).collect::<Vec<_>>()
    );
    assert_eq!(planned.len(), made.len());
    planned.into_iter().filter(|name| !name.is_empty()).collect()
}

#[test]
fn the_threshold_and_the_limit_are_honoured() {
    let wheels = [
        Wheel::simple("one", "1").large(MIB),
        Wheel::simple("two", "1").large(2 * MIB),
        Wheel::simple("three", "1").large(3 * MIB),
        Wheel::simple("tiny", "1"),
    ];
    let mut harness = of(&wheels.iter().collect::<Vec<_>>());
    assert_eq!(alone(&mut harness, ""), ["one 1", "three 1", "two 1"]);
    assert_eq!(alone(&mut harness, "[layers]\nsplit-size = \"2 MiB\"\n"), ["three 1", "two 1"]);
    assert_eq!(alone(&mut harness, "[layers]\nsplit-max = 1\n"), ["three 1"]);
    assert_eq!(alone(&mut harness, "[layers]\nsplit-size = 0\n"), ["one 1", "three 1", "tiny 1", "two 1"]);
}

#[test]
fn files_that_several_have_are_told_and_the_winner_is_in_the_image() {
    let first = Wheel::new("first", "1").file("both.py", "print('first')\n").file("alike.py", "");
    let second = Wheel::new("second", "1").file("both.py", "print('second')\n").file("alike.py", "");
    let harness = of(&[&first, &second]).file("main.py", "import both\n");
    insta::assert_snapshot!(harness.warnings(&HERE), @"
    warning[duplicate-file]: first 1 and second 1 have 1 file in common, carboy uses the content of second 1: /usr/local/lib/python3.11/site-packages/both.py
    warning[duplicate-file]: first 1 and second 1 have 1 file in common, with the same content: /usr/local/lib/python3.11/site-packages/alike.py
    ");
    assert_eq!(harness.started(&HERE, &[]), "second");
    // one with a layer of its own lies below the rest
    let second = second.large(MIB);
    let harness = of(&[&first, &second]).file("main.py", "import both\n");
    insta::assert_snapshot!(harness.warnings(&HERE), @"
    warning[duplicate-file]: second 1 and first 1 have 1 file in common, carboy uses the content of first 1: /usr/local/lib/python3.11/site-packages/both.py
    warning[duplicate-file]: second 1 and first 1 have 1 file in common, with the same content: /usr/local/lib/python3.11/site-packages/alike.py
    ");
    assert_eq!(harness.started(&HERE, &[]), "first");
}

#[test]
fn private_keys_in_wheels_and_site_packages_are_told() {
    let key = "-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----\n";
    let one = Wheel::simple("one", "1.0")
        .file("one/test/server.key", key)
        .file("one/test/client.pem", format!("subject=x\n{key}"))
        .file("one/cacert.pem", "-----BEGIN CERTIFICATE-----\nMC4C\n-----END CERTIFICATE-----\n")
        .file("one/tool.key", "scale = 1");
    let harness = of(&[&one, &Wheel::simple("two", "1.0")]);
    let warning =
        "warning[private-key]: one 1.0 adds private keys to the image: one/test/server.key and one/test/client.pem";
    assert_eq!(told(&harness.succeeds(&HERE)), warning);
    let harness = Harness::warm()
        .file("main.py", "")
        .file("site/one/server.key", key)
        .file("site/one/notes.txt", "")
        .file("carboy.toml", "[dependencies]\nsite-packages = \"site\"\n");
    let warning = "warning[private-key]: `dependencies.site-packages` adds a private key to the image: one/server.key";
    assert_eq!(told(&harness.succeeds(&HERE[..3])), warning);
}

#[test]
fn a_file_where_another_has_a_folder_is_refused() {
    let file = Wheel::new("first", "1").file("thing", "");
    let folder = Wheel::new("second", "1").file("thing/__init__.py", "");
    insta::assert_snapshot!(of(&[&file, &folder]).fails(&HERE), @"
    exit: 1
    -- stdout
    -- stderr
    error[path-conflict]: linux/amd64: cannot install second 1: `/usr/local/lib/python3.11/site-packages/thing/__init__.py` cannot be written: `/usr/local/lib/python3.11/site-packages/thing` is a file in the layers below

    hint: another distribution has a file where this one has a directory, or the reverse: leave one of them out
    ");
    let (file, folder) =
        (Wheel::new("second", "1").file("thing", ""), Wheel::new("first", "1").file("thing/__init__.py", ""));
    insta::assert_snapshot!(of(&[&file, &folder]).fails(&HERE), @"
    exit: 1
    -- stdout
    -- stderr
    error[path-conflict]: linux/amd64: cannot install second 1: `/usr/local/lib/python3.11/site-packages/thing` cannot be written: it is a folder in the layers below

    hint: another distribution has a file where this one has a directory, or the reverse: leave one of them out
    ");
}

#[test]
fn jobs_and_caches_and_where_wheels_come_from_do_not_matter() {
    let wheels = [big("alpha", "1.0"), Wheel::simple("beta", "1.0"), Wheel::simple("gamma", "1.0")];
    let all: Vec<_> = wheels.iter().collect();
    let digest = |reference: &str| reference.split_once('@').unwrap().1.to_owned();
    let harness = of(&all);
    let first = harness.built(&[&HERE[..], &["--jobs", "1"]].concat());
    let second = harness.built(&[&HERE[..], &["--jobs", "16", "--cache-dir", "DIR/other-cache"]].concat());
    assert_eq!(digest(&second), digest(&first));

    let files: BTreeMap<_, _> = wheels.iter().map(|wheel| (wheel.file_name(), wheel.bytes())).collect();
    let server = Scripted::start(move |request| {
        let path = request.line.split(' ').nth(1).unwrap_or_default();
        if let Some(body) = path.strip_prefix("/files/").and_then(|name| files.get(name)) {
            return Reply::new(200).body(body);
        }
        let Some(project) = path.strip_prefix("/simple/") else { return Reply::new(404) };
        let of_project = files.keys().filter(|name| name.starts_with(project.trim_end_matches('/')));
        let links: Vec<_> = of_project.map(|name| format!("<a href=\"/files/{name}\">{name}</a>\n")).collect();
        Reply::new(200).with("Content-Type", "text/html").body(links.concat())
    });
    std::fs::remove_dir_all(harness.project().join("wheels")).unwrap();
    let index = format!("http://{}/simple", server.host);
    let from_index = harness.built(&[CC, SLIM, AMD64, "--index", &index, "--cache-dir", "DIR/third-cache"]);
    assert_eq!(layers(&from_index), layers(&first));
    assert_eq!(digest(&from_index), digest(&first));
    assert_eq!(server.count("GET", "/files/"), 3);
}
