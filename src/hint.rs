//! Hints: the actions that fix an error.

/// An error that may know its fix. The text is a sentence without a full stop.
pub trait Hint {
    /// Returns the fix, when there is one to suggest.
    fn hint(&self) -> Option<String>;
}

/// Returns the name of `known` that was probably meant by `word`, if any is near enough.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    let near = |name: &&str| {
        let other = name.chars().count();
        length.abs_diff(other) <= 1 + other / 3 // a distance is never less
    };
    let known = known.into_iter().filter(near).map(|name| (strsim::damerau_levenshtein(word, name), name));
    known.filter(|(distance, name)| *distance <= 1 + name.chars().count() / 3).min().map(|(_, name)| name)
}

/// Returns a word of a command, as a shell takes it.
#[must_use]
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./:=,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::{nearest, shell_word};

    #[test]
    fn words_of_commands_are_quoted_where_a_shell_would_read_more_into_them() {
        for (word, want) in [
            ("six==1.17.0", "six==1.17.0"),
            ("git+https://h/x.git@v1", "git+https://h/x.git@v1"),
            ("", "''"),
            ("https://h/x;rm -rf ~", "'https://h/x;rm -rf ~'"),
            ("it's $(x)", r"'it'\''s $(x)'"),
        ] {
            assert_eq!(shell_word(word), want);
        }
    }

    #[test]
    fn typing_errors_find_their_word_and_other_words_find_none() {
        let known = ["platforms", "python", "builder", "base"];
        assert_eq!(nearest("platfroms", known), Some("platforms"));
        assert_eq!(nearest("bse", known), Some("base"));
        assert_eq!(nearest("zzz", known), None);
    }
}
