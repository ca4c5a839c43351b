//! The application that a server's command line names: `gunicorn shop.wsgi:app`.
//!
//! Source: the options of gunicorn 27 (`config.py`), uvicorn 0.54 (`main.py`), hypercorn 0.18,
//! daphne 4.2, granian 2.8, waitress 3, celery 5.7, flask 3.1, fastapi-cli and streamlit. Of these
//! servers, each adds the working directory to the module path. An option that is not known to
//! be a flag takes a value, so that its value is never taken for the application.

use std::path::Path;

use super::is_identifier;

/// The application that a server loads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServedApp<'a> {
    /// The reference as written: `shop.wsgi:app`.
    pub reference: &'a str,
    pub location: AppLocation<'a>,
    /// Directories that options add to the module path.
    pub folders: Vec<&'a str>,
    /// The working directory, if an option changes it.
    pub workdir: Option<&'a str>,
}

/// The location of an application.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AppLocation<'a> {
    /// The names of the packages and of the module.
    Module(Vec<&'a str>),
    File(&'a str),
}

/// The way in which a command line names the application.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Named {
    /// The first argument: `module:object`.
    First,
    /// `--app` or `-A`.
    App,
    /// The argument after `run`: a file.
    Run,
}

struct Server {
    name: &'static str,
    named: Named,
    /// Options without a value. Options that begin with `--no-` have none either.
    flags: &'static [&'static str],
    short_flags: &'static str,
    /// Options whose values are directories of modules, with commas between them.
    folders: &'static [&'static str],
    /// Options that change the working directory.
    workdir: &'static [&'static str],
}

const SERVERS: [Server; 10] = [
    Server {
        name: "gunicorn",
        named: Named::First,
        flags: &[
            "--spew",
            "--check-config",
            "--print-config",
            "--preload",
            "--reload",
            "--reuse-port",
            "--daemon",
            "--enable-stdio-inheritance",
            "--enable-backlog-metric",
            "--suppress-ragged-eofs",
            "--do-handshake-on-connect",
            "--permit-obsolete-folding",
            "--strip-header-spaces",
            "--permit-unconventional-http-method",
            "--permit-unconventional-http-version",
            "--casefold-http-method",
            "--capture-output",
            "--initgroups",
            "--log-syslog",
            "--disable-redirect-access-to-syslog",
            "--proxy-protocol",
        ],
        short_flags: "DRhv",
        folders: &["--pythonpath"],
        workdir: &["--chdir"],
    },
    Server {
        name: "uvicorn",
        named: Named::First,
        flags: &[
            "--reload",
            "--http2",
            "--access-log",
            "--use-colors",
            "--proxy-headers",
            "--server-header",
            "--date-header",
            "--reset-contextvars",
            "--factory",
        ],
        short_flags: "",
        folders: &["--app-dir"],
        workdir: &[],
    },
    Server {
        name: "hypercorn",
        named: Named::First,
        flags: &["--daemon", "--debug", "--reload"],
        short_flags: "D",
        folders: &[],
        workdir: &[],
    },
    Server {
        name: "daphne",
        named: Named::First,
        flags: &["--proxy-headers"],
        short_flags: "",
        folders: &[],
        workdir: &[],
    },
    Server {
        name: "granian",
        named: Named::First,
        flags: &[
            "--ws",
            "--log",
            "--access-log",
            "--factory",
            "--reload",
            "--metrics",
            "--respawn-failed-workers",
            "--http1-keep-alive",
            "--http1-pipeline-flush",
            "--http2-adaptive-window",
            "--ssl-client-verify",
            "--reload-ignore-worker-failure",
        ],
        short_flags: "",
        folders: &[],
        workdir: &["--working-dir"],
    },
    Server {
        name: "waitress-serve",
        named: Named::First,
        flags: &[
            "--call",
            "--ipv4",
            "--ipv6",
            "--log-untrusted-proxy-headers",
            "--clear-untrusted-proxy-headers",
            "--log-socket-errors",
            "--expose-tracebacks",
            "--asyncore-use-poll",
        ],
        short_flags: "",
        folders: &[],
        workdir: &[],
    },
    Server {
        name: "celery",
        named: Named::App,
        flags: &["--quiet", "--skip-checks"],
        short_flags: "Cq",
        folders: &[],
        workdir: &["--workdir"],
    },
    Server { name: "flask", named: Named::App, flags: &["--debug"], short_flags: "", folders: &[], workdir: &[] },
    Server {
        name: "fastapi",
        named: Named::Run,
        flags: &["--reload", "--proxy-headers", "--verbose"],
        short_flags: "v",
        folders: &[],
        workdir: &[],
    },
    Server { name: "streamlit", named: Named::Run, flags: &[], short_flags: "", folders: &[], workdir: &[] },
];

/// Returns the application that a program serves with these arguments; `None` for another program
/// and for a command line that does not clearly name one.
#[must_use]
pub fn served<'a>(program: &str, arguments: &'a [String]) -> Option<ServedApp<'a>> {
    // `python -m waitress` is the same program as waitress-serve.
    let program = if program == "waitress" { "waitress-serve" } else { program };
    let server = SERVERS.iter().find(|server| server.name == program)?;
    let line = server.parse(arguments);
    let reference = match server.named {
        Named::First => *line.positional.first()?,
        Named::App => line.app?,
        Named::Run => match line.positional[..] {
            ["run" | "dev", file, ..] => file,
            _ => return None,
        },
    };
    let location = match server.named {
        Named::Run if reference.contains("://") => return None,
        Named::Run => AppLocation::File(reference),
        Named::First | Named::App => module(server, reference)?,
    };
    Some(ServedApp { reference, location, folders: line.folders, workdir: line.workdir })
}

