//! A proxy that opens tunnels, all of them to one place, and passes on requests for plain HTTP.

#![allow(dead_code, reason = "every test target takes what it needs")]

use std::io::{self, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::tls::head;

/// The proxy; it ends with this value.
pub struct Proxy {
    pub host: String,
    requests: Arc<Mutex<Vec<String>>>,
    ended: Arc<AtomicBool>,
}

impl Proxy {
    /// Starts a proxy that leads everywhere to `target`. It answers with `status`, if there is one.
    pub fn start(target: &str, status: Option<u16>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let (requests, ended) = (Arc::<Mutex<Vec<_>>>::default(), Arc::<AtomicBool>::default());
        let (log, end, target) = (requests.clone(), ended.clone(), target.replace("0.0.0.0", "127.0.0.1"));
        thread::spawn(move || {
            for stream in listener.incoming().flatten().take_while(|_| !end.load(Ordering::Relaxed)) {
                let (log, target) = (log.clone(), target.clone());
                // Who breaks a connection off has no use for the error.
                thread::spawn(move || serve(stream, &target, status, &log).ok());
            }
        });
        Self { host, requests, ended }
    }

    /// The heads of all requests so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(&self.host); // wakes the listener
    }
}

fn serve(mut client: TcpStream, target: &str, status: Option<u16>, log: &Mutex<Vec<String>>) -> io::Result<()> {
    let head = head(&client)?;
    log.lock().unwrap().push(String::from_utf8_lossy(&head).into_owned());
    if let Some(status) = status {
        write!(client, "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")?;
        return client.shutdown(Shutdown::Both);
    }
    let mut server = TcpStream::connect(target)?;
    if head.starts_with(b"CONNECT ") {
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    } else {
        server.write_all(&head)?;
    }
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    io::copy(&mut server, &mut client)?;
    client.shutdown(Shutdown::Both)
}
