//! `pip.conf`: sections of keys.
//!
//! Source: Python's `configparser`, as pip uses it: `key = value` or `key: value`,
//! indented lines go on with a value, `#` and `;` begin comments where a line begins.

use std::collections::BTreeMap;

/// Values by section and key. Keys are as pip compares them: `index-url`.
#[derive(Default)]
pub struct Ini(BTreeMap<(String, String), String>);

impl Ini {
    /// Reads a file's text; lines that are none of these are passed over.
    pub fn read(text: &str) -> Self {
        let mut all: BTreeMap<(String, String), String> = BTreeMap::new();
        let (mut section, mut open) = (String::new(), None);
        for line in text.lines() {
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
                continue;
            }
            let last = open.as_ref().and_then(|key| all.get_mut(key));
            if let Some(value) = last.filter(|_| line.starts_with(char::is_whitespace)) {
                *value = format!("{value}\n{trimmed}");
            } else if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
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

    /// A value; that of the section for installing wins.
    pub fn get(&self, key: &str) -> Option<&str> {
        let of = |section: &str| self.0.get(&(section.to_owned(), key.to_owned()));
        of("install").or_else(|| of("global")).map(String::as_str)
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
        let words = |key| ini.get(key).map(|value| value.split_whitespace().collect::<Vec<_>>());
        assert_eq!(words("index-url"), Some(vec!["https://a/simple"]));
        assert_eq!(words("extra-index-url"), Some(vec!["https://b", "https://c"]));
        assert_eq!(words("no-index"), Some(vec!["yes"]));
        assert_eq!(words("find-links"), Some(vec!["wheels", "more"]));
        assert_eq!(words("cert"), None);
        assert_eq!(Ini::read("[install]\nindex-url = b\n[global]\nindex-url = a").get("index-url"), Some("b"));
    }
}
