//! Lays a topic out for a terminal: wrapped to its width, headings bold, code as it is.
//!
//! Source of the escape sequences: ECMA-48, "SGR".

use console::measure_text_width;

use super::markdown::{Block, Span, Style, parse};

/// The widest that text is laid out: longer lines are hard to read.
const WIDEST: usize = 100;
/// The narrowest that a column of a table becomes.
const NARROWEST: usize = 8;
/// Columns by which code is indented, and each level of a list.
const INDENT: usize = 2;
/// Blanks between two columns of a table.
const GAP: usize = 2;

/// Whether escape sequences mark headings and names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Markup {
    Escapes,
    Bare,
}

/// Renders Markdown for a terminal of `width` columns.
#[must_use]
pub fn render(text: &str, width: usize, markup: Markup) -> String {
    let width = width.clamp(20, WIDEST);
    let mut out = String::new();
    let mut item_above = false;
    for block in parse(text) {
        let is_item = matches!(&block, Block::Paragraph { marker: Some(_), .. });
        let joins = is_item && item_above;
        if !out.is_empty() && !joins {
            out.push('\n');
        }
        item_above = is_item;
        for line in lines(&block, width, markup) {
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
    out
}

/// Lays a table out in columns, at most `width` wide.
#[must_use]
pub fn table(rows: &[Vec<Vec<Span>>], width: usize, markup: Markup) -> Vec<String> {
    let widths = column_widths(rows, width);
    let mut out = Vec::new();
    let mut before = false;
    for (at, row) in rows.iter().enumerate() {
        let cells: Vec<_> =
            row.iter().zip(&widths).map(|(cell, width)| wrap(&header(cell, at == 0), *width, markup)).collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or_default();
        let line = |line: usize| {
            let columns = cells.iter().zip(&widths).map(|(cell, width)| pad(cell.get(line), *width));
            columns.collect::<Vec<_>>().join(&" ".repeat(GAP)).trim_end().to_owned()
        };
        // A row of several lines stands apart from its neighbours.
        if at > 1 && (before || height > 1) {
            out.push(String::new());
        }
        before = height > 1;
        if !(at == 0 && row.iter().all(Vec::is_empty)) {
            out.extend((0..height).map(line));
        }
    }
    out
}

fn lines(block: &Block, width: usize, markup: Markup) -> Vec<String> {
    match block {
        Block::Heading { level, spans } => {
            let strong = spans.iter().map(|span| Span { text: span.text.clone(), style: Style::Strong });
            let strong: Vec<_> = strong.collect();
            wrap(&strong, width, markup).into_iter().map(|line| indented(line, usize::from(*level > 2))).collect()
        }
        Block::Paragraph { depth, marker, spans } => item(*depth, marker.as_deref(), spans, width, markup),
        Block::Code { depth, text, .. } => {
            let indent = " ".repeat(INDENT * (depth + 1));
            text.lines().map(|line| format!("{indent}{line}")).collect()
        }
        Block::Table { rows } => table(rows, width, markup),
    }
}

fn indented(line: String, levels: usize) -> String {
    if levels == 0 { line } else { format!("{}{line}", " ".repeat(levels * INDENT)) }
}

/// A paragraph at its depth; the marker hangs to the left of it.
fn item(depth: usize, marker: Option<&str>, spans: &[Span], width: usize, markup: Markup) -> Vec<String> {
    let indent = INDENT * depth;
    let mut lines = wrap(spans, width.saturating_sub(indent).max(NARROWEST), markup);
    for (at, line) in lines.iter_mut().enumerate() {
        let marker = marker.filter(|_| at == 0).unwrap_or_default();
        let before = format!("{}{marker} ", " ".repeat(indent.saturating_sub(INDENT)));
        *line = if depth == 0 { line.clone() } else { format!("{before:<indent$}{line}") };
    }
    lines
}

fn header(cell: &[Span], is_header: bool) -> Vec<Span> {
    let style = |span: &Span| if is_header { Style::Strong } else { span.style };
    cell.iter().map(|span| Span { text: span.text.clone(), style: style(span) }).collect()
}

fn pad(line: Option<&String>, width: usize) -> String {
    let line = line.map_or("", String::as_str);
    format!("{line}{}", " ".repeat(width.saturating_sub(measure_text_width(line))))
}

/// The widths of a table's columns: as wide as their texts, the widest narrowed until
/// all fit.
fn column_widths(rows: &[Vec<Vec<Span>>], width: usize) -> Vec<usize> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let text = |cell: &Vec<Span>| cell.iter().map(|span| measure_text_width(&span.text)).sum::<usize>();
    let widest = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(text).max().unwrap_or_default();
    let mut widths: Vec<_> = (0..columns).map(widest).collect();
    let room = width.saturating_sub(GAP * columns.saturating_sub(1));
    while widths.iter().sum::<usize>() > room {
        match widths.iter_mut().max().filter(|widest| **widest > NARROWEST) {
            Some(widest) => *widest -= 1,
            None => break,
        }
    }
    widths
}

/// Breaks text between words into lines of at most `width` columns; longer words stay whole.
fn wrap(spans: &[Span], width: usize, markup: Markup) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut used) = (String::new(), 0);
    for word in words(spans) {
        let columns = word.iter().map(|span| measure_text_width(&span.text)).sum::<usize>();
        if used > 0 && used + 1 + columns > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        used += columns;
        line.extend(word.iter().map(|span| marked(span, markup)));
    }
    lines.push(line);
    lines
}

/// The words of a text, each of pieces in their styles: `carboy`**s** is one word.
fn words(spans: &[Span]) -> Vec<Vec<Span>> {
    let mut words: Vec<Vec<Span>> = Vec::new();
    let mut joins = false;
    for span in spans {
        for (at, piece) in span.text.split(' ').enumerate() {
            if at > 0 {
                joins = false;
            }
            if piece.is_empty() {
                continue;
            }
            let piece = Span { text: piece.to_owned(), style: span.style };
            match words.last_mut().filter(|_| joins) {
                Some(word) => word.push(piece),
                None => words.push(vec![piece]),
            }
            joins = true;
        }
    }
    words
}

fn marked(span: &Span, markup: Markup) -> String {
    let code = match (markup, span.style) {
        (Markup::Bare, _) | (_, Style::Plain) => return span.text.clone(),
        (Markup::Escapes, Style::Strong) => "1",
        (Markup::Escapes, Style::Code) => "36",
        (Markup::Escapes, Style::Emphasis) => "4",
    };
    format!("\x1b[{code}m{}\x1b[0m", span.text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Caching\n\nThe `cache` holds *pulled* layers, and more.\n\n\
        - one of some length that wraps\n- two\n\n```sh\nls   -l\n```\n\n| key | holds |\n|-|-|\n| `a` | the first of them all |\n| b | c |\n";

    #[test]
    fn text_is_wrapped_and_code_is_not() {
        let want = "Caching\n\nThe cache holds pulled\nlayers, and more.\n\n• one of some length\n  that wraps\n• two\n\n  ls   -l\n\n\
            key  holds\na    the first of them\n     all\n\nb    c\n";
        assert_eq!(render(TEXT, 22, Markup::Bare), want);
    }

    #[test]
    fn escapes_count_no_columns() {
        let text = render(TEXT, 22, Markup::Escapes);
        assert!(
            text.starts_with("\x1b[1mCaching\x1b[0m\n\nThe \x1b[36mcache\x1b[0m holds \x1b[4mpulled\x1b[0m\n"),
            "{text}"
        );
        assert_eq!(console::strip_ansi_codes(&text), render(TEXT, 22, Markup::Bare));
    }
}
