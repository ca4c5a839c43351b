//! The API hosts of registry names.
//!
//! Source: docker's rules. `docker.io` is a name; its API is at another host.

use oci_distribution::Reference;
use reqwest::Url;

use crate::http::hosts::PlainHttpHosts;

/// Returns the URL of a registry's API.
///
/// # Errors
/// The text is not a host.
pub fn base(hosts: &PlainHttpHosts, registry: &str) -> Result<Url, url::ParseError> {
    let api = Reference::with_tag(registry.to_owned(), String::new(), String::new());
    let api = api.resolve_registry();
    let scheme = if hosts.speak_plain(api) { "http" } else { "https" };
    Url::parse(&format!("{scheme}://{api}/"))
}

/// Returns one name for docker's registry, for any of its names.
pub fn canonical(registry: &str) -> &str {
    match registry {
        "index.docker.io" | "registry-1.docker.io" => "docker.io",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_and_listed_hosts() {
        let hosts = PlainHttpHosts::new(vec!["registry:5000".to_owned(), "lan".to_owned()]);
        for (authority, url) in [
            ("127.0.0.1:5000", "http://127.0.0.1:5000/"),
            ("127.9.9.9", "http://127.9.9.9/"),
            ("[::1]:5000", "http://[::1]:5000/"),
            ("localhost:5000", "http://localhost:5000/"),
            ("kind.localhost:5000", "http://kind.localhost:5000/"),
            ("localhost:443", "https://localhost/"),
            ("registry:5000", "http://registry:5000/"),
            ("registry:5001", "https://registry:5001/"),
            ("lan:80", "http://lan/"),
            ("128.0.0.1:5000", "https://128.0.0.1:5000/"),
            ("localhost.example.org", "https://localhost.example.org/"),
            ("docker.io", "https://index.docker.io/"),
            ("ghcr.io", "https://ghcr.io/"),
        ] {
            assert_eq!(base(&hosts, authority).unwrap().as_str(), url, "{authority}");
        }
    }
}
