//! Finds the credentials for a URL of an index.
//!
//! A login is for a URL and everything below it. Of several at one origin, the one with the longest
//! common path wins, because an index's files are often beside its pages. netrc has logins for
//! whole hosts. Logins are never shown: they have no `Debug` and no `Display`.

use url::Url;

use super::login::{Login, without_login};
use super::netrc::Netrc;
use super::settings::LoginPolicy;

/// All configured logins.
#[derive(Clone, Default)]
pub struct Credentials {
    urls: Vec<(Url, Login)>,
    netrc: Option<Netrc>,
    login_policy: LoginPolicy,
}

impl Credentials {
    /// Starts with netrc's logins; `login_policy` decides which hosts get logins that are not only
    /// for them.
    pub fn new(login_policy: LoginPolicy, netrc: Option<Netrc>) -> Self {
        Self { urls: Vec::new(), netrc, login_policy }
    }

    pub(super) fn login_policy(&self) -> &LoginPolicy {
        &self.login_policy
    }

    /// Adds a login for a URL and everything below it. An earlier one for the same URL stays.
    pub fn add(&mut self, url: &Url, login: Login) {
        let url = without_login(url);
        if !self.urls.iter().any(|(known, _)| *known == url) {
            self.urls.push((url, login));
        }
    }

    /// Returns the login to send with a request. Without encryption, only a host that the machine's
    /// configuration names gets one.
    pub(super) fn find(&self, url: &Url) -> Option<&Login> {
        if !self.login_policy.permits_travel(url) {
            return None;
        }
        let here = self.urls.iter().filter(|(known, _)| known.origin() == url.origin());
        // The first of equals: `max_by_key` returns the last.
        let best = here.rev().max_by_key(|(known, _)| shared(known, url)).map(|(_, login)| login);
        best.map(|login| self.completed(login, url)).or_else(|| self.of_machine(url, None))
    }

    /// Returns the login; for one without a password netrc's login of the same user, if there is
    /// one.
    pub(super) fn completed<'a>(&'a self, login: &'a Login, url: &Url) -> &'a Login {
        let alone = Some(login).filter(|login| login.password.is_empty());
        alone.and_then(|login| self.of_machine(url, Some(&login.user))).unwrap_or(login)
    }

    fn of_machine(&self, url: &Url, user: Option<&str>) -> Option<&Login> {
        self.netrc.as_ref()?.machine(url.host_str()?, user)
    }

    /// Returns the login for a second try after a request without login was refused.
    pub(super) fn fallback(&self, url: &Url) -> Option<&Login> {
        let permitted = self.login_policy.names(url) && self.login_policy.permits(url);
        self.netrc.as_ref()?.default.as_ref().filter(|_| permitted)
    }
}

/// Returns the number of leading path segments that two URLs share.
fn shared(one: &Url, other: &Url) -> usize {
    let segments = |url: &Url| url.path().trim_matches('/').split('/').map(str::to_owned).collect::<Vec<_>>();
    segments(one).iter().zip(&segments(other)).take_while(|(one, other)| one == other).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn login(user: &str) -> Login {
        Login { user: user.to_owned(), password: "p".to_owned(), source: "here".to_owned() }
    }

    #[test]
    fn the_longest_shared_path_wins_and_no_other_host_learns_anything() {
        let mut credentials = Credentials::default();
        for (at, user) in [
            ("https://x:y@p.example/a/simple", "a"),
            ("https://p.example/b/simple/", "b"),
            ("https://p.example/a/simple", "later"),
        ] {
            credentials.add(&url(at), login(user));
        }
        for (asked, user) in [
            ("https://p.example/a/simple/six/", Some("a")),
            ("https://p.example/b/packages/six.whl", Some("b")),
            ("https://p.example/c", Some("a")),
            ("https://p.example:444/a/simple", None),
            ("http://p.example/a/simple", None),
            ("https://p.example.org/a/simple", None),
        ] {
            assert_eq!(credentials.find(&url(asked)).map(|login| login.user.as_str()), user, "{asked}");
        }
    }

    #[test]
    fn a_user_without_a_password_has_it_in_netrc() {
        let text = "machine me.example login x password 1 machine me.example login me password 2\n\
                    machine they.example login x password 3";
        let mut credentials = Credentials::new(LoginPolicy::default(), Some(Netrc::read(text, "netrc")));
        for user in ["me", "they"] {
            let login = Login { password: String::new(), ..login(user) };
            credentials.add(&url(&format!("https://{user}.example/simple")), login);
        }
        for (asked, user, password) in
            [("https://me.example/simple/six/", "me", "2"), ("https://they.example/simple/six/", "they", "")]
        {
            let found = credentials.find(&url(asked)).unwrap();
            assert_eq!((found.user.as_str(), found.password.as_str()), (user, password));
        }
    }
}
