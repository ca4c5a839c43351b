//! Colour, where it is wanted. Source: ECMA-48, "SGR".

/// Colours text, or leaves it as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    Color,
    Bare,
}

impl Style {
    /// Colour if `wanted`.
    #[must_use]
    pub fn new(wanted: bool) -> Self {
        if wanted { Self::Color } else { Self::Bare }
    }

    /// For what failed.
    #[must_use]
    pub fn red(self, text: &str) -> String {
        self.with("1;31", text)
    }

    /// For what deserves a look.
    #[must_use]
    pub fn yellow(self, text: &str) -> String {
        self.with("1;33", text)
    }

    /// For what guides the eye.
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
