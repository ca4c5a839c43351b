//! The certificates of a host: files that settings name, and directories of docker and podman.
//!
//! Source: docker's documentation, "Verify repository client with certificates"; containers-certs.d(5).
//! In the directory `HOST:PORT`, each `*.crt` has CA certificates, and `NAME.cert` and `NAME.key`
//! are a client certificate. Of several client certificates, the first by name is used.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use reqwest::{Certificate, ClientBuilder, Identity};

use crate::diagnostic::Code;
use crate::network::{ClientCertificate, ConnectionSettings, HTTPS_PORT, Host};
use crate::operation_error::OperationError;

/// The most bytes of a file of certificates or of a key.
const LIMIT: u64 = 4 << 20;
/// The names of docker's registry, whose directories all count.
const DOCKER: [&str; 3] = ["docker.io", "registry-1.docker.io", "index.docker.io"];

/// The files of the certificates of a host.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct CertificateFiles {
    authorities: BTreeSet<PathBuf>,
    /// The certificates and the key of the client.
    client: Option<(PathBuf, PathBuf)>,
}

impl CertificateFiles {
    /// Finds the files of a host.
    ///
    /// # Errors
    /// A directory that cannot be read; a client certificate without its key, or the reverse.
    pub fn find(settings: &ConnectionSettings, folders: &[PathBuf], host: &Host) -> Result<Self, OperationError> {
        let client = settings.client_certificate.clone();
        let mut found = Self {
            authorities: settings.ca.iter().cloned().collect(),
            client: client.map(|ClientCertificate { certificate, key }| (certificate, key)),
        };
        let names = if host.name == "docker.io" { DOCKER.map(str::to_owned).to_vec() } else { vec![host.name.clone()] };
        for folder in folders {
            for name in names.iter().flat_map(|name| [name.clone(), format!("{name}:{}", host.port)]) {
                // Without a port, the directory is for the port of HTTPS_PORT.
                if host.port == HTTPS_PORT || name.ends_with(&format!(":{}", host.port)) {
                    found.add(&folder.join(name))?;
                }
            }
        }
        Ok(found)
    }

    fn add(&mut self, folder: &Path) -> Result<(), OperationError> {
        let mut files = BTreeSet::new();
        match fs::read_dir(folder).and_then(Iterator::collect::<io::Result<Vec<_>>>) {
            Ok(entries) => files.extend(entries.into_iter().map(|entry| entry.path())),
            // Other users' directories are not for this user.
            Err(cause) if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {}
            Err(cause) => return Err(unreadable("directory of certificates", folder).because(&cause)),
        }
        let has = |file: &Path, extension: &str| file.extension().is_some_and(|own| own == extension);
        self.authorities.extend(files.iter().filter(|file| has(file, "crt")).cloned());
        for file in files.iter().filter(|file| has(file, "cert") || has(file, "key")) {
            let (kind, other_kind) = if has(file, "cert") { ("cert", "key") } else { ("key", "cert") };
            let other = file.with_extension(other_kind);
            if !files.contains(&other) {
                return Err(half(file, kind, &other));
            }
            if kind == "cert" && self.client.is_none() {
                self.client = Some((file.clone(), other));
            }
        }
        Ok(())
    }

    /// Adds the certificates to a client, beside the system's CA certificates.
    ///
    /// # Errors
    /// A file that cannot be read, or has no certificate or key.
    pub fn apply(&self, builder: ClientBuilder) -> Result<ClientBuilder, OperationError> {
        let mut authorities = Vec::new();
        for file in &self.authorities {
            authorities.extend(certificates(file)?);
        }
        let builder = if authorities.is_empty() { builder } else { builder.tls_certs_merge(authorities) };
        let Some((certificate, key)) = &self.client else { return Ok(builder) };
        let pem = [read(certificate, "client certificate")?, b"\n".to_vec(), read(key, "key")?].concat();
        let identity = Identity::from_pem(&pem).map_err(|_| {
            let (certificate, key) = (certificate.display(), key.display());
            let message = format!("cannot use the client certificate `{certificate}` with the key `{key}`");
            OperationError::new(Code::UnreadableFile, message)
                .because("they are not a certificate and a private key in PEM".to_owned())
                .with_hint("a key with a passphrase has to be decrypted")
        })?;
        Ok(builder.identity(identity))
    }

    /// Returns the files of the client certificate, for messages.
    pub fn client(&self) -> Option<String> {
        let (certificate, key) = self.client.as_ref()?;
        Some(format!("`{}` and `{}`", certificate.display(), key.display()))
    }
}

