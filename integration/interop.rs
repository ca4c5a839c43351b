//! Registries and images as they are in the wild: challenges, tokens, manifests and layers that other
//! tools accept. Each image is built upon, from a scripted registry and, where that applies, from an
//! OCI layout.

#![expect(clippy::unwrap_used, reason = "a test whose surroundings fail has failed")]

#[path = "interop/challenges.rs"]
mod challenges;
#[path = "interop/layers.rs"]
mod layers;
#[path = "interop/manifests.rs"]
mod manifests;
#[path = "interop/odd_image.rs"]
mod odd_image;
#[path = "interop/package_records.rs"]
mod package_records;
#[path = "support/scripted.rs"]
mod scripted;
#[path = "interop/workbench.rs"]
mod workbench;
