use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

use super::*;
use crate::http::testing::{Reply, Seen, Server};
use crate::registry::credentials::Credential;
use crate::registry::credentials::clouds::testing::{environment, http};

/// A key of nobody, in PKCS #8.
const KEY: &str = "\
MIIEvgIBADANBgkqhkiG9w0BAQEFAASCBKgwggSkAgEAAoIBAQD3wJ9L8Pq+K5mbup4Li8X1G2uZE/49ZQfhhW+r39Jp/ikCBau0\
pXZ0oF6AoAJPKaaXPVu3SfS6Mk47jjRp1STZEeYfJ4UAkGkVIuKn00t9217B//ifPx4qP2GvYXUG3UzaiWOiTlvAFfRyJK61c1Pw\
tg33vA1xPYrRGa4m+iGOPNiMqRC7+NJNVH3NJsuzBIClgjGwqdRffApXo2gZjXXek1fMp91H6dit965pelV0geVvtARZR7ID591M\
LsIMP76TqT0biGSezmC9sct9/7xVuoCLLavB5oeDmhYunuEhbkMjCXeAocDVKot3Gi5N1Zcn5X7w8ZOyxVmoPZrAKmW1AgMBAAEC\
ggEAJRHvQ9+kxPulGkYMC9I4JnqZ2OfC7NDHIxliIid1RmK/JAxRKtBvLvgn67sFXW7v/EU0CfLI6WtJhWO7t/Iqd0hUVGkHX5Q8\
BOuZWl8lNomyXfi87Kb3Dn85UJKWfhZyv2g7PjfXRqCCWOngMko1TxkOcfjzUfRRZwQeqLpYdv2cUxwo8VJYss7gTX8Xh4TycS9+\
uLx+fV2PEZ8KSgkhcgVolk5KicSZ+l+NLt6PbEAXED5YsyIWz3eE2XsRWlzg5gXW+bFt+dZYWpX65K3wXtAvxgSdGBYXbW2p2yKd\
HggWZ0Ay1snPwTVicv4tlUxwB8P3PZlETQarFsa0/b4wKQKBgQD96TIDwWQQGno3mHVgRxYdB7k5K7res9eh4OWNv/nr8DLwqOEz\
isopBZIvZWpJV0aq9nBd1HIfcBgXb69sqT0wnzzloXy64ZTRojS2l693q1hhU0HOS3OeztydpJd+Z5eUXtLjma/vKWshVNS4VmOm\
Rr6yGSeDfd6gPnw33eSZ5wKBgQD5ynSYZqDRuls2D/NxM4dfv8b9Nl+aZ+u4NuHh1ynflR9UZxuXaRVayU2KwLb25QLAft3PhQXE\
PlSYJh6qZ36G/KdQ9lqeHWSGd8rXHVMCEw5ArnyfXP1+rJEBDh2EcEqVgz6dvp6GdSfME1JyYKdR8CMDuub97Kpc9WDMZPuoAwKB\
gQCN0L16k31L8T3p52FHkOys8i9l2yLYWCJL68zKyzrPqK0K9YgyvYYEO3RWvJIMvI5f1p0UCyBipr0N+fdE/ZGLoqTkrLl5t5zj\
KXG/uiDq+ey3D0Vl74Z4YJmgAtoKY9mpqPyo2qIFNmD7kOHuw3GM4V6JIruLGbZKUhwXJ/wSaQKBgGKGorrCMEjJUtTeMc3C33C6\
+khCPC9xMh71Nt+XuOKBtVvbV5y/TDcFE9rY7NIxvoYjBGaoN4ASfdeNoabhL50a5vweT9vyCAaqFY4H+QfmcEa/DFTnnu1qL7/U\
y3vDtweGPxqFZ43thAcQ0AJhcV32dDkybY5W3VPRTZ8Rbdn1AoGBAPbU/68Z4fxCv4PovLGuFAJO+KIe8dLpV4nQAkact0RVyLZT\
F8VzD/RLy0M2CF2RGpPmg2e7iG1USPgFZ/AHtE6n3urJbrMIph9fn71wu0IT8G5mCjZpiVZgj0DCPK6cC8+XorZg9lqLufC1wa+f\
ehS3Os1XwVY1hrFiPOdQxKEi";

