//! Google's registries: `gcr.io`, `*.gcr.io` and `*.pkg.dev`.
//!
//! Source: Google's AIP-4110 to 4117 (application default credentials): a service account's key,
//! workload identity federation, a user's refresh token, the metadata server of the machine.

use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use reqwest::Method;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::cloud_http::{CloudHttp, with_form};
use super::environment::{CloudEnvironment, read};
use super::issued::Issued;
use crate::diagnostic::Code;
use crate::http::failure::Failure;
use crate::operation_error::OperationError;

/// The user name of all of Google's access tokens.
const USER: &str = "oauth2accesstoken";
const VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// The default token endpoint.
const TOKEN: &str = "https://oauth2.googleapis.com/token";
/// The address of the metadata server.
const METADATA: &str = "169.254.169.254";
/// The lifetime of a signed request, in seconds.
const LIFE: i64 = 3600;

/// A file of application default credentials.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum AccountFile {
    ServiceAccount {
        client_email: String,
        private_key: String,
        private_key_id: Option<String>,
        token_uri: Option<String>,
    },
    AuthorizedUser {
        client_id: String,
        client_secret: String,
        refresh_token: String,
        token_uri: Option<String>,
    },
    ExternalAccount(ExternalAccount),
    #[serde(other)]
    Other,
}

/// An account of another identity provider.
#[derive(Deserialize)]
struct ExternalAccount {
    audience: String,
    subject_token_type: String,
    token_url: String,
    service_account_impersonation_url: Option<String>,
    credential_source: CredentialSource,
}

/// The place of the provider's token.
#[derive(Deserialize)]
struct CredentialSource {
    file: Option<PathBuf>,
    url: Option<String>,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    format: Option<SourceFormat>,
}

#[derive(Deserialize)]
struct SourceFormat {
    #[serde(rename = "type")]
    kind: String,
    subject_token_field_name: Option<String>,
}

#[derive(Deserialize)]
struct Token {
    access_token: String,
    expires_in: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ImpersonatedToken {
    access_token: String,
}

/// Returns whether a host is a registry of Google's.
pub fn covers(host: &str) -> bool {
    host == "gcr.io" || host.ends_with(".gcr.io") || host.ends_with(".pkg.dev")
}

/// Returns an access token as a password; none without an account.
pub async fn issue(environment: &CloudEnvironment, http: &CloudHttp<'_>) -> Result<Option<Issued>, Failure> {
    let gcloud = environment.google_file.as_ref().filter(|file| file.exists());
    let named = environment.variable(VARIABLE).map(PathBuf::from);
    if let Some(file) = named.or_else(|| gcloud.cloned()) {
        let text = read(&file, VARIABLE)?;
        let account = serde_json::from_str(&text).map_err(|_| unusable(&file, "it is not a file of an account"))?;
        let token = by_file(environment, http, account, &file).await?;
        return Ok(Some(password(token, format!("`{}`", file.display()))));
    }
    let host = environment.variable("GCE_METADATA_HOST");
    // Cloud Run has no machine to name.
    let is_run = ["K_SERVICE", "CLOUD_RUN_JOB"].iter().any(|name| environment.variable(name).is_some());
    if host.is_none() && !is_run && !environment.may_be_in(&["google"]) {
        return Ok(None);
    }
    let host = host.unwrap_or_else(|| METADATA.to_owned());
    let token = http.within(by_metadata(http, &host)).await;
    Ok(token.map(|token| password(token, "this machine's Google account".to_owned())))
}

fn password(token: Token, origin: String) -> Issued {
    Issued::password(USER, token.access_token, origin, token.expires_in.map(Duration::from_secs))
}

async fn by_metadata(http: &CloudHttp<'_>, host: &str) -> Result<Token, Failure> {
    let path = "computeMetadata/v1/instance/service-accounts/default/token";
    let request = http.request(Method::GET, &format!("http://{host}/{path}"))?;
    http.send(request.header("metadata-flavor", "Google")).await?.json()
}

async fn by_file(
    environment: &CloudEnvironment,
    http: &CloudHttp<'_>,
    account: AccountFile,
    file: &Path,
) -> Result<Token, Failure> {
    let (token_uri, form) = match account {
        AccountFile::ServiceAccount { client_email, private_key, private_key_id, token_uri } => {
            let uri = token_uri.unwrap_or_else(|| TOKEN.to_owned());
            let issued = (environment.now)().as_second();
            let claims = json!({
                "iss": client_email, "scope": SCOPE, "aud": uri, "iat": issued, "exp": issued.saturating_add(LIFE),
            });
            let signed = sign(&private_key, private_key_id.as_deref(), &claims);
            let assertion = signed.ok_or_else(|| unusable(file, "its `private_key` is not an RSA key in PKCS #8"))?;
            let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer".to_owned();
            (uri, vec![("grant_type", grant), ("assertion", assertion)])
        }
        AccountFile::AuthorizedUser { client_id, client_secret, refresh_token, token_uri } => {
            let form = vec![
                ("grant_type", "refresh_token".to_owned()),
                ("client_id", client_id),
                ("client_secret", client_secret),
                ("refresh_token", refresh_token),
            ];
            (token_uri.unwrap_or_else(|| TOKEN.to_owned()), form)
        }
        AccountFile::ExternalAccount(account) => return by_federation(http, &account, file).await,
        AccountFile::Other => return Err(unusable(file, "carboy does not know its `type`")),
    };
    let request = http.request(Method::POST, &token_uri)?;
    http.send(with_form(request, &borrowed(&form))).await?.json()
}

/// Signs claims as a JSON Web Token (RFC 7519).
fn sign(private_key: &str, key_id: Option<&str>, claims: &Value) -> Option<String> {
    let der = PrivatePkcs8KeyDer::from_pem_slice(private_key.as_bytes()).ok()?;
    let key = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).ok()?;
    let encoded = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", encoded(&json!({ "alg": "RS256", "typ": "JWT", "kid": key_id })), encoded(claims));
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).ok()?;
    Some(format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
}

