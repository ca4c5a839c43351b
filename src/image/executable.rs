//! Reads how the kernel starts a file from the file's first bytes.
//!
//! Source: `execve(2)`, "Interpreter scripts"; Linux's `fs/binfmt_script.c`
//! (`load_script`) and `BINPRM_BUF_SIZE` (256 bytes, `uapi/linux/binfmts.h`);
//! `fs/binfmt_elf.c`; env(1) of coreutils for `-S`. What a machine registers under
//! `binfmt_misc` is its own affair.

use crate::elf::header;

/// The number of bytes that the kernel reads.
pub const HEAD: usize = 256;

/// A file that can be started.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Executable {
    /// An ELF program, or a library with an entry point.
    Machine,
    Script(Shebang),
}

/// The first line of a script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Shebang {
    /// The program's path: relative ones start at the working directory.
    pub interpreter: String,
    /// All that follows, as one argument.
    pub argument: Option<String>,
}

/// The program that `env` looks for on behalf of a script.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ThroughEnv {
    Program(String),
    /// Several words, which `env` takes for one name.
    Spaced(String),
}

/// The reasons for which the kernel does not start a file, or not as its first line says: of a line
/// that is too long, `load_script` cuts the argument off, and refuses a name that has no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExecutableError {
    #[error("is empty")]
    Empty,
    #[error("is neither a script with a `#!` line nor machine code")]
    Unknown,
    #[error("has a byte order mark before its `#!`")]
    ByteOrderMark,
    #[error("has Windows line endings, and `#!` takes the carriage return for a part of the program's name")]
    CarriageReturn,
    #[error("names no program after `#!`")]
    NoInterpreter,
    #[error(
        "has a `#!` line of more than 255 bytes: Linux cuts its arguments off, or refuses it where the program's name is too long"
    )]
    LongLine,
    #[error("is an ELF file, but not a program: an object file or a broken one")]
    Unlinked,
    #[error("is a shared library without an entry point, not a program")]
    Library,
}

impl Executable {
    /// Judges a file by its first [`HEAD`] bytes, fewer when it is shorter.
    ///
    /// # Errors
    /// Files that the kernel refuses (`ENOEXEC`), or that cannot be what is meant.
    pub fn parse(head: &[u8]) -> Result<Self, ExecutableError> {
        if head.is_empty() {
            return Err(ExecutableError::Empty);
        }
        if head.starts_with(b"\x7fELF") {
            let abi = head.first_chunk().and_then(header::abi).ok_or(ExecutableError::Unlinked)?;
            return match header::entry_point(head, abi) {
                None => Err(ExecutableError::Unlinked),
                Some(0) => Err(ExecutableError::Library),
                Some(_) => Ok(Self::Machine),
            };
        }
        if head.starts_with(b"\xef\xbb\xbf#!") {
            return Err(ExecutableError::ByteOrderMark);
        }
        let rest = head.strip_prefix(b"#!").ok_or(ExecutableError::Unknown)?;
        Shebang::parse(rest).map(Self::Script)
    }
}

impl Shebang {
    /// `rest` is what follows `#!` of the first [`HEAD`] bytes.
    fn parse(rest: &[u8]) -> Result<Self, ExecutableError> {
        let end = rest.iter().position(|&byte| byte == b'\n');
        if end.is_none() && rest.len() >= HEAD - 2 {
            return Err(ExecutableError::LongLine);
        }
        let line = &rest[..end.unwrap_or(rest.len())];
        if line.contains(&b'\r') {
            return Err(ExecutableError::CarriageReturn);
        }
        let line = line.split(|&byte| byte == 0).next().unwrap_or_default();
        let text = String::from_utf8_lossy(line);
        let text = text.trim_matches([' ', '\t']);
        let (interpreter, argument) = match text.split_once([' ', '\t']) {
            Some((interpreter, argument)) => (interpreter, Some(argument.trim_start_matches([' ', '\t']).to_owned())),
            None => (text, None),
        };
        if interpreter.is_empty() {
            return Err(ExecutableError::NoInterpreter);
        }
        Ok(Self { interpreter: interpreter.to_owned(), argument })
    }

