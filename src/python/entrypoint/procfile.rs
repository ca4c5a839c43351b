//! The command of `web` in a `Procfile`, without the shell that a platform would start it with.
//!
//! Source: Heroku, "The Procfile" (`NAME: COMMAND`, and the variable PORT); the command lines of
//! gunicorn, uvicorn and others for options that name an address.

use super::Start;
use super::runners::without_runners;
use super::server::variables;
use super::shell_commands::commands;
use super::shell_words::{Piece, Word, split};

/// Options that name an address or a port.
const ADDRESS: [&str; 4] = ["-b", "--bind", "--port", "-p"];
/// Variables that gunicorn and uvicorn read themselves, and the options that name them.
const WORKERS: (&str, [&str; 2]) = ("WEB_CONCURRENCY", ["--workers", "-w"]);

/// The most variables that a command sets.
const VARIABLES: usize = 250;

/// Returns the command of `web`; none if there is no such process.
///
/// # Errors
/// The reason for which the image cannot start it.
pub(super) fn start(text: &str, port: u16) -> Result<Option<Start>, String> {
    web(text).map(|command| translated(command, port)).transpose().map_err(|reason| format!("its `web` {reason}"))
}

/// Returns the commands that a shell would start for `web`.
pub(super) fn of_shell(text: &str) -> Vec<Vec<String>> {
    web(text).map(commands).unwrap_or_default()
}

fn web(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.trim_start().strip_prefix("web:"))
}

/// Returns the command without a shell.
fn translated(command: &str, port: u16) -> Result<Start, String> {
    let mut words = split(command).map_err(|part| format!("needs a shell for {part}"))?;
    let mut env: Vec<(String, String)> = Vec::new();
    env.extend(words.iter().map_while(assignment));
    if env.len() > VARIABLES {
        return Err(format!("sets more than {VARIABLES} variables"));
    }
    words.drain(..env.len());
    let program = words.iter().filter_map(Word::text).find(|word| ["gunicorn", "uvicorn"].contains(word));
    let program = program.map(str::to_owned);
    let words = match program.as_deref() {
        Some(program) => without_address(words, program, port, &mut env),
        None => words,
    };
    let words = words.iter().map(|word| filled(word, port)).collect::<Result<Vec<_>, _>>()?;
    let cmd = without_runners(&words, &|_| false).map_err(|reason| format!("cannot start: {reason}"))?;
    let server = cmd.first().cloned().ok_or("is empty")?;
    let is_set = |env: &[(String, String)], name: &str| env.iter().any(|(known, _)| known == name);
    for (name, value) in variables(&server, port) {
        if !is_set(&env, &name) {
            env.push((name, value));
        }
    }
    let by_variable = env.iter().find(|(name, _)| name == "PORT" || name.ends_with("_PORT"));
    let port = port_of(&cmd).or_else(|| by_variable?.1.parse().ok());
    Ok(Start { port, typed: cmd.clone(), cmd, env, ..Start::default() })
}

/// Returns `NAME=value` at the start of a command.
fn assignment(word: &Word) -> Option<(String, String)> {
    let (name, value) = word.text()?.split_once('=')?;
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    is_name.then(|| (name.to_owned(), value.to_owned()))
}

/// Removes the options by which gunicorn and uvicorn get the port of `PORT` and the number of
/// workers: both read variables.
fn without_address(words: Vec<Word>, program: &str, port: u16, env: &mut Vec<(String, String)>) -> Vec<Word> {
    let mut out: Vec<Word> = Vec::new();
    let mut rest = words.into_iter().peekable();
    while let Some(word) = rest.next() {
        let (option, value) = match split_option(&word) {
            Some((option, Some(value))) => (option, Some(value)),
            Some((option, None)) => (option, rest.peek().cloned()),
            None => (String::new(), None),
        };
        let has_next = word.text().is_some();
        let name = value.as_ref().and_then(last_variable);
        let is_port = ADDRESS.contains(&option.as_str()) && name.as_ref().is_some_and(|(name, _)| name == "PORT");
        let is_workers =
            WORKERS.1.contains(&option.as_str()) && name.as_ref().is_some_and(|(name, _)| name == WORKERS.0);
        if !is_port && !is_workers {
            out.push(word);
            continue;
        }
        if has_next {
            rest.next();
        }
        let default = name.and_then(|(_, default)| default);
        if is_workers {
            env.extend(default.map(|value| (WORKERS.0.to_owned(), value)));
        } else {
            let port = default.and_then(|text| text.parse().ok()).unwrap_or(port);
            let has_host = out.iter().any(|word| word.text().is_some_and(|text| text.starts_with("--host")));
            env.extend(variables(program, port).into_iter().filter(|(name, _)| !(has_host && name.ends_with("_HOST"))));
        }
    }
    out
}

