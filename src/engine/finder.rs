//! Finds the container engine of this machine.
//!
//! docker is looked for where its own client looks: at `DOCKER_HOST`, in the context that
//! `DOCKER_CONTEXT` names, at the usual sockets, and through the client, which knows more contexts.
//! podman needs no daemon: its program is enough.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::endpoint::Endpoint;
use super::program;
use crate::diagnostic::Code;
use crate::operation_error::OperationError;
use crate::plan::Engine;

const DOCKER: &str = "docker";
const PODMAN: &str = "podman";

/// The settings by which engines are found.
#[derive(Clone, Default, Debug)]
pub struct EngineFinder {
    /// `PATH`.
    pub search_path: OsString,
    /// `DOCKER_HOST`, if it is not empty.
    pub docker_host: Option<String>,
    /// The environment asks for TLS or a context, which need docker's client.
    pub needs_client: bool,
    pub docker_sockets: Vec<PathBuf>,
    pub podman_sockets: Vec<PathBuf>,
}

impl EngineFinder {
    /// Derives the places from the environment's variables.
    #[must_use]
    pub fn new(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let below = |name: &str, path: &str| set(name).map(|folder| PathBuf::from(folder).join(path));
        let context = set("DOCKER_CONTEXT").is_some_and(|context| context != "default");
        let host = set("DOCKER_HOST").map(|host| host.to_string_lossy().into_owned());
        Self {
            search_path: set("PATH").unwrap_or_default(),
            needs_client: host.is_none() && context
                || set("DOCKER_TLS_VERIFY").is_some()
                || set("DOCKER_TLS").is_some(),
            docker_host: host,
            docker_sockets: [
                Some(PathBuf::from("/var/run/docker.sock")),
                below("XDG_RUNTIME_DIR", "docker.sock"),
                below("HOME", ".docker/run/docker.sock"),
            ]
            .into_iter()
            .flatten()
            .collect(),
            podman_sockets: [
                below("XDG_RUNTIME_DIR", "podman/podman.sock"),
                Some(PathBuf::from("/run/podman/podman.sock")),
            ]
            .into_iter()
            .flatten()
            .collect(),
        }
    }

    /// Finds an engine that answers.
    ///
    /// # Errors
    /// No engine answers; a `DOCKER_HOST` that cannot be used.
    pub fn find(&self, engine: Engine) -> Result<Endpoint, OperationError> {
        let docker = || self.docker();
        let found = match engine {
            Engine::Docker => docker()?,
            Engine::Podman => self.podman(),
            Engine::Found => docker()?.or_else(|| self.podman()),
        };
        found.ok_or_else(|| self.none(engine))
    }

    fn docker(&self) -> Result<Option<Endpoint>, OperationError> {
        let client = || self.program(DOCKER);
        match &self.docker_host {
            Some(host) => {
                let plain = host.strip_prefix("tcp://").or_else(|| host.strip_prefix("http://"));
                match (host.strip_prefix("unix://"), plain) {
                    (Some(path), _) => Ok(Some(Endpoint::Socket { engine: DOCKER, path: PathBuf::from(path) })),
                    (None, Some(address)) if !self.needs_client => {
                        let address = address.trim_end_matches('/').to_owned();
                        Ok(Some(Endpoint::Tcp { engine: DOCKER, address }))
                    }
                    _ => client().map(Some).ok_or_else(|| {
                        let message =
                            format!("DOCKER_HOST is `{host}`, which needs docker's client, and there is none");
                        OperationError::new(Code::NoContainerEngine, message).with_hint("install docker's client")
                    }),
                }
            }
            None if self.needs_client => Ok(client()),
            None => Ok(socket(DOCKER, &self.docker_sockets).or_else(|| client().filter(program::answers))),
        }
    }

    fn podman(&self) -> Option<Endpoint> {
        self.program(PODMAN).or_else(|| socket(PODMAN, &self.podman_sockets))
    }

    fn program(&self, engine: &'static str) -> Option<Endpoint> {
        let folders = std::env::split_paths(&self.search_path).filter(|folder| folder.is_absolute());
        let found = folders.map(|folder| folder.join(engine)).find(|path| is_program(path));
        found.map(|path| Endpoint::Program { engine, path })
    }

