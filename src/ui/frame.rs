//! What the bars look like at one moment. Pure.

use std::time::Duration;

use super::elapsed::elapsed;
use super::paint::Paint;
use super::pieces::Piece;
use super::size::{fraction, size};

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
pub fn frame(running: &[Piece], done: usize, time: Duration, width: usize, paint: Paint) -> String {
    let shown = &running[..running.len().min(VISIBLE)];
    let room = width.saturating_sub(6 + 2 + AMOUNT).max(SHORTEST);
    let names: Vec<_> = shown.iter().map(|piece| cut(piece.name(), room)).collect();
    let name_width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let verb_width = shown.iter().map(|piece| piece.present().len()).max().unwrap_or(0);
    let amounts = amounts(shown, width.saturating_sub(verb_width + 2 + name_width + 2));
    let amount_width = amounts.iter().map(String::len).max().unwrap_or(0);
    let bar_width = width.saturating_sub(verb_width + 2 + name_width + 2 + amount_width + 2).min(LONGEST);

    let mut lines = Vec::new();
    for ((piece, name), amount) in shown.iter().zip(names).zip(amounts) {
        let text = format!("{:verb_width$}  {name:name_width$}  {amount:>amount_width$}", piece.present());
        let mut line: String = text.chars().take(width).collect();
        if let Some(bar) = bar(piece, bar_width) {
            line.push_str("  ");
            line.push_str(&paint.cyan(&bar));
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
fn amounts(pieces: &[Piece], width: usize) -> Vec<String> {
    let long: Vec<_> = pieces
        .iter()
        .map(|piece| match piece.size {
            Some(total) if total > 0 => fraction(piece.bytes.min(total), total),
            _ => size(piece.bytes),
        })
        .collect();
    if long.iter().all(|amount| amount.len() <= width) {
        return long;
    }
    pieces.iter().map(|piece| size(piece.bytes.min(piece.size.unwrap_or(u64::MAX)))).collect()
}

/// `[=====>    ]` for a piece of known size, where there is room.
fn bar(piece: &Piece, width: usize) -> Option<String> {
    let total = piece.size.filter(|size| *size > 0 && width >= SHORTEST)?;
    let cells = width - 2;
    let full = usize::try_from(u128::from(piece.bytes.min(total)) * cells as u128 / u128::from(total)).ok()?;
    let head = if full < cells { ">" } else { "" };
    Some(format!("[{:cells$}]", "=".repeat(full) + head))
}

#[cfg(test)]
mod tests {
    use super::super::pieces::Pieces;
    use super::*;
    use crate::oci::{Digest, Platform};
    use crate::progress::{LayerKind, Subject, Verb};

    fn pieces() -> Pieces {
        let blob = |text: &str| Subject::Blob(Digest::of(text.as_bytes()));
        let layer = |kind, arch| Subject::Layer { kind, platform: Platform::new("linux", arch) };
        let mut pieces = Pieces::default();
        for (verb, subject, size, bytes) in [
            (Verb::Pull, blob("a"), Some(28_100_000), 12_300_000),
            (Verb::Pull, blob("b"), Some(900_000), 1_000_000),
            (Verb::Pack, layer(LayerKind::Runtime, "amd64"), None, 61_000_000),
            (Verb::Pack, layer(LayerKind::Dependencies, "arm64"), Some(345_600_000), 123_400_000),
            (Verb::Push, blob("a"), Some(0), 0),
            (Verb::Push, blob("b"), Some(20_000), 0),
            (Verb::Push, blob("c"), Some(20_000), 0),
        ] {
            pieces.start(verb, &subject, size);
            pieces.advance(verb, &subject, bytes);
        }
        pieces
    }

    fn at(width: usize) -> String {
        frame(pieces().running(), 4, Duration::from_millis(72_400), width, Paint::Bare)
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
        let mut pieces = Pieces::default();
        let wheel = Subject::Wheel("cryptography-45.0.5-cp311-abi3-manylinux_2_34_x86_64.whl".into());
        pieces.start(Verb::Pull, &wheel, Some(4_500_000));
        insta::assert_snapshot!(frame(pieces.running(), 0, Duration::from_secs(1), 48, Paint::Bare), @"
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
        let painted = frame(pieces().running(), 4, Duration::from_millis(72_400), 80, Paint::Color);
        assert_eq!(painted.replace("\x1b[36m", "").replace("\x1b[0m", ""), at(80));
    }
}
