//! Servers beside a registry: nginx before it, a tunnel to it, a cache of it, a storage behind it.

use crate::certificates::Certificates;
use crate::nginx::Nginx;
use crate::project::Project;
use crate::proxy::Proxy;
use crate::round_trip;
use crate::server::{Kind, Server, Setup};
use crate::support::registry::{PASSWORD, basic};

pub fn nginx_with_an_account(kind: Kind) {
    let (certificates, server) = (Certificates::new(), Server::open(kind));
    let nginx = Nginx::before(&server, &certificates, "0");
    let project = Project::new().trusting(&certificates, "SSL_CERT_FILE").logged_in(&[&nginx.host]);
    project.pulls_again(&round_trip(&server, &nginx.host, &project).line);
}

/// nginx refuses the whole layer before it has read it, and accepts its chunks.
pub fn a_limit_that_chunks_fit(kind: Kind) {
    let (certificates, server) = (Certificates::new(), Server::open(kind));
    let nginx = Nginx::before(&server, &certificates, "6m");
    let project = Project::of(20_000_000).trusting(&certificates, "SSL_CERT_FILE").logged_in(&[&nginx.host]);
    project.pulls_again(&round_trip(&server, &nginx.host, &project).line);
}

pub fn a_limit_that_nothing_fits(kind: Kind) {
    let (certificates, server) = (Certificates::new(), Server::open(kind));
    let nginx = Nginx::before(&server, &certificates, "1k");
    let project = Project::new().trusting(&certificates, "SSL_CERT_FILE").logged_in(&[&nginx.host]);
    project.push_base(&server.name("team/base:1"));
    let text = project.fails(&format!("{}/team/base:1", nginx.host), &format!("{}/team/shop:1", nginx.host));
    assert!(text.contains("413"), "{text}");
}

pub fn a_tunnel_with_an_account(kind: Kind) {
    let certificates = Certificates::new();
    let server = Server::start(kind, &Setup { certificates: Some(&certificates), ..Setup::default() });
    let proxy = Proxy::start(&server.address(), None);
    let project = Project::new().trusting(&certificates, "SSL_CERT_FILE");
    project.push_base(&server.name("team/base:1"));
    let url = format!("http://paula:{}@{}", PASSWORD.replace(' ', "%20"), proxy.host);
    let project = project.env("HTTPS_PROXY", &url);
    let build = project.build(&server.name("team/base:1"), &server.name("team/shop:1"));
    let (line, account) = (format!("CONNECT {} ", server.host), format!("Basic {}", basic(PASSWORD)));
    let requests = proxy.requests();
    let fits = |head: &String| head.starts_with(&line) && head.contains(&account);
    assert!(!requests.is_empty() && requests.iter().all(fits), "{requests:?}");
    project.pulls_again(&build.line);
}

/// The base comes from the cache, the image goes to the registry behind it.
pub fn a_pull_through_cache(kind: Kind) {
    let origin = Server::open(kind);
    let cache = Server::start(kind, &Setup { upstream: Some(&origin.host), ..Setup::default() });
    let project = Project::new();
    project.push_base(&origin.name("team/base:1"));
    let build = project.build(&cache.name("team/base:1"), &origin.name("team/shop:1"));
    project.pulls_again(&build.line);
    let text = project.fails(&cache.name("team/base:1"), &cache.name("team/other:1"));
    assert!(text.contains("accepts no uploads"), "{text}");
}

/// The registry sends clients to another server for each blob, which gets no credentials.
pub fn a_redirect_to_storage(kind: Kind) {
    let storage = Nginx::storage();
    let server = Server::start(kind, &Setup { account: true, storage: Some(&storage), ..Setup::default() });
    let project = Project::new().logged_in(&[&server.host]);
    project.push_base(&server.name("team/base:1"));
    let before = storage.requests().len();
    let build = project.build(&server.name("team/base:1"), &server.name("team/shop:1"));
    let requests = storage.requests().split_off(before);
    // The base's layers and configuration; whether the target has its blobs is a question for the storage, too.
    assert!(requests.len() >= 4 && requests.iter().all(|request| request == "200 -"), "{requests:?}");
    project.pulls_again(&build.line);
}
