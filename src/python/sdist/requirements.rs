//! Requirements in the form in which the library `packaging` prints them.
//!
//! Source: PEP 508; `packaging.requirements`, `packaging.markers`. Setuptools prints each
//! requirement in this form into METADATA.

use crate::python::requirement::split_name;

/// A requirement without its marker, and its marker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Requirement {
    /// `name[extra]>=1,<2`.
    pub base: String,
    pub marker: Option<String>,
    /// Whether the base ends in a URL.
    url: bool,
}

impl Requirement {
    /// Parses a requirement. Returns none for text that is none.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (name, rest) = split_name(text);
        if name.is_empty() || !name.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return None;
        }
        let (mut base, mut rest) = (name.to_owned(), rest.trim_start());
        if let Some(inner) = rest.strip_prefix('[') {
            let (extras, after) = inner.split_once(']')?;
            let mut extras: Vec<_> = extras.split(',').map(str::trim).filter(|extra| !extra.is_empty()).collect();
            extras.sort_unstable();
            extras.dedup();
            if !extras.is_empty() {
                base = format!("{base}[{}]", extras.join(","));
            }
            rest = after.trim_start();
        }
        if let Some(url) = rest.strip_prefix('@') {
            let url = url.trim_start();
            let (url, marker) = url.split_once(" ;").map_or((url, None), |(url, marker)| (url, Some(marker)));
            let marker = marker.map_or(Some(None), |marker| self::marker(marker).map(Some))?;
            return Some(Self { base: format!("{base} @ {}", url.trim()), marker, url: true });
        }
        let (specifiers, marker) =
            rest.split_once(';').map_or((rest, None), |(specifiers, marker)| (specifiers, Some(marker)));
        let specifiers = specifiers.trim();
        let specifiers = specifiers.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')).unwrap_or(specifiers);
        base.push_str(&self::specifiers(specifiers)?);
        let marker = marker.map_or(Some(None), |marker| self::marker(marker).map(Some))?;
        Some(Self { base, marker, url: false })
    }

    /// Returns the requirement of an extra, under one more condition.
    #[must_use]
    pub fn within(&self, extra: &str, condition: &str) -> Option<Self> {
        let own = self.marker.as_ref().map(|marker| format!("({marker})"));
        let condition = Some(condition.trim()).filter(|text| !text.is_empty()).map(|text| format!("({text})"));
        let extra = Some(extra).filter(|text| !text.is_empty()).map(|text| format!("extra == \"{text}\""));
        let all: Vec<_> = [own, condition, extra].into_iter().flatten().collect();
        let marker = if all.is_empty() { None } else { Some(marker(&all.join(" and "))?) };
        Some(Self { marker, ..self.clone() })
    }

    /// Returns the requirement as a text.
    #[must_use]
    pub fn text(&self) -> String {
        match (&self.marker, self.url) {
            (None, _) => self.base.clone(),
            (Some(marker), true) => format!("{} ; {marker}", self.base),
            (Some(marker), false) => format!("{}; {marker}", self.base),
        }
    }
}

/// Returns specifiers in the order of `packaging`: sorted as texts.
#[must_use]
pub fn specifiers(text: &str) -> Option<String> {
    let mut parts: Vec<String> = Vec::new();
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let end = part.find(|c: char| !matches!(c, '<' | '>' | '=' | '!' | '~')).unwrap_or(part.len());
        let (operator, version) = part.split_at(end);
        let version = version.trim();
        if operator.is_empty() || version.is_empty() || version.contains(char::is_whitespace) {
            return None;
        }
        parts.push(format!("{operator}{version}"));
    }
    parts.sort_unstable();
    parts.dedup();
    Some(parts.join(","))
}

/// A part of a marker.
enum Item {
    Word(String),
    Group(Vec<Item>),
}

/// Returns a marker in the form of `packaging`: double quotes, single spaces, no needless brackets.
#[must_use]
pub fn marker(text: &str) -> Option<String> {
    let mut tokens = tokens(text)?.into_iter().peekable();
    let mut stack: Vec<Vec<Item>> = vec![Vec::new()];
    let mut single: Vec<String> = Vec::new();
    for token in tokens.by_ref() {
        match token.as_str() {
            "(" => stack.push(Vec::new()),
            ")" => {
                let group = stack.pop()?;
                stack.last_mut()?.push(Item::Group(group));
            }
            "and" | "or" => stack.last_mut()?.push(Item::Word(token)),
            _ => {
                single.push(token);
                if single.len() == 3 || single.len() == 4 && single[1] == "not" {
                    if single[1] == "not" && single.len() == 3 {
                        continue;
                    }
                    stack.last_mut()?.push(Item::Word(single.join(" ")));
                    single.clear();
                }
            }
        }
        if stack.len() > 50 {
            return None;
        }
    }
    (stack.len() == 1 && single.is_empty()).then_some(())?;
    let top = stack.pop()?;
    let text = joined(&top, true);
    (!text.is_empty()).then_some(text)
}

fn joined(items: &[Item], first: bool) -> String {
    if let [Item::Group(inner)] = items {
        return joined(inner, first);
    }
    if let [Item::Word(word)] = items {
        return word.clone();
    }
    let one = |item: &Item| match item {
        Item::Word(word) => word.clone(),
        Item::Group(inner) => joined(inner, false),
    };
    let text = items.iter().map(one).collect::<Vec<_>>().join(" ");
    if first { text } else { format!("({text})") }
}

fn tokens(text: &str) -> Option<Vec<String>> {
    let (mut out, mut rest) = (Vec::new(), text.trim_start());
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '(' | ')' => 1,
            '"' | '\'' => rest[1..].find(first)? + 2,
            '<' | '>' | '=' | '!' | '~' => {
                rest.find(|c| !matches!(c, '<' | '>' | '=' | '!' | '~')).unwrap_or(rest.len())
            }
            c if c.is_ascii_alphanumeric() || c == '_' => {
                rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))).unwrap_or(rest.len())
            }
            _ => return None,
        };
        let (token, after) = rest.split_at(length);
        out.push(match first {
            '"' | '\'' if token[1..token.len() - 1].contains('"') => token.to_owned(),
            '"' | '\'' => format!("\"{}\"", &token[1..token.len() - 1]),
            _ => token
                .replace("python_implementation", "platform_python_implementation")
                .replace("platform_platform_", "platform_")
                .replace("os.name", "os_name")
                .replace("sys.platform", "sys_platform"),
        });
        rest = after.trim_start();
    }
    Some(out)
}

/// Returns the requirements of `requires.txt` of an egg-info, by section (`extra:marker`). Those
/// before the first section have an empty one.
#[must_use]
pub fn of_requires_txt(text: &str) -> Vec<(String, Vec<String>)> {
    let mut out = vec![(String::new(), Vec::new())];
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(name) => out.push((name.to_owned(), Vec::new())),
            None => out.last_mut().into_iter().for_each(|(_, lines)| lines.push(line.to_owned())),
        }
    }
    out
}
