//! Line numbers of positions in a text.

use ruff_text_size::TextSize;

/// Counts lines up to ascending positions without starting over.
pub(super) struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: u32,
}

impl<'a> Lines<'a> {
    pub fn new(text: &'a str) -> Self {
        Self { text, at: 0, line: 1 }
    }

    /// Returns the line of a position, from 1.
    pub fn of(&mut self, position: TextSize) -> u32 {
        let position = position.to_usize().min(self.text.len());
        if position < self.at {
            (self.at, self.line) = (0, 1);
        }
        let passed = memchr::memchr_iter(b'\n', &self.text.as_bytes()[self.at..position]).count();
        self.at = position;
        self.line = self.line.saturating_add(u32::try_from(passed).unwrap_or(u32::MAX));
        self.line
    }
}
