//! Words of a command that only a shell would understand.
//!
//! Source: image-spec `config.md`, `Entrypoint` and `Cmd`: a list of arguments, which
//! runtimes pass to execve(2) as they are. POSIX Shell Command Language, 2.6 and 2.10,
//! for what a shell does with them.

use crate::python::command::is_interpreter;

/// Programs that take such words as a shell's.
const SHELLS: [&str; 8] = ["sh", "bash", "dash", "ash", "zsh", "ksh", "busybox", "fish"];
/// Operators of a shell that join and redirect commands.
const OPERATORS: [&str; 12] = ["&&", "||", "|", ";", "&", ">", ">>", "<", "2>", "2>&1", ">&2", "&>"];
/// Commands that a shell runs itself; no image has a program of that name.
const BUILTINS: [&str; 8] = ["cd", "exec", "export", "source", "set", "ulimit", "umask", "eval"];

/// Returns the first variable (`$PORT`, `${PORT}`) or substitution (`$(hostname)`) that the words
/// of a command leave to a shell, and the first operator (`&&`) that stands alone. Words after a
/// shell's name may be meant for the shell; the word after Python's `-c` is code.
#[must_use]
pub fn for_a_shell(command: &[String]) -> (Option<&str>, Option<&str>) {
    let name = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let is_python = command.first().is_some_and(|program| is_interpreter(&name(program)));
    let is_others = |word: &String| SHELLS.contains(&name(word).as_str()) || is_python && word == "-c";
    let end = command.iter().position(is_others).unwrap_or(command.len());
    let words = || command[..end].iter().map(String::as_str);
    (words().find_map(variable), words().find(|word| OPERATORS.contains(word)))
}

/// Returns whether a program's name is a command of shells only.
#[must_use]
pub fn is_builtin(program: &str) -> bool {
    BUILTINS.contains(&program)
}

/// Returns the first variable or substitution in a word.
#[must_use]
pub fn variable(word: &str) -> Option<&str> {
    word.match_indices('$').find_map(|(at, _)| {
        let rest = &word[at..];
        let end = match rest[1..].chars().next()? {
            '{' => rest.find('}')? + 1,
            '(' => rest.find(')')? + 1,
            first if first.is_ascii_alphabetic() || first == '_' => {
                let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                rest[1..].find(|c| !is_name(c)).map_or(rest.len(), |end| end + 1)
            }
            _ => return None,
        };
        (end > 3 || !rest.starts_with("${")).then(|| &rest[..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_found_in_words() {
        for (word, want) in [
            ("$PORT", Some("$PORT")),
            ("0.0.0.0:${PORT:-80}", Some("${PORT:-80}")),
            ("--id=$(hostname)/x", Some("$(hostname)")),
            ("a$b.c", Some("$b")),
            ("^x$", None),
            ("a$|b$", None),
            ("$$", None),
            ("${", None),
            ("${}", None),
            ("$1", None),
        ] {
            assert_eq!(variable(word), want, "{word}");
        }
    }

    #[test]
    fn a_shells_own_words_are_its_own() {
        let found = |words: &[&str]| {
            let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
            let (variable, operator) = for_a_shell(&words);
            [variable, operator].map(|word| word.unwrap_or_default().to_owned())
        };
        assert_eq!(found(&["gunicorn", "-c", "conf.py", "-b", ":$PORT", "&&", "x"]), ["$PORT", "&&"]);
        for fine in [
            &["/bin/sh", "-c", "exec gunicorn -b :$PORT && x"][..],
            &["tini", "--", "busybox", "sh", "-c", "echo $PORT"],
            &["python", "-c", "print('$PORT')"],
            &["nginx", "-g", "daemon off;"],
            &["grep", "a&&b"],
        ] {
            assert_eq!(found(fine), ["", ""], "{fine:?}");
        }
    }
}
