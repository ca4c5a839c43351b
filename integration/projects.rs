//! What `build`, `plan` and `why` make of a project's folder: its lock file, its
//! workspace, its wheels, its own modules and scripts. Wheels are made here, small ones.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "projects/django.rs"]
mod django;
#[path = "projects/dockerfile.rs"]
mod dockerfile;
#[path = "projects/folder.rs"]
mod folder;
#[path = "projects/hostile.rs"]
mod hostile;
#[path = "projects/importable.rs"]
mod importable;
#[path = "projects/layers.rs"]
mod layers;
#[path = "projects/locks.rs"]
mod locks;
#[path = "projects/members.rs"]
mod members;
#[path = "projects/offline.rs"]
mod offline;
#[path = "projects/paths.rs"]
mod paths;
#[path = "projects/project_itself.rs"]
mod project_itself;
#[path = "projects/requirements.rs"]
mod requirements;
#[path = "projects/servers.rs"]
mod servers;
#[path = "projects/sources.rs"]
mod sources;
mod support;
#[path = "projects/together.rs"]
mod together;
#[path = "projects/trust.rs"]
mod trust;
#[path = "projects/unavailable_wheels.rs"]
mod unavailable_wheels;
#[path = "projects/versions.rs"]
mod versions;
#[path = "support/wheels.rs"]
mod wheels;
