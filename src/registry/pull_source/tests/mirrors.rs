//! Pulls through mirrors: their order, their failures, and what they are not asked for.

use super::*;

/// A client with mirrors for the repositories `acme` of a server, and its log.
fn mirrored(origin: &Server, mirrors: &[(&Server, &str, PullBy)], fallback: bool) -> (Registry, Arc<Log>) {
    let mirrors = mirrors.iter().map(|(server, path, pull_by)| Mirror {
        location: format!("{}{path}", server.address).parse().unwrap(),
        pull_by: *pull_by,
    });
    let rule = MirrorRule {
        prefix: format!("{}/acme", origin.address).parse().unwrap(),
        mirrors: mirrors.collect(),
        fallback,
        blocked: false,
        source: "`fallback = false`".to_owned(),
    };
    let mut all = Mirrors::default();
    all.add(rule);
    let log = Arc::<Log>::default();
    let network = Arc::new(Network { mirrors: all, ..Network::default() });
    let options = Options { network, delay: std::time::Duration::from_millis(1), ..Options::default() };
    (Registry::new(options, log.clone()), log)
}

fn warnings(log: &Log) -> Vec<String> {
    let text = |event| if let Event::Diagnostic(warning) = event { Some(warning.message) } else { None };
    log.events().into_iter().filter_map(text).collect()
}

#[tokio::test]
async fn a_mirror_that_fails_is_replaced_by_the_next_and_not_asked_again() {
    let origin = Server::start(|_| Reply::new(200).body("{}")).await;
    for (status, manifests, says) in [
        (404, 2, "no such image or tag: MIRROR/hub/shop:1"),
        (401, 1, "MIRROR refuses access to hub/shop: 401 Unauthorized"),
        (503, 1, "MIRROR fails on hub/shop: 503 Service Unavailable"),
    ] {
        let mirror = Server::start(move |_| Reply::new(status)).await;
        let last = Server::start(|_| Reply::new(200).body("{}")).await;
        let (registry, log) = mirrored(&origin, &[(&mirror, "/hub", PullBy::All), (&last, "", PullBy::All)], true);
        let source = registry.source(&name(&origin.address, "acme/shop")).unwrap();
        source.manifest(&tag("1")).await.unwrap();
        source.manifest(&tag("2")).await.unwrap();
        assert_eq!(mirror.lines().len(), manifests, "{status}");
        assert_eq!(last.lines(), ["GET /v2/shop/manifests/1", "GET /v2/shop/manifests/2"]);
        let (at, name) = (&mirror.address, format!("{}/acme/shop", origin.address));
        let says = says.replace("MIRROR", at);
        assert_eq!(warnings(&log), [format!("the mirror {at}/hub/shop of {name} is not used: {says}")]);
        assert!(log.retries().is_empty());
        let served = Event::Mirrored { repository: name, mirror: format!("{}/shop", last.address) };
        assert_eq!(log.events().iter().filter(|event| **event == served).count(), 1);
    }
    assert!(origin.lines().is_empty());
}

#[tokio::test]
async fn a_mirror_is_asked_for_its_kind_of_references() {
    let origin = Server::start(|_| Reply::new(200).body("{}")).await;
    let (tags, digests) =
        (Server::start(|_| Reply::new(200).body("{}")).await, Server::start(|_| Reply::new(200).body("{}")).await);
    let mirrors = [(&tags, "", PullBy::Tag), (&digests, "", PullBy::Digest)];
    let source = mirrored(&origin, &mirrors, true).0.source(&name(&origin.address, "acme/shop")).unwrap();
    source.manifest(&tag("1")).await.unwrap();
    source.manifest(&Selector::Digest(Digest::of(b"{}"))).await.unwrap();
    assert_eq!((tags.lines().len(), digests.lines().len(), origin.lines().len()), (1, 1, 0));
    let source = mirrored(&origin, &mirrors[..1], false).0.source(&name(&origin.address, "acme/shop")).unwrap();
    let digest = Digest::of(b"{}");
    let error = source.manifest(&Selector::Digest(digest)).await.unwrap_err();
    assert_eq!(error.message, format!("no mirror of {}/acme/shop is asked for {digest}", origin.address));
}

#[tokio::test]
async fn a_blob_that_breaks_at_a_mirror_goes_on_at_the_next_place() {
    let mirror = breaking(|_, _| Reply::new(503)).await;
    let origin = Server::start(|seen| ranged(seen, &content())).await;
    let (registry, log) = mirrored(&origin, &[(&mirror, "", PullBy::All)], true);
    let source = registry.source(&name(&origin.address, "acme/shop")).unwrap();
    let bytes = read(source.blob(&descriptor(&content())).await.unwrap()).await.unwrap();
    assert_eq!(bytes, content());
    assert_eq!(origin.seen()[0].header("range"), "bytes=100000-");
    assert_eq!((warnings(&log).len(), mirror.lines().len()), (1, 2));
}

