//! carboy assembles container images of Python applications without Docker.
//!
//! Data flows one way: arguments and configuration become a [`plan`]; base and
//! builder are pulled, stacked ([`rootfs`]), and what the runtime needs is chosen
//! ([`elf`], [`python`]); layers are written ([`layer`]), an image is assembled
//! ([`image`]) and pushed. [`assemble`] is that recipe.
//!
//! # Who may import whom
//! Pure modules (no files, no network, no clock, no environment) import only pure
//! modules above them in this list:
//!
//! ```text
//! printable hint oci diagnostic rootfs elf glibc debian python config plan image
//! ```
//!
//! Below them stand `layer` (tar over readers and writers), `progress` and `ports`
//! (facts and traits), which import pure modules. `registry`, `wheels`, `store`,
//! `source` and `bytecode` do I/O behind the traits of `ports`; `http` carries what goes
//! over the network, `once_map` shares work among those who ask for it, `cpu_pool` are the
//! threads that compute. `build` imports the pure modules, `layer`, `progress`, `ports`,
//! `once_map` and `cpu_pool`. `ui` shows, `cli` wires
//! everything; only `cli` reads the environment, the wall clock and the working
//! directory. `integration/imports.rs` holds this.

pub mod assemble;
pub mod bytecode;
pub mod cli;
pub mod compose;
pub mod config;
pub mod cpu_pool;
pub mod debian;
pub mod diagnostic;
pub mod elf;
pub mod glibc;
pub mod hint;
pub mod http;
pub mod image;
pub mod layer;
pub mod oci;
pub mod once_map;
pub mod plan;
pub mod ports;
pub mod printable;
pub mod progress;
pub mod python;
pub mod registry;
pub mod rootfs;
pub mod source;
pub mod store;
pub mod ui;
pub mod wheels;
