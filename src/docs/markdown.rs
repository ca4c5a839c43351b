//! Parses the Markdown of the reference into blocks that are easy to lay out.
//!
//! Source: CommonMark and GitHub's tables, by `pulldown-cmark`. The reference uses
//! headings, paragraphs, lists, fenced code and tables; images and HTML are left out.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// Text in one style.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Span {
    pub text: String,
    pub style: Style,
}

/// A style of text within a paragraph.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Style {
    Plain,
    Code,
    Strong,
    Emphasis,
}

/// A block of a document. Lists are flattened: each paragraph knows its depth.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Block {
    /// A heading; the document's title has level 1.
    Heading { level: u8, spans: Vec<Span> },
    /// A paragraph, or the text of a list item.
    Paragraph { depth: usize, marker: Option<String>, spans: Vec<Span> },
    /// Fenced code, with the words after the fence.
    Code { depth: usize, info: String, text: String },
    /// A table; the first row is its header.
    Table { rows: Vec<Vec<Vec<Span>>> },
}

/// Parses a document.
#[must_use]
pub fn parse(text: &str) -> Vec<Block> {
    let mut builder = Builder::default();
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        builder.event(event);
    }
    builder.flush();
    builder.blocks
}

/// The text of spans, without styles.
#[must_use]
pub fn plain(spans: &[Span]) -> String {
    spans.iter().map(|span| span.text.as_str()).collect()
}

/// Collects blocks from parser events.
#[derive(Default)]
struct Builder {
    blocks: Vec<Block>,
    spans: Vec<Span>,
    heading: Option<u8>,
    /// The text and info string of a code block that is open.
    code: Option<(String, String)>,
    rows: Vec<Vec<Vec<Span>>>,
    /// The next number of each open list; none for bullets.
    lists: Vec<Option<u64>>,
    /// The marker of an item whose first paragraph has not come yet.
    marker: Option<String>,
    strong: bool,
    emphasis: bool,
    /// The target of an open link.
    link: Option<String>,
}

impl Builder {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => match &mut self.code {
                Some((code, _)) => code.push_str(&text),
                None => self.push(&text, self.style()),
            },
            Event::Code(text) => self.push(&text, Style::Code),
            Event::SoftBreak | Event::HardBreak => self.push(" ", Style::Plain),
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => self.heading = Some(number(level)),
            Tag::CodeBlock(kind) => {
                self.flush();
                let info = match kind {
                    CodeBlockKind::Fenced(info) => info.to_string(),
                    CodeBlockKind::Indented => String::new(),
                };
                self.code = Some((String::new(), info));
            }
            Tag::List(first) => {
                self.flush();
                self.lists.push(first);
            }
            Tag::Item => {
                self.marker = Some(match self.lists.last_mut() {
                    Some(Some(number)) => {
                        *number += 1;
                        format!("{}.", *number - 1)
                    }
                    _ => "•".to_owned(),
                });
            }
            Tag::TableRow | Tag::TableHead => self.rows.push(Vec::new()),
            Tag::Strong => self.strong = true,
            Tag::Emphasis => self.emphasis = true,
            Tag::Link { dest_url, .. } => self.link = Some(dest_url.to_string()),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Heading(_) => {
                let spans = std::mem::take(&mut self.spans);
                let level = self.heading.take().unwrap_or(1);
                self.blocks.push(Block::Heading { level, spans });
            }
            TagEnd::CodeBlock => {
                if let Some((text, info)) = self.code.take() {
                    self.blocks.push(Block::Code { depth: self.lists.len(), info, text });
                }
            }
            TagEnd::List(_) => {
                self.lists.pop();
            }
            TagEnd::Paragraph | TagEnd::Item => self.flush(),
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.spans);
                if let Some(row) = self.rows.last_mut() {
                    row.push(cell);
                }
            }
            TagEnd::Table => {
                let rows = std::mem::take(&mut self.rows);
                self.blocks.push(Block::Table { rows });
            }
            TagEnd::Strong => self.strong = false,
            TagEnd::Emphasis => self.emphasis = false,
            TagEnd::Link => self.end_link(),
            _ => {}
        }
    }

    /// Names the target of a link to a site, which the text alone does not show.
    fn end_link(&mut self) {
        if let Some(target) = self.link.take().filter(|target| target.starts_with("http")) {
            self.push(&format!(" ({target})"), Style::Plain);
        }
    }

    fn style(&self) -> Style {
        if self.strong {
            Style::Strong
        } else if self.emphasis {
            Style::Emphasis
        } else {
            Style::Plain
        }
    }

    fn push(&mut self, text: &str, style: Style) {
        match self.spans.last_mut() {
            Some(last) if last.style == style => last.text.push_str(text),
            _ => self.spans.push(Span { text: text.to_owned(), style }),
        }
    }

    /// Ends the paragraph that is open, if any.
    fn flush(&mut self) {
        if self.spans.is_empty() {
            return;
        }
        let spans = std::mem::take(&mut self.spans);
        self.blocks.push(Block::Paragraph { depth: self.lists.len(), marker: self.marker.take(), spans });
    }
}

fn number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_keep_their_styles_and_depths() {
        let text = "# Title\n\nOne `two` **three**\nfour.\n\n- item\n\n  more\n  1. first\n\n```toml build-hello\na = 1\n```\n\n\
                    | a | b |\n|-|-|\n| `c` | d |\n";
        let blocks = parse(text);
        let span = |text: &str, style| Span { text: text.to_owned(), style };
        let plain = |text: &str| vec![span(text, Style::Plain)];
        let paragraph =
            |depth, marker: Option<&str>, spans| Block::Paragraph { depth, marker: marker.map(str::to_owned), spans };
        let mixed = vec![
            span("One ", Style::Plain),
            span("two", Style::Code),
            span(" ", Style::Plain),
            span("three", Style::Strong),
            span(" four.", Style::Plain),
        ];
        let want = [
            Block::Heading { level: 1, spans: plain("Title") },
            paragraph(0, None, mixed),
            paragraph(1, Some("•"), plain("item")),
            paragraph(1, None, plain("more")),
            paragraph(2, Some("1."), plain("first")),
            Block::Code { depth: 0, info: "toml build-hello".to_owned(), text: "a = 1\n".to_owned() },
            Block::Table { rows: vec![vec![plain("a"), plain("b")], vec![vec![span("c", Style::Code)], plain("d")]] },
        ];
        assert_eq!(blocks, want);
    }
}
