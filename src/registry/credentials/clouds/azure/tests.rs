use super::*;
use crate::http::testing::{Reply, Seen, Server};
use crate::registry::credentials::Credential;
use crate::registry::credentials::clouds::testing::{environment, http};

const HOST: &str = "acme.azurecr.io";

/// A service that plays Entra, the metadata services and the registry.
async fn azure() -> Server {
    Server::start(|seen: &Seen| match seen.target.split('?').next().unwrap_or_default() {
        "/tenant/oauth2/v2.0/token" => Reply::new(200).body(r#"{"access_token":"entra","expires_in":3599}"#),
        "/metadata/identity/oauth2/token" if seen.header("metadata") == "true" => {
            Reply::new(200).body(r#"{"access_token":"machine","expires_in":"3599"}"#)
        }
        "/app" if seen.header("x-identity-header") == "h" => Reply::new(200).body(r#"{"access_token":"app"}"#),
        "/oauth2/exchange" => Reply::new(200).body(r#"{"refresh_token":"refresh"}"#),
        _ => Reply::new(401).body(r#"{"error":"x","error_description":"AADSTS7000215: Invalid client secret"}"#),
    })
    .await
}

async fn issued(server: &Server, variables: &[(&str, &str)]) -> Result<Option<Issued>, Failure> {
    let url = format!("http://{}", server.address);
    let environment = environment(&[&[("AZURE_AUTHORITY_HOST", url.as_str())], variables].concat());
    issue_at(&environment, &http(), HOST, &url).await
}

#[test]
fn hosts_of_azure_are_known() {
    assert!(covers("acme.azurecr.io") && covers("acme.azurecr.cn") && covers("acme.azurecr.us"));
    assert!(!covers("azurecr.io") && !covers("acme.azurecr.io.evil.example") && !covers("evilazurecr.io"));
}

#[tokio::test]
async fn identities_are_exchanged_at_the_registry() {
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "federated\n").unwrap();
    let file = token.path().display().to_string();
    let server = azure().await;
    let root = format!("http://{}", server.address);
    let app = format!("{root}/app");
    let principal = [("AZURE_CLIENT_ID", "id"), ("AZURE_TENANT_ID", "tenant")];
    for (more, proof, origin) in [
        (
            vec![principal[0], principal[1], ("AZURE_CLIENT_SECRET", "s3cret")],
            "entra&tenant=tenant",
            "AZURE_CLIENT_SECRET",
        ),
        (
            vec![principal[0], principal[1], ("AZURE_FEDERATED_TOKEN_FILE", file.as_str())],
            "entra&tenant=tenant",
            "AZURE_FEDERATED_TOKEN_FILE",
        ),
        (vec![("AZURE_POD_IDENTITY_AUTHORITY_HOST", root.as_str())], "machine", "this machine's managed identity"),
        (vec![("IDENTITY_ENDPOINT", app.as_str()), ("IDENTITY_HEADER", "h")], "app", "this machine's managed identity"),
    ] {
        let issued = issued(&server, &more).await.unwrap().unwrap();
        assert!(issued.credential == Credential::Password { user: USER.to_owned(), password: "refresh".to_owned() });
        assert_eq!(issued.origin, origin);
        let last = server.seen().pop().unwrap();
        assert_eq!(last.line(), "POST /oauth2/exchange");
        let form = String::from_utf8_lossy(&last.body).into_owned();
        assert_eq!(form, format!("grant_type=access_token&service={HOST}&access_token={proof}"));
    }
    let seen = server.seen();
    let forms: Vec<_> = seen
        .iter()
        .filter(|seen| seen.target.contains("v2.0"))
        .map(|seen| String::from_utf8_lossy(&seen.body))
        .collect();
    let start = "grant_type=client_credentials&client_id=id&scope=https%3A%2F%2Fcontainerregistry.azure.net%2F.default";
    assert_eq!(forms[0], format!("{start}&client_secret=s3cret"));
    let kind = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
    assert_eq!(forms[1], format!("{start}&client_assertion_type={kind}&client_assertion=federated"));
    let machine = seen.iter().find(|seen| seen.target.starts_with("/metadata")).unwrap();
    assert!(machine.target.ends_with("?api-version=2018-02-01&resource=https%3A%2F%2Fcontainerregistry.azure.net"));
}

#[tokio::test]
async fn no_identity_is_no_error_and_a_refused_one_is() {
    let server = azure().await;
    assert!(issued(&server, &[]).await.unwrap().is_none());
    let wrong = [("AZURE_CLIENT_ID", "id"), ("AZURE_TENANT_ID", "other"), ("AZURE_CLIENT_SECRET", "s3cret")];
    let failure = issued(&server, &wrong).await.err().unwrap();
    assert_eq!(failure.error.line(), format!("{} refuses: AADSTS7000215: Invalid client secret", server.address));
}
