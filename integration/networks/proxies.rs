//! Proxies: tunnels, plain HTTP, hosts without one, and proxies that do not work.

use super::{BUILD, registry_of};
use crate::proxy::Proxy;
use crate::support::harness::Harness;
use crate::support::running::free_port;
use crate::support::scripted::Scripted;
use crate::tls::{Authority, TlsServer};

/// A registry with TLS, and a project over it.
struct World {
    harness: Harness,
    server: TlsServer,
    _plain: Scripted,
}

impl World {
    fn new() -> Self {
        let plain = registry_of("small/base");
        let harness = Harness::alone();
        let authority = Authority::new(&harness.folder().join("authority"));
        let server = authority.serve(&plain.host, false);
        let harness = harness.named("ORIGIN", &server.host).env("CARBOY_CA", &authority.file());
        Self { harness, server, _plain: plain }
    }
}

#[test]
fn a_tunnel_leads_through_the_proxy_with_its_login() {
    let world = World::new();
    let proxy = Proxy::start(&world.server.host, None);
    let host = world.server.host.clone();
    let World { harness, server: _server, _plain } = world;
    harness.env("https_proxy", &format!("http://me:s3cret@{}", proxy.host)).succeeds(&BUILD);
    let requests = proxy.requests();
    assert!(!requests.is_empty());
    for request in requests {
        assert!(request.starts_with(&format!("CONNECT {host} HTTP/1.1\r\n")), "{request}");
        // me:s3cret
        assert!(request.to_lowercase().contains("proxy-authorization: basic bwu6cznjcmv0\r\n"), "{request}");
    }
}

#[test]
fn a_socks_proxy_leads_to_names_that_it_resolves() {
    let plain = registry_of("small/base");
    let proxy = Proxy::start(&plain.host, None);
    let harness = Harness::alone().named("ORIGIN", "reg.invalid:80");
    let harness = harness.env("ALL_PROXY", &format!("socks5h://{}", proxy.host));
    harness.succeeds(&[&["--insecure=ORIGIN"], &BUILD[..]].concat());
    assert!(proxy.requests().iter().all(|name| name == "reg.invalid"), "{:?}", proxy.requests());
}

#[test]
fn a_host_of_no_proxy_is_reached_without_one() {
    for (name, list) in
        [("NO_PROXY", "x.corp,HOST"), ("no_proxy", "0.0.0.0/8"), ("NO_PROXY", "*"), ("no_proxy", "0.0.0.0")]
    {
        let World { harness, server, _plain } = World::new();
        let list = list.replace("HOST", &server.host);
        let harness = harness.env("HTTPS_PROXY", &format!("http://127.0.0.1:{}", free_port()));
        harness.env(name, &list).succeeds(&BUILD);
    }
}

#[test]
fn plain_http_goes_through_its_proxy() {
    let plain = registry_of("small/base");
    let proxy = Proxy::start(&plain.host, None);
    let harness = Harness::alone().named("ORIGIN", "reg.invalid:5000");
    let harness = harness.env("http_proxy", &format!("http://{}", proxy.host));
    let args: Vec<_> = ["--insecure=ORIGIN"].into_iter().chain(BUILD).collect();
    harness.succeeds(&args);
    assert!(
        proxy.requests().iter().any(|head| head.starts_with("GET http://reg.invalid:5000/v2/small/base/manifests/1"))
    );
}

#[test]
fn a_proxy_that_is_down_is_named() {
    let World { harness, server: _server, _plain } = World::new();
    let down = format!("127.0.0.1:{}", free_port());
    let harness = harness.named("PROXY", &down).env("HTTPS_PROXY", &format!("http://me:s3cret@{down}"));
    let text = harness.fails(&BUILD);
    assert!(!text.contains("s3cret"), "{text}");
    insta::assert_snapshot!(text, @"
    exit: 1
    -- stdout
    -- stderr
    retrying manifest ORIGIN/small/base:1 in N s: cannot reach the proxy http://PROXY for ORIGIN: connection refused
    retrying manifest ORIGIN/small/base:1 in N s: cannot reach the proxy http://PROXY for ORIGIN: connection refused
    error[transfer-failed]: cannot reach the proxy http://PROXY for ORIGIN: connection refused

    hint: the proxy is set by HTTPS_PROXY; a host that needs none goes into NO_PROXY: NO_PROXY=ORIGIN
    ");
    for host in ["reg.invalid:80", "reg.invalid:5000", "reg.invalid"] {
        let harness = Harness::alone().named("ORIGIN", host).named("PROXY", &down);
        let harness = harness.env("HTTP_PROXY", &down).env("NO_PROXY", "other.corp");
        let text = harness.fails(&[&["--insecure=ORIGIN"], &BUILD[..]].concat());
        let says = "error[transfer-failed]: cannot reach the proxy http://PROXY for ";
        assert!(text.contains(says), "{text}");
    }
}

#[test]
fn a_proxy_that_refuses_is_named() {
    for (status, says) in [
        (403, "error[access-denied]: the proxy http://PROXY refuses a connection to ORIGIN\n"),
        (502, "error[access-denied]: the proxy http://PROXY refuses a connection to ORIGIN\n"),
        (407, "error[access-denied]: the proxy http://PROXY asks for a login, for ORIGIN\n"),
    ] {
        let world = World::new();
        let proxy = Proxy::start(&world.server.host, Some(status));
        let World { harness, server: _server, _plain } = world;
        let harness = harness.named("PROXY", &proxy.host).env("HTTPS_PROXY", &format!("http://{}", proxy.host));
        let text = harness.fails(&BUILD);
        assert!(text.contains(says), "{text}");
        assert!(text.contains("HTTPS_PROXY"), "{text}");
        assert_eq!(proxy.requests().len(), 1, "a refusal is not asked for again");
    }
}

#[test]
fn a_proxys_login_that_is_wrong_is_not_shown() {
    let plain = registry_of("small/base");
    let proxy = Proxy::start(&plain.host, Some(407));
    let harness = Harness::alone().named("ORIGIN", "reg.invalid:80").named("PROXY", &proxy.host);
    let harness = harness.env("HTTP_PROXY", &format!("http://me:s3cret@{}", proxy.host));
    let args: Vec<_> = ["--insecure=reg.invalid:80"].into_iter().chain(BUILD).collect();
    insta::assert_snapshot!(harness.fails(&args), @"
    exit: 1
    -- stdout
    -- stderr
    error[access-denied]: the proxy http://PROXY does not accept the login, for reg.invalid

    hint: check the login in HTTP_PROXY
    ");
}
