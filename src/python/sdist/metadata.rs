//! Core metadata: `PKG-INFO` of an sdist and `METADATA` of a wheel.
//!
//! Source: PyPA, "Core metadata specifications". Old setuptools and distutils write the description
//! as an indented field, and `UNKNOWN` for fields that are not set.

/// Core metadata: the fields in their order, and the description.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CoreMetadata {
    pub fields: Vec<(String, String)>,
    pub description: Option<String>,
}

impl CoreMetadata {
    /// Parses a file. A field keeps its line breaks. Returns none for text that is no header.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.replace("\r\n", "\n");
        let (head, body) = match text.split_once("\n\n") {
            Some((head, body)) => (head.to_owned(), Some(body.to_owned())),
            None => (text.clone(), None),
        };
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in head.lines() {
            if line.starts_with([' ', '\t']) {
                let (_, value) = fields.last_mut()?;
                value.push('\n');
                value.push_str(line);
            } else if !line.trim().is_empty() {
                let field = line.split_once(':').filter(|(name, _)| is_field_name(name));
                if let Some((name, value)) = field {
                    fields.push((name.to_owned(), value.strip_prefix(' ').unwrap_or(value).to_owned()));
                } else {
                    // Old setuptools writes the line breaks of a value as they are.
                    let (_, value) = fields.last_mut()?;
                    value.push('\n');
                    value.push_str(line);
                }
            }
        }
        fields.retain(|(_, value)| value.trim() != "UNKNOWN");
        let mut metadata =
            Self { fields, description: body.filter(|body| !body.trim().is_empty() && body.trim() != "UNKNOWN") };
        if let Some(at) = metadata.fields.iter().position(|(name, _)| name.eq_ignore_ascii_case("description")) {
            let (_, value) = metadata.fields.remove(at);
            metadata.description = metadata.description.or(Some(unfolded(&value)));
        }
        Some(metadata)
    }

    /// Returns the first value of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Returns all values of a field.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.fields.iter().filter(move |(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// Returns the file.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out: String = self.fields.iter().map(|(name, value)| [name, ": ", value, "\n"].concat()).collect();
        if let Some(description) = &self.description {
            out.push('\n');
            out.push_str(description);
            if !description.ends_with('\n') {
                out.push('\n');
            }
        }
        out
    }
}

fn is_field_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Returns the text that `rfc822_escape` of distutils indented.
#[must_use]
pub fn unfolded(value: &str) -> String {
    value
        .lines()
        .map(|line| line.strip_prefix("        ").unwrap_or(line.trim_start_matches([' ', '\t'])))
        .enumerate()
        .fold(String::new(), |mut out, (at, line)| {
            if at > 0 {
                out.push('\n');
            }
            out.push_str(line);
            out
        })
}

/// Indents the lines after the first, as `rfc822_escape` of setuptools does.
#[must_use]
pub fn folded(value: &str) -> String {
    value.replace('\n', "\n        ")
}