/// Returns the option of a word, and its value after `=`.
fn split_option(word: &Word) -> Option<(String, Option<Word>)> {
    let Piece::Text(first) = word.0.first()? else { return None };
    match first.split_once('=') {
        Some((option, rest)) => {
            let rest = Some(Piece::Text(rest.to_owned())).filter(|_| !rest.is_empty());
            Some((option.to_owned(), Some(Word(rest.into_iter().chain(word.0[1..].iter().cloned()).collect()))))
        }
        None if word.0.len() == 1 => Some((first.clone(), None)),
        None => None,
    }
}

/// Returns the variable at the end of a value that is a port, an address with a port, or a number.
fn last_variable(value: &Word) -> Option<(String, Option<String>)> {
    let (Piece::Variable(name, default), before) = value.0.split_last()? else { return None };
    let is_everywhere = |text: &str| ["", ":", "0.0.0.0:", "[::]:", "*:"].contains(&text);
    let is_plain = before.iter().all(|piece| matches!(piece, Piece::Text(text) if is_everywhere(text)));
    is_plain.then(|| (name.clone(), default.clone()))
}

/// Returns a word with the values of its variables.
fn filled(word: &Word, port: u16) -> Result<String, String> {
    let piece = |piece: &Piece| match piece {
        Piece::Text(text) => Ok(text.clone()),
        Piece::Variable(_, Some(default)) => Ok(default.clone()),
        Piece::Variable(name, None) if name == "PORT" => Ok(port.to_string()),
        Piece::Variable(name, None) => Err(format!("needs a shell for `${name}`")),
    };
    word.0.iter().map(piece).collect()
}

/// Returns the port that the options of a command name.
fn port_of(words: &[String]) -> Option<u16> {
    let after = words.windows(2).filter(|pair| ADDRESS.contains(&pair[0].as_str())).map(|pair| pair[1].as_str());
    let options = words.iter().filter_map(|word| word.split_once('='));
    let within = options.filter(|(option, _)| ADDRESS.contains(option)).map(|(_, value)| value);
    let anywhere = words.iter().map(String::as_str).filter(|word| word.starts_with("0.0.0.0:"));
    after.chain(within).chain(anywhere).find_map(|value| value.rsplit(':').next()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(command: &str) -> Result<String, String> {
        let start = start(&format!("release: x\nweb: {command}\n"), 8000)?.unwrap();
        let env: Vec<_> = start.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let port = start.port.map_or("-".to_owned(), |port| port.to_string());
        Ok(format!("{} | {} | {port}", start.cmd.join(" "), env.join(" ")))
    }

    #[test]
    fn a_platforms_command_needs_no_shell() {
        for (command, want) in [
            ("gunicorn shop:app", "gunicorn shop:app | PORT=8000 | 8000"),
            ("gunicorn shop:app -b 0.0.0.0:$PORT --log-file -", "gunicorn shop:app --log-file - | PORT=8000 | 8000"),
            ("gunicorn --bind=0.0.0.0:${PORT:-5000} shop:app", "gunicorn shop:app | PORT=5000 | 5000"),
            ("gunicorn -w ${WEB_CONCURRENCY:-2} shop:app", "gunicorn shop:app | WEB_CONCURRENCY=2 PORT=8000 | 8000"),
            ("gunicorn -b 127.0.0.1:9000 shop:app", "gunicorn -b 127.0.0.1:9000 shop:app | PORT=8000 | 9000"),
            (
                "uvicorn shop:app --host 0.0.0.0 --port $PORT",
                "uvicorn shop:app --host 0.0.0.0 | UVICORN_PORT=8000 UVICORN_HOST=0.0.0.0 | 8000",
            ),
            ("uvicorn shop:app --port ${PORT}", "uvicorn shop:app | UVICORN_HOST=0.0.0.0 UVICORN_PORT=8000 | 8000"),
            ("hypercorn shop:app --bind 0.0.0.0:$PORT", "hypercorn shop:app --bind 0.0.0.0:8000 |  | 8000"),
            (
                "daphne -b 0.0.0.0 -p $PORT shop.asgi:application",
                "daphne -b 0.0.0.0 -p 8000 shop.asgi:application |  | 8000",
            ),
            ("waitress-serve --port=$PORT shop:app", "waitress-serve --port=8000 shop:app |  | 8000"),
            ("python manage.py runserver 0.0.0.0:$PORT", "python manage.py runserver 0.0.0.0:8000 |  | 8000"),
            ("MODE=prod poetry run python3 -m shop", "python -m shop | MODE=prod | -"),
        ] {
            assert_eq!(told(command).as_deref(), Ok(want), "{command}");
        }
    }

    #[test]
    fn a_shells_work_is_refused() {
        for (command, want) in [
            ("python manage.py migrate && gunicorn shop:app", "its `web` needs a shell for `&&`"),
            ("sh start.sh", "its `web` cannot start: `sh` is a shell"),
            ("./start.sh", "its `web` cannot start: `./start.sh` is a shell script"),
            ("gunicorn shop:app --name $DYNO", "its `web` needs a shell for `$DYNO`"),
            ("", "its `web` is empty"),
        ] {
            assert_eq!(told(command), Err(want.to_owned()), "{command}");
        }
        assert_eq!(start("worker: python -m worker\n", 8000), Ok(None));
    }
}
