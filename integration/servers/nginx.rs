//! nginx before a registry: it ends TLS, asks for an account, and limits the size of requests.

use std::fs;
use std::net::TcpStream;

use tempfile::TempDir;

use super::certificates::{Certificates, HOST};
use super::process::Process;
use super::server::Server;
use crate::support::registry::HTPASSWD;
use crate::support::running::free_port;

/// The proxy, on a port of the loopback interface.
pub struct Nginx {
    pub host: String,
    _process: Process,
    _folder: TempDir,
}

impl Nginx {
    /// A proxy that accepts requests of at most `limit`, in nginx's own notation.
    pub fn before(server: &Server, certificates: &Certificates, limit: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let port = free_port();
        let path = folder.path().display();
        // The registry believes that it is asked over plain HTTP, and says so in each `Location`.
        let config = format!(
            "daemon off; master_process off; pid {path}/pid; error_log stderr;\n\
             events {{}}\n\
             http {{\n\
               access_log {path}/access;\n\
               client_body_temp_path {path}/body; proxy_temp_path {path}/proxy; fastcgi_temp_path {path}/fastcgi;\n\
               uwsgi_temp_path {path}/uwsgi; scgi_temp_path {path}/scgi;\n\
               server {{\n\
                 listen 127.0.0.1:{port} ssl http2;\n\
                 ssl_certificate {}; ssl_certificate_key {};\n\
                 client_max_body_size {limit};\n\
                 location / {{\n\
                   auth_basic registry; auth_basic_user_file {path}/htpasswd;\n\
                   proxy_pass http://{}; proxy_set_header Host $http_host; proxy_set_header Authorization \"\";\n\
                 }}\n\
               }}\n\
             }}\n",
            certificates.server().display(),
            certificates.server_key().display(),
            server.address(),
        );
        fs::write(folder.path().join("nginx.conf"), config).unwrap();
        fs::write(folder.path().join("htpasswd"), HTPASSWD).unwrap();
        let args = ["-p", &path.to_string(), "-c", &format!("{path}/nginx.conf")];
        assert!(fs::exists("/usr/sbin/nginx").unwrap(), "nginx is missing: run scripts/setup --servers");
        let mut process = Process::start("/usr/sbin/nginx".as_ref(), &args, &folder.path().join("log"));
        process.wait(|_| TcpStream::connect(("127.0.0.1", port)).ok());
        Self { host: format!("{HOST}:{port}"), _process: process, _folder: folder }
    }
}
