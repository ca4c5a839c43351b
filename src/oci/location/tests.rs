use super::*;

#[test]
fn dockers_short_names_are_spelled_out() {
    for (text, full) in [
        ("python:3.11-slim", "docker.io/library/python:3.11-slim"),
        ("acme/shop", "docker.io/acme/shop"),
        ("gcr.io/distroless/cc-debian13:nonroot", "gcr.io/distroless/cc-debian13:nonroot"),
        ("127.0.0.1:5000/a/b", "127.0.0.1:5000/a/b"),
        ("localhost:5000/a:latest", "localhost:5000/a:latest"),
        ("docker://quay.io/a/b:1", "quay.io/a/b:1"),
        ("[::1]:5000/a/b:1", "[::1]:5000/a/b:1"),
        ("[2001:db8::1]/shop", "[2001:db8::1]/shop"),
        ("oci:build/out:1.2", "oci:build/out:1.2"),
        ("oci:/tmp/x:y/z", "oci:/tmp/x:y/z"),
        ("oci:a@b", "oci:a@b"),
        ("oci-archive:out.tar:1.2", "oci-archive:out.tar:1.2"),
        ("docker-archive:out.tar", "docker-archive:out.tar"),
        ("docker-archive:out.tar:shop:1", "docker-archive:out.tar:docker.io/library/shop:1"),
        ("docker-archive:d/out.tar:localhost:5000/a/b", "docker-archive:d/out.tar:localhost:5000/a/b"),
    ] {
        assert_eq!(text.parse::<Location>().unwrap().to_string(), full);
    }
}

#[test]
fn a_layout_may_be_asked_for_a_digest() {
    let digest = Digest::of(b"");
    for text in [format!("oci:out@{digest}"), format!("oci:out:1@{digest}")] {
        let location: Location = text.parse().unwrap();
        assert_eq!(location.to_string(), text);
        assert!(matches!(location, Location::Layout { digest: Some(found), .. } if found == digest));
    }
}

#[test]
fn a_place_is_without_the_name_of_its_image() {
    for (text, place, other) in [
        ("r.io/a:1", "r.io/a", "r.io/a:2"),
        ("oci:out:1", "oci:out", "oci:out:2"),
        ("oci-archive:x.tar:1", "oci-archive:x.tar", "oci-archive:x.tar:2"),
        ("docker-archive:x.tar:r.io/a:1", "docker-archive:x.tar", "docker-archive:x.tar:r.io/a:2"),
    ] {
        let location: Location = text.parse().unwrap();
        assert_eq!(location.tag(), Some("1"), "{text}");
        assert_eq!(location.place().to_string(), place);
        assert_eq!(location.with_tag("2").to_string(), other);
        let moved = location.map_path(|path| Path::new("/p").join(path)).to_string();
        assert_eq!(moved, text.replace("out", "/p/out").replace("x.tar", "/p/x.tar"));
    }
}

#[test]
fn odd_names_are_refused() {
    for bad in [
        "",
        "ghcr.io/UPPER/case",
        "https://ghcr.io/acme/shop",
        "my_registry:5000/a:1",
        "[::1:5000/a",
        "[::1]:x/a",
        "[::1]:5000/",
        "[::1]:5000",
        "[lan]:5000/a",
        "a b",
        "oci:",
        "oci:x:",
        "oci:x@sha256:12",
        "oci:x\n::error::y",
        "oci:out##vso[task.setvariable variable=PATH]x",
        "oci:o\u{202e}ut",
        "oci:out:\u{9b}2J",
        "oci-archive:",
        "oci-archive:x.tar:",
        "docker-archive:",
        "docker-archive::a",
        "docker-archive:-",
        "oci-archive:-:1",
        "docker-archive:x.tar:",
        "docker-archive:x.tar:UPPER",
        "docker-daemon:x:1",
        "r/a@sha256:12",
    ] {
        assert!(bad.parse::<Location>().is_err(), "{bad}");
    }
}
