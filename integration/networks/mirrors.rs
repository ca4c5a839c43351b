//! Mirrors: what they serve, what happens without them, and where they are configured.

use std::fs;

use serde_json::Value;

use super::{BUILD, registry_of, renamed};
use crate::small_image::SmallImage;
use crate::support::harness::{AMD64, CC, Harness, SLIM};
use crate::support::registry::basic;
use crate::support::running::free_port;
use crate::support::scripted::{Reply, Scripted};

/// An origin with `small/base`, and a project over it.
fn origin() -> (Scripted, Harness) {
    let origin = registry_of("small/base");
    let harness = Harness::alone().named("ORIGIN", &origin.host);
    (origin, harness)
}

/// Writes the user's file of carboy.
fn settings(harness: Harness, text: &str) -> Harness {
    let folder = harness.folder().join("home/.config/carboy");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.toml"), harness.full(text)).unwrap();
    harness
}

fn mirror_of_small(more: &str) -> String {
    format!("[[mirror]]\nprefix = 'ORIGIN/small'\nlocation = 'MIRROR/hub'\n{more}")
}

#[test]
fn an_image_of_a_mirror_is_the_image() {
    let (origin, harness) = origin();
    let direct = harness.succeeds(&BUILD);
    let asked = origin.requests().len();
    for from in ["flag", "variable", "file", "named file", "podman"] {
        let mirror = registry_of("hub/base");
        let fresh = Harness::alone().named("ORIGIN", &origin.host).named("MIRROR", &mirror.host);
        let podman = "unqualified-search-registries = ['docker.io']\n[[registry]]\nprefix = 'ORIGIN/small'\n\
                      location = 'ORIGIN/small'\n[[registry.mirror]]\nlocation = 'MIRROR/hub'\n";
        let named = |harness: Harness, variable: &str, text: &str| {
            let path = harness.folder().join("named");
            fs::write(&path, harness.full(text)).unwrap();
            harness.env(variable, path.to_str().unwrap())
        };
        let flag = fresh.full("ORIGIN/small=MIRROR/hub");
        let (fresh, flags) = match from {
            "flag" => (fresh, vec![format!("--mirror={flag}")]),
            "variable" => (fresh.env("CARBOY_MIRRORS", &flag), Vec::new()),
            "file" => (settings(fresh, &mirror_of_small("")), Vec::new()),
            "named file" => (named(fresh, "CARBOY_CONFIG_FILE", &mirror_of_small("")), Vec::new()),
            _ => (named(fresh, "CONTAINERS_REGISTRIES_CONF", podman), Vec::new()),
        };
        let args: Vec<_> = flags.iter().map(String::as_str).chain(BUILD).collect();
        let run = fresh.succeeds(&args);
        assert_eq!(digest(&run.stdout), digest(&direct.stdout), "{from}");
        let says = "ORIGIN/small/base comes from its mirror MIRROR/hub/base\n";
        assert_eq!(run.stderr.matches(says).count(), 1, "{from}: {}", run.stderr);
        assert_eq!(origin.requests().len(), asked, "{from}: the origin is not asked");
        assert!(mirror.count("GET", "/v2/hub/base/blobs/") > 0);
    }
}

/// The digest at the end of a build's line.
fn digest(line: &str) -> &str {
    line.rsplit_once('@').unwrap().1
}

/// The mirror is asked for the full name, and the image has that name and not the mirror's.
#[test]
fn an_image_of_docker_hub_keeps_its_name() {
    let mirror = registry_of("hub/library/small");
    let harness = Harness::alone().named("MIRROR", &mirror.host);
    let text = "[[mirror]]\nprefix = 'docker.io'\nlocation = 'MIRROR/hub'\nfallback = false\n";
    let mut harness = settings(harness, text);
    harness.first = vec!["build".to_owned()];
    harness.succeeds(&["--python=false", "--base=small:1", "--to=oci:out:1", AMD64, "--", "/bin/tool"]);
    let blobs = fs::read_dir(harness.project().join("out/blobs/sha256")).unwrap();
    let texts: Vec<_> = blobs.filter_map(|blob| fs::read_to_string(blob.unwrap().path()).ok()).collect();
    let name = r#""org.opencontainers.image.base.name":"docker.io/library/small:1""#;
    assert!(texts.iter().any(|text| text.contains(name)), "{texts:?}");
    assert!(texts.iter().all(|text| !text.contains(&mirror.host)), "{texts:?}");
}

