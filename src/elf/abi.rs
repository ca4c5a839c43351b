//! The ABI of an ELF file: machine, class and byte order.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::oci::{Architecture, architecture};

/// The machine, class and byte order that objects in one process share.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Abi {
    /// `e_machine`.
    pub machine: u16,
    pub is_64: bool,
    pub little_endian: bool,
}

impl Abi {
    /// Returns the ABI of an architecture's own programs.
    #[must_use]
    pub fn of(architecture: &Architecture) -> Self {
        let Architecture { elf_machine: machine, is_64, little_endian, .. } = *architecture;
        Self { machine, is_64, little_endian }
    }

    /// Returns the architecture that it is the ABI of; none for ones that carboy does not know.
    #[must_use]
    pub fn architecture(self) -> Option<&'static Architecture> {
        Architecture::of_elf(self.machine, self.is_64, self.little_endian)
    }

    /// Returns whether it is a CPU's, and not a graphics card's or the kernel's.
    #[must_use]
    pub fn is_cpu(self) -> bool {
        architecture::is_cpu(self.machine)
    }
}

impl fmt::Display for Abi {
    /// `x86_64`, `i686`, `the machine number 8`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match architecture::elf_name(self.machine, self.is_64, self.little_endian) {
            Some(name) => f.write_str(name),
            None => write!(f, "the machine number {}", self.machine),
        }
    }
}
