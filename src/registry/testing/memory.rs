//! A registry in memory, which follows the specification until a fault says otherwise.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use super::{Framing, Reply, Seen, Server};
use crate::oci::Digest;

/// The contents of a registry.
#[derive(Default)]
pub struct Memory {
    pub blobs: BTreeMap<String, Vec<u8>>,
    /// Type and bytes of manifests, by `REPOSITORY REFERENCE`.
    pub manifests: BTreeMap<String, (String, Vec<u8>)>,
    /// The bytes of open sessions.
    pub uploads: BTreeMap<usize, Vec<u8>>,
    /// The number of sessions that were cancelled.
    pub cancelled: usize,
    /// The largest body that is accepted.
    pub most: Option<usize>,
    /// Blobs are accepted in chunks only.
    pub chunks_only: bool,
    /// The valid token, if one is required.
    pub token: Option<usize>,
    /// The digests that `HEAD` claims to be there.
    pub claimed: BTreeSet<String>,
    /// Errors about missing parts name them.
    pub names_parts: bool,
    /// The answer to a tag that would move.
    pub immutable: Option<(u16, &'static str)>,
    pub opened: usize,
}

/// The kind of a request.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    Token,
    HeadBlob,
    GetBlob,
    Mount,
    Open,
    /// A whole blob.
    Put,
    Patch,
    /// The end of an upload in chunks.
    Finish,
    Offset,
    Cancel,
    HeadManifest,
    GetManifest,
    PutManifest,
}

/// A fault of the network, of a proxy or of a registry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The connection is closed after the request.
    Close,
    /// The connection is closed after the request's head and so many bytes, which are kept.
    Break(usize),
    /// An error, after the request.
    Status(u16),
    /// An error after the head, then the connection is closed.
    Early(u16),
    /// An error after the head, and the connection stays open.
    EarlyOpen(u16),
    /// The answer is sent, but ends halfway.
    Cut(Framing),
    /// The answer is lost: the registry has done what it was asked for.
    Lost,
    /// The registry forgets the session.
    Forget,
}

/// A registry in memory, and the server in front of it.
pub struct MemoryRegistry {
    pub server: Server,
    memory: Arc<Mutex<Memory>>,
}

impl MemoryRegistry {
    /// Starts a registry; `fault` is told each request.
    pub async fn start(memory: Memory, fault: impl Fn(Kind, &Seen) -> Option<Fault> + Send + Sync + 'static) -> Self {
        let memory = Arc::new(Mutex::new(memory));
        let (limits, contents) = (Arc::clone(&memory), Arc::clone(&memory));
        // The fault of a request is decided once, at its head.
        let pending = Arc::new(Mutex::new(BTreeMap::<String, Fault>::new()));
        let decided = Arc::clone(&pending);
        let early = move |seen: &Seen| {
            let is_too_large = limits.lock().unwrap().is_too_large(seen);
            let fault = fault(kind(seen), seen).or_else(|| is_too_large.then_some(Fault::Early(413)))?;
            pending.lock().unwrap().insert(identity(seen), fault);
            match fault {
                Fault::Early(_) | Fault::EarlyOpen(_) => Some(0),
                Fault::Break(bytes) => Some(bytes),
                _ => None,
            }
        };
        let script = move |seen: &Seen| {
            let fault = decided.lock().unwrap().remove(&identity(seen));
            contents.lock().unwrap().faulty(seen, fault)
        };
        Self { server: Server::start_hasty(early, script).await, memory }
    }

    /// Returns the contents.
    pub fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap()
    }
}

/// Returns a text that tells a request from those at the same time.
fn identity(seen: &Seen) -> String {
    format!("{} {} {}", seen.line(), seen.header("range"), seen.header("content-range"))
}

/// Returns the kind of a request.
pub fn kind(seen: &Seen) -> Kind {
    let target = seen.target.as_str();
    match seen.method.as_str() {
        _ if target.starts_with("/token") => Kind::Token,
        "POST" if target.contains("mount=") => Kind::Mount,
        "POST" => Kind::Open,
        "PATCH" => Kind::Patch,
        "DELETE" => Kind::Cancel,
        "HEAD" if target.contains("/blobs/") => Kind::HeadBlob,
        "HEAD" => Kind::HeadManifest,
        "GET" if target.contains("/manifests/") => Kind::GetManifest,
        "GET" if target.contains("/upload/") => Kind::Offset,
        "GET" => Kind::GetBlob,
        _ if target.contains("/manifests/") => Kind::PutManifest,
        _ if seen.header("content-length") == "0" => Kind::Finish,
        _ => Kind::Put,
    }
}