#[test]
fn json_has_the_mirror_too() {
    let (_origin, harness) = origin();
    let mirror = registry_of("hub/base");
    let mut harness = settings(harness.named("MIRROR", &mirror.host), &mirror_of_small(""));
    harness.first[1] = "--progress=json".to_owned();
    let run = harness.succeeds(&BUILD);
    let events = run.stderr.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mirrors: Vec<_> = events.filter(|event| event["event"] == "mirror").map(|event| event.to_string()).collect();
    let want = r#"{"event":"mirror","mirror":"MIRROR/hub/base","repository":"ORIGIN/small/base"}"#;
    assert_eq!(mirrors, [want]);
    harness.first = vec!["plan".to_owned()];
    let plan = harness.succeeds(&[
        "--python=false",
        "--base=ORIGIN/small/base:1",
        "--platform=linux/amd64",
        "--",
        "/bin/tool",
    ]);
    assert!(plan.stderr.contains("ORIGIN/small/base comes from its mirror MIRROR/hub/base\n"), "{}", plan.stderr);
    assert!(plan.stdout.contains("ORIGIN/small/base:1") && !plan.stdout.contains("MIRROR"), "{}", plan.stdout);
}

#[test]
fn a_mirror_that_fails_is_told_once_and_the_origin_serves() {
    for (status, says) in [
        (404, "no such image or tag: MIRROR/hub/base:1"),
        (403, "MIRROR refuses access to hub/base: 403 Forbidden"),
        (500, "MIRROR fails on hub/base: 500 Internal Server Error"),
    ] {
        let (origin, harness) = origin();
        let mirror = Scripted::start(move |_| Reply::new(status));
        let harness = settings(harness.named("MIRROR", &mirror.host), &mirror_of_small(""));
        let run = harness.succeeds(&BUILD);
        let warning =
            format!("warning[mirror-failed]: the mirror MIRROR/hub/base of ORIGIN/small/base is not used: {says}\n");
        assert!(run.stderr.contains(&warning), "{}", run.stderr);
        assert_eq!(run.stderr.matches("mirror").count(), 2, "{}", run.stderr);
        assert!(!run.stderr.contains("retrying"), "{}", run.stderr);
        assert!(origin.count("GET", "/v2/small/base/blobs/") > 0);
    }
    let (_origin, harness) = origin();
    let harness = settings(harness.named("MIRROR", &format!("127.0.0.1:{}", free_port())), &mirror_of_small(""));
    let run = harness.succeeds(&BUILD);
    let warning = "is not used: cannot reach MIRROR: connection refused\n";
    assert_eq!(run.stderr.matches(warning).count(), 1, "{}", run.stderr);
}

