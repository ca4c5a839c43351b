use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::config::{ConfigError, File};
use crate::hint::Hint as _;
use crate::network::{ClientCertificate, ConnectionSettings, Mirror};

fn parse(text: &str) -> Result<MachineFile, ConfigError> {
    MachineFile::parse(text, "/etc/carboy/config.toml", Path::new("/etc/carboy"))
}

#[test]
fn every_key_is_read() {
    let file = parse(
        "[network]\nca = 'corp.pem'\nretries = 2\ntimeout = 60\nconnect-timeout = '5s'\nconnections = 4\n\
         [registry.'harbor.corp:8443']\ninsecure = true\nca = '/ca.pem'\ncert = 'c.pem'\nkey = 'k.pem'\nretries = 0\n\
         [[mirror]]\nprefix = 'docker.io'\nlocation = 'harbor.corp/hub'\n\
         [[mirror]]\nprefix = 'index.docker.io'\nlocation = 'other.corp'\nfallback = false\n\
         [[mirror]]\nprefix = '*.corp'\nlocation = 'ghcr.corp/x'\n",
    )
    .unwrap();
    let want = ConnectionSettings {
        ca: vec![PathBuf::from("/etc/carboy/corp.pem")],
        retries: Some(2),
        timeout: Some(Duration::from_mins(1)),
        connect_timeout: Some(Duration::from_secs(5)),
        connections: Some(4),
        ..ConnectionSettings::default()
    };
    assert_eq!(file.default, want);
    let [(host, settings)] = &file.hosts[..] else { panic!("{:?}", file.hosts) };
    let certificate = ClientCertificate { certificate: "/etc/carboy/c.pem".into(), key: "/etc/carboy/k.pem".into() };
    let want = ConnectionSettings {
        insecure: Some(true),
        ca: vec![PathBuf::from("/ca.pem")],
        client_certificate: Some(certificate),
        retries: Some(0),
        ..ConnectionSettings::default()
    };
    assert_eq!((host.to_string().as_str(), settings), ("harbor.corp:8443", &want));
    let rules: Vec<_> =
        file.rules.iter().map(|rule| (rule.prefix.to_string(), rule.mirrors.len(), rule.fallback)).collect();
    assert_eq!(rules, [("docker.io".to_owned(), 2, false), ("*.corp".to_owned(), 1, true)]);
    assert_eq!(file.rules[0].source, "`fallback = false` for `docker.io` in `/etc/carboy/config.toml`");
    assert!(parse("").unwrap().rules.is_empty());
}

#[test]
fn errors_name_the_line_the_key_and_the_fix() {
    for (text, says, hint) in [
        ("[[mirrors]]\n", "1: unknown key `mirrors`", "did you mean `mirror`?"),
        ("[[mirror]]\nprefx = 'x'\n", "2: unknown key `mirror.prefx`", "did you mean `prefix`?"),
        ("[registry.lan]\nretires = 1\n", "2: unknown key `registry.lan.retires`", "did you mean `retries`?"),
        ("base = 'x'\n", "1: unknown key `base`", "`base` belongs to a project: write it in carboy.toml"),
        ("retries = 1\n", "1: unknown key `retries`", "write `retries` under [network], or under [registry.\"HOST\"]"),
        (
            "[network]\ninsecure = true\n",
            "2: unknown key `network.insecure`",
            "write `insecure` under [registry.\"HOST\"]",
        ),
        ("[[mirror]]\nlocation = 'x.corp'\n", "1: `mirror.prefix` is missing", ""),
        ("[mirror]\nprefix = 'x'\n", "1: `mirror` must be a list of tables", "write it as `[[mirror]]`, once for each"),
        (
            "[[mirror]]\nprefix = 'docker.io'\nlocation = 'http://lan'\n",
            "3: `mirror.location` is not a registry, with or without the beginning of a repository's name",
            "write it without the scheme: lan, and set insecure = true for lan",
        ),
        (
            "[registry.'https://lan']\n",
            "1: `registry.\"https://lan\"` is not a host, with or without a port",
            "write it without the scheme: lan",
        ),
        (
            "[registry.lan]\ncert = 'x'\n",
            "1: `registry.lan` has `cert` without `key`",
            "a client certificate needs both: its certificates, and its private key",
        ),
        ("[network]\nretries = 101\n", "2: `network.retries` must be from 0 to 100", ""),
        ("[network]\nconnections = 0\n", "2: `network.connections` must be from 1 to 1000", ""),
        ("[network]\ntimeout = 0\n", "2: `network.timeout` cannot be 0: it must be more than 0 and at most a day", ""),
        (
            "[network]\ntimeout = '5 d'\n",
            "2: `network.timeout` has `5 d`, not a length of time",
            "write a number of seconds, or one with ms, s, m or h: \"30s\"",
        ),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!(error.to_string(), format!("/etc/carboy/config.toml:{says}"), "{text}");
        assert_eq!(error.hint().unwrap_or_default(), hint, "{text}");
    }
}

