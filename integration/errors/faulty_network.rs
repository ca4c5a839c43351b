//! Connections that break between carboy and a real registry.

use crate::breaking_proxy::BreakingProxy;
use crate::support::harness::{AMD64, Harness, SLIM};
use crate::support::registry::Registry;

#[test]
fn connections_that_break_now_and_then_do_not_fail_a_build() {
    let (to, mut harness) = (Registry::start(), Harness::warm());
    let source = BreakingProxy::start(&harness.registry.as_ref().unwrap().host, 700_000);
    let target = BreakingProxy::start(&to.host, 500_000);
    harness.first.pop();
    let harness = harness.named("SOURCE", &source.host).named("TO", &target.host);
    let run = harness.succeeds(&["--base=SOURCE/distroless/cc", SLIM, AMD64, "--to=TO/acme/shop:1", "--", "python3"]);
    let digest = to.tag("acme/shop", "1").unwrap();
    assert_eq!(run.stdout, format!("TO/acme/shop:1@{digest}\n"), "{}", run.stderr);
    // Which connections carry enough to break differs from run to run.
    assert!(source.broken() + target.broken() > 0, "no connection broke");
    assert!(run.stderr.contains("\nretrying "), "{}", run.stderr);
}
