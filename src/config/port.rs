//! The ports that an image declares.
//!
//! Source: image-spec `config.md`, `ExposedPorts`: `port/tcp`, `port/udp`, `port`. Docker also
//! accepts sctp.

use super::error::BadValue;

/// Parses `8080` or `8080/tcp|udp|sctp`, and adds a missing protocol.
///
/// # Errors
/// Returns an error for numbers outside 1..=65535, other protocols, and any other text.
pub fn normalise_port(text: &str) -> Result<String, BadValue> {
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let digits = number.bytes().all(|b| b.is_ascii_digit());
    let number = number.parse::<u16>().ok().filter(|number| digits && *number > 0);
    match (number, protocol) {
        (Some(number), "tcp" | "udp" | "sctp") => Ok(format!("{number}/{protocol}")),
        _ => Err(BadValue::new(format!("has `{text}`, not a port"))
            .with_hint("write a number from 1 to 65535, with /tcp, /udp or /sctp")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_get_their_protocol() {
        for (text, port) in [("8080", "8080/tcp"), ("53/udp", "53/udp"), ("1/sctp", "1/sctp"), ("080/tcp", "80/tcp")] {
            assert_eq!(normalise_port(text).as_deref(), Ok(port));
        }
        for bad in ["", "0", "65536", "80/http", "80/", "/tcp", "+80", "8000-8010", "8080:80", "80/tcp/x"] {
            assert!(normalise_port(bad).is_err(), "{bad}");
        }
    }
}
