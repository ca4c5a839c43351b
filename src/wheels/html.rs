//! The start tags of an HTML page, with their attributes.
//!
//! Source: WHATWG, HTML, 13.2.5 (tokenization), as far as lists of links need it: comments and the
//! content of scripts and styles are skipped, character references in attributes are decoded by
//! number and for the five names of XML. One pass over the text: the time is linear in the page's
//! length.

/// A start tag.
pub struct Tag {
    /// In lower case.
    pub name: String,
    attributes: Vec<(String, String)>,
}

/// The most attributes of a tag; more are dropped.
const MANY: usize = 64;

impl Tag {
    /// Returns an attribute's value; the first counts.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(has, _)| has == name).map(|(_, value)| value.as_str())
    }
}

/// The complete start tags of a page, in order.
pub fn tags(text: &str) -> impl Iterator<Item = Tag> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            rest = &rest[rest.find('<')?..];
            if let Some(comment) = rest.strip_prefix("<!--") {
                rest = after(comment, "-->");
            } else if rest[1..].starts_with(|c: char| c.is_ascii_alphabetic()) {
                let tag = start_tag(&rest[1..], &mut rest)?;
                if matches!(tag.name.as_str(), "script" | "style" | "title" | "textarea") {
                    rest = after_end(rest, &tag.name);
                }
                return Some(tag);
            } else {
                rest = &rest[1..];
            }
        }
    })
}

/// Returns the text after a mark; empty if the mark is missing.
fn after<'a>(text: &'a str, mark: &str) -> &'a str {
    text.find(mark).map_or("", |at| &text[at + mark.len()..])
}

/// Returns the text after the beginning of an end tag, in any case of letters.
fn after_end<'a>(mut text: &'a str, name: &str) -> &'a str {
    while let Some(at) = text.find("</") {
        text = &text[at + 2..];
        if text.get(..name.len()).is_some_and(|word| word.eq_ignore_ascii_case(name)) {
            return &text[name.len()..];
        }
    }
    ""
}

/// Reads a tag from after its `<`; none if the page ends inside the tag.
fn start_tag<'a>(text: &'a str, rest: &mut &'a str) -> Option<Tag> {
    let end = text.find(|c: char| c.is_ascii_whitespace() || "/>".contains(c))?;
    let mut tag = Tag { name: text[..end].to_ascii_lowercase(), attributes: Vec::new() };
    let mut text = &text[end..];
    loop {
        text = text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if let Some(after) = text.strip_prefix('>') {
            *rest = after;
            return Some(tag);
        }
        // A name may begin with `=`.
        let first = text.chars().next()?.len_utf8();
        let end = first + text[first..].find(|c: char| c.is_ascii_whitespace() || "/>=".contains(c))?;
        let name = text[..end].to_ascii_lowercase();
        text = text[end..].trim_start_matches(|c: char| c.is_ascii_whitespace());
        let mut value = String::new();
        if let Some(given) = text.strip_prefix('=') {
            let given = given.trim_start_matches(|c: char| c.is_ascii_whitespace());
            let raw;
            (raw, text) = attribute_value(given)?;
            value = decoded(raw);
        }
        if tag.attributes.len() < MANY {
            tag.attributes.push((name, value));
        }
    }
}

/// Returns a value, quoted or not, and the text after it.
fn attribute_value(text: &str) -> Option<(&str, &str)> {
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote) {
            return quoted.split_once(quote);
        }
    }
    let end = text.find(|c: char| c.is_ascii_whitespace() || c == '>')?;
    Some(text.split_at(end))
}

/// Decodes character references.
fn decoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        // The longest supported reference has far fewer bytes.
        let end = rest.bytes().take(12).position(|byte| byte == b';');
        if let Some((end, c)) = end.and_then(|end| Some((end, character(&rest[1..end])?))) {
            out.push(c);
            rest = &rest[end + 1..];
        } else {
            out.push('&');
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    out
}

fn character(reference: &str) -> Option<char> {
    match reference {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = reference.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let tag = |tag: Tag| {
            let attributes = tag.attributes.iter().map(|(name, value)| format!(" {name}={value}"));
            tag.name.clone() + &attributes.collect::<String>()
        };
        tags(text).map(tag).collect()
    }

    #[test]
    fn tags_come_out_as_browsers_read_them() {
        for (text, tags) in [
            ("<a href=x>", &["a href=x"][..]),
            ("<A HREF = 'x y' b>t</A><br/>", &["a href=x y b=", "br"]),
            ("<a\nhref=\"a&amp;b&#61;&#x3d;&lt;&nbsp;&\" href=z>", &["a href=a&b==<&nbsp;& href=z"]),
            ("<a href=x/y/ >", &["a href=x/y/"]),
            ("<!-- <a> --><b>", &["b"]),
            ("<!doctype html><?x <a>", &["a"]),
            ("1 < 2 <é><a>", &["a"]),
            ("<script>'<a>'</SCRIPT><b>", &["script", "b"]),
            ("<a =x=y>", &["a =x=y"]),
            ("<a", &[]),
            ("<a href='x>", &[]),
            ("<!--", &[]),
            ("<", &[]),
            ("<a é=ü>", &["a é=ü"]),
        ] {
            assert_eq!(shown(text), tags, "{text}");
        }
    }
}
