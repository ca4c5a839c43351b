//! A token service: tokens that a registry accepts because it knows the key.
//!
//! Source: distribution's `spec/auth/jwt.md`. It grants each request what it asks for.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine as _};
use rcgen::{CertificateParams, DnType, KeyPair};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;
use url::form_urlencoded;

use crate::support::registry::{PASSWORD, basic};
use crate::support::scripted::{Reply, Request, Scripted};

pub const SERVICE: &str = "test-registry";
pub const ISSUER: &str = "test-issuer";

/// The lifetime of a token, in seconds.
#[derive(Clone, Copy)]
pub struct Life {
    /// The life that the answer names.
    pub told: u64,
    /// The time until the registry refuses the token.
    pub real: i64,
}

/// The service, on a port of the loopback interface.
pub struct TokenService {
    server: Scripted,
    life: Arc<Mutex<Life>>,
    folder: TempDir,
}

/// The service's key, and its certificate.
struct Signer {
    key: EcdsaKeyPair,
    certificate: String,
}

impl Life {
    /// Longer than any test.
    pub const LONG: Self = Self { told: 3600, real: 3600 };
}

impl TokenService {
    /// A service whose tokens last as `life` says at a registry that accepts them for `leeway`
    /// seconds after their end.
    pub fn start(life: Life, leeway: i64) -> Self {
        let folder = TempDir::new().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, ISSUER);
        let certificate = params.self_signed(&key).unwrap();
        fs::write(folder.path().join("issuer.pem"), certificate.pem()).unwrap();
        let pkcs8 = key.serialize_der();
        let random = SystemRandom::new();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8, &random).unwrap();
        let signer = Signer { key, certificate: BASE64_STANDARD.encode(certificate.der()) };
        let life = Arc::new(Mutex::new(life));
        let current = Arc::clone(&life);
        let server = Scripted::start(move |request| answer(&signer, request, *current.lock().unwrap(), leeway));
        Self { server, life, folder }
    }

    /// Has further tokens last otherwise.
    pub fn last(&self, life: Life) {
        *self.life.lock().unwrap() = life;
    }

    pub fn realm(&self) -> String {
        format!("http://{}/token", self.server.host)
    }

    /// The certificate of the key that signs.
    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("issuer.pem")
    }

    /// The scopes of all requests so far, sorted for each.
    pub fn requests(&self) -> Vec<Vec<String>> {
        self.server.requests().iter().map(scopes).collect()
    }
}

fn answer(signer: &Signer, request: &Request, life: Life, leeway: i64) -> Reply {
    let account = format!("Basic {}", basic(PASSWORD));
    if request.headers.get("authorization") != Some(&account) {
        return Reply::error(401, "UNAUTHORIZED", "who is there?");
    }
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let access: Vec<_> = scopes(request).iter().map(|scope| access(scope)).collect();
    let claims = json!({
        "iss": ISSUER, "sub": "paula", "aud": SERVICE, "jti": format!("{now}"), "access": access,
        "exp": now + life.real - leeway, "nbf": now - 3600, "iat": now - 3600,
    });
    let answer = json!({ "token": signer.sign(&claims), "expires_in": life.told });
    Reply::new(200).with("Content-Type", "application/json").body(answer.to_string())
}

/// The scopes that a request asks for.
fn scopes(request: &Request) -> Vec<String> {
    let target = request.line.split(' ').nth(1).unwrap_or_default();
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let pairs = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "scope");
    let mut all: Vec<_> = pairs.flat_map(|(_, text)| text.split(' ').map(str::to_owned).collect::<Vec<_>>()).collect();
    all.sort();
    all
}

fn access(scope: &str) -> Value {
    let (resource, actions) = scope.rsplit_once(':').unwrap();
    let (kind, name) = resource.split_once(':').unwrap();
    json!({ "type": kind, "name": name, "actions": actions.split(',').collect::<Vec<_>>() })
}

impl Signer {
    fn sign(&self, claims: &Value) -> String {
        let header = json!({ "typ": "JWT", "alg": "ES256", "x5c": [self.certificate] });
        let [header, claims] = [&header, claims].map(|part| BASE64_URL_SAFE_NO_PAD.encode(part.to_string()));
        let text = format!("{header}.{claims}");
        let signature = self.key.sign(&SystemRandom::new(), text.as_bytes()).unwrap();
        format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}