    /// Returns the program that `env` starts, if the interpreter is `env`; none if it is not known.
    #[must_use]
    pub fn through_env(&self) -> Option<ThroughEnv> {
        let argument = self.argument.as_deref().filter(|_| self.interpreter.rsplit('/').next() == Some("env"))?;
        let split = argument.strip_prefix("-S").or_else(|| argument.strip_prefix("--split-string="));
        if split.is_none() {
            return match argument {
                _ if argument.starts_with('-') || argument.contains('=') => None,
                _ if argument.contains([' ', '\t']) => Some(ThroughEnv::Spaced(argument.to_owned())),
                _ => Some(ThroughEnv::Program(argument.to_owned())),
            };
        }
        let mut words = split?.split([' ', '\t']).filter(|word| !word.is_empty() && !word.contains('='));
        let word = words.next().filter(|word| !word.starts_with('-') && !word.contains(['"', '\'', '\\', '$']))?;
        Some(ThroughEnv::Program(word.to_owned()))
    }
}

impl std::fmt::Display for Shebang {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "#!{}", self.interpreter)?;
        self.argument.iter().try_for_each(|argument| write!(f, " {argument}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(head: &[u8]) -> Result<String, ExecutableError> {
        Executable::parse(head).map(|found| match found {
            Executable::Script(line) => format!("{}|{}", line.interpreter, line.argument.unwrap_or_default()),
            Executable::Machine => "machine code".to_owned(),
        })
    }

    #[test]
    fn the_first_line_names_a_program_and_one_argument() {
        for (head, want) in [
            (&b"#!/bin/sh\nx"[..], "/bin/sh|"),
            (b"#! \t/bin/sh\t-e  -u \nx", "/bin/sh|-e  -u"),
            (b"#!python", "python|"),
            (b"#!/bin/sh\0 -e\n", "/bin/sh|"),
        ] {
            assert_eq!(script(head).as_deref(), Ok(want), "{head:?}");
        }
        let long = |length: usize| [b"#!/", "p".repeat(length - 3).as_bytes(), b"\nx"].concat();
        assert!(script(&long(255)).is_ok());
        let cut = &long(256)[..HEAD];
        assert_eq!(script(cut), Err(ExecutableError::LongLine));
    }

    #[test]
    fn what_the_kernel_refuses_is_told() {
        for (head, want) in [
            (&b""[..], ExecutableError::Empty),
            (b"import os\n", ExecutableError::Unknown),
            (b"\n#!/bin/sh\n", ExecutableError::Unknown),
            (b"MZ\x90\0", ExecutableError::Unknown),
            (b"\xef\xbb\xbf#!/bin/sh\n", ExecutableError::ByteOrderMark),
            (b"#!/bin/sh\r\nx", ExecutableError::CarriageReturn),
            (b"#!/usr/bin/env python\r\nx", ExecutableError::CarriageReturn),
            (b"#!/bin/sh -e\r\n", ExecutableError::CarriageReturn),
            (b"#!/bin/sh\rx", ExecutableError::CarriageReturn),
            (b"#!  \n/bin/sh", ExecutableError::NoInterpreter),
            (b"#!", ExecutableError::NoInterpreter),
            (b"\x7fELF\x02\x01\x01", ExecutableError::Unlinked),
        ] {
            assert_eq!(script(head), Err(want), "{head:?}");
        }
    }

    #[test]
    fn programs_have_an_entry_point() {
        let mut head = [0; 64];
        head[..6].copy_from_slice(b"\x7fELF\x02\x01");
        (head[16], head[18], head[24]) = (3, 62, 0x40);
        assert_eq!(script(&head).as_deref(), Ok("machine code"));
        assert_eq!(script(&head[..30]), Err(ExecutableError::Unlinked));
        head[24] = 0;
        assert_eq!(script(&head), Err(ExecutableError::Library));
        (head[16], head[24]) = (1, 0x40); // an object file
        assert_eq!(script(&head), Err(ExecutableError::Unlinked));
    }

    #[test]
    fn env_starts_one_word_unless_it_splits() {
        let env = |argument: &str| {
            let argument = Some(argument.to_owned());
            Shebang { interpreter: "/usr/bin/env".to_owned(), argument }.through_env()
        };
        let program = |name: &str| Some(ThroughEnv::Program(name.to_owned()));
        assert_eq!(env("python3"), program("python3"));
        assert_eq!(env("-S python3 -u"), program("python3"));
        assert_eq!(env("-S A=1 B=2 python3 -u"), program("python3"));
        assert_eq!(env("--split-string=python3 -u"), program("python3"));
        assert_eq!(env("python3 -u"), Some(ThroughEnv::Spaced("python3 -u".to_owned())));
        for unknown in ["-i", "A=1", "-S -i python3", "-S \"python3\" x", "-S"] {
            assert_eq!(env(unknown), None, "{unknown}");
        }
        let shell = Shebang { interpreter: "/bin/sh".to_owned(), argument: Some("-e".to_owned()) };
        assert_eq!(shell.through_env(), None);
    }
}
