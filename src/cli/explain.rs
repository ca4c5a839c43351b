//! `carboy explain`: the meaning of codes, from `docs/codes.md`.

use clap::Args as ClapArgs;

use super::error::CliError;
use super::session::finish;
use crate::diagnostic::Code;

/// The text with a section for each code, under the code's name.
const CODES: &str = include_str!("../docs/codes.md");

#[derive(ClapArgs)]
pub struct Flags {
    /// The code of an error or a warning, such as missing-library; without it, all codes are listed
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

/// Runs the verb and returns the exit code.
pub fn run(flags: &Flags) -> u8 {
    finish(|_| match &flags.code {
        None => Ok(list()),
        Some(text) => {
            let code = text.parse().map_err(|_| CliError::NoCode(text.clone()))?;
            Ok(section(code).unwrap_or_default().to_owned() + "\n")
        }
    })
}

/// Returns each code with the first sentence of its section.
fn list() -> String {
    let width = Code::ALL.iter().map(|code| code.name().len()).max().unwrap_or_default();
    let line = |code: &Code| format!("{:width$}  {}\n", code.name(), summary(section(*code).unwrap_or_default()));
    Code::ALL.iter().map(line).collect()
}

/// Returns the section of a code, with its heading.
fn section(code: Code) -> Option<&'static str> {
    sections().find(|(name, _)| *name == code.name()).map(|(_, text)| text)
}

/// Returns all sections by their headings.
fn sections() -> impl Iterator<Item = (&'static str, &'static str)> {
    let starts = CODES.match_indices("\n## ").map(|(at, _)| at + 1);
    starts.map(|start| {
        let rest = &CODES[start..];
        let text = rest.split_once("\n\n## ").map_or(rest, |(text, _)| text).trim_end();
        (text.lines().next().unwrap_or_default().trim_start_matches("## "), text)
    })
}

/// Returns the first sentence below a section's heading.
fn summary(section: &str) -> &str {
    let text = section.lines().nth(2).unwrap_or_default();
    text.find(". ").map_or(text, |end| &text[..=end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_a_section_with_an_example_and_a_fix() {
        let names: Vec<_> = sections().map(|(name, _)| name).collect();
        let codes: Vec<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names, codes);
        for (name, text) in sections() {
            assert!(text.starts_with(&format!("## {name}\n\n")), "{name}");
            let example =
                text.split("```text\n").nth(1).and_then(|rest| rest.split_once("\n```\n")).map(|(text, _)| text);
            let example = example.unwrap_or_else(|| panic!("{name} has no example"));
            let is_own = [format!("error[{name}]: "), format!("warning[{name}]: "), format!("{name} ")];
            assert!(is_own.iter().any(|start| example.starts_with(start)), "{name}: {example}");
            let fix = text.rsplit("\n\n").next().unwrap_or_default();
            assert!(fix.starts_with("Fix: ") && fix.ends_with('.'), "{name}: {fix}");
            assert!(summary(text).ends_with('.') && summary(text).len() < 240, "{name}: {}", summary(text));
        }
    }

    #[test]
    fn codes_are_listed_with_their_summaries() {
        let list = list();
        assert_eq!(list.lines().count(), Code::ALL.len());
        let line = list.lines().find(|line| line.starts_with("missing-path ")).unwrap();
        assert!(
            line.ends_with(
                "An image does not have a file or directory that the configuration or the command line names."
            )
        );
    }
}