/// Reads CA certificates.
fn certificates(file: &Path) -> Result<Vec<Certificate>, OperationError> {
    let pem = read(file, "certificates")?;
    let unusable = |cause: &str| unreadable("certificates", file).because(cause.to_owned());
    let found = Certificate::from_pem_bundle(&pem).map_err(|_| unusable("they are not PEM"))?;
    if found.is_empty() { Err(unusable("there is no certificate in PEM")) } else { Ok(found) }
}

fn read(path: &Path, what: &str) -> Result<Vec<u8>, OperationError> {
    let failed = |cause: io::Error| unreadable(what, path).because(&cause);
    let file = File::open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(unreadable(what, path).because("it is not a regular file".to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LIMIT {
        return Err(unreadable(what, path).because(format!("it has more than {} MiB", LIMIT >> 20)));
    }
    Ok(bytes)
}

fn unreadable(what: &str, path: &Path) -> OperationError {
    let message = if what == "certificates" {
        format!("cannot read the certificates in `{}`", path.display())
    } else {
        format!("cannot read the {what} `{}`", path.display())
    };
    OperationError::new(Code::UnreadableFile, message)
}

/// Builds the error of half a client certificate.
fn half(file: &Path, kind: &str, other: &Path) -> OperationError {
    let (file, other) = (file.display(), other.display());
    let (message, hint) = if kind == "cert" {
        let hint = format!("put its private key into `{other}`; CA certificates have names that end in .crt");
        (format!("the client certificate `{file}` has no key: there is no `{other}`"), hint)
    } else {
        let hint = format!("put the client certificate of the key into `{other}`");
        (format!("the key `{file}` has no client certificate: there is no `{other}`"), hint)
    };
    OperationError::new(Code::InvalidConfiguration, message).with_hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(folder: &Path, host: &str) -> Result<CertificateFiles, OperationError> {
        let host = Host::new(host, HTTPS_PORT);
        CertificateFiles::find(&ConnectionSettings::default(), &[folder.to_owned(), folder.join("none")], &host)
    }

    #[test]
    fn each_port_has_its_directory() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["lan:5000", "lan", "lan:443", "index.docker.io"] {
            fs::create_dir(at(name)).unwrap();
            for file in ["a.crt", "b.cert", "b.key", "c.cert", "c.key", "README"] {
                fs::write(at(name).join(file), "").unwrap();
            }
        }
        for (host, want) in [
            ("lan:5000", &["lan:5000"][..]),
            ("lan", &["lan", "lan:443"]),
            ("lan:5001", &[]),
            ("docker.io", &["index.docker.io"]),
        ] {
            let found = find(folder.path(), host).unwrap();
            let authorities: BTreeSet<_> = want.iter().map(|name| at(name).join("a.crt")).collect();
            let client = want.first().map(|name| (at(name).join("b.cert"), at(name).join("b.key")));
            assert_eq!((found.authorities, found.client), (authorities, client), "{host}");
        }
    }

    #[test]
    fn half_a_client_certificate_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join("lan:5000").join(name);
        fs::create_dir(folder.path().join("lan:5000")).unwrap();
        for (file, missing, says) in [
            ("a.cert", "a.key", "the client certificate `{0}` has no key: there is no `{1}`"),
            ("a.key", "a.cert", "the key `{0}` has no client certificate: there is no `{1}`"),
        ] {
            fs::write(at(file), "").unwrap();
            let error = find(folder.path(), "lan:5000").unwrap_err();
            let file = at(file);
            let want = says.replace("{0}", &file.display().to_string());
            assert_eq!(error.message, want.replace("{1}", &at(missing).display().to_string()));
            fs::remove_file(file).unwrap();
        }
    }

    #[test]
    fn files_that_are_not_certificates_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("odd"), "odd").unwrap();
        let settings = |ca: &str| ConnectionSettings { ca: vec![at(ca)], ..ConnectionSettings::default() };
        let client = ClientCertificate { certificate: at("odd"), key: at("odd") };
        let with_client = ConnectionSettings { client_certificate: Some(client), ..ConnectionSettings::default() };
        for (settings, says) in [
            (settings("none"), "cannot read the certificates in `DIR/none`: No such file or directory (os error 2)"),
            (settings("odd"), "cannot read the certificates in `DIR/odd`: there is no certificate in PEM"),
            (settings(""), "cannot read the certificates in `DIR/`: it is not a regular file"),
            (
                with_client,
                "cannot use the client certificate `DIR/odd` with the key `DIR/odd`: they are not a certificate and a \
                 private key in PEM",
            ),
        ] {
            let files = CertificateFiles::find(&settings, &[], &Host::new("lan", HTTPS_PORT)).unwrap();
            let error = files.apply(reqwest::Client::builder()).err().unwrap();
            assert_eq!(error.line(), says.replace("DIR", &folder.path().display().to_string()));
        }
    }
}
