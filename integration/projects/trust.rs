//! A project's files cannot send the machine's secrets to a host of their choice.

use crate::folder::project;
use crate::support::harness::{AMD64, CC, Harness, SLIM};
use crate::support::scripted::{Reply, Scripted};
use crate::wheels::Wheel;

const SECRET: &str = "s3cret-of-the-machine";
/// `ci:s3cret-of-the-machine`.
const BASIC: &str = "Basic Y2k6czNjcmV0LW9mLXRoZS1tYWNoaW5l";

/// An index of one wheel for those who have the login; it notes what others send.
fn index() -> Scripted {
    let wheel = Wheel::simple("alpha", "1.0");
    let (file, bytes) = (wheel.file_name(), wheel.bytes());
    let page = format!("<a href=\"/files/{file}#sha256={}\">{file}</a>", &wheel.sha256()["sha256:".len()..]);
    Scripted::start(move |request| match request.headers.get("authorization") {
        Some(given) if given == BASIC && request.is("GET", "/files/") => Reply::new(200).body(&bytes),
        Some(given) if given == BASIC => Reply::new(200).with("Content-Type", "text/html").body(&page),
        _ => Reply::new(401).with("WWW-Authenticate", "Basic realm=\"i\""),
    })
}

/// Whether any request to an index contained a part of the login.
fn was_told(index: &Scripted) -> bool {
    let text = |line: &str| line.contains("s3cret") || line.contains("Y2k6");
    index.requests().iter().any(|request| text(&request.line) || request.headers.values().any(|value| text(value)))
}

/// A harness whose machine has the secret, and whose project pins `alpha`.
fn with_secret() -> Harness {
    project().env("CI_SECRET", SECRET).env("ci_secret", SECRET).file("requirements.txt", "alpha==1.0\n")
}

const HERE: [&str; 3] = [CC, SLIM, AMD64];

/// Formats whose URLs have variables, the URL standing as `URL`.
const FILES: [(&str, &str); 5] = [
    ("requirements.txt", "--index-url URL/simple\nalpha==1.0\n"),
    ("requirements.txt", "alpha==1.0\n--extra-index-url=URL/simple\n"),
    ("requirements.txt", "--find-links URL/simple/\nalpha==1.0\n"),
    ("requirements.txt", "alpha @ URL/files/alpha-1.0-py3-none-any.whl\n"),
    (
        "Pipfile.lock",
        r#"{"_meta": {"sources": [{"name": "i", "url": "URL/simple", "verify_ssl": true}]}, "default": {"alpha": {"version": "==1.0", "index": "i"}}}"#,
    ),
];

