//! Commands within a shell script or a command in shell form that could be what an image starts: a
//! server or `python`, with literal words. They are only proposed, as a shell may prepare them.

use super::runners::without_runners;
use super::shell_words::{Word, split};

/// Programs that serve an application, and the argument that they need for it.
const SERVERS: [(&str, Option<&str>); 10] = [
    ("gunicorn", None),
    ("uvicorn", None),
    ("hypercorn", None),
    ("granian", None),
    ("daphne", None),
    ("waitress-serve", None),
    ("celery", None),
    ("flask", Some("run")),
    ("fastapi", Some("run")),
    ("streamlit", Some("run")),
];
/// Commands of Django's `manage.py` that serve.
const OF_MANAGE: [&str; 1] = ["runserver"];
/// Modules and files that prepare something.
const PREPARATIONS: [&str; 5] = ["pip", "venv", "compileall", "ensurepip", "setup.py"];
/// The most commands of a text.
const MOST: usize = 5;

/// Returns the commands of a shell text, without `exec` and programs such as `poetry run`.
pub(super) fn commands(text: &str) -> Vec<Vec<String>> {
    let mut out: Vec<Vec<String>> = Vec::new();
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    for command in joined.lines().flat_map(parts) {
        let Some(words) = command_of(command) else { continue };
        if out.len() < MOST && !out.contains(&words) {
            out.push(words);
        }
    }
    out
}

/// Splits a line at `&`, `|` and `;` outside of quotes.
pub(in crate::python) fn parts(line: &str) -> Vec<&str> {
    let (mut out, mut start, mut quote) = (Vec::new(), 0, None);
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            (None, '&' | '|' | ';') => {
                out.push(&line[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    out.push(&line[start..]);
    out
}

fn command_of(command: &str) -> Option<Vec<String>> {
    let words = split(command).ok()?;
    let words: Option<Vec<String>> = words.iter().map(Word::text).map(|word| word.map(str::to_owned)).collect();
    let words = without_runners(&words?, &|_| false).ok()?;
    let (program, arguments) = words.split_first()?;
    let is_known = SERVERS.iter().any(|(server, argument)| {
        server == program
            && argument.map_or(!arguments.is_empty(), |wanted| arguments.iter().any(|word| word == wanted))
    });
    (is_known || program == "python" && starts(arguments)).then_some(words)
}

/// Returns whether the arguments of `python` start a program rather than prepare one.
fn starts(arguments: &[String]) -> bool {
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        [script, command, ..] if script.ends_with("manage.py") => OF_MANAGE.contains(command),
        ["-m", module, ..] => !PREPARATIONS.contains(module),
        [script, ..] => {
            script.strip_suffix(".py").is_some() && !script.ends_with("manage.py") && !PREPARATIONS.contains(script)
        }
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_and_programs_with_literal_words_are_found() {
        let told = |text: &str| commands(text).iter().map(|words| words.join(" ")).collect::<Vec<_>>().join("; ");
        for (text, want) in [
            ("poetry run alembic upgrade head && poetry run uvicorn a:app", "uvicorn a:app"),
            (
                "#!/bin/bash\nwhile true; do\n  x\ndone\nexec gunicorn -b :5000 \\\n  shop:app\n",
                "gunicorn -b :5000 shop:app",
            ),
            (
                "python manage.py migrate; python3 manage.py runserver 0.0.0.0:80",
                "python manage.py runserver 0.0.0.0:80",
            ),
            ("python -m pip install .\npython -m shop\n  python run.py # all\n", "python -m shop; python run.py"),
            ("exec gunicorn \"$@\"\nuvicorn a:app --port $PORT\ngunicorn $(x) a", ""),
            ("flask db upgrade && flask run; echo 'a && python x.py'", "flask run"),
            ("python -c 'x'; python; gunicorn; python manage.py", ""),
            ("'\n\"&;|\\", ""),
        ] {
            assert_eq!(told(text), want, "{text}");
        }
        let many: Vec<_> = (0..20).map(|number| format!("python x{number}.py")).collect();
        assert_eq!(commands(&many.join("\n")).len(), MOST);
    }
}
