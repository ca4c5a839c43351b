//! Programs that only start another one: what they start.
//!
//! Source: `tini.c` (`parse_args`), `dumb-init.c` (`parse_command`), `catatonit.c`
//! (`main`), which stop at the first word that is not an option; env(1) of coreutils;
//! `ddtrace/commands/ddtrace_run.py`; `newrelic/admin/run_program.py`.

/// An init process and its short options that take a value.
struct Init {
    names: &'static [&'static str],
    with_value: &'static str,
    /// Long options whose value is the next word.
    long_with_value: &'static [&'static str],
}

const INITS: [Init; 4] = [
    Init { names: &["tini", "tini-static", "docker-init"], with_value: "pe", long_with_value: &[] },
    Init { names: &["dumb-init"], with_value: "r", long_with_value: &["--rewrite"] },
    Init { names: &["catatonit"], with_value: "", long_with_value: &[] },
    Init { names: &["ddtrace-run"], with_value: "", long_with_value: &[] },
];

/// The program that a wrapper starts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrapped<'a> {
    /// `NAME=value` words that `env` adds to the environment.
    pub env: &'a [String],
    pub command: &'a [String],
}

/// Returns the program that a wrapper starts with these arguments; none if it is not a wrapper, or
/// has options whose effects are not followed (`env -i`).
#[must_use]
pub fn wrapped<'a>(program: &str, arguments: &'a [String]) -> Option<Wrapped<'a>> {
    let name = program.rsplit('/').next().unwrap_or_default();
    if name == "env" {
        let end = arguments.iter().position(|word| !word.contains('=')).unwrap_or(arguments.len());
        let (env, command) = arguments.split_at(end);
        let has_options = arguments.first().is_some_and(|word| word.starts_with('-'));
        return (!has_options && !command.is_empty()).then_some(Wrapped { env, command });
    }
    if name == "newrelic-admin" {
        let command = arguments.get(1..).filter(|_| arguments[0] == "run-program")?;
        return (!command.is_empty()).then_some(Wrapped { env: &[], command });
    }
    let init = INITS.iter().find(|init| init.names.contains(&name))?;
    let mut at = 0;
    while let Some(option) = arguments.get(at).filter(|word| word.starts_with('-') && word.len() > 1) {
        at += 1;
        if option == "--" {
            break;
        }
        at += usize::from(init.takes_next(option));
    }
    arguments.get(at..).filter(|command| !command.is_empty()).map(|command| Wrapped { env: &[], command })
}

impl Init {
    /// Returns whether the value of an option is the next word: `-p SIGTERM`, but not `-pSIGTERM`.
    fn takes_next(&self, option: &str) -> bool {
        if option.starts_with("--") {
            return self.long_with_value.contains(&option);
        }
        let value = option.find(|letter| self.with_value.contains(letter));
        value.is_some_and(|at| at + 1 == option.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrappers_are_stepped_over() {
        for (line, want) in [
            ("tini python x.py", Some("| python x.py")),
            ("/sbin/tini -- python -- x.py", Some("| python -- x.py")),
            ("tini -g -vv -p SIGTERM -e 143 -- python", Some("| python")),
            ("tini -gp SIGTERM -e143 python", Some("| python")),
            ("dumb-init --rewrite 15:3 -c python", Some("| python")),
            ("dumb-init --rewrite=15:3 --single-child -- python", Some("| python")),
            ("catatonit -g -- python", Some("| python")),
            ("/usr/bin/env A=1 B= python x=y", Some("A=1 B= | python x=y")),
            ("env python", Some("| python")),
            ("ddtrace-run -d gunicorn a:b", Some("| gunicorn a:b")),
            ("newrelic-admin run-program gunicorn a:b", Some("| gunicorn a:b")),
            ("newrelic-admin validate-config x", None),
            ("newrelic-admin", None),
            ("env -i python", None),
            ("env A=1", None),
            ("tini", None),
            ("tini --", None),
            ("tini -p", None),
            ("python x.py", None),
        ] {
            let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
            let found = wrapped(&words[0], &words[1..]);
            let found = found.map(|found| format!("{} | {}", found.env.join(" "), found.command.join(" ")));
            assert_eq!(found.as_deref().map(str::trim_start), want, "{line}");
        }
    }
}
