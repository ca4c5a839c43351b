//! Networks that are slow, break or fall silent: toxiproxy between carboy and a registry.

use serde_json::{Value, json};

use crate::certificates::Certificates;
use crate::project::{Build, Project};
use crate::server::{Kind, Server, Setup};
use crate::toxiproxy::{Stream, Toxiproxy};

/// A registry that has the base, the way to it, and a project.
struct Way {
    server: Server,
    toxiproxy: Toxiproxy,
    project: Project,
}

impl Way {
    fn to(kind: Kind) -> Self {
        Self::over(Server::open(kind), Project::new())
    }

    /// Over TLS, where several requests share one connection of HTTP/2.
    fn with_tls(kind: Kind) -> Self {
        let certificates = Certificates::new();
        let server = Server::start(kind, &Setup { certificates: Some(&certificates), ..Setup::default() });
        Self::over(server, Project::new().trusting(&certificates, "SSL_CERT_FILE"))
    }

    fn over(server: Server, project: Project) -> Self {
        project.push_base(&server.name("team/base:1"));
        let toxiproxy = Toxiproxy::before(&server);
        Self { server, toxiproxy, project }
    }

    fn with(self, kind: &str, stream: Stream, attributes: &Value) -> Self {
        self.toxiproxy.add(kind, stream, attributes);
        self
    }

    fn build(&self) -> Build {
        self.watched(|_| ())
    }

    fn watched(&self, watch: impl FnMut(&Value)) -> Build {
        let [base, shop] = ["team/base:1", "team/shop:1"].map(|image| self.toxiproxy.name(image));
        let build = self.project.watched(&base, &shop, watch);
        self.project.pulls_again(&build.line.replace(&self.toxiproxy.host, &self.server.host));
        build
    }

    /// A build with a fault of all connections that begins with an event of a blob, and ends when
    /// carboy tries again.
    fn broken(&self, begin: (&str, &str), fault: impl Fn(&Toxiproxy), mend: impl Fn(&Toxiproxy)) {
        let (mut is_broken, mut is_mended) = (false, false);
        self.watched(|event| {
            if !is_broken && event["verb"] == begin.0 && event["event"] == begin.1 {
                fault(&self.toxiproxy);
                is_broken = true;
            } else if is_broken && !is_mended && event["event"] == "retrying" {
                mend(&self.toxiproxy);
                is_mended = true;
            }
        });
        assert!(is_mended, "nothing was tried again");
    }

    /// The same with a toxic.
    fn poisoned(&self, begin: (&str, &str), kind: &str, stream: Stream, attributes: &Value) {
        self.broken(begin, |proxy| proxy.add(kind, stream, attributes), |proxy| proxy.remove(kind, stream));
    }
}

/// 200 KB a second in both directions.
fn narrow(way: Way) -> Way {
    let rate = json!({ "rate": 200 });
    way.with("bandwidth", Stream::Up, &rate).with("bandwidth", Stream::Down, &rate)
}

pub fn long_ways(kind: Kind) {
    let latency = json!({ "latency": 200, "jitter": 50 });
    let way = Way::to(kind).with("latency", Stream::Up, &latency).with("latency", Stream::Down, &latency);
    assert_eq!(way.build().retries(), Vec::<String>::new());
}

pub fn narrow_ways(kind: Kind) {
    assert_eq!(narrow(Way::to(kind)).build().retries(), Vec::<String>::new());
}

pub fn slow_closes(kind: Kind) {
    let way = Way::to(kind).with("slow_close", Stream::Down, &json!({ "delay": 3000 }));
    assert_eq!(way.build().retries(), Vec::<String>::new());
}

pub fn downloads_that_are_reset(kind: Kind) {
    for way in [Way::to(kind), Way::with_tls(kind)] {
        narrow(way).poisoned(("pull", "advanced"), "reset_peer", Stream::Down, &json!({ "timeout": 0 }));
    }
}

pub fn uploads_that_break(kind: Kind) {
    for way in [Way::to(kind), Way::with_tls(kind)] {
        narrow(way).poisoned(("push", "started"), "limit_data", Stream::Up, &json!({ "bytes": 300_000 }));
    }
}

/// Each connection ends after 300 kB, less than any of the layers.
pub fn connections_that_end_early(kind: Kind) {
    let build = Way::to(kind).with("limit_data", Stream::Down, &json!({ "bytes": 300_000 })).build();
    assert!(build.retries().iter().any(|retry| retry.contains("blob")), "{:?}", build.retries());
}

/// Nothing arrives any more, and nobody closes the connection.
pub fn connections_that_fall_silent(kind: Kind) {
    narrow(Way::to(kind)).poisoned(("pull", "advanced"), "timeout", Stream::Down, &json!({ "timeout": 0 }));
}

/// The registry restarts: connections end, and others are refused for a moment.
pub fn a_registry_that_restarts(kind: Kind) {
    for verb in ["pull", "push"] {
        narrow(Way::to(kind)).broken((verb, "started"), |proxy| proxy.enable(false), |proxy| proxy.enable(true));
    }
}
