//! A login, and URLs with or without one.

use url::Url;

use super::page::percent_decoded;

/// User and password, and their source.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    pub password: String,
    /// The source in errors: `UV_INDEX_ACME_USERNAME`, `/home/me/.netrc`.
    pub source: String,
}

/// Returns the login in a URL of the form `https://USER:PASSWORD@HOST`.
#[must_use]
pub fn login_of(url: &Url, source: &str) -> Option<Login> {
    if url.username().is_empty() && url.password().is_none() {
        return None;
    }
    let password = percent_decoded(url.password().unwrap_or_default());
    Some(Login { user: percent_decoded(url.username()), password, source: source.to_owned() })
}

/// Returns a URL without its login. A URL that cannot have one is unchanged.
#[must_use]
pub fn without_login(url: &Url) -> Url {
    let mut url = url.clone();
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

/// Returns a URL for messages: without login, query and fragment, because each may contain a
/// secret.
#[must_use]
pub fn shown(url: &Url) -> String {
    let mut url = without_login(url);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_login_in_a_url_is_decoded_and_taken_out() {
        let given = url("https://me%40acme:p%2Fw@p.example/simple?token=t#f");
        let found = login_of(&given, "the URL").unwrap();
        assert_eq!((found.user.as_str(), found.password.as_str()), ("me@acme", "p/w"));
        assert_eq!(without_login(&given).as_str(), "https://p.example/simple?token=t#f");
        assert_eq!(shown(&given), "https://p.example/simple");
        assert!(login_of(&url("https://p.example"), "").is_none());
    }
}
