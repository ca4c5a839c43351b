//! Debian's docker-registry, one for each test that wants one.

use std::fs::{self, File};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{Pair, layout, run};

/// A registry on a free port of the loopback interface; gone when dropped.
pub struct Registry {
    server: Child,
    address: String,
    _folder: TempDir,
}

impl Registry {
    pub fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let (config, log) = (folder.path().join("registry.yml"), folder.path().join("log"));
        let text = format!(
            "version: 0.1\n\
             log: {{ level: info, accesslog: {{ disabled: true }} }}\n\
             storage: {{ filesystem: {{ rootdirectory: {} }}, delete: {{ enabled: true }} }}\n\
             http: {{ addr: \"127.0.0.1:0\" }}\n",
            folder.path().join("storage").display()
        );
        fs::write(&config, text).unwrap();
        // should the test be killed, the kernel ends the registry
        let server = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "docker-registry", "serve"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let mut registry = Self { server, address: String::new(), _folder: folder };
        let start = Instant::now();
        while registry.address.is_empty() {
            let text = fs::read_to_string(&log).unwrap();
            let ended = registry.server.try_wait().unwrap();
            assert!(ended.is_none(), "docker-registry ended; run scripts/setup\n{text}");
            assert!(start.elapsed() < Duration::from_secs(30), "docker-registry does not answer\n{text}");
            registry.address = listening(&text).unwrap_or_default();
            std::thread::sleep(Duration::from_millis(20));
        }
        registry
    }

    /// A registry that has a base and its builder.
    pub fn with(pair: Pair) -> Self {
        let registry = Self::start();
        registry.push_fixture(pair.base);
        registry.push_fixture(pair.builder);
        registry
    }

    pub fn push_fixture(&self, image: &str) {
        run("crane", ["push".as_ref(), layout(image).as_os_str(), self.name(image).as_ref()]);
    }

    /// The whole name of `repository:tag` here.
    pub fn name(&self, image: &str) -> String {
        format!("{}/{image}", self.address)
    }
}

/// `127.0.0.1:PORT`, once the log says so.
fn listening(log: &str) -> Option<String> {
    let port = log.split("listening on 127.0.0.1:").nth(1)?;
    let end = port.find(|c: char| !c.is_ascii_digit())?;
    Some(format!("127.0.0.1:{}", &port[..end]))
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.server.kill().ok();
        self.server.wait().ok();
    }
}
