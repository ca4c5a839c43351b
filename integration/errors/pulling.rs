//! Images that are not there, not for everybody, or not for the platform.

use crate::support::harness::{AMD64, CC, Harness, SLIM};
use crate::support::registry::{Access, PASSWORD, Registry, basic};
use crate::support::running::free_port;

#[test]
fn no_such_tag() {
    let harness = Harness::warm();
    insta::assert_snapshot!(harness.fails(&["--base=REGISTRY/distroless/cc:nope", SLIM, AMD64, "--", "python3"]), @"
    exit: 1
    -- stdout
    -- stderr
    error[not-found]: no such image or tag: REGISTRY/distroless/cc:nope
    ");
    harness.recovers(&[CC, SLIM, AMD64, "--", "python3"]);
}

#[test]
fn no_such_repository() {
    let harness = Harness::warm();
    insta::assert_snapshot!(harness.fails(&[CC, "--builder=REGISTRY/pyhton:3.11-slim", AMD64, "--", "python3"]), @"
    exit: 1
    -- stdout
    -- stderr
    error[not-found]: no such image or tag: REGISTRY/pyhton:3.11-slim
    ");
    harness.recovers(&[CC, SLIM, AMD64, "--", "python3"]);
}

#[test]
fn no_such_digest() {
    let harness = Harness::warm();
    let digest = format!("--base=REGISTRY/distroless/cc@sha256:{}", "0".repeat(64));
    insta::assert_snapshot!(harness.fails(&[&digest, SLIM, AMD64, "--", "python3"]), @"
    exit: 1
    -- stdout
    -- stderr
    error[not-found]: no such image: REGISTRY/distroless/cc@sha256:0000000000000000000000000000000000000000000000000000000000000000

    hint: registries delete manifests that no tag names; look up the digest of a current tag
    ");
}

#[test]
fn no_such_layout() {
    let harness = Harness::warm();
    insta::assert_snapshot!(harness.fails(&["--base=oci:nowhere", SLIM, AMD64, "--", "python3"]), @"
    exit: 1
    -- stdout
    -- stderr
    error[not-found]: there is no OCI layout in `nowhere`: it has no file `oci-layout`
    ");
}

#[test]
fn nobody_is_logged_in() {
    let harness = Harness::with(Registry::over_fixtures(Access::Account));
    insta::assert_snapshot!(harness.fails(&["--python=false", CC, AMD64, "--", "sh"]), @"
    exit: 1
    -- stdout
    -- stderr
    error[access-denied]: REGISTRY refuses access to distroless/cc: unauthorized: authentication required

    hint: log in with: carboy login REGISTRY (registries answer the same for a repository that does not exist: check its name)
    ");
}

#[test]
fn a_wrong_password() {
    let harness = Harness::with(Registry::over_fixtures(Access::Account)).logged_in(&basic("open says me"));
    insta::assert_snapshot!(harness.fails(&["--python=false", CC, AMD64, "--", "sh"]), @"
    exit: 1
    -- stdout
    -- stderr
    error[access-denied]: REGISTRY refuses access to distroless/cc: unauthorized: authentication required

    hint: the credentials for REGISTRY from `DIR/docker/config.json` do not give access: check the repository's name, or log in again with: carboy login REGISTRY
    ");
    harness.logged_in(&basic(PASSWORD)).recovers(&[CC, SLIM, AMD64, "--", "python3"]);
}

#[test]
fn a_configuration_of_docker_that_is_broken() {
    let harness = Harness::with(Registry::over_fixtures(Access::Account)).logged_in("\"}");
    insta::assert_snapshot!(harness.fails(&["--python=false", CC, AMD64, "--", "sh"]), @"
    exit: 1
    -- stdout
    -- stderr
    error[unreadable-file]: cannot parse `DIR/docker/config.json`: expected `,` or `}` at line 1 column 40
    ");
}

#[test]
fn nobody_listens() {
    let down = format!("127.0.0.1:{}", free_port());
    let harness = Harness::warm().named("DOWN", &down);
    let run = harness.run(&["--base=DOWN/distroless/cc", SLIM, AMD64, "--", "python3"]);
    assert!(run.pauses() < 6.0, "{}", run.stderr);
    insta::assert_snapshot!(run.text(), @"
    exit: 1
    -- stdout
    -- stderr
    retrying manifest DOWN/distroless/cc:latest in N s: cannot reach DOWN: connection refused
    retrying manifest DOWN/distroless/cc:latest in N s: cannot reach DOWN: connection refused
    error[transfer-failed]: cannot reach DOWN: connection refused
    ");
    harness.recovers(&[CC, SLIM, AMD64, "--", "python3"]);
}

/// 0.0.0.0 is no loopback host by its name, and leads to this machine.
#[test]
fn a_registry_without_tls() {
    let harness = Harness::warm();
    let plain = harness.registry.as_ref().unwrap().host.replace("127.0.0.1", "0.0.0.0");
    let harness = harness.named("PLAIN", &plain);
    let args = ["--base=PLAIN/distroless/cc", SLIM, AMD64, "--", "python3"];
    insta::assert_snapshot!(harness.fails(&args), @"
    exit: 1
    -- stdout
    -- stderr
    error[transfer-failed]: PLAIN does not speak TLS

    hint: if it speaks plain HTTP, pass --insecure PLAIN
    ");
    let allowed: Vec<_> = ["--insecure=PLAIN"].into_iter().chain(args).collect();
    harness.recovers(&allowed);
}

#[test]
fn a_platform_that_the_base_lacks() {
    let harness = Harness::warm();
    insta::assert_snapshot!(harness.fails(&["--base=REGISTRY/single/cc:arm64", SLIM, AMD64, "--", "python3"]), @"
    exit: 1
    -- stdout
    -- stderr
    error[no-platform]: REGISTRY/single/cc:arm64 has no image for linux/amd64

    hint: it has linux/arm64/v8; choose with --platform
    ");
    harness.recovers(&["--base=REGISTRY/single/cc:amd64", SLIM, AMD64, "--", "python3"]);
}

#[test]
fn a_platform_that_the_builder_lacks() {
    let harness = Harness::warm();
    insta::assert_snapshot!(harness.fails(&[CC, "--builder=REGISTRY/single/python:arm64", AMD64, "--", "python3"]), @"
    exit: 1
    -- stdout
    -- stderr
    error[no-platform]: REGISTRY/single/python:arm64 has no image for linux/amd64

    hint: it has linux/arm64/v8; choose with --platform
    ");
    harness.recovers(&[CC, SLIM, AMD64, "--", "python3"]);
}

#[test]
fn builder_and_base_of_different_releases() {
    let harness = Harness::warm();
    let args = ["--base=REGISTRY/distroless/cc13", SLIM, AMD64, "--", "python3"];
    insta::assert_snapshot!(harness.fails(&args), @"
    exit: 1
    -- stdout
    -- stderr
    error[release-mismatch]: linux/amd64: base and builder have different releases: REGISTRY/distroless/cc13 is debian 13, REGISTRY/python:3.11-slim is debian 12

    hint: leave one of `base` and `builder` out so that they match, or set allow-mixed = true under [runtime]
    ");
    harness.file("carboy.toml", "[runtime]\nallow-mixed = true\n").recovers(&args);
}

#[test]
fn another_python_than_asked_for() {
    let harness = Harness::warm();
    insta::assert_snapshot!(harness.fails(&["--python=3.12", CC, SLIM, AMD64, "--", "python3"]), @r#"
    exit: 1
    -- stdout
    -- stderr
    error[python-version]: linux/amd64: cannot take Python from REGISTRY/python:3.11-slim: the builder has Python 3.11, not 3.12

    hint: leave `builder` out so that `python` chooses it, or set python = "3.11"
    "#);
}

#[test]
fn a_builder_without_python() {
    let harness = Harness::warm();
    insta::assert_snapshot!(harness.fails(&[CC, "--builder=REGISTRY/distroless/cc", AMD64, "--", "python3"]), @"
    exit: 1
    -- stdout
    -- stderr
    error[no-python]: linux/amd64: cannot take Python from REGISTRY/distroless/cc: the builder has no Python: no python in its PATH (/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin)

    hint: use a builder such as python:3.13-slim-trixie, or set python = false
    ");
}

/// `allow-mixed` waives the comparison of releases alone.
#[test]
fn symbol_versions_that_the_base_lacks() {
    let harness = Harness::warm().file("carboy.toml", "[runtime]\nallow-mixed = true\n");
    insta::assert_snapshot!(harness.fails(&[CC, "--builder=REGISTRY/python:3.13-slim", AMD64, "--", "python3"]), @r#"
    exit: 1
    -- stdout
    -- stderr
    5 errors:
    error[symbol-version]: linux/amd64: GLIBC_2.38 of libc.so.6 is needed by /usr/lib/x86_64-linux-gnu/libdb-5.3.so, /usr/lib/x86_64-linux-gnu/libreadline.so.8.2, /usr/lib/x86_64-linux-gnu/libuuid.so.1.3.0, /usr/local/lib/libpython3.13.so.1.0, /usr/local/lib/python3.13/lib-dynload/_curses.cpython-313-x86_64-linux-gnu.so and /usr/local/lib/python3.13/lib-dynload/_decimal.cpython-313-x86_64-linux-gnu.so, but /lib/x86_64-linux-gnu/libc.so.6 defines versions up to GLIBC_2.36
    error[symbol-version]: linux/amd64: GLIBC_2.38 of libm.so.6 is needed by /usr/lib/x86_64-linux-gnu/libsqlite3.so.0.8.6 and /usr/local/lib/libpython3.13.so.1.0, but /lib/x86_64-linux-gnu/libm.so.6 defines versions up to GLIBC_2.35
    error[symbol-version]: linux/amd64: OPENSSL_3.3.0 of libcrypto.so.3 is needed by /usr/local/lib/python3.13/lib-dynload/_ssl.cpython-313-x86_64-linux-gnu.so, but /usr/lib/x86_64-linux-gnu/libcrypto.so.3 defines versions up to OPENSSL_3.0.9
    error[symbol-version]: linux/amd64: OPENSSL_3.4.0 of libcrypto.so.3 is needed by /usr/local/lib/python3.13/lib-dynload/_hashlib.cpython-313-x86_64-linux-gnu.so, but /usr/lib/x86_64-linux-gnu/libcrypto.so.3 defines versions up to OPENSSL_3.0.9
    error[symbol-version]: linux/amd64: OPENSSL_3.3.0 of libssl.so.3 is needed by /usr/local/lib/python3.13/lib-dynload/_ssl.cpython-313-x86_64-linux-gnu.so, but /usr/lib/x86_64-linux-gnu/libssl.so.3 defines versions up to OPENSSL_3.0.0

    hint: use a base of Debian 13: base = "gcr.io/distroless/cc-debian13:nonroot"
    "#);
}
