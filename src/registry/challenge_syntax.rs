//! The syntax of `WWW-Authenticate` headers, read as leniently as Docker and Podman read it.
//!
//! Source: RFC 9110, 11.2 and 11.6.1. Servers leave commas out, write several blanks, quote with
//! apostrophes or not at all, and send text that is not ASCII.

/// A challenge as it was written: a scheme, and parameters in their order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WrittenChallenge {
    pub scheme: String,
    pub parameters: Vec<(String, String)>,
}

/// The characters that end a name or an unquoted value.
const SEPARATORS: [char; 5] = [' ', '\t', ',', '\r', '\n'];

impl WrittenChallenge {
    /// Returns a parameter that is not empty, by its name in any case.
    pub fn parameter(&self, wanted: &str) -> Option<&str> {
        let named = self.parameters.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        named.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// Reads all challenges of one header.
    pub fn all(header: &str) -> Vec<Self> {
        let mut found: Vec<Self> = Vec::new();
        let mut rest = header.trim_start_matches(SEPARATORS);
        while !rest.is_empty() {
            let end = rest.find(|c| c == '=' || SEPARATORS.contains(&c)).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            let after_blanks = after.trim_start_matches([' ', '\t']);
            if let Some(value) = after_blanks.strip_prefix('=') {
                let (value, after) = value_of(value.trim_start_matches([' ', '\t']));
                // A parameter before any scheme belongs to none.
                if let Some(challenge) = found.last_mut() {
                    challenge.parameters.push((word.to_owned(), value));
                }
                rest = after;
            } else {
                found.push(Self { scheme: word.to_owned(), parameters: Vec::new() });
                rest = after;
            }
            rest = rest.trim_start_matches(SEPARATORS);
        }
        found
    }
}

/// Splits a value from the text that follows it. Without the closing quote, the value is the rest.
fn value_of(text: &str) -> (String, &str) {
    let Some(quote) = text.chars().next().filter(|first| matches!(first, '"' | '\'')) else {
        let (value, after) = text.split_at(text.find(SEPARATORS).unwrap_or(text.len()));
        return (value.to_owned(), after);
    };
    let mut value = String::new();
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' if quote == '"' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            _ if character == quote => return (value, &text[at + character.len_utf8()..]),
            _ => value.push(character),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(header: &str) -> String {
        let one = |challenge: &WrittenChallenge| {
            let parameters = challenge.parameters.iter().map(|(name, value)| format!(" {name}=<{value}>"));
            format!("{}{}", challenge.scheme, parameters.collect::<String>())
        };
        WrittenChallenge::all(header).iter().map(one).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn loose_forms_are_read_like_the_strict_one() {
        let strict = "Bearer realm=<https://auth.example/token> service=<s>";
        for header in [
            r#"Bearer realm="https://auth.example/token",service="s""#,
            r#"Bearer  realm="https://auth.example/token",service="s""#,
            r#"Bearer realm="https://auth.example/token" service="s""#,
            r#"Bearer realm = "https://auth.example/token" , service = "s""#,
            "Bearer realm='https://auth.example/token',service='s'",
            "Bearer realm=https://auth.example/token,service=s",
            "Bearer\trealm=https://auth.example/token  service=s",
            r#" , Bearer realm="https://auth.example/token",,service="s","#,
            r#"Bearer, realm="https://auth.example/token", service="s"#,
        ] {
            assert_eq!(written(header), strict, "{header}");
        }
    }

    #[test]
    fn several_challenges_are_told_apart() {
        for (header, all) in [
            (r#"Basic realm="x", Bearer realm="y",scope="a,b""#, "Basic realm=<x>; Bearer realm=<y> scope=<a,b>"),
            (r#"Basic realm="x" Bearer realm="y""#, "Basic realm=<x>; Bearer realm=<y>"),
            ("Negotiate, Basic realm=x", "Negotiate; Basic realm=<x>"),
            ("Negotiate YII==, Basic realm=x", "Negotiate YII=<=>; Basic realm=<x>"),
            (r#"Basic realm="a \"b\" \\ \c""#, r#"Basic realm=<a "b" \ c>"#),
            ("Basic realm='it\\'s", "Basic realm=<it\\>; s"),
            ("Basic realm=\"Registry \u{fffd}\"", "Basic realm=<Registry \u{fffd}>"),
            ("Basic realm=\"", "Basic realm=<>"),
            ("realm=\"x\"", ""),
            ("Basic realm", "Basic; realm"),
            ("", ""),
            (" ,, ", ""),
        ] {
            assert_eq!(written(header), all, "{header}");
        }
    }

    #[test]
    fn parameters_are_found_in_any_case_unless_they_are_empty() {
        let all = WrittenChallenge::all(r#"bearer REALM=" r ", service="""#);
        assert_eq!((all[0].parameter("realm"), all[0].parameter("service")), (Some("r"), None));
    }
}
