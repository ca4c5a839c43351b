//! Credentials in flags and variables.

use crate::harness::{Machine, account, closed, is_known, public};
use crate::small_image::SmallImage;
use crate::support::scripted::{Reply, Request};

#[test]
fn flags_and_variables_give_access() {
    let machine = || Machine::new(closed());
    let carboy = || machine().env("CARBOY_USERNAME", "paula").env("CARBOY_PASSWORD", "open sesame");
    for (machine, more) in [
        (machine(), &["--from-creds=paula:open sesame"][..]),
        (machine().env("CARBOY_FROM_CREDS", "paula:open sesame"), &[]),
        (carboy().env("CARBOY_REGISTRY", "REGISTRY"), &[]),
        (carboy().env("CARBOY_TO", "REGISTRY/shop:1"), &[]),
        (
            machine()
                .env("CI_REGISTRY", "REGISTRY")
                .env("CI_REGISTRY_USER", "paula")
                .env("CI_REGISTRY_PASSWORD", "open sesame"),
            &[],
        ),
    ] {
        let ran = machine.build(more);
        assert_eq!((ran.code, machine.told(&ran).as_str()), (Some(0), ""));
    }
}

/// A target that takes everything from the account.
fn target() -> impl Fn(&Request) -> Reply + Send + Sync + 'static {
    let image = SmallImage::new();
    move |request| match () {
        () if request.is("GET", "/v2/small/") => image.answer(request),
        () if !is_known(request) => Reply::new(401).with("WWW-Authenticate", "Basic realm=\"r\""),
        () if request.is("HEAD", "") => Reply::new(404),
        () if request.is("POST", "") => Reply::new(202).with("Location", "/upload/1"),
        () => Reply::new(201),
    }
}

#[test]
fn a_target_in_the_projects_files_does_not_get_a_password() {
    let given = |machine: Machine| {
        machine
            .env("CARBOY_USERNAME", "paula")
            .env("CARBOY_PASSWORD", "open sesame")
            .env("CARBOY_TO_CREDS", "paula:open sesame")
    };
    let hostile = given(Machine::new(target()).file("project/carboy.toml", "to = \"REGISTRY/shop:1\"\n"));
    let ran = hostile.build(&["--push=true"]);
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!(hostile.told(&ran), @"
    warning[untrusted-setting]: --to-creds is not used: no flag or variable names its registry
      hint: name the image with --to, too
    warning[untrusted-setting]: CARBOY_PASSWORD is not used: no flag or variable names its registry
      hint: name the registry in CARBOY_REGISTRY
    error[access-denied]: pushing to REGISTRY/shop is refused: 401 Unauthorized
    hint: log in with: carboy login REGISTRY
    ");
    assert!(hostile.registry.requests().iter().all(|request| !request.headers.contains_key("authorization")));
    let named = given(Machine::new(target()));
    let ran = named.build(&["--to=REGISTRY/shop:1"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

#[test]
fn an_old_login_does_not_stop_the_pull_of_a_public_image() {
    let config = format!(r#"{{"auths":{{"REGISTRY":{{"auth":"{}"}}}}}}"#, account());
    let machine = Machine::new(public()).file("home/.docker/config.json", &config);
    let ran = machine.build(&[]);
    assert_eq!(ran.code, Some(0));
    insta::assert_snapshot!(machine.told(&ran), @"
    warning[access-denied]: REGISTRY refuses the credentials from `DIR/home/.docker/config.json`, and is read without them
      hint: log in again with: carboy login REGISTRY
    ");
    let ran = machine.build(&["--to=REGISTRY/shop:1"]);
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!(machine.told(&ran), @"
    warning[access-denied]: REGISTRY refuses the credentials from `DIR/home/.docker/config.json`, and is read without them
      hint: log in again with: carboy login REGISTRY
    error[access-denied]: pushing to REGISTRY/shop is refused: incorrect username or password
    hint: the credentials for REGISTRY from `DIR/home/.docker/config.json` may not push there: check the repository's name and your rights, or log in again with: carboy login REGISTRY
    ");
}
