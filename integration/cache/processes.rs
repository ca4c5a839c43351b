//! Several processes at once.

use std::process::Stdio;

use crate::harness::{Harness, leftovers, names};
use crate::support::Ran;

#[test]
fn six_builds_at_once_into_one_layout_lose_nothing() {
    let harness = Harness::new(10, 100_000);
    let layout = harness.path("out");
    let expected = harness.expected();
    let start = |number: usize| {
        let to = format!("--to=oci:{}", layout.display());
        let mut command = harness.command(&["build", &to, &format!("--tag=v{number}")]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    for round in 0..3 {
        let children: Vec<_> = (0..6).map(|number| start(round * 6 + number)).collect();
        for child in children {
            let ran = Ran::of(child.wait_with_output().unwrap());
            assert!(!ran.stderr.contains("damaged"), "{}", ran.stderr);
            assert!(ran.done().trim().ends_with(&expected));
        }
    }
    let names = names(&layout);
    assert_eq!(names.len(), 18);
    assert!(names.values().all(|digest| *digest == expected), "{names:?}");
    assert_eq!(leftovers(&layout), Vec::<std::path::PathBuf>::new());
}

/// The cache is emptied again and again while builds go on.
#[test]
fn pruning_takes_nothing_from_a_running_build() {
    let harness = Harness::new(10, 100_000);
    let expected = harness.expected();
    harness.build(&["--push=false"]).done();
    let prune = || Ran::of(harness.command(&["cache", "prune", "--keep=0"]).output().unwrap()).done();
    std::thread::scope(|scope| {
        let builds = scope.spawn(|| {
            for _ in 0..6 {
                let ran = harness.build(&["--push=false"]);
                assert!(!ran.stderr.contains("damaged"), "{}", ran.stderr);
                assert_eq!(ran.done().trim(), expected);
            }
        });
        while !builds.is_finished() {
            prune();
        }
    });
    harness.build(&["--push=false"]).done();
    let info = || Ran::of(harness.command(&["cache", "info", "--json"]).output().unwrap()).done();
    let size = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap()["size"].as_u64().unwrap();
    assert!(size(&info()) > 2_000_000, "{}", info());
    let text = prune();
    assert!(text.starts_with("deleted ") && text.ends_with("; 0 B left\n"), "{text}");
    assert_eq!(size(&info()), 0);
    assert!(harness.path("cache/CACHEDIR.TAG").exists());
}
