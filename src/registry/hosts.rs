//! The API hosts of registry names.
//!
//! Source: docker's rules. `docker.io` is a name; its API is at another host.

use oci_distribution::Reference;
use reqwest::Url;

use crate::http::client::Client;

/// Returns the URL of a registry's API.
///
/// # Errors
/// The text is not a host.
pub async fn base(client: &Client, registry: &str) -> Result<Url, url::ParseError> {
    let api = Reference::with_tag(registry.to_owned(), String::new(), String::new());
    let api = api.resolve_registry();
    Url::parse(&format!("{}://{api}/", client.scheme(api).await))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::network::{Hosts, Network};

    #[tokio::test]
    async fn the_api_has_the_scheme_of_its_host() {
        let hosts = Hosts::insecure(["lan:80".parse().unwrap()]);
        let client = Client::new(Arc::new(Network { hosts, ..Network::default() }), "carboy");
        for (authority, url) in [
            ("127.0.0.1:5000", "http://127.0.0.1:5000/"),
            ("127.9.9.9", "http://127.9.9.9/"),
            ("[::1]:5000", "http://[::1]:5000/"),
            ("localhost:443", "https://localhost/"),
            ("registry:5001", "https://registry:5001/"),
            ("lan:80", "http://lan/"),
            ("docker.io", "https://index.docker.io/"),
            ("ghcr.io", "https://ghcr.io/"),
        ] {
            assert_eq!(base(&client, authority).await.unwrap().as_str(), url, "{authority}");
        }
    }
}
