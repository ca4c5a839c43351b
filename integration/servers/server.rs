//! Registries: Debian's docker-registry, distribution's own, and zot.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::certificates::{Certificates, HOST};
use super::nginx::Nginx;
use super::process::{Process, number_after};
use super::token_service::{ISSUER, SERVICE, TokenService};
use crate::support::registry::HTPASSWD;

/// The programs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    DockerRegistry,
    Distribution,
    Zot,
}

/// The set-up of a registry: accounts, tokens, TLS, its upstream and its storage.
#[derive(Clone, Copy, Default)]
pub struct Setup<'a> {
    /// Nothing without the account.
    pub account: bool,
    /// Nothing without a token of this service.
    pub tokens: Option<&'a TokenService>,
    /// TLS.
    pub certificates: Option<&'a Certificates>,
    /// Nothing without a client's certificate.
    pub client_certificate: bool,
    /// The registry that this one is a pull-through cache of.
    pub upstream: Option<&'a str>,
    /// The server that requests for blobs are redirected to.
    pub storage: Option<&'a Nginx>,
}

/// A registry on a free port of the loopback interface.
pub struct Server {
    pub host: String,
    process: Process,
    _folder: TempDir,
}

impl Kind {
    fn program(self) -> PathBuf {
        match self {
            Self::DockerRegistry => "docker-registry".into(),
            Self::Distribution => program("distribution"),
            Self::Zot => program("zot"),
        }
    }

    /// Returns the seconds for which an expired token is still accepted.
    pub fn leeway(self) -> i64 {
        if self == Self::Zot { 0 } else { 60 }
    }
}

/// A program that `scripts/setup --servers` installs.
pub fn program(name: &str) -> PathBuf {
    let path = crate::support::test_cache("bin").join(name);
    assert!(path.exists(), "{} is missing: run scripts/setup --servers", path.display());
    path
}

impl Server {
    pub fn open(kind: Kind) -> Self {
        Self::start(kind, &Setup::default())
    }

    pub fn start(kind: Kind, setup: &Setup<'_>) -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("htpasswd"), HTPASSWD).unwrap();
        let config = if kind == Kind::Zot { zot(folder.path(), setup) } else { distribution(folder.path(), setup) };
        // JSON is YAML, too.
        let file = folder.path().join("config.json");
        fs::write(&file, config.to_string()).unwrap();
        let args = ["serve", file.to_str().unwrap()];
        let mut process = Process::start(&kind.program(), &args, &folder.path().join("log"));
        let port = process.wait(|log| {
            // zot names its port before it is ready, but no earlier than it listens
            number_after(log, "listening on 127.0.0.1:").or_else(|| {
                log.lines()
                    .find(|line| line.contains("kernel chosen port"))
                    .and_then(|line| number_after(line, "\"port\":"))
            })
        });
        let host = if setup.certificates.is_some() { HOST } else { "127.0.0.1" };
        Self { host: format!("{host}:{port}"), process, _folder: folder }
    }

    /// The whole name of `repository:tag` here.
    pub fn name(&self, image: &str) -> String {
        format!("{}/{image}", self.host)
    }

    /// The port on the loopback interface.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.host.rsplit(':').next().unwrap())
    }

    /// The requests of these methods in the server's log.
    pub fn requests(&self, methods: &[&str]) -> Vec<String> {
        let log = self.process.log();
        log.lines().filter_map(request).filter(|line| methods.iter().any(|method| line.starts_with(method))).collect()
    }
}

/// `METHOD TARGET` of a line of an access log.
fn request(line: &str) -> Option<String> {
    if let Ok(entry) = serde_json::from_str::<Value>(line) {
        return (entry["message"] == "HTTP API")
            .then(|| format!("{} {}", entry["method"].as_str().unwrap(), entry["path"].as_str().unwrap()));
    }
    let quoted = line.split('"').nth(1)?;
    quoted.split_once(" HTTP/").map(|(request, _)| request.to_owned())
}

fn distribution(folder: &Path, setup: &Setup<'_>) -> Value {
    let mut config = json!({
        "version": "0.1",
        "log": { "level": "info", "accesslog": { "disabled": false } },
        "storage": { "filesystem": { "rootdirectory": folder.join("storage") }, "delete": { "enabled": true } },
        "http": { "addr": "127.0.0.1:0", "secret": "s" },
    });
    if setup.account {
        config["auth"] = json!({ "htpasswd": { "realm": "test", "path": folder.join("htpasswd") } });
    }
    if let Some(tokens) = setup.tokens {
        config["auth"] = json!({ "token": {
            "realm": tokens.realm(), "service": SERVICE, "issuer": ISSUER, "rootcertbundle": tokens.certificate(),
        } });
    }
    if let Some(certificates) = setup.certificates {
        config["http"]["tls"] = json!({ "certificate": certificates.server(), "key": certificates.server_key() });
        if setup.client_certificate {
            config["http"]["tls"]["clientcas"] = json!([certificates.authority()]);
        }
    }
    if let Some(upstream) = setup.upstream {
        config["proxy"] = json!({ "remoteurl": format!("http://{upstream}") });
    }
    if let Some(storage) = setup.storage {
        config["storage"]["filesystem"]["rootdirectory"] = json!(storage.files());
        let redirect = json!({ "name": "redirect", "options": { "baseurl": format!("http://{}/", storage.host) } });
        config["middleware"] = json!({ "storage": [redirect] });
    }
    config
}

fn zot(folder: &Path, setup: &Setup<'_>) -> Value {
    assert!(setup.upstream.is_none() && setup.storage.is_none(), "zot's minimal build is no cache and keeps its blobs");
    let mut config = json!({
        "distSpecVersion": "1.1.1",
        "storage": { "rootDirectory": folder.join("storage"), "gc": false },
        "http": { "address": "127.0.0.1", "port": "0" },
        "log": { "level": "info" },
    });
    if setup.account {
        config["http"]["auth"] = json!({ "htpasswd": { "path": folder.join("htpasswd") } });
    }
    if let Some(tokens) = setup.tokens {
        config["http"]["auth"] = json!({ "bearer": {
            "realm": tokens.realm(), "service": SERVICE, "cert": tokens.certificate(),
        } });
    }
    if let Some(certificates) = setup.certificates {
        config["http"]["tls"] = json!({ "cert": certificates.server(), "key": certificates.server_key() });
        if setup.client_certificate {
            config["http"]["tls"]["cacert"] = json!(certificates.authority());
        }
    }
    config
}
