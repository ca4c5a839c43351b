//! The file names of extension modules: the ABI in a name, and the ABIs that an interpreter loads.
//!
//! Source: PEP 3149; CPython's `configure.ac` (`SOABI`, `ALT_SOABI`) and `Python/dynload_shlib.c`
//! (`_PyImport_DynLoadFiletab`), the list of suffixes in search order. Python 3.15 supports `abi3t`
//! (PEP 803) and stable ABIs with a platform. Earlier free-threaded builds have `.abi3.so` in their
//! list although they cannot run it (CPython issue 111870).

use std::fmt;

use super::Interpreter;

/// A build of CPython, in the terms of file names and wheel tags.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Cpython {
    pub major: u32,
    pub minor: u32,
    /// Whether the build has no global interpreter lock (PEP 703): `t`.
    pub free_threaded: bool,
    /// Whether the build is a debug build (`--with-pydebug`): `d`.
    pub debug: bool,
}

/// The ABI in the file name of a module.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum BuiltFor {
    /// `.so`: unknown.
    Unsaid,
    /// `.abi3.so`, `.abi3t.so`: any later CPython, with or without the global interpreter lock.
    Stable { free_threaded: bool },
    /// `.cpython-310-x86_64-linux-gnu.so`.
    Cpython { version: String, platform: String },
    /// `.pypy310-pp73-x86_64-linux-gnu.so` and similar names.
    Other(String),
    /// `.x86_64-linux-gnu.so`: Debian's Python 2.7.
    Debian2,
    /// `.pyd`.
    Windows,
}

/// The parts of a module's file name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ModuleName<'a> {
    pub module: &'a str,
    /// The rest of the name, from the first dot.
    pub suffix: &'a str,
    pub built_for: BuiltFor,
}

/// A suffix that an interpreter searches for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Suffix {
    pub text: String,
    /// Whether the interpreter can run the module. Some interpreters load modules that they cannot
    /// run.
    pub runs: bool,
}

impl Cpython {
    /// Returns the build of an interpreter with this version and these flags.
    #[must_use]
    pub fn of(interpreter: &Interpreter) -> Option<Self> {
        let (major, minor) = interpreter.version.split_once('.')?;
        let flag = |flag| interpreter.abi_flags.contains(flag);
        let (major, minor) = (major.parse().ok()?, minor.parse().ok()?);
        Some(Self { major, minor, free_threaded: flag('t'), debug: flag('d') })
    }

    /// Returns whether the version is `major.minor` or later.
    #[must_use]
    pub fn since(&self, major: u32, minor: u32) -> bool {
        (self.major, self.minor) >= (major, minor)
    }

    /// Returns the supported ABIs as version and flags, the build's own ABI first: `313t`, `37m`.
    /// Since 3.8, a debug build also loads modules of a release build.
    #[must_use]
    pub fn abis(&self) -> Vec<String> {
        let Self { major, minor, .. } = self;
        let threads = if self.free_threaded { "t" } else { "" };
        let debug = if self.debug { "d" } else { "" };
        // The flag of pymalloc was part of the name before 3.8, the flag of wide unicode before
        // 3.3.
        let old = match (major, minor) {
            _ if self.since(3, 8) => "",
            _ if self.since(3, 3) => "m",
            _ => "mu",
        };
        let mut out = vec![format!("{major}{minor}{threads}{debug}{old}")];
        if self.debug && self.since(3, 8) {
            out.push(format!("{major}{minor}{threads}"));
        }
        out
    }

