//! Renders a topic as a man page.
//!
//! Source: man(7). Tables, which man has no portable macro for, are laid out beforehand.

use clap_mangen::roff::{Inline, Roff, bold, italic, roman};

use super::Topic;
use super::markdown::{Block, Span, Style, parse, plain};
use super::terminal::{Markup, table};

/// The columns of a table: a man page is indented by seven.
const WIDTH: usize = 72;
/// The section of man pages for conventions and overviews.
const SECTION: &str = "7";
/// An argument of a request that is left empty: pages have no date, for a build has none.
pub const EMPTY: &str = "\"\"";

/// The file name of a topic's page.
#[must_use]
pub fn file_name(topic: &Topic) -> String {
    format!("carboy-{}.{SECTION}", topic.name)
}

/// Renders a topic as the source of its page.
#[must_use]
pub fn render(topic: &Topic, version: &str) -> String {
    let mut page = Roff::new();
    let title = format!("carboy-{}", topic.name);
    page.control("TH", [title.to_uppercase().as_str(), SECTION, EMPTY, &format!("carboy {version}")]);
    page.control("SH", ["NAME"]);
    page.text([roman(format!("{title} - {}", topic.summary.replace('`', "")))]);
    let blocks = parse(topic.text);
    let begins_with_text = blocks.iter().any(|block| matches!(block, Block::Paragraph { .. }));
    if begins_with_text {
        page.control("SH", ["DESCRIPTION"]);
    }
    for block in &blocks {
        add(&mut page, block);
    }
    page.control("SH", ["SEE ALSO"]);
    page.text([bold("carboy"), roman("(1)")]);
    page.render()
}

fn add(page: &mut Roff, block: &Block) {
    match block {
        // The title stands in the page's header.
        Block::Heading { level: 1, .. } => {}
        Block::Heading { level: 2, spans } => {
            page.control("SH", [plain(spans).to_uppercase().as_str()]);
        }
        Block::Heading { spans, .. } => {
            page.control("SS", [plain(spans).as_str()]);
        }
        Block::Paragraph { depth: 0, spans, .. } => {
            page.control("PP", []);
            page.text(inlines(spans));
        }
        Block::Paragraph { depth, marker, spans } => {
            let indent = (2 + 2 * depth).to_string();
            page.control("IP", [marker.as_deref().unwrap_or_default(), indent.as_str()]);
            page.text(inlines(spans));
        }
        Block::Code { text, .. } => verbatim(page, text.lines()),
        Block::Table { rows } => {
            let lines = table(rows, WIDTH, Markup::Bare);
            verbatim(page, lines.iter().map(String::as_str));
        }
    }
}

/// Adds lines that are neither filled nor wrapped.
fn verbatim<'a>(page: &mut Roff, lines: impl Iterator<Item = &'a str>) {
    page.control("PP", []);
    page.control("RS", ["2"]);
    page.control("nf", []);
    for line in lines {
        page.text([roman(line)]);
    }
    page.control("fi", []);
    page.control("RE", []);
}

fn inlines(spans: &[Span]) -> Vec<Inline> {
    let inline = |span: &Span| match span.style {
        Style::Plain => roman(&span.text),
        Style::Code | Style::Strong => bold(&span.text),
        Style::Emphasis => italic(&span.text),
    };
    spans.iter().map(inline).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_its_sections_and_escapes_requests() {
        let text = "# Title\n\nWhat `carboy` does.\n\n## One thing\n\n- item\n\n```sh\n.hidden -l\n```\n";
        let topic = Topic { name: "things", summary: "All of them", text };
        let page = render(&topic, "1.2.3");
        let want = ".TH CARBOY-THINGS 7 \"\" \"carboy 1.2.3\"\n.SH NAME\ncarboy\\-things \\- All of them\n\
            .SH DESCRIPTION\n.PP\nWhat \\fBcarboy\\fR does.\n.SH \"ONE THING\"\n.IP • 4\nitem\n\
            .PP\n.RS 2\n.nf\n\\&.hidden \\-l\n.fi\n.RE\n.SH \"SEE ALSO\"\n\\fBcarboy\\fR(1)\n";
        assert!(page.ends_with(want), "{page}");
    }
}
