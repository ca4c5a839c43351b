//! Amazon's registries: `ACCOUNT.dkr.ecr.REGION.amazonaws.com` and `public.ecr.aws`.
//!
//! Source: ECR's API, `GetAuthorizationToken`; amazon-ecr-credential-helper for the forms of hosts.

mod account;
mod ecr_registry;
mod sigv4;

use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::json;

use super::cloud_http::CloudHttp;
use super::environment::CloudEnvironment;
use super::issued::Issued;
use crate::http::failure::{Failure, failed};
pub use ecr_registry::EcrRegistry;
use sigv4::{Signer, sign};

/// The user name of all of Amazon's accounts.
const USER: &str = "AWS";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    authorization_data: OneOrMany,
}

/// A list from private registries, an object from the public one.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(AuthorizationData),
    Many(Vec<AuthorizationData>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AuthorizationData {
    authorization_token: String,
    /// Seconds since 1970.
    expires_at: Option<f64>,
}

/// Returns the password for a registry; none without an account.
pub async fn issue(
    environment: &CloudEnvironment,
    http: &CloudHttp<'_>,
    registry: &EcrRegistry,
) -> Result<Option<Issued>, Failure> {
    let Some((account, origin)) = account::find(environment, http, registry).await? else { return Ok(None) };
    let service = registry.service();
    let variable = if registry.is_public() { "AWS_ENDPOINT_URL_ECR_PUBLIC" } else { "AWS_ENDPOINT_URL_ECR" };
    let general = environment.endpoint("AWS_ENDPOINT_URL", &registry.api());
    let body = match &registry.account {
        Some(account) => json!({ "registryIds": [account] }).to_string(),
        None => "{}".to_owned(),
    };
    let url = environment.endpoint(variable, &general) + "/";
    let mut request = http.request(Method::POST, &url)?.body(body.clone());
    let url = Url::parse(&url).map_err(|cause| Failure::lasting(failed(cause.to_string())))?;
    let target = if registry.is_public() {
        "SpencerFrontendService.GetAuthorizationToken"
    } else {
        "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
    };
    let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)];
    let now = (environment.now)();
    let signer = Signer { account: &account, region: &registry.region, service, time: now };
    for (name, value) in headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).chain(sign(
        &signer,
        "POST",
        &url,
        &headers,
        body.as_bytes(),
    )) {
        request = request.header(name, value);
    }
    let answer = http.send(request).await?;
    let Answer { authorization_data } = answer.json()?;
    let data = match authorization_data {
        OneOrMany::One(data) => Some(data),
        OneOrMany::Many(list) => list.into_iter().next(),
    };
    let data = data.ok_or_else(|| answer.unusable())?;
    let decoded = BASE64_STANDARD.decode(data.authorization_token.trim()).ok();
    let decoded = decoded.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| answer.unusable())?;
    let password = decoded.strip_prefix("AWS:").ok_or_else(|| answer.unusable())?.to_owned();
    #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are exact for a long time")]
    let life = data.expires_at.map(|end| end - now.as_second() as f64);
    let life = life.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    Ok(Some(Issued::password(USER, password, origin, life)))
}

#[cfg(test)]
mod tests;