#[tokio::test]
async fn wrong_bytes_of_a_mirror_name_it() {
    let (origin, mirror) = (
        Server::start(|_| Reply::new(200).body("carbob")).await,
        Server::start(|_| Reply::new(200).body("carboy")).await,
    );
    let blob = descriptor(b"carbob");
    for (fallback, code) in [(true, Code::MirrorFailed), (false, Code::CorruptContent)] {
        let (registry, log) = mirrored(&origin, &[(&mirror, "/hub", PullBy::All)], fallback);
        let source = registry.source(&name(&origin.address, "acme/shop")).unwrap();
        let error = read(source.blob(&blob).await.unwrap()).await.unwrap_err();
        let error = error.get_ref().unwrap().downcast_ref::<OperationError>().unwrap();
        assert_eq!(error.code, code);
        assert_eq!(error.message, format!("the mirror {}/hub/shop sends wrong bytes", mirror.address));
        assert_eq!(warnings(&log).len(), usize::from(fallback));
        // Where the origin may be asked, it is.
        let again = read(source.blob(&blob).await.unwrap()).await;
        assert_eq!(again.is_ok(), fallback);
    }
}

#[tokio::test]
async fn without_fallback_the_last_mirror_is_tried_again_and_named() {
    let (origin, mirror) = (Server::start(|_| Reply::new(200)).await, Server::start(|_| Reply::new(503)).await);
    let (registry, log) = mirrored(&origin, &[(&mirror, "/hub", PullBy::All)], false);
    let source = registry.source(&name(&origin.address, "acme/shop")).unwrap();
    let blob = descriptor(b"x");
    let errors = [source.manifest(&tag("1")).await.unwrap_err(), source.blob(&blob).await.err().unwrap()];
    let (at, own) = (&mirror.address, &origin.address);
    for error in errors {
        let want = format!(
            "cannot pull {own}/acme/shop from its mirror {at}/hub/shop: {at} fails on hub/shop: 503 Service Unavailable"
        );
        assert_eq!(error.line(), want);
        assert_eq!(error.hint.unwrap(), format!("{own} itself is not asked because of `fallback = false`"));
    }
    assert!(origin.lines().is_empty());
    assert_eq!(log.retries().len(), 8);
}

#[tokio::test]
async fn blobs_are_mounted_from_each_place_in_its_own_registry() {
    let (origin, mirror) = (Server::start(|_| Reply::new(200)).await, Server::start(|_| Reply::new(200)).await);
    let source = mirrored(&origin, &[(&mirror, "/hub", PullBy::All)], true)
        .0
        .source(&name(&origin.address, "acme/shop"))
        .unwrap();
    assert_eq!(source.mountable_at(&mirror.address), Some("hub/shop"));
    assert_eq!(source.mountable_at(&origin.address), Some("acme/shop"));
    assert_eq!(source.mountable_at("ghcr.io"), None);
}

#[tokio::test]
async fn each_registry_has_its_number_of_retries() {
    let server = Server::start(|_| Reply::new(503)).await;
    let mut hosts = Hosts::default();
    hosts
        .add(server.address.parse().unwrap(), ConnectionSettings { retries: Some(1), ..ConnectionSettings::default() });
    assert_eq!(hosts.settings(&Host::new(&server.address, 443)).retries, Some(1));
    let options = Options {
        network: Arc::new(Network { hosts, ..Network::default() }),
        delay: std::time::Duration::from_millis(1),
        ..Options::default()
    };
    let source = Registry::new(options, Arc::<Log>::default()).source(&name(&server.address, "a")).unwrap();
    source.manifest(&tag("1")).await.unwrap_err();
    assert_eq!(server.lines().len(), 2);
}

#[test]
fn a_blocked_registry_is_not_asked() {
    let mut mirrors = Mirrors::default();
    mirrors.add(MirrorRule {
        prefix: "docker.io".parse().unwrap(),
        mirrors: Vec::new(),
        fallback: true,
        blocked: true,
        source: "`blocked = true` for `docker.io` in `x`".to_owned(),
    });
    let options = Options { network: Arc::new(Network { mirrors, ..Network::default() }), ..Options::default() };
    let registry = Registry::new(options, Arc::<Log>::default());
    let blocked = name("docker.io", "library/python");
    for error in [registry.source(&blocked).err().unwrap(), registry.repository(&blocked).err().unwrap()] {
        assert_eq!(error.message, "docker.io/library/python is blocked on this machine");
        assert_eq!(error.hint.unwrap(), "the setting is `blocked = true` for `docker.io` in `x`");
    }
    assert!(registry.source(&name("ghcr.io", "a")).is_ok());
}