impl Memory {
    /// Adds a blob.
    pub fn with(mut self, blob: &[u8]) -> Self {
        self.blobs.insert(Digest::of(blob).to_string(), blob.to_vec());
        self
    }

    fn is_too_large(&self, seen: &Seen) -> bool {
        let length = seen.header("content-length").parse().unwrap_or(0);
        self.most.is_some_and(|most| length > most)
    }

    fn error(&mut self, status: u16, seen: &Seen) -> Reply {
        let realm = format!(r#"Bearer realm="http://{}/token""#, seen.header("host"));
        if status == 401 {
            self.token = self.token.map(|token| token + 1);
        }
        Reply::new(status).with("WWW-Authenticate", realm).with("Retry-After", "0").body("no")
    }

    fn faulty(&mut self, seen: &Seen, fault: Option<Fault>) -> Reply {
        match fault {
            None => self.answer(seen),
            Some(Fault::Status(status) | Fault::Early(status)) => self.error(status, seen),
            Some(Fault::EarlyOpen(status)) => self.error(status, seen).stays(),
            Some(Fault::Close) => Reply::none(),
            Some(Fault::Break(_)) => {
                if matches!(kind(seen), Kind::Put | Kind::Patch) {
                    let open = |number: &usize| seen.target.starts_with(&format!("/upload/{number}?"));
                    let session = self.uploads.iter_mut().find(|(number, _)| open(number));
                    if let Some((_, bytes)) = session {
                        bytes.extend_from_slice(&seen.body);
                    }
                }
                Reply::none()
            }
            Some(Fault::Cut(framing)) => {
                let reply = self.answer(seen);
                let half = reply.length() / 2;
                reply.framed(framing).cut(half)
            }
            Some(Fault::Lost) => {
                self.answer(seen);
                Reply::none()
            }
            Some(Fault::Forget) => {
                self.uploads.retain(|number, _| !seen.target.contains(&format!("/upload/{number}?")));
                self.answer(seen)
            }
        }
    }

    fn answer(&mut self, seen: &Seen) -> Reply {
        if kind(seen) == Kind::Token {
            return Reply::new(200).body(format!(r#"{{"token":"t{}"}}"#, self.token.unwrap_or_default()));
        }
        if self.token.is_some_and(|token| seen.header("authorization") != format!("Bearer t{token}")) {
            let token = self.token;
            let reply = self.error(401, seen);
            self.token = token;
            return reply;
        }
        match kind(seen) {
            Kind::HeadBlob | Kind::GetBlob => self.blob(seen),
            Kind::Mount | Kind::Open => {
                self.opened += 1;
                self.uploads.insert(self.opened, Vec::new());
                Reply::new(202).with("Location", format!("/upload/{}?x=", self.opened))
            }
            Kind::Put | Kind::Patch | Kind::Finish | Kind::Offset | Kind::Cancel => self.upload(seen),
            _ => self.manifest(seen),
        }
    }

    fn blob(&self, seen: &Seen) -> Reply {
        if kind(seen) == Kind::HeadBlob && self.claimed.iter().any(|digest| seen.target.ends_with(digest)) {
            return Reply::new(200);
        }
        let Some(blob) = seen.target.rsplit('/').next().and_then(|digest| self.blobs.get(digest)) else {
            return Reply::new(404);
        };
        let from =
            seen.header("range").strip_prefix("bytes=").map(|range| range.trim_end_matches('-').parse().unwrap());
        match from {
            None => Reply::new(200).body(blob),
            Some(from) if from >= blob.len() => {
                Reply::new(416).with("Content-Range", format!("bytes */{}", blob.len()))
            }
            Some(from) => {
                let range = format!("bytes {from}-{}/{}", blob.len() - 1, blob.len());
                Reply::new(206).with("Content-Range", range).body(&blob[from..])
            }
        }
    }

    fn upload(&mut self, seen: &Seen) -> Reply {
        let rest = seen.target.strip_prefix("/upload/").unwrap();
        let (number, query) = rest.split_once('?').unwrap();
        let unknown = r#"{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"x"}]}"#;
        let number: usize = number.parse().unwrap();
        let Some(session) = self.uploads.get_mut(&number) else { return Reply::new(404).body(unknown) };
        let told = |session: &Vec<u8>| format!("0-{}", session.len().saturating_sub(1));
        let at = |session: &Vec<u8>| format!("/upload/{number}?x={}", session.len());
        match kind(seen) {
            Kind::Cancel => {
                self.cancelled += 1;
                self.uploads.remove(&number);
                Reply::new(204)
            }
            Kind::Offset => Reply::new(204).with("Location", at(session)).with("Range", told(session)),
            Kind::Patch if !seen.header("content-range").starts_with(&format!("{}-", session.len())) => {
                Reply::new(416).with("Range", told(session))
            }
            Kind::Patch => {
                session.extend_from_slice(&seen.body);
                Reply::new(202).with("Location", at(session)).with("Range", told(session))
            }
            Kind::Put if self.chunks_only => Reply::new(405),
            _ => {
                let blob = [session.as_slice(), &seen.body].concat();
                let digest = Digest::of(&blob).to_string();
                if !query.ends_with(&digest.replace(':', "%3A")) {
                    return Reply::new(400).body(r#"{"errors":[{"code":"DIGEST_INVALID"}]}"#);
                }
                self.uploads.remove(&number);
                self.blobs.insert(digest.clone(), blob);
                Reply::new(201).with("Docker-Content-Digest", digest)
            }
        }
    }

    fn manifest(&mut self, seen: &Seen) -> Reply {
        let (repository, reference) = seen.target.strip_prefix("/v2/").unwrap().split_once("/manifests/").unwrap();
        let name = format!("{repository} {reference}");
        if kind(seen) == Kind::PutManifest {
            if let Some(refusal) = self.refusal(repository, &name, &seen.body) {
                return refusal;
            }
            let digest = Digest::of(&seen.body).to_string();
            let manifest = (seen.header("content-type").to_owned(), seen.body.clone());
            self.manifests.insert(name, manifest.clone());
            self.manifests.insert(format!("{repository} {digest}"), manifest);
            return Reply::new(201).with("Docker-Content-Digest", digest);
        }
        if kind(seen) == Kind::HeadManifest && self.claimed.contains(reference) {
            return Reply::new(200).with("Docker-Content-Digest", reference);
        }
        let Some((kind, bytes)) = self.manifests.get(&name) else { return Reply::new(404) };
        let digest = Digest::of(bytes).to_string();
        Reply::new(200).with("Content-Type", kind).with("Docker-Content-Digest", digest).body(bytes)
    }

    /// Refuses a manifest with missing parts, and to move an immutable tag.
    fn refusal(&self, repository: &str, name: &str, manifest: &[u8]) -> Option<Reply> {
        if let (Some((status, body)), Some(_)) = (self.immutable, self.manifests.get(name)) {
            return Some(Reply::new(status).body(body));
        }
        let manifest: serde_json::Value = serde_json::from_slice(manifest).unwrap();
        let digests = |key: &str| {
            let parts = manifest[key].as_array().cloned().unwrap_or_else(|| vec![manifest[key].clone()]);
            parts.into_iter().filter_map(|part| part["digest"].as_str().map(str::to_owned)).collect::<Vec<_>>()
        };
        let blobs = [digests("config"), digests("layers")].concat();
        let missing = blobs.into_iter().find(|digest| !self.blobs.contains_key(digest));
        let unknown = |digest: &String| !self.manifests.contains_key(&format!("{repository} {digest}"));
        let (status, code, digest) = match missing {
            Some(digest) => (400, "MANIFEST_BLOB_UNKNOWN", digest),
            None => (404, "MANIFEST_UNKNOWN", digests("manifests").into_iter().find(unknown)?),
        };
        let detail = if self.names_parts { format!(r#","detail":{{"digest":"{digest}"}}"#) } else { String::new() };
        Some(Reply::new(status).body(format!(r#"{{"errors":[{{"code":"{code}","message":"unknown"{detail}}}]}}"#)))
    }
}
