//! `[runtime]`: the parts of the Python runtime in the image.

use std::str::FromStr;

use toml::de::DeValue;

use super::error::BadValue;
use super::reader::{Node, wrong_type};
use super::{ConfigError, keys};

/// The parts of the Python runtime in the image.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Runtime {
    /// Modules or globs to leave out, together with the libraries that only they need.
    pub exclude: Option<Vec<String>>,
    pub terminfo: Option<bool>,
    /// Sonames of libraries that are loaded by name at run time.
    pub dlopen: Option<Vec<String>>,
    /// Sonames that may stay unresolved.
    pub allow_missing: Option<Vec<String>>,
    /// Whether the builder and the base may be of different distributions or releases.
    pub allow_mixed: Option<bool>,
    pub bytecode: Option<Bytecode>,
}

/// The compilation of `.pyc` files into the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bytecode {
    Off,
    /// PEP 552's hash-based pycs without a check of the source by the interpreter.
    UncheckedHash,
}

impl FromStr for Bytecode {
    type Err = BadValue;

    fn from_str(text: &str) -> Result<Self, BadValue> {
        match text {
            "false" => Ok(Self::Off),
            "unchecked-hash" => Ok(Self::UncheckedHash),
            other => Err(BadValue::new(format!("cannot be `{other}`")).with_hint(BYTECODE_HINT)),
        }
    }
}

const BYTECODE_HINT: &str = "write false or \"unchecked-hash\"";

impl Bytecode {
    fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        match node.value() {
            DeValue::Boolean(false) => Ok(Self::Off),
            DeValue::String(text) if text != "false" => node.parsed(),
            other => Err(node.refuse(wrong_type("false or \"unchecked-hash\"", other).with_hint(BYTECODE_HINT))),
        }
    }
}

impl Runtime {
    pub(super) fn read(node: &Node<'_>) -> Result<Self, ConfigError> {
        let table = node.table(keys::RUNTIME)?;
        Ok(Self {
            exclude: table.get("exclude", Node::texts)?,
            terminfo: table.get("terminfo", Node::boolean)?,
            dlopen: table.get("dlopen", Node::texts)?,
            allow_missing: table.get("allow-missing", Node::texts)?,
            allow_mixed: table.get("allow-mixed", Node::boolean)?,
            bytecode: table.get("bytecode", Bytecode::read)?,
        })
    }

    pub(super) fn over(self, under: Self) -> Self {
        Self {
            exclude: self.exclude.or(under.exclude),
            terminfo: self.terminfo.or(under.terminfo),
            dlopen: self.dlopen.or(under.dlopen),
            allow_missing: self.allow_missing.or(under.allow_missing),
            allow_mixed: self.allow_mixed.or(under.allow_mixed),
            bytecode: self.bytecode.or(under.bytecode),
        }
    }
}
