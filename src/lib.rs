//! carboy assembles container images of Python applications without Docker.
//!
//! Data flows one way: arguments and configuration become a [`plan`]; base and
//! builder are pulled, stacked ([`rootfs`]), and what the runtime needs is chosen
//! ([`elf`], [`python`]); layers are written ([`layer`]), an image is assembled
//! ([`image`]) and pushed. [`assemble`] is that recipe. [`docs`] is the reference for users.
//!
//! # Who may import whom
//! Pure modules (no files, no network, no clock, no environment) import only pure
//! modules above them in this list:
//!
//! ```text
//! printable hint oci network diagnostic rootfs elf glibc package_db debian python layer::recipe
//! config plan image compose docs
//! ```
//!
//! Above them stand the rest of `layer` (tar over readers and writers), `progress` (facts for
//! the front end), `once_map` (work shared by key), `cpu_pool` (threads that compute),
//! `operation_error` and `repository` (the traits of image sources and targets). Each of the
//! following may import those before it that `integration/imports.rs` lists:
//!
//! ```text
//! http store source bytecode
//! registry wheels engine
//! assemble
//! ui
//! cli
//! ```
//!
//! No two files import each other, not even through other files.
//!
//! `registry`, `store` and `engine` implement the traits of `repository`; `cli` brings everything
//! together. Only `cli` reads the environment, the wall clock and the working directory.

// Names and plain data.
pub mod diagnostic;
pub mod hint;
pub mod network;
pub mod oci;
pub mod package_db;
pub mod printable;

// Images, ELF files and packages as values.
pub mod debian;
pub mod elf;
pub mod glibc;
pub mod rootfs;

// Python: interpreters, wheels, lock files.
pub mod python;

// The configuration, the plan and the image.
pub mod config;
pub mod image;
pub mod plan;

// Decisions.
pub mod compose;
pub mod docs;

// Layers as tars; facts for the front end; shared work.
pub mod cpu_pool;
pub mod layer;
pub mod once_map;
pub mod operation_error;
pub mod progress;
pub mod repository;

// Files, caches and networks.
pub mod bytecode;
pub mod engine;
pub mod http;
pub mod registry;
pub mod source;
pub mod store;
pub mod wheels;

// The recipe, the front end and the command line.
pub mod assemble;
pub mod cli;
pub mod ui;
