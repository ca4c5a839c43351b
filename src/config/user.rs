//! `[[user]]`: accounts to add to the image's passwd and group.
//!
//! Source: passwd(5). A colon or a line break in a field would produce another account. 2^32-1 is
//! not an id: chown reads it as "leave unchanged".

use super::absolute::absolute;
use super::error::BadValue;
use super::reader::Node;
use super::{ConfigError, keys};

/// An account to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub name: String,
    pub uid: u32,
    pub gid: Option<u32>,
    pub home: Option<String>,
}

impl User {
    pub(super) fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let table = node.table(keys::USER)?;
        Ok(Self {
            name: table.required("name", |node| node.checked(name))?,
            uid: table.required("uid", id)?,
            gid: table.get("gid", id)?,
            home: table.get("home", home)?,
        })
    }
}

fn name(text: &str) -> Result<String, BadValue> {
    let word = |c: char| c.is_ascii_alphanumeric() || "-_.$".contains(c);
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if starts && text.chars().all(word) {
        return Ok(text.to_owned());
    }
    Err(BadValue::new(format!("cannot be `{text}`"))
        .with_hint("a name is letters, digits, `-` and `_`, a letter first"))
}

fn id(node: &Node<'_>) -> Result<u32, ConfigError> {
    match node.integer()? {
        u32::MAX => Err(node.refuse(BadValue::new(format!("cannot be {}: out of range", u32::MAX)))),
        id => Ok(id),
    }
}

fn home(node: &Node<'_>) -> Result<String, ConfigError> {
    let home = absolute(node)?;
    if home.contains([':', '\n']) {
        return Err(node.refuse(BadValue::new(format!("cannot be `{home}`: passwd has no way to write it"))));
    }
    Ok(home)
}
