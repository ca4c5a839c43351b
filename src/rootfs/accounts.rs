//! The users and groups of an image: passwd(5) and group(5).

use crate::hint::nearest;

/// Users and groups by name, as the image's files have them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accounts {
    passwd: String,
    group: String,
}

/// A user, by numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub uid: u32,
    pub gid: u32,
    pub home: String,
}

/// Numbers of a user and a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ids {
    pub uid: u32,
    pub gid: u32,
}

/// The reasons for which an account table is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    #[error("the image has no user `{name}`")]
    NoUser { name: String, nearest: Option<String> },
    #[error("the image has no group `{name}`")]
    NoGroup { name: String, nearest: Option<String> },
    #[error("user `{name}` ({uid}) collides with the image's user `{other}` ({other_uid})")]
    Taken { name: String, uid: u32, other: String, other_uid: u32 },
    #[error("`{0}` is not a user name")]
    Name(String),
}

impl crate::hint::Hint for AccountError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoUser { nearest: Some(near), .. } | Self::NoGroup { nearest: Some(near), .. } => {
                Some(format!("it has `{near}`; a `[[user]]` table adds another"))
            }
            Self::NoUser { .. } | Self::NoGroup { .. } => {
                Some("add it with a `[[user]]` table, or write numbers".to_owned())
            }
            Self::Taken { .. } => Some("choose another name or uid".to_owned()),
            Self::Name(_) => Some("use lower-case letters, digits, `-` and `_`".to_owned()),
        }
    }
}

impl Accounts {
    /// Reads the texts of `/etc/passwd` and `/etc/group`; lines that are not
    /// understood are kept.
    #[must_use]
    pub fn new(passwd: String, group: String) -> Self {
        Self { passwd, group }
    }

    /// Returns the text of `/etc/passwd`.
    #[must_use]
    pub fn passwd(&self) -> &str {
        &self.passwd
    }

    /// Returns the text of `/etc/group`.
    #[must_use]
    pub fn group(&self) -> &str {
        &self.group
    }

    /// Adds a user, and its group when there is none of that number.
    ///
    /// # Errors
    /// A name or uid that another user has.
    pub fn add(&mut self, user: &User) -> Result<(), AccountError> {
        let good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
        if user.name.is_empty() || !user.name.bytes().all(good) || user.name.starts_with(['-', '.']) {
            return Err(AccountError::Name(user.name.clone()));
        }
        if let Some(other) = self.users().find(|other| other.name == user.name || other.uid == user.uid) {
            let (name, uid) = (user.name.clone(), user.uid);
            return Err(AccountError::Taken { name, uid, other: other.name, other_uid: other.uid });
        }
        if !self.groups().any(|(_, gid)| gid == user.gid) {
            line(&mut self.group, &format!("{}:x:{}:", user.name, user.gid));
        }
        let User { name, uid, gid, home } = user;
        line(&mut self.passwd, &format!("{name}:x:{uid}:{gid}:{name}:{home}:/sbin/nologin"));
        Ok(())
    }

    /// Adds a user unless its uid is in use. A name that is taken, by a user or a
    /// group, gets the uid added. Returns whether it was added.
    pub fn add_missing(&mut self, user: &User) -> bool {
        if self.has(user.uid) {
            return false;
        }
        let is_taken =
            |name: &str| self.users().any(|user| user.name == name) || self.groups().any(|(group, _)| group == name);
        let name = if is_taken(&user.name) { format!("{}{}", user.name, user.uid) } else { user.name.clone() };
        self.add(&User { name, ..user.clone() }).is_ok()
    }

    /// Returns whether a uid is in use.
    #[must_use]
    pub fn has(&self, uid: u32) -> bool {
        self.users().any(|user| user.uid == uid)
    }

    /// Returns the home folder of a uid, as the image's account has it.
    #[must_use]
    pub fn home(&self, uid: u32) -> Option<String> {
        self.users().find(|user| user.uid == uid).map(|user| user.home)
    }