    /// Returns the suffixes of modules in search order. `triplet` is Debian's name of the platform,
    /// `x86_64-linux-gnu`.
    #[must_use]
    pub fn suffixes(&self, triplet: &str) -> Vec<Suffix> {
        let runs = |text: String| Suffix { text, runs: true };
        if self.major < 3 {
            return [format!(".{triplet}.so"), ".so".to_owned(), "module.so".to_owned()].map(runs).into();
        }
        let mut out: Vec<_> = self.abis().iter().map(|abi| runs(format!(".cpython-{abi}-{triplet}.so"))).collect();
        if !self.since(3, 5) {
            out.extend(self.abis().iter().map(|abi| runs(format!(".cpython-{abi}.so"))));
        }
        let mut stable = Vec::new();
        if !(self.free_threaded && self.since(3, 15)) {
            stable.push("abi3");
        }
        if self.since(3, 15) {
            stable.push("abi3t");
        }
        for abi in stable {
            if self.since(3, 15) {
                out.push(runs(format!(".{abi}-{triplet}.so")));
            }
            out.push(Suffix { text: format!(".{abi}.so"), runs: abi != "abi3" || !self.free_threaded });
        }
        out.push(runs(".so".to_owned()));
        out
    }
}

impl fmt::Display for Cpython {
    /// Writes the version with its flag: `3.13t`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flag = |set, flag| if set { flag } else { "" };
        write!(f, "{}.{}{}{}", self.major, self.minor, flag(self.free_threaded, "t"), flag(self.debug, "d"))
    }
}

impl<'a> ModuleName<'a> {
    /// Parses a file name; `None` for a name that no Python imports. Any `x.so` can be a module:
    /// only its content shows whether it is one.
    #[must_use]
    pub fn parse(name: &'a str) -> Option<Self> {
        let (module, rest) = name.split_once('.')?;
        let built_for = match rest {
            "so" => BuiltFor::Unsaid,
            "pyd" => BuiltFor::Windows,
            _ => match rest.rsplit_once('.')? {
                (tag, "so") => built_for(tag)?,
                (tag, "pyd") if tag.starts_with("cp") => BuiltFor::Windows,
                _ => return None,
            },
        };
        (!module.is_empty()).then(|| Self { module, suffix: &name[module.len()..], built_for })
    }
}

/// Parses the tag before `.so`.
fn built_for(tag: &str) -> Option<BuiltFor> {
    let (kind, platform) = tag.split_once('-').unwrap_or((tag, ""));
    match kind {
        _ if tag.contains('.') => None,
        "abi3" => Some(BuiltFor::Stable { free_threaded: false }),
        "abi3t" => Some(BuiltFor::Stable { free_threaded: true }),
        "cpython" => {
            let (version, platform) = platform.split_once('-').unwrap_or((platform, ""));
            Some(BuiltFor::Cpython { version: dotted(version)?, platform: platform.to_owned() })
        }
        _ if kind.starts_with("pypy") => {
            Some(BuiltFor::Other(format!("PyPy {}", dotted(&kind["pypy".len()..]).unwrap_or_default())))
        }
        _ if kind.starts_with("graalpy") => Some(BuiltFor::Other("GraalPy".to_owned())),
        _ if kind.starts_with("pyston") => Some(BuiltFor::Other("Pyston".to_owned())),
        _ => (platform == "linux-gnu").then_some(BuiltFor::Debian2),
    }
}

/// Converts `313t` to `3.13t`.
fn dotted(version: &str) -> Option<String> {
    let sound = version.len() <= 8 && version.bytes().all(|b| b.is_ascii_alphanumeric());
    let minor = version.get(1..).filter(|minor| minor.starts_with(|c: char| c.is_ascii_digit()))?;
    (sound && version.as_bytes()[0].is_ascii_digit()).then(|| format!("{}.{minor}", &version[..1]))
}

