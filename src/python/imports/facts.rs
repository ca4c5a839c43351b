//! The facts about a Python source file that decide which modules it imports.

use std::collections::BTreeSet;

/// The condition under which a statement runs when its module is imported.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Condition {
    /// Not inside `if`, `try`, a loop or a function.
    Always,
    /// Inside a branch, a loop or a function.
    Sometimes,
    /// Inside a `try` that catches a failed import, or inside a test of the platform, of the
    /// version or of `TYPE_CHECKING`: the program expects that the module may be missing.
    Guarded,
}

/// An `import` statement for one module.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Import {
    /// The module without leading dots: `os.path`; empty in `from . import x`.
    pub module: String,
    /// The number of leading dots.
    pub level: u32,
    /// The names after `from … import`, without `*`.
    pub names: Vec<String>,
    /// The line of the statement, from 1.
    pub line: u32,
    pub condition: Condition,
}

/// A syntax error.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyntaxError {
    /// The line, from 1.
    pub line: u32,
    pub message: String,
}

/// The changes that a source makes to the search for modules.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SearchChanges {
    /// Whether it changes `sys.path`.
    pub path: bool,
    /// Whether it changes the `__path__` of a package.
    pub package_path: bool,
    /// Whether it puts modules into `sys.modules` under computed names, or installs importers.
    pub hooks: bool,
    /// The names of modules that it puts into `sys.modules`.
    pub modules: BTreeSet<String>,
}

/// The facts about one source file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Facts {
    /// In the order of the source.
    pub imports: Vec<Import>,
    /// The names that statements of the module bind, without those after `from … import`.
    pub binds: BTreeSet<String>,
    /// Whether the module may have names that no statement of it shows: `from x import *`,
    /// `__getattr__`.
    pub has_other_names: bool,
    pub search: SearchChanges,
    /// The module in `DJANGO_SETTINGS_MODULE`, if the source sets that variable to a literal, and the
    /// line.
    pub django_settings: Option<(String, u32)>,
    /// The first syntax error. Python does not run such a file.
    pub syntax_error: Option<SyntaxError>,
}
