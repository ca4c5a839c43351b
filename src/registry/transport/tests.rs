use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;

use super::*;
use crate::oci::location::Selector;
use crate::registry::testing::{Log, Reply, Seen, Server, name, registry};
use crate::repository::Source as _;

/// A registry that takes `Bearer t1`, `Bearer t2`, … while `valid` says so, and
/// whose tokens come from its own `/token`.
async fn guarded(valid: impl Fn(&str) -> bool + Send + Sync + 'static) -> Server {
    let tokens = AtomicUsize::new(0);
    Server::start(move |seen| {
        if seen.target.starts_with("/token") {
            let token = tokens.fetch_add(1, Ordering::SeqCst) + 1;
            return Reply::new(200).body(format!(r#"{{"token":"t{token}"}}"#));
        }
        if valid(seen.header("authorization")) { Reply::new(200).body("{}") } else { challenge(seen) }
    })
    .await
}

fn challenge(seen: &Seen) -> Reply {
    let text = format!(r#"Bearer realm="http://{}/token",service="r",scope="repository:a:pull""#, seen.header("host"));
    Reply::new(401).with("WWW-Authenticate", text)
}

fn tag() -> Selector {
    Selector::Tag("1".to_owned())
}

const USER: &str = "Basic dXNlcjpzZWNyZXQ=";

fn login(address: &str) -> String {
    format!(r#"{{"auths":{{"{address}":{{"auth":"dXNlcjpzZWNyZXQ="}}}}}}"#)
}

#[tokio::test]
async fn a_token_is_fetched_when_asked_for_and_kept() {
    let server = guarded(|auth| auth == "Bearer t1").await;
    let repository = server.source("a");
    repository.manifest(&tag()).await.unwrap();
    repository.manifest(&tag()).await.unwrap();
    assert_eq!(
        server.lines(),
        [
            "GET /v2/a/manifests/1",
            "GET /token?service=r&scope=repository%3Aa%3Apull",
            "GET /v2/a/manifests/1",
            "GET /v2/a/manifests/1"
        ]
    );
    assert_eq!(server.seen()[0].header("authorization"), "");
    assert_eq!(server.seen()[1].header("authorization"), "");
}

#[tokio::test]
async fn requests_at_a_time_share_one_token() {
    let server = guarded(|auth| auth == "Bearer t1").await;
    let repository = server.source("a");
    let results = join_all((0..8).map(|_| async { repository.manifest(&tag()).await })).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(server.lines().iter().filter(|line| line.contains("/token")).count(), 1);
}

#[tokio::test]
async fn a_token_that_is_refused_is_renewed_once() {
    let uses = AtomicUsize::new(0);
    let server = guarded(move |auth| match auth {
        "Bearer t1" => uses.fetch_add(1, Ordering::SeqCst) == 0,
        auth => auth == "Bearer t2",
    })
    .await;
    let repository = server.source("a");
    for _ in 0..3 {
        repository.manifest(&tag()).await.unwrap();
    }
    assert_eq!(server.lines().iter().filter(|line| line.contains("/token")).count(), 2);
    let closed = guarded(|_| false).await;
    let error = closed.source("a").manifest(&tag()).await.unwrap_err();
    assert_eq!(error.code, Code::AccessDenied);
    assert_eq!(closed.lines().len(), 3, "{:?}", closed.lines());
}

#[tokio::test]
async fn a_token_that_is_refused_without_a_challenge_is_renewed_once() {
    let (tokens, uses) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let server = Server::start(move |seen| match seen.header("authorization") {
        _ if seen.target.starts_with("/token") => {
            let token = tokens.fetch_add(1, Ordering::SeqCst) + 1;
            Reply::new(200).body(format!(r#"{{"token":"t{token}"}}"#))
        }
        "" => challenge(seen),
        "Bearer t1" if uses.fetch_add(1, Ordering::SeqCst) == 0 => Reply::new(200).body("{}"),
        "Bearer t2" => Reply::new(200).body("{}"),
        _ => Reply::new(401),
    })
    .await;
    let repository = server.source("a");
    for _ in 0..3 {
        repository.manifest(&tag()).await.unwrap();
    }
    assert_eq!(server.lines().iter().filter(|line| line.contains("/token")).count(), 2);
}

#[tokio::test]
async fn passwords_go_to_the_token_service_only() {
    let server = guarded(|auth| auth == "Bearer t1").await;
    let repository = server.source_as("a", Some(&login(&server.address)), Arc::default());
    repository.manifest(&tag()).await.unwrap();
    let asked: Vec<_> = server.seen().iter().map(|seen| seen.header("authorization").to_owned()).collect();
    assert_eq!(asked, ["", USER, "Bearer t1"]);
}

#[tokio::test]
async fn basic_is_answered_with_the_password() {
    let server = Server::start(|seen| match seen.header("authorization") {
        USER => Reply::new(200).body("{}"),
        _ => Reply::new(401).with("WWW-Authenticate", "Basic realm=\"r\""),
    })
    .await;
    let repository = server.source_as("a", Some(&login(&server.address)), Arc::default());
    repository.manifest(&tag()).await.unwrap();
    repository.manifest(&tag()).await.unwrap();
    assert_eq!(server.lines().len(), 3);
    let error = server.source("a").manifest(&tag()).await.unwrap_err();
    assert_eq!(error.line(), format!("{} refuses access to a: 401 Unauthorized", server.address));
}

#[tokio::test]
async fn challenges_that_cannot_be_answered_are_named() {
    for (challenge, why, hint) in [
        (None, "", "log in with: carboy login 127.0.0.1"),
        (Some("Negotiate"), "; it asks for `Negotiate` authentication", "carboy supports Basic authentication"),
        (Some("Bearer realm=\"\""), "; it asks for a bearer token without a usable `realm`", "carboy supports Basic"),
    ] {
        let server = Server::start(move |_| match challenge {
            Some(challenge) => Reply::new(401).with("WWW-Authenticate", challenge),
            None => Reply::new(401),
        })
        .await;
        let error = server.source("a").manifest(&tag()).await.unwrap_err();
        assert_eq!(error.line(), format!("{} refuses access to a: 401 Unauthorized{why}", server.address));
        assert!(error.hint.as_ref().unwrap().starts_with(hint), "{error:?}");
        assert_eq!(server.lines().len(), 1);
    }
}

#[tokio::test]
async fn an_identity_token_is_exchanged() {
    let server = guarded(|auth| auth == "Bearer t1").await;
    let config = format!(r#"{{"auths":{{"{}":{{"identitytoken":"i/d"}}}}}}"#, server.address);
    server.source_as("a", Some(&config), Arc::default()).manifest(&tag()).await.unwrap();
    let exchange = &server.seen()[1];
    assert_eq!(exchange.line(), "POST /token");
    assert_eq!(
        String::from_utf8_lossy(&exchange.body),
        "grant_type=refresh_token&service=r&client_id=carboy&scope=repository%3Aa%3Apull&refresh_token=i%2Fd"
    );
}

#[tokio::test]
async fn a_refusal_is_final_and_in_the_registrys_words() {
    let server = Server::start(|seen| {
        if seen.target.starts_with("/token") {
            return Reply::new(401).body(r#"{"details":"incorrect username or password"}"#);
        }
        challenge(seen)
    })
    .await;
    let repository = server.source_as("a", Some(&login(&server.address)), Arc::default());
    let results = join_all((0..4).map(|_| async { repository.manifest(&tag()).await })).await;
    for result in results {
        let error = result.unwrap_err();
        assert_eq!(error.line(), format!("{} refuses access to a: incorrect username or password", server.address));
        assert!(error.hint.unwrap().starts_with("the credentials for 127.0.0.1:"));
    }
    let with_password = server.seen().iter().filter(|seen| seen.header("authorization") == USER).count();
    assert_eq!(with_password, 1, "accounts are not locked");
}

/// A service that gives tokens to everybody, but refuses the user's password.
async fn public(refused_by: fn(&Seen) -> bool) -> Server {
    Server::start(move |seen| match (seen.target.starts_with("/token"), seen.header("authorization")) {
        _ if refused_by(seen) => Reply::new(403).body(r#"{"details":"the account is closed"}"#),
        (true, USER) => Reply::new(200).body(r#"{"token":"mine"}"#),
        (true, _) => Reply::new(200).body(r#"{"token":"anybody's"}"#),
        (false, "Bearer anybody's" | "Bearer mine") => Reply::new(200).body("{}"),
        _ => challenge(seen),
    })
    .await
}

#[tokio::test]
async fn a_pull_whose_credentials_are_refused_is_tried_without_them() {
    for refused_by in [(|seen| seen.header("authorization") == USER) as fn(&Seen) -> bool, |seen| {
        seen.header("authorization") == "Bearer mine"
    }] {
        let server = public(refused_by).await;
        let log = Arc::new(Log::default());
        let repository = server.source_as("a", Some(&login(&server.address)), Arc::clone(&log));
        repository.manifest(&tag()).await.unwrap();
        repository.manifest(&tag()).await.unwrap();
        assert_eq!(server.seen().iter().filter(|seen| seen.header("authorization") == USER).count(), 1);
        let warnings = log.warnings();
        let [warning] = &warnings[..] else { panic!("{warnings:?}") };
        assert!(warning.message.starts_with(&format!("{} refuses the credentials from `/", server.address)));
        assert!(warning.message.ends_with("`, and is read without them"), "{warning}");
    }
}

#[tokio::test]
async fn a_login_that_was_renewed_on_disk_is_read_again() {
    let valid = Arc::new(Mutex::new("Basic dTox".to_owned()));
    let accepted = Arc::clone(&valid);
    let server = Server::start(move |seen| match seen.header("authorization") {
        given if given == *accepted.lock().unwrap() => Reply::new(200).body("{}"),
        _ => Reply::new(401).with("WWW-Authenticate", "Basic realm=\"r\""),
    })
    .await;
    let entry = |auth: &str| format!(r#"{{"auths":{{"{}":{{"auth":"{auth}"}}}}}}"#, server.address);
    let repository = server.source_as("a", Some(&entry("dTox")), Arc::default());
    repository.manifest(&tag()).await.unwrap();
    "Basic dToy".clone_into(&mut valid.lock().unwrap());
    repository.manifest(&tag()).await.unwrap_err();
    let file = server.files.lock().unwrap()[0].to_path_buf();
    std::fs::write(file, entry("dToy")).unwrap();
    repository.manifest(&tag()).await.unwrap();
}

#[tokio::test]
async fn an_access_token_is_sent_as_it_is() {
    let server = guarded(|auth| auth == "Bearer a.b.c").await;
    let config = format!(r#"{{"auths":{{"http://{}/v2/":{{"registrytoken":"a.b.c","auth":"!"}}}}}}"#, server.address);
    server.source_as("a", Some(&config), Arc::default()).manifest(&tag()).await.unwrap();
    assert_eq!(server.lines(), ["GET /v2/a/manifests/1", "GET /v2/a/manifests/1"]);
}

#[tokio::test]
async fn passwords_do_not_go_to_a_plain_realm() {
    let server = Server::start(|_| {
        Reply::new(401).with("WWW-Authenticate", r#"Bearer realm="http://auth.example.org/token",service="r""#)
    })
    .await;
    let repository = server.source_as("a", Some(&login(&server.address)), Arc::default());
    let error = repository.manifest(&tag()).await.unwrap_err();
    assert_eq!(
        error.line(),
        format!("{} wants the credentials sent to auth.example.org over plain HTTP, which is refused", server.address)
    );
}

#[tokio::test]
async fn authorization_stays_behind_at_a_redirect() {
    let storage = Server::start(|_| Reply::new(200).body("{}")).await;
    let target = format!("http://{}/stored", storage.address);
    let server = Server::start(move |seen| match (seen.target.as_str(), seen.header("authorization")) {
        ("/v2/a/manifests/1", USER) => Reply::new(307).with("Location", "/moved"),
        ("/moved", USER) => Reply::new(302).with("Location", target.clone()),
        _ => Reply::new(401).with("WWW-Authenticate", "Basic realm=\"r\""),
    })
    .await;
    let repository = server.source_as("a", Some(&login(&server.address)), Arc::default());
    repository.manifest(&tag()).await.unwrap();
    assert_eq!(storage.lines(), ["GET /stored"]);
    assert_eq!(storage.seen()[0].header("authorization"), "");
}

#[tokio::test]
async fn redirects_keep_to_the_plain_http_rule_and_end() {
    let server = Server::start(|seen| match seen.target.as_str() {
        "/v2/a/manifests/1" => Reply::new(302).with("Location", "http://storage.example.org/x"),
        _ => Reply::new(302).with("Location", seen.target.clone()),
    })
    .await;
    let error = server.source("a").manifest(&tag()).await.unwrap_err();
    assert_eq!(error.line(), "plain HTTP to storage.example.org is not allowed");
    let error = server.source("b").manifest(&tag()).await.unwrap_err();
    assert_eq!(error.line(), format!("{} redirects too often", server.address));
}

#[tokio::test]
async fn limits_are_waited_for() {
    let count = AtomicUsize::new(0);
    let server = Server::start(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::new(429)
            .with("Retry-After", "1")
            .body(r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}"#),
        1 => Reply::new(502),
        _ => Reply::new(200).body("{}"),
    })
    .await;
    let log = Arc::new(Log::default());
    server.source_as("a", None, Arc::clone(&log)).manifest(&tag()).await.unwrap();
    assert_eq!(log.pauses()[0], std::time::Duration::from_secs(1));
    let address = &server.address;
    assert_eq!(
        log.retries(),
        [format!("{address} limits requests to a: slow down"), format!("{address} fails on a: 502 Bad Gateway")]
    );
}

#[tokio::test]
async fn retries_end() {
    let server = Server::start(|_| Reply::new(500)).await;
    let error = server.source("a").manifest(&tag()).await.unwrap_err();
    assert_eq!(error.line(), format!("{} fails on a: 500 Internal Server Error", server.address));
    assert_eq!(server.lines().len(), 4);
}

#[tokio::test]
async fn names_that_do_not_exist_and_odd_hosts_are_told() {
    let registry = registry(Arc::default());
    let error = registry.source(&name("no-such-host.invalid", "a")).unwrap().manifest(&tag()).await.unwrap_err();
    assert!(error.line().starts_with("cannot reach no-such-host.invalid: "), "{error}");
    let error = registry.source(&name("r:99999", "a")).unwrap().manifest(&tag()).await.unwrap_err();
    assert_eq!(error.line(), "`r:99999` is not the host of a registry: invalid port number");
}
