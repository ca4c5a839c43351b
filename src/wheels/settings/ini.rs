//! `pip.conf`: sections of keys.
//!
//! Source: Python's `configparser`, as pip uses it: `key = value` or `key: value`,
//! lines that are indented deeper than a key go on with its value, `#` and `;` begin
//! comments where a line begins.

use std::collections::BTreeMap;

/// Values by section and key. Keys are as pip compares them: `index-url`.
#[derive(Default)]
pub struct Ini(BTreeMap<(String, String), String>);

impl Ini {
    /// Reads a file's text; lines that are none of these are passed over.
    pub fn read(text: &str) -> Self {
        let mut all: BTreeMap<(String, String), String> = BTreeMap::new();
        let (mut section, mut open, mut depth) = (String::new(), None, 0);
        for line in text.lines() {
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
                continue;
            }
            let indent = line.len() - line.trim_start().len();
            if let Some(value) = open.as_ref().and_then(|key| all.get_mut(key)).filter(|_| indent > depth) {
                *value = format!("{value}\n{trimmed}");
                continue;
            }
            depth = indent;
            if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                name.clone_into(&mut section);
                open = None;
            } else if let Some(at) = trimmed.find(['=', ':']) {
                let key = (section.clone(), key(&trimmed[..at]));
                all.insert(key.clone(), trimmed[at + 1..].trim().to_owned());
                open = Some(key);
            }
        }
        Self(all)
    }

    /// A section's value.
    pub fn get(&self, section: &str, key: &str) -> Option<&str> {
        self.0.get(&(section.to_owned(), key.to_owned())).map(String::as_str)
    }
}

fn key(text: &str) -> String {
    text.trim().to_ascii_lowercase().trim_start_matches('-').replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_sections_are_read_with_their_further_lines() {
        let ini = Ini::read(
            "# of mine\n[global]\nindex_url = https://a/simple\nExtra-Index-URL =\n    https://b\n    # not this\n\n    \
             https://c\nno-index: yes\n[install]\nfind-links = wheels\n  more\nodd\n[other]\nno-index = no\n",
        );
        let words = |section, key| ini.get(section, key).map(|value| value.split_whitespace().collect::<Vec<_>>());
        assert_eq!(words("global", "index-url"), Some(vec!["https://a/simple"]));
        assert_eq!(words("global", "extra-index-url"), Some(vec!["https://b", "https://c"]));
        assert_eq!(words("global", "no-index"), Some(vec!["yes"]));
        assert_eq!(words("install", "find-links"), Some(vec!["wheels", "more"]));
        assert_eq!(words("install", "no-index"), None);
    }

    /// As configparser of Python 3.11 reads them.
    #[test]
    fn only_deeper_lines_go_on_with_a_value() {
        for (text, a, b) in [
            ("[global]\n  a = 1\n  b = 2\n", Some("1"), Some("2")),
            ("[global]\n  a = 1\n    2\n  b = 3\n", Some("1\n2"), Some("3")),
            ("  [global]\n  a = 1\n b = 2\n", Some("1"), Some("2")),
            ("[global]\n  a =\n   1\n\n   2\n  b=\n", Some("\n1\n2"), Some("")),
            ("[global]\na = 1\n  [other]\n  b = 2\n", Some("1\n[other]\nb = 2"), None),
            ("[global]\n  a = 1\n[other]\n  b = 2\n", Some("1"), None),
        ] {
            let ini = Ini::read(text);
            assert_eq!((ini.get("global", "a"), ini.get("global", "b")), (a, b), "{text}");
        }
    }
}
