//! Processes that are killed at random moments.

use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Harness, leftovers, names};
use crate::support::registry::Registry;
use crate::support::run;

/// Even and the same in every run: the fractional parts of multiples of the golden ratio.
fn moment(number: u32, whole: Duration) -> Duration {
    whole.mul_f64((f64::from(number) * 0.618_033_988_749_895).fract() * 1.1)
}

/// The shortest duration of four builds, each of a changed application.
fn shortest(harness: &Harness, to: &str) -> Duration {
    let builds = (0..4).map(|number| {
        harness.set_version(&format!("first {number}"));
        let started = Instant::now();
        harness.build(&[to]).done();
        started.elapsed()
    });
    builds.min().unwrap()
}

/// Starts a build and kills it after a while; one that has ended by then is started again,
/// and killed sooner.
fn kill(harness: &Harness, args: &[&str], mut after: Duration) {
    loop {
        let mut build = harness.command(&["build"]);
        let mut child = build.args(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(after);
        let has_ended = child.try_wait().unwrap().is_some();
        child.kill().unwrap();
        child.wait().unwrap();
        if !has_ended {
            return;
        }
        after = after.mul_f64(0.8);
    }
}

#[test]
fn a_killed_build_leaves_nothing_and_the_next_one_is_whole() {
    kill_builds(20);
}

#[test]
#[ignore = "long"]
fn many_killed_builds_leave_nothing() {
    kill_builds(200);
}

fn kill_builds(moments: u32) {
    let harness = Harness::new(20, 100_000);
    let layout = harness.path("out");
    let to = format!("--to=oci:{}:1", layout.display());
    let whole = shortest(&harness, &to);
    let mut tag = names(&layout)["1"].clone();
    for number in 0..moments {
        harness.set_version(&format!("version {number}"));
        if number % 3 == 0 {
            std::fs::remove_dir_all(harness.cache()).unwrap(); // killed while it is filled
        }
        kill(&harness, &[&to], moment(number, whole));
        let now = names(&layout)["1"].clone();
        let ran = harness.build(&[&to]);
        assert!(!ran.stderr.contains("damaged"), "{}", ran.stderr);
        ran.done();
        let next = names(&layout)["1"].clone();
        assert!(now == tag || now == next, "kill {number} left the tag at {now}");
        if number % 10 == 0 {
            assert_eq!(next, harness.expected(), "after kill {number}");
        }
        tag = next;
        for folder in [harness.cache(), layout.clone()] {
            assert_eq!(leftovers(&folder), Vec::<std::path::PathBuf>::new(), "after kill {number}");
        }
    }
}

#[test]
fn a_killed_push_leaves_the_tag_old_or_new() {
    kill_pushes(10);
}

#[test]
#[ignore = "long"]
fn many_killed_pushes_leave_the_tag_old_or_new() {
    kill_pushes(100);
}

fn kill_pushes(moments: u32) {
    let (harness, registry) = (Harness::new(20, 100_000), Registry::start());
    let name = registry.name("shop:1");
    let to = format!("--to={name}");
    let digest = || run("crane", ["digest", "--insecure", &name]).trim().to_owned();
    let whole = shortest(&harness, &to);
    let mut tag = digest();
    for number in 0..moments {
        harness.set_version(&format!("version {number}"));
        kill(&harness, &[&to], moment(number, whole));
        let now = digest();
        if now != tag {
            // Whole: everything that it names is there.
            run("crane", ["validate", "--insecure", "--fast", "--remote", &name]);
        }
        let line = harness.build(&[&to]).done();
        let next = digest();
        assert!(line.trim().ends_with(&next));
        assert!(now == tag || now == next, "kill {number} left the tag at {now}");
        tag = next;
    }
}

/// SIGTERM and SIGINT end a build at once, and take its files away.
#[test]
fn signals_stop_a_build_and_nothing_is_left() {
    let harness = Harness::new(20, 300_000);
    let layout = harness.path("out");
    let to = format!("--to=oci:{}:1", layout.display());
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        std::fs::remove_dir_all(harness.cache()).ok();
        let child = harness.command(&["build", &to]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let limit = Instant::now() + Duration::from_mins(2);
        while leftovers(&harness.cache()).is_empty() {
            assert!(Instant::now() < limit);
            thread::sleep(Duration::from_millis(1));
        }
        run("sh", ["-c", &format!("kill -{signal} {}", child.id())]);
        let ended = child.wait_with_output().unwrap();
        assert_eq!(ended.status.code(), Some(code), "{signal}");
        assert!(ended.stdout.is_empty() && names(&layout).is_empty(), "{signal}");
        assert!(!String::from_utf8_lossy(&ended.stderr).contains("panicked"), "{signal}");
        assert_eq!(leftovers(&harness.cache()), Vec::<std::path::PathBuf>::new(), "{signal}");
    }
}
