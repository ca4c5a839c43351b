//! What a person reads when a build fails: exit code, stdout and stderr of the
//! program itself, against Debian's docker-registry and a scripted one. Each
//! failure leaves tags and cache as they were.

#![expect(clippy::unwrap_used, reason = "a test whose surroundings fail has failed")]

#[path = "support/breaking_proxy.rs"]
mod breaking_proxy;
#[path = "errors/configuration.rs"]
mod configuration;
#[path = "errors/contents.rs"]
mod contents;
#[path = "errors/faulty_network.rs"]
mod faulty_network;
#[path = "errors/imports.rs"]
mod imports;
#[path = "errors/output.rs"]
mod output;
#[path = "errors/pulling.rs"]
mod pulling;
#[path = "errors/pushing.rs"]
mod pushing;
#[path = "errors/small_image.rs"]
mod small_image;
#[path = "support/small_layout.rs"]
mod small_layout;
#[path = "errors/starting.rs"]
mod starting;
mod support;
#[path = "errors/transfer.rs"]
mod transfer;
