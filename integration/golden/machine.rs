//! The machines that images are made for, and ELF files for them.

use crate::elf_writer::Elf;

/// A platform, as OCI, ELF, Debian and wheels call it.
#[derive(Clone, Copy)]
pub struct Machine {
    /// OCI's and Debian's name.
    pub architecture: &'static str,
    /// The name in wheel tags.
    pub wheel: &'static str,
    pub triplet: &'static str,
    /// The dynamic loader, as programs name it.
    pub loader: &'static str,
    /// The first symbol version of its glibc.
    pub glibc: &'static str,
    number: u16,
}

pub const AMD64: Machine = Machine {
    architecture: "amd64",
    wheel: "x86_64",
    triplet: "x86_64-linux-gnu",
    loader: "/lib64/ld-linux-x86-64.so.2",
    glibc: "GLIBC_2.2.5",
    number: 62,
};

pub const ARM64: Machine = Machine {
    architecture: "arm64",
    wheel: "aarch64",
    triplet: "aarch64-linux-gnu",
    loader: "/lib/ld-linux-aarch64.so.1",
    glibc: "GLIBC_2.17",
    number: 183,
};

pub const MACHINES: [Machine; 2] = [AMD64, ARM64];

impl Machine {
    /// `linux/amd64`.
    pub fn platform(&self) -> String {
        format!("linux/{}", self.architecture)
    }

    /// The loader's file name.
    pub fn loader_name(&self) -> &'static str {
        self.loader.rsplit('/').next().unwrap()
    }

    /// An object that needs libc and others; `code` tells it from other objects.
    pub fn module(&self, needs: &[&str], code: &str) -> Elf {
        let text = format!("{code} for {}\n", self.wheel);
        let elf = Elf::new(self.number).needs(needs).needs(&["libc.so.6"]);
        elf.needs_versions("libc.so.6", &[self.glibc, "GLIBC_2.34"]).code(text.as_bytes())
    }

    pub fn library(&self, soname: &str, needs: &[&str]) -> Elf {
        self.module(needs, soname).soname(soname)
    }

    pub fn program(&self, name: &str, needs: &[&str]) -> Elf {
        self.module(needs, name).interpreter(self.loader)
    }

    /// A library that needs no other.
    pub fn bare(&self, soname: &str) -> Elf {
        Elf::new(self.number).soname(soname).code(format!("{soname} for {}\n", self.wheel).as_bytes())
    }

    /// glibc's own library, of a release.
    pub fn libc(&self, newest: &str) -> Elf {
        let versions = ["libc.so.6", self.glibc, "GLIBC_2.34", "GLIBC_2.36", newest];
        self.bare("libc.so.6").needs(&[self.loader_name()]).versions(&versions)
    }
}
