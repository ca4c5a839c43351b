//! Reads the distribution and release of an image.
//!
//! Source: os-release(5).

use std::fmt;

/// `ID` and `VERSION_ID`, in lower case.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OsRelease {
    pub id: String,
    /// Empty for rolling distributions.
    pub version: String,
}

impl OsRelease {
    /// Reads the text of `/etc/os-release`; none when it names no distribution.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| {
            let value = text.lines().rev().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('='))?;
            Some(value.trim().trim_matches(['"', '\'']).to_lowercase())
        };
        let version = field("VERSION_ID").unwrap_or_default();
        field("ID").filter(|id| !id.is_empty()).map(|id| Self { id, version })
    }
}

impl fmt::Display for OsRelease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.id, self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_and_bare_values() {
        let want = OsRelease { id: "debian".to_owned(), version: "12".to_owned() };
        assert_eq!(
            OsRelease::parse("PRETTY_NAME=\"Distroless\"\nID=\"debian\"\nVERSION_ID=\"12\"\n"),
            Some(want.clone())
        );
        assert_eq!(OsRelease::parse("VERSION_ID=12\nID=debian"), Some(want));
        assert_eq!(OsRelease::parse("NAME=x"), None);
    }
}
