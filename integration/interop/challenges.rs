//! Challenges and token services in the forms that Docker, Podman and crane answer.

use std::collections::BTreeSet;
use std::sync::Mutex;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::json;

use crate::odd_image::OddImage;
use crate::scripted::{Reply, Request, Scripted};
use crate::workbench::{Workbench, unauthorized};

/// A registry of one image that asks for authorization with `challenges`, in which HOST stands for it,
/// and wants `wanted`. Its token service answers as `tokens` says.
fn guarded(
    challenges: &[&str],
    wanted: &'static str,
    tokens: impl Fn(&Request) -> Reply + Send + Sync + 'static,
) -> Scripted {
    let image = OddImage::small();
    let challenges: Vec<_> = challenges.iter().map(|&challenge| challenge.to_owned()).collect();
    Scripted::start(move |request| {
        if request.line.contains(" /token") {
            return tokens(request);
        }
        if request.headers.get("authorization").is_some_and(|sent| sent == wanted) {
            return image.answer(request);
        }
        let host = &request.headers["host"];
        unauthorized(&challenges.iter().map(|challenge| challenge.replace("HOST", host)).collect::<Vec<_>>())
    })
}

fn token(_: &Request) -> Reply {
    Reply::new(200).body(r#"{"token":"T"}"#)
}

#[test]
fn bearer_challenges_in_every_form_are_answered() {
    for challenges in [
        &[r#"Bearer realm="http://HOST/token",service="s",scope="repository:odd/base:pull""#][..],
        &[r#"Bearer  realm="http://HOST/token",service="s""#],
        &[r#"Bearer realm="http://HOST/token" service="s""#],
        &["bearer Realm='http://HOST/token',Service='s'"],
        &["BEARER REALM=http://HOST/token"],
        &[r#"Bearer realm="/token",service="s""#],
        &[r#"Basic realm="r", Bearer realm="http://HOST/token""#],
        &[r#"Basic realm="r""#, r#"Bearer realm="http://HOST/token""#],
        &["Negotiate", r#"Bearer realm="http://HOST/token""#],
        &[r#"Bearer realm="http://HOST/token",scope="aws repository:other:pull""#],
    ] {
        let run = Workbench::new().build_from(&guarded(challenges, "Bearer T", token));
        assert_eq!(run.code, Some(0), "{challenges:?}: {}", run.stderr);
    }
}

#[test]
fn basic_challenges_in_every_form_are_answered() {
    for challenges in [
        &["Basic realm=\"Registry \u{e9}\""][..],
        &["Basic realm='My Registry'"],
        &["basic"],
        &[r#"Basic realm="""#],
        &[r#"Bearer realm="",service="s""#, "Basic realm=\"x\""],
    ] {
        let server = guarded(challenges, "Basic dTpw", token);
        let mut bench = Workbench::new();
        let auth = BASE64_STANDARD.encode("u:p");
        bench.docker_config(&json!({ "auths": { server.host.as_str(): { "auth": auth } } }));
        let run = bench.build_from(&server);
        assert_eq!(run.code, Some(0), "{challenges:?}: {}", run.stderr);
    }
}

#[test]
fn token_services_may_move_on_their_host() {
    let server = guarded(&[r#"Bearer realm="http://HOST/token",service="s""#], "Bearer T", |request| {
        if !request.line.contains(" /token?") {
            return token(request);
        }
        Reply::new(301).with("Location", &request.line.split(' ').nth(1).unwrap().replace("/token", "/token2"))
    });
    let run = Workbench::new().build_from(&server);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
}

#[test]
fn a_token_that_runs_out_during_a_build_is_renewed() {
    let (image, seen) = (OddImage::small(), Mutex::new(BTreeSet::new()));
    let server = Scripted::start(move |request| {
        if request.line.contains(" /token") {
            return token(request);
        }
        // Each blob is given at the second request with a token.
        let has_token = request.headers.contains_key("authorization");
        let is_known = || request.line.contains("/manifests/") || !seen.lock().unwrap().insert(request.line.clone());
        if has_token && is_known() {
            return image.answer(request);
        }
        unauthorized(&[format!(r#"Bearer realm="http://{}/token""#, request.headers["host"])])
    });
    let run = Workbench::new().build_from(&server);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(server.count("GET", "/token") > 1);
}

#[test]
fn other_schemes_are_named() {
    let mut bench = Workbench::new();
    let run = bench.build_from(&guarded(&["Negotiate", "NTLM"], "", token));
    assert_eq!(run.code, Some(1));
    insta::assert_snapshot!(run.stderr, @"
    error[access-denied]: SCRIPTED refuses access to odd/base: unauthorized: authentication required; it asks for `Negotiate, NTLM` authentication
    hint: carboy supports Basic authentication and bearer tokens; is the registry set up for one of them?
    ");
}
