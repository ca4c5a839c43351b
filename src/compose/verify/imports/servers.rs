//! The application that a server's arguments name: `gunicorn shop.wsgi:app`.
//!
//! Source: the documentation of the servers' command lines. The options named here are those that
//! name modules, files and directories.

/// Servers that take `MODULE:NAME`, and their options for the directory of modules.
const SERVERS: [(&str, &[&str]); 6] = [
    ("gunicorn", &["--chdir"]),
    ("uvicorn", &["--app-dir"]),
    ("hypercorn", &[]),
    ("daphne", &[]),
    ("granian", &["--working-dir"]),
    ("waitress-serve", &["--app-path"]),
];

/// The application of a server.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct ServedApplication {
    pub modules: Vec<String>,
    pub files: Vec<String>,
    /// The directory that the server imports modules from, if it is not the working directory.
    pub folder: Option<String>,
}

/// Returns the application that the arguments of a program name; none if the program is not a known
/// server.
pub(super) fn application(
    program: &str,
    arguments: &[String],
    variable: &dyn Fn(&str) -> Option<String>,
) -> Option<ServedApplication> {
    let words = Words(arguments);
    if let Some((_, folder)) = SERVERS.iter().find(|(name, _)| *name == program || name.replace('-', "_") == program) {
        let mut modules: Vec<_> = arguments.iter().filter_map(|word| module(word)).collect();
        if program == "gunicorn" {
            // A worker class is a name of gunicorn's own or `MODULE.CLASS`.
            let worker =
                words.option(&["-k", "--worker-class"]).and_then(|class| Some(class.rsplit_once('.')?.0.to_owned()));
            modules.extend(worker.filter(|module| is_dotted(module)));
        }
        return Some(ServedApplication { modules, folder: words.option(folder), files: Vec::new() });
    }
    let found = match program {
        "celery" => {
            let app = words.option(&["-A", "--app"]);
            ServedApplication {
                modules: celery(app.as_deref()?),
                folder: words.option(&["--workdir"]),
                files: Vec::new(),
            }
        }
        "flask" => {
            let app = words.option(&["-A", "--app"]).or_else(|| variable("FLASK_APP"))?;
            let app = app.split(':').next().unwrap_or_default().to_owned();
            let is_file = app.ends_with(".py");
            let (modules, files) = if is_file { (Vec::new(), vec![app]) } else { (vec![app], Vec::new()) };
            ServedApplication { modules, files, folder: None }
        }
        "fastapi" | "streamlit" => {
            let files = arguments.iter().skip_while(|word| *word != "run" && *word != "dev");
            let files = files.filter(|word| word.ends_with(".py")).take(1).cloned().collect();
            ServedApplication { files, ..ServedApplication::default() }
        }
        _ => return None,
    };
    Some(found)
}

/// Returns the modules of `celery -A shop`: the package and its module `celery`.
fn celery(app: &str) -> Vec<String> {
    let module = app.split(':').next().unwrap_or_default();
    if !is_dotted(module) {
        return Vec::new();
    }
    vec![module.to_owned(), format!("{module}.celery")]
}

/// Returns the module of `shop.wsgi:app`.
fn module(word: &str) -> Option<String> {
    let (module, name) = word.split_once(':')?;
    let is_name = name.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_');
    (is_name && is_dotted(module)).then(|| module.to_owned())
}

fn is_dotted(text: &str) -> bool {
    let is_name = |part: &str| {
        let first = part.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_');
        first && part.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
    };
    text.split('.').all(is_name)
}

struct Words<'a>(&'a [String]);

impl Words<'_> {
    /// Returns the value of an option: `--app x`, `--app=x`, `-Ax`.
    fn option(&self, names: &[&str]) -> Option<String> {
        for (at, word) in self.0.iter().enumerate() {
            for name in names {
                let Some(rest) = word.strip_prefix(name) else { continue };
                if rest.is_empty() {
                    return self.0.get(at + 1).cloned();
                }
                if let Some(value) = rest.strip_prefix('=') {
                    return Some(value.to_owned());
                }
                if !name.starts_with("--") {
                    return Some(rest.to_owned());
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(line: &str) -> Option<String> {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        let found = application(&words[0], &words[1..], &|_| Some("from_env".to_owned()))?;
        let ServedApplication { modules, files, folder } = found;
        Some([modules.join(" "), files.join(" "), folder.unwrap_or_default()].join("|"))
    }

    #[test]
    fn arguments_name_the_application() {
        for (line, want) in [
            ("gunicorn -b 0.0.0.0:80 shop.wsgi:app", "shop.wsgi||"),
            ("gunicorn -k uvicorn.workers.UvicornWorker --chdir src shop:app()", "shop uvicorn.workers||src"),
            ("gunicorn -kgevent --bind=unix:/x shop:app", "shop||"),
            ("uvicorn --app-dir=/srv shop.main:create --factory --host ::1", "shop.main||/srv"),
            ("waitress-serve --listen=*:80 shop:app", "shop||"),
            ("celery -A shop worker", "shop shop.celery||"),
            ("celery --app=shop.tasks:app worker", "shop.tasks shop.tasks.celery||"),
            ("flask --app shop run", "shop||"),
            ("flask run", "from_env||"),
            ("flask --app shop.py:app run", "|shop.py|"),
            ("fastapi run src/main.py --port 80", "|src/main.py|"),
            ("streamlit run app.py", "|app.py|"),
        ] {
            assert_eq!(told(line).as_deref(), Some(want), "{line}");
        }
        assert_eq!(told("shop serve a:b"), None);
    }
}
