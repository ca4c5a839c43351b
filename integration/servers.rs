//! carboy against registries, proxies and networks that others write: images are pushed, pushed
//! again, and pulled by crane and skopeo, which check each digest.
//!
//! Debian's docker-registry runs in every run of the tests; distribution's own registry, zot and
//! toxiproxy in the long ones. `scripts/setup --servers` installs them.

#![expect(clippy::unwrap_used, reason = "a test whose surroundings fail has failed")]

#[path = "servers/certificates.rs"]
mod certificates;
#[path = "servers/faults.rs"]
mod faults;
#[path = "servers/nginx.rs"]
mod nginx;
#[path = "servers/process.rs"]
mod process;
#[path = "support/program.rs"]
mod program;
#[path = "servers/project.rs"]
mod project;
#[path = "servers/proxies.rs"]
mod proxies;
#[path = "support/proxy.rs"]
mod proxy;
#[path = "support/random.rs"]
mod random;
#[path = "servers/server.rs"]
mod server;
#[path = "support/small_layout.rs"]
mod small_layout;
mod support;
#[path = "support/tls.rs"]
mod tls;
#[path = "servers/token_service.rs"]
mod token_service;
#[path = "servers/toxiproxy.rs"]
mod toxiproxy;

use std::thread;

use certificates::Certificates;
use faults::{
    a_registry_that_restarts, connections_that_end_early, connections_that_fall_silent, downloads_that_are_reset,
    long_ways, narrow_ways, slow_closes, uploads_that_break,
};
use project::{Build, Project};
use proxies::{
    a_limit_that_chunks_fit, a_limit_that_nothing_fits, a_pull_through_cache, a_redirect_to_storage,
    a_tunnel_with_an_account, nginx_with_an_account,
};
use serde_json::json;
use server::{Kind, Server, Setup};
use support::{DEBIAN_13, layout};
use token_service::{Life, TokenService};
use toxiproxy::{Stream, Toxiproxy};

/// The methods of requests that write.
const WRITES: [&str; 4] = ["POST", "PUT", "PATCH", "DELETE"];

