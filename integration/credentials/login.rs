//! `carboy login` and `carboy logout`.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use crate::harness::{Machine, PASSWORD, account, closed, public};
use crate::support::Ran;

/// Logs in with a password on standard input.
fn login(machine: &Machine, password: &str) -> Ran {
    let mut command = machine.command(&["login", "REGISTRY", "-u", "paula", "--password-stdin"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{password}\n").as_bytes()).unwrap();
    Ran::of(child.wait_with_output().unwrap())
}

#[test]
fn a_login_is_stored_and_used_and_removed() {
    let machine = Machine::new(closed())
        .file("home/.docker/config.json", r#"{"psFormat":"table","auths":{"a.example":{"auth":"eDp5"}}}"#);
    let file = machine.path("home/.docker/config.json");
    let ran = login(&machine, PASSWORD);
    insta::assert_snapshot!(machine.told(&ran), @"
    warning[unencrypted-password]: the password is stored unencrypted in `DIR/home/.docker/config.json`
      hint: a credential helper encrypts it: name one in the file's `credsStore`
    ");
    assert_eq!(
        ran.stdout,
        format!("logged in to {} as paula; stored in `{}`\n", machine.registry.host, file.display())
    );
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(&account()) && text.contains("psFormat") && text.contains("eDp5"), "{text}");
    assert_eq!(machine.build(&[]).code, Some(0));
    let out = machine.run(&["logout", "REGISTRY"]).done();
    assert_eq!(out, format!("removed the credentials for {} in `{}`\n", machine.registry.host, file.display()));
    assert!(!fs::read_to_string(&file).unwrap().contains(&machine.registry.host));
    assert_eq!(machine.build(&[]).code, Some(1));
    assert!(machine.run(&["logout", "REGISTRY"]).done().starts_with("no credentials for "));
}

#[test]
fn a_login_that_the_registry_refuses_is_not_stored() {
    for machine in [Machine::new(closed()), Machine::new(public())] {
        let ran = login(&machine, "wrong");
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
        let told = machine.told(&ran);
        assert!(told.starts_with("error[access-denied]: REGISTRY refuses the login: "), "{told}");
        assert!(!machine.path("home/.docker").exists());
    }
}

#[test]
fn a_helper_keeps_what_it_is_given() {
    let script = r#"case "$1" in
        store) cat >DIR/kept ;;
        get) test -e DIR/kept && cat DIR/kept || { echo 'credentials not found in native keychain'; exit 1; } ;;
        erase) rm DIR/kept ;;
    esac"#;
    let config = r#"{"credsStore":"t"}"#;
    let machine = Machine::new(closed()).file("home/.docker/config.json", config).helper("t", script);
    let ran = login(&machine, PASSWORD);
    assert_eq!((ran.code, machine.told(&ran).as_str()), (Some(0), ""));
    assert!(ran.stdout.ends_with(" as paula; stored in docker-credential-t\n"), "{}", ran.stdout);
    let kept = fs::read_to_string(machine.path("kept")).unwrap();
    assert!(kept.contains(PASSWORD) && kept.contains(&machine.registry.host), "{kept}");
    let file = fs::read_to_string(machine.path("home/.docker/config.json")).unwrap();
    assert!(!file.contains(PASSWORD) && !file.contains(&account()), "{file}");
    assert_eq!(machine.build(&[]).code, Some(0));
    assert!(machine.run(&["logout", "REGISTRY"]).done().starts_with("removed the credentials"));
    assert!(!machine.path("kept").exists());
    assert!(machine.run(&["logout", "REGISTRY"]).done().starts_with("no credentials"));
}

#[test]
fn a_login_without_a_terminal_needs_its_flags() {
    let machine = Machine::new(closed());
    let told = |args: &[&str]| {
        let ran = machine.run(args);
        assert_eq!(ran.code, Some(2), "{}", ran.stderr);
        machine.told(&ran)
    };
    insta::assert_snapshot!(told(&["login", "REGISTRY"]), @"
    error[invalid-argument]: no user name is given
    hint: pass --username
    ");
    insta::assert_snapshot!(told(&["login", "REGISTRY", "-u", "me"]), @"
    error[invalid-argument]: no password is given
    hint: pass --password-stdin, and the password on standard input
    ");
    insta::assert_snapshot!(told(&["login", "REGISTRY", "-u", "me", "--password-stdin"]), @"
    error[invalid-argument]: the password is empty or too long
    hint: pass it on one line of standard input
    ");
    insta::assert_snapshot!(told(&["login", "ghcr.io/acme", "-u", "me"]), @"
    error[invalid-argument]: `ghcr.io/acme` is not a registry
    hint: write its host, as in ghcr.io or registry.example.com:5000
    ");
    assert!(machine.registry.requests().is_empty());
}
