//! The architectures that carboy assembles images for, in one table.
//!
//! Source: image-spec `image-index.md` and containerd's `platforms` (names and variants);
//! the ELF header's `e_machine` (gABI and the processors' supplements); Debian's
//! `dpkg-architecture` (architecture and multiarch tuple); the psABIs' and glibc's
//! `shlib-versions` (dynamic loader); glibc's `sysdeps/generic/ldconfig.h` and
//! `sysdeps/**/readelflib.c` (flags of `ld.so.cache`); `packaging.tags` and PEP 600
//! (wheels). Checked against Debian's own programs: amd64 and arm64. The others are from
//! these sources.

/// An architecture under the names that each of the specifications has for it.
#[derive(PartialEq, Eq, Debug)]
pub struct Architecture {
    /// OCI's name, which is Go's `GOARCH`.
    pub name: &'static str,
    /// OCI's variant; a platform that names none means this one.
    pub variant: Option<&'static str>,
    /// Other names that a platform may be written with.
    pub aliases: &'static [&'static str],
    /// `e_machine`.
    pub elf_machine: u16,
    /// `EI_CLASS` is `ELFCLASS64`.
    pub is_64: bool,
    /// `EI_DATA` is `ELFDATA2LSB`.
    pub little_endian: bool,
    /// The name of ELF files of this machine and class, for people.
    pub elf_name: &'static str,
    /// Debian's name.
    pub debian: &'static str,
    /// Debian's multiarch tuple, which is also in the names of Python's extension modules.
    pub triplet: &'static str,
    /// The path of glibc's dynamic loader in each program.
    pub loader: &'static str,
    /// The value of `$PLATFORM` in search paths; none where it differs between processors
    /// or is not set.
    pub dl_platform: Option<&'static str>,
    /// The flags of a library in `ld.so.cache`: `FLAG_ELF_LIBC6` and the architecture's.
    pub cache_flags: u32,
    /// C's `char` is signed.
    pub signed_char: bool,
    /// The machine in the platform tags of wheels.
    pub wheel: &'static str,
    /// The oldest glibc that a manylinux tag may name.
    pub oldest_manylinux: (u32, u32),
    /// The value of `platform.machine()`, which environment markers compare.
    pub machine: &'static str,
}

