//! The formats of lock files that are read, and their names.

/// A format of lock files. Of several files, the first of this order decides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Format {
    Uv,
    /// PEP 751.
    Pylock,
    Poetry,
    Pipfile,
    /// pip's, with exact versions.
    Requirements,
}

impl Format {
    /// In the order in which they decide.
    pub const ALL: [Self; 5] = [Self::Uv, Self::Pylock, Self::Poetry, Self::Pipfile, Self::Requirements];

    /// The name that its files usually have.
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

    /// The format of a file by its name, without folders: `pylock.web.toml` and any
    /// `*.txt` too.
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_formats() {
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