/// The parts of a command line.
#[derive(Default)]
struct Line<'a> {
    positional: Vec<&'a str>,
    app: Option<&'a str>,
    folders: Vec<&'a str>,
    workdir: Option<&'a str>,
}

impl Server {
    fn parse<'a>(&self, arguments: &'a [String]) -> Line<'a> {
        let mut line = Line::default();
        let mut rest = arguments.iter().map(String::as_str);
        while let Some(word) = rest.next() {
            if word == "--" {
                line.positional.extend(rest);
                break;
            }
            let is_option = word.starts_with('-') && word.len() > 1;
            // The arguments of a subcommand are not the server's.
            if !is_option && self.named == Named::App {
                break;
            }
            if !is_option {
                line.positional.push(word);
                continue;
            }
            let (name, value) = self.option(word);
            let value = match value {
                OptionValue::None => continue,
                OptionValue::Attached(value) => value,
                OptionValue::Next => match rest.next() {
                    Some(value) => value,
                    None => break,
                },
            };
            match name {
                "--app" | "-A" if self.named == Named::App => line.app = Some(value),
                name if self.folders.contains(&name) => line.folders.extend(value.split(',')),
                name if self.workdir.contains(&name) => line.workdir = Some(value),
                _ => {}
            }
        }
        line
    }

    /// Splits an option into its name and its value.
    fn option<'a>(&self, word: &'a str) -> (&'a str, OptionValue<'a>) {
        if word.starts_with("--") {
            return match word.split_once('=') {
                Some((name, value)) => (name, OptionValue::Attached(value)),
                None if self.flags.contains(&word) || word.starts_with("--no-") => (word, OptionValue::None),
                None => (word, OptionValue::Next),
            };
        }
        let end = word.char_indices().nth(2).map_or(word.len(), |(at, _)| at);
        let (name, attached) = word.split_at(end);
        if name.chars().skip(1).all(|letter| self.short_flags.contains(letter)) {
            return (name, OptionValue::None);
        }
        (name, if attached.is_empty() { OptionValue::Next } else { OptionValue::Attached(attached) })
    }
}

/// The value of an option.
enum OptionValue<'a> {
    None,
    Attached(&'a str),
    Next,
}

/// Returns the module of a reference such as `shop.wsgi:app`.
fn module<'a>(server: &Server, reference: &'a str) -> Option<AppLocation<'a>> {
    let reference = match server.name {
        "hypercorn" => ["asgi:", "wsgi:"].iter().find_map(|mode| reference.strip_prefix(mode)).unwrap_or(reference),
        _ => reference,
    };
    let (path, has_object) = reference.split_once(':').map_or((reference, false), |(path, _)| (path, true));
    if Path::new(path).extension().is_some_and(|extension| extension == "py") || path.contains('/') {
        // Only flask takes a path.
        return (server.name == "flask").then_some(AppLocation::File(path));
    }
    let mut parts: Vec<_> = path.split('.').collect();
    if !parts.iter().all(|part| is_identifier(part)) {
        return None;
    }
    // Without a colon, the last part may be an attribute.
    if ["celery", "waitress-serve"].contains(&server.name) && !has_object && parts.len() > 1 {
        parts.pop();
    }
    Some(AppLocation::Module(parts))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Option<String> {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        let ServedApp { location, folders, workdir, .. } = served(&words[0], &words[1..])?;
        let location = match location {
            AppLocation::Module(parts) => parts.join("/"),
            AppLocation::File(file) => file.to_owned(),
        };
        let more = folders.into_iter().chain(workdir).map(|folder| format!(" in {folder}"));
        Some(location + &more.collect::<String>())
    }

    #[test]
    fn applications_are_found_among_options() {
        for (line, want) in [
            ("gunicorn shop.wsgi:app", Some("shop/wsgi")),
            ("gunicorn -w 4 -b0.0.0.0:80 --preload -D --access-logfile - shop:make()", Some("shop")),
            ("gunicorn --chdir src --pythonpath=a,b shop", Some("shop in a in b in src")),
            ("gunicorn --bind=:80 --no-sendfile --timeout 3 shop:app --workers 2", Some("shop")),
            ("gunicorn --some-new-flag shop:app", None),
            ("gunicorn -c conf.py", None),
            ("uvicorn shop.main:app --host 0.0.0.0 --reload --app-dir=src", Some("shop/main in src")),
            ("uvicorn --factory --port 80 shop:create", Some("shop")),
            ("hypercorn asgi:shop:app -b :80", Some("shop")),
            ("hypercorn lib/shop.py:app", None),
            ("daphne -b 0.0.0.0 -p 80 shop.asgi:application", Some("shop/asgi")),
            ("granian --interface asgi --access-log shop:app --working-dir x", Some("shop in x")),
            ("waitress-serve --listen=*:80 --call shop:create", Some("shop")),
            ("waitress-serve --port 80 shop.app", Some("shop")),
            ("celery -A shop worker -l info", Some("shop")),
            ("celery --app=shop.tasks:app worker", Some("shop/tasks")),
            ("celery -A shop.app worker", Some("shop")),
            ("celery worker -A shop", None),
            ("flask --app shop.web run -p 80", Some("shop/web")),
            ("flask -A shop/web.py:app run", Some("shop/web.py")),
            ("flask run", None),
            ("fastapi run shop/main.py --port 80", Some("shop/main.py")),
            ("fastapi run --port 80", None),
            ("streamlit run --server.port 80 shop.py -- x", Some("shop.py")),
            ("streamlit run https://h/x.py", None),
            ("streamlit hello", None),
            ("python -m shop", None),
            ("gunicorn 1x:app", None),
            ("gunicorn", None),
        ] {
            assert_eq!(found(line).as_deref(), want, "{line}");
        }
    }
}