/// The table. A platform works by an entry here, as far as base, builder and wheels exist.
pub static ARCHITECTURES: [Architecture; 7] = [
    Architecture {
        name: "amd64",
        variant: Some("v1"),
        aliases: &["x86_64", "x86-64"],
        elf_machine: 62,
        is_64: true,
        little_endian: true,
        elf_name: "x86_64",
        debian: "amd64",
        triplet: "x86_64-linux-gnu",
        loader: "/lib64/ld-linux-x86-64.so.2",
        dl_platform: Some("x86_64"),
        cache_flags: 0x303,
        signed_char: true,
        wheel: "x86_64",
        oldest_manylinux: (2, 5),
        machine: "x86_64",
    },
    Architecture {
        name: "arm64",
        variant: Some("v8"),
        aliases: &["aarch64"],
        elf_machine: 183,
        is_64: true,
        little_endian: true,
        elf_name: "aarch64",
        debian: "arm64",
        triplet: "aarch64-linux-gnu",
        loader: "/lib/ld-linux-aarch64.so.1",
        dl_platform: Some("aarch64"),
        cache_flags: 0xa03,
        signed_char: false,
        wheel: "aarch64",
        oldest_manylinux: (2, 17),
        machine: "aarch64",
    },
    // The flag is that of hard-float libraries, as Debian builds all for armhf.
    Architecture {
        name: "arm",
        variant: Some("v7"),
        aliases: &["armhf", "armv7l"],
        elf_machine: 40,
        is_64: false,
        little_endian: true,
        elf_name: "arm",
        debian: "armhf",
        triplet: "arm-linux-gnueabihf",
        loader: "/lib/ld-linux-armhf.so.3",
        dl_platform: Some("v7l"),
        cache_flags: 0x903,
        signed_char: false,
        wheel: "armv7l",
        oldest_manylinux: (2, 17),
        machine: "armv7l",
    },
    // The flag is that of libraries for double-precision floating point, `lp64d`.
    Architecture {
        name: "riscv64",
        variant: None,
        aliases: &[],
        elf_machine: 243,
        is_64: true,
        little_endian: true,
        elf_name: "riscv64",
        debian: "riscv64",
        triplet: "riscv64-linux-gnu",
        loader: "/lib/ld-linux-riscv64-lp64d.so.1",
        dl_platform: None,
        cache_flags: 0x1003,
        signed_char: false,
        wheel: "riscv64",
        oldest_manylinux: (2, 17),
        machine: "riscv64",
    },
    Architecture {
        name: "ppc64le",
        variant: None,
        aliases: &["ppc64el", "powerpc64le"],
        elf_machine: 21,
        is_64: true,
        little_endian: true,
        elf_name: "ppc64le",
        debian: "ppc64el",
        triplet: "powerpc64le-linux-gnu",
        loader: "/lib64/ld64.so.2",
        dl_platform: None,
        cache_flags: 0x503,
        signed_char: false,
        wheel: "ppc64le",
        oldest_manylinux: (2, 17),
        machine: "ppc64le",
    },
    Architecture {
        name: "s390x",
        variant: None,
        aliases: &[],
        elf_machine: 22,
        is_64: true,
        little_endian: false,
        elf_name: "s390x",
        debian: "s390x",
        triplet: "s390x-linux-gnu",
        loader: "/lib/ld64.so.1",
        dl_platform: None,
        cache_flags: 0x403,
        signed_char: false,
        wheel: "s390x",
        oldest_manylinux: (2, 17),
        machine: "s390x",
    },
    Architecture {
        name: "386",
        variant: None,
        aliases: &["i386", "i686"],
        elf_machine: 3,
        is_64: false,
        little_endian: true,
        elf_name: "i686",
        debian: "i386",
        triplet: "i386-linux-gnu",
        loader: "/lib/ld-linux.so.2",
        dl_platform: Some("i686"),
        cache_flags: 0x003,
        signed_char: true,
        wheel: "i686",
        oldest_manylinux: (2, 5),
        machine: "i686",
    },
];

/// ELF machines that are not in the table, with their class (64 bits), byte order (little
/// endian) and the kernel's name.
const OTHER_ELF: [(u16, bool, bool, &str); 6] = [
    (62, false, true, "x32"),
    (20, false, false, "ppc"),
    (21, true, false, "ppc64"),
    (22, false, false, "s390"),
    (258, true, true, "loongarch64"),
    (258, false, true, "loongarch32"),
];
/// ELF machines that are not a CPU: CUDA, AMD's GPUs, the kernel's BPF.
const ACCELERATORS: [u16; 3] = [190, 224, 247];

impl Architecture {
    /// Returns the architecture of OCI's name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        ARCHITECTURES.iter().find(|architecture| architecture.name == name)
    }

    /// Returns the architecture of OCI's name or an alias, such as the kernel's.
    #[must_use]
    pub fn known_as(name: &str) -> Option<&'static Self> {
        ARCHITECTURES.iter().find(|architecture| architecture.name == name || architecture.aliases.contains(&name))
    }

    /// Returns the architecture of the machine in a wheel's platform tag, such as `aarch64`.
    #[must_use]
    pub fn of_wheel(machine: &str) -> Option<&'static Self> {
        ARCHITECTURES.iter().find(|architecture| architecture.wheel == machine)
    }

    /// Returns the architecture of an ELF file.
    #[must_use]
    pub fn of_elf(machine: u16, is_64: bool, little_endian: bool) -> Option<&'static Self> {
        let wanted = (machine, is_64, little_endian);
        ARCHITECTURES.iter().find(|one| (one.elf_machine, one.is_64, one.little_endian) == wanted)
    }
}

