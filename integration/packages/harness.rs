//! A cache, a folder for wheels, a log of events, and an index of a few files.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use carboy::cpu_pool::CpuPool;
use carboy::oci::Digest;
use carboy::progress::{Event, Progress};
use carboy::python::Cpython;
use carboy::python::lock::{Hash, LockedFile, PackageOrigin, Pinned};
use carboy::python::tags::Target;
use carboy::source::Folders;
use carboy::store::Cache;
use carboy::wheels::{Index, WheelError, WheelFile, WheelSources, Wheels};
use serde_json::json;
use tempfile::TempDir;
use url::Url;

use crate::scripted::{Reply, Request};

pub const ANY: &str = "six-1.17.0-py2.py3-none-any.whl";
pub const AMD64: &str = "six-1.17.0-cp313-cp313-manylinux_2_28_x86_64.whl";
pub const ARM64: &str = "six-1.17.0-cp313-cp313-manylinux_2_28_aarch64.whl";
pub const SDIST: &str = "six-1.17.0.tar.gz";

/// Keeps all events.
#[derive(Default)]
pub struct Log(Mutex<Vec<Event>>);

impl Progress for Log {
    fn on(&self, event: Event) {
        self.0.lock().unwrap().push(event);
    }
}

impl Log {
    pub fn events(&self) -> Vec<Event> {
        self.0.lock().unwrap().clone()
    }

    pub fn retries(&self) -> usize {
        self.events().iter().filter(|event| matches!(event, Event::Retrying { .. })).count()
    }
}

/// Where wheels are asked for.
pub struct Harness {
    pub folder: TempDir,
    pub log: Arc<Log>,
}

impl Harness {
    pub fn new() -> Self {
        Self { folder: TempDir::new().unwrap(), log: Arc::default() }
    }

    /// Writes a file below the folder.
    pub fn file(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    pub fn wheels(&self, settings: WheelSources) -> Wheels {
        let cache = Arc::new(Cache::new(self.folder.path().join("cache")).unwrap());
        let folders = Arc::new(Folders::new(cache.clone()));
        let settings = WheelSources { retries: 3, delay: Duration::from_millis(1), ..settings };
        Wheels::new(settings, cache, folders, self.log.clone(), CpuPool::new().unwrap()).unwrap()
    }

    /// What a run of its own gets for Python 3.13 on amd64.
    pub async fn wheel(&self, settings: WheelSources, pinned: &Pinned) -> Result<WheelFile, WheelError> {
        self.wheels(settings).wheel(pinned, &target("x86_64")).await
    }

    /// The files that the cache has of wheels.
    pub fn cached(&self) -> Vec<String> {
        let Ok(folder) = fs::read_dir(self.folder.path().join("cache/wheels")) else { return Vec::new() };
        folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

pub fn target(machine: &'static str) -> Target {
    let python = Cpython { major: 3, minor: 13, free_threaded: false, debug: false };
    Target { python, machine, glibc: Some((2, 41)) }
}

pub fn index(url: &str) -> Index {
    Index { name: None, url: Url::parse(url).unwrap() }
}

pub fn sha256(content: &[u8]) -> Hash {
    Hash::Sha256(Digest::of(content))
}

/// A file whose content is its name.
pub fn locked(name: &str, url: Option<String>) -> LockedFile {
    let size = Some(name.len() as u64);
    LockedFile { name: name.to_owned(), url, hashes: vec![sha256(name.as_bytes())], size }
}

pub fn pinned(origin: PackageOrigin) -> Pinned {
    Pinned { name: "six".to_owned(), version: Some("1.17.0".parse().unwrap()), origin }
}

/// `six` with files as a lock file names them.
pub fn with_files(files: Vec<LockedFile>) -> Pinned {
    pinned(PackageOrigin::Index { index: None, files, hashes: Vec::new() })
}

/// `six` with hashes alone.
pub fn with_hashes(index: Option<String>, hashes: Vec<Hash>) -> Pinned {
    pinned(PackageOrigin::Index { index, files: Vec::new(), hashes })
}

/// How an index writes its pages.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    Json,
    Html,
}

/// The files of an index, all of one project, at `/simple/six/` and `/files/`.
#[derive(Clone)]
pub struct IndexPages {
    pub form: Form,
    pub files: BTreeMap<String, Vec<u8>>,
    /// Reasons by name.
    pub yanked: BTreeMap<&'static str, &'static str>,
}

impl IndexPages {
    /// Files whose content is their name.
    pub fn of(form: Form, names: &[&str]) -> Self {
        let files = names.iter().map(|name| ((*name).to_owned(), name.as_bytes().to_vec()));
        Self { form, files: files.collect(), yanked: BTreeMap::new() }
    }

    /// Takes a file back.
    pub fn yank(mut self, name: &'static str, reason: &'static str) -> Self {
        self.yanked.insert(name, reason);
        self
    }

    pub fn answer(&self, request: &Request) -> Reply {
        if request.is("GET", "/simple/six/") {
            return self.page();
        }
        let target = request.line.split([' ', '?']).nth(1).unwrap_or_default();
        match target.strip_prefix("/files/").and_then(|name| self.files.get(name)) {
            Some(content) => Reply::new(200).with("Accept-Ranges", "bytes").body(content),
            None => Reply::new(404).body("no such page"),
        }
    }

    fn page(&self) -> Reply {
        let hex = |content: &[u8]| Digest::of(content).hex();
        if self.form == Form::Json {
            let file = |(name, content): (&String, &Vec<u8>)| {
                let (hex, size) = (hex(content), content.len());
                let yanked = match self.yanked.get(name.as_str()).copied() {
                    None => json!(false),
                    Some("") => json!(true),
                    Some(reason) => json!(reason),
                };
                format!(
                    r#"{{"filename":"{name}","url":"../../files/{name}","hashes":{{"sha256":"{hex}"}},"size":{size},"yanked":{yanked}}}"#
                )
            };
            let files = self.files.iter().map(file).collect::<Vec<_>>().join(",");
            let page = format!(r#"{{"meta":{{"api-version":"1.1"}},"name":"six","files":[{files}]}}"#);
            return Reply::new(200).with("Content-Type", "application/vnd.pypi.simple.v1+json").body(page);
        }
        let file = |(name, content): (&String, &Vec<u8>)| {
            let yanked = self.yanked.get(name.as_str());
            let yanked = yanked.map_or_else(String::new, |reason| format!(" data-yanked=\"{reason}\""));
            format!(
                "<a href=\"/files/{name}#sha256={}\" data-requires-python=\"&gt;=3.8\"{yanked}>{name}</a><br />\n",
                hex(content)
            )
        };
        let page =
            format!("<!DOCTYPE html><html><body>\n{}</body></html>", self.files.iter().map(file).collect::<String>());
        Reply::new(200).with("Content-Type", "text/html; charset=utf-8").body(page)
    }
}
