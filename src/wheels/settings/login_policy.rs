//! Decides which hosts get the machine's logins.
//!
//! Authors of the project write its files (`pyproject.toml`, `uv.toml`, `carboy.toml`, lock and
//! requirements files) and can name any host there. These files alone never cause a secret of the
//! machine to be sent:
//!
//! - variables of the environment are put in, and netrc's `default` is sent, only for
//!   hosts that the machine names: in a variable, a flag, a file of the user's or the
//!   system's, a `machine` of netrc;
//! - a login by an index's name goes to the index of that name, as in uv, over HTTPS, and
//!   not where the machine has another index of this name;
//! - `CARBOY_LOGIN_HOSTS`, where it is set, lists the only hosts for both.
//!
//! A file of settings inside the project is one of the project's files, even if a variable names
//! it.

use std::collections::BTreeMap;

use url::Url;

use crate::diagnostic::Code;
use crate::http::hosts::{authority, is_local};
use crate::operation_error::OperationError;

/// The variable that lists hosts for logins.
pub const LOGIN_HOSTS: &str = "CARBOY_LOGIN_HOSTS";

/// Scheme, host and port.
type UrlOrigin = (String, String, u16);

/// The hosts that the machine's configuration names.
#[derive(Clone, Default)]
pub struct LoginPolicy {
    places: Vec<UrlOrigin>,
    /// The origins of the indexes to which the machine gives a name.
    named: BTreeMap<String, Vec<UrlOrigin>>,
    /// Hosts, with or without a port.
    listed: Option<Vec<String>>,
}

impl LoginPolicy {
    /// Reads the list of `CARBOY_LOGIN_HOSTS`, if it is set; an empty list permits no host.
    ///
    /// # Errors
    /// An entry is not a host.
    pub fn new(listed: Option<String>) -> Result<Self, OperationError> {
        let listed = listed.map(|text| {
            let entries = text.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty());
            entries.map(host).collect::<Result<Vec<_>, _>>()
        });
        Ok(Self { listed: listed.transpose()?, ..Self::default() })
    }

    /// Adds an index or page of the machine's configuration.
    pub fn add(&mut self, name: Option<&str>, url: &Url) {
        let Some(place) = place(url) else { return };
        if let Some(name) = name {
            self.named.entry(variable_part(name)).or_default().push(place.clone());
        }
        self.places.push(place);
    }

    /// Returns whether the machine's configuration names a URL's host. Entries of the list have no
    /// scheme and mean HTTPS.
    pub fn names(&self, url: &Url) -> bool {
        self.has_place(url) || is_private(url) && self.lists(url)
    }

    fn has_place(&self, url: &Url) -> bool {
        place(url).is_some_and(|place| self.places.contains(&place))
    }

    /// Returns whether an index to which a project's file gives a name gets the login of that name.
    pub fn permits_named(&self, name: &str, url: &Url) -> bool {
        let Some(place) = place(url) else { return false };
        let other = self.named.get(&variable_part(name)).is_some_and(|places| !places.contains(&place));
        !other && is_private(url) && self.permits(url)
    }

    /// Returns whether `CARBOY_LOGIN_HOSTS` permits a host.
    pub fn permits(&self, url: &Url) -> bool {
        self.listed.is_none() || self.lists(url)
    }

    /// Returns whether logins may be sent to a URL. Without encryption, only if the machine's
    /// configuration names the URL's origin.
    pub fn permits_travel(&self, url: &Url) -> bool {
        is_private(url) || self.has_place(url)
    }

    fn lists(&self, url: &Url) -> bool {
        let (full, bare) = (authority(url), url.host_str().unwrap_or_default());
        let with_port = format!("{bare}:{}", url.port_or_known_default().unwrap_or_default());
        let all = [full.as_str(), bare, &with_port];
        self.listed.iter().flatten().any(|entry| all.contains(&entry.as_str()))
    }
}

/// Returns an index's name in the form of variables: `MY_INDEX` for `my-index`.
#[must_use]
pub fn variable_part(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    name.chars().map(letter).collect()
}

/// Returns whether the connection is encrypted or local.
pub fn is_private(url: &Url) -> bool {
    url.scheme() == "https" || is_local(&authority(url))
}

