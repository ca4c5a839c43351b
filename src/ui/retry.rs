//! Retries of requests and uses of mirrors, as text. Pure.

use std::time::Duration;

use super::elapsed::elapsed;
use crate::printable::one_line;

/// Returns `retrying WHAT in 2.0 s: CAUSE`.
#[must_use]
pub fn retry_text(what: &str, cause: &str, delay: Duration) -> String {
    format!("retrying {} in {}: {}", one_line(what), elapsed(delay), one_line(cause))
}

/// Returns `REPOSITORY comes from its mirror MIRROR`.
#[must_use]
pub fn mirror_text(repository: &str, mirror: &str) -> String {
    format!("{} comes from its mirror {}", one_line(repository), one_line(mirror))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_start_a_line() {
        let text = retry_text("GET /v2/", "reset\r\n", Duration::from_secs(2));
        assert_eq!(text, "retrying GET /v2/ in 2.0 s: reset\\r\\n");
    }
}
