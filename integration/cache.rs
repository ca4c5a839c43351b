//! The cache and OCI layouts under what happens to them: damage, kills, full disks, many
//! processes at once, other users.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "cache/damage.rs"]
mod damage;
#[path = "cache/disks.rs"]
mod disks;
#[path = "cache/harness.rs"]
mod harness;
#[path = "cache/kills.rs"]
mod kills;
#[path = "cache/processes.rs"]
mod processes;
#[path = "support/program.rs"]
mod program;
#[path = "support/small_layout.rs"]
mod small_layout;
mod support;
