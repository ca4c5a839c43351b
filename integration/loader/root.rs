//! A root with glibc's loader and made-up libraries, as the loader and as carboy
//! see it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use carboy::elf::{self, Closure, ElfError, Loader, LoaderState, Object, Resolution};
use carboy::oci::Architecture;
use carboy::rootfs::{Content, Entry, RootPath, Tree};
use tempfile::TempDir;

use crate::support::{Ran, machine, run, test_cache, tool};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/integration/loader");

/// Debian's packages of one release for one platform.
#[derive(Clone, Copy, Debug)]
pub struct Debian {
    pub suite: &'static str,
    pub platform: &'static str,
}

impl Debian {
    fn arch(self) -> &'static str {
        self.platform.rsplit('/').next().unwrap()
    }

    pub fn triplet(self) -> String {
        format!("{}-linux-gnu", machine(self.platform))
    }

    pub fn architecture(self) -> &'static Architecture {
        Architecture::named(self.arch()).unwrap()
    }

    pub fn interpreter(self) -> &'static str {
        if self.arch() == "arm64" { "/lib/ld-linux-aarch64.so.1" } else { "/lib64/ld-linux-x86-64.so.2" }
    }

    fn other(self) -> Self {
        let platform = if self.arch() == "arm64" { "linux/amd64" } else { "linux/arm64" };
        Self { platform, ..self }
    }

    fn unpack(self, package: &str, to: &Path) {
        let debs = test_cache(&format!("fixtures/apt/{}-{}/debs", self.suite, self.arch()));
        let mut found = fs::read_dir(debs).unwrap().map(|entry| entry.unwrap().path());
        let found = found.find(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&format!("{package}_")));
        run("dpkg-deb", [Path::new("-x"), &found.expect("run scripts/setup"), to]);
    }
}

/// A root in the making.
pub struct Root {
    folder: TempDir,
    scratch: TempDir,
    debian: Debian,
    stubs: RefCell<BTreeMap<String, PathBuf>>,
    /// What the cache covers, when there is one.
    pub cached: Vec<RootPath>,
}

impl Root {
    /// The release's libc and nothing else.
    pub fn new(debian: Debian) -> Self {
        let (folder, scratch) = (TempDir::new().unwrap(), TempDir::new().unwrap());
        let path = folder.path().to_path_buf();
        let merged = debian.suite != "bookworm"; // distroless's debian12 is not merged
        if merged {
            for name in ["lib", "lib64", "sbin"] {
                fs::create_dir_all(path.join("usr").join(name)).unwrap();
                symlink(format!("usr/{name}"), path.join(name)).unwrap();
            }
        }
        let unpacked = scratch.path().join("deb");
        debian.unpack("libc6", &unpacked);
        for name in ["usr/share", "usr/lib/*/gconv", "lib/*/gconv"] {
            run("sh", ["-c", &format!("rm -rf {}/{name}", unpacked.display())]);
        }
        // into the links, as a layer would be
        let (from, to) = (unpacked.display(), path.display());
        run("sh", ["-c", &format!("tar -C {from} -c . | tar -C {to} --keep-directory-symlink -x")]);
        for name in ["etc", "proc", "dev", "tmp", "var/cache/ldconfig"] {
            fs::create_dir_all(path.join(name)).unwrap();
        }
        let root = Self { folder, scratch, debian, stubs: RefCell::default(), cached: Vec::new() };
        for (from, to, more) in [("driver", "driver", "-static"), ("opener", "opener", "-O1")] {
            run(
                &format!("{}-gcc", debian.triplet()),
                [more, "-o", &format!("{}/{to}", path.display()), &format!("{FOLDER}/{from}.c")],
            );
        }
        for debian in [debian, debian.other()] {
            let object = root.empty(debian);
            fs::write(object.with_extension("c"), "int carboy;\n").unwrap();
            let gcc = format!("{}-gcc", debian.triplet());
            run(&gcc, ["-c".as_ref(), "-fPIC".as_ref(), "-o".as_ref(), object.as_path(), &object.with_extension("c")]);
        }
        root
    }

    fn empty(&self, debian: Debian) -> PathBuf {
        self.scratch.path().join(format!("{}.o", debian.arch()))
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A file of the root, its folder made.
    pub fn file(&self, name: &str) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap_or_else(|cause| panic!("{name}: {cause}"));
        path
    }

