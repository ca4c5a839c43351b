//! Sizes as text: decimal units, as registries count.

const KILO: u64 = 1_000;
const MEGA: u64 = 1_000_000;
const GIGA: u64 = 1_000_000_000;

/// A unit of sizes; `tenths` adds one digit after the point.
#[derive(Clone, Copy)]
struct Unit {
    name: &'static str,
    bytes: u64,
    tenths: bool,
}

impl Unit {
    /// Returns the unit that shows `bytes` with one to three digits before the point, rounding
    /// included.
    fn of(bytes: u64) -> Self {
        let unit = |name, bytes, tenths| Self { name, bytes, tenths };
        match bytes {
            0..KILO => unit("B", 1, false),
            KILO..999_500 => unit("kB", KILO, false),
            999_500..999_950_000 => unit("MB", MEGA, true),
            _ => unit("GB", GIGA, true),
        }
    }

    fn number(self, bytes: u64) -> String {
        if !self.tenths {
            return (bytes.saturating_add(self.bytes / 2) / self.bytes).to_string();
        }
        let tenth = self.bytes / 10;
        let tenths = bytes.saturating_add(tenth / 2) / tenth;
        format!("{}.{}", tenths / 10, tenths % 10)
    }
}

/// Returns `18.4 MB`, `312 kB`, `96 B`.
#[must_use]
pub fn size(bytes: u64) -> String {
    let unit = Unit::of(bytes);
    format!("{} {}", unit.number(bytes), unit.name)
}

/// Returns `12.3/28.1 MB`, in the unit of the total.
#[must_use]
pub fn fraction(done: u64, total: u64) -> String {
    let unit = Unit::of(total);
    format!("{}/{} {}", unit.number(done), unit.number(total), unit.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_left_before_its_number_has_four_digits() {
        for (bytes, text) in [
            (0, "0 B"),
            (96, "96 B"),
            (999, "999 B"),
            (1_000, "1 kB"),
            (312_499, "312 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (18_449_999, "18.4 MB"),
            (999_949_999, "999.9 MB"),
            (999_950_000, "1.0 GB"),
            (u64::MAX, "18446744073.7 GB"),
        ] {
            assert_eq!(size(bytes), text, "{bytes}");
        }
    }

    #[test]
    fn a_fraction_has_one_unit() {
        assert_eq!(fraction(12_345_678, 28_100_000), "12.3/28.1 MB");
        assert_eq!(fraction(900, 28_100_000), "0.0/28.1 MB");
        assert_eq!(fraction(0, 0), "0/0 B");
    }
}
