//! Paragraphs of fields, as Debian's package databases have them.
//!
//! Source: deb822(5). What is no field is left out, and of a field that comes twice
//! the first counts: scanners refuse whole files for either (syft's
//! `parse_dpkg_db.go`, "duplicate key discovered").

/// Far more fields than packages have (some thirty); what comes after is left out.
const FIELD_LIMIT: usize = 500;

/// Fields in their order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Paragraph<'a> {
    fields: Vec<Field<'a>>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
struct Field<'a> {
    name: &'a str,
    /// From the name on, with the lines that continue it, as written, each with its end.
    text: &'a [u8],
}

/// Returns the paragraphs of a text; empty lines stand between them.
pub fn paragraphs(text: &[u8]) -> impl Iterator<Item = Paragraph<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let paragraph = paragraph(&mut rest);
            if !paragraph.fields.is_empty() {
                return Some(paragraph);
            }
        }
        None
    })
}

/// Reads up to the next empty line.
fn paragraph<'a>(rest: &mut &'a [u8]) -> Paragraph<'a> {
    let mut out = Paragraph::default();
    while let Some((line, after)) = first_line(rest) {
        if line.trim_ascii().is_empty() {
            *rest = after;
            break;
        }
        let begin = *rest;
        *rest = after;
        while let Some((_, after)) = first_line(rest).filter(|(line, _)| continues(line)) {
            *rest = after;
        }
        // The limit first: hostile texts have millions of lines, and each would look through all fields.
        if out.fields.len() < FIELD_LIMIT
            && let Some(name) = name(line).filter(|name| out.field(name).is_none())
        {
            out.fields.push(Field { name, text: &begin[..begin.len() - rest.len()] });
        }
    }
    out
}

/// Returns a line with its end, and what comes after it.
fn first_line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|&b| b == b'\n').map_or(text.len(), |at| at + 1);
    (end > 0).then(|| text.split_at(end))
}

fn continues(line: &[u8]) -> bool {
    (line.starts_with(b" ") || line.starts_with(b"\t")) && !line.trim_ascii().is_empty()
}

/// Returns the text before the colon, if it may be a field's name.
fn name(line: &[u8]) -> Option<&str> {
    let colon = line.iter().position(|&b| b == b':')?;
    let name = std::str::from_utf8(&line[..colon]).ok()?;
    let sane = name.bytes().all(|b| b.is_ascii_graphic()) && !name.is_empty() && !name.starts_with(['#', '-']);
    sane.then_some(name)
}

impl<'a> Paragraph<'a> {
    fn field(&self, name: &str) -> Option<&Field<'a>> {
        self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// Returns a field's first line; none when it is not there or no text.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&'a str> {
        let field = self.field(name)?;
        let line = field.text.split(|&b| b == b'\n').next()?.get(field.name.len() + 1..)?;
        std::str::from_utf8(line).ok().map(str::trim)
    }

    /// Returns the fields as they are, but those named.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Vec<u8> {
        let mut out = Vec::new();
        for field in &self.fields {
            if !names.iter().any(|name| field.name.eq_ignore_ascii_case(name)) {
                out.extend_from_slice(field.text);
                if !field.text.ends_with(b"\n") {
                    out.push(b'\n');
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_kept_as_they_are() {
        let text = b"\nPackage: a\nStatus: install ok installed\nConffiles:\n /etc/a 1\n /etc/b 2\nDescription: x\n  y\n .\n\n\nPackage: b";
        let [first, second] = paragraphs(text).collect::<Vec<_>>().try_into().unwrap();
        assert_eq!((first.value("package"), second.value("Package")), (Some("a"), Some("b")));
        assert_eq!(first.value("Version"), None);
        let text = String::from_utf8(first.without(&["status", "Conffiles"])).unwrap();
        assert_eq!(text, "Package: a\nDescription: x\n  y\n .\n");
        assert_eq!(second.without(&[]), b"Package: b\n");
    }

    #[test]
    fn what_is_no_field_is_left_out() {
        let text = b" y\nno field\n y\n# c: d\n-a: b\n: e\nP: 1\np: 2\n z\nQ:\xff\n";
        let [only] = paragraphs(text).collect::<Vec<_>>().try_into().unwrap();
        assert_eq!(only.without(&[]), b"P: 1\nQ:\xff\n");
        assert_eq!((only.value("P"), only.value("Q")), (Some("1"), None));
        for empty in [&b""[..], b"\n \n\0\n", b"\n\n"] {
            assert_eq!(paragraphs(empty).count(), 0);
        }
        let many: Vec<_> = (0..2 * FIELD_LIMIT).map(|at| format!("f{at}: 1")).collect();
        let many = many.join("\n");
        assert_eq!(paragraphs(many.as_bytes()).map(|one| one.fields.len()).collect::<Vec<_>>(), [FIELD_LIMIT]);
        // past the limit, a line is not compared with every field: that would take minutes
        let long = many + &"\nz:".repeat(2 << 20);
        assert_eq!(paragraphs(long.as_bytes()).map(|one| one.fields.len()).collect::<Vec<_>>(), [FIELD_LIMIT]);
    }
}