    /// A library that only its soname is known of, to be linked against.
    fn stub(&self, name: &str, debian: Debian) -> PathBuf {
        let mut stubs = self.stubs.borrow_mut();
        let at = self.scratch.path().join(format!("stub{}.so", stubs.len()));
        let key = format!("{} {name}", debian.arch());
        stubs
            .entry(key)
            .or_insert_with(|| {
                let ld = format!("{}-ld", debian.triplet());
                run(
                    &ld,
                    [
                        "-shared".as_ref(),
                        "-soname".as_ref(),
                        name.as_ref(),
                        "-o".as_ref(),
                        at.as_path(),
                        &self.empty(debian),
                    ],
                );
                at
            })
            .clone()
    }

    /// Makes what a line says: `PATH -> TARGET`, `PATH: text …`, or an object:
    /// `PATH: program; needs A B; soname S; rpath X:Y; runpath X:Y; filter F;
    /// auxiliary F; nodeflib; other` (of the other machine).
    pub fn make(&self, line: &str) {
        if let Some((name, target)) = line.split_once(" -> ") {
            symlink(target, self.file(name)).unwrap();
            return;
        }
        let (name, text) = line.split_once(':').unwrap();
        let path = self.file(name);
        if let Some(text) = text.trim().strip_prefix("text") {
            fs::write(path, text).unwrap();
            return;
        }
        let parts: Vec<_> = text.split(';').map(str::trim).filter(|part| !part.is_empty()).collect();
        let debian = if parts.contains(&"other") { self.debian.other() } else { self.debian };
        let mut args: Vec<String> = vec!["--no-as-needed".into(), "-o".into(), path.to_str().unwrap().into()];
        args.push(self.empty(debian).to_str().unwrap().into());
        let program = parts.contains(&"program");
        if program {
            args.extend(["-pie", "-e", "0", "--dynamic-linker", debian.interpreter()].map(str::to_owned));
        } else {
            args.push("-shared".to_owned());
        }
        for part in parts {
            let (key, value) = part.split_once(' ').unwrap_or((part, ""));
            match key {
                "needs" => {
                    let stubs = value.split_whitespace().map(|name| self.stub(name, debian));
                    args.extend(stubs.map(|stub| stub.to_str().unwrap().to_owned()));
                }
                "soname" => args.extend(["-soname".to_owned(), value.to_owned()]),
                "rpath" => args.extend(["--disable-new-dtags".to_owned(), "-rpath".to_owned(), value.to_owned()]),
                "runpath" => args.extend(["--enable-new-dtags".to_owned(), "-rpath".to_owned(), value.to_owned()]),
                "filter" => args.extend(["-F".to_owned(), value.to_owned()]),
                "auxiliary" => args.extend(["-f".to_owned(), value.to_owned()]),
                "nodeflib" => args.extend(["-z".to_owned(), "nodefaultlib".to_owned()]),
                "program" | "other" => {}
                _ => panic!("{line}"),
            }
        }
        run(&format!("{}-ld", debian.triplet()), args);
    }

    /// Compiles a source into the root.
    pub fn compile(&self, name: &str, source: &str, args: &[&str]) -> PathBuf {
        let from = self.scratch.path().join("source.c");
        fs::write(&from, source).unwrap();
        let path = if name.starts_with('/') { PathBuf::from(name) } else { self.file(name) };
        let mut all = vec!["-nostdlib", "-fPIC", "-o", path.to_str().unwrap(), from.to_str().unwrap()];
        all.extend(args);
        run(&format!("{}-gcc", self.debian.triplet()), all);
        path
    }

    /// A folder outside of the root.
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Writes the cache that ldconfig makes of some folders.
    pub fn cache(&mut self, folders: &[&str]) {
        let triplet = self.debian.triplet();
        let own = [format!("lib/{triplet}"), format!("usr/lib/{triplet}")];
        let all: Vec<_> = folders.iter().map(|folder| (*folder).to_owned()).chain(own).collect();
        let conf: Vec<_> = all.iter().map(|folder| format!("/{folder}\n")).collect();
        fs::write(self.path().join("etc/ld.so.conf"), conf.concat()).unwrap();
        let unpacked = self.scratch.path().join("bin");
        self.debian.unpack("libc-bin", &unpacked);
        let ldconfig = ["sbin/ldconfig", "usr/sbin/ldconfig"].map(|name| unpacked.join(name));
        let ldconfig = ldconfig.into_iter().find(|path| path.exists()).unwrap();
        let host = std::env::consts::ARCH == machine(self.debian.platform);
        let qemu = format!("qemu-{}-static", machine(self.debian.platform));
        let mut command = if host { tool(ldconfig.to_str().unwrap()) } else { tool(&qemu) };
        if !host {
            command.arg(&ldconfig);
        }
        Ran::of(command.arg("-r").arg(self.path()).output().unwrap()).done();
        let more = ["lib", "usr/lib"].map(str::to_owned);
        self.cached = all.iter().chain(&more).map(|folder| RootPath::new(folder).unwrap()).collect();
    }

