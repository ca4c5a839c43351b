//! What the bars look like at one moment. Pure.

use std::time::Duration;

use super::elapsed::elapsed;
use super::size::{fraction, size};
use super::style::Style;
use super::tasks::Task;

/// Pieces shown at once; the oldest win.
const VISIBLE: usize = 6;
/// A shorter bar says nothing.
const SHORTEST: usize = 10;
/// A longer one only draws the eye.
const LONGEST: usize = 32;

/// Columns of an amount: `999.9 MB`.
const AMOUNT: usize = 8;

/// A line for each piece, and a last one for the whole, all within `width`.
///
/// ```text
/// pull  3f2a9c1b04de         12.3/28.1 MB  [=======>          ]
/// pack  runtime linux/arm64       61.0 MB
/// 4.2 s  7 done, 2 running
/// ```
#[must_use]
pub fn frame(running: &[Task], done: usize, time: Duration, width: usize, style: Style) -> String {
    let shown = &running[..running.len().min(VISIBLE)];
    let room = width.saturating_sub(6 + 2 + AMOUNT).max(SHORTEST);
    let names: Vec<_> = shown.iter().map(|task| cut(task.name(), room)).collect();
    let name_width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let verb_width = shown.iter().map(|task| task.present().len()).max().unwrap_or(0);
    let amounts = amounts(shown, width.saturating_sub(verb_width + 2 + name_width + 2));
    let amount_width = amounts.iter().map(String::len).max().unwrap_or(0);
    let bar_width = width.saturating_sub(verb_width + 2 + name_width + 2 + amount_width + 2).min(LONGEST);

    let mut lines = Vec::new();
    for ((task, name), amount) in shown.iter().zip(names).zip(amounts) {
        let text = format!("{:verb_width$}  {name:name_width$}  {amount:>amount_width$}", task.present());
        let mut line: String = text.chars().take(width).collect();
        if let Some(bar) = bar(task, bar_width) {
            line.push_str("  ");
            line.push_str(&style.cyan(&bar));
        }
        lines.push(line);
    }
    let whole = format!("{}  {done} done, {} running", elapsed(time), running.len());
    lines.push(whole.chars().take(width).collect());
    lines.join("\n")
}

/// A name that leaves room for the amount: wheels' names are long.
fn cut(name: String, room: usize) -> String {
    if name.chars().count() <= room {
        return name;
    }
    name.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}

/// Bytes done of all bytes, or only those done where that is too long for one.
fn amounts(tasks: &[Task], width: usize) -> Vec<String> {
    let long: Vec<_> = tasks
        .iter()
        .map(|task| match task.size {
            Some(total) if total > 0 => fraction(task.bytes.min(total), total),
            _ => size(task.bytes),
        })
        .collect();
    if long.iter().all(|amount| amount.len() <= width) {
        return long;
    }
    tasks.iter().map(|task| size(task.bytes.min(task.size.unwrap_or(u64::MAX)))).collect()
}

/// `[=====>    ]` for a piece of known size, where there is room.
fn bar(task: &Task, width: usize) -> Option<String> {
    let total = task.size.filter(|size| *size > 0 && width >= SHORTEST)?;
    let cells = width - 2;
    let full = usize::try_from(u128::from(task.bytes.min(total)) * cells as u128 / u128::from(total)).ok()?;
    let head = if full < cells { ">" } else { "" };
    Some(format!("[{:cells$}]", "=".repeat(full) + head))
}

#[cfg(test)]
mod tests {
    use super::super::tasks::Tasks;
    use super::*;
    use crate::oci::{Digest, Platform};
    use crate::progress::{LayerKind, Subject, Verb};

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

    fn at(width: usize) -> String {
        frame(tasks().running(), 4, Duration::from_millis(72_400), width, Style::Bare)
    }

    #[test]
    fn eighty_columns_have_bars() {
        insta::assert_snapshot!(at(80), @"
        pull  ca978112ca1b                12.3/28.1 MB  [=============>                ]
        pull  3e23e8160039                  900/900 kB  [==============================]
        pack  runtime linux/amd64              61.0 MB
        pack  dependencies linux/arm64  123.4/345.6 MB  [==========>                   ]
        push  ca978112ca1b                         0 B
        push  3e23e8160039                     0/20 kB  [>                             ]
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
    fn long_names_leave_room_for_their_amounts() {
        let mut tasks = Tasks::default();
        let wheel = Subject::Wheel("cryptography-45.0.5-cp311-abi3-manylinux_2_34_x86_64.whl".into());
        tasks.start(Verb::Pull, &wheel, Some(4_500_000));
        insta::assert_snapshot!(frame(tasks.running(), 0, Duration::from_secs(1), 48, Style::Bare), @"
        pull  cryptography-45.0.5-cp311-abi3-…  0 B
        1.0 s  0 done, 1 running
        ");
    }

    #[test]
    fn no_width_is_exceeded() {
        for width in 0..200 {
            assert!(at(width).lines().all(|line| line.chars().count() <= width), "{width}");
        }
    }

    #[test]
    fn colour_takes_no_room() {
        let painted = frame(tasks().running(), 4, Duration::from_millis(72_400), 80, Style::Color);
        assert_eq!(painted.replace("\x1b[36m", "").replace("\x1b[0m", ""), at(80));
    }
}
