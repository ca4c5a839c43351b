//! toxiproxy: connections that are slow, end early or fall silent.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::process::{Process, ask};
use super::server::{Server, program};
use crate::support::running::free_port;

/// The direction of a fault.
#[derive(Clone, Copy)]
pub enum Stream {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// A proxy in front of a server, with the faults that are added.
pub struct Toxiproxy {
    /// The port to connect to.
    pub host: String,
    api: String,
    process: Process,
    _folder: TempDir,
}

impl Stream {
    fn name(self) -> &'static str {
        match self {
            Self::Up => "upstream",
            Self::Down => "downstream",
        }
    }
}

impl Toxiproxy {
    pub fn before(server: &Server) -> Self {
        let folder = TempDir::new().unwrap();
        let port = free_port().to_string();
        let args = ["-host", "127.0.0.1", "-port", &port];
        let mut process = Process::start(&program("toxiproxy"), &args, &folder.path().join("log"));
        let api = format!("127.0.0.1:{port}");
        process.wait(|_| std::net::TcpStream::connect(&api).ok().map(drop));
        let proxy = json!({ "name": "p", "listen": "127.0.0.1:0", "upstream": server.address(), "enabled": true });
        let (status, answer) = ask(&api, "POST", "/proxies", &proxy.to_string());
        assert_eq!(status, 201, "{answer}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let (_, port) = answer["listen"].as_str().unwrap().rsplit_once(':').unwrap();
        let (name, _) = server.host.rsplit_once(':').unwrap();
        Self { host: format!("{name}:{port}"), api, process, _folder: folder }
    }

    /// The whole name of `repository:tag` behind the proxy.
    pub fn name(&self, image: &str) -> String {
        format!("{}/{image}", self.host)
    }

    /// Adds a fault of all connections, also those that exist.
    pub fn add(&self, kind: &str, stream: Stream, attributes: &Value) {
        let name = format!("{kind}-{}", stream.name());
        let toxic = json!({ "name": name, "type": kind, "stream": stream.name(), "attributes": attributes });
        let (status, answer) = ask(&self.api, "POST", "/proxies/p/toxics", &toxic.to_string());
        assert_eq!(status, 200, "{answer}{}", self.process.log());
    }

    /// Takes a fault away again.
    pub fn remove(&self, kind: &str, stream: Stream) {
        let (status, answer) = ask(&self.api, "DELETE", &format!("/proxies/p/toxics/{kind}-{}", stream.name()), "");
        assert_eq!(status, 204, "{answer}");
    }

    /// Ends all connections and refuses others, or accepts them again.
    pub fn enable(&self, enabled: bool) {
        let (status, answer) = ask(&self.api, "POST", "/proxies/p", &json!({ "enabled": enabled }).to_string());
        assert_eq!(status, 200, "{answer}");
    }
}