/// A service that plays the token endpoints and the metadata server.
async fn google() -> Server {
    Server::start(|seen: &Seen| match seen.line().as_str() {
        "POST /token" | "POST /sts" => Reply::new(200).body(r#"{"access_token":"ya29.token","expires_in":3599}"#),
        "POST /impersonate" => {
            Reply::new(200).body(r#"{"accessToken":"ya29.other","expireTime":"2026-01-02T04:04:05Z"}"#)
        }
        "GET /id?audience=x" => Reply::new(200).body(r#"{"value":"the-job"}"#),
        "GET /computeMetadata/v1/instance/service-accounts/default/token"
            if seen.header("metadata-flavor") == "Google" =>
        {
            Reply::new(200).body(r#"{"access_token":"ya29.machine","expires_in":3599,"token_type":"Bearer"}"#)
        }
        _ => Reply::new(400).body(r#"{"error":"invalid_grant","error_description":"no such account"}"#),
    })
    .await
}

async fn issued(account: &Value) -> Result<Option<Issued>, Failure> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), account.to_string()).unwrap();
    issue(&environment(&[(VARIABLE, &file.path().display().to_string())]), &http()).await
}

fn assert_password(issued: &Issued, expected: &str) {
    let password = Credential::Password { user: USER.to_owned(), password: expected.to_owned() };
    assert!(issued.credential == password, "not {expected}");
}

#[test]
fn hosts_of_google_are_known() {
    for host in ["gcr.io", "eu.gcr.io", "europe-west3-docker.pkg.dev"] {
        assert!(covers(host), "{host}");
    }
    for host in ["pkg.dev.evil.example", "evilgcr.io", "ghcr.io"] {
        assert!(!covers(host), "{host}");
    }
}

#[tokio::test]
async fn a_service_accounts_key_signs_for_a_token() {
    let server = google().await;
    let uri = format!("http://{}/token", server.address);
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{KEY}\n-----END PRIVATE KEY-----\n");
    let account = json!({
        "type": "service_account", "client_email": "ci@acme.iam", "private_key": pem, "private_key_id": "k1",
        "token_uri": uri, "project_id": "acme",
    });
    let issued = issued(&account).await.unwrap().unwrap();
    assert_eq!(issued.life, Some(Duration::from_secs(3599)));
    assert_password(&issued, "ya29.token");
    let body = String::from_utf8(server.seen()[0].body.clone()).unwrap();
    let start = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=";
    let token = body.strip_prefix(start).unwrap();
    let (text, signature) = token.rsplit_once('.').unwrap();
    let decode = |part: &str| BASE64_URL_SAFE_NO_PAD.decode(part).unwrap();
    let (header, claims) = text.split_once('.').unwrap();
    let json = |part: &str| serde_json::from_slice::<Value>(&decode(part)).unwrap();
    assert_eq!(json(header), json!({ "alg": "RS256", "typ": "JWT", "kid": "k1" }));
    let expected =
        json!({ "iss": "ci@acme.iam", "scope": SCOPE, "aud": uri, "iat": 1_767_323_045, "exp": 1_767_326_645 });
    assert_eq!(json(claims), expected);
    let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).unwrap();
    let key = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).unwrap();
    let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key.public());
    public.verify(text.as_bytes(), &decode(signature)).unwrap();
}

#[tokio::test]
async fn other_accounts_are_exchanged() {
    let server = google().await;
    let url = |path: &str| format!("http://{}/{path}", server.address);
    let user = json!({
        "type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": "r", "token_uri": url("token"),
    });
    assert_password(&issued(&user).await.unwrap().unwrap(), "ya29.token");
    let source = json!({
        "url": url("id?audience=x"), "headers": { "Authorization": "Bearer job" },
        "format": { "type": "json", "subject_token_field_name": "value" },
    });
    let federated = json!({
        "type": "external_account", "audience": "//iam/pool", "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": url("sts"), "service_account_impersonation_url": url("impersonate"), "credential_source": source,
    });
    assert_password(&issued(&federated).await.unwrap().unwrap(), "ya29.other");
    let seen = server.seen();
    let of = |line: &str| seen.iter().find(|seen| seen.line() == line).unwrap();
    assert_eq!(of("GET /id?audience=x").header("authorization"), "Bearer job");
    let form = String::from_utf8_lossy(&of("POST /sts").body).into_owned();
    assert!(form.contains("audience=%2F%2Fiam%2Fpool") && form.ends_with("subject_token=the-job"), "{form}");
    assert_eq!(of("POST /impersonate").header("authorization"), "Bearer ya29.token");
    let token = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(token.path(), "from-a-file\n").unwrap();
    let mut of_file = federated.clone();
    of_file["credential_source"] = json!({ "file": token.path() });
    of_file["service_account_impersonation_url"] = Value::Null;
    assert_password(&issued(&of_file).await.unwrap().unwrap(), "ya29.token");
    let last = server.seen().pop().unwrap();
    assert!(String::from_utf8_lossy(&last.body).ends_with("subject_token=from-a-file"));
}

#[tokio::test]
async fn the_machines_account_comes_from_its_metadata_server() {
    let server = google().await;
    let found = issue(&environment(&[("GCE_METADATA_HOST", &server.address)]), &http()).await.unwrap().unwrap();
    assert_eq!(found.origin, "this machine's Google account");
    assert_password(&found, "ya29.machine");
    assert!(issue(&environment(&[]), &http()).await.unwrap().is_none());
    // A server that does not answer in time is none.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let http = http().with_metadata_limit(Duration::from_millis(50));
    assert!(issue(&environment(&[("GCE_METADATA_HOST", &address)]), &http).await.unwrap().is_none());
}

#[tokio::test]
async fn accounts_that_cannot_be_used_are_named() {
    let line = async |account: Value| issued(&account).await.err().unwrap().error.line();
    for (account, cause) in [
        (json!([]), ": it is not a file of an account"),
        (json!({ "type": "gdch_service_account" }), ": carboy does not know its `type`"),
        (
            json!({ "type": "service_account", "client_email": "c", "private_key": "x" }),
            ": its `private_key` is not an RSA key in PKCS #8",
        ),
    ] {
        let line = line(account).await;
        assert!(line.starts_with("cannot use the account in `/") && line.ends_with(cause), "{line}");
    }
    let failure = issue(&environment(&[(VARIABLE, "/no/such.json")]), &http()).await.err().unwrap();
    assert!(
        failure.error.line().starts_with("cannot read `/no/such.json`, which GOOGLE_APPLICATION_CREDENTIALS names")
    );
}
