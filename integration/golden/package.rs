//! A Debian package and its records: dpkg's database as Debian has it, and `status.d`
//! as distroless has it.

use std::fmt::Write as _;

use md5::{Digest as _, Md5};

use super::files::Files;
use super::machine::Machine;

/// A package of made-up files.
#[derive(Clone)]
pub struct Package {
    name: &'static str,
    version: &'static str,
    source: Option<&'static str>,
    /// Packed for all architectures.
    all: bool,
    /// Its list names files below `/lib`, which is a link to `/usr/lib`.
    aliased: bool,
    pub files: Files,
}

impl Package {
    pub fn new(name: &'static str, version: &'static str, files: Files) -> Self {
        Self { name, version, source: None, all: false, aliased: false, files }
    }

    /// Built from a source package of another name.
    pub fn source(mut self, source: &'static str) -> Self {
        self.source = Some(source);
        self
    }

    pub fn all(mut self) -> Self {
        self.all = true;
        self
    }

    pub fn aliased(mut self) -> Self {
        self.aliased = true;
        self
    }

    /// Adds a licence.
    pub fn licensed(mut self) -> Self {
        let path = format!("usr/share/doc/{}/copyright", self.name);
        self.files = self.files.file(&path, format!("Copyright of {}\n", self.name));
        self
    }

    /// Adds a licence that is a link to the folder of another package.
    pub fn licensed_like(mut self, other: &str) -> Self {
        self.files = self.files.link(&format!("usr/share/doc/{}", self.name), other);
        self
    }

    fn control(&self, machine: &Machine, status: &str) -> String {
        let architecture = if self.all { "all" } else { machine.architecture };
        let mut out = format!("Package: {}\n{status}Architecture: {architecture}\n", self.name);
        if !self.all {
            out += "Multi-Arch: same\n";
        }
        if let Some(source) = self.source {
            writeln!(out, "Source: {source}").unwrap();
        }
        writeln!(out, "Version: {}", self.version).unwrap();
        out + "Description: made up\n for tests of layers\n"
    }

    fn packed(&self, path: &str) -> String {
        let alias = path.strip_prefix("usr/").filter(|alias| self.aliased && alias.starts_with("lib/"));
        let path = alias.unwrap_or(path);
        format!("/{path}")
    }

    fn md5sums(&self) -> String {
        let line = |(path, content): (&str, &[u8])| {
            let sum = u128::from_be_bytes(Md5::digest(content).into());
            format!("{sum:032x}  {}\n", &self.packed(path)[1..])
        };
        self.files.contents().map(line).collect()
    }

    /// The paths of its files and folders, a line each.
    fn list(&self) -> String {
        let mut out = "/.\n".to_owned();
        for path in self.files.paths() {
            let path = self.packed(path);
            for (at, _) in path.match_indices('/').skip(1) {
                if !out.contains(&format!("{}\n", &path[..at])) {
                    writeln!(out, "{}", &path[..at]).unwrap();
                }
            }
            writeln!(out, "{path}").unwrap();
        }
        out
    }
}

/// The files of packages with dpkg's database.
pub fn installed(packages: &[Package], machine: &Machine) -> Files {
    let mut status = String::new();
    let mut out = Files::default();
    for package in packages {
        status += &package.control(machine, "Status: install ok installed\n");
        status.push('\n');
        let architecture = if package.all { String::new() } else { format!(":{}", machine.architecture) };
        let stem = format!("var/lib/dpkg/info/{}{architecture}", package.name);
        out = out.and(package.files.clone());
        out = out.file(&format!("{stem}.list"), package.list()).file(&format!("{stem}.md5sums"), package.md5sums());
    }
    out.file("var/lib/dpkg/status", status)
}

/// The files of one package with its record as distroless has it.
pub fn distroless(package: &Package, machine: &Machine) -> Files {
    let stem = format!("var/lib/dpkg/status.d/{}", package.name);
    let files = package.files.clone().file(&stem, package.control(machine, ""));
    files.file(&format!("{stem}.md5sums"), package.md5sums())
}
