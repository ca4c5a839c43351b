use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use serde_json::json;
use tokio::time;

use super::*;
use crate::oci::location::Selector;
use crate::oci::{Descriptor, Digest};
use crate::registry::testing::{Reply, Seen, Server};
use crate::repository::{self, BlobSource, Source as _};

const USER: &str = "Basic dXNlcjpzZWNyZXQ=";

/// A registry that takes `Bearer T`; its token service answers as `tokens` says.
async fn registry(tokens: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |seen| {
        if seen.target.starts_with("/token") {
            return tokens(seen);
        }
        if seen.header("authorization") == "Bearer T" { Reply::new(200).body("{}") } else { challenge(seen) }
    })
    .await
}

fn challenge(seen: &Seen) -> Reply {
    let text = format!(r#"Bearer realm="http://{}/token",service="s""#, seen.header("host"));
    Reply::new(401).with("WWW-Authenticate", text)
}

fn login(address: &str) -> String {
    json!({ "auths": { address: { "auth": "dXNlcjpzZWNyZXQ=" } } }).to_string()
}

fn identity(address: &str) -> String {
    json!({ "auths": { address: { "identitytoken": "refresh" } } }).to_string()
}

/// Reads a manifest with a `config.json`; returns the error, if there is one.
async fn read(server: &Server, config: Option<&str>) -> Result<(), OperationError> {
    let repository = server.source_as("a", config, Arc::default());
    repository.manifest(&Selector::Tag("1".to_owned())).await.map(|_| ())
}

#[tokio::test]
async fn every_form_of_an_answer_has_its_token() {
    for body in [
        r#"{"token":"T"}"#.to_owned(),
        r#"{"access_token":"T"}"#.to_owned(),
        r#"{"token":"","access_token":"T"}"#.to_owned(),
        r#"{"token":null,"access_token":"T","expires_in":null,"issued_at":null}"#.to_owned(),
        r#"{"token":"T","access_token":"U","expires_in":"300"}"#.to_owned(),
        r#"{"token":"T","expires_in":-1,"issued_at":"now","scope":["x"],"refresh_token":7}"#.to_owned(),
        "\u{feff}{\"token\":\"T\"}\n".to_owned(),
    ] {
        let answer = body.clone();
        let server = registry(move |_| Reply::new(200).body(&answer)).await;
        read(&server, None).await.unwrap_or_else(|error| panic!("{body}: {error}"));
    }
}

#[tokio::test]
async fn answers_without_a_usable_token_are_errors() {
    for (body, what) in [
        (String::new(), "without a token"),
        ("{}".to_owned(), "without a token"),
        (r#"{"token":7}"#.to_owned(), "without a token"),
        ("<html>Log in</html>".to_owned(), "without a token"),
        (format!(r#"{{"token":"{}"}}"#, "T".repeat(TOKEN + 1)), "with a token of more than 64 KiB"),
        (r#"{"token":"T\r\nX: y"}"#.to_owned(), "with a token that no header can carry"),
        (" ".repeat(2 << 20), "without a token"),
    ] {
        let server = registry(move |_| Reply::new(200).body(&body)).await;
        let error = read(&server, None).await.unwrap_err();
        assert_eq!(error.line(), format!("{} answers {what} for {}/a", server.address, server.address));
    }
}

#[tokio::test]
async fn a_token_is_renewed_before_it_expires() {
    let server = registry(|_| Reply::new(200).body(r#"{"token":"T","expires_in":120}"#)).await;
    let repository = server.source("a");
    for (pause, tokens) in [(0, 1), (100, 1), (15, 2)] {
        time::pause();
        time::advance(Duration::from_secs(pause)).await;
        time::resume();
        repository.manifest(&Selector::Tag("1".to_owned())).await.unwrap();
        let asked = server.lines().iter().filter(|line| line.contains("/token")).count();
        assert_eq!(asked, tokens, "after {pause} s");
    }
}

#[tokio::test]
async fn credentials_follow_redirects_within_the_host_only() {
    let moved = |seen: &Seen| match seen.target.split('?').next().unwrap_or_default() {
        "/token" => Reply::new(307).with("Location", seen.target.replace("/token", "/token/2")),
        _ if ["", USER].contains(&seen.header("authorization")) => Reply::new(200).body(r#"{"token":"T"}"#),
        _ => Reply::new(401),
    };
    let server = registry(moved).await;
    for config in [None, Some(login(&server.address)), Some(identity(&server.address))] {
        read(&server, config.as_deref()).await.unwrap();
        let asked = server.seen().into_iter().rfind(|seen| seen.target.starts_with("/token/2")).unwrap();
        let password = config.as_ref().is_some_and(|config| config.contains("auth\""));
        assert_eq!(asked.header("authorization"), if password { USER } else { "" });
        assert_eq!(asked.method == "POST", config.as_ref().is_some_and(|config| config.contains("identitytoken")));
    }
}

#[tokio::test]
async fn credentials_do_not_follow_a_redirect_to_another_host() {
    let elsewhere = Server::start(|_| Reply::new(200).body(r#"{"token":"T"}"#)).await;
    let target = format!("http://{}/t", elsewhere.address);
    let server = registry(move |_| Reply::new(307).with("Location", &target)).await;
    read(&server, None).await.unwrap();
    let address = &server.address;
    for config in [login(address), identity(address)] {
        // A pull goes on without the login.
        read(&server, Some(&config)).await.unwrap();
    }
    let seen = elsewhere.seen();
    assert!(
        !seen.is_empty() && seen.iter().all(|seen| seen.header("authorization").is_empty() && seen.body.is_empty())
    );
}

#[test]
fn tokens_are_not_requested_from_https_over_http() {
    let check =
        |from: &str, to: &str, identified| check_redirect(&from.parse().unwrap(), &to.parse().unwrap(), identified);
    for (from, to, anonymous, identified) in [
        ("https://a.example/t", "https://a.example/u", true, true),
        ("https://a.example/t", "https://b.example/t", true, false),
        ("https://a.example/t", "https://a.example:8443/t", true, false),
        ("https://a.example/t", "http://a.example/t", false, false),
        ("https://a.example/t", "http://localhost/t", false, false),
        ("http://a.example/t", "https://a.example/t", true, false),
        ("http://a.example/t", "http://a.example/u", true, true),
    ] {
        let outcome = (check(from, to, false).is_ok(), check(from, to, true).is_ok());
        assert_eq!(outcome, (anonymous, identified), "{from} {to}");
    }
}

#[tokio::test]
async fn an_identity_token_is_sent_by_get_to_services_without_post() {
    for status in [400, 401, 404, 405] {
        let server = registry(move |seen| match (seen.method.as_str(), seen.header("authorization")) {
            ("POST", _) => Reply::new(status).body(r#"{"message":"no such page"}"#),
            // `<token>:refresh`
            (_, "Basic PHRva2VuPjpyZWZyZXNo") => Reply::new(200).body(r#"{"token":"T"}"#),
            _ => Reply::new(403),
        })
        .await;
        read(&server, Some(&identity(&server.address))).await.unwrap_or_else(|error| panic!("{status}: {error}"));
        let lines = server.lines();
        assert_eq!(lines[1..3], ["POST /token", "GET /token?service=s&scope=repository%3Aa%3Apull"], "{status}");
    }
    let server = registry(|seen| match seen.method.as_str() {
        "POST" => Reply::new(400).body(r#"{"error":"invalid_grant","error_description":"the token expired"}"#),
        _ => Reply::new(404),
    })
    .await;
    let error = read(&server, Some(&identity(&server.address))).await.unwrap_err();
    assert_eq!(error.line(), format!("{} refuses access to a: the token expired", server.address));
}

/// A registry where each token is good for two requests, so that it runs out in the middle of all
/// that takes three.
async fn forgetful() -> Server {
    let (tokens, uses) = (AtomicUsize::new(0), AtomicUsize::new(0));
    Server::start(move |seen| {
        if seen.target.starts_with("/token") {
            uses.store(0, Ordering::SeqCst);
            return Reply::new(200).body(format!(r#"{{"token":"t{}"}}"#, tokens.fetch_add(1, Ordering::SeqCst) + 1));
        }
        let current = format!("Bearer t{}", tokens.load(Ordering::SeqCst));
        if seen.header("authorization") != current || uses.fetch_add(1, Ordering::SeqCst) >= 2 {
            return challenge(seen);
        }
        let path = seen.target.split('?').next().unwrap_or_default();
        match (seen.method.as_str(), path) {
            ("HEAD", _) => Reply::new(404),
            ("POST" | "PATCH", _) => Reply::new(202).with("Location", "/v2/a/blobs/uploads/1"),
            ("PUT", "/v2/a/blobs/uploads/1") if !seen.body.is_empty() => Reply::new(413),
            _ => Reply::new(201),
        }
    })
    .await
}

#[tokio::test]
async fn a_token_that_runs_out_in_the_middle_of_a_push_is_renewed() {
    let server = forgetful().await;
    let repository = server.repository("a");
    let content = vec![7; 12 << 20];
    let blob = Descriptor::of("application/octet-stream", &content);
    repository::Sink::blob(&*repository, &blob, &BlobSource::Bytes(content.into())).await.unwrap();
    let manifest = crate::oci::RawManifest { media_type: "a/b".to_owned(), bytes: b"{}".to_vec() };
    for tag in ["1", "2", "3"] {
        crate::registry::testing::tag(&repository, &manifest, tag).await.unwrap();
    }
    let lines = server.lines();
    let of = |method: &str| lines.iter().filter(|line| line.starts_with(method)).count();
    assert!(of("PATCH") >= 3 && of("GET /token") >= 4, "{lines:?}");
}

#[tokio::test]
async fn rights_that_are_missing_are_asked_for_once() {
    for status in [401, 403] {
        let server = Server::start(move |seen| {
            if seen.target.starts_with("/token") {
                let token = if seen.target.contains("delete") { "more" } else { "less" };
                return Reply::new(200).body(format!(r#"{{"token":"{token}"}}"#));
            }
            let realm = format!(r#"Bearer realm="http://{}/token",service="s""#, seen.header("host"));
            match (seen.header("authorization"), seen.target.contains("/2")) {
                ("Bearer more", false) => Reply::new(200).body("{}"),
                ("", _) => Reply::new(401).with("WWW-Authenticate", realm),
                _ => Reply::new(status).with(
                    "WWW-Authenticate",
                    format!(r#"{realm},scope="repository:a:pull,delete aws",error="insufficient_scope""#),
                ),
            }
        })
        .await;
        let repository = server.source("a");
        repository.manifest(&Selector::Tag("1".to_owned())).await.unwrap();
        let scope = "GET /token?service=s&scope=aws&scope=repository%3Aa%3Adelete%2Cpull";
        assert!(server.lines().contains(&scope.to_owned()), "{:?}", server.lines());
        let before = server.lines().len();
        assert!(repository.manifest(&Selector::Tag("2".to_owned())).await.is_err());
        assert_eq!(server.lines().len() - before, 5, "{status}: {:?}", server.lines());
    }
}

#[tokio::test]
async fn transfers_at_a_time_share_one_token_for_each_scope() {
    let server = registry(|_| Reply::new(200).body(r#"{"token":"T"}"#)).await;
    let repository = server.source("a");
    let blob = Descriptor::of("x", b"{}");
    let reads = join_all((0..6).map(|_| async { repository.blob(&blob).await.map(|_| ()) })).await;
    assert!(reads.iter().all(Result::is_ok));
    let other = Digest::of(b"{}");
    let manifests = join_all((0..6).map(|_| async { repository.manifest(&Selector::Digest(other)).await })).await;
    assert!(manifests.iter().all(Result::is_ok));
    assert_eq!(server.lines().iter().filter(|line| line.contains("/token")).count(), 1);
}

#[test]
fn lifetimes_are_read_in_every_form() {
    let headers = HeaderMap::from_iter([(DATE, HeaderValue::from_static("Wed, 21 Oct 2026 07:28:00 GMT"))]);
    let life = |expires_in: Value, issued_at: Value| {
        let answer = TokenAnswer { token: Value::Null, access_token: Value::Null, expires_in, issued_at };
        answer.life(&headers).as_secs()
    };
    for (expires_in, seconds) in [
        (Value::Null, 60),
        (json!(300), 300),
        (json!("300"), 300),
        (json!(300.9), 300),
        (json!(0), 60),
        (json!(-5), 60),
        (json!("soon"), 60),
        (json!([]), 60),
        (json!(u64::MAX), u64::MAX),
        (json!(1e300), u64::MAX),
    ] {
        assert_eq!(life(expires_in.clone(), Value::Null), seconds, "{expires_in}");
    }
    for (issued_at, seconds) in [
        (json!("2026-10-21T07:28:00Z"), 300),
        (json!("2026-10-21T07:27:00.5Z"), 240),
        (json!("2026-10-21T09:27:00+02:00"), 240),
        (json!("2026-10-21T08:28:00Z"), 300), // in the future
        (json!("2026-10-21T07:23:00Z"), 300), // expired already
        (json!("0001-01-01T00:00:00Z"), 300), // Go's zero
        (json!("yesterday"), 300),
        (json!(1_792_567_680), 300),
    ] {
        assert_eq!(life(json!(300), issued_at.clone()), seconds, "{issued_at}");
    }
}

#[test]
fn a_realms_own_query_stays() {
    let realm = Url::parse("https://auth.example.org/token?account=x").unwrap();
    let url = query(&realm, Some("r io"), &Scopes::push("a/b")).url;
    assert_eq!(
        url.as_str(),
        "https://auth.example.org/token?account=x&service=r+io&scope=repository%3Aa%2Fb%3Apull%2Cpush"
    );
}
