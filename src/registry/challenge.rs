//! Challenges in `WWW-Authenticate` headers, and scopes.
//!
//! Source: RFC 9110, 11.6.1; distribution's `token.md` and `scope.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use http_auth::{ChallengeRef, parse_challenges};
use reqwest::Url;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// The way to authenticate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Challenge {
    /// By user name and password with each request.
    Basic,
    /// By a token from a service.
    Bearer { realm: Url, service: Option<String>, scopes: Scopes },
}

/// The rights of a token: resources (`repository:acme/shop`) and actions.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Scopes(BTreeMap<String, BTreeSet<String>>);

impl Challenge {
    /// Returns the best challenge that carboy can answer, if there is one.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let values: Vec<_> = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok()).collect();
        let asked: Vec<_> = values.iter().filter_map(|value| parse_challenges(value).ok()).flatten().collect();
        let named =
            |scheme: &'static str| asked.iter().filter(move |challenge| challenge.scheme.eq_ignore_ascii_case(scheme));
        named("bearer").find_map(Self::bearer).or_else(|| named("basic").next().map(|_| Self::Basic))
    }

    fn bearer(challenge: &ChallengeRef<'_>) -> Option<Self> {
        let parameter = |wanted: &str| {
            challenge
                .params
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
                .map(|(_, value)| value.to_unescaped())
        };
        let realm = Url::parse(&parameter("realm")?).ok()?;
        let scopes = parameter("scope").map(|text| Scopes::parse(&text)).unwrap_or_default();
        matches!(realm.scheme(), "http" | "https").then(|| Self::Bearer {
            realm,
            service: parameter("service"),
            scopes,
        })
    }
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

    /// Parses the scopes of a challenge; malformed ones are left out.
    pub fn parse(text: &str) -> Self {
        let scopes = text.split_whitespace().filter_map(|scope| scope.rsplit_once(':'));
        scopes.fold(Self::default(), |all, (resource, actions)| {
            actions.split(',').filter(|action| !action.is_empty()).fold(all, |all, action| all.with(resource, action))
        })
    }

    /// Formats each resource with its actions for a token service.
    pub fn each(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|(resource, actions)| {
            let actions: Vec<_> = actions.iter().map(String::as_str).collect();
            format!("{resource}:{}", actions.join(","))
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

    fn challenge(values: &[&'static str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(value));
        }
        Challenge::of(&headers)
    }

    #[test]
    fn bearer_wins_over_basic_wherever_it_stands() {
        let bearer = Challenge::Bearer {
            realm: "https://auth.example.org/token".parse().unwrap(),
            service: Some("r,1".to_owned()),
            scopes: Scopes::push("a/b"),
        };
        let text = r#"Bearer realm="https://auth.example.org/token",service="r,1",scope="repository:a/b:pull,push""#;
        assert_eq!(challenge(&[text]), Some(bearer.clone()));
        assert_eq!(challenge(&["Basic realm=\"x\"", text]), Some(bearer.clone()));
        let both = r#"Basic realm="x", bearer Realm="https://auth.example.org/token", service="r,1", scope="repository:a/b:push,pull""#;
        assert_eq!(challenge(&[both]), Some(bearer));
    }

    #[test]
    fn what_cannot_be_answered_is_no_challenge() {
        assert_eq!(challenge(&["Basic realm=\"x\""]), Some(Challenge::Basic));
        for odd in ["", "Negotiate", "Bearer", "Bearer realm=\"/token\"", "Bearer realm=\"file:///etc/passwd\""] {
            let value = HeaderValue::from_str(odd).unwrap();
            assert_eq!(Challenge::of(&HeaderMap::from_iter([(WWW_AUTHENTICATE, value)])), None, "{odd}");
        }
        assert_eq!(challenge(&[]), None);
    }

    #[test]
    fn scopes_unite_by_resource() {
        let all = Scopes::pull("a").and(&Scopes::push("a")).and(&Scopes::pull("b"));
        assert_eq!(all.to_string(), "repository:a:pull,push repository:b:pull");
        assert_eq!(Scopes::parse("repository:a:push,pull  repository:b:pull x"), all);
    }
}
