//! The order of names in the cache, which the loader's binary search relies on.
//!
//! Source: `_dl_cache_libcmp` in glibc's `elf/dl-cache.c`: runs of digits compare as
//! numbers and come after anything else, other bytes compare as C's `char`.

use std::cmp::Ordering;

use crate::oci::Architecture;

/// Compares two names without NUL bytes.
///
/// Numbers wrap at 32 bits, as C's `int` does in practice; where glibc's subtraction
/// overflows as well, its order is no order, and this one is.
#[must_use]
pub fn compare(a: &[u8], b: &[u8], architecture: &Architecture) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let order = match (number(&mut a), number(&mut b)) {
            (Some(a), Some(b)) => a.cmp(&b),
            (Some(_), None) => return Ordering::Greater,
            (None, Some(_)) => return Ordering::Less,
            (None, None) => {
                let order = byte(&mut a, architecture).cmp(&byte(&mut b, architecture));
                if order == Ordering::Equal && a.is_empty() && b.is_empty() {
                    return Ordering::Equal;
                }
                order
            }
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Returns the number that a name begins with, taken off it.
fn number(name: &mut &[u8]) -> Option<i32> {
    let digits = name.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, rest) = name.split_at(digits);
    *name = rest;
    let add = |sum: i32, digit: &u8| sum.wrapping_mul(10).wrapping_add(i32::from(digit - b'0'));
    (digits > 0).then(|| number.iter().fold(0, add))
}

/// Returns the first byte of a name as a `char`, taken off it; the end is C's NUL.
fn byte(name: &mut &[u8], architecture: &Architecture) -> i32 {
    let Some((&first, rest)) = name.split_first() else { return 0 };
    *name = rest;
    if architecture.signed_char { i32::from(first.cast_signed()) } else { i32::from(first) }
}
