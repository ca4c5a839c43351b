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
//! printable hint oci diagnostic rootfs elf glibc package_db debian python layer::recipe
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
//! registry wheels
//! assemble
//! ui
//! cli
//! ```
//!
//! No two files import each other, not even through other files.
//!
//! `registry` and `store` implement the traits of `repository`; `cli` brings everything
//! together. Only `cli` reads the environment, the wall clock and the working directory.

pub mod assemble;
pub mod bytecode;
pub mod cli;
pub mod compose;
pub mod config;
pub mod cpu_pool;
pub mod debian;
pub mod diagnostic;
pub mod docs;
pub mod elf;
pub mod glibc;
pub mod hint;
pub mod http;
pub mod image;
pub mod layer;
pub mod oci;
pub mod once_map;
pub mod operation_error;
pub mod package_db;
pub mod plan;
pub mod printable;
pub mod progress;
pub mod python;
pub mod registry;
pub mod repository;
pub mod rootfs;
pub mod source;
pub mod store;
pub mod ui;
pub mod wheels;
