//! nginx before a registry, where it ends TLS, asks for an account and limits the size of requests;
//! and nginx as the storage that a registry redirects to.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::certificates::{Certificates, HOST};
use super::process::Process;
use super::server::Server;
use crate::support::registry::HTPASSWD;
use crate::support::running::free_port;

/// A server on a port of the loopback interface.
pub struct Nginx {
    pub host: String,
    _process: Process,
    folder: TempDir,
}

impl Nginx {
    /// A proxy that accepts requests of at most `limit`, in nginx's own notation.
    pub fn before(server: &Server, certificates: &Certificates, limit: &str) -> Self {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("htpasswd"), HTPASSWD).unwrap();
        let port = free_port();
        // The registry believes that it is asked over plain HTTP, and says so in each `Location`.
        let text = format!(
            "listen 127.0.0.1:{port} ssl http2;\n\
             ssl_certificate {}; ssl_certificate_key {}; client_max_body_size {limit};\n\
             location / {{\n\
               auth_basic registry; auth_basic_user_file {}/htpasswd;\n\
               proxy_pass http://{}; proxy_set_header Host $http_host; proxy_set_header Authorization \"\";\n\
             }}\n",
            certificates.server().display(),
            certificates.server_key().display(),
            folder.path().display(),
            server.address(),
        );
        Self { host: format!("{HOST}:{port}"), _process: start(folder.path(), port, &text), folder }
    }

    /// A server of the files in [`Self::files`].
    pub fn storage() -> Self {
        let folder = TempDir::new().unwrap();
        let port = free_port();
        let text = format!("listen 127.0.0.1:{port}; root {}/files;\n", folder.path().display());
        fs::create_dir(folder.path().join("files")).unwrap();
        Self { host: format!("127.0.0.1:{port}"), _process: start(folder.path(), port, &text), folder }
    }

    pub fn files(&self) -> PathBuf {
        self.folder.path().join("files")
    }

    /// The status and `Authorization` (`-` for none) of each request so far.
    pub fn requests(&self) -> Vec<String> {
        let log = fs::read_to_string(self.folder.path().join("access")).unwrap();
        log.lines().map(str::to_owned).collect()
    }
}

/// Starts nginx with one server.
fn start(folder: &Path, port: u16, server: &str) -> Process {
    let path = folder.display();
    let config = format!(
        "daemon off; master_process off; pid {path}/pid; error_log stderr;\n\
         events {{}}\n\
         http {{\n\
           log_format short '$status $http_authorization'; access_log {path}/access short;\n\
           client_body_temp_path {path}/body; proxy_temp_path {path}/proxy; fastcgi_temp_path {path}/fastcgi;\n\
           uwsgi_temp_path {path}/uwsgi; scgi_temp_path {path}/scgi;\n\
           server {{\n{server}}}\n\
         }}\n"
    );
    fs::write(folder.join("nginx.conf"), config).unwrap();
    assert!(fs::exists("/usr/sbin/nginx").unwrap(), "nginx is missing: run scripts/setup --servers");
    let args = ["-p", &path.to_string(), "-c", &format!("{path}/nginx.conf")];
    let mut process = Process::start("/usr/sbin/nginx".as_ref(), &args, &folder.join("log"));
    process.wait(|_| TcpStream::connect(("127.0.0.1", port)).ok());
    process
}