    fn none(&self, engine: Engine) -> OperationError {
        let list =
            |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ");
        let docker = || format!("the program `docker` with a daemon that answers, {}", list(&self.docker_sockets));
        let podman = || format!("the program `podman`, {}", list(&self.podman_sockets));
        let (what, tried) = match engine {
            Engine::Docker => ("docker does not run on this machine", docker()),
            Engine::Podman => ("podman is not on this machine", podman()),
            Engine::Found => ("neither docker nor podman is on this machine", format!("{}, {}", docker(), podman())),
        };
        let hint = "start docker, set DOCKER_HOST, or install podman; or write an archive, as in \
                    --to docker-archive:image.tar";
        OperationError::new(Code::NoContainerEngine, what).because(format!("looked for {tried}")).with_hint(hint)
    }
}

/// Returns the first socket that accepts a connection.
fn socket(engine: &'static str, sockets: &[PathBuf]) -> Option<Endpoint> {
    let path = sockets.iter().find(|path| UnixStream::connect(path).is_ok())?;
    Some(Endpoint::Socket { engine, path: path.clone() })
}

fn is_program(path: &Path) -> bool {
    fs_err::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    fn finder(root: &Path) -> EngineFinder {
        EngineFinder {
            search_path: root.join("bin").into(),
            docker_sockets: vec![root.join("docker.sock")],
            podman_sockets: vec![root.join("podman.sock")],
            ..EngineFinder::default()
        }
    }

    fn program(root: &Path, name: &str, script: &str) {
        fs_err::create_dir_all(root.join("bin")).unwrap();
        let path = root.join("bin").join(name);
        fs_err::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn found(finder: &EngineFinder, engine: Engine, root: &Path) -> String {
        let found = finder.find(engine).map(|endpoint| format!("{endpoint:?}"));
        found.unwrap_or_else(|error| error.message).replace(root.to_str().unwrap(), "ROOT")
    }

    #[test]
    fn docker_is_found_by_socket_and_by_client_and_then_podman() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let finder = finder(root);
        assert_eq!(found(&finder, Engine::Found, root), "neither docker nor podman is on this machine");
        program(root, "docker", "exit 1");
        assert_eq!(found(&finder, Engine::Found, root), "neither docker nor podman is on this machine", "no daemon");
        program(root, "podman", "");
        let podman = "Program { engine: \"podman\", path: \"ROOT/bin/podman\" }";
        assert_eq!(found(&finder, Engine::Found, root), podman);
        assert_eq!(found(&finder, Engine::Docker, root), "docker does not run on this machine");
        program(root, "docker", "");
        assert_eq!(found(&finder, Engine::Found, root), "Program { engine: \"docker\", path: \"ROOT/bin/docker\" }");
        let _listener = UnixListener::bind(root.join("docker.sock")).unwrap();
        assert_eq!(found(&finder, Engine::Found, root), "Socket { engine: \"docker\", path: \"ROOT/docker.sock\" }");
        assert_eq!(found(&finder, Engine::Podman, root), podman);
        fs_err::write(root.join("podman.sock"), "").unwrap();
        fs_err::remove_file(root.join("bin/podman")).unwrap();
        assert_eq!(found(&finder, Engine::Podman, root), "podman is not on this machine", "no socket either");
    }

    #[test]
    fn docker_host_and_contexts_are_followed() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let of = |variables: &[(&str, &str)]| {
            let named =
                |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into());
            EngineFinder { search_path: root.join("bin").into(), ..EngineFinder::new(named) }
        };
        let socket = of(&[("DOCKER_HOST", "unix:///x/d.sock"), ("DOCKER_CONTEXT", "other")]);
        assert_eq!(found(&socket, Engine::Found, root), "Socket { engine: \"docker\", path: \"/x/d.sock\" }");
        let tcp = of(&[("DOCKER_HOST", "tcp://127.0.0.1:2375/")]);
        assert_eq!(found(&tcp, Engine::Found, root), "Tcp { engine: \"docker\", address: \"127.0.0.1:2375\" }");
        let ssh = of(&[("DOCKER_HOST", "ssh://me@host")]);
        assert_eq!(
            found(&ssh, Engine::Found, root),
            "DOCKER_HOST is `ssh://me@host`, which needs docker's client, and there is none"
        );
        program(root, "docker", "exit 1");
        let client = "Program { engine: \"docker\", path: \"ROOT/bin/docker\" }";
        for client_only in [
            ssh,
            of(&[("DOCKER_HOST", "tcp://h:2376"), ("DOCKER_TLS_VERIFY", "1")]),
            of(&[("DOCKER_CONTEXT", "colima")]),
        ] {
            assert_eq!(found(&client_only, Engine::Found, root), client);
        }
    }
}
