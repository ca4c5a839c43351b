//! Challenges in `WWW-Authenticate` headers, and scopes.
//!
//! Source: RFC 9110, 11.6.1; RFC 6750, 3; distribution's `token.md` and `scope.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use reqwest::Url;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

use super::challenge_syntax::WrittenChallenge;
use crate::http::failure::one_line;
use crate::http::hosts::onward;

/// The most scopes of a challenge that are asked for.
const MOST_SCOPES: usize = 32;

/// The way to authenticate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Challenge {
    /// By user name and password with each request.
    Basic,
    /// By a token from a service.
    Bearer { realm: Url, service: Option<String>, scopes: Scopes },
}

/// Challenges of which carboy can answer none.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Unanswerable {
    /// There is no challenge at all.
    #[error("it names no way to authenticate")]
    Silent,
    #[error("it asks for a bearer token without a usable `realm`")]
    Realm,
    #[error("it asks for `{0}` authentication")]
    Schemes(String),
}

/// The rights of a token: resources (`repository:acme/shop`) and actions. A scope of one word, such
/// as ECR's `aws`, has no actions.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Scopes(BTreeMap<String, BTreeSet<String>>);

impl Challenge {
    /// Returns the best challenge of an answer that carboy can respond to: a bearer token's before
    /// Basic. A relative `realm` is resolved against the answer's URL.
    ///
    /// # Errors
    /// No such challenge.
    pub fn of(headers: &HeaderMap, url: &Url) -> Result<Self, Unanswerable> {
        let all = written(headers);
        let named = |scheme: &'static str| all.iter().filter(move |one| one.scheme.eq_ignore_ascii_case(scheme));
        let bearer = || named("bearer").find_map(|one| Self::bearer(one, url));
        let basic = || named("basic").next().map(|_| Self::Basic);
        bearer().or_else(basic).ok_or_else(|| {
            let schemes: Vec<_> = all.iter().map(|one| one.scheme.as_str()).collect();
            match named("bearer").next() {
                Some(_) => Unanswerable::Realm,
                None if all.is_empty() => Unanswerable::Silent,
                None => Unanswerable::Schemes(one_line(&schemes.join(", "))),
            }
        })
    }

    /// Returns whether an answer says that the token that was sent has too few rights.
    pub fn wants_more_scope(headers: &HeaderMap) -> bool {
        written(headers).iter().any(|one| {
            one.scheme.eq_ignore_ascii_case("bearer") && one.parameter("error") == Some("insufficient_scope")
        })
    }

    fn bearer(challenge: &WrittenChallenge, url: &Url) -> Option<Self> {
        let realm = onward(url, challenge.parameter("realm")?)?;
        let scopes = challenge.parameter("scope").map(Scopes::parse).unwrap_or_default();
        let service = challenge.parameter("service").map(str::to_owned);
        let usable = matches!(realm.scheme(), "http" | "https") && realm.has_host();
        usable.then_some(Self::Bearer { realm, service, scopes })
    }
}

/// Reads all challenges of an answer. Some servers write their name in other encodings.
fn written(headers: &HeaderMap) -> Vec<WrittenChallenge> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter();
    values.flat_map(|value| WrittenChallenge::all(&String::from_utf8_lossy(value.as_bytes()))).collect()
}

impl Scopes {
    /// Returns the scope for reading a repository.
    pub fn pull(repository: &str) -> Self {
        Self::default().with(&format!("repository:{repository}"), "pull")
    }

    /// Returns the scope for reading and writing a repository.
    pub fn push(repository: &str) -> Self {
        Self::pull(repository).with(&format!("repository:{repository}"), "push")
    }

