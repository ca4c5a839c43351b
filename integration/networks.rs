//! Mirrors, certificates and proxies: scripted registries, a private authority, and a proxy.

#![expect(clippy::unwrap_used, reason = "a test whose surroundings fail has failed")]

#[path = "networks/certificates.rs"]
mod certificates;
#[path = "networks/mirrors.rs"]
mod mirrors;
#[path = "networks/proxies.rs"]
mod proxies;
#[path = "support/proxy.rs"]
mod proxy;
#[path = "networks/settings.rs"]
mod settings;
#[path = "errors/small_image.rs"]
mod small_image;
mod support;
#[path = "support/tls.rs"]
mod tls;

use small_image::SmallImage;
use support::scripted::{Request, Scripted};

/// A build of `ORIGIN/small/base:1` that pushes nothing.
const BUILD: [&str; 6] =
    ["--python=false", "--base=ORIGIN/small/base:1", "--platform=linux/amd64", "--push=false", "--", "/bin/tool"];

/// A registry with the image `small/base:1` under another name.
fn registry_of(repository: &'static str) -> Scripted {
    let image = SmallImage::new();
    Scripted::start(move |request| image.answer(&renamed(request, repository)))
}

/// A request for a repository, as one for `small/base`.
fn renamed(request: &Request, repository: &str) -> Request {
    let line = request.line.replace(&format!("/v2/{repository}/"), "/v2/small/base/");
    Request { line, headers: request.headers.clone() }
}