    /// What the real loader says about programs, by program.
    pub fn ask(&self, programs: &[String]) -> BTreeMap<String, Told> {
        let output = tool("run-image")
            .args(["--bare", "--user", "0:0"])
            .arg(self.path())
            .args(["--", "/driver"])
            .args(programs)
            .output()
            .unwrap();
        let text = Ran::of(output).done();
        let mut out = BTreeMap::new();
        for part in text.split("== ").skip(1) {
            let (name, lines) = part.split_once('\n').unwrap();
            out.insert(name.to_owned(), Told::parse(lines));
        }
        out
    }

    /// What carboy sees.
    pub fn tree(&self) -> Tree {
        tree(self.path())
    }

    /// What carboy says about one root of a walk.
    pub fn walk(&self, tree: &Tree, process: &LoaderState, root: &str) -> Resolution {
        let closure = Closure {
            image: tree,
            origins: &BTreeMap::new(),
            donor: None,
            donor_folders: &[],
            image_folders: &self.cached,
            architecture: self.debian.architecture(),
            loader: &Files,
            process,
        }
        .run([RootPath::new(root).unwrap()]);
        closure.unwrap()
    }
}

/// A folder as carboy sees it; of what is no object, only the beginning.
pub fn tree(root: &Path) -> Tree {
    let mut out = BTreeMap::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            let it = if kind.is_symlink() {
                Entry::link(fs::read_link(&path).unwrap().into_os_string().into_encoded_bytes())
            } else if kind.is_dir() {
                open.push(path.clone());
                Entry::folder(0o755)
            } else {
                let mut bytes = [0; 4];
                let count = File::open(&path).unwrap().read(&mut bytes).unwrap();
                let object = bytes == *b"\x7fELF";
                Entry::bytes(0o755, if object { fs::read(&path).unwrap() } else { bytes[..count].to_vec() })
            };
            let name = path.strip_prefix(root).unwrap().as_os_str().as_encoded_bytes();
            out.insert(RootPath::new(name).unwrap(), it);
        }
    }
    out.into_iter().collect()
}

/// Reads what the tree holds in memory.
pub struct Files;

impl Loader for Files {
    type Error = ElfError;

    fn object(&self, _: &RootPath, content: &Content) -> Result<Option<Arc<Object>>, ElfError> {
        let Content::Bytes(bytes) = content else { return Ok(None) };
        if !bytes.starts_with(b"\x7fELF") {
            return Ok(None);
        }
        Ok(elf::parse(&bytes[..])?.map(Arc::new))
    }
}

/// What the loader said.
#[derive(Debug, Default)]
pub struct Told {
    /// What is loaded for a name, as it prints it; none for what is not found.
    pub names: BTreeMap<String, Option<String>>,
    /// The paths of all that is loaded.
    pub paths: BTreeSet<String>,
    /// Why it stopped.
    pub stopped: Option<String>,
    /// The signal that it died of.
    pub died: Option<String>,
    /// All other lines: about versions.
    pub others: BTreeSet<String>,
}

impl Told {
    fn parse(lines: &str) -> Self {
        let mut told = Self::default();
        for line in lines.lines().filter(|line| !line.contains("linux-vdso") && !line.contains("statically linked")) {
            let bare = line.trim().rsplit_once(" (0x").map_or(line.trim(), |(bare, _)| bare);
            if let Some((_, why)) = line.split_once("error while loading shared libraries: ") {
                told.stopped = Some(why.to_owned());
            } else if let Some(why) = line.strip_prefix("error ") {
                told.stopped = Some(why.to_owned());
            } else if let Some(signal) = line.strip_prefix("died ") {
                told.died = Some(signal.to_owned());
            } else if let Some(path) = line.strip_prefix("at ") {
                told.paths.insert(path.to_owned());
            } else if let Some((name, path)) = bare.split_once(" => ") {
                let path = (path != "not found").then(|| path.to_owned());
                told.paths.extend(path.clone());
                told.names.insert(name.to_owned(), path);
            } else if line.starts_with('\t') {
                told.paths.insert(bare.to_owned());
                told.names.insert(bare.to_owned(), Some(bare.to_owned()));
            } else {
                told.others.insert(line.to_owned());
            }
        }
        told
    }
}
