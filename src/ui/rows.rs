//! Rows of the terminal: a bar for each piece of work, and a last row for the whole.
//!
//! indicatif draws the rows together, adapts to the terminal's width, and takes them away.

use std::time::Duration;

use indicatif::style::TemplateError;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::elapsed::elapsed;
use super::size::{fraction, size};
use super::style::Style;
use super::tasks::Task;
use crate::progress::{Subject, Verb};

/// The most pieces of work shown at once, the oldest ones first.
const VISIBLE: usize = 6;
/// Columns of the shortest bar. A shorter one shows no progress.
const SHORTEST: usize = 10;
/// Columns of the longest bar.
const LONGEST: usize = 32;
/// Columns of the bytes done: `999.9 MB`.
const DONE: usize = 8;
/// Columns of the bytes done of all bytes: `123.4/345.6 MB`.
const FRACTION: usize = 14;

/// The rows on a terminal.
///
/// ```text
/// pull  3f2a9c1b04de         12.3/28.1 MB  [=======>          ]
/// pack  runtime linux/arm64       61.0 MB
/// 4.2 s  7 done, 2 running
/// ```
pub struct Rows {
    screen: MultiProgress,
    /// In columns.
    width: usize,
    style: Style,
    bars: Vec<Row>,
    /// The last row, once there is one.
    total: Option<ProgressBar>,
}

/// The row of a piece of work.
struct Row {
    verb: Verb,
    subject: Subject,
    bar: ProgressBar,
    /// The template that `bar` has.
    template: String,
}

/// The columns of all rows of pieces of work.
#[derive(Clone, Copy)]
struct Columns {
    verb: usize,
    name: usize,
    /// 0 where there is no room.
    amount: usize,
    /// 0 where there is no room.
    bar: usize,
}

impl Rows {
    /// Draws nothing until there is something to show.
    pub fn new(target: ProgressDrawTarget, width: usize, style: Style) -> Self {
        Self { screen: MultiProgress::with_draw_target(target), width, style, bars: Vec::new(), total: None }
    }

    /// Shows the pieces of work under way and the number of those that are done.
    ///
    /// # Errors
    /// Returns an error if indicatif does not understand a template.
    pub fn show(&mut self, running: &[Task], done: usize, time: Duration) -> Result<(), TemplateError> {
        let total = match &self.total {
            Some(total) => total.clone(),
            None => self.total.insert(self.screen.add(ProgressBar::no_length())).clone(),
        };
        let shown = &running[..running.len().min(VISIBLE)];
        let columns = Columns::new(shown, self.width);
        let screen = &self.screen;
        self.bars.retain(|row| {
            let stays = shown.iter().any(|task| row.is_of(task));
            if !stays {
                screen.remove(&row.bar);
            }
            stays
        });
        for task in shown {
            let at = self.bars.iter().position(|row| row.is_of(task)).unwrap_or_else(|| {
                self.bars.push(Row::new(task, screen.insert_before(&total, ProgressBar::no_length())));
                self.bars.len() - 1
            });
            self.bars[at].show(task, columns, self.style)?;
        }
        total.set_style(ProgressStyle::with_template("{wide_msg}")?);
        total.set_message(format!("{}  {done} done, {} running", elapsed(time), running.len()));
        Ok(())
    }

    /// Takes the rows away for as long as `write` writes to the terminal.
    pub fn suspend(&self, write: impl FnOnce()) {
        self.screen.suspend(write);
    }

    /// Takes the rows away.
    pub fn clear(&mut self) {
        let bars = self.bars.drain(..).map(|row| row.bar);
        bars.chain(self.total.take()).for_each(|bar| self.screen.remove(&bar));
        // A terminal that is gone has no rows.
        self.screen.clear().ok();
    }
}

impl Row {
    fn new(task: &Task, bar: ProgressBar) -> Self {
        Self { verb: task.verb, subject: task.subject.clone(), bar, template: String::new() }
    }

    fn is_of(&self, task: &Task) -> bool {
        self.verb == task.verb && self.subject == task.subject
    }

