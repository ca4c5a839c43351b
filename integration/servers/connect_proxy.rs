//! A proxy that tunnels: `CONNECT` of RFC 9110, 9.3.6. Every host is this machine.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::support::registry::{PASSWORD, basic};

/// The proxy, which wants an account; it ends with the test's process.
pub struct ConnectProxy {
    /// The URL for `HTTPS_PROXY`, with the account.
    pub url: String,
    targets: Arc<Mutex<Vec<String>>>,
}

impl ConnectProxy {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://paula:{}@{}", PASSWORD.replace(' ', "%20"), listener.local_addr().unwrap());
        let targets = Arc::<Mutex<Vec<_>>>::default();
        let log = Arc::clone(&targets);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let log = Arc::clone(&log);
                // Who breaks a connection off has no use for the error.
                thread::spawn(move || tunnel(&client, &log).ok());
            }
        });
        Self { url, targets }
    }

    /// The hosts that were asked for so far.
    pub fn targets(&self) -> Vec<String> {
        self.targets.lock().unwrap().clone()
    }
}

fn tunnel(mut client: &TcpStream, log: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut reader = BufReader::new(client);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim_end().is_empty() {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    let account = format!("proxy-authorization: Basic {}", basic(PASSWORD)).to_lowercase();
    let target = head.first().and_then(|line| line.strip_prefix("CONNECT ")?.split(' ').next());
    let Some(target) = target.filter(|_| head.iter().any(|line| line.to_lowercase() == account)) else {
        return client.write_all(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
    };
    log.lock().unwrap().push(target.to_owned());
    let (_, port) = target.rsplit_once(':').unwrap();
    let server = TcpStream::connect(("127.0.0.1", port.parse().unwrap()))?;
    client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?;
    let (mut from_server, mut to_server) = (server.try_clone()?, server);
    let mut to_client = client.try_clone()?;
    thread::spawn(move || {
        io::copy(&mut from_server, &mut to_client).ok();
        to_client.shutdown(Shutdown::Both)
    });
    io::copy(&mut reader, &mut to_server)?;
    to_server.shutdown(Shutdown::Both)
}
