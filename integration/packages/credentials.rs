//! Logins reach their index, and nothing and nobody else.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use carboy::operation_error::OperationErrorKind;
use carboy::python::lock::Pinned;
use carboy::wheels::settings::{HostEnvironment, ProjectSources, settings};
use carboy::wheels::{WheelError, WheelSources};

use crate::harness::{ANY, Form, Harness, IndexPages, locked, target, with_files, with_hashes};
use crate::scripted::{Reply, Request, Scripted};

const PASSWORD: &str = "s3cret/p@ss";
/// `me:s3cret/p@ss`.
const BASIC: &str = "Basic bWU6czNjcmV0L3BAc3M=";
const ENCODED: &str = "me:s3cret%2Fp%40ss";

/// An index for those who have the password.
fn guarded() -> Scripted {
    let pages = IndexPages::of(Form::Html, &[ANY]);
    Scripted::start(move |request| {
        let known = request.headers.get("authorization").is_some_and(|given| given == BASIC);
        if known { pages.answer(request) } else { Reply::new(401).with("WWW-Authenticate", "Basic realm=\"i\"") }
    })
}

/// Settings of a project in the harness's folder; `INDEX` stands for the index.
fn configured(
    harness: &Harness,
    server: &Scripted,
    variables: &[(&str, &str)],
    files: &[(&str, &str)],
) -> WheelSources {
    let full = |text: &str| text.replace("INDEX", &server.host).replace("HOST", "127.0.0.1");
    for (path, text) in files {
        harness.file(path, full(text));
    }
    let variables: BTreeMap<_, _> = variables.iter().map(|(name, value)| ((*name).to_owned(), full(value))).collect();
    let (home, project) = (harness.folder.path().join("home"), harness.folder.path().join("project"));
    let around = HostEnvironment {
        variable: &|name| variables.get(name).cloned(),
        home: Some(&home),
        folder: &project,
        system: Path::new("/no/such/folder"),
        projects: &[&project],
        admit: &|_, _| Ok(()),
        is_projects: &|_| false,
    };
    settings(&ProjectSources::default(), &around).unwrap()
}

/// Everything that a run leaves behind, to look for secrets in it.
fn left_behind(harness: &Harness, error: Option<&WheelError>) -> String {
    let mut all = format!("{:?} {error:?}", harness.log.events());
    let mut open = vec![harness.folder.path().join("cache")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
        } else {
            all += &String::from_utf8_lossy(&fs::read(&path).unwrap());
        }
        all += &path.display().to_string();
    }
    all
}

fn keeps_quiet(harness: &Harness, error: Option<&WheelError>) {
    let all = left_behind(harness, error);
    for secret in ["s3cret", "p@ss", "p%40ss", "bWU6", "wrong-pw"] {
        assert!(!all.contains(secret), "{secret} in {all}");
    }
}

/// Names with values.
type Pairs<'a> = Vec<(&'a str, &'a str)>;

const NAMED: &str = "[[tool.uv.index]]\nname = \"my-index.x\"\nurl = \"http://INDEX/simple\"\ndefault = true\n";
const POETRY: &str = "[[tool.poetry.source]]\nname = \"acme\"\nurl = \"http://INDEX/simple/\"\n";

#[tokio::test]
async fn an_index_gets_its_login_from_wherever_it_is_given() {
    let in_url = format!("http://{ENCODED}@INDEX/simple");
    let env_uv = [("UV_INDEX_MY_INDEX_X_USERNAME", "me"), ("UV_INDEX_MY_INDEX_X_PASSWORD", PASSWORD)];
    let env_poetry = [("POETRY_HTTP_BASIC_ACME_USERNAME", "me"), ("POETRY_HTTP_BASIC_ACME_PASSWORD", PASSWORD)];
    let netrc = format!("machine 127.0.0.1 login me password \"{PASSWORD}\"");
    let anyone = format!("default login me password {PASSWORD}");
    let conf = format!("[global]\nindex-url = {in_url}\n");
    let user = format!("index-url = \"{in_url}\"\n");
    let named = [("UV_INDEX", "my-index.x=http://INDEX/simple"), env_uv[0], env_uv[1]];
    let ways: Vec<(&str, Pairs<'_>, Pairs<'_>)> = vec![
        ("URL of pip", vec![("PIP_INDEX_URL", &in_url)], vec![]),
        ("URL of uv", vec![("UV_INDEX_URL", &in_url)], vec![]),
        ("named index of uv", named.to_vec(), vec![]),
        ("named index of the project", env_uv.to_vec(), vec![("project/pyproject.toml", NAMED)]),
        ("poetry", env_poetry.to_vec(), vec![("project/pyproject.toml", POETRY)]),
        ("netrc", vec![("PIP_INDEX_URL", "http://INDEX/simple")], vec![("home/.netrc", &netrc)]),
        ("netrc for all", vec![("PIP_INDEX_URL", "http://INDEX/simple")], vec![("home/.netrc", &anyone)]),
        (
            "netrc elsewhere",
            vec![("NETRC", "rc"), ("PIP_INDEX_URL", "http://INDEX/simple")],
            vec![("project/rc", &netrc)],
        ),
        ("pip.conf", vec![], vec![("home/.config/pip/pip.conf", &conf)]),
        ("uv.toml", vec![], vec![("home/.config/uv/uv.toml", &user)]),
    ];
    for (way, variables, files) in ways {
        let (harness, server) = (Harness::new(), guarded());
        let settings = configured(&harness, &server, &variables, &files);
        let wheel = harness.wheel(settings, &with_files(vec![locked(ANY, None)])).await;
        assert_eq!(wheel.unwrap_or_else(|error| panic!("{way}: {error}")).name, ANY);
        keeps_quiet(&harness, None);
    }
}