/// Returns the name of an ELF machine; none for one that is rarely met.
#[must_use]
pub fn elf_name(machine: u16, is_64: bool, little_endian: bool) -> Option<&'static str> {
    let wanted = (machine, is_64, little_endian);
    let other = || OTHER_ELF.iter().find(|(machine, is_64, little, _)| (*machine, *is_64, *little) == wanted);
    Architecture::of_elf(machine, is_64, little_endian)
        .map(|architecture| architecture.elf_name)
        .or_else(|| other().map(|(.., name)| *name))
}

/// Returns whether ELF files of a machine run on a CPU.
#[must_use]
pub fn is_cpu(elf_machine: u16) -> bool {
    !ACCELERATORS.contains(&elf_machine)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_means_one_architecture() {
        let names = |of: fn(&Architecture) -> &'static str| ARCHITECTURES.iter().map(of).collect::<Vec<_>>();
        for column in [
            names(|one| one.name),
            names(|one| one.elf_name),
            names(|one| one.debian),
            names(|one| one.triplet),
            names(|one| one.loader),
            names(|one| one.wheel),
            names(|one| one.machine),
        ] {
            assert_eq!(column.iter().collect::<BTreeSet<_>>().len(), ARCHITECTURES.len(), "{column:?}");
        }
        for one in &ARCHITECTURES {
            assert_eq!(Architecture::named(one.name), Some(one));
            assert_eq!(Architecture::of_wheel(one.wheel), Some(one));
            assert_eq!(Architecture::of_elf(one.elf_machine, one.is_64, one.little_endian), Some(one));
            assert_eq!(elf_name(one.elf_machine, one.is_64, one.little_endian), Some(one.elf_name));
            assert_eq!(Architecture::of(&one.platform()), Some(one));
            for name in one.aliases.iter().chain([&one.name]) {
                assert_eq!(Architecture::known_as(name), Some(one), "{name}");
            }
            // A wheel's machine, and what markers compare, name a platform too.
            for name in [one.wheel, one.machine] {
                assert_eq!(Architecture::known_as(name), Some(one), "{name}");
            }
        }
    }

    #[test]
    fn facts_agree_with_each_other() {
        for one in &ARCHITECTURES {
            let name = one.name;
            assert_eq!(one.cache_flags & 0xff, 3, "{name}: FLAG_ELF_LIBC6");
            assert!(one.loader.starts_with("/lib") && one.loader.contains("/ld"), "{name}: {}", one.loader);
            assert!(one.triplet.contains("-linux-gnu"), "{name}: {}", one.triplet);
            assert!(is_cpu(one.elf_machine), "{name}");
            assert!(one.dl_platform.is_none_or(|platform| !platform.contains('/')), "{name}");
            let x86 = matches!(one.elf_machine, 3 | 62);
            assert_eq!((one.signed_char, one.oldest_manylinux == (2, 5)), (x86, x86), "{name}");
        }
        for (machine, is_64, little, name) in OTHER_ELF {
            assert_eq!(Architecture::of_elf(machine, is_64, little), None, "{name}");
            assert_eq!(elf_name(machine, is_64, little), Some(name));
        }
    }

    #[test]
    fn variants_that_are_older_or_unknown_systems_are_none() {
        for (platform, name) in [
            ("linux/amd64/v3", Some("amd64")),
            ("linux/arm64/v9", Some("arm64")),
            ("linux/arm", Some("arm")),
            ("linux/arm/7", Some("arm")),
            ("linux/armhf", Some("arm")),
            ("linux/arm/v6", None),
            ("linux/arm/v5", None),
            ("linux/mips64le", None),
            ("windows/amd64", None),
        ] {
            let found = Architecture::of(&platform.parse().unwrap());
            assert_eq!(found.map(|architecture| architecture.name), name, "{platform}");
        }
    }
}
