//! Proxies, as variables of the environment name them.
//!
//! Source: curl(1), "ENVIRONMENT"; Go's `httpproxy`. Upper case wins over lower case.
//! `HTTP_PROXY` is not read under CGI, where a request's header sets it ("httpoxy").

use url::Url;

use super::host::Host;
use super::no_proxy::NoProxy;

/// The schemes of proxies.
const SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

/// The proxies for each scheme, and the hosts that need none.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    no_proxy: NoProxy,
}

/// A proxy, and the variable that names it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proxy {
    /// With the login, if it has one.
    pub url: Url,
    pub variable: String,
}

/// A variable whose value is not a proxy. The value is not shown because it may have a password.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{variable}` is not the URL of a proxy")]
pub struct InvalidProxy {
    pub variable: String,
}

impl Proxies {
    /// Reads the variables of the environment.
    ///
    /// # Errors
    /// A value that is not the URL of a proxy.
    pub fn from_variables(get: &dyn Fn(&str) -> Option<String>) -> Result<Self, InvalidProxy> {
        let first = |name: &str| {
            let names = [name.to_ascii_uppercase(), name.to_owned()];
            let filled = |name: &String| get(name).map(|value| value.trim().to_owned()).filter(|text| !text.is_empty());
            names.into_iter().find_map(|name| Some((filled(&name)?, name)))
        };
        let is_cgi = get("REQUEST_METHOD").is_some();
        let proxy = |name: &str| {
            let found = if is_cgi && name == "http_proxy" { None } else { first(name) };
            found.or_else(|| first("all_proxy")).map(|(value, name)| Proxy::parse(&value, name)).transpose()
        };
        let no_proxy = first("no_proxy").map(|(value, _)| NoProxy::parse(&value)).unwrap_or_default();
        Ok(Self { http: proxy("http_proxy")?, https: proxy("https_proxy")?, no_proxy })
    }

    /// Returns the proxy for a scheme and a host, if there is one.
    pub fn of(&self, scheme: &str, host: &Host) -> Option<&Proxy> {
        let proxy = if scheme == "https" { &self.https } else { &self.http };
        proxy.as_ref().filter(|_| !self.no_proxy.has(host))
    }
}

impl Proxy {
    fn parse(text: &str, variable: String) -> Result<Self, InvalidProxy> {
        let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = Url::parse(&full).ok().filter(|url| SCHEMES.contains(&url.scheme()) && url.host_str().is_some());
        match url {
            Some(url) => Ok(Self { url, variable }),
            None => Err(InvalidProxy { variable }),
        }
    }

    /// Returns the proxy for messages, without its login: `http://proxy.corp:3128`.
    pub fn shown(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        let port = self.url.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{host}{port}", self.url.scheme())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        let get = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        Proxies::from_variables(&get).unwrap()
    }

    fn of(variables: &[(&str, &str)], scheme: &str) -> Option<String> {
        let port = if scheme == "https" { 443 } else { 80 };
        proxies(variables)
            .of(scheme, &Host::new("ghcr.io", port))
            .map(|proxy| format!("{} by {}", proxy.shown(), proxy.variable))
    }

    #[test]
    fn each_scheme_has_its_variable_and_upper_case_wins() {
        for (variables, http, https) in [
            (&[("HTTP_PROXY", "http://a:1"), ("http_proxy", "http://b:1")][..], Some("http://a:1 by HTTP_PROXY"), None),
            (&[("https_proxy", "p.corp:3128")], None, Some("http://p.corp:3128 by https_proxy")),
            (&[("HTTPS_PROXY", "http://me:s3cret@p:1/")], None, Some("http://p:1 by HTTPS_PROXY")),
            (
                &[("ALL_PROXY", "socks5h://s:1080"), ("HTTPS_PROXY", "")],
                Some("socks5h://s:1080 by ALL_PROXY"),
                Some("socks5h://s:1080 by ALL_PROXY"),
            ),
            (&[("HTTP_PROXY", "http://a:1"), ("REQUEST_METHOD", "GET")], None, None),
            (&[("ALL_PROXY", "http://a:1"), ("NO_PROXY", "x, ghcr.io")], None, None),
            (&[("ALL_PROXY", "http://a:1"), ("no_proxy", "ghcr.io:443")], Some("http://a:1 by ALL_PROXY"), None),
        ] {
            assert_eq!(of(variables, "http").as_deref(), http, "{variables:?}");
            assert_eq!(of(variables, "https").as_deref(), https, "{variables:?}");
        }
    }

    #[test]
    fn an_invalid_proxy_is_an_error_that_hides_its_value() {
        for value in ["http://", "ftp://p:21", "http://me:s3cret@p:port", "://"] {
            let error = Proxies::from_variables(&|name| (name == "HTTPS_PROXY").then(|| value.to_owned())).unwrap_err();
            assert_eq!(error.to_string(), "`HTTPS_PROXY` is not the URL of a proxy", "{value}");
        }
    }
}
