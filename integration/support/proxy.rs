//! A proxy that opens tunnels, all of them to one place, and passes on requests for plain HTTP. It
//! speaks HTTP, and SOCKS 5 (RFC 1928).

#![allow(dead_code, reason = "every test target takes what it needs")]

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::tls::head;

/// The first byte of a SOCKS client, the version.
const SOCKS: u8 = 5;

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

    /// The heads of all requests so far, or the names that a SOCKS client asked for.
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
    let mut first = [0];
    client.peek(&mut first)?;
    if first[0] == SOCKS {
        log.lock().unwrap().push(socks(&client)?);
        return pass(client, TcpStream::connect(target)?);
    }
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
    pass(client, server)
}

/// Opens the tunnel of a SOCKS client without a login, and returns the name that it asks for.
fn socks(mut client: &TcpStream) -> io::Result<String> {
    let mut greeting = [0; 2];
    client.read_exact(&mut greeting)?;
    client.read_exact(&mut vec![0; greeting[1].into()])?;
    client.write_all(&[SOCKS, 0])?;
    let mut request = [0; 5]; // version, command, reserved, the kind 3 for a name, its length
    client.read_exact(&mut request)?;
    let mut name = vec![0; request[4].into()];
    client.read_exact(&mut name)?;
    client.read_exact(&mut [0; 2])?; // port
    client.write_all(&[SOCKS, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    Ok(String::from_utf8_lossy(&name).into_owned())
}

/// Copies bytes both ways.
fn pass(mut client: TcpStream, mut server: TcpStream) -> io::Result<()> {
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    io::copy(&mut server, &mut client)?;
    client.shutdown(Shutdown::Both)
}