    fn show(&mut self, task: &Task, columns: Columns, style: Style) -> Result<(), TemplateError> {
        let total = task.size.filter(|total| *total > 0);
        let template = columns.template(total.is_some(), style);
        if template != self.template {
            let long = columns.amount == FRACTION;
            let amount = move |state: &ProgressState, text: &mut dyn std::fmt::Write| {
                let amount = match state.len() {
                    Some(total) if long => fraction(state.pos(), total),
                    _ => size(state.pos()),
                };
                text.write_str(&amount).unwrap_or_default();
            };
            self.bar
                .set_style(ProgressStyle::with_template(&template)?.progress_chars("=> ").with_key("amount", amount));
            self.template = template;
        }
        self.bar.set_prefix(task.present());
        self.bar.set_message(cut(task.name(), columns.name));
        match total {
            Some(total) => self.bar.set_length(total),
            None => self.bar.unset_length(),
        }
        self.bar.set_position(total.map_or(task.bytes, |total| task.bytes.min(total)));
        Ok(())
    }
}

impl Columns {
    /// The columns for pieces of work on a terminal. Names leave room for the bytes done; bars
    /// take the rest.
    fn new(tasks: &[Task], width: usize) -> Self {
        let verb = tasks.iter().map(|task| task.present().len()).max().unwrap_or(0);
        let longest = tasks.iter().map(|task| task.name().chars().count()).max().unwrap_or(0);
        let room = width.saturating_sub(verb + 2);
        let name = longest.min(room.saturating_sub(2 + DONE)).max(SHORTEST.min(longest));
        let room = room.saturating_sub(name + 2);
        let sized = tasks.iter().any(|task| task.size.is_some_and(|total| total > 0));
        let amount = if sized && room >= FRACTION { FRACTION } else { DONE };
        if room < amount {
            return Self { verb, name: room + name, amount: 0, bar: 0 };
        }
        let bar = room.saturating_sub(amount + 2).min(LONGEST);
        Self { verb, name, amount, bar: if bar < SHORTEST { 0 } else { bar } }
    }

    /// The template of a row, with a bar for a piece of known size.
    fn template(self, sized: bool, style: Style) -> String {
        let Self { verb, name, amount, bar } = self;
        if amount == 0 {
            return format!("{{prefix:{verb}}}  {{wide_msg}}");
        }
        let text = format!("{{prefix:{verb}}}  {{msg:{name}}}  {{amount:>{amount}}}");
        if !sized || bar == 0 {
            return text;
        }
        let color = if style == Style::Color { ".cyan" } else { "" };
        format!("{text}  [{{bar:{}{color}}}]", bar - 2)
    }
}

