//! The formats of lock files, and the names of their files.

/// A format of lock files. If a project has several lock files, the first in this order is used.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Format {
    Uv,
    /// PEP 751.
    Pylock,
    Poetry,
    Pipfile,
    /// A requirements file of pip, with exact versions.
    Requirements,
}

impl Format {
    /// All formats, in their order of preference.
    pub const ALL: [Self; 5] = [Self::Uv, Self::Pylock, Self::Poetry, Self::Pipfile, Self::Requirements];

    /// Returns the usual name of a file of the format.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Uv => "uv.lock",
            Self::Pylock => "pylock.toml",
            Self::Poetry => "poetry.lock",
            Self::Pipfile => "Pipfile.lock",
            Self::Requirements => "requirements.txt",
        }
    }

    /// Returns the format of a file by its name without directories. Also accepts
    /// `pylock.web.toml` and any `*.txt`.
    #[must_use]
    pub fn of(file_name: &str) -> Option<Self> {
        if let Some(known) = Self::ALL.into_iter().find(|format| format.file_name() == file_name) {
            return Some(known);
        }
        // PEP 751: the name in the middle has no dots.
        let middle = file_name.strip_prefix("pylock.").and_then(|rest| rest.strip_suffix(".toml"));
        if middle.is_some_and(|name| !name.is_empty() && !name.contains('.')) {
            return Some(Self::Pylock);
        }
        let stem = file_name.strip_suffix(".txt")?;
        (!stem.is_empty()).then_some(Self::Requirements)
    }

    /// Returns the command that writes the lock file.
    #[must_use]
    pub(super) fn lock_command(self) -> Option<&'static str> {
        match self {
            Self::Uv => Some("uv lock"),
            Self::Pylock => Some("uv export --format pylock.toml -o pylock.toml"),
            Self::Poetry => Some("poetry lock"),
            Self::Pipfile => Some("pipenv lock"),
            Self::Requirements => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_have_a_format() {
        for format in Format::ALL {
            assert_eq!(Format::of(format.file_name()), Some(format));
        }
        assert!(Format::ALL.is_sorted());
        for (name, format) in [
            ("pylock.web.toml", Some(Format::Pylock)),
            ("pylock..toml", None),
            ("pylock.a.b.toml", None),
            ("prod-requirements.txt", Some(Format::Requirements)),
            (".txt", None),
            ("requirements.in", None),
            ("pyproject.toml", None),
        ] {
            assert_eq!(Format::of(name), format, "{name}");
        }
    }
}