/// Exchanges the token of another identity provider (RFC 8693).
async fn by_federation(http: &CloudHttp<'_>, account: &ExternalAccount, file: &Path) -> Result<Token, Failure> {
    let subject = subject_token(http, &account.credential_source, file).await?;
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange".to_owned()),
        ("audience", account.audience.clone()),
        ("scope", SCOPE.to_owned()),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token".to_owned()),
        ("subject_token_type", account.subject_token_type.clone()),
        ("subject_token", subject),
    ];
    let request = http.request(Method::POST, &account.token_url)?;
    let token: Token = http.send(with_form(request, &borrowed(&form))).await?.json()?;
    let Some(impersonation) = &account.service_account_impersonation_url else { return Ok(token) };
    let asked = json!({ "scope": [SCOPE], "lifetime": format!("{LIFE}s") }).to_string();
    let request = http
        .request(Method::POST, impersonation)?
        .bearer_auth(token.access_token)
        .header("content-type", "application/json");
    let ImpersonatedToken { access_token } = http.send(request.body(asked)).await?.json()?;
    Ok(Token { access_token, expires_in: u64::try_from(LIFE).ok() })
}

/// Reads the token of the other provider.
async fn subject_token(http: &CloudHttp<'_>, source: &CredentialSource, file: &Path) -> Result<String, Failure> {
    let text = match (&source.file, &source.url) {
        (Some(token), _) => read(token, format!("`{}`", file.display()))?,
        (None, Some(url)) => {
            let request = http.request(Method::GET, url)?;
            let request = source.headers.iter().fold(request, |request, (name, value)| request.header(name, value));
            http.send(request).await?.text()
        }
        (None, None) => {
            return Err(unusable(file, "carboy takes its `credential_source` from a `file` or a `url` only"));
        }
    };
    let Some(format) = source.format.as_ref().filter(|format| format.kind == "json") else {
        return Ok(text.trim().to_owned());
    };
    let name = format.subject_token_field_name.as_deref().unwrap_or("access_token");
    let value: Value = serde_json::from_str(&text).unwrap_or_default();
    let token = value.get(name).and_then(Value::as_str).map(str::to_owned);
    token.ok_or_else(|| unusable(file, &format!("the answer of its `credential_source` has no `{name}`")))
}

fn borrowed<'a>(form: &'a [(&str, String)]) -> Vec<(&'a str, &'a str)> {
    form.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

fn unusable(file: &Path, why: &str) -> Failure {
    let error = OperationError::new(Code::AccessDenied, format!("cannot use the account in `{}`", file.display()));
    Failure::lasting(error.because(why.to_owned()).with_hint(format!("{VARIABLE} names the file")))
}

#[cfg(test)]
mod tests;