/// Declares tests at a server, each of which takes long where it says so.
macro_rules! tests_at {
    ($kind:ident: $($name:ident)*; long: $($long:ident)*;) => {
        $(#[test] fn $name() { super::$name(super::Kind::$kind); })*
        $(#[test] #[ignore = "long"] fn $long() { super::$long(super::Kind::$kind); })*
    };
}

mod docker_registry {
    tests_at! {
        DockerRegistry: an_open_server an_account few_tokens a_private_authority a_client_certificate a_tunnel_with_an_account
            a_pull_through_cache two_builds_at_once;
        long: short_tokens a_redirect_to_storage a_python_application nginx_with_an_account a_limit_that_chunks_fit
            a_limit_that_nothing_fits long_ways narrow_ways slow_closes downloads_that_are_reset uploads_that_break
            connections_that_end_early connections_that_fall_silent a_registry_that_restarts;
    }
}

mod distribution {
    tests_at! {
        Distribution: ;
        long: an_open_server an_account few_tokens short_tokens a_private_authority a_client_certificate a_tunnel_with_an_account
            a_pull_through_cache two_builds_at_once a_redirect_to_storage a_python_application nginx_with_an_account a_limit_that_chunks_fit
            a_limit_that_nothing_fits long_ways narrow_ways slow_closes downloads_that_are_reset uploads_that_break
            connections_that_end_early connections_that_fall_silent a_registry_that_restarts;
    }
}

mod zot {
    tests_at! {
        Zot: ;
        long: an_open_server an_account few_tokens short_tokens a_private_authority a_client_certificate
            a_tunnel_with_an_account
            two_builds_at_once a_python_application nginx_with_an_account a_limit_that_chunks_fit
            a_limit_that_nothing_fits long_ways narrow_ways slow_closes downloads_that_are_reset uploads_that_break connections_that_end_early
            connections_that_fall_silent a_registry_that_restarts;
    }
}

/// Pushes over the base in the same registry and again; `host` is the registry's name for carboy.
fn round_trip(server: &Server, host: &str, project: &Project) -> Build {
    project.push_base(&server.name("team/base:1"));
    let build = project.build(&format!("{host}/team/base:1"), &format!("{host}/team/shop:1"));
    // zot has a blob in every repository as soon as it is asked about it.
    let without_bytes = build.pushed("mounted") + build.pushed("present");
    assert_eq!((without_bytes, build.pushed("done")), (3, 2), "{}", build.line);
    let before = server.requests(&WRITES).len();
    let again = project.build(&format!("{host}/team/base:1"), &format!("{host}/team/shop:1"));
    assert_eq!(again.line, build.line);
    let writes: Vec<_> = server.requests(&WRITES).split_off(before);
    assert_eq!(writes.iter().filter(|line| line.contains("/blobs/")).count(), 0, "{writes:?}");
    build
}

fn an_open_server(kind: Kind) {
    let (server, project) = (Server::open(kind), Project::new());
    project.pulls_again(&round_trip(&server, &server.host, &project).line);
}

/// An example with its Python, for both platforms.
fn a_python_application(kind: Kind) {
    let (server, project) = (Server::open(kind), Project::hello());
    let [base, builder] = [DEBIAN_13.base, DEBIAN_13.builder].map(|image| server.name(image));
    project.push_layout(&layout(DEBIAN_13.base), &base);
    project.push_layout(&layout(DEBIAN_13.builder), &builder);
    let project = project.env("CARBOY_BUILDER", &builder);
    let build = project.build(&base, &server.name("team/hello:1"));
    project.pulls_again(&build.line);
}

fn an_account(kind: Kind) {
    let server = Server::start(kind, &Setup { account: true, ..Setup::default() });
    let project = Project::new().logged_in(&[&server.host]);
    project.pulls_again(&round_trip(&server, &server.host, &project).line);
}

fn few_tokens(kind: Kind) {
    let tokens = TokenService::start(Life::LONG, kind.leeway());
    let server = Server::start(kind, &Setup { tokens: Some(&tokens), ..Setup::default() });
    let project = Project::new().logged_in(&[&server.host]);
    project.push_base(&server.name("team/base:1"));
    let before = tokens.requests().len();
    let build = project.build(&server.name("team/base:1"), &server.name("team/shop:1"));
    let scopes = tokens.requests().split_off(before);
    let [base, shop] = ["repository:team/base:pull", "repository:team/shop:pull,push"].map(str::to_owned);
    let one_for_mounts = vec![base.clone(), shop.clone()];
    // zot needs no mount.
    let mount = Some(one_for_mounts).filter(|_| kind != Kind::Zot);
    assert_eq!(scopes, [vec![base], vec![shop]].into_iter().chain(mount).collect::<Vec<_>>());
    project.pulls_again(&build.line);
}

/// The registry takes tokens for expired after two seconds, whatever their service promised.
fn short_tokens(kind: Kind) {
    for told in [2, 3600] {
        let tokens = TokenService::start(Life::LONG, kind.leeway());
        let server = Server::start(kind, &Setup { tokens: Some(&tokens), ..Setup::default() });
        let slow = Toxiproxy::before(&server);
        slow.add("latency", Stream::Up, &json!({ "latency": 500 }));
        let project = Project::new().logged_in(&[&server.host, &slow.host]);
        project.push_base(&server.name("team/base:1"));
        let before = tokens.requests().len();
        tokens.last(Life { told, real: 2 });
        let build = project.build(&slow.name("team/base:1"), &slow.name("team/shop:1"));
        assert!(tokens.requests().len() > before + 3, "{:?}", tokens.requests());
        tokens.last(Life::LONG);
        project.pulls_again(&build.line.replace(&slow.host, &server.host));
    }
}

fn a_private_authority(kind: Kind) {
    let certificates = Certificates::new();
    let server = Server::start(kind, &Setup { certificates: Some(&certificates), ..Setup::default() });
    let stranger = Project::new().reaching(&certificates);
    stranger.push_base(&server.name("team/base:1"));
    let text = stranger.fails(&server.name("team/base:1"), &server.name("team/shop:1"));
    assert!(text.contains("signed by an unknown authority"), "{text}");
    let project = Project::new().trusting(&certificates, "SSL_CERT_FILE");
    project.pulls_again(&round_trip(&server, &server.host, &project).line);
    let project = Project::new().trusting(&certificates, "CARBOY_CA");
    project.build(&server.name("team/base:1"), &server.name("team/shop:2"));
    let project = Project::new().reaching(&certificates).certified(&server.host, &["ca.crt"]);
    project.build(&server.name("team/base:1"), &server.name("team/shop:3"));
}

fn a_client_certificate(kind: Kind) {
    let certificates = Certificates::new();
    let setup = Setup { certificates: Some(&certificates), client_certificate: true, ..Setup::default() };
    let server = Server::start(kind, &setup);
    let project = Project::new().reaching(&certificates).certified(&server.host, &["ca.crt"]);
    project.push_base(&server.name("team/base:1"));
    let text = project.fails(&server.name("team/base:1"), &server.name("team/shop:1"));
    // zot lets strangers in, and then asks who they are. The alert of others may be lost with the connection.
    let wants = ["authentication required", "asks for a client certificate", "connection closed", "connection reset"];
    assert!(wants.iter().any(|want| text.contains(want)), "{text}");
    let project = project.certified(&server.host, &["client.cert", "client.key"]);
    project.pulls_again(&round_trip(&server, &server.host, &project).line);
}

/// Two machines that push the same image to the same tag.
fn two_builds_at_once(kind: Kind) {
    let server = Server::open(kind);
    Project::new().push_base(&server.name("team/base:1"));
    let [base, shop] = ["team/base:1", "team/shop:1"].map(|image| server.name(image));
    let lines = thread::scope(|scope| {
        let builds = [(); 2].map(|()| scope.spawn(|| Project::new().build(&base, &shop).line));
        builds.map(|build| build.join().unwrap())
    });
    assert_eq!(lines[0], lines[1]);
    Project::new().pulls_again(&lines[0]);
}