    /// Returns the numbers of `user`, `uid`, `user:group`, `uid:gid`. A bare uid that is no user's
    /// has the group 0, as in docker.
    ///
    /// # Errors
    /// Names that are not there.
    pub fn ids(&self, text: &str) -> Result<Ids, AccountError> {
        let (user, group) = text.split_once(':').map_or((text, None), |(user, group)| (user, Some(group)));
        let found = match user.parse::<u32>() {
            Ok(uid) => {
                self.users().find(|user| user.uid == uid).map_or(Ids { uid, gid: 0 }, |user| Ids { uid, gid: user.gid })
            }
            Err(_) => self
                .users()
                .find(|entry| entry.name == user)
                .map(|user| Ids { uid: user.uid, gid: user.gid })
                .ok_or_else(|| {
                    let names: Vec<_> = self.users().map(|user| user.name).collect();
                    let nearest = nearest(user, names.iter().map(String::as_str)).map(str::to_owned);
                    AccountError::NoUser { name: user.to_owned(), nearest }
                })?,
        };
        let gid = group.map(|group| self.gid(group)).transpose()?.unwrap_or(found.gid);
        Ok(Ids { uid: found.uid, gid })
    }

    fn gid(&self, group: &str) -> Result<u32, AccountError> {
        if let Ok(gid) = group.parse() {
            return Ok(gid);
        }
        self.groups().find(|(name, _)| name == group).map(|(_, gid)| gid).ok_or_else(|| {
            let names: Vec<_> = self.groups().map(|(name, _)| name).collect();
            let nearest = nearest(group, names.iter().map(String::as_str)).map(str::to_owned);
            AccountError::NoGroup { name: group.to_owned(), nearest }
        })
    }

    fn users(&self) -> impl Iterator<Item = User> + '_ {
        self.passwd.lines().filter_map(|line| {
            let fields: Vec<_> = line.split(':').collect();
            let [name, _, uid, gid, _, home, ..] = fields[..] else { return None };
            Some(User { name: name.to_owned(), uid: uid.parse().ok()?, gid: gid.parse().ok()?, home: home.to_owned() })
        })
    }

    fn groups(&self) -> impl Iterator<Item = (String, u32)> + '_ {
        self.group.lines().filter_map(|line| {
            let fields: Vec<_> = line.split(':').collect();
            let [name, _, gid, ..] = fields[..] else { return None };
            Some((name.to_owned(), gid.parse().ok()?))
        })
    }
}

fn line(text: &mut String, new: &str) {
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str(new);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts() -> Accounts {
        let passwd = "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n";
        Accounts::new(passwd.to_owned(), "root:x:0:\ntty:x:5:\nnonroot:x:65532:".to_owned())
    }

    #[test]
    fn names_become_numbers() {
        for (text, uid, gid) in [
            ("nonroot", 65532, 65532),
            ("65532", 65532, 65532),
            ("0:tty", 0, 5),
            ("1234", 1234, 0),
            ("1234:99", 1234, 99),
        ] {
            assert_eq!(accounts().ids(text), Ok(Ids { uid, gid }), "{text}");
        }
        let error = accounts().ids("nonrot").unwrap_err();
        assert_eq!(error, AccountError::NoUser { name: "nonrot".to_owned(), nearest: Some("nonroot".to_owned()) });
    }

    #[test]
    fn a_missing_user_gets_a_free_name() {
        let nonroot = User { name: "nonroot".to_owned(), uid: 65532, gid: 65532, home: "/home/nonroot".to_owned() };
        assert!(!accounts().add_missing(&nonroot), "it is there");
        let mut none = Accounts::default();
        assert!(none.add_missing(&nonroot) && none.has(65532));
        assert_eq!(none.passwd(), "nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n");
        assert_eq!(none.group(), "nonroot:x:65532:\n");
        for (passwd, group) in [("nonroot:x:1000:1000::/:/bin/sh\n", ""), ("", "nonroot:x:1000:\n")] {
            let mut taken = Accounts::new(passwd.to_owned(), group.to_owned());
            assert!(taken.add_missing(&nonroot));
            assert!(taken.passwd().ends_with("nonroot65532:x:65532:65532:nonroot65532:/home/nonroot:/sbin/nologin\n"));
            assert!(taken.group().ends_with("nonroot65532:x:65532:\n"));
        }
    }

    #[test]
    fn users_are_added_and_never_replaced() {
        let mut accounts = accounts();
        let monty = User { name: "monty".to_owned(), uid: 1000, gid: 1000, home: "/home/monty".to_owned() };
        accounts.add(&monty).unwrap();
        assert!(accounts.passwd().ends_with("monty:x:1000:1000:monty:/home/monty:/sbin/nologin\n"));
        assert!(accounts.group().ends_with("nonroot:x:65532:\nmonty:x:1000:\n"));
        assert!(matches!(accounts.add(&monty), Err(AccountError::Taken { .. })));
        assert!(matches!(accounts.add(&User { name: "a:b".to_owned(), ..monty }), Err(AccountError::Name(_))));
    }
}
