//! The values of variables and of words.

/// Text after the replacement of variables.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Value {
    pub text: String,
    /// The part that only a build by Docker decides: `` `$REVISION` ``.
    pub unknown: Option<String>,
}

impl Value {
    /// Returns an empty value that only a build by Docker decides.
    pub(super) fn unknown(part: impl Into<String>) -> Self {
        Self { text: String::new(), unknown: Some(part.into()) }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self { text: text.to_owned(), unknown: None }
    }
}
