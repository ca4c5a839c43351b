//! Servers that others write, started for one test.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The time that a server has for its start, on a busy machine.
const START: Duration = Duration::from_mins(2);

/// A running server; it ends with this value.
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program whose output goes to a file.
    ///
    /// Should the test be killed, the kernel ends the program.
    pub fn start(program: &Path, args: &[&str], log: &Path) -> Self {
        let file = File::create(log).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(program).args(args).stdin(Stdio::null());
        command.stdout(file.try_clone().unwrap()).stderr(file);
        Self { child: command.spawn().unwrap(), log: log.to_owned() }
    }

    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap()).into_owned()
    }

    /// Waits until `ready` finds something in the log.
    pub fn wait<T>(&mut self, ready: impl Fn(&str) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            let log = self.log();
            if let Some(found) = ready(&log) {
                return found;
            }
            assert!(self.child.try_wait().unwrap().is_none(), "the server ended:\n{log}");
            assert!(start.elapsed() < START, "the server does not answer:\n{log}");
            thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The digits that follow a text.
pub fn number_after(text: &str, before: &str) -> Option<u16> {
    let rest = text.split(before).nth(1)?;
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    rest[..end].parse().ok()
}

/// Sends a request over plain HTTP; returns the status and the body of the answer.
pub fn ask(host: &str, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(host).unwrap();
    let length = body.len();
    write!(stream, "{method} {path} HTTP/1.0\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}
