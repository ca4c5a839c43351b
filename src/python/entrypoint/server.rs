//! Servers of WSGI and ASGI applications, and the commands that start them on all interfaces.
//!
//! Source: gunicorn's `config.py` (`Bind`: PORT) and `Settings`; uvicorn's `main.py`
//! (`auto_envvar_prefix`: `UVICORN_HOST`, `UVICORN_PORT`); granian's `cli.py`
//! (`GRANIAN_HOST`, `GRANIAN_PORT`); the command lines of hypercorn, daphne and waitress, which
//! read no variables.

use std::collections::BTreeSet;

use super::Start;

/// The interface between a server and an application.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Interface {
    Wsgi,
    Asgi,
}

/// A server program.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Server {
    Gunicorn,
    Uvicorn,
    Hypercorn,
    Granian,
    Daphne,
    Waitress,
}

/// Classes of applications, their interfaces and distributions.
pub(super) const CLASSES: [(&str, Interface, &str); 5] = [
    ("FastAPI", Interface::Asgi, "fastapi"),
    ("Starlette", Interface::Asgi, "starlette"),
    ("Litestar", Interface::Asgi, "litestar"),
    ("Quart", Interface::Asgi, "quart"),
    ("Flask", Interface::Wsgi, "flask"),
];

/// The names of the locked distributions; none if they are not known.
pub type Names<'a> = Option<&'a BTreeSet<String>>;

impl Server {
    /// The servers of an interface, the most common first.
    fn of(interface: Interface) -> &'static [Self] {
        match interface {
            Interface::Wsgi => &[Self::Gunicorn, Self::Waitress, Self::Granian],
            Interface::Asgi => &[Self::Uvicorn, Self::Hypercorn, Self::Granian, Self::Daphne],
        }
    }

    /// Returns the name of its distribution.
    fn distribution(self) -> &'static str {
        match self {
            Self::Gunicorn => "gunicorn",
            Self::Uvicorn => "uvicorn",
            Self::Hypercorn => "hypercorn",
            Self::Granian => "granian",
            Self::Daphne => "daphne",
            Self::Waitress => "waitress",
        }
    }

    /// Returns the words that start an application, and the variables that it needs for the port.
    fn command(self, interface: Interface, object: &str, port: u16) -> (Vec<String>, Vec<(&'static str, String)>) {
        let everywhere = format!("0.0.0.0:{port}");
        let port = port.to_string();
        let host = || "0.0.0.0".to_owned();
        let (words, env): (Vec<&str>, Vec<_>) = match self {
            Self::Gunicorn => (vec!["gunicorn", object], vec![("PORT", port)]),
            Self::Uvicorn => (vec!["uvicorn", object], vec![("UVICORN_HOST", host()), ("UVICORN_PORT", port)]),
            Self::Granian => {
                let kind = if interface == Interface::Wsgi { "wsgi" } else { "asgi" };
                let env = vec![("GRANIAN_HOST", host()), ("GRANIAN_PORT", port)];
                (vec!["granian", "--interface", kind, object], env)
            }
            Self::Hypercorn => (vec!["hypercorn", "--bind", &everywhere, object], Vec::new()),
            Self::Daphne => (vec!["daphne", "-b", "0.0.0.0", "-p", &port, object], Vec::new()),
            Self::Waitress => (vec!["waitress-serve", "--listen", &everywhere, object], Vec::new()),
        };
        (words.into_iter().map(str::to_owned).collect(), env)
    }

    /// Returns the options by which the command needs no variables.
    fn address(self, port: u16) -> Vec<String> {
        match self {
            Self::Gunicorn => vec!["--bind".to_owned(), format!("0.0.0.0:{port}")],
            Self::Uvicorn | Self::Granian => {
                ["--host", "0.0.0.0", "--port"].map(str::to_owned).into_iter().chain([port.to_string()]).collect()
            }
            Self::Hypercorn | Self::Daphne | Self::Waitress => Vec::new(),
        }
    }
}

/// Returns the command that serves an application with a server among the locked distributions;
/// none without one.
pub(super) fn serve(
    interface: Interface,
    object: &str,
    names: Names<'_>,
    port: u16,
    origin: impl Into<String>,
) -> Option<Start> {
    let has = |server: &&Server| names.is_none_or(|names| names.contains(server.distribution()));
    let server = *Server::of(interface).iter().find(has)?;
    let (cmd, env) = server.command(interface, object, port);
    Some(Start {
        typed: cmd.iter().cloned().chain(server.address(port)).collect(),
        cmd,
        env: env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        port: Some(port),
        origin: origin.into(),
        ..Start::default()
    })
}

/// Returns the variables by which a server program listens on all interfaces at a port, and
/// whether it reads the port from `PORT` itself.
pub(super) fn variables(program: &str, port: u16) -> Vec<(String, String)> {
    let all = [Server::Gunicorn, Server::Uvicorn, Server::Granian];
    let server = all.into_iter().find(|server| server.distribution() == program);
    let env = server.map(|server| server.command(Interface::Asgi, "", port).1).unwrap_or_default();
    env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_server_among_the_distributions_serves() {
        let of = |interface, names: &[&str]| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            let start = serve(interface, "shop:app", Some(&names), 8000, "x")?;
            let env: Vec<_> = start.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
            Some(format!("{} | {}", start.cmd.join(" "), env.join(" ")))
        };
        let (wsgi, asgi) = (Interface::Wsgi, Interface::Asgi);
        for (interface, names, want) in [
            (wsgi, &["uvicorn", "gunicorn"][..], "gunicorn shop:app | PORT=8000"),
            (wsgi, &["waitress"], "waitress-serve --listen 0.0.0.0:8000 shop:app | "),
            (asgi, &["uvicorn", "gunicorn"], "uvicorn shop:app | UVICORN_HOST=0.0.0.0 UVICORN_PORT=8000"),
            (asgi, &["hypercorn"], "hypercorn --bind 0.0.0.0:8000 shop:app | "),
            (asgi, &["daphne"], "daphne -b 0.0.0.0 -p 8000 shop:app | "),
            (wsgi, &["granian"], "granian --interface wsgi shop:app | GRANIAN_HOST=0.0.0.0 GRANIAN_PORT=8000"),
        ] {
            assert_eq!(of(interface, names).as_deref(), Some(want));
        }
        assert_eq!((of(wsgi, &["uvicorn"]), of(asgi, &["gunicorn"])), (None, None));
        let typed = serve(asgi, "shop:app", None, 80, "x").unwrap().typed.join(" ");
        assert_eq!(typed, "uvicorn shop:app --host 0.0.0.0 --port 80");
    }
}
