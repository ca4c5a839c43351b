//! Azure's registries: `*.azurecr.io`, and those of its clouds in China and for the US government.
//!
//! Source: Azure Container Registry, "AAD integration": an Entra token is exchanged at the registry
//! for a refresh token, which is a password. The token comes from a service principal's secret, a
//! federated token (workload identity), or the managed identity of the machine.

use std::path::Path;

use reqwest::Method;
use serde::Deserialize;

use super::cloud_http::{CloudHttp, with_form};
use super::environment::{CloudEnvironment, read};
use super::issued::Issued;
use crate::http::failure::Failure;

/// The user name of all of Azure's tokens.
const USER: &str = "00000000-0000-0000-0000-000000000000";
/// The address of the metadata service.
const IMDS: &str = "http://169.254.169.254";

/// The clouds: the domain of registries, the authority, and the resource that tokens are for.
const CLOUDS: [(&str, &str, &str); 3] = [
    (".azurecr.io", "https://login.microsoftonline.com", "https://containerregistry.azure.net"),
    (".azurecr.cn", "https://login.chinacloudapi.cn", "https://management.chinacloudapi.cn"),
    (".azurecr.us", "https://login.microsoftonline.us", "https://management.usgovcloudapi.net"),
];

#[derive(Deserialize)]
struct EntraToken {
    access_token: String,
}

#[derive(Deserialize)]
struct RegistryToken {
    refresh_token: String,
}

/// Returns whether a host is a registry of Azure's.
pub fn covers(host: &str) -> bool {
    cloud(host).is_some()
}

fn cloud(host: &str) -> Option<(&'static str, &'static str)> {
    let cloud = CLOUDS.iter().find(|(domain, ..)| host.ends_with(domain));
    cloud.map(|(_, authority, resource)| (*authority, *resource))
}

/// Returns a refresh token as a password; none without an identity.
pub async fn issue(
    environment: &CloudEnvironment,
    http: &CloudHttp<'_>,
    host: &str,
) -> Result<Option<Issued>, Failure> {
    issue_at(environment, http, host, &format!("https://{host}")).await
}

/// Returns the refresh token of the registry at a URL.
async fn issue_at(
    environment: &CloudEnvironment,
    http: &CloudHttp<'_>,
    host: &str,
    url: &str,
) -> Result<Option<Issued>, Failure> {
    let Some((authority, resource)) = cloud(host) else { return Ok(None) };
    let Some((token, origin)) = entra_token(environment, http, (authority, resource)).await? else { return Ok(None) };
    let tenant = environment.variable("AZURE_TENANT_ID");
    let mut form = vec![("grant_type", "access_token"), ("service", host), ("access_token", &token)];
    form.extend(tenant.as_deref().map(|tenant| ("tenant", tenant)));
    let request = http.request(Method::POST, &format!("{url}/oauth2/exchange"))?;
    let RegistryToken { refresh_token } = http.send(with_form(request, &form)).await?.json()?;
    Ok(Some(Issued::password(USER, refresh_token, origin, None)))
}

/// Returns an Entra token and its origin; none without an identity.
async fn entra_token(
    environment: &CloudEnvironment,
    http: &CloudHttp<'_>,
    (authority, resource): (&str, &str),
) -> Result<Option<(String, String)>, Failure> {
    let variable = |name: &str| environment.variable(name);
    let client_id = variable("AZURE_CLIENT_ID");
    if let (Some(client_id), Some(tenant)) = (&client_id, variable("AZURE_TENANT_ID")) {
        let proof = match (variable("AZURE_CLIENT_SECRET"), variable("AZURE_FEDERATED_TOKEN_FILE")) {
            (Some(secret), _) => Some((vec![("client_secret", secret)], "AZURE_CLIENT_SECRET")),
            (None, Some(file)) => {
                let token = read(Path::new(&file), "AZURE_FEDERATED_TOKEN_FILE")?.trim().to_owned();
                let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned();
                let proof = vec![("client_assertion_type", kind), ("client_assertion", token)];
                Some((proof, "AZURE_FEDERATED_TOKEN_FILE"))
            }
            (None, None) => None,
        };
        if let Some((proof, origin)) = proof {
            let scope = format!("{resource}/.default");
            let mut form = vec![("grant_type", "client_credentials"), ("client_id", client_id), ("scope", &scope)];
            form.extend(proof.iter().map(|(name, value)| (*name, value.as_str())));
            let authority = environment.endpoint("AZURE_AUTHORITY_HOST", authority);
            let request = http.request(Method::POST, &format!("{authority}/{tenant}/oauth2/v2.0/token"))?;
            let EntraToken { access_token } = http.send(with_form(request, &form)).await?.json()?;
            return Ok(Some((access_token, origin.to_owned())));
        }
    }
    let token = http.within(by_managed_identity(environment, http, (resource, client_id.as_deref()))).await.flatten();
    Ok(token.map(|token| (token, "this machine's managed identity".to_owned())))
}

/// Returns the token of the managed identity: of App Service and Container Apps, which a variable
/// names, or of the machine.
async fn by_managed_identity(
    environment: &CloudEnvironment,
    http: &CloudHttp<'_>,
    (resource, client_id): (&str, Option<&str>),
) -> Result<Option<String>, Failure> {
    let service = environment.variable("IDENTITY_ENDPOINT").zip(environment.variable("IDENTITY_HEADER"));
    let (endpoint, version, header) = if let Some((endpoint, secret)) = service {
        (endpoint, "2019-08-01", ("x-identity-header", secret))
    } else {
        let variable = "AZURE_POD_IDENTITY_AUTHORITY_HOST";
        if environment.variable(variable).is_none() && !environment.may_be_in(&["microsoft"]) {
            return Ok(None);
        }
        let endpoint = environment.endpoint(variable, IMDS) + "/metadata/identity/oauth2/token";
        (endpoint, "2018-02-01", ("metadata", "true".to_owned()))
    };
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("api-version", version)
        .append_pair("resource", resource)
        .extend_pairs(client_id.map(|id| ("client_id", id)))
        .finish();
    let request = http.request(Method::GET, &format!("{endpoint}?{query}"))?;
    let EntraToken { access_token } = http.send(request.header(header.0, header.1)).await?.json()?;
    Ok(Some(access_token))
}

#[cfg(test)]
mod tests;