#[tokio::test]
async fn a_refusal_names_the_index_and_how_to_log_in() {
    let hint = "give credentials by UV_INDEX_ACME_USERNAME and UV_INDEX_ACME_PASSWORD, or of a line of ~/.netrc: \
                machine 127.0.0.1 login USER password PASSWORD";
    let wrong = [("UV_DEFAULT_INDEX", "http://me:wrong-pw@INDEX/simple")];
    for (variables, hint) in [
        (&[("UV_DEFAULT_INDEX", "acme=http://INDEX/simple")][..], hint),
        (&wrong, "the credentials from UV_DEFAULT_INDEX do not give access: check them"),
    ] {
        let (harness, server) = (Harness::new(), guarded());
        let wheels = harness.wheels(configured(&harness, &server, variables, &[]));
        for name in ["six", "seven"] {
            let pinned = Pinned { name: name.to_owned(), ..with_hashes(None, Vec::new()) };
            let error = wheels.wheel(&pinned, &target("x86_64")).await.unwrap_err();
            assert_eq!(error.kind, OperationErrorKind::Denied);
            assert_eq!(error.message, format!("http://{}/simple refuses access: 401 Unauthorized", server.host));
            assert_eq!(error.hint.as_deref(), Some(hint));
            keeps_quiet(&harness, Some(&error));
        }
        assert_eq!(server.requests().len(), 1, "accounts get locked");
    }
}

#[tokio::test]
async fn other_hosts_learn_nothing() {
    let harness = Harness::new();
    let pages = IndexPages::of(Form::Json, &[ANY]);
    let store = Scripted::start(move |request| pages.answer(request));
    let (files, page) = (store.host.clone(), IndexPages::of(Form::Json, &[ANY]));
    let server = Scripted::start(move |request: &Request| {
        if request.is("GET", "/files/") {
            let target = request.line.split(' ').nth(1).unwrap();
            return Reply::new(302).with("Location", &format!("http://{files}{target}?X-Signature=s3cret"));
        }
        page.answer(request)
    });
    let index = format!("http://{ENCODED}@INDEX/simple");
    let settings = configured(&harness, &server, &[("UV_INDEX_URL", &index)], &[]);
    harness.wheel(settings, &with_files(vec![locked(ANY, None)])).await.unwrap();
    assert!(server.requests().iter().all(|request| request.headers["authorization"] == BASIC));
    assert_eq!(store.requests().len(), 1);
    assert!(!store.requests()[0].headers.contains_key("authorization"));
    keeps_quiet(&harness, None);
}

#[tokio::test]
async fn failures_of_all_kinds_keep_quiet() {
    for (status, header) in
        [(404, "X-A"), (403, "X-A"), (500, "X-A"), (429, "Retry-After"), (302, "Location"), (418, "X-A")]
    {
        let harness = Harness::new();
        let server = Scripted::start(move |_| Reply::new(status).with(header, "0").body("you sent me:s3cret/p@ss"));
        let index = format!("http://{ENCODED}@INDEX/simple?token=s3cret");
        let settings = configured(&harness, &server, &[("UV_INDEX_URL", &index)], &[]);
        let url = format!("http://{ENCODED}@{}/files/{ANY}?token=s3cret#s3cret", server.host);
        let error = harness.wheel(settings, &with_files(vec![locked(ANY, Some(url))])).await.unwrap_err();
        keeps_quiet(&harness, Some(&error));
    }
}
