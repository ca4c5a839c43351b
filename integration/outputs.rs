//! Where images go: registries, layouts, archives, container engines, and files about them. What was
//! written is read back by skopeo, crane and umoci.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "outputs/archives.rs"]
mod archives;
#[path = "outputs/files.rs"]
mod files;
#[path = "outputs/joining.rs"]
mod joining;
#[path = "outputs/loading.rs"]
mod loading;
#[path = "outputs/site.rs"]
mod site;
mod support;
#[path = "outputs/tags.rs"]
mod tags;
