//! What is written where, and what happens when nobody reads it.

use std::io::Read as _;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::small_image::SmallImage;
use crate::support::harness::{AMD64, CC, Harness, SLIM};
use crate::support::scripted::Scripted;

const BUILD: [&str; 5] = [CC, SLIM, AMD64, "--", "python3"];

#[test]
fn quiet_prints_the_line_alone() {
    let harness = Harness::warm();
    let run = harness.succeeds(&["--quiet", CC, SLIM, AMD64, "--", "python3"]);
    assert_eq!(run.stderr, "");
    assert_eq!(run.stdout, format!("TARGET:1@{}\n", harness.tag().unwrap()));
    insta::assert_snapshot!(harness.fails(&["-q", "--base=REGISTRY/nothing", SLIM, AMD64, "--", "python3"]), @"
    exit: 1
    -- stdout
    -- stderr
    error[not-found]: no such image or tag: REGISTRY/nothing:latest
    ");
}

#[test]
fn no_progress_prints_the_line_alone() {
    let mut harness = Harness::warm();
    harness.first[1] = "--progress=none".to_owned();
    let run = harness.succeeds(&BUILD);
    assert_eq!(run.stderr, "");
    assert_eq!(run.stdout, format!("TARGET:1@{}\n", harness.tag().unwrap()));
}

#[test]
fn json_ends_with_the_report() {
    let mut harness = Harness::warm();
    harness.first[1] = "--progress=json".to_owned();
    let run = harness.succeeds(&BUILD);
    let objects: Vec<serde_json::Value> = run.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let report = objects.last().unwrap();
    assert_eq!(report["event"], "report");
    assert_eq!(format!("{}\n", report["reference"].as_str().unwrap()), run.stdout);
    let failed = harness.fails(&["--base=REGISTRY/nothing", SLIM, AMD64, "--", "python3"]);
    let last: serde_json::Value = serde_json::from_str(failed.lines().last().unwrap()).unwrap();
    assert_eq!(last["event"], "error");
    assert_eq!(last["message"], "no such image or tag: REGISTRY/nothing:latest");
}

/// Wrong usage of a program that speaks JSON is an object, too.
#[test]
fn json_tells_wrong_configurations() {
    let mut harness = Harness::alone().file("carboy.toml", "[image]\nusr = \"1000\"\n");
    harness.first[1] = "--progress=json".to_owned();
    insta::assert_snapshot!(harness.refuses(&[]), @r#"
    exit: 2
    -- stdout
    -- stderr
    {"causes":[],"code":"invalid-configuration","event":"error","hint":"did you mean `user`?","message":"carboy.toml:2: unknown key `image.usr`","subject":{"distribution":null,"file":"carboy.toml","image":null,"platform":null}}
    "#);
}

#[test]
fn a_closed_stdout_is_no_failure() {
    let harness = Harness::warm();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = harness.command(&BUILD).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    let run = harness.ended(&output);
    assert_eq!(run.code, Some(0), "{}", run.text());
    assert!(harness.tag().is_some());
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
}

#[test]
fn a_full_stdout_is_a_failure() {
    let harness = Harness::warm();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = harness.command(&BUILD).stdout(full).stderr(Stdio::piped()).output().unwrap();
    let run = harness.ended(&output);
    assert_eq!(run.code, Some(1), "{}", run.text());
    assert!(run.stderr.contains("its answer cannot be written to stdout: No space left on device"), "{}", run.stderr);
}

#[test]
fn a_closed_stderr_is_no_failure() {
    let mut harness = Harness::warm();
    for progress in ["--progress=plain", "--progress=json", "--progress=auto"] {
        harness.first[1] = progress.to_owned();
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = harness.command(&BUILD).stdout(Stdio::piped()).stderr(writer).output().unwrap();
        let run = harness.ended(&output);
        assert_eq!(run.code, Some(0), "{progress}");
        assert_eq!(run.stdout, format!("TARGET:1@{}\n", harness.tag().unwrap()));
    }
}

#[test]
fn nothing_open_at_all_is_no_failure() {
    let harness = Harness::warm();
    let built = harness.command(&BUILD);
    let args: Vec<_> = built.get_args().collect();
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$0\" \"$@\" <&- >&- 2>&-", env!("CARGO_BIN_EXE_carboy")]).args(args);
    shell.current_dir(harness.project()).env("CARBOY_CACHE_DIR", harness.cache());
    assert_eq!(shell.status().unwrap().code(), Some(0));
    assert!(harness.tag().is_some());
}

/// Stopped in the middle of a layer, of which no more comes: a program that waited for it
/// would not end by the signal.
#[test]
fn ctrl_c_ends_a_transfer_and_leaves_a_sound_cache() {
    let (image, stalls) = (SmallImage::new(), Arc::new(AtomicBool::new(true)));
    let stalling = stalls.clone();
    let server = Scripted::start(move |request| {
        let reply = image.answer(request);
        let stall = stalling.load(Ordering::Relaxed) && request.is("GET", &image.layer);
        if stall { reply.silence() } else { reply }
    });
    let harness = Harness::new().named("SCRIPTED", &server.host);
    let build = ["--python=false", "--base=SCRIPTED/small/base:1", AMD64, "--", "/bin/tool"];
    let (code, run) = interrupted(&harness, &build, || server.count("GET", "/blobs/") == 2);
    assert_eq!(code, Some(130), "{run}");
    assert_eq!(run, "");
    assert_eq!(harness.tag(), None);
    stalls.store(false, Ordering::Relaxed);
    harness.recovers(&build);
}

/// Stopped while layers are packed and pushed, wherever that is.
#[test]
fn ctrl_c_while_packing() {
    let harness = Harness::new();
    let cache = harness.cache();
    let packs = || {
        let files = |run: std::fs::DirEntry| std::fs::read_dir(run.path()).map_or(0, Iterator::count);
        // One is the run's lock.
        std::fs::read_dir(cache.join("runs")).is_ok_and(|runs| runs.flatten().any(|run| files(run) > 1))
            && cache.join("tars").exists()
    };
    let (code, run) = interrupted(&harness, &BUILD, packs);
    assert_eq!(code, Some(130), "{run}");
    assert_eq!(harness.tag(), None);
    harness.recovers(&BUILD);
}

/// Starts, waits until it is time, interrupts; the exit code, and both outputs
/// without the lines about work that was done.
fn interrupted(harness: &Harness, args: &[&str], time: impl Fn() -> bool) -> (Option<i32>, String) {
    let mut child = harness.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let limit = Instant::now() + Duration::from_mins(2);
    while !time() {
        if Instant::now() >= limit || child.try_wait().unwrap().is_some() {
            child.kill().ok();
            let output = child.wait_with_output().unwrap();
            panic!("it never was time: {}\n{}", output.status, harness.ended(&output).stderr);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let kill = Command::new("sh").args(["-c", "kill -INT \"$0\"", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    child.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
    child.stderr.take().unwrap().read_to_end(&mut stderr).unwrap();
    let status = child.wait().unwrap();
    let run = harness.ended(&Output { status, stdout, stderr });
    assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
    let left: Vec<_> = run.stderr.lines().filter(|line| !line.starts_with("pulled ")).map(str::to_owned).collect();
    (run.code, run.stdout + &left.join("\n"))
}
