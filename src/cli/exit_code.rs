//! The exit codes of the program.

/// Everything is done.
pub const DONE: u8 = 0;
/// Something failed.
pub const FAILED: u8 = 1;
/// The command line or the configuration is invalid; nothing was done.
pub const USAGE: u8 = 2;
/// A signal stopped the run: its number is added, as shells do.
pub const STOPPED: u8 = 128;
