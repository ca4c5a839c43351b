//! Colour for terminals. Source: ECMA-48, "SGR".

/// Colours text, or returns it unchanged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    Color,
    Bare,
}

impl Style {
    /// Returns colour if `wanted`.
    #[must_use]
    pub fn new(wanted: bool) -> Self {
        if wanted { Self::Color } else { Self::Bare }
    }

    /// Marks a failure.
    #[must_use]
    pub fn red(self, text: &str) -> String {
        self.with("1;31", text)
    }

    /// Marks a warning.
    #[must_use]
    pub fn yellow(self, text: &str) -> String {
        self.with("1;33", text)
    }

    /// Marks a label.
    #[must_use]
    pub fn cyan(self, text: &str) -> String {
        self.with("36", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        match self {
            Self::Color => format!("\x1b[{code}m{text}\x1b[0m"),
            Self::Bare => text.to_owned(),
        }
    }
}
