//! Images that run, under bubblewrap or crun.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use tempfile::NamedTempFile;

use super::image::Unpacked;
use super::{Ran, ran, tool};

/// An emulated web application on a busy machine starts this slowly.
const PATIENCE: Duration = Duration::from_mins(5);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Runner {
    Bwrap,
    Crun,
}

impl Runner {
    pub const BOTH: [Self; 2] = [Self::Bwrap, Self::Crun];

    fn name(self) -> &'static str {
        match self {
            Self::Bwrap => "bwrap",
            Self::Crun => "crun",
        }
    }
}

/// Starts the image as its config says, or `command` in it, and waits for its end.
pub fn start(image: &Unpacked, runner: Runner, command: &[&str]) -> Ran {
    let mut run = tool("run-image");
    run.args(["--with", runner.name()]).arg(image.path());
    if !command.is_empty() {
        run.arg("--").args(command);
    }
    Ran::of(run.output().unwrap())
}

/// A web application that runs until this is dropped.
pub struct Running {
    process: Child,
    port: u16,
    log: NamedTempFile,
}

impl Running {
    pub fn serve(image: &Unpacked, runner: Runner) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let log = NamedTempFile::new().unwrap();
        let output = || Stdio::from(File::options().append(true).open(log.path()).unwrap());
        let process = tool("run-image")
            .args(["--with", runner.name(), "--net", "--env", &format!("PORT={port}")])
            .arg(image.path())
            .stdout(output())
            .stderr(output())
            .process_group(0)
            .spawn()
            .unwrap();
        Self { process, port, log }
    }

    /// The body of `GET /`, asked for until there is an answer.
    #[track_caller]
    pub fn body(&mut self) -> String {
        let start = Instant::now();
        loop {
            if let Ok(body) = get(self.port) {
                return body;
            }
            let ended = self.process.try_wait().unwrap();
            let log = || fs::read_to_string(self.log.path()).unwrap();
            assert!(ended.is_none(), "{}", log());
            assert!(start.elapsed() < PATIENCE, "no answer in {PATIENCE:?}\n{}", log());
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

/// HTTP/1.0, so that the body ends with the connection.
fn get(port: u16) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&([127, 0, 0, 1], port).into(), Duration::from_secs(5))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| std::io::Error::other("no head"))?;
    assert!(head.starts_with("HTTP/1.1 200") || head.starts_with("HTTP/1.0 200"), "{answer}");
    Ok(body.to_owned())
}

impl Drop for Running {
    fn drop(&mut self) {
        // the group: run-image has children that would live on
        ran("sh", ["-c", &format!("kill -s KILL -- -{}", self.process.id())]);
        self.process.wait().ok();
    }
}
