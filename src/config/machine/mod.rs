//! The configuration of a machine: mirrors, and the settings of connections. Pure.
//!
//! A file of carboy's own has `[network]`, `[registry."HOST"]` and `[[mirror]]`. podman's
//! `registries.conf` has mirrors too. `cli` finds the files and decides about their precedence.

mod config_toml;
mod machine_file;
mod registries_conf;

pub use machine_file::MachineFile;

#[cfg(test)]
mod tests;