#[test]
fn variables_are_not_sent_to_hosts_that_only_the_project_names() {
    let index = index();
    for (file, text) in FILES {
        for login in ["ci:$CI_SECRET", "ci:${ci_secret}", "$ci_secret", "ci:x${CI_SECRET}y"] {
            let text = text.replace("URL", &format!("http://{login}@{}", index.host));
            let harness = with_secret().file(file, &text);
            // Not where the machine names another port of the host either.
            let told = harness.env("PIP_EXTRA_INDEX_URL", "http://127.0.0.1:1/simple").fails(&HERE);
            assert!(told.starts_with("exit: 2\n") && told.contains("UV_INDEX_NAME_PASSWORD"), "{told}");
            assert!(told.contains("netrc") && !told.contains("s3cret"), "{told}");
        }
    }
    assert!(index.requests().is_empty());
    let text = "--index-url https://ci:$CI_SECRET@index.invalid/simple\nalpha==1.0\n";
    insta::assert_snapshot!(with_secret().file("requirements.txt", text).fails(&HERE), @"
    exit: 2
    -- stdout
    -- stderr
    error[invalid-lock-file]: requirements.txt:1: the variable `$CI_SECRET` would be sent to index.invalid, which this machine's configuration does not name

    hint: leave the login out of the URL, and give it by UV_INDEX_NAME_USERNAME and UV_INDEX_NAME_PASSWORD for the index NAME of pyproject.toml, or by a line of ~/.netrc: machine index.invalid login USER password PASSWORD
    ");
}

#[test]
fn variables_are_put_in_where_the_machine_names_the_host() {
    for (file, text) in FILES {
        let index = index();
        let text = text.replace("URL", &format!("http://ci:${{CI_SECRET}}@{}", index.host));
        let mut harness = with_secret().file(file, &text).env("CARBOY_LOGIN_HOSTS", &index.host);
        assert_eq!(harness.distributions(&HERE), "alpha 1.0", "{file} {text}");
        assert!(was_told(&index));
    }
}

#[test]
fn a_login_by_name_is_restricted_by_the_machine() {
    let named =
        |host: &str| format!("[[tool.uv.index]]\nname = \"corp\"\nurl = \"http://{host}/simple\"\ndefault = true\n");
    for (variable, value, sent) in [
        ("CARBOY_LOGIN_HOSTS", "corp.invalid", false),
        ("UV_INDEX", "corp=https://corp.invalid/simple", false),
        ("CARBOY_LOGIN_HOSTS", "127.0.0.1", true),
        ("UV_INDEX_OTHER_PASSWORD", "x", true),
    ] {
        let index = index();
        let harness = with_secret().file("pyproject.toml", &named(&index.host)).env(variable, value);
        let harness = harness.env("UV_INDEX_CORP_USERNAME", "ci").env("UV_INDEX_CORP_PASSWORD", SECRET);
        let run = harness.run(&[&HERE[..], &["--wheelhouse", "wheels", "--push=false"]].concat());
        assert_eq!(run.code, Some(i32::from(!sent)), "{variable}: {}", run.text());
        assert_eq!(was_told(&index), sent, "{variable}: {}", run.text());
        assert!(!run.text().contains("s3cret"), "{}", run.text());
    }
}

/// As where `HOME` is the checkout: whoever changes the project writes these files.
#[test]
fn files_of_a_home_in_the_project_give_no_secrets_away() {
    for (path, text) in [
        (".netrc", "machine 127.0.0.1 login ci password x\n"),
        (".config/pip/pip.conf", "[global]\nextra-index-url = http://HOST/simple\n"),
        (".config/uv/uv.toml", "extra-index-url = [\"http://HOST/simple\"]\n"),
    ] {
        let index = index();
        let requirements = format!("--index-url http://ci:$CI_SECRET@{}/simple\nalpha==1.0\n", index.host);
        let harness =
            with_secret().file("requirements.txt", &requirements).file(path, &text.replace("HOST", &index.host));
        let home = harness.project().display().to_string();
        let told = harness.env("HOME", &home).fails(&HERE);
        assert!(told.starts_with("exit: 2\n") && told.contains("this machine's configuration does not name"), "{told}");
        assert!(told.contains(&format!("set CARBOY_LOGIN_HOSTS={}", index.host)), "{told}");
        assert!(index.requests().is_empty(), "{path}");
    }
}

#[test]
fn dockers_logins_and_netrc_of_a_home_in_the_project_are_not_read() {
    let harness = with_secret().file("requirements.txt", "").file(".netrc", "default login a password b\n");
    let mut harness = harness.file(".docker/config.json", "{");
    harness.verb(&["plan"]);
    let home = harness.project().display().to_string();
    let harness = harness.env("HOME", &home);
    let warnings = harness.warnings(&HERE);
    assert_eq!(warnings.matches(".docker/config.json` is not read").count(), 1, "{warnings}");
    assert_eq!(warnings.matches(".netrc` is not read").count(), 1, "{warnings}");
    let named = harness.env("DOCKER_CONFIG", &format!("{home}/.docker"));
    assert!(!named.warnings(&HERE).contains("config.json"));
}

#[test]
fn netrcs_default_is_not_sent_to_hosts_that_only_the_project_names() {
    for (variable, sent) in [("NOTHING", false), ("PIP_INDEX_URL", true), ("CARBOY_LOGIN_HOSTS", true)] {
        let index = index();
        let url = format!("http://{}/simple", index.host);
        let harness = with_secret().file("requirements.txt", &format!("--index-url {url}\nalpha==1.0\n"));
        std::fs::create_dir_all(harness.folder().join("home")).unwrap();
        std::fs::write(harness.folder().join("home/.netrc"), format!("default login ci password {SECRET}")).unwrap();
        let value = if variable == "PIP_INDEX_URL" { &url } else { &index.host };
        let run = harness.env(variable, value).run(&[&HERE[..], &["--push=false"]].concat());
        assert_eq!(run.code, Some(i32::from(!sent)), "{variable}: {}", run.text());
        assert_eq!(was_told(&index), sent, "{variable}: {}", run.text());
    }
}
