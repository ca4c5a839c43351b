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
const LIMIT: Duration = Duration::from_mins(5);

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

/// The same over the host's network, with more variables.
pub fn start_with(image: &Unpacked, runner: Runner, env: &[(&str, &str)], command: &[&str]) -> Ran {
    let mut run = tool("run-image");
    run.args(["--with", runner.name(), "--net"]);
    run.args(env.iter().flat_map(|(name, value)| ["--env".to_owned(), format!("{name}={value}")]));
    run.arg(image.path());
    if !command.is_empty() {
        run.arg("--").args(command);
    }
    Ran::of(run.output().unwrap())
}

/// A script of an image that takes a port as its argument and listens there.
pub struct Server(Running);

impl Server {
    #[track_caller]
    pub fn start(image: &Unpacked, script: &str) -> Self {
        let port = free_port();
        let command = ["/usr/local/bin/python", script, &port.to_string()];
        let mut running = Running::spawn(image, Runner::Bwrap, port, &command);
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            running.still_runs(start);
        }
        Self(running)
    }

    pub fn port(&self) -> u16 {
        self.0.port
    }
}

/// A web application that runs until this is dropped.
pub struct Running {
    process: Child,
    port: u16,
    log: NamedTempFile,
}

impl Running {
    pub fn serve(image: &Unpacked, runner: Runner) -> Self {
        Self::serve_at(image, runner, free_port())
    }

    /// For applications that were told their port before the image was built.
    pub fn serve_at(image: &Unpacked, runner: Runner, port: u16) -> Self {
        Self::spawn(image, runner, port, &[])
    }

    fn spawn(image: &Unpacked, runner: Runner, port: u16, command: &[&str]) -> Self {
        let log = NamedTempFile::new().unwrap();
        let output = || Stdio::from(File::options().append(true).open(log.path()).unwrap());
        let process = tool("run-image")
            .args(["--with", runner.name(), "--net"])
            // gunicorn's and uvicorn's
            .args(["--env", &format!("PORT={port}"), "--env", &format!("UVICORN_PORT={port}")])
            .arg(image.path())
            .args(if command.is_empty() { None } else { Some("--") })
            .args(command)
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
        String::from_utf8(self.answer("/").body).unwrap()
    }

    /// What `GET` of a path gives, asked for until there is an answer.
    #[track_caller]
    pub fn answer(&mut self, path: &str) -> Answer {
        let start = Instant::now();
        loop {
            if let Ok(answer) = get(self.port, path) {
                return answer;
            }
            self.still_runs(start);
        }
    }

    /// Waits a moment for an application that started some time ago.
    #[track_caller]
    fn still_runs(&mut self, start: Instant) {
        let ended = self.process.try_wait().unwrap();
        let log = || fs::read_to_string(self.log.path()).unwrap();
        assert!(ended.is_none(), "{}", log());
        assert!(start.elapsed() < LIMIT, "no answer in {LIMIT:?}\n{}", log());
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// A good answer.
#[derive(Debug)]
pub struct Answer {
    pub head: String,
    pub body: Vec<u8>,
}

/// A port of the loopback interface that nobody listens at.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// HTTP/1.0, so that the body ends with the connection.
fn get(port: u16, path: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&([127, 0, 0, 1], port).into(), Duration::from_secs(5))?;
    stream.set_read_timeout(Some(LIMIT))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let body = answer.split_off(end.ok_or_else(|| std::io::Error::other("no head"))? + 4);
    let head = String::from_utf8(answer).unwrap();
    assert!(head.starts_with("HTTP/1.1 200") || head.starts_with("HTTP/1.0 200"), "{head}");
    Ok(Answer { head, body })
}

impl Drop for Running {
    fn drop(&mut self) {
        // the group: run-image has children that would live on
        ran("sh", ["-c", &format!("kill -s KILL -- -{}", self.process.id())]);
        self.process.wait().ok();
    }
}
