//! Durations as text.

use std::time::Duration;

/// Returns `3.2 s`, `1 min 12 s`.
#[must_use]
pub fn elapsed(duration: Duration) -> String {
    let tenths = (duration.as_millis() + 50) / 100;
    if tenths < 600 {
        return format!("{}.{} s", tenths / 10, tenths % 10);
    }
    let seconds = (duration.as_millis() + 500) / 1_000;
    format!("{} min {} s", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenths_matter_below_a_minute_only() {
        for (millis, text) in
            [(0, "0.0 s"), (3_249, "3.2 s"), (59_949, "59.9 s"), (59_950, "1 min 0 s"), (3_672_400, "61 min 12 s")]
        {
            assert_eq!(elapsed(Duration::from_millis(millis)), text);
        }
    }
}
