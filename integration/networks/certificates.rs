//! Certificates: a private authority's, a client's, and none that count.

use std::fs;
use std::path::Path;

use super::{BUILD, registry_of};
use crate::support::harness::{AMD64, CC, Harness, SLIM};
use crate::support::scripted::{Reply, Scripted};
use crate::tls::{Authority, TlsServer};

/// A registry with TLS, and a project over it.
struct World {
    harness: Harness,
    authority: Authority,
    server: TlsServer,
    _plain: Scripted,
}

impl World {
    fn new(asks_clients: bool) -> Self {
        let plain = registry_of("small/base");
        let harness = Harness::alone();
        let authority = Authority::new(&harness.folder().join("authority"));
        let server = authority.serve(&plain.host, asks_clients);
        let harness = harness.named("ORIGIN", &server.host);
        Self { harness, authority, server, _plain: plain }
    }

    /// The directory of docker's or podman's certificates for the server.
    fn certificates(&self, program: &str) -> std::path::PathBuf {
        let folder = self.harness.folder().join("home/.config").join(program).join("certs.d").join(&self.server.host);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn settings(&self, text: &str) {
        let folder = self.harness.folder().join("home/.config/carboy");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("config.toml"), text).unwrap();
    }

    fn succeeds(self, flags: &[&str]) {
        let args: Vec<_> = flags.iter().copied().chain(BUILD).collect();
        self.harness.succeeds(&args);
    }
}

fn copy(from: &str, to: &Path) {
    fs::copy(from, to).unwrap();
}

#[test]
fn an_authority_of_ones_own_is_named_in_many_places() {
    let world = World::new(false);
    insta::assert_snapshot!(world.harness.fails(&BUILD), @"
    exit: 1
    -- stdout
    -- stderr
    error[transfer-failed]: the certificate of ORIGIN is not accepted: it is signed by an unknown authority

    hint: if its authority is your own, pass --ca FILE with the authority's certificate, or put it into /etc/docker/certs.d/ORIGIN/ca.crt
    ");

    let flag = format!("--ca={}", world.authority.file());
    world.succeeds(&[&flag]);

    let empty = World::new(false);
    let flag = format!("--ca={}", empty.authority.file());
    empty.harness.env("CARBOY_CA", "").succeeds(&[&[flag.as_str()], &BUILD[..]].concat());

    for variable in ["CARBOY_CA", "SSL_CERT_FILE"] {
        let World { harness, authority, server: _server, _plain } = World::new(false);
        harness.env(variable, &authority.file()).succeeds(&BUILD);
    }

    for program in ["docker", "containers"] {
        let world = World::new(false);
        copy(&world.authority.file(), &world.certificates(program).join("corp.crt"));
        world.succeeds(&[]);
    }

    for table in ["[network]".to_owned(), "[registry.'ORIGIN']".to_owned()] {
        let world = World::new(false);
        copy(&world.authority.file(), &world.harness.folder().join("ca.pem"));
        let table = world.harness.full(&table);
        world.settings(&format!("{table}\nca = '../../../ca.pem'\n"));
        world.succeeds(&[]);
    }
}

#[test]
fn any_certificate_will_do_for_an_insecure_host() {
    let world = World::new(false);
    let host = world.server.host.clone();
    world.succeeds(&["--insecure", &host]);
    let world = World::new(false);
    world.settings(&format!("[registry.'{}']\ninsecure = true\n", world.server.host));
    world.succeeds(&[]);
    // Another port is not meant.
    let world = World::new(false);
    let args: Vec<_> = ["--insecure=0.0.0.0:1"].into_iter().chain(BUILD).collect();
    assert!(world.harness.fails(&args).contains("the certificate of ORIGIN is not accepted"));
}

#[test]
fn a_client_shows_its_certificate() {
    let world = World::new(true);
    copy(&world.authority.file(), &world.certificates("docker").join("ca.crt"));
    insta::assert_snapshot!(world.harness.fails(&BUILD), @"
    exit: 1
    -- stdout
    -- stderr
    error[transfer-failed]: ORIGIN asks for a client certificate, or does not accept the one it got

    hint: put the certificate and its key into /etc/docker/certs.d/ORIGIN/client.cert and client.key
    ");

    let (certificate, key) = world.authority.issue("client", "me");
    let folder = world.certificates("docker");
    copy(certificate.to_str().unwrap(), &folder.join("client.cert"));
    let half = world.harness.fails(&BUILD);
    let path = folder.join("client").display().to_string().replace(&world.server.host, "ORIGIN");
    let path = path.replace(&world.harness.folder().display().to_string(), "DIR");
    let want = format!("the client certificate `{path}.cert` has no key: there is no `{path}.key`");
    assert!(half.contains(&want), "{half}");
    copy(key.to_str().unwrap(), &folder.join("client.key"));
    world.succeeds(&[]);

    let world = World::new(true);
    let (certificate, key) = world.authority.issue("client", "me");
    let (certificate, key) = (certificate.display(), key.display());
    world.settings(&format!(
        "[registry.'{}']\nca = '{}'\ncert = '{certificate}'\nkey = '{key}'\n",
        world.server.host,
        world.authority.file()
    ));
    world.succeeds(&[]);
}

#[test]
fn a_file_of_certificates_has_to_exist() {
    insta::assert_snapshot!(Harness::alone().refuses(&["--ca=none.pem", "--python=false", "--", "x"]), @"
    exit: 2
    -- stdout
    -- stderr
    error[unreadable-file]: cannot read `none.pem`: No such file or directory (os error 2)
    ");
}

#[test]
fn package_indexes_have_the_same_certificates() {
    let harness = Harness::warm().file("requirements.txt", "alpha==1.0\n");
    let authority = Authority::new(&harness.folder().join("authority"));
    let index = Scripted::start(|_| Reply::new(200).with("Content-Type", "text/html").body("<html></html>"));
    let server = authority.serve(&index.host, false);
    let harness = harness.named("INDEX", &server.host);
    let args = ["--index=https://INDEX/simple", "--push=false", CC, SLIM, AMD64];
    let words = ["--", "python3"];
    let refused = harness.fails(&[&args[..], &words].concat());
    assert!(refused.contains("the certificate of INDEX is not accepted"), "{refused}");
    let ca = format!("--ca={}", authority.file());
    let found = harness.fails(&[&args[..], &[&ca], &words].concat());
    assert!(found.contains("error[no-wheel]"), "{found}");
    assert_eq!(index.count("GET", "/simple/alpha/"), 1);
    let insecure = harness.fails(&[&args[..], &["--insecure=INDEX"], &words].concat());
    assert!(insecure.contains("error[no-wheel]"), "{insecure}");
}
