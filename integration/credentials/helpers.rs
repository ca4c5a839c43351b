//! Programs that keep credentials.

use std::sync::atomic::{AtomicUsize, Ordering};

use base64::prelude::{BASE64_STANDARD, Engine as _};

use crate::harness::{Machine, PASSWORD, USER, account, closed, public};
use crate::small_image::SmallImage;
use crate::support::scripted::{Reply, Request};

fn answer() -> String {
    format!(r#"echo '{{"ServerURL":"x","Username":"{USER}","Secret":"{PASSWORD}"}}'"#)
}

/// Returns a machine whose docker names a helper.
fn with(script: &str) -> Machine {
    let config = r#"{"credsStore":"t","auths":{"REGISTRY":{}}}"#;
    Machine::new(closed()).file("home/.docker/config.json", config).helper("t", script)
}

#[test]
fn helpers_give_access_whether_or_not_they_read_their_input() {
    let answer = answer();
    for script in [
        answer.clone(),
        format!("exec <&-\n{answer}"),
        format!("read -r server; test \"$1 $server\" = 'get REGISTRY' && {answer}"),
        format!("echo 'a warning' >&2\n{answer}"),
        format!("(sleep 300 >/dev/null 2>/dev/null &)\n{answer}"),
    ] {
        let machine = with(&script);
        let ran = machine.build(&[]);
        assert_eq!((ran.code, machine.told(&ran).as_str()), (Some(0), ""), "{script}");
    }
}

#[test]
fn a_helper_without_the_registry_leaves_it_to_others() {
    for script in ["echo 'credentials not found in native keychain'; exit 1", "echo '{}'"] {
        let anonymous = with(script);
        let ran = anonymous.build(&[]);
        assert!(ran.stderr.contains("hint: log in with: carboy login "), "{}", ran.stderr);
        let config = format!(r#"{{"credsStore":"t","auths":{{"REGISTRY":{{"auth":"{}"}}}}}}"#, account());
        let machine = with(script).file("home/.docker/config.json", &config);
        let ran = machine.build(&[]);
        assert_eq!((ran.code, machine.told(&ran).as_str()), (Some(0), ""), "{script}");
    }
}

#[test]
fn failures_are_told_in_words() {
    let told = |machine: &Machine| machine.told(&machine.build(&[]));
    insta::assert_snapshot!(told(&with("echo 'pass store is locked'; exit 1")), @"
    error[access-denied]: cannot get the credentials for REGISTRY: docker-credential-t failed: pass store is locked
    hint: `DIR/home/.docker/config.json` names the helper; is it set up?
    ");
    insta::assert_snapshot!(told(&with("echo 'not json'")), @"
    error[access-denied]: cannot get the credentials for REGISTRY: docker-credential-t answered without credentials
    hint: `DIR/home/.docker/config.json` names the helper; is it set up?
    ");
    let missing = Machine::new(closed()).file("home/.docker/config.json", r#"{"credHelpers":{"REGISTRY":"gone"}}"#);
    insta::assert_snapshot!(told(&missing), @"
    error[access-denied]: cannot get the credentials for REGISTRY: docker-credential-gone is not in PATH
    hint: `DIR/home/.docker/config.json` names the helper: install docker-credential-gone, or add its directory to PATH
    ");
}

#[test]
fn a_helper_that_hangs_is_stopped() {
    let machine = with("exec sleep 300");
    let ran = machine.build(&[]);
    insta::assert_snapshot!(machine.told(&ran), @"
    error[access-denied]: cannot get the credentials for REGISTRY: docker-credential-t did not answer within 15 s
    hint: `DIR/home/.docker/config.json` names the helper; is it set up?
    ");
}

#[test]
fn a_public_image_is_pulled_without_the_helper_that_fails() {
    let machine = Machine::new(public()).file("home/.docker/config.json", r#"{"credsStore":"gone"}"#);
    let ran = machine.build(&[]);
    assert_eq!(ran.code, Some(0));
    insta::assert_snapshot!(machine.told(&ran), @"
    warning[access-denied]: cannot get the credentials for REGISTRY: docker-credential-gone is not in PATH
      hint: `DIR/home/.docker/config.json` names the helper: install docker-credential-gone, or add its directory to PATH
    ");
}

/// A registry whose account gets another password after each use: a token that expires at once.
#[test]
fn a_helper_is_asked_again_when_its_answer_expired() {
    let image = SmallImage::new();
    let uses = AtomicUsize::new(1);
    let script = move |request: &Request| {
        let current = uses.load(Ordering::SeqCst);
        let expected = BASE64_STANDARD.encode(format!("{USER}:{current}"));
        if request.headers.get("authorization").is_some_and(|given| *given == format!("Basic {expected}")) {
            uses.store(current + 1, Ordering::SeqCst);
            return image.answer(request);
        }
        Reply::error(401, "UNAUTHORIZED", "expired").with("WWW-Authenticate", "Basic realm=\"r\"")
    };
    let helper = "echo x >>DIR/asked\nprintf '{\"Username\":\"paula\",\"Secret\":\"%d\"}' $(wc -l <DIR/asked)";
    let machine = Machine::new(script).file("home/.docker/config.json", r#"{"credsStore":"t"}"#).helper("t", helper);
    let ran = machine.build(&[]);
    assert_eq!((ran.code, machine.told(&ran).as_str()), (Some(0), ""));
    let asked = std::fs::read_to_string(machine.path("asked")).unwrap().lines().count();
    assert!(asked > 1, "{asked}");

    let counted = with(&format!("echo x >>DIR/asked\n{}", answer()));
    assert_eq!(counted.build(&[]).code, Some(0));
    assert_eq!(std::fs::read_to_string(counted.path("asked")).unwrap(), "x\n");
}