impl fmt::Display for BuiltFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsaid => f.write_str("an unknown Python"),
            Self::Stable { free_threaded: false } => f.write_str("Pythons with a global interpreter lock"),
            Self::Stable { free_threaded: true } => f.write_str("free-threaded Pythons since 3.15"),
            Self::Cpython { version, platform } => {
                let version = version.trim_end_matches(['m', 'u']);
                write!(f, "CPython {version}")?;
                let known = platform.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
                if known && !platform.is_empty() { write!(f, " on {platform}") } else { Ok(()) }
            }
            Self::Other(name) => f.write_str(name),
            Self::Debian2 => f.write_str("Debian's CPython 2.7"),
            Self::Windows => f.write_str("Windows"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpython(minor: u32, flags: &str) -> Cpython {
        let flag = |flag| flags.contains(flag);
        Cpython { major: 3, minor, free_threaded: flag('t'), debug: flag('d') }
    }

    fn suffixes(cpython: Cpython) -> String {
        let suffix = |suffix: &Suffix| format!("{}{}", suffix.text, if suffix.runs { "" } else { " (does not run)" });
        cpython.suffixes("T").iter().map(suffix).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_builds_list_is_cpythons_own() {
        assert_eq!(suffixes(cpython(11, "")), ".cpython-311-T.so .abi3.so .so");
        assert_eq!(suffixes(cpython(13, "t")), ".cpython-313t-T.so .abi3.so (does not run) .so");
        assert_eq!(suffixes(cpython(13, "d")), ".cpython-313d-T.so .cpython-313-T.so .abi3.so .so");
        assert_eq!(suffixes(cpython(13, "td")), ".cpython-313td-T.so .cpython-313t-T.so .abi3.so (does not run) .so");
        assert_eq!(suffixes(cpython(7, "")), ".cpython-37m-T.so .abi3.so .so");
        assert_eq!(suffixes(cpython(4, "")), ".cpython-34m-T.so .cpython-34m.so .abi3.so .so");
        assert_eq!(suffixes(cpython(15, "")), ".cpython-315-T.so .abi3-T.so .abi3.so .abi3t-T.so .abi3t.so .so");
        assert_eq!(suffixes(cpython(15, "t")), ".cpython-315t-T.so .abi3t-T.so .abi3t.so .so");
        let two = Cpython { major: 2, minor: 7, free_threaded: false, debug: false };
        assert_eq!(suffixes(two), ".T.so .so module.so");
    }

    #[test]
    fn names_have_an_abi() {
        for (name, module, built_for) in [
            ("_speedups.cpython-311-x86_64-linux-gnu.so", "_speedups", "CPython 3.11 on x86_64-linux-gnu"),
            ("_x.cpython-310-x86_64-linux-musl.so", "_x", "CPython 3.10 on x86_64-linux-musl"),
            ("_x.cpython-313t-aarch64-linux-gnu.so", "_x", "CPython 3.13t on aarch64-linux-gnu"),
            ("_x.cpython-37m-darwin.so", "_x", "CPython 3.7 on darwin"),
            ("_x.cpython-34m.so", "_x", "CPython 3.4"),
            ("_rust.abi3.so", "_rust", "Pythons with a global interpreter lock"),
            ("_rust.abi3t-x86_64-linux-gnu.so", "_rust", "free-threaded Pythons since 3.15"),
            ("_cffi.pypy310-pp73-x86_64-linux-gnu.so", "_cffi", "PyPy 3.10"),
            ("_x.graalpy242-311-native-x86_64-linux.so", "_x", "GraalPy"),
            ("bz2.x86_64-linux-gnu.so", "bz2", "Debian's CPython 2.7"),
            ("_x.cp311-win_amd64.pyd", "_x", "Windows"),
            ("_x.pyd", "_x", "Windows"),
            ("libscipy_openblas64_-4b78795a.so", "libscipy_openblas64_-4b78795a", "an unknown Python"),
        ] {
            let got = ModuleName::parse(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!((got.module, got.built_for.to_string().as_str()), (module, built_for), "{name}");
            assert_eq!(format!("{}{}", got.module, got.suffix), name);
        }
    }

    #[test]
    fn libraries_and_rubbish_are_no_modules() {
        for name in [
            "libgfortran-040039e1.so.5.0.0",
            "libfoo.1.2.so",
            "libLLVM.so.18",
            ".so",
            ".abi3.so",
            "so",
            "x.py",
            "a.b.cpython-311-x86_64-linux-gnu.so",
            "x.cpython-.so",
            "x.cpython-3.so",
            "x.cpython-3é.so",
            "x.cpython-é11.so",
        ] {
            assert_eq!(ModuleName::parse(name), None, "{name}");
        }
    }
}