/// A name of at most `room` characters.
fn cut(name: String, room: usize) -> String {
    if name.chars().count() <= room {
        return name;
    }
    name.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use indicatif::{InMemoryTerm, TermLike as _};

    use super::super::tasks::Tasks;
    use super::*;
    use crate::oci::{Digest, Platform};
    use crate::progress::LayerKind;

    const TIME: Duration = Duration::from_millis(72_400);

    fn tasks() -> Tasks {
        let blob = |text: &str| Subject::Blob(Digest::of(text.as_bytes()));
        let layer = |kind, arch| Subject::Layer { kind, platform: Platform::new("linux", arch) };
        let mut tasks = Tasks::default();
        for (verb, subject, size, bytes) in [
            (Verb::Pull, blob("a"), Some(28_100_000), 12_300_000),
            (Verb::Pull, blob("b"), Some(900_000), 1_000_000),
            (Verb::Pack, layer(LayerKind::Runtime, "amd64"), None, 61_000_000),
            (Verb::Pack, layer(LayerKind::Dependencies, "arm64"), Some(345_600_000), 123_400_000),
            (Verb::Push, blob("a"), Some(0), 0),
            (Verb::Push, blob("b"), Some(20_000), 0),
            (Verb::Push, blob("c"), Some(20_000), 0),
        ] {
            tasks.start(verb, &subject, size);
            tasks.advance(verb, &subject, bytes);
        }
        tasks
    }

    /// Rows on a terminal of a width.
    fn on(width: u16) -> (Rows, InMemoryTerm) {
        let terminal = InMemoryTerm::new(20, width);
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        (Rows::new(target, width.into(), Style::Bare), terminal)
    }

    fn at(width: u16) -> String {
        let (mut rows, terminal) = on(width);
        rows.show(tasks().running(), 4, TIME).unwrap();
        terminal.contents()
    }

    #[test]
    fn eighty_columns_have_bars() {
        insta::assert_snapshot!(at(80), @"
        pull  ca978112ca1b                12.3/28.1 MB  [=============>                ]
        pull  3e23e8160039                  900/900 kB  [==============================]
        pack  runtime linux/amd64              61.0 MB
        pack  dependencies linux/arm64  123.4/345.6 MB  [==========>                   ]
        push  ca978112ca1b                         0 B
        push  3e23e8160039                     0/20 kB  [                              ]
        1 min 12 s  4 done, 7 running
        ");
    }

    #[test]
    fn forty_columns_have_amounts() {
        insta::assert_snapshot!(at(40), @"
        pull  ca978112ca1b               12.3 MB
        pull  3e23e8160039                900 kB
        pack  runtime linux/amd64        61.0 MB
        pack  dependencies linux/arm64  123.4 MB
        push  ca978112ca1b                   0 B
        push  3e23e8160039                   0 B
        1 min 12 s  4 done, 7 running
        ");
    }

    #[test]
    fn twenty_columns_have_names() {
        insta::assert_snapshot!(at(20), @"
        pull  ca978112ca1b
        pull  3e23e8160039
        pack  runtime lin…
        pack  dependencie…
        push  ca978112ca1b
        push  3e23e8160039
        1 min 12 s  4 done,
        ");
    }

    #[test]
    fn long_names_leave_room_for_their_amounts() {
        let mut tasks = Tasks::default();
        let wheel = Subject::Wheel("cryptography-45.0.5-cp311-abi3-manylinux_2_34_x86_64.whl".into());
        tasks.start(Verb::Pull, &wheel, Some(4_500_000));
        let (mut rows, terminal) = on(48);
        rows.show(tasks.running(), 0, Duration::from_secs(1)).unwrap();
        insta::assert_snapshot!(terminal.contents(), @"
        pull  cryptography-45.0.5-cp311-abi3-…       0 B
        1.0 s  0 done, 1 running
        ");
    }

    #[test]
    fn no_row_is_longer_than_the_terminal_is_wide() {
        for width in 10..200 {
            let (rows, last) = (at(width), "1 min 12 s  4 done, 7 running");
            let last: String = last.chars().take(width.into()).collect();
            assert_eq!(rows.lines().count(), VISIBLE + 1, "{width}: {rows}");
            assert!(rows.ends_with(last.trim_end()), "{width}: {rows}");
        }
    }

    #[test]
    fn rows_follow_the_work_and_go() {
        let (mut rows, terminal) = on(80);
        let mut tasks = tasks();
        rows.show(tasks.running(), 0, TIME).unwrap();
        let ended = [&tasks.running()[..2], &tasks.running()[3..5]].concat();
        for task in ended {
            tasks.end(task.verb, &task.subject);
        }
        rows.show(tasks.running(), 4, TIME).unwrap();
        insta::assert_snapshot!(terminal.contents(), @"
        pack  runtime linux/amd64         61.0 MB
        push  3e23e8160039                0/20 kB  [                              ]
        push  2e7d2c03a950                0/20 kB  [                              ]
        1 min 12 s  4 done, 3 running
        ");
        rows.suspend(|| terminal.write_line("a note").unwrap());
        assert_eq!(terminal.contents().lines().count(), 5);
        assert!(terminal.contents().starts_with("a note\npack  runtime"));
        rows.clear();
        assert_eq!(terminal.contents(), "a note");
        drop(rows);
        assert_eq!(terminal.contents(), "a note");
    }
}
