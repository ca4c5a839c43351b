//! docker's and podman's files.

use crate::harness::{Machine, account, closed};

/// Returns a machine whose docker has a configuration; `AUTH` stands for the account.
fn docker(config: &str) -> Machine {
    Machine::new(closed()).file("home/.docker/config.json", &config.replace("AUTH", &account()))
}

#[test]
fn dockers_configuration_in_all_its_forms_gives_access() {
    let newline = account() + "\\n";
    for config in [
        r#"{"auths":{"REGISTRY":{"auth":"AUTH"}}}"#,
        r#"{"auths":{"https://REGISTRY/v1/":{"auth":"AUTH"}}}"#,
        r#"{"auths":{"http://REGISTRY":{"auth":"AUTH"}}}"#,
        r#"{"auths":{"REGISTRY/small":{"auth":"AUTH"},"REGISTRY":{"auth":"eDp5"}}}"#,
        r#"{"auths":{"REGISTRY":{"username":"paula","password":"open sesame"}}}"#,
        r#"{"auths":{"REGISTRY":{"auth":"AUTH","identitytoken":"","registrytoken":null},"other":null,"odd":{"auth":7}}}"#,
        r#"{"auths":{"REGISTRY":{"auth":"AUTH"}},"credHelpers":null,"credsStore":"","experimental":"enabled"}"#,
        &format!(r#"{{"auths":{{"REGISTRY":{{"auth":"{newline}"}}}}}}"#),
        "\u{feff}{\"auths\":{\"REGISTRY\":{\"auth\":\"AUTH\"}}}\n\0",
    ] {
        let ran = docker(config).build(&[]);
        assert_eq!(ran.code, Some(0), "{config}\n{}", ran.stderr);
    }
}

#[test]
fn a_configuration_without_the_registry_is_no_error_where_no_login_is_needed() {
    let image = crate::small_image::SmallImage::new();
    for config in
        ["", "null", "{}", r#"{"auths":null}"#, r#"{"credHelpers":null}"#, r#"{"auths":{"other.example":null}}"#]
    {
        let image = image.clone();
        let open = Machine::new(move |request| image.answer(request)).file("home/.docker/config.json", config);
        let ran = open.build(&[]);
        assert_eq!((ran.code, open.told(&ran).as_str()), (Some(0), ""), "{config}");
    }
}

#[test]
fn podmans_files_give_access_in_their_places() {
    let config = format!(r#"{{"auths":{{"REGISTRY/small/base":{{"auth":"{}"}}}}}}"#, account());
    let machine = || Machine::new(closed());
    for machine in [
        machine().file("auth.json", &config).env("REGISTRY_AUTH_FILE", "DIR/auth.json"),
        machine().file("run/containers/auth.json", &config).env("XDG_RUNTIME_DIR", "DIR/run"),
        machine().file("home/.config/containers/auth.json", &config),
        machine().file("settings/containers/auth.json", &config).env("XDG_CONFIG_HOME", "DIR/settings"),
        machine().file("docker/config.json", &config).env("DOCKER_CONFIG", "DIR/docker"),
        machine().env("DOCKER_AUTH_CONFIG", &config),
    ] {
        let ran = machine.build(&[]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    }
}

#[test]
fn a_bad_entry_is_named_and_spoils_only_itself() {
    let spoiled = r#"{"auths":{"REGISTRY":{"auth":"%%"}}}"#;
    let machine = docker(spoiled);
    let ran = machine.build(&[]);
    insta::assert_snapshot!(machine.told(&ran), @"
    error[access-denied]: cannot use the entry `REGISTRY` of `DIR/home/.docker/config.json`: its `auth` is not base64 of USER:PASSWORD
    hint: log in again with: carboy login REGISTRY
    ");
    let other = format!(r#"{{"auths":{{"REGISTRY":{{"auth":"{}"}}}}}}"#, account());
    let machine = docker(spoiled).file("home/.config/containers/auth.json", &other);
    let ran = machine.build(&[]);
    assert_eq!(ran.code, Some(0));
    insta::assert_snapshot!(machine.told(&ran), @"
    warning[access-denied]: cannot use the entry `REGISTRY` of `DIR/home/.docker/config.json`: its `auth` is not base64 of USER:PASSWORD
      hint: log in again with: carboy login REGISTRY
    ");
}

#[test]
fn files_of_the_home_inside_the_project_are_not_read() {
    let config = format!(r#"{{"auths":{{"REGISTRY":{{"auth":"{}"}}}}}}"#, account());
    let machine = Machine::new(closed()).file("project/.config/containers/auth.json", &config);
    let machine = machine.env("HOME", "DIR/project");
    let ran = machine.build(&[]);
    assert_eq!(ran.code, Some(1));
    insta::assert_snapshot!(machine.told(&ran), @"
    warning[untrusted-setting]: `DIR/project/.config/containers/auth.json` is not read because it is inside the project
      hint: if it is yours, set REGISTRY_AUTH_FILE to it
    error[access-denied]: REGISTRY refuses access to small/base: unauthorized: authentication required
    hint: log in with: carboy login REGISTRY (registries answer the same for a repository that does not exist: check its name)
    ");
}