    /// Adds other scopes.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        for (resource, actions) in &other.0 {
            self.0.entry(resource.clone()).or_default().extend(actions.iter().cloned());
        }
        self
    }

    /// Parses the scopes of a challenge. Scopes without actions, and those after the first
    /// [`MOST_SCOPES`], are left out.
    pub fn parse(text: &str) -> Self {
        let mut all = Self::default();
        for scope in text.split_whitespace().take(MOST_SCOPES) {
            match scope.rsplit_once(':') {
                Some((resource, actions)) => {
                    all = actions
                        .split(',')
                        .filter(|action| !action.is_empty())
                        .fold(all, |all, action| all.with(resource, action));
                }
                None => _ = all.0.entry(scope.to_owned()).or_default(),
            }
        }
        all
    }

    /// Formats each resource with its actions for a token service.
    pub fn each(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(resource, actions)| {
            let actions: Vec<_> = actions.iter().map(String::as_str).collect();
            if actions.is_empty() { resource.clone() } else { format!("{resource}:{}", actions.join(",")) }
        })
    }

    fn with(mut self, resource: &str, action: &str) -> Self {
        self.0.entry(resource.to_owned()).or_default().insert(action.to_owned());
        self
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.each().collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn challenge(values: &[&str]) -> Result<Challenge, Unanswerable> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        Challenge::of(&headers, &Url::parse("https://r.example/v2/a/manifests/1").unwrap())
    }

    fn bearer(realm: &str, service: Option<&str>, scopes: Scopes) -> Challenge {
        Challenge::Bearer { realm: realm.parse().unwrap(), service: service.map(str::to_owned), scopes }
    }

    #[test]
    fn bearer_wins_over_basic_wherever_it_stands() {
        let bearer = bearer("https://auth.example.org/token", Some("r,1"), Scopes::push("a/b"));
        let text = r#"Bearer realm="https://auth.example.org/token",service="r,1",scope="repository:a/b:pull,push""#;
        let both = r#"Basic realm="x", bearer Realm="https://auth.example.org/token", service="r,1", scope="repository:a/b:push,pull""#;
        for values in [&[text][..], &["Basic realm=\"x\"", text], &[text, "Basic realm=\"x\""], &[both], &["", text]] {
            assert_eq!(challenge(values), Ok(bearer.clone()), "{values:?}");
        }
    }

    #[test]
    fn a_bearer_challenge_that_cannot_be_used_leaves_basic() {
        for odd in ["Bearer", "Bearer realm=\"\"", "Bearer realm=\"file:///etc/passwd\"", "Bearer service=\"s\""] {
            assert_eq!(challenge(&[odd]), Err(Unanswerable::Realm), "{odd}");
            assert_eq!(challenge(&[odd, "BASIC"]), Ok(Challenge::Basic), "{odd}");
        }
        for basic in [
            "Basic realm=\"x\"",
            "basic",
            "Basic realm='My Registry'",
            "Basic realm=\"Registry é\"",
            "Negotiate, Basic",
        ] {
            assert_eq!(challenge(&[basic]), Ok(Challenge::Basic), "{basic}");
        }
        assert_eq!(challenge(&["Negotiate", "NTLM"]), Err(Unanswerable::Schemes("Negotiate, NTLM".to_owned())));
        assert_eq!(challenge(&[]), Err(Unanswerable::Silent));
        assert_eq!(challenge(&[""]), Err(Unanswerable::Silent));
    }

    #[test]
    fn realms_are_relative_or_absolute_and_keep_tls() {
        for (realm, url) in [
            ("/token", "https://r.example/token"),
            ("//auth.example/token", "https://auth.example/token"),
            ("http://r.example/token", "https://r.example/token"),
            ("http://auth.example/token", "http://auth.example/token"),
            ("https://auth.example/token?account=x", "https://auth.example/token?account=x"),
        ] {
            assert_eq!(challenge(&[&format!("Bearer realm=\"{realm}\"")]), Ok(bearer(url, None, Scopes::default())));
        }
    }

    #[test]
    fn missing_rights_are_read_from_the_bearer_challenge() {
        let wants = |value: &str| {
            let value = HeaderValue::from_str(value).unwrap();
            Challenge::wants_more_scope(&HeaderMap::from_iter([(WWW_AUTHENTICATE, value)]))
        };
        assert!(wants(r#"Bearer realm="https://a/t",error="insufficient_scope""#));
        assert!(!wants(r#"Bearer realm="https://a/t",error="invalid_token""#));
        assert!(!wants(r#"Basic realm="x",error="insufficient_scope""#));
    }

    #[test]
    fn scopes_unite_by_resource() {
        let all = Scopes::pull("a").and(&Scopes::push("a")).and(&Scopes::pull("b"));
        assert_eq!(all.to_string(), "repository:a:pull,push repository:b:pull");
        assert_eq!(Scopes::parse("repository:a:push,pull  repository:b:pull x:"), all);
        let named = Scopes::parse("aws repository:host:5000/a:pull registry:catalog:*");
        assert_eq!(named.to_string(), "aws registry:catalog:* repository:host:5000/a:pull");
        let many = (0..100).map(|n| format!("s{n}")).collect::<Vec<_>>().join(" ");
        assert_eq!(Scopes::parse(&many).each().count(), MOST_SCOPES);
    }
}
