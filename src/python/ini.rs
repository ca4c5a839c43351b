//! INI files as Python's `configparser` reads them: `setup.cfg`, `entry_points.txt`.

/// The sections of an INI file in their order, each with its options in their order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ini(Vec<(String, Vec<(String, String)>)>);

impl Ini {
    /// Parses a file. Returns none for lines that are neither options nor sections.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::try_parse(text).ok()
    }

    /// Parses a file.
    ///
    /// # Errors
    /// The number of the first line that is neither an option nor a section.
    pub fn try_parse(text: &str) -> Result<Self, usize> {
        let mut sections: Vec<(String, Vec<(String, String)>)> = Vec::new();
        let mut indent = 0;
        let mut open = false;
        for (number, line) in text.lines().enumerate() {
            let wrong = number + 1;
            let content = line.trim();
            if content.starts_with(['#', ';']) {
                continue;
            }
            let own = line.len() - line.trim_start().len();
            if content.is_empty() {
                if open
                    && let Some((_, options)) = sections.last_mut()
                    && let Some((_, value)) = options.last_mut()
                {
                    value.push('\n');
                }
                continue;
            }
            if open && own > indent {
                let (_, value) = sections.last_mut().and_then(|(_, options)| options.last_mut()).ok_or(wrong)?;
                value.push('\n');
                value.push_str(content);
                continue;
            }
            indent = own;
            if let Some(name) = content.strip_prefix('[').and_then(|rest| rest.rsplit_once(']')) {
                sections.push((name.0.to_owned(), Vec::new()));
                open = false;
                continue;
            }
            let at = content.find(['=', ':']).filter(|at| *at > 0).ok_or(wrong)?;
            let (key, value) = (content[..at].trim(), content[at + 1..].trim());
            sections.last_mut().ok_or(wrong)?.1.push((key.to_owned(), value.to_owned()));
            open = true;
        }
        for (_, value) in sections.iter_mut().flat_map(|(_, options)| options) {
            value.truncate(value.trim_end().len());
        }
        Ok(Self(sections))
    }

    /// Returns the options of a section.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&[(String, String)]> {
        self.0.iter().find(|(section, _)| section == name).map(|(_, options)| options.as_slice())
    }

    /// Returns the names of the sections.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Returns the options of all sections.
    pub fn sections(&self) -> impl Iterator<Item = (&str, &[(String, String)])> {
        self.0.iter().map(|(name, options)| (name.as_str(), options.as_slice()))
    }
}
