//! A scripted server on loopback: a function from requests to answers.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempPath;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::diagnostic::Diagnostic;
use crate::progress::{Event, Progress};

/// A request as it came in.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    /// Path and query.
    pub target: String,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// An answer to give.
pub struct Reply {
    /// The status; none closes the connection without an answer.
    status: Option<u16>,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    framing: Framing,
    /// Close after so many bytes of the body.
    cut: Option<usize>,
    /// After so many bytes of the body, a byte at a time.
    drip: Option<usize>,
    /// The connection stays open.
    stays: bool,
}

/// The way in which a body's end is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    Length,
    Chunked,
    /// The connection closes.
    Close,
}

/// The first byte of a TLS handshake.
const TLS_HANDSHAKE: u8 = 22;

type Script = dyn Fn(&Seen) -> Reply + Send + Sync;
/// The number of bytes of a request's body that are read before the answer, if not all.
type Early = dyn Fn(&Seen) -> Option<usize> + Send + Sync;

/// A scripted server; it stops when dropped.
pub struct Server {
    pub address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
    /// Files that clients of this server use.
    pub files: Mutex<Vec<TempPath>>,
}

/// A log of all events.
#[derive(Default)]
pub struct Log(Mutex<Vec<Event>>);

impl Seen {
    /// `METHOD TARGET`.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.target)
    }

    /// Returns a header, or an empty text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

impl Reply {
    pub fn new(status: u16) -> Self {
        let (headers, body) = (Vec::new(), Vec::new());
        Self { status: Some(status), headers, body, framing: Framing::Length, cut: None, drip: None, stays: false }
    }

    /// Closes the connection.
    pub fn none() -> Self {
        Self { status: None, ..Self::new(0) }
    }

    pub fn framed(mut self, framing: Framing) -> Self {
        self.framing = framing;
        self
    }

    /// Keeps the connection open, without reading from it.
    pub fn stays(mut self) -> Self {
        self.stays = true;
        self
    }

    /// Returns the length of the body.
    pub fn length(&self) -> usize {
        self.body.len()
    }

    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        self.body = body.as_ref().to_vec();
        self
    }

    pub fn cut(mut self, bytes: usize) -> Self {
        self.cut = Some(bytes);
        self
    }

    pub fn drip(mut self, after: usize) -> Self {
        self.drip = Some(after);
        self
    }
}

/// The pause between two bytes of a slow body.
pub const DRIP: Duration = Duration::from_millis(20);

impl Server {
    /// Starts a server that answers with `script`.
    pub async fn start(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::start_hasty(|_| None, script).await
    }

    /// Starts a server that answers with `script`, and reads only so many bytes of some requests before.
    pub async fn start_hasty(
        early: impl Fn(&Seen) -> Option<usize> + Send + Sync + 'static,
        script: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (early, script, log): (Arc<Early>, Arc<Script>, _) = (Arc::new(early), Arc::new(script), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (early, script, log) = (Arc::clone(&early), Arc::clone(&script), Arc::clone(&log));
                tokio::spawn(async move { serve(stream, &*early, &*script, &log).await });
            }
        });
        Self { address, seen, task, files: Mutex::default() }
    }

    /// Returns all requests so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Returns all requests so far, as lines.
    pub fn lines(&self) -> Vec<String> {
        self.seen().iter().map(Seen::line).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Log {
    pub fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }

    /// Returns the causes of all retries.
    pub fn retries(&self) -> Vec<String> {
        let cause = |event| if let Event::Retrying { cause, .. } = event { Some(cause) } else { None };
        self.events().into_iter().filter_map(cause).collect()
    }

    /// Returns all warnings.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        let warning = |event| if let Event::Diagnostic(warning) = event { Some(*warning) } else { None };
        self.events().into_iter().filter_map(warning).collect()
    }

    /// Returns the pauses before all retries.
    pub fn pauses(&self) -> Vec<Duration> {
        let delay = |event| if let Event::Retrying { delay, .. } = event { Some(delay) } else { None };
        self.events().into_iter().filter_map(delay).collect()
    }
}

impl Progress for Log {
    fn on(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

async fn serve(stream: TcpStream, early: &Early, script: &Script, log: &Mutex<Vec<Seen>>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    if stream.fill_buf().await?.first() == Some(&TLS_HANDSHAKE) {
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await?;
        return stream.shutdown().await;
    }
    let mut seen = head(&mut stream).await?;
    let length = seen.headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    assert!(!seen.headers.contains_key("transfer-encoding"), "servers want to know the length");
    seen.body = vec![0; early(&seen).map_or(length, |bytes| length.min(bytes))];
    let read = stream.read_exact(&mut seen.body).await;
    log.lock().unwrap().push(seen.clone());
    read?;
    let reply = script(&seen);
    write(&mut stream, &seen, &reply).await?;
    if reply.stays {
        std::future::pending::<()>().await;
    }
    stream.shutdown().await
}

async fn write(stream: &mut BufReader<TcpStream>, seen: &Seen, reply: &Reply) -> io::Result<()> {
    let Some(status) = reply.status else { return Ok(()) };
    let mut head = vec![format!("HTTP/1.1 {status} X\r\nConnection: close")];
    head.extend(match reply.framing {
        Framing::Length => Some(format!("Content-Length: {}", reply.body.len())),
        Framing::Chunked => Some("Transfer-Encoding: chunked".to_owned()),
        Framing::Close => None,
    });
    head.extend(reply.headers.iter().map(|(name, value)| format!("{name}: {value}")));
    stream.write_all(format!("{}\r\n\r\n", head.join("\r\n")).as_bytes()).await?;
    if seen.method == "HEAD" {
        return Ok(());
    }
    let sent = reply.cut.unwrap_or(reply.body.len());
    let (at_once, drips) = reply.body[..sent].split_at(reply.drip.unwrap_or(sent));
    if reply.framing == Framing::Chunked && !at_once.is_empty() {
        stream.write_all(format!("{:x}\r\n", at_once.len()).as_bytes()).await?;
    }
    stream.write_all(at_once).await?;
    if reply.framing == Framing::Chunked {
        let end: &[u8] = if at_once.is_empty() { b"0\r\n\r\n" } else { b"\r\n0\r\n\r\n" };
        stream.write_all(end).await?;
    }
    for drip in drips {
        tokio::time::sleep(DRIP).await;
        stream.write_all(&[*drip]).await?;
    }
    Ok(())
}

async fn head(stream: &mut BufReader<TcpStream>) -> io::Result<Seen> {
    let start = line(stream).await?;
    let mut words = start.split(' ');
    let (method, target) = (words.next().unwrap().to_owned(), words.next().unwrap().to_owned());
    let mut headers = BTreeMap::<String, String>::new();
    loop {
        let line = line(stream).await?;
        let Some((name, value)) = line.split_once(": ") else { break };
        let entry = headers.entry(name.to_ascii_lowercase()).or_default();
        *entry = if entry.is_empty() { value.to_owned() } else { format!("{entry}, {value}") };
    }
    Ok(Seen { method, target, headers, body: Vec::new() })
}

async fn line(stream: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = Vec::new();
    while !line.ends_with(b"\r\n") {
        line.push(stream.read_u8().await?);
    }
    line.truncate(line.len() - 2);
    Ok(String::from_utf8(line).unwrap())
}
