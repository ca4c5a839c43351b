use super::*;
use crate::registry::error::Intent;

fn client() -> Client {
    Client::new(Arc::default(), "carboy")
}

fn access(host: &str) -> RepositoryAccess {
    RepositoryAccess { host: host.to_owned(), repository: "a/b".to_owned(), intent: Intent::Pull }
}

fn text(text: &str) -> CredentialSource {
    CredentialSource::File(AuthFile::Text { variable: "DOCKER_AUTH_CONFIG", text: text.to_owned() })
}

fn login(registry: &str, intent: Option<Intent>) -> CredentialSource {
    let (user, password) = ("u".to_owned(), "p".to_owned());
    CredentialSource::Login(Login {
        registry: registry.to_owned(),
        user,
        password,
        name: "X_PASSWORD".to_owned(),
        intent,
    })
}

/// Returns the origin of what is found, and the failures before it.
async fn find(sources: Vec<CredentialSource>, access: &RepositoryAccess) -> (Option<String>, Vec<String>) {
    let lookup = Credentials::new(sources).find(&client(), access, None).await;
    let origin = lookup.found.map(|found| found.origin.to_string());
    (origin, lookup.failures.iter().map(|failure| failure.error.line()).collect())
}

#[tokio::test]
async fn the_first_source_with_a_credential_wins() {
    let file = || text(r#"{"auths":{"r":{"auth":"eDp5"},"broken":{"auth":"!"}}}"#);
    let some = |name: &str| (Some(name.to_owned()), Vec::new());
    assert_eq!(find(vec![], &access("r")).await, (None, vec![]));
    assert_eq!(find(vec![file(), login("r", None)], &access("r")).await, some("DOCKER_AUTH_CONFIG"));
    assert_eq!(find(vec![login("R", None), file()], &access("r")).await, some("X_PASSWORD"));
    assert_eq!(find(vec![login("r", Some(Intent::Push)), file()], &access("r")).await, some("DOCKER_AUTH_CONFIG"));
    assert_eq!(find(vec![login("index.docker.io", None)], &access("docker.io")).await, some("X_PASSWORD"));
    assert_eq!(find(vec![file(), login("r", None)], &access("other")).await, (None, vec![]));
}

#[tokio::test]
async fn a_source_that_fails_hides_neither_the_others_nor_itself() {
    let broken = "cannot use the entry `broken` of DOCKER_AUTH_CONFIG: its `auth` is not base64 of USER:PASSWORD";
    let file = || text(r#"{"auths":{"r":{"auth":"eDp5"},"broken":{"auth":"!"}}}"#);
    assert_eq!(find(vec![file()], &access("broken")).await, (None, vec![broken.to_owned()]));
    let (origin, failures) = find(vec![text("{"), file(), login("broken", None)], &access("broken")).await;
    assert_eq!(origin.as_deref(), Some("X_PASSWORD"));
    let [parse, entry] = &failures[..] else { panic!("{failures:?}") };
    assert!(parse.starts_with("cannot parse DOCKER_AUTH_CONFIG: EOF"), "{parse}");
    assert_eq!(entry, broken);
    // The entry below a broken one.
    let nested = text(r#"{"auths":{"r/a":{"auth":"!"},"r":{"auth":"eDp5"}}}"#);
    let (origin, failures) = find(vec![nested], &access("r")).await;
    assert_eq!((origin.as_deref(), failures.len()), (Some("DOCKER_AUTH_CONFIG"), 1));
    let none = CredentialSource::File(AuthFile::Path("/no/such/config.json".into()));
    assert_eq!(find(vec![none], &access("r")).await, (None, vec![]));
    let directory = CredentialSource::File(AuthFile::Path("/".into()));
    assert_eq!(find(vec![directory], &access("r")).await.1, ["cannot read `/`: Is a directory (os error 21)"]);
}

#[tokio::test]
async fn a_helper_that_is_missing_is_told_with_path() {
    let lookup = |config: &str| {
        let credentials = Credentials::new(vec![text(config)]);
        async move { credentials.find(&client(), &access("r"), None).await.failures.remove(0).error }
    };
    let error = lookup(r#"{"credsStore":"carboy-has-none"}"#).await;
    assert_eq!(error.line(), "cannot get the credentials for r: docker-credential-carboy-has-none is not in PATH");
    assert_eq!(
        error.hint.unwrap(),
        "DOCKER_AUTH_CONFIG names the helper: install docker-credential-carboy-has-none, or add its directory to PATH"
    );
    let error = lookup(r#"{"credsStore":"/../../tmp/x"}"#).await;
    assert_eq!(error.line(), "cannot get the credentials for r: `/../../tmp/x` is not the name of a program");
}