#[test]
fn without_fallback_the_error_names_the_mirror_and_the_setting() {
    let (origin, harness) = origin();
    let mirror = Scripted::start(|_| Reply::new(404));
    let harness = settings(harness.named("MIRROR", &mirror.host), &mirror_of_small("fallback = false\n"));
    insta::assert_snapshot!(harness.fails(&BUILD), @"
    exit: 1
    -- stdout
    -- stderr
    error[not-found]: cannot pull ORIGIN/small/base from its mirror MIRROR/hub/base: no such image or tag: MIRROR/hub/base:1

    hint: ORIGIN itself is not asked because of `fallback = false` for `ORIGIN/small` in `DIR/home/.config/carboy/config.toml`
    ");
    assert!(origin.requests().is_empty());
    let (_origin, harness) = self::origin();
    let down = harness.named("MIRROR", &format!("127.0.0.1:{}", free_port()));
    let harness = settings(down, &mirror_of_small("fallback = false\n[network]\nretries = 0\n"));
    insta::assert_snapshot!(harness.fails(&BUILD), @"
    exit: 1
    -- stdout
    -- stderr
    error[transfer-failed]: cannot pull ORIGIN/small/base from its mirror MIRROR/hub/base: cannot reach MIRROR: connection refused

    hint: ORIGIN itself is not asked because of `fallback = false` for `ORIGIN/small` in `DIR/home/.config/carboy/config.toml`
    ");
}

#[test]
fn a_mirror_cannot_change_what_a_digest_names() {
    let (origin, harness) = origin();
    let direct = harness.succeeds(&BUILD);
    for what in ["layer", "configuration"] {
        let image = SmallImage::new();
        let mirror = Scripted::start(move |request| {
            let reply = image.answer(&renamed(request, "hub/base"));
            let (is_blob, is_layer) = (request.is("GET", "/blobs/"), request.is("GET", &image.layer));
            let is_wrong = is_blob && is_layer == (what == "layer");
            reply.change(|body| body.iter_mut().filter(|_| is_wrong).for_each(|byte| *byte ^= 1))
        });
        let harness = Harness::alone().named("ORIGIN", &origin.host).named("MIRROR", &mirror.host);
        let harness = settings(harness, &mirror_of_small(""));
        let run = harness.succeeds(&BUILD);
        let warning = "the mirror MIRROR/hub/base of ORIGIN/small/base is not used: it sends wrong bytes: ";
        assert_eq!(run.stderr.matches(warning).count(), 1, "{what}: {}", run.stderr);
        assert_eq!(digest(&direct.stdout), digest(&run.stdout), "{what}");
        fs::remove_dir_all(harness.cache()).unwrap();
        let text = settings(harness, &mirror_of_small("fallback = false\n")).fails(&BUILD);
        assert!(text.contains("error[corrupt-content]: "), "{what}: {text}");
        assert!(text.contains("the mirror MIRROR/hub/base sends wrong bytes: "), "{what}: {text}");
    }
}

#[test]
fn a_mirror_has_a_login_of_its_own() {
    let image = SmallImage::new();
    let mirror = Scripted::start(move |request| match request.headers.get("authorization") {
        Some(login) if *login == format!("Basic {}", basic("s3cret")) => image.answer(&renamed(request, "hub/base")),
        _ => Reply::new(401).with("WWW-Authenticate", "Basic realm=\"hub\""),
    });
    let (origin, harness) = origin();
    let harness = settings(harness.named("MIRROR", &mirror.host), &mirror_of_small(""));
    let folder = harness.folder().join("home/.docker");
    fs::create_dir_all(&folder).unwrap();
    let config = format!(r#"{{"auths":{{"{}/hub":{{"auth":"{}"}}}}}}"#, mirror.host, basic("s3cret"));
    fs::write(folder.join("config.json"), config).unwrap();
    harness.succeeds(&BUILD);
    assert!(origin.requests().is_empty());
    // Without it, the origin serves, and does not see the mirror's login.
    fs::write(folder.join("config.json"), format!(r#"{{"auths":{{"{}":{{"auth":"eDp5"}}}}}}"#, mirror.host)).unwrap();
    fs::remove_dir_all(harness.cache()).unwrap();
    let run = harness.succeeds(&BUILD);
    assert!(run.stderr.contains("MIRROR refuses access to hub/base: 401"), "{}", run.stderr);
    assert!(origin.requests().iter().all(|request| !request.headers.contains_key("authorization")));
}

#[test]
fn a_mirror_is_never_pushed_to() {
    let mirror = Scripted::start(|_| Reply::new(404));
    let harness = Harness::warm().named("MIRROR", &mirror.host);
    let harness = settings(harness, "[[mirror]]\nprefix = 'REGISTRY'\nlocation = 'MIRROR/hub'\n");
    harness.recovers(&[CC, SLIM, AMD64, "--", "python3"]);
    let requests: Vec<_> = mirror.requests().into_iter().map(|request| request.line).collect();
    assert!(!requests.is_empty() && requests.iter().all(|line| line.starts_with("GET ")), "{requests:?}");
}

#[test]
fn a_blocked_registry_is_not_asked() {
    let (origin, harness) = origin();
    let path = harness.folder().join("registries.conf");
    fs::write(&path, harness.full("[[registry]]\nlocation = 'ORIGIN'\nblocked = true\n")).unwrap();
    let harness = harness.env("CONTAINERS_REGISTRIES_CONF", path.to_str().unwrap());
    insta::assert_snapshot!(harness.fails(&BUILD), @"
    exit: 1
    -- stdout
    -- stderr
    error[access-denied]: ORIGIN/small/base is blocked on this machine

    hint: the setting is `blocked = true` for `ORIGIN` in `DIR/registries.conf`
    ");
    assert!(origin.requests().is_empty());
}

#[test]
fn a_project_names_no_mirror() {
    let harness = Harness::alone().file("carboy.toml", "[[mirror]]\nprefix = 'docker.io'\nlocation = 'evil.example'\n");
    insta::assert_snapshot!(harness.refuses(&["--", "x"]), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-configuration]: carboy.toml:1: unknown key `mirror`

    hint: this is a setting of a machine, not of a project: write it in ~/.config/carboy/config.toml, as `carboy help networks` says
    ");
    let harness = Harness::alone().file("carboy.toml", "insecure = ['lan']\n");
    assert!(harness.refuses(&["--", "x"]).contains("this is a setting of a machine"));
    // A committed file is not the user's.
    let harness =
        Harness::alone().file(".config/carboy/config.toml", "[[mirror]]\nprefix = 'x'\n").file(".git/HEAD", "");
    let home = harness.project().display().to_string();
    let run = harness.env("HOME", &home).run(&["--offline", "--python=false", "--base=x.invalid/y", "--", "/x"]);
    assert!(run.stderr.contains("config.toml` is not read because it is inside the project"), "{}", run.stderr);
}

#[test]
fn errors_of_the_machines_file_name_it() {
    let harness = settings(Harness::alone(), "[[mirror]]\nprefix = 'docker.io'\nlocaton = 'x'\n");
    insta::assert_snapshot!(harness.fails(&["--python=false", "--", "x"]), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-configuration]: DIR/home/.config/carboy/config.toml:3: unknown key `mirror.locaton`

    hint: did you mean `location`?
    ");
    let flags = Harness::alone().fails(&["--python=false", "--mirror=docker.io", "--", "x"]);
    insta::assert_snapshot!(flags, @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-argument]: --mirror: `docker.io` is not PREFIX=LOCATION

    hint: write it as in docker.io=harbor.corp/hub
    ");
}
