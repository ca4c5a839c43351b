//! `~/.netrc`: logins by host.
//!
//! Source: `netrc(5)` as curl and Python's `netrc` module read it: tokens between blanks, quoted
//! tokens with `\` escapes, comments, `default`, `macdef` up to an empty line. Unknown tokens are
//! skipped, as in curl.

use std::collections::BTreeMap;

use super::login::Login;

/// The most bytes of the file.
pub const LIMIT: u64 = 1 << 20;

/// The logins of a netrc file.
#[derive(Clone, Default)]
pub struct Netrc {
    machines: BTreeMap<String, Vec<Login>>,
    /// The login for all other hosts.
    pub(super) default: Option<Login>,
}

impl Netrc {
    /// Parses a file's text; `source` is its name in errors.
    #[must_use]
    pub fn read(text: &str, source: &str) -> Self {
        let mut netrc = Self::default();
        let mut rest = text;
        // The machine of the current entry; `default` is None inside.
        let mut entry: Option<(Option<String>, Login)> = None;
        let empty = || Login { user: String::new(), password: String::new(), source: source.to_owned() };
        while let Some(word) = token(&mut rest) {
            match word.as_str() {
                "machine" => {
                    netrc.close(entry.take());
                    entry = word_of(&mut rest).map(|name| (Some(name.to_ascii_lowercase()), empty()));
                }
                "default" => {
                    netrc.close(entry.take());
                    entry = Some((None, empty()));
                }
                "macdef" => {
                    let end = ["\n\n", "\n\r\n"].iter().filter_map(|end| rest.find(end)).min();
                    rest = end.map_or("", |end| &rest[end..]);
                }
                field @ ("login" | "user" | "password" | "account") => {
                    let (Some(value), Some((_, login))) = (word_of(&mut rest), &mut entry) else { continue };
                    match field {
                        "login" | "user" => login.user = value,
                        "password" => login.password = value,
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        netrc.close(entry);
        netrc
    }

    /// Returns the login for a host: the user's, or the first.
    pub(super) fn machine(&self, host: &str, user: Option<&str>) -> Option<&Login> {
        let mut logins = self.machines.get(&host.to_ascii_lowercase())?.iter();
        logins.find(|login| user.is_none_or(|user| login.user == user))
    }

    /// Stores a complete entry.
    fn close(&mut self, entry: Option<(Option<String>, Login)>) {
        match entry {
            Some((Some(name), login)) => {
                self.machines.entry(name).or_default().push(login);
            }
            Some((None, login)) => self.default = self.default.take().or(Some(login)),
            None => {}
        }
    }
}

/// Returns the next token; skips comments.
fn token(rest: &mut &str) -> Option<String> {
    loop {
        *rest = rest.trim_start();
        if !rest.starts_with('#') {
            break;
        }
        *rest = rest.find('\n').map_or("", |end| &rest[end..]);
    }
    word_of(rest)
}

/// Returns the next token if a value must follow: a password may begin with `#`.
fn word_of(rest: &mut &str) -> Option<String> {
    *rest = rest.trim_start();
    if let Some(quoted) = rest.strip_prefix('"') {
        return Some(string(quoted, rest));
    }
    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
    let (word, after) = rest.split_at(end);
    *rest = after;
    (!word.is_empty()).then(|| word.to_owned())
}

/// Reads a quoted token, up to its quote; `\` escapes the next character.
fn string<'a>(quoted: &'a str, rest: &mut &'a str) -> String {
    let mut out = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => {
                *rest = &quoted[at + 1..];
                return out;
            }
            '\\' => out.extend(chars.next().map(|(_, next)| next)),
            c => out.push(c),
        }
    }
    *rest = "";
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_default_macros_and_quotes_are_read() {
        let netrc = Netrc::read(
            "# of mine\nmachine a.example login me password \"p w\\\"#\"\nmachine B.example\n\tlogin you\n\taccount x\n\
             \tpassword p#1 # theirs\nmacdef init\nmachine c.example login no password no\n\n\
             machine a.example login second password x\ndefault login any password one",
            "~/.netrc",
        );
        let found = |host: &str| netrc.machine(host, None).map(|login| (login.user.as_str(), login.password.as_str()));
        assert_eq!(found("a.example"), Some(("me", "p w\"#")));
        assert_eq!(found("b.EXAMPLE"), Some(("you", "p#1")));
        assert_eq!(found("c.example"), None);
        assert_eq!(netrc.default.map(|login| login.user), Some("any".to_owned()));
    }

    #[test]
    fn odd_files_say_nothing_and_stop_nothing() {
        for text in ["", "machine", "login x password y", "machine a login", "machine a password \"x", "macdef x", "#"]
        {
            let netrc = Netrc::read(text, "");
            assert!(netrc.default.is_none(), "{text}");
            assert!(netrc.machine("b", None).is_none(), "{text}");
        }
    }

    #[test]
    fn values_may_begin_as_comments_and_users_have_passwords_of_their_own() {
        let text =
            "machine a login me password #1 # mine\nmachine a user you password 2\n#machine b login x password y";
        let netrc = Netrc::read(text, "");
        for (host, user, password) in [
            ("a", None, Some("#1")),
            ("a", Some("me"), Some("#1")),
            ("a", Some("you"), Some("2")),
            ("a", Some("they"), None),
            ("b", None, None),
        ] {
            let found = netrc.machine(host, user).map(|login| login.password.as_str());
            assert_eq!(found, password, "{host} {user:?}");
        }
    }
}
