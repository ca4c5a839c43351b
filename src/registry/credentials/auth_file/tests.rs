use super::*;

/// Returns the places that are asked, in order: helpers by name, entries by key.
fn asked(document: &Value, registry: &str, repository: &str) -> Vec<String> {
    let config = AuthConfig::parse(document.to_string().as_bytes()).unwrap();
    let candidates = config.candidates(registry, repository);
    let text = |candidate: &Candidate<'_>| match candidate {
        Candidate::Helper(helper) => format!("{} for {}", helper.name, helper.server),
        Candidate::Stored { key, .. } => (*key).to_owned(),
    };
    candidates.iter().map(text).collect()
}

#[test]
fn the_longest_key_is_asked_first() {
    let entry = json!({ "auth": "eDp5" });
    let document = json!({ "auths": {
        "ghcr.io": entry, "ghcr.io/acme": entry, "ghcr.io/acme/shop": entry, "https://quay.io/v2/": entry,
        "https://index.docker.io/v1/": entry, "docker.io/acme": entry, "127.0.0.1:5000": entry,
        "http://lan:5000": entry, "https://old.example/v1/": entry, "old.example": entry, "Mixed.Example": entry,
        "https://deep.example/a/b": entry,
    } });
    for (registry, repository, expected) in [
        ("ghcr.io", "acme/shop", &["ghcr.io/acme/shop", "ghcr.io/acme", "ghcr.io"][..]),
        ("ghcr.io", "acme/shopping", &["ghcr.io/acme", "ghcr.io"]),
        ("ghcr.io", "acme2/shop", &["ghcr.io"]),
        ("quay.io", "a/b", &["https://quay.io/v2/"]),
        ("docker.io", "library/python", &["https://index.docker.io/v1/"]),
        ("registry-1.docker.io", "acme/shop", &["docker.io/acme", "https://index.docker.io/v1/"]),
        ("127.0.0.1:5000", "a", &["127.0.0.1:5000"]),
        ("lan:5000", "a", &["http://lan:5000"]),
        ("old.example", "a", &["old.example", "https://old.example/v1/"]),
        ("mixed.example", "a", &["Mixed.Example"]),
        ("deep.example", "c", &["https://deep.example/a/b"]),
        ("127.0.0.1", "a", &[]),
        ("io", "a", &[]),
    ] {
        assert_eq!(asked(&document, registry, repository), expected, "{registry}/{repository}");
    }
}

#[test]
fn helpers_come_before_entries() {
    let document = json!({
        "auths": { "ghcr.io": { "auth": "" }, "quay.io": {}, "lan": { "auth": "eDp5" }, "ecr": null },
        "credHelpers": { "ecr": "ecr-login", "docker.io": "hub", "lan": "", "odd": null }, "credsStore": "desktop",
    });
    for (registry, expected) in [
        ("ghcr.io", &["desktop for ghcr.io"][..]),
        ("quay.io", &["desktop for quay.io"]),
        ("lan", &["desktop for lan", "lan"]),
        ("ecr", &["ecr-login for ecr"]),
        ("odd", &["desktop for odd"]),
        ("index.docker.io", &["hub for https://index.docker.io/v1/"]),
    ] {
        assert_eq!(asked(&document, registry, "a/b"), expected, "{registry}");
    }
    assert!(asked(&json!({ "auths": { "ghcr.io": { "auth": "" } } }), "ghcr.io", "a").is_empty());
}

#[test]
fn files_are_read_as_docker_reads_them() {
    for (text, entries) in [
        ("", 0),
        (" \n", 0),
        ("null", 0),
        ("{}", 0),
        (r#"{"auths":null,"credHelpers":null,"credsStore":null}"#, 0),
        (r#"{"credsStore":7}"#, 0),
        (r#"{"auths":{"r":null}}"#, 0),
        (r#"{"auths":{"r":{"auth":null,"email":null}}}"#, 0),
        (r#"{"auths":{"r":{"auth":"eDp5"}}}"#, 1),
        ("\u{feff}{\"auths\":{\"r\":{\"auth\":\"eDp5\"}}}", 1),
        ("{\"Auths\":{\"r\":{\"Auth\":\"eDp5\"}}}\0\0", 1),
        (r#"{"auths":{"r":{"auth":"eDp5"}}} trailing"#, 1),
        (r#"{"auths":{"r":{"auth":"eDp5"},"other":[1]},"HttpHeaders":{"a":"b"},"currentContext":"x"}"#, 1),
    ] {
        let config = AuthConfig::parse(text.as_bytes()).unwrap();
        assert_eq!(config.candidates("r", "a").len(), entries, "{text}");
    }
    assert_eq!(
        AuthConfig::parse(b"{\"auths\":{\"r\":{\"auth\":\"eDp5\",\"email\":\"\xff\"}}}").unwrap().auths.len(),
        1
    );
    for (text, cause) in [
        ("{", "EOF while parsing an object at line 1 column 1"),
        ("[]", "it is not a JSON object"),
        (r#"{"auths":[]}"#, "`auths` is not an object"),
        (r#"{"credHelpers":"x"}"#, "`credHelpers` is not an object"),
    ] {
        assert_eq!(AuthConfig::parse(text.as_bytes()).err().unwrap(), cause);
    }
}

#[test]
fn entries_become_credentials() {
    let password =
        |user: &str, password: &str| Credential::Password { user: user.to_owned(), password: password.to_owned() };
    for (entry, expected) in [
        (json!({ "auth": "dXNlcjpwYTpzcw==", "identitytoken": "" }), password("user", "pa:ss")),
        (json!({ "auth": "dXNlcjpwYTpzcw" }), password("user", "pa:ss")),
        (json!({ "auth": "dXNl\r\ncjpw YTpzcw==\n" }), password("user", "pa:ss")),
        // `p\0\0`, `p\n`, and a user name in a field that docker does not read.
        (json!({ "auth": "dTpwAAA=" }), password("u", "p")),
        (json!({ "auth": "dTpwCg==", "username": "other", "password": "q" }), password("u", "p")),
        (json!({ "auth": "dXNlcjo=", "identitytoken": "t0ken" }), Credential::Identity("t0ken".to_owned())),
        (json!({ "identitytoken": "t", "registrytoken": "r" }), Credential::Token("r".to_owned())),
        (json!({ "username": "u", "password": "p", "auth": null }), password("u", "p")),
        (json!({ "Username": "u" }), password("u", "")),
    ] {
        assert!(decode(&entry) == Ok(Some(expected)), "{entry}");
    }
    for (entry, error) in [
        (json!({ "auth": "!!" }), EntryError::Auth),
        (json!({ "auth": "bm9jb2xvbg==" }), EntryError::Auth),
        (json!({ "auth": 7 }), EntryError::Form),
        (json!(["auth"]), EntryError::Form),
    ] {
        assert!(decode(&entry) == Err(error), "{entry}");
    }
}
