//! A server that does as it is told: a function from requests to answers.

#![allow(dead_code, reason = "every test target takes what it needs")]

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A request as it came in.
#[derive(Clone)]
pub struct Request {
    /// `METHOD TARGET`.
    pub line: String,
    pub headers: BTreeMap<String, String>,
}

/// An answer to give.
#[derive(Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    end: End,
}

/// What happens after so many bytes of the body.
#[derive(Clone, Copy)]
enum End {
    Whole,
    /// The connection is closed.
    Cut(usize),
    /// Nothing, until the server ends.
    Silence(usize),
    /// A byte now and then.
    Drip(usize),
}

type Script = dyn Fn(&Request) -> Reply + Send + Sync;

/// The server; it ends with this value.
pub struct Scripted {
    pub host: String,
    requests: Arc<Mutex<Vec<Request>>>,
    ended: Arc<AtomicBool>,
}

impl Request {
    pub fn is(&self, method: &str, part: &str) -> bool {
        self.line.strip_prefix(method).is_some_and(|target| target.starts_with(' ') && target.contains(part))
    }

    /// Where the bytes asked for begin.
    pub fn offset(&self) -> usize {
        let range = self.headers.get("range").and_then(|range| range.strip_prefix("bytes="));
        range.map_or(0, |range| range.trim_end_matches('-').parse().unwrap())
    }
}

impl Reply {
    pub fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), end: End::Whole }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    /// The body with something else in it.
    pub fn change(mut self, change: impl FnOnce(&mut Vec<u8>)) -> Self {
        change(&mut self.body);
        self
    }

    /// An error as the distribution specification has it.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::new(status).body(format!(r#"{{"errors":[{{"code":"{code}","message":"{message}"}}]}}"#))
    }

    /// The connection closes in the middle of the body.
    pub fn cut(mut self) -> Self {
        self.end = End::Cut(self.body.len() / 2);
        self
    }

    /// From its middle on, the body comes a byte at a time.
    pub fn drip(mut self) -> Self {
        self.end = End::Drip(self.body.len() / 2);
        self
    }

    /// The body stops in the middle, and the connection stays until the server ends.
    pub fn silence(mut self) -> Self {
        self.end = End::Silence(self.body.len() / 2);
        self
    }
}

impl Scripted {
    /// Answers as `script` says.
    pub fn start(script: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let script: Arc<Script> = Arc::new(script);
        let (requests, ended) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<AtomicBool>::default());
        let (log, end) = (requests.clone(), ended.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten().take_while(|_| !end.load(Ordering::Relaxed)) {
                let (script, log, end) = (script.clone(), log.clone(), end.clone());
                // Who breaks a connection off has no use for the error.
                thread::spawn(move || serve(&stream, script.as_ref(), &log, &end).ok());
            }
        });
        Self { host, requests, ended }
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// How many requests of a kind there were.
    pub fn count(&self, method: &str, part: &str) -> usize {
        self.requests.lock().unwrap().iter().filter(|request| request.is(method, part)).count()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(&self.host); // wakes the listener
    }
}

fn serve(stream: &TcpStream, script: &Script, log: &Mutex<Vec<Request>>, ended: &AtomicBool) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    if reader.fill_buf()?.first() == Some(&22) {
        let mut out = stream; // a TLS handshake
        return out.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    }
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    io::copy(&mut reader.take(length), &mut io::sink())?;
    let request = Request { line: line.trim_end().to_owned(), headers };
    log.lock().unwrap().push(request.clone());
    answer(stream, request.is("HEAD", ""), &script(&request), ended)
}

fn answer(mut stream: &TcpStream, is_head: bool, reply: &Reply, ended: &AtomicBool) -> io::Result<()> {
    write!(stream, "HTTP/1.1 {} X\r\nConnection: close\r\nContent-Length: {}\r\n", reply.status, reply.body.len())?;
    for (name, value) in &reply.headers {
        write!(stream, "{name}: {value}\r\n")?;
    }
    stream.write_all(b"\r\n")?;
    if is_head {
        return Ok(());
    }
    let bytes = match reply.end {
        End::Whole => reply.body.len(),
        End::Cut(bytes) | End::Drip(bytes) | End::Silence(bytes) => bytes,
    };
    stream.write_all(&reply.body[..bytes])?;
    if let End::Drip(bytes) = reply.end {
        for drip in &reply.body[bytes..] {
            thread::sleep(Duration::from_millis(20));
            stream.write_all(&[*drip])?;
        }
    }
    while matches!(reply.end, End::Silence(_)) && !ended.load(Ordering::Relaxed) {
        thread::sleep(Duration::from_millis(20));
    }
    stream.shutdown(Shutdown::Both)
}
