//! A private authority, and certificates of a server and of a client that it signed.

use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use tempfile::TempDir;

/// The host that certificates are for; [`super::project`] has it resolve to this machine.
pub const HOST: &str = "registry.test";

/// The files of an authority, named as docker's certs.d and skopeo's `--cert-dir` name them.
pub struct Certificates {
    folder: TempDir,
}

/// A certificate and its key.
struct Pair {
    certificate: Certificate,
    key: KeyPair,
}

impl Certificates {
    pub fn new() -> Rc<Self> {
        let folder = TempDir::new().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = params("test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        let authority = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let server = signed(&issuer, HOST, ExtendedKeyUsagePurpose::ServerAuth);
        let client = signed(&issuer, "paula", ExtendedKeyUsagePurpose::ClientAuth);
        let this = Self { folder };
        fs::write(this.authority(), authority.pem()).unwrap();
        server.write(&this.server(), &this.server_key());
        client.write(&this.folder().join("client.cert"), &this.folder().join("client.key"));
        Rc::new(this)
    }

    /// The folder with the authority's certificate and the client's certificate and key.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn authority(&self) -> PathBuf {
        self.folder().join("ca.crt")
    }

    /// The server's certificate.
    pub fn server(&self) -> PathBuf {
        self.folder().join("server.pem")
    }

    pub fn server_key(&self) -> PathBuf {
        self.folder().join("server-key.pem")
    }
}

impl Pair {
    fn write(&self, certificate: &Path, key: &Path) {
        fs::write(certificate, self.certificate.pem()).unwrap();
        fs::write(key, self.key.serialize_pem()).unwrap();
    }
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new([]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

fn signed(issuer: &Issuer<'_, KeyPair>, name: &str, usage: ExtendedKeyUsagePurpose) -> Pair {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.extended_key_usages = vec![usage];
    Pair { certificate: params.signed_by(&key, issuer).unwrap(), key }
}
