//! The options of requirements files.

/// The effect of an option.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Setting {
    Requirements(String),
    Constraints(String),
    Editable(String),
    Index(String),
    ExtraIndex(String),
    FindLinks(String),
    Hash(String),
    NoIndex,
    /// Names, or `:all:`, of distributions without wheels.
    NoBinary(String),
    RequireHashes,
    /// No effect on wheels with exact versions.
    Other,
}

type OptionReader = (&'static str, fn(String) -> Setting);

/// Options with a value.
const VALUED: [OptionReader; 29] = [
    ("-r", Setting::Requirements),
    ("--requirement", Setting::Requirements),
    ("--requirements", Setting::Requirements),
    ("-c", Setting::Constraints),
    ("--constraint", Setting::Constraints),
    ("--constraints", Setting::Constraints),
    ("-e", Setting::Editable),
    ("--editable", Setting::Editable),
    ("-i", Setting::Index),
    ("--index-url", Setting::Index),
    ("--pypi-url", Setting::Index),
    ("--extra-index-url", Setting::ExtraIndex),
    ("-f", Setting::FindLinks),
    ("--find-links", Setting::FindLinks),
    ("--hash", Setting::Hash),
    ("--only-binary", other),
    ("--no-binary", Setting::NoBinary),
    ("--trusted-host", other),
    ("--use-feature", other),
    ("--config-settings", other),
    ("--config-setting", other),
    ("-C", other),
    ("--global-option", other),
    ("--install-option", other),
    ("--build-constraint", other),
    ("--all-releases", other),
    ("--only-final", other),
    ("--cert", other),
    ("--client-cert", other),
];

/// Options without a value.
const PLAIN: [(&str, Setting); 11] = [
    ("--no-index", Setting::NoIndex),
    ("--require-hashes", Setting::RequireHashes),
    ("--prefer-binary", Setting::Other),
    ("--pre", Setting::Other),
    ("--use-pep517", Setting::Other),
    ("--no-use-pep517", Setting::Other),
    ("--no-build-isolation", Setting::Other),
    ("--no-deps", Setting::Other),
    ("--process-dependency-links", Setting::Other),
    ("--always-unzip", Setting::Other),
    ("-Z", Setting::Other),
];

fn other(_: String) -> Setting {
    Setting::Other
}

/// Returns the text after `-e` as written. Quotes of a marker in it are not shell quotes.
pub(super) fn editable(rest: &str) -> Option<&str> {
    let text = rest.strip_prefix("--editable").or_else(|| rest.strip_prefix("-e"))?;
    let text = text.strip_prefix('=').or_else(|| text.strip_prefix(char::is_whitespace))?.trim();
    (!text.is_empty() && !text.starts_with(['\'', '"'])).then_some(text)
}

/// Parses options.
///
/// # Errors
/// Returns the rest of a sentence about an unknown option, or about an option without its value.
pub(super) fn read(words: Vec<String>) -> Result<Vec<Setting>, String> {
    let mut out = Vec::new();
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if let Some((_, setting)) = PLAIN.iter().find(|(name, _)| *name == word) {
            out.push(setting.clone());
            continue;
        }
        let Some((name, setting)) = VALUED.iter().find(|(name, _)| is(name, &word)) else {
            let name = word.split('=').next().unwrap_or_default();
            return Err(format!("has the unknown option `{name}`"));
        };
        let missing = || format!("has `{name}` without its value");
        let value = match word.strip_prefix(name).filter(|rest| !rest.is_empty()) {
            Some(rest) if name.starts_with("--") => rest[1..].to_owned(),
            Some(rest) => rest.to_owned(),
            None => words.next().ok_or_else(missing)?,
        };
        out.push(setting(value));
    }
    Ok(out)
}

/// Returns whether a word is an option, with or without its value in the same word:
/// `--index-url=…`, `-r`, `-rfile`.
fn is(name: &str, word: &str) -> bool {
    let value = |rest: &str| rest.is_empty() || !name.starts_with("--") || rest.starts_with('=');
    word.strip_prefix(name).is_some_and(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Vec<Setting>, String> {
        read(text.split(' ').map(str::to_owned).collect())
    }

    #[test]
    fn options_have_their_values() {
        let text = |text: &str| text.to_owned();
        assert_eq!(
            of("-r a -rb --requirement=c --requirement d").unwrap(),
            ["a", "b", "c", "d"].map(|file| Setting::Requirements(text(file)))
        );
        assert_eq!(
            of("--hash=sha256:1 --hash sha256:2").unwrap(),
            ["sha256:1", "sha256:2"].map(|hash| Setting::Hash(text(hash)))
        );
        assert_eq!(of("--no-index --pre").unwrap(), [Setting::NoIndex, Setting::Other]);
        assert_eq!(of("-e ./a --editable=b").unwrap(), ["./a", "b"].map(|path| Setting::Editable(text(path))));
        assert_eq!(editable("-e ./a ; os_name == 'x'"), Some("./a ; os_name == 'x'"));
        assert_eq!((editable("-e 'a b'"), editable("-r a"), editable("-e")), (None, None, None));
        assert_eq!(of("--no-binary=a,b").unwrap(), [Setting::NoBinary(text("a,b"))]);
        assert_eq!(of("--upgrade").unwrap_err(), "has the unknown option `--upgrade`");
        assert_eq!(of("-r").unwrap_err(), "has `-r` without its value");
        assert_eq!(of("--hashes=1").unwrap_err(), "has the unknown option `--hashes`");
    }
}
