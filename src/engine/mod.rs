//! Container engines on this machine, as targets of images: docker and podman.
//!
//! Sources: Docker Engine API, "Import images" (`POST /images/load`), which podman's API has too;
//! `docker load` and `podman load`, which read an archive from stdin. `DOCKER_HOST` and
//! `DOCKER_CONTEXT` as in docker's documentation of its environment variables.

mod api;
mod endpoint;
mod finder;
mod program;
mod sink;

pub use endpoint::Endpoint;
pub use finder::EngineFinder;
pub use sink::EngineSink;
