//! Wheels out of wheelhouses and indexes, against indexes on loopback: what is asked
//! for, what is taken, what is said of what cannot be had, and that no password gets
//! anywhere but to its index.

#![expect(clippy::unwrap_used, reason = "a test whose surroundings fail has failed")]

#[path = "packages/credentials.rs"]
mod credentials;
#[path = "packages/harness.rs"]
mod harness;
#[path = "packages/indexes.rs"]
mod indexes;
#[path = "packages/pip_wheel.rs"]
mod pip_wheel;
#[path = "packages/pypi.rs"]
mod pypi;
#[path = "support/scripted.rs"]
mod scripted;
#[path = "packages/sdists.rs"]
mod sdists;
#[path = "support/test_cache.rs"]
mod test_cache;
#[path = "packages/transfers.rs"]
mod transfers;
#[path = "packages/unavailable_wheels.rs"]
mod unavailable_wheels;
#[path = "packages/wheelhouses.rs"]
mod wheelhouses;
