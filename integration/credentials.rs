//! Credentials as people have them: docker's and podman's files in all their forms, helper
//! programs, variables of CI systems. A scripted registry tells who came.

#![expect(clippy::unwrap_used, reason = "a test whose surroundings fail has failed")]

#[path = "credentials/clouds.rs"]
mod clouds;
#[path = "credentials/files.rs"]
mod files;
#[path = "credentials/harness.rs"]
mod harness;
#[path = "credentials/helpers.rs"]
mod helpers;
#[path = "credentials/login.rs"]
mod login;
#[path = "errors/small_image.rs"]
mod small_image;
mod support;
#[path = "credentials/variables.rs"]
mod variables;
