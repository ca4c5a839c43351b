//! The target of a Python command line: a script, a module, or something else.
//!
//! Source: `CPython`'s `Python/getopt.c` (short and long options) and
//! `Python/initconfig.c`; `Modules/main.c` of 2.7 for `-Q`; "Command line and
//! environment" of its documentation.

/// Short options that take a value, attached or in the next argument.
const WITH_VALUE: &str = "WXQ";
/// Long options that take a value.
const LONG_WITH_VALUE: [&str; 1] = ["--check-hash-based-pycs"];

/// Returns whether a program is an interpreter by its name: `python`, `python3`, `python3.13t`,
/// `pythonw`.
#[must_use]
pub fn is_interpreter(name: &str) -> bool {
    let Some(rest) = name.strip_prefix("python") else { return false };
    let rest = rest.strip_prefix('w').unwrap_or(rest);
    let version = rest.trim_end_matches(['t', 'd', 'm', 'u']);
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let numbers: Vec<_> = version.split('.').collect();
    rest.is_empty() || numbers.len() <= 2 && numbers.into_iter().all(is_number)
}

/// A parsed command line: its target, and its options about the environment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Command<'a> {
    pub starts: CommandTarget<'a>,
    /// Whether `-E` or `-I` disables `PYTHONPATH`.
    pub ignores_environment: bool,
    /// Whether `-P` or `-I` excludes the working directory from the search for modules.
    pub safe_path: bool,
}

/// The target of a command line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommandTarget<'a> {
    /// A file, a directory or a zip archive.
    Script(&'a str),
    /// `-m`.
    Module(&'a str),
    /// `-c`, standard input, `--version`, or an unknown option.
    Other,
}

impl<'a> Command<'a> {
    /// Parses the arguments after the interpreter.
    #[must_use]
    pub fn parse(arguments: &'a [String]) -> Self {
        let mut out = Self { starts: CommandTarget::Other, ignores_environment: false, safe_path: false };
        let mut rest = arguments.iter().map(String::as_str);
        while let Some(argument) = rest.next() {
            match argument {
                "--" => {
                    out.starts = rest.next().map_or(CommandTarget::Other, CommandTarget::Script);
                    return out;
                }
                "-" => return out,
                long if LONG_WITH_VALUE.contains(&long) => drop(rest.next()),
                long if long.starts_with("--") => return out,
                _ => {}
            }
            let Some(letters) = argument.strip_prefix('-') else {
                out.starts = CommandTarget::Script(argument);
                return out;
            };
            if letters.starts_with('-') {
                continue;
            }
            for (at, letter) in letters.char_indices() {
                let attached = Some(&letters[at + letter.len_utf8()..]).filter(|value| !value.is_empty());
                match letter {
                    'E' => out.ignores_environment = true,
                    'P' => out.safe_path = true,
                    'I' => (out.ignores_environment, out.safe_path) = (true, true),
                    'm' => {
                        out.starts =
                            attached.or_else(|| rest.next()).map_or(CommandTarget::Other, CommandTarget::Module);
                        return out;
                    }
                    'c' | 'V' | 'h' | '?' => return out,
                    _ if WITH_VALUE.contains(letter) => {
                        if attached.is_none() {
                            rest.next();
                        }
                        break;
                    }
                    _ => {}
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starts(line: &str) -> String {
        let arguments: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        match Command::parse(&arguments).starts {
            CommandTarget::Script(path) => format!("script {path}"),
            CommandTarget::Module(name) => format!("module {name}"),
            CommandTarget::Other => "other".to_owned(),
        }
    }

    #[test]
    fn the_first_argument_that_is_no_option_is_the_script() {
        for (line, want) in [
            ("main.py --port 80", "script main.py"),
            ("-u -O main.py", "script main.py"),
            ("-uO main.py", "script main.py"),
            ("-X dev -W error main.py", "script main.py"),
            ("-Xdev -Werror main.py", "script main.py"),
            ("-uX utf8 main.py", "script main.py"),
            ("--check-hash-based-pycs never main.py", "script main.py"),
            ("-- -odd.py", "script -odd.py"),
            ("-m shop", "module shop"),
            ("-um shop x.py", "module shop"),
            ("-mshop", "module shop"),
            ("-c pass main.py", "other"),
            ("-", "other"),
            ("--version", "other"),
            ("-V x", "other"),
            ("", "other"),
            ("-m", "other"),
            ("-ü x", "script x"),
        ] {
            assert_eq!(starts(line), want, "{line}");
        }
    }

    #[test]
    fn interpreters_have_a_version_at_most() {
        for name in ["python", "python3", "python3.13", "python3.13t", "python3.13td", "python2.7mu", "pythonw"] {
            assert!(is_interpreter(name), "{name}");
        }
        for name in ["python-shop", "python3-config", "python3.13-config", "pythonic", "pythont", "python3.", "py"] {
            assert!(!is_interpreter(name), "{name}");
        }
    }

    #[test]
    fn isolated_mode_ignores_environment_and_directory() {
        let parse = |line: &str| {
            let arguments: Vec<_> = line.split(' ').map(str::to_owned).collect();
            let Command { ignores_environment, safe_path, .. } = Command::parse(&arguments);
            (ignores_environment, safe_path)
        };
        assert_eq!(parse("-m x"), (false, false));
        assert_eq!(parse("-E -m x"), (true, false));
        assert_eq!(parse("-P -m x"), (false, true));
        assert_eq!(parse("-Im x"), (true, true));
    }
}
