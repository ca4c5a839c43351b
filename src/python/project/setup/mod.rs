//! `setup.cfg` and `setup.py`: the metadata of projects without a `[project]` table.
//!
//! Source: setuptools' documentation ("Configuring setuptools using setup.cfg files", "Keywords").
//! Of `setup.py`, the literal arguments of the call of `setup` are read. It is never executed.

mod cfg;
mod description;
mod py;
#[cfg(test)]
mod tests;

pub(super) use description::{Setup, SetupPackages};

/// Reads both files. What `setup.cfg` says takes precedence, as in setuptools.
pub(super) fn read(cfg: Option<&str>, py: Option<&str>) -> Setup {
    let cfg = cfg.map(cfg::read).unwrap_or_default();
    let py = py.and_then(py::read).unwrap_or_default();
    let full = |one: Vec<_>, other: Vec<_>| if one.is_empty() { other } else { one };
    Setup {
        name: cfg.name.or(py.name),
        version: cfg.version.or(py.version),
        package_dir: if cfg.package_dir.is_empty() { py.package_dir } else { cfg.package_dir },
        packages: cfg.packages.or(py.packages),
        modules: full(cfg.modules, py.modules),
        entry_points: if cfg.entry_points.is_empty() { py.entry_points } else { cfg.entry_points },
        compiled: cfg.compiled.or(py.compiled),
        version_files: py.version_files,
        versioneer: cfg.versioneer,
        requires: full(cfg.requires, py.requires),
    }
}