#[test]
fn a_machines_keys_in_a_project_are_sent_to_the_machines_file() {
    let hint = "this is a setting of a machine, not of a project: write it in ~/.config/carboy/config.toml, as \
                `carboy help networks` says";
    for text in [
        "[[mirror]]\nprefix = 'docker.io'\n",
        "mirrors = []\n",
        "insecure = ['lan']\n",
        "ca = 'x'\n",
        "[network]\nretries = 1\n",
        "[registry.lan]\ninsecure = true\n",
        "[profile.x]\ninsecure = true\n",
    ] {
        let error = File::parse(text, "carboy.toml").unwrap_err();
        assert!(error.to_string().contains("unknown key"), "{error}");
        assert_eq!(error.hint().as_deref(), Some(hint), "{text}");
    }
}

/// The forms that containers-registries.conf(5) describes.
#[test]
fn podmans_file_has_mirrors_places_and_blocks() {
    let text = "unqualified-search-registries = ['docker.io']\nshort-name-mode = 'enforcing'\n\
        [aliases]\n'x' = 'docker.io/library/x'\n\
        [[registry]]\nprefix = 'docker.io/library'\nlocation = 'docker.io/library'\n\
        [[registry.mirror]]\nlocation = 'harbor.corp:8443/hub/library'\ninsecure = true\n\
        [[registry.mirror]]\nlocation = 'digests.corp'\npull-from-mirror = 'digest-only'\n\
        [[registry]]\nlocation = 'lan:5000'\ninsecure = true\n\
        [[registry]]\nprefix = 'quay.io/acme'\nlocation = 'quay.corp/acme'\n\
        [[registry]]\nprefix = '*.bad.example'\nblocked = true\n\
        [[registry]]\nprefix = 'gcr.io'\nlocation = 'gcr.io'\nmirror-by-digest-only = true\n\
        [[registry.mirror]]\nlocation = 'gcr.corp'\n";
    let file = MachineFile::parse_registries_conf(text, "registries.conf").unwrap();
    let shown: Vec<_> = file
        .rules
        .iter()
        .map(|rule| {
            let mirror = |mirror: &Mirror| format!("{} {:?}", mirror.location, mirror.pull_by);
            let mirrors: Vec<_> = rule.mirrors.iter().map(mirror).collect();
            format!(
                "{}: {} {}{}",
                rule.prefix,
                mirrors.join(", "),
                rule.fallback,
                if rule.blocked { " blocked" } else { "" }
            )
        })
        .collect();
    let want = [
        "docker.io/library: harbor.corp:8443/hub/library All, digests.corp Digest true",
        "quay.io/acme: quay.corp/acme All false",
        "*.bad.example:  true blocked",
        "gcr.io: gcr.corp Digest true",
    ];
    assert_eq!(shown, want);
    let insecure: Vec<_> = file.hosts.iter().map(|(host, settings)| (host.to_string(), settings.insecure)).collect();
    assert_eq!(insecure, [("harbor.corp:8443".to_owned(), Some(true)), ("lan:5000".to_owned(), Some(true))]);
    assert_eq!(file.rules[1].source, "`location` of `quay.io/acme` in `registries.conf`");
    assert_eq!(file.rules[2].source, "`blocked = true` for `*.bad.example` in `registries.conf`");
}

#[test]
fn a_broken_file_of_podman_is_named_with_its_line() {
    for (text, want) in [
        ("[[registry]\n", "registries.conf:1: "),
        ("x = 1\n[[registry]]\ninsecure = 'yes'\n", "registries.conf:3: "),
        (
            "[[registry]]\nprefix = 'docker.io'\nlocation = 'https://x'\n",
            "registries.conf:1: `registry.location` is not",
        ),
        ("[[registry]]\nblocked = true\n", "registries.conf:1: `registry.location` is missing"),
    ] {
        let error = MachineFile::parse_registries_conf(text, "registries.conf").unwrap_err();
        assert!(error.to_string().starts_with(want), "{error}");
    }
}
