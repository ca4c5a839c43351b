//! A private authority, its certificates, and a server with TLS before a scripted one.

#![allow(dead_code, reason = "every test target takes what it needs")]

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::{fs, thread};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// An authority, with its certificate in `ca.crt`.
pub struct Authority {
    folder: PathBuf,
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A server with TLS. It ends with this value.
pub struct TlsServer {
    /// `0.0.0.0:PORT`, which is no loopback host by its name.
    pub host: String,
    ended: Arc<AtomicBool>,
}

impl Authority {
    pub fn new(folder: &Path) -> Self {
        fs::create_dir_all(folder).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Acme Authority");
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        fs::write(folder.join("ca.crt"), certificate.pem()).unwrap();
        Self { folder: folder.to_owned(), certificate, issuer: Issuer::new(params, key) }
    }

    /// The file of its own certificate.
    pub fn file(&self) -> String {
        self.folder.join("ca.crt").display().to_string()
    }

    /// Writes a certificate for a host or a client, and its key: `NAME.cert` and `NAME.key`.
    pub fn issue(&self, name: &str, host: &str) -> (PathBuf, PathBuf) {
        let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let files = (self.folder.join(format!("{name}.cert")), self.folder.join(format!("{name}.key")));
        fs::write(&files.0, certificate.pem()).unwrap();
        fs::write(&files.1, key.serialize_pem()).unwrap();
        files
    }

    /// Starts a server before a plain one; with `asks_clients`, for clients with a certificate of
    /// this authority only.
    pub fn serve(&self, plain: &str, asks_clients: bool) -> TlsServer {
        let (certificate, key) = self.issue("server", "0.0.0.0");
        let certificates = vec![CertificateDer::from_pem_file(certificate).unwrap()];
        let key = PrivateKeyDer::from_pem_file(key).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
        let builder = if asks_clients {
            let mut roots = RootCertStore::empty();
            roots.add(self.certificate.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        TlsServer::start(Arc::new(builder.with_single_cert(certificates, key).unwrap()), plain)
    }
}

impl TlsServer {
    fn start(config: Arc<ServerConfig>, plain: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let host = listener.local_addr().unwrap().to_string().replace("127.0.0.1", "0.0.0.0");
        let ended = Arc::<AtomicBool>::default();
        let (end, plain) = (ended.clone(), plain.to_owned());
        thread::spawn(move || {
            for stream in listener.incoming().flatten().take_while(|_| !end.load(Ordering::Relaxed)) {
                let (config, plain) = (config.clone(), plain.clone());
                // Who breaks a connection off has no use for the error.
                thread::spawn(move || forward(stream, config, &plain).ok());
            }
        });
        Self { host, ended }
    }
}

impl Drop for TlsServer {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(&self.host); // wakes the listener
    }
}

/// Passes on one request without a body, and its answer.
fn forward(stream: TcpStream, config: Arc<ServerConfig>, plain: &str) -> io::Result<()> {
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut tls = StreamOwned::new(connection, stream);
    let head = head(&mut tls)?;
    let mut server = TcpStream::connect(plain)?;
    server.write_all(&head)?;
    io::copy(&mut server, &mut tls)?;
    tls.conn.send_close_notify();
    tls.flush()?;
    tls.sock.shutdown(Shutdown::Write)
}

/// Reads a request up to the empty line after its headers.
pub fn head(stream: impl io::Read) -> io::Result<Vec<u8>> {
    let mut reader = BufReader::with_capacity(1, stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if reader.read_until(b'\n', &mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(head)
}
