//! The account of this machine or job.
//!
//! Source: AWS SDKs and Tools Reference Guide, "Standardized credential providers", in its order:
//! access keys, web identity, containers, the metadata service (`IMDSv2`). Profiles in files are for
//! people, who have helpers.

use std::path::Path;

use reqwest::Method;
use serde::Deserialize;

use super::ecr_registry::EcrRegistry;
use crate::http::failure::{Failure, failed};
use crate::registry::credentials::clouds::cloud_http::{CloudHttp, element, with_form};
use crate::registry::credentials::clouds::environment::{CloudEnvironment, read};

/// The address of containers' credentials on ECS.
const ECS: &str = "http://169.254.170.2";
/// The address of the metadata service.
const IMDS: &str = "http://169.254.169.254";
/// The words in the names of Amazon's machines.
const MAKERS: [&str; 2] = ["amazon", "xen"];

/// Keys to sign with. They have no `Debug`, because they must not be printed.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Account {
    pub access_key_id: String,
    pub secret_access_key: String,
    /// The session token of temporary keys.
    pub token: Option<String>,
}

/// Returns the account and its origin; none without one.
///
/// # Errors
/// An account that the environment names, but that cannot be used.
pub async fn find(
    environment: &CloudEnvironment,
    http: &CloudHttp<'_>,
    registry: &EcrRegistry,
) -> Result<Option<(Account, String)>, Failure> {
    let variable = |name: &str| environment.variable(name);
    if let (Some(access_key_id), Some(secret_access_key)) =
        (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY"))
    {
        let account = Account { access_key_id, secret_access_key, token: variable("AWS_SESSION_TOKEN") };
        return Ok(Some((account, "AWS_ACCESS_KEY_ID".to_owned())));
    }
    if let (Some(file), Some(role)) = (variable("AWS_WEB_IDENTITY_TOKEN_FILE"), variable("AWS_ROLE_ARN")) {
        let token = read(Path::new(&file), "AWS_WEB_IDENTITY_TOKEN_FILE")?;
        let account = by_web_identity(environment, http, registry, (&role, token.trim())).await?;
        return Ok(Some((account, format!("AWS_ROLE_ARN {role}"))));
    }
    if let Some(found) = of_container(environment, http).await? {
        return Ok(Some(found));
    }
    let is_disabled = variable("AWS_EC2_METADATA_DISABLED").is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let is_named = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT").is_some();
    if is_disabled || !is_named && !environment.may_be_in(&MAKERS) {
        return Ok(None);
    }
    let account = http.within(by_metadata(environment, http)).await;
    Ok(account.map(|account| (account, "this machine's AWS role".to_owned())))
}

async fn by_web_identity(
    environment: &CloudEnvironment,
    http: &CloudHttp<'_>,
    registry: &EcrRegistry,
    (role, token): (&str, &str),
) -> Result<Account, Failure> {
    let region = environment.variable("AWS_REGION").or_else(|| environment.variable("AWS_DEFAULT_REGION"));
    let region = region.unwrap_or_else(|| registry.region.clone());
    let service = format!("https://sts.{region}.{}", registry.partition());
    let general = environment.endpoint("AWS_ENDPOINT_URL", &service);
    let url = environment.endpoint("AWS_ENDPOINT_URL_STS", &general) + "/";
    let session = environment.variable("AWS_ROLE_SESSION_NAME").unwrap_or_else(|| "carboy".to_owned());
    let form = [
        ("Action", "AssumeRoleWithWebIdentity"),
        ("Version", "2011-06-15"),
        ("RoleArn", role),
        ("RoleSessionName", &session),
        ("WebIdentityToken", token),
    ];
    let body = http.send(with_form(http.request(Method::POST, &url)?, &form)).await?;
    let text = body.text();
    let part = |name: &str| element(&text, name).map(str::to_owned).ok_or_else(|| body.unusable());
    Ok(Account {
        access_key_id: part("AccessKeyId")?,
        secret_access_key: part("SecretAccessKey")?,
        token: Some(part("SessionToken")?),
    })
}

/// Returns the role of a container on ECS or EKS.
async fn of_container(
    environment: &CloudEnvironment,
    http: &CloudHttp<'_>,
) -> Result<Option<(Account, String)>, Failure> {
    let names = ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
    let [relative, full] = names.map(|name| environment.variable(name));
    let (url, name) = match (relative, full) {
        (Some(path), _) => (format!("{ECS}{path}"), names[0]),
        (None, Some(url)) => (url, names[1]),
        (None, None) => return Ok(None),
    };
    let token = match environment.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
        Some(file) => Some(read(Path::new(&file), "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")?.trim().to_owned()),
        None => environment.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
    };
    let request =
        token.iter().fold(http.request(Method::GET, &url)?, |request, token| request.header("authorization", token));
    let account: Account = http.send(request).await?.json()?;
    Ok(Some((account, name.to_owned())))
}

/// Returns the role of this machine.
async fn by_metadata(environment: &CloudEnvironment, http: &CloudHttp<'_>) -> Result<Account, Failure> {
    let endpoint = environment.endpoint("AWS_EC2_METADATA_SERVICE_ENDPOINT", IMDS);
    let request = http.request(Method::PUT, &format!("{endpoint}/latest/api/token"))?;
    let request = request.header("x-aws-ec2-metadata-token-ttl-seconds", "21600").header("content-length", "0");
    let token = http.send(request).await?.text();
    let get = async |path: &str| {
        let url = format!("{endpoint}/latest/meta-data/iam/security-credentials/{path}");
        http.send(http.request(Method::GET, &url)?.header("x-aws-ec2-metadata-token", token.trim())).await
    };
    let roles = get("").await?.text();
    let role = roles.lines().next().map(str::trim).filter(|role| !role.is_empty());
    let role = role.ok_or_else(|| Failure::lasting(failed("this machine has no AWS role".to_owned())))?;
    get(role).await?.json()
}