fn place(url: &Url) -> Option<UrlOrigin> {
    Some((url.scheme().to_owned(), url.host_str()?.to_owned(), url.port_or_known_default()?))
}

/// Returns an entry of the list in the form of URLs.
fn host(entry: &str) -> Result<String, OperationError> {
    let url = Url::parse(&format!("http://{entry}/")).ok();
    let url = url.filter(|url| url.path() == "/" && url.username().is_empty() && !entry.contains(['/', '?', '#', '@']));
    // URLs omit port 80 for `http`.
    let port = if entry.ends_with(":80") { ":80" } else { "" };
    url.map(|url| authority(&url) + port).ok_or_else(|| {
        let mut error =
            OperationError::new(Code::InvalidConfiguration, format!("{LOGIN_HOSTS} has an entry that is not a host"));
        error.hint = Some("list hosts without scheme and path: pypi.example.com,localhost:8080".to_owned());
        error
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn hosts_are_compared_with_their_ports() {
        let mut login_policy = LoginPolicy::default();
        login_policy.add(Some("corp"), &url("https://Corp.example/simple"));
        login_policy.add(None, &url("http://127.0.0.1:5000/"));
        for (text, named) in [
            ("https://corp.example/other", true),
            ("https://CORP.EXAMPLE:443/", true),
            ("https://corp.example:8443/", false),
            ("http://corp.example/", false),
            ("http://corp.example:443/", false),
            ("https://corp.example./", false),
            ("https://a.corp.example/", false),
            ("https://corp.example.evil.example/", false),
            ("https://corp.example@evil.example/", false),
            ("http://127.0.0.1:5000/x", true),
            ("http://127.0.0.1:5001/x", false),
            ("http://localhost:5000/x", false),
        ] {
            assert_eq!(login_policy.names(&url(text)), named, "{text}");
        }
    }

    #[test]
    fn a_login_by_name_goes_to_one_index_and_not_in_the_clear() {
        let mut login_policy = LoginPolicy::default();
        login_policy.add(Some("my-corp"), &url("https://corp.example/simple"));
        for (name, text, permitted) in [
            ("my-corp", "https://corp.example/private", true),
            ("my_CORP", "https://evil.example/", false),
            ("other", "https://other.example/", true),
            ("other", "http://other.example/", false),
            ("other", "http://127.0.0.1:5000/", true),
        ] {
            assert_eq!(login_policy.permits_named(name, &url(text)), permitted, "{name} {text}");
        }
    }

    #[test]
    fn the_list_of_hosts_restricts_all() {
        let login_policy =
            LoginPolicy::new(Some("a.example, B.example:8443 [::1]:80,c.example:443".to_owned())).unwrap();
        for (text, permitted) in [
            ("https://a.example/", true),
            ("https://a.example:444/", true),
            ("https://b.example:8443/", true),
            ("https://b.example/", false),
            ("http://[::1]/", true),
            ("http://[::1]:81/", false),
            ("https://c.example/", true),
            ("https://c.example:444/", false),
            ("https://d.example/", false),
        ] {
            assert_eq!(login_policy.permits(&url(text)), permitted, "{text}");
            assert_eq!(login_policy.permits_named("x", &url(text)), permitted, "{text}");
            assert_eq!(login_policy.names(&url(text)), permitted, "{text}");
        }
        // Without encryption, only a named index counts.
        let plain = LoginPolicy::new(Some("a.example".to_owned())).unwrap();
        assert!(!plain.names(&url("http://a.example/")) && !plain.permits_travel(&url("http://a.example/")));
        for none in ["", " , "] {
            let nowhere = LoginPolicy::new(Some(none.to_owned())).unwrap();
            assert!(!nowhere.permits(&url("https://a.example/")) && !nowhere.names(&url("https://a.example/")));
        }
        for wrong in ["https://a.example", "a/b", "me:pw@a.example", "a b:c"] {
            let error = LoginPolicy::new(Some(wrong.to_owned())).err().unwrap();
            assert_eq!(error.line(), "CARBOY_LOGIN_HOSTS has an entry that is not a host");
        }
        assert!(LoginPolicy::default().permits(&url("https://d.example/")));
    }
}
