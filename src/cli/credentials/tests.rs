use std::collections::BTreeMap;
use std::sync::Mutex;

use super::*;
use crate::progress::Event;

#[derive(Default)]
struct Warnings(Mutex<Vec<String>>);

impl Progress for Warnings {
    fn on(&self, event: Event) {
        if let Event::Diagnostic(warning) = event {
            self.0.lock().unwrap().push(warning.line());
        }
    }
}

/// Returns the sources in their order, each in a few words, and the warnings.
fn sources(variables: &[(&str, &str)], args: [Option<&str>; 2], named: &NamedImages) -> (Vec<String>, Vec<String>) {
    let variables: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let warnings = Warnings::default();
    let machine = Machine {
        variable: Arc::new(move |name| variables.get(name).cloned()),
        home: Some("/home/me".into()),
        project: None,
        progress: &warnings,
    };
    let [from_creds, to_creds] = args.map(|value| value.map(str::to_owned));
    let text = |source: &CredentialSource| match source {
        CredentialSource::Login(login) => format!("{}@{} by {}", login.user, login.registry, login.name),
        CredentialSource::File(file) => file.name(),
        CredentialSource::Clouds(_) => "clouds".to_owned(),
    };
    let sources = machine.sources(&CredentialArgs { from_creds, to_creds }, named).iter().map(text).collect();
    (sources, warnings.0.into_inner().unwrap())
}

fn pushing(target: &str) -> NamedImages {
    NamedImages { targets: vec![target.to_owned()], sources: Vec::new(), pushes: true }
}

#[test]
fn sources_have_an_order() {
    let variables = [
        ("CARBOY_USERNAME", "me"),
        ("CARBOY_PASSWORD", "p"),
        ("CARBOY_REGISTRY", "https://lan:5000/x"),
        ("DOCKER_AUTH_CONFIG", "{}"),
        ("DOCKER_CONFIG", "/docker"),
        ("XDG_RUNTIME_DIR", "/run/user/1000"),
        ("CI_REGISTRY", "registry.gitlab.com"),
        ("CI_REGISTRY_USER", "ci"),
        ("CI_REGISTRY_PASSWORD", "j"),
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_ACTOR", "octo"),
        ("GITHUB_TOKEN", "g"),
    ];
    let named = NamedImages { sources: vec!["quay.io/a".to_owned()], ..pushing("ghcr.io/a/b:1") };
    let (order, warnings) = sources(&variables, [Some("f:p"), Some("t:p:q")], &named);
    assert_eq!(
        order,
        [
            "f@quay.io by --from-creds",
            "t@ghcr.io by --to-creds",
            "me@lan:5000 by CARBOY_PASSWORD",
            "DOCKER_AUTH_CONFIG",
            "`/docker/config.json`",
            "`/run/user/1000/containers/auth.json`",
            "`/home/me/.config/containers/auth.json`",
            "ci@registry.gitlab.com by CI_REGISTRY_PASSWORD",
            "octo@ghcr.io by GITHUB_TOKEN",
            "clouds",
        ]
    );
    assert!(warnings.is_empty(), "{warnings:?}");
    let elsewhere = [("REGISTRY_AUTH_FILE", "/auth.json"), ("GITHUB_TOKEN", "g")];
    let (order, _) = sources(&elsewhere, [None, None], &NamedImages::default());
    assert_eq!(order, ["`/home/me/.docker/config.json`", "`/auth.json`", "clouds"]);
}

#[test]
fn passwords_are_for_registries_that_flags_and_variables_name() {
    let login = [("CARBOY_USERNAME", "me"), ("CARBOY_PASSWORD", "s3cret")];
    let first = |args, named: &NamedImages| {
        let (mut order, warnings) = sources(&login, args, named);
        (order.remove(0), warnings)
    };
    let (order, warnings) = first([None, None], &pushing("127.0.0.1:5000/a"));
    assert_eq!((order.as_str(), warnings.len()), ("me@127.0.0.1:5000 by CARBOY_PASSWORD", 0));
    // The target is in the project's file.
    let project = NamedImages { pushes: true, ..NamedImages::default() };
    let (order, warnings) = first([Some("a:b"), Some("c:d")], &project);
    assert_eq!(order, "`/home/me/.docker/config.json`");
    assert_eq!(
        warnings,
        [
            "--from-creds is not used: no flag or variable names its registry",
            "--to-creds is not used: no flag or variable names its registry",
            "CARBOY_PASSWORD is not used: no flag or variable names its registry"
        ]
    );
    // A plan has no use for them.
    assert!(first([None, Some("c:d")], &NamedImages::default()).1.is_empty());
    let two = NamedImages { sources: vec!["a.example/x".to_owned(), "python".to_owned()], ..NamedImages::default() };
    assert_eq!(
        first([Some("a:b"), None], &two).1,
        ["--from-creds is not used: it is for one registry, and a.example and docker.io are named"]
    );
    let layout = first([None, Some("s3cret")], &pushing("oci:out")).1;
    assert_eq!(layout[0], "--to-creds is not used: it is not USER:PASSWORD");
    assert!(!layout.concat().contains("s3cret"));
    assert_eq!(
        sources(&login[1..], [None, None], &pushing("r.example/a")).1,
        ["CARBOY_PASSWORD is not used: CARBOY_USERNAME is not set"]
    );
}
