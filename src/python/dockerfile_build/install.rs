//! The extras and groups that a command installs.
//!
//! Sources: the command lines of `uv sync` and `uv export`, of `poetry install` and `poetry export`,
//! and of `pip install`.

use super::name_choice::NameChoice;
use crate::python::normalised;

/// The selection of a command that installs a project.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Install {
    extras: Selection,
    groups: Selection,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Selection {
    all: bool,
    names: Vec<String>,
    without: Vec<String>,
}

impl Selection {
    fn add_to(self, choice: &mut NameChoice) {
        choice.all |= self.all;
        choice.names.extend(self.names);
        choice.without.extend(self.without);
    }

    /// Adds names that blanks or commas separate.
    fn add(&mut self, names: &str) {
        self.names.extend(separated(names));
    }
}

impl Install {
    /// Parses the words of a command; `None` for one that installs no project.
    pub(super) fn parse(command: &[String]) -> Option<Self> {
        let words: Vec<_> = command.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["uv", "sync" | "export", rest @ ..] => Some(Self::uv(rest)),
            ["poetry", "install" | "export" | "sync", rest @ ..] => Some(Self::poetry(rest)),
            ["pip" | "pip3", "install", rest @ ..]
            | ["uv", "pip", "install", rest @ ..]
            | ["python" | "python3", "-m", "pip", "install", rest @ ..] => Some(Self::pip(rest)),
            _ => None,
        }
    }

    pub(super) fn add_to(self, extras: &mut NameChoice, groups: &mut NameChoice) {
        self.extras.add_to(extras);
        self.groups.add_to(groups);
    }

    fn uv(words: &[&str]) -> Self {
        let mut out = Self::default();
        for (flag, value) in flags(words) {
            match flag {
                "--all-extras" => out.extras.all = true,
                "--all-groups" => out.groups.all = true,
                "--extra" => out.extras.add(value),
                "--no-extra" => out.extras.without.extend(separated(value)),
                "--group" => out.groups.add(value),
                "--no-group" => out.groups.without.extend(separated(value)),
                _ => {}
            }
        }
        out
    }

    fn poetry(words: &[&str]) -> Self {
        let mut out = Self::default();
        for (flag, value) in flags(words) {
            match flag {
                "--all-extras" => out.extras.all = true,
                "--all-groups" => out.groups.all = true,
                "--extras" | "-E" => out.extras.add(value),
                "--with" | "--only" => out.groups.add(value),
                "--without" => out.groups.without.extend(separated(value)),
                _ => {}
            }
        }
        out
    }

    /// Reads the extras of the project's directory: `.[server]`, `/app[server]`.
    fn pip(words: &[&str]) -> Self {
        let mut out = Self::default();
        for word in words {
            let Some((path, extras)) = word.strip_suffix(']').and_then(|word| word.split_once('[')) else { continue };
            if path.starts_with(['.', '/']) && !path.contains('*') && path.strip_suffix(".whl").is_none() {
                out.extras.add(extras);
            }
        }
        out
    }
}

/// Returns each flag with its value: the text after `=`, or else the next word.
fn flags<'a>(words: &'a [&'a str]) -> impl Iterator<Item = (&'a str, &'a str)> {
    words.iter().enumerate().filter(|(_, word)| word.starts_with('-')).map(|(at, word)| match word.split_once('=') {
        Some((flag, value)) => (flag, value),
        None => (*word, words.get(at + 1).copied().unwrap_or_default()),
    })
}

fn separated(names: &str) -> impl Iterator<Item = String> {
    names.split([',', ' ']).map(str::trim).filter(|name| !name.is_empty()).map(normalised)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(command: &str) -> Option<String> {
        let words = command.split('|').map(str::to_owned).collect::<Vec<_>>();
        let Install { extras, groups } = Install::parse(&words)?;
        let one = |one: Selection| {
            let without: Vec<_> = one.without.iter().map(|name| format!("-{name}")).collect();
            let all = if one.all { "* " } else { "" };
            format!("{all}{}", [one.names, without].concat().join(" ")).trim().to_owned()
        };
        Some(format!("{} / {}", one(extras), one(groups)).trim_end().to_owned())
    }

    #[test]
    fn commands_name_extras_and_groups() {
        for (command, want) in [
            ("uv|sync|--frozen|--extra|Web_App|--extra=pg|--group|bot|--no-group|dev", Some("web-app pg / bot -dev")),
            ("uv|sync|--all-extras|--no-extra|gpu|--all-groups", Some("* -gpu / *")),
            ("uv|export|--no-dev|--all-extras|--format|requirements-txt", Some("* /")),
            ("uv|sync|--extra", Some(" /")),
            (
                "poetry|install|--no-root|--with|prod,web|--without|dev|-E|pg|--extras|a b",
                Some("pg a b / prod web -dev"),
            ),
            ("poetry|install|--only|main,worker", Some(" / main worker")),
            ("pip|install|--no-cache-dir|.[server,Pg_x]|gunicorn", Some("server pg-x /")),
            ("python|-m|pip|install|-e|/app[all]", Some("all /")),
            ("uv|pip|install|uvicorn[standard]|dist/*.whl[x]", Some(" /")),
            ("uv|tool|install|x", None),
            ("apt-get|install|x", None),
            ("pip", None),
        ] {
            assert_eq!(told(command).as_deref(), want, "{command}");
        }
    }
}
