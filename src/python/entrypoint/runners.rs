//! Programs that only start another one on a developer's machine or in a Docker image, and that
//! an image of carboy does not need: `uv run`, `poetry run`, `tini`.
//!
//! Source: `uv run --help` (uv 0.9), `poetry run --help`, `pdm run --help`, `pipenv run --help`;
//! `tini.c`, `dumb-init.c`.

use std::borrow::Cow;

use crate::python::command::is_interpreter;

/// Options of `uv run` that take a value in the next word.
const UV_WITH_VALUE: [&str; 12] = [
    "--extra",
    "--group",
    "--no-group",
    "--only-group",
    "--package",
    "--python",
    "-p",
    "--with",
    "--env-file",
    "--index",
    "--config-file",
    "--cache-dir",
];
/// Options of `uv run` that change the meaning of the words that follow.
const UV_REFUSED: [&str; 5] = ["--script", "-s", "--gui-script", "--directory", "--project"];
/// Programs whose `run` starts another program.
const RUNNERS: [&str; 4] = ["poetry", "pdm", "pipenv", "rye"];
/// The most programs that start another one in a command.
const MOST_RUNNERS: usize = 8;
/// Init processes.
const INITS: [&str; 5] = ["tini", "tini-static", "docker-init", "dumb-init", "catatonit"];
/// Options of init processes that take a value in the next word.
const INIT_WITH_VALUE: [&str; 4] = ["-p", "-e", "-r", "--rewrite"];
/// Shells.
const SHELLS: [&str; 8] = ["sh", "bash", "dash", "ash", "zsh", "ksh", "busybox", "fish"];
/// Programs of other languages and systems.
const FOREIGN: [&str; 16] = [
    "npm", "npx", "yarn", "pnpm", "node", "bun", "deno", "make", "just", "task", "nginx", "caddy", "java", "go",
    "cargo", "uvx",
];

/// Returns a command without the programs that only start another one. The command may be empty:
/// `["tini", "--"]`. A program in a directory `bin` is found along `PATH`, unless `is_file` says
/// that it is a file of the project.
///
/// # Errors
/// The reason for which the image cannot start it.
pub(super) fn without_runners(words: &[String], is_file: &dyn Fn(&str) -> bool) -> Result<Vec<String>, String> {
    let mut words = Cow::Borrowed(words);
    for _ in 0..=MOST_RUNNERS {
        let Some(program) = words.first() else { return Ok(Vec::new()) };
        let name = program.rsplit('/').next().unwrap_or_default().to_owned();
        let second = words.get(1).map(String::as_str);
        let rest = match (name.as_str(), second) {
            ("uv", Some("run")) => uv(&words[2..])?,
            (name, Some("run")) if RUNNERS.contains(&name) => words[2..].to_vec(),
            (name, _) if INITS.contains(&name) => init(&words[1..]),
            ("exec", _) => words[1..].to_vec(),
            _ => return program_of(words.into_owned(), &name, is_file),
        };
        words = Cow::Owned(rest);
    }
    Err(format!("it starts more than {MOST_RUNNERS} programs one after the other"))
}

/// Returns a command with the program as the image has it.
fn program_of(mut words: Vec<String>, name: &str, is_file: &dyn Fn(&str) -> bool) -> Result<Vec<String>, String> {
    let program = words[0].clone();
    let is_script = [".sh", ".bash"].iter().any(|end| program.ends_with(end));
    if SHELLS.contains(&name) {
        return Err(format!("`{program}` is a shell"));
    }
    if is_script {
        return Err(format!("`{program}` is a shell script"));
    }
    if FOREIGN.contains(&name) || ["uv", "poetry", "pdm", "pipenv", "hatch", "conda"].contains(&name) {
        return Err(format!("the image has no `{name}`"));
    }
    if is_interpreter(name) {
        // The version of the image's Python may be another one.
        "python".clone_into(&mut words[0]);
    } else if program.contains("/bin/") && !is_file(&program) {
        name.clone_into(&mut words[0]);
    }
    Ok(words)
}

/// Returns the command after the options of `uv run`.
fn uv(words: &[String]) -> Result<Vec<String>, String> {
    let mut at = 0;
    while let Some(option) = words.get(at).filter(|word| word.starts_with('-')) {
        at += 1;
        match option.as_str() {
            "--" => break,
            "-m" | "--module" => return Ok(python(&["-m"], &words[at..])),
            option if UV_REFUSED.contains(&option.split('=').next().unwrap_or_default()) => {
                return Err(format!("it needs `uv run {option}`"));
            }
            option if UV_WITH_VALUE.contains(&option) => at += 1,
            _ => {}
        }
    }
    let rest = words.get(at..).unwrap_or_default();
    let is_file = |word: &String| word.strip_suffix(".py").is_some();
    Ok(if rest.first().is_some_and(is_file) { python(&[], rest) } else { rest.to_vec() })
}

fn python(options: &[&str], rest: &[String]) -> Vec<String> {
    let start = std::iter::once("python").chain(options.iter().copied()).map(str::to_owned);
    start.chain(rest.iter().cloned()).collect()
}

/// Returns the command after the options of an init process.
fn init(words: &[String]) -> Vec<String> {
    let mut at = 0;
    while let Some(option) = words.get(at).filter(|word| word.starts_with('-')) {
        at += 1;
        if option == "--" {
            break;
        }
        at += usize::from(INIT_WITH_VALUE.contains(&option.as_str()));
    }
    words.get(at..).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runners_are_left_out_and_shells_refused() {
        let told = |line: &str| {
            let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
            without_runners(&words, &|path| path == "/app/bin/serve").map(|words| words.join(" "))
        };
        for (line, want) in [
            ("uv run --frozen --no-dev --extra web gunicorn shop:app", "gunicorn shop:app"),
            ("uv run main.py --port 80", "python main.py --port 80"),
            ("uv run -m shop", "python -m shop"),
            ("uv run -- python3.12 -m shop", "python -m shop"),
            ("/usr/bin/tini -g -- poetry run uvicorn shop:app", "uvicorn shop:app"),
            ("dumb-init --rewrite 15:3 /app/.venv/bin/gunicorn shop:app", "gunicorn shop:app"),
            ("tini --", ""),
            ("exec python3 main.py", "python main.py"),
            ("./run.py", "./run.py"),
            ("tini -- /app/bin/serve --all", "/app/bin/serve --all"),
        ] {
            assert_eq!(told(line).as_deref(), Ok(want), "{line}");
        }
        let many = "exec ".repeat(100_000);
        for (line, want) in [
            (many.as_str(), "it starts more than 8 programs one after the other"),
            ("/entrypoint.sh gunicorn", "`/entrypoint.sh` is a shell script"),
            ("tini -- /bin/sh -c x", "`/bin/sh` is a shell"),
            ("npm start", "the image has no `npm`"),
            ("uv run --script x.py", "it needs `uv run --script`"),
            ("uv sync", "the image has no `uv`"),
        ] {
            assert_eq!(told(line), Err(want.to_owned()), "{want}");
        }
    }
}
