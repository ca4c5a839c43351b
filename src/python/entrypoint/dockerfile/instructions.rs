//! Splits a Dockerfile into its instructions.
//!
//! Source: Docker, "Dockerfile reference": parser directives, comments, line continuation,
//! here-documents.

/// Returns the instructions with their arguments, in which continued lines are joined.
pub(in crate::python) fn instructions(text: &str) -> Vec<(String, String)> {
    let escape = escape(text);
    let mut out: Vec<(String, String)> = Vec::new();
    let mut open = String::new();
    let mut lines = text.strip_prefix('\u{feff}').unwrap_or(text).lines();
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with('#') || line.trim().is_empty() {
            continue;
        }
        if let Some(begun) = line.trim_end().strip_suffix(escape) {
            open.push_str(begun);
            continue;
        }
        open.push_str(line);
        let whole = std::mem::take(&mut open);
        let (name, arguments) = whole.trim().split_once(char::is_whitespace).unwrap_or((whole.trim(), ""));
        let name = name.to_ascii_uppercase();
        if ["RUN", "COPY", "ADD"].contains(&name.as_str()) {
            for end in here_documents(arguments) {
                lines.by_ref().take_while(|line| line.trim() != end).for_each(drop);
            }
        }
        out.push((name, arguments.trim().to_owned()));
    }
    out
}

/// Returns the character that escapes: the one that the directive `# escape=` names, else a
/// backslash. Directives are comments at the top.
pub(super) fn escape(text: &str) -> char {
    let directives = text.lines().map_while(|line| line.trim().strip_prefix('#')?.split_once('='));
    let is_backquote = |(name, value): (&str, &str)| name.trim().eq_ignore_ascii_case("escape") && value.trim() == "`";
    if directives.into_iter().any(is_backquote) { '`' } else { '\\' }
}

/// Returns the words that end the here-documents of an instruction: `<<EOF`, `<<-"EOF"`.
fn here_documents(arguments: &str) -> Vec<String> {
    let words = arguments.split("<<").skip(1).filter(|word| !word.starts_with('<'));
    let names = words.map(|word| {
        let word = word.trim_start_matches('-').trim_start_matches(['"', '\'']);
        word.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
    });
    names.filter(|name| !name.is_empty()).collect()
}
